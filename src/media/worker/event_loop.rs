//! One worker thread: wait, take one packet from every socket that has some, carry out orders, play, report.
//!
//! `epoll` is level-triggered: a socket with more packets is simply reported again, after all the others have had
//! their turn, so there is no drain loop, no list of half-read sockets, and no read that only finds `EAGAIN`. Sockets
//! are registered once when a leg opens and never modified. Closing them removes them.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::event::epoll;
use rustix::fd::OwnedFd;

use super::Shared;
use super::outbox::Outbox;
use super::player::{Players, Request};
use super::sockets::LegSockets;
use crate::media::contract::{LegStats, MediaCommand, MediaEvent, MediaLegId};
use crate::media::music::Prompt;
use crate::media::relay::{Action, Flow, LegKey, MAX_PACKET, Relay};
use crate::media::rtp::Stream;

/// Readiness reports taken in one turn, so orders and music wait for at most this many packets.
const EVENTS_PER_TURN: usize = 256;
/// Orders carried out in one turn, so packets wait for at most this many.
const ORDERS_PER_TURN: usize = 64;
/// How often silent legs are looked for, and events offered again that were refused.
const WATCH_EVERY: Duration = Duration::from_millis(250);
const WAKE: u64 = u64::MAX;

pub(super) struct Worker {
    address: IpAddr,
    prompts: Arc<[Prompt]>,
    inbox: Receiver<MediaCommand>,
    outbox: Outbox,
    shared: Arc<Shared>,
    epoll: OwnedFd,
    relay: Relay,
    sockets: Vec<Option<LegSockets>>,
    players: Players,
    watch_at: Option<Instant>,
    orders_left: bool,
    rng: StdRng,
    buffer: Box<[u8]>,
}

impl Worker {
    pub(super) fn new(
        address: IpAddr,
        dead_after: Duration,
        prompts: Arc<[Prompt]>,
        inbox: Receiver<MediaCommand>,
        outbox: Outbox,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &shared.wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        Ok(Self {
            address,
            prompts,
            inbox,
            outbox,
            shared,
            epoll,
            relay: Relay::new(dead_after),
            sockets: Vec::new(),
            players: Players::default(),
            watch_at: None,
            orders_left: false,
            rng: StdRng::try_from_rng(&mut rand::rngs::SysRng).map_err(io::Error::other)?,
            // One octet more than a packet may have tells one that is too long.
            buffer: vec![0; MAX_PACKET + 1].into(),
        })
    }

    pub(super) fn run(mut self) {
        let mut events = Vec::with_capacity(EVENTS_PER_TURN);
        while !self.shared.stop.load(Ordering::Acquire) {
            self.wait(&mut events);
            let now = Instant::now();
            for event in events.drain(..) {
                self.ready(event.data.u64(), now);
            }
            // Only between turns, so that no readiness report outlives the leg that it is about.
            self.obey(now);
            self.play(now);
            self.watch(now);
        }
        let open: Vec<_> = self.relay.ids().collect();
        open.into_iter().for_each(|leg| self.close(leg));
    }

    fn wait(&self, events: &mut Vec<epoll::Event>) {
        let deadline = [self.players.deadline(), self.watch_at].into_iter().flatten().min();
        let timeout = match deadline {
            _ if self.orders_left => Some(Duration::ZERO),
            deadline => deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())),
        };
        let timeout = timeout.map(|timeout| rustix::event::Timespec {
            tv_sec: timeout.as_secs() as i64,
            tv_nsec: i64::from(timeout.subsec_nanos()),
        });
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => tracing::error!(%error, "epoll_wait"),
        }
    }

    fn ready(&mut self, token: u64, now: Instant) {
        if token == WAKE {
            // Reset before the inbox is read: an order that comes in between wakes us again.
            let _ = rustix::io::read(&self.shared.wake, &mut [0; 8]);
            return;
        }
        let (key, flow) = (LegKey((token >> 1) as usize), if token & 1 == 0 { Flow::Rtp } else { Flow::Rtcp });
        let Some(Some(sockets)) = self.sockets.get(key.0) else { return };
        let Ok((len, source)) = sockets.flow(flow).recv_from(&mut self.buffer) else { return };
        let received = self.relay.receive(key, flow, &self.buffer[..len], source, now);
        if let Action::Forward { to, flow, address } = received.action
            && let Some(Some(sockets)) = self.sockets.get(to.0)
        {
            self.relay.splice(key, to, &mut self.buffer[..len], now);
            if sockets.flow(flow).send_to(&self.buffer[..len], address).is_ok() {
                self.relay.sent(to, flow, len);
            }
        }
        if received.first {
            self.outbox.push(MediaEvent::FirstPacket { leg: self.relay.id(key) });
        }
    }

    fn obey(&mut self, now: Instant) {
        for _ in 0..ORDERS_PER_TURN {
            let Ok(order) = self.inbox.try_recv() else {
                self.orders_left = false;
                return;
            };
            self.carry_out(order, now);
        }
        self.orders_left = true;
    }

    fn carry_out(&mut self, order: MediaCommand, now: Instant) {
        tracing::debug!(?order, "media order");
        match order {
            MediaCommand::Open { leg, port } => self.open(leg, port, now),
            MediaCommand::Remote { leg, rtp, rtcp } => {
                self.with(leg, |worker, key| worker.relay.remote(key, rtp, rtcp, now));
            }
            MediaCommand::Bridge { a, b } => self.with(a, |worker, a| worker.with(b, |worker, b| worker.bridge(a, b))),
            MediaCommand::Unbridge { a, b } => {
                self.with(a, |worker, a| worker.with(b, |worker, b| worker.relay.unbridge(a, b)));
            }
            MediaCommand::Play { leg, prompt, codec, payload_type } => {
                let request = Request { prompt, codec, payload_type };
                self.with(leg, |worker, key| worker.start_playing(key, request, now));
            }
            MediaCommand::StopPlay { leg } => self.with(leg, Self::stop_playing),
            MediaCommand::Close { leg } => self.close(leg),
        }
    }

    /// Orders about a leg that failed to open, or is closed already, are void: its end has been reported.
    fn with(&mut self, leg: MediaLegId, then: impl FnOnce(&mut Self, LegKey)) {
        match self.relay.key(leg) {
            Some(key) => then(self, key),
            None => tracing::debug!(?leg, "no such media leg"),
        }
    }

    fn open(&mut self, leg: MediaLegId, port: u16, now: Instant) {
        self.watch_at.get_or_insert(now + WATCH_EVERY);
        if let Err(error) = self.try_open(leg, port, now) {
            self.outbox.push(MediaEvent::OpenFailed { leg, reason: error.to_string() });
        }
    }

    fn try_open(&mut self, leg: MediaLegId, port: u16, now: Instant) -> io::Result<()> {
        if self.relay.key(leg).is_some() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the leg is open already"));
        }
        let sockets = LegSockets::bind(self.address, port)?;
        let Some(key) = self.relay.open(leg, now) else { return Ok(()) };
        for (flow, socket) in [&sockets.rtp, &sockets.rtcp].into_iter().enumerate() {
            let token = epoll::EventData::new_u64((key.0 as u64) << 1 | flow as u64);
            if let Err(error) = epoll::add(&self.epoll, socket, token, epoll::EventFlags::IN) {
                self.relay.close(leg);
                return Err(error.into());
            }
        }
        self.sockets.resize_with(self.sockets.len().max(key.0 + 1), || None);
        self.sockets[key.0] = Some(sockets);
        self.shared.open_legs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn close(&mut self, leg: MediaLegId) {
        let Some(key) = self.relay.key(leg) else { return };
        self.stop_playing(key);
        let stats = self.relay.close(leg).map_or_else(LegStats::default, |(_, stats)| stats);
        self.sockets[key.0] = None;
        self.shared.open_legs.fetch_sub(1, Ordering::Relaxed);
        self.outbox.push(MediaEvent::Closed { leg, stats });
    }

    fn bridge(&mut self, a: LegKey, b: LegKey) {
        self.stop_playing(a);
        self.stop_playing(b);
        self.relay.bridge(a, b);
    }

    fn start_playing(&mut self, key: LegKey, request: Request, now: Instant) {
        let prompt = self.prompts.iter().find(|prompt| prompt.id() == request.prompt);
        match prompt {
            Some(prompt) if !self.relay.is_bridged(key) => {
                let frames = Arc::clone(prompt.frames(request.codec));
                let (ssrc, sequence, timestamp) = self.rng.random();
                self.players.start(key, request, frames, Stream::new(ssrc, sequence, timestamp), now);
                self.shared.listeners.store(self.players.len(), Ordering::Relaxed);
            }
            Some(_) => tracing::warn!(leg = ?self.relay.id(key), "a bridged leg is not played to"),
            None => tracing::warn!(prompt = ?request.prompt, "no such prompt"),
        }
    }

    fn stop_playing(&mut self, key: LegKey) {
        self.players.stop(key);
        self.shared.listeners.store(self.players.len(), Ordering::Relaxed);
    }

    fn play(&mut self, now: Instant) {
        let Self { players, relay, sockets, .. } = self;
        players.play(now, |key, packet| {
            if let Some(address) = relay.destination(key)
                && let Some(Some(sockets)) = sockets.get(key.0)
            {
                relay.splice_own(key, packet, now);
                if sockets.rtp.send_to(packet, address).is_ok() {
                    relay.sent(key, Flow::Rtp, packet.len());
                }
            }
        });
    }

    fn watch(&mut self, now: Instant) {
        if self.watch_at.is_none_or(|at| now < at) {
            return;
        }
        let Self { relay, outbox, .. } = self;
        outbox.flush();
        relay.watch(now, |leg| outbox.push(MediaEvent::Dead { leg }));
        let idle = relay.is_empty() && !outbox.is_behind();
        self.watch_at = if idle { None } else { Some(now + WATCH_EVERY) };
    }
}
