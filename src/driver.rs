//! The only signalling loop: inputs from sockets, media workers and screen sessions go into the pure [`Gateway`], what
//! comes out goes to them and to the store. It decides nothing and waits for nobody.
#![allow(clippy::disallowed_methods)] // a shell: it reads the clock for the machine

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Sleep, sleep_until};

use crate::gateway::{Census, Gateway, Input, Output};
use crate::media::{LegStats, MediaCommand, MediaEvent, MediaHandle};
use crate::memory::{self, Tide};
use crate::net::sip::{NetCounters, NetEvent, SipSockets};
use crate::sip::endpoint;
use crate::store::{StoreHandle, StoreStats};
use crate::sync::contract::{FrameCounters, ScreenCommand, ScreenEvent};

/// Messages taken from the sockets in one turn, so that timers and media are not starved by a flood.
const BATCH: usize = 64;

/// When nothing is due the loop still turns this often, to feed the watchdog.
const IDLE_TURN: Duration = Duration::from_secs(5);

/// Timers that fall due within this time are handled in one turn. Each ended call leaves several behind (RFC 3261 §17:
/// they absorb retransmissions for up to 32 s), and waking for one costs more than handling it.
const TIMER_GRAIN: Duration = Duration::from_millis(10);

/// What the application tells the loop.
#[derive(Debug)]
pub enum Command {
    /// Take no more calls.
    Drain,
    /// End every call now and take no more.
    HangUpAll,
    /// Use this configuration where that is possible in mid-flight.
    Reconfigure(std::sync::Arc<crate::config::Config>, oneshot::Sender<Vec<&'static str>>),
    /// Say how things stand.
    Status(oneshot::Sender<Status>),
    /// Leave the loop.
    Stop,
}

/// How things stand.
#[derive(Clone, Debug)]
pub struct Status {
    /// What is alive.
    pub census: Census,
    /// What SIP counted.
    pub sip: endpoint::Counters,
    /// What the sockets counted.
    pub net: NetCounters,
    /// Media legs whose sockets are open.
    pub media_legs: usize,
    /// Callers who hear a prompt.
    pub media_listeners: usize,
    /// Screen messages that no live call claimed.
    pub uncorrelated: u64,
    /// Inputs that made the machine panic; each is logged.
    pub panics: u64,
    /// The store's account.
    pub store: StoreStats,
}

/// The ways in and out of the loop.
pub struct Wiring {
    /// The SIP sockets.
    pub sockets: SipSockets,
    /// What they tell.
    pub net: mpsc::Receiver<NetEvent>,
    /// The media workers.
    pub media: MediaHandle,
    /// What they tell.
    pub media_events: mpsc::Receiver<MediaEvent>,
    /// The screen sessions.
    pub screen: mpsc::Sender<ScreenCommand>,
    /// What they tell.
    pub screen_events: mpsc::Receiver<ScreenEvent>,
    /// The store.
    pub store: StoreHandle,
    /// What the application wants.
    pub commands: mpsc::Receiver<Command>,
}

/// The loop.
pub struct Driver {
    gateway: Gateway,
    wiring: Wiring,
    /// Answers that a full queue forced us to give ourselves.
    refused: Vec<Input>,
    panics: u64,
    watchdog_fed: Instant,
    tide: Tide,
}

impl Driver {
    /// A loop that owns `gateway`.
    pub fn new(gateway: Gateway, wiring: Wiring) -> Driver {
        Driver { gateway, wiring, refused: Vec::new(), panics: 0, watchdog_fed: now(), tide: Tide::new(now()) }
    }

    /// Runs until [`Command::Stop`], or until everybody who could command has gone.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        let timer = sleep_until((now() + IDLE_TURN).into());
        tokio::pin!(timer);
        loop {
            self.flush();
            self.arm(timer.as_mut());
            tokio::select! {
                biased;
                command = self.wiring.commands.recv() => {
                    if !self.command(command.unwrap_or(Command::Stop)) {
                        self.flush();
                        return;
                    }
                }
                () = timer.as_mut() => {
                    let now = now();
                    self.guarded(|gateway| gateway.handle_timeout(now));
                    self.feed_watchdog(now);
                    self.give_memory_back(now);
                }
                Some(event) = self.wiring.media_events.recv() => self.input(Input::Media(event)),
                Some(event) = self.wiring.screen_events.recv() => self.input(Input::Screen(event)),
                taken = self.wiring.net.recv_many(&mut batch, BATCH) => {
                    if taken == 0 {
                        return; // the sockets are gone
                    }
                    for event in batch.drain(..) {
                        self.input(net_input(event));
                        self.flush();
                    }
                }
            }
        }
    }

    fn arm(&mut self, mut timer: std::pin::Pin<&mut Sleep>) {
        let now = now();
        let due = self.gateway.poll_timeout().unwrap_or(now + IDLE_TURN).clamp(now + TIMER_GRAIN, now + IDLE_TURN);
        // An idle turn need not be exact, so the timer is moved only when something is due earlier or it has fired.
        if timer.is_elapsed() || tokio::time::Instant::from_std(due) < timer.deadline() {
            timer.as_mut().reset(due.into());
        }
    }

    /// Tells systemd that the loop turns (`WatchdogSec`), once a second at most. Without systemd it does nothing.
    fn feed_watchdog(&mut self, now: Instant) {
        if now.duration_since(self.watchdog_fed) >= Duration::from_secs(1) {
            self.watchdog_fed = now;
            // Nobody could act on a failure here; systemd will, if it goes on.
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
        }
    }

    fn give_memory_back(&mut self, now: Instant) {
        if !self.tide.wants_a_look(now) {
            return;
        }
        let census = self.gateway.census();
        if self.tide.has_ebbed(census.legs + census.transactions, now) {
            memory::give_back();
        }
    }

    fn input(&mut self, input: Input) {
        let now = now();
        self.guarded(|gateway| gateway.handle_input(input, now));
    }

    /// One panic ends one input, not the gateway.
    fn guarded(&mut self, turn: impl FnOnce(&mut Gateway)) {
        let gateway = &mut self.gateway;
        if catch_unwind(AssertUnwindSafe(|| turn(gateway))).is_err() {
            self.panics += 1;
            tracing::error!(panics = self.panics, "an input made the signalling machine panic; it was dropped");
        }
    }

    fn flush(&mut self) {
        loop {
            while let Some(output) = self.gateway.poll_output() {
                self.carry_out(output);
            }
            let Some(input) = self.refused.pop() else { return };
            self.input(input);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Sip(flow, bytes) => self.wiring.sockets.send(flow, bytes),
            Output::Media(command) => {
                if let Err(error) = self.wiring.media.send(command.clone()) {
                    tracing::error!(%error, "a media worker took no order");
                    self.refused.extend(refused_media(&command, &error.to_string()));
                }
            }
            Output::Screen(command) => {
                if let Err(error) = self.wiring.screen.try_send(command) {
                    let command = error.into_inner();
                    tracing::error!("the screen shell took no order");
                    self.refused.extend(refused_screen(&command));
                }
            }
            Output::Record(record) => self.wiring.store.record(*record),
        }
    }

    /// False when the loop must end.
    fn command(&mut self, command: Command) -> bool {
        match command {
            Command::Drain => self.input(Input::Drain),
            Command::HangUpAll => self.input(Input::HangUpAll),
            Command::Reconfigure(config, reply) => {
                // Whoever asked may have gone meanwhile, here and below.
                let _ = reply.send(self.gateway.reconfigure(config));
            }
            Command::Status(reply) => {
                let _ = reply.send(self.status());
            }
            Command::Stop => return false,
        }
        true
    }

    fn status(&self) -> Status {
        Status {
            census: self.gateway.census(),
            sip: self.gateway.sip_counters().clone(),
            net: self.wiring.sockets.counters(),
            media_legs: self.wiring.media.open_legs(),
            media_listeners: self.wiring.media.listeners(),
            uncorrelated: self.gateway.uncorrelated(),
            panics: self.panics,
            store: self.wiring.store.stats(),
        }
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn net_input(event: NetEvent) -> Input {
    match event {
        NetEvent::Received { flow, bytes } => Input::Sip(flow, bytes),
        NetEvent::Closed { flow } => Input::Closed(flow),
        NetEvent::Failed { flow } => Input::Undeliverable(flow),
    }
}

/// What a worker would have said had it taken the order: an order that is lost must not leave a call waiting.
fn refused_media(command: &MediaCommand, reason: &str) -> Option<Input> {
    match command {
        MediaCommand::Open { leg, .. } => {
            Some(Input::Media(MediaEvent::OpenFailed { leg: *leg, reason: reason.to_owned() }))
        }
        MediaCommand::Close { leg } => Some(Input::Media(MediaEvent::Closed { leg: *leg, stats: LegStats::default() })),
        MediaCommand::Remote { .. }
        | MediaCommand::Bridge { .. }
        | MediaCommand::Unbridge { .. }
        | MediaCommand::Play { .. }
        | MediaCommand::StopPlay { .. } => None,
    }
}

/// Likewise for the screen shell.
fn refused_screen(command: &ScreenCommand) -> Option<Input> {
    match command {
        ScreenCommand::Close { call } => {
            Some(Input::Screen(ScreenEvent::Closed { call: *call, counters: FrameCounters::default() }))
        }
        ScreenCommand::SipMessage { call, ticket, .. } => {
            Some(Input::Screen(ScreenEvent::Verdict { call: *call, ticket: *ticket, status: 503 }))
        }
        _ => None,
    }
}
