//! The gateway on a stage: what goes in is written by hand, what comes out is read line by line.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::call::CallRecord;
use crate::config::Config;
use crate::gateway::{Census, Gateway, Input, Output, WallClock};
use crate::media::{LegStats, MediaCommand, MediaEvent, MediaLegId};
use crate::sip::{Flow, Transport};
use crate::sync::contract::{FrameCounters, ScreenCommand, ScreenEvent};

/// When every script starts.
pub const UNIX: Duration = Duration::from_secs(1_800_000_000);

pub struct Stage {
    pub gateway: Gateway,
    pub now: Instant,
    pub sip: VecDeque<(Flow, String)>,
    pub media: Vec<MediaCommand>,
    pub screen: Vec<ScreenCommand>,
    pub records: Vec<CallRecord>,
    /// The workers and screens report the end of what is closed at once, unless a script wants to see it.
    pub is_prompt: bool,
}

impl Stage {
    /// The shipped configuration, changed by `change`.
    pub fn with(change: impl FnOnce(&mut Config)) -> Stage {
        let mut config = Config::shipped().unwrap();
        change(&mut config);
        let now = Instant::now();
        Stage {
            gateway: Gateway::new(Arc::new(config), [7; 32], WallClock::new(now, UNIX), now),
            now,
            sip: VecDeque::new(),
            media: Vec::new(),
            screen: Vec::new(),
            records: Vec::new(),
            is_prompt: true,
        }
    }

    pub fn new() -> Stage {
        Stage::with(|_| ())
    }

    pub fn input(&mut self, input: Input) {
        self.gateway.handle_input(input, self.now);
        self.drain();
    }

    pub fn send(&mut self, flow: Flow, text: impl Into<String>) {
        self.input(Input::Sip(flow, Bytes::from(text.into())));
    }

    fn drain(&mut self) {
        while let Some(output) = self.gateway.poll_output() {
            match output {
                Output::Sip(flow, bytes) => {
                    self.sip.push_back((flow, String::from_utf8(bytes.to_vec()).unwrap()));
                }
                Output::Media(command) => self.media_command(command),
                Output::Screen(command) => self.screen_command(command),
                Output::Record(record) => self.records.push(*record),
            }
        }
    }

    fn media_command(&mut self, command: MediaCommand) {
        let closed = match command {
            MediaCommand::Close { leg } if self.is_prompt => Some(leg),
            _ => None,
        };
        self.media.push(command);
        if let Some(leg) = closed {
            self.close_media(leg);
        }
    }

    /// The workers report that a leg is closed.
    pub fn close_media(&mut self, leg: MediaLegId) {
        let stats = LegStats { packets_in: 11, packets_out: 22, ..LegStats::default() };
        self.gateway.handle_input(Input::Media(MediaEvent::Closed { leg, stats }), self.now);
    }

    fn screen_command(&mut self, command: ScreenCommand) {
        let closed = match command {
            ScreenCommand::Close { call } if self.is_prompt => Some(call),
            _ => None,
        };
        self.screen.push(command);
        if let Some(call) = closed {
            let counters = FrameCounters { frames_to_seat: 3, frames_to_phone: 4, refused: 1, ..Default::default() };
            self.gateway.handle_input(Input::Screen(ScreenEvent::Closed { call, counters }), self.now);
        }
    }

    /// Lets time pass, deadline by deadline.
    pub fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.gateway.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.gateway.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    pub fn seconds(&mut self, seconds: u64) {
        self.wait(Duration::from_secs(seconds));
    }

    /// The next message, which goes this way and starts so.
    #[track_caller]
    pub fn expect(&mut self, flow: Flow, start: &str) -> String {
        let Some((to, text)) = self.sip.pop_front() else { panic!("nothing was sent, expected {start}") };
        assert!(text.starts_with(start), "expected {start}, got to {}:\n{text}", to.remote);
        assert_eq!(to, flow, "{text}");
        text
    }

    /// The next message on this flow that starts so; others of other flows stay.
    #[track_caller]
    pub fn find(&mut self, flow: Flow, start: &str) -> String {
        let index = self.sip.iter().position(|(to, text)| *to == flow && text.starts_with(start));
        let Some(index) = index else {
            let sent: Vec<_> = self.sip.iter().map(|(to, text)| format!("{} {}", to.remote, line(text, 0))).collect();
            panic!("no {start} to {} among {sent:#?}", flow.remote)
        };
        self.sip.remove(index).unwrap().1
    }

    #[track_caller]
    pub fn silent(&self) {
        let sent: Vec<_> = self.sip.iter().map(|(to, text)| format!("{} {}", to.remote, line(text, 0))).collect();
        assert!(sent.is_empty(), "{sent:#?}");
    }

    /// Whether anything was sent to a flow.
    pub fn reached(&self, flow: Flow) -> bool {
        self.sip.iter().any(|(to, _)| *to == flow)
    }

    /// The names of the media orders so far.
    pub fn orders(&self) -> Vec<&'static str> {
        self.media.iter().map(order_name).collect()
    }

    /// The only record, and nothing left alive once the transactions have lingered.
    #[track_caller]
    pub fn only_record(&mut self) -> CallRecord {
        self.seconds(70);
        assert_eq!(self.gateway.census(), Census::default());
        assert_eq!(self.records.len(), 1, "{:#?}", self.records);
        self.records.remove(0)
    }
}

fn order_name(command: &MediaCommand) -> &'static str {
    match command {
        MediaCommand::Open { .. } => "Open",
        MediaCommand::Remote { .. } => "Remote",
        MediaCommand::Bridge { .. } => "Bridge",
        MediaCommand::Unbridge { .. } => "Unbridge",
        MediaCommand::Play { .. } => "Play",
        MediaCommand::StopPlay { .. } => "StopPlay",
        MediaCommand::Close { .. } => "Close",
    }
}

/// A UDP flow from one of our ports to a peer.
pub fn flow(local: u16, remote: &str) -> Flow {
    let local = std::net::SocketAddr::from(([127, 0, 0, 1], local));
    Flow { transport: Transport::Udp, local, remote: remote.parse().unwrap(), connection: None }
}

/// Line `n` of a message.
pub fn line(text: &str, n: usize) -> &str {
    text.split("\r\n").nth(n).unwrap_or_default()
}

/// The value of the first header of this name.
#[track_caller]
pub fn header<'a>(text: &'a str, name: &str) -> &'a str {
    maybe_header(text, name).unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

pub fn maybe_header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

pub fn body(text: &str) -> &str {
    text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// The `tag` of a From or To value.
pub fn tag(value: &str) -> Option<&str> {
    value.split(";tag=").nth(1)?.split(';').next()
}
