//! A phone and its peer on a wire, in virtual time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tandem::client::phone::{AccessNetwork, Input, Output, Phone, PhoneConfig, PhoneEvent, Placing};
use tandem::sip::endpoint::{Endpoint, EndpointConfig, Event, LegId, Login};
use tandem::sip::message::{Method, Request, Response, Uri};
use tandem::sip::sdp::{Codec, LocalMedia, SessionDescription};
use tandem::sip::transaction::TimerConfig;
use tandem::sip::{Flow, Transport};

pub const SDP: &str = "application/sdp";
/// From one end to the other.
const LATENCY: Duration = Duration::from_millis(10);

/// Says which messages get lost, from their sender and first line.
type Loss = Box<dyn FnMut(End, &str) -> bool>;

/// Whose message it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Phone,
    Peer,
}

pub struct Wire {
    pub phone: Phone,
    pub peer: Endpoint,
    pub heard: VecDeque<PhoneEvent>,
    pub peer_heard: VecDeque<Event>,
    pub now: Instant,
    /// Every message that was sent, by its first line.
    pub ladder: Vec<String>,
    /// Every message that was sent, whole.
    pub sent: Vec<(End, Bytes)>,
    /// Loses a message when it says so.
    pub lose: Loss,
    flying: VecDeque<(Instant, End, Bytes)>,
}

fn address(end: End) -> SocketAddr {
    match end {
        End::Phone => ([192, 0, 2, 1], 5060).into(),
        End::Peer => ([192, 0, 2, 2], 5060).into(),
    }
}

pub fn flow(from: End) -> Flow {
    let to = if from == End::Phone { End::Peer } else { End::Phone };
    Flow { transport: Transport::Udp, local: address(from), remote: address(to), connection: None }
}

pub fn media(end: End) -> LocalMedia {
    let codecs = vec![Codec::pcma(), Codec::pcmu(), Codec::telephony_event(101)];
    LocalMedia::new(address(end).ip(), if end == End::Phone { 4000 } else { 5000 }, codecs)
}

impl Wire {
    pub fn new() -> Wire {
        let now = Instant::now();
        let config = PhoneConfig {
            product: "TandemTravel/3.2 (test)".into(),
            domain: "example.com".into(),
            user: "traveller".into(),
            login: Some(Login { username: "traveller".into(), password: "open sesame".into() }),
            server: flow(End::Phone),
            instance: Some("urn:gsma:imei:35209900-176148-0".into()),
            number: Some("+8613800138000".into()),
            access: Some(AccessNetwork::Wifi),
            register_expires_s: 600,
            timers: TimerConfig::default(),
        };
        let peer = EndpointConfig {
            product: "peer".into(),
            allow: vec![Method::Invite, Method::Ack, Method::Bye, Method::Cancel, Method::Register, Method::Info],
            supported: vec![],
            accept: vec![SDP, "multipart/mixed"],
            timers: TimerConfig::default(),
            max_transactions: 100,
            max_legs: 10,
        };
        Wire {
            phone: Phone::new(config, [7; 32], now),
            peer: Endpoint::new(peer, [9; 32], now),
            heard: VecDeque::new(),
            peer_heard: VecDeque::new(),
            now,
            ladder: Vec::new(),
            sent: Vec::new(),
            lose: Box::new(|_, _| false),
            flying: VecDeque::new(),
        }
    }

    /// Collects what both ends want sent and told.
    pub fn collect(&mut self) {
        while let Some(output) = self.phone.poll_output() {
            match output {
                Output::Transmit(_, bytes) => self.put(End::Phone, bytes),
                Output::Event(event) => self.heard.push_back(event),
            }
        }
        while let Some(output) = self.peer.poll_output() {
            match output {
                tandem::sip::endpoint::Output::Transmit(_, bytes) => self.put(End::Peer, bytes),
                tandem::sip::endpoint::Output::Event(event) => self.peer_heard.push_back(event),
            }
        }
    }

    fn put(&mut self, from: End, bytes: Bytes) {
        let line = String::from_utf8_lossy(bytes.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
        let lost = (self.lose)(from, &line);
        self.ladder.push(format!("{from:?}{} {line}", if lost { " (lost)" } else { "" }));
        self.sent.push((from, bytes.clone()));
        if !lost {
            self.flying.push_back((self.now + LATENCY, from, bytes));
        }
    }

    /// Lets time pass until `done`, for `limit` at most.
    pub fn run(&mut self, limit: Duration, done: impl Fn(&Wire) -> bool) {
        let end = self.now + limit;
        loop {
            self.collect();
            if done(self) {
                return;
            }
            let timers = [self.phone.poll_timeout(), self.peer.poll_timeout()];
            let next = timers.into_iter().flatten().chain(self.flying.front().map(|flying| flying.0)).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            let now = self.now;
            while self.flying.front().is_some_and(|flying| flying.0 <= now) {
                match self.flying.pop_front() {
                    Some((_, End::Phone, bytes)) => self.peer.receive(flow(End::Peer), bytes, now),
                    Some((_, End::Peer, bytes)) => {
                        self.phone.handle_input(Input::Received(flow(End::Phone), bytes), now);
                    }
                    None => {}
                }
                self.collect();
            }
            self.phone.handle_timeout(now);
            self.peer.handle_timeout(now);
        }
    }

    /// The next thing that the phone tells.
    pub fn hear(&mut self) -> PhoneEvent {
        self.run(Duration::from_secs(100), |wire| !wire.heard.is_empty());
        self.heard.pop_front().unwrap_or_else(|| panic!("the phone says nothing:\n{}", self.ladder.join("\n")))
    }

    /// The next thing that the peer hears.
    pub fn peer_hears(&mut self) -> Event {
        self.run(Duration::from_secs(100), |wire| !wire.peer_heard.is_empty());
        self.peer_heard.pop_front().unwrap_or_else(|| panic!("the peer hears nothing:\n{}", self.ladder.join("\n")))
    }

    /// The request, other than INVITE, that the peer hears next; it is answered by what `answer` makes of it.
    pub fn peer_answers(&mut self, answer: impl FnOnce(&mut Endpoint, &Request) -> Response) -> Request {
        match self.peer_hears() {
            Event::Request { id, request, .. } => {
                let response = answer(&mut self.peer, &request);
                self.peer.respond(id, response, self.now);
                request
            }
            other => panic!("a request was expected, not {other:?}"),
        }
    }

    /// The phone calls; gives the INVITE and the peer's leg.
    pub fn phone_calls(&mut self) -> (LegId, Request) {
        let target = Uri::sip(Some("flights"), "example.com", None);
        let parts = vec![("application/vnd.tandem.context+json", Bytes::from_static(b"{\"v\":1}"))];
        let now = self.now;
        self.phone.call(Placing { target, media: media(End::Phone), parts }, now).expect("no call yet");
        match self.peer_hears() {
            Event::Incoming { leg, request, .. } => (leg, request),
            other => panic!("an INVITE was expected, not {other:?}"),
        }
    }

    /// The peer's answer to the phone's offer.
    pub fn peer_answer(&mut self, leg: LegId) {
        let sdp = tandem::sip::sdp::offer(&media(End::Peer)).to_string();
        let now = self.now;
        self.peer.answer(leg, &[], (SDP.into(), sdp.into()), now);
    }

    /// A call from the phone, up on both sides.
    pub fn call(&mut self) -> LegId {
        let (leg, _) = self.phone_calls();
        self.peer_answer(leg);
        assert!(matches!(self.hear(), PhoneEvent::Media(_)));
        assert!(matches!(self.hear(), PhoneEvent::Established { .. }));
        self.run(Duration::from_secs(1), |_| false);
        self.peer_heard.clear();
        leg
    }

    /// Time passes until nothing moves; then nothing may be left.
    pub fn nothing_remains(&mut self) {
        self.run(Duration::from_secs(200), |_| false);
        assert!(self.phone.is_idle(), "the phone keeps something:\n{}", self.ladder.join("\n"));
        assert!(self.peer.is_idle(), "the peer keeps something:\n{}", self.ladder.join("\n"));
    }

    /// How many messages of an end begin so.
    pub fn count(&self, from: End, line: &str) -> usize {
        self.ladder.iter().filter(|entry| entry.starts_with(&format!("{from:?} {line}"))).count()
    }
}

/// The description in the last message of an end that carries one.
pub fn last_description(wire: &Wire, from: End) -> SessionDescription {
    let found = wire.sent.iter().rev().filter(|(end, _)| *end == from).find_map(|(_, bytes)| {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        head.contains("Content-Type: application/sdp").then(|| SessionDescription::parse(body.as_bytes()).ok())?
    });
    found.expect("a description")
}
