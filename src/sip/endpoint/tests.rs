//! Two endpoints and a link between them, in virtual time: scripts for the RFC's cases, and a seeded adversary.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::sip::message::Uri;
use crate::sip::{Flow, Transport};

const SDP: &str = "application/sdp";

fn config() -> EndpointConfig {
    EndpointConfig {
        product: "test".into(),
        allow: vec![
            Method::Invite,
            Method::Ack,
            Method::Bye,
            Method::Cancel,
            Method::Options,
            Method::Info,
            Method::Message,
        ],
        supported: vec![],
        accept: vec!["application/sdp"],
        timers: TimerConfig::default(),
        max_transactions: 10_000,
        max_legs: 1_000,
    }
}

fn address(index: usize) -> std::net::SocketAddr {
    std::net::SocketAddr::from(([127, 0, 0, 1], 5060 + u16::try_from(index).unwrap()))
}

/// Endpoint 0 calls, endpoint 1 answers.
struct Pair {
    ends: [Endpoint; 2],
    events: [VecDeque<Event>; 2],
    now: Instant,
    wire: VecDeque<(Instant, usize, Bytes)>,
    transport: Transport,
    /// Drops the datagram when it says so.
    lose: Box<dyn FnMut(usize, &[u8]) -> bool>,
    ladder: Vec<String>,
}

impl Pair {
    fn new(transport: Transport) -> Pair {
        let now = Instant::now();
        Pair {
            ends: [Endpoint::new(config(), [1; 32], now), Endpoint::new(config(), [2; 32], now)],
            events: [VecDeque::new(), VecDeque::new()],
            now,
            wire: VecDeque::new(),
            transport,
            lose: Box::new(|_, _| false),
            ladder: Vec::new(),
        }
    }

    fn flow(&self, from: usize) -> Flow {
        Flow { transport: self.transport, local: address(from), remote: address(1 - from), connection: None }
    }

    fn call(&mut self) -> LegId {
        let invitation = Invitation {
            target: Uri::sip(Some("b"), "127.0.0.1", Some(5061)),
            flow: self.flow(0),
            routing: Routing::Flow,
            from: "<sip:a@example.com>".into(),
            to: "<sip:b@example.com>".into(),
            contact_user: "a".into(),
            contact_params: String::new(),
            call_id: String::new(),
            max_forwards: 70,
            headers: vec![(HeaderName::SessionId, "0123456789abcdef0123456789abcdef".into())],
            body: Some((SDP.into(), Bytes::from_static(b"v=0\r\n"))),
            credentials: None,
        };
        let now = self.now;
        self.ends[0].invite(invitation, now)
    }

    fn collect(&mut self) {
        for index in 0..2 {
            while let Some(output) = self.ends[index].poll_output() {
                match output {
                    Output::Transmit(_, bytes) => {
                        let line = String::from_utf8_lossy(bytes.split(|b| *b == b'\r').next().unwrap()).into_owned();
                        let lost = (self.lose)(index, &bytes);
                        self.ladder.push(format!("{index} {}{line}", if lost { "✗ " } else { "" }));
                        if !lost {
                            self.wire.push_back((self.now + Duration::from_millis(10), 1 - index, bytes));
                        }
                    }
                    Output::Event(event) => self.events[index].push_back(event),
                }
            }
        }
    }

    /// Runs until an event for `index` comes, or nothing more happens before `limit`.
    fn next(&mut self, index: usize) -> Option<Event> {
        self.run(Duration::from_secs(200), |pair| !pair.events[index].is_empty());
        self.events[index].pop_front()
    }

    fn run(&mut self, limit: Duration, until: impl Fn(&Pair) -> bool) {
        let end = self.now + limit;
        loop {
            self.collect();
            if until(self) {
                return;
            }
            let timer = [self.ends[0].poll_timeout(), self.ends[1].poll_timeout()].into_iter().flatten().min();
            let arrival = self.wire.iter().map(|(at, ..)| *at).min();
            let Some(next) = timer.into_iter().chain(arrival).min().filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            if let Some(at) = self.wire.iter().position(|(at, ..)| *at <= self.now) {
                let (_, to, bytes) = self.wire.remove(at).unwrap();
                let flow = self.flow(to);
                self.ends[to].receive(flow, bytes, self.now);
            } else {
                for end in &mut self.ends {
                    end.handle_timeout(self.now);
                }
            }
        }
    }

    /// Notes new calls and answers requests, as every owner must.
    fn attend(&mut self, index: usize, legs: &mut Vec<LegId>) {
        while let Some(event) = self.events[index].pop_front() {
            match event {
                Event::Incoming { leg, .. } => legs.push(leg),
                Event::Request { id, request, .. } => {
                    let response = self.ends[index].response_to(&request, 200);
                    self.ends[index].respond(id, response, self.now);
                }
                Event::Leg { .. } | Event::Response { .. } | Event::NoResponse { .. } => {}
            }
        }
    }

    fn settle(&mut self) {
        self.run(Duration::from_secs(300), |_| false);
        for (index, end) in self.ends.iter().enumerate() {
            assert!(end.is_idle(), "endpoint {index} keeps something:\n{}", self.ladder.join("\n"));
        }
    }

    fn incoming(&mut self) -> LegId {
        match self.next(1) {
            Some(Event::Incoming { leg, .. }) => leg,
            other => panic!("{other:?}\n{}", self.ladder.join("\n")),
        }
    }

    fn establish(&mut self) -> (LegId, LegId) {
        let a = self.call();
        let b = self.incoming();
        let now = self.now;
        self.ends[1].answer(b, &[], (SDP.into(), Bytes::from_static(b"v=0\r\n")), now);
        assert!(matches!(self.next(0), Some(Event::Leg { event: LegEvent::Answered(_), .. })));
        assert!(matches!(self.next(1), Some(Event::Leg { event: LegEvent::Acknowledged(_), .. })));
        (a, b)
    }
}

fn is_status(bytes: &[u8], status: &str) -> bool {
    bytes.starts_with(format!("SIP/2.0 {status}").as_bytes())
}

#[test]
fn a_call_rings_is_answered_and_hung_up() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut pair = Pair::new(transport);
        let a = pair.call();
        let b = pair.incoming();
        let now = pair.now;
        pair.ends[1].ring(b, 180, None, now);
        let Some(Event::Leg { leg, event: LegEvent::Progress(response) }) = pair.next(0) else { panic!() };
        assert_eq!((leg, response.status), (a, 180));
        assert!(response.to().unwrap().tag().is_some(), "RFC 3261 §12.1: 180 makes an early dialog");
        let now = pair.now;
        pair.ends[1].answer(b, &[], (SDP.into(), Bytes::from_static(b"v=0\r\n")), now);
        assert!(matches!(pair.next(0), Some(Event::Leg { event: LegEvent::Answered(_), .. })));
        assert!(matches!(pair.next(1), Some(Event::Leg { event: LegEvent::Acknowledged(_), .. })));
        let now = pair.now;
        pair.ends[0].hang_up(a, 480, Some("Q.850;cause=16"), now);
        let Some(Event::Leg { leg, event: LegEvent::Ended(EndCause::Bye(bye)) }) = pair.next(1) else { panic!() };
        assert_eq!(leg, b);
        assert_eq!(bye.headers.text(&HeaderName::Reason), Some("Q.850;cause=16"));
        assert_eq!(bye.headers.text(&HeaderName::SessionId), Some("0123456789abcdef0123456789abcdef"));
        pair.settle();
        assert!(pair.events[0].is_empty(), "who hung up hears nothing more");
    }
}

#[test]
fn a_lost_ack_brings_the_2xx_again_and_another_ack() {
    let mut pair = Pair::new(Transport::Udp);
    pair.call();
    let b = pair.incoming();
    let mut lost = 0;
    pair.lose = Box::new(move |_, bytes| {
        lost += usize::from(bytes.starts_with(b"ACK"));
        bytes.starts_with(b"ACK") && lost <= 3
    });
    let now = pair.now;
    pair.ends[1].answer(b, &[], (SDP.into(), Bytes::new()), now);
    let Some(Event::Leg { event: LegEvent::Acknowledged(_), .. }) = pair.next(1) else { panic!() };
    // RFC 3261 §13.3.1.4: at T1, then 2·T1, then 4·T1 after it.
    assert!(pair.now - now >= Duration::from_millis(3500), "{:?}", pair.now - now);
    assert_eq!(pair.ladder.iter().filter(|line| line.contains("SIP/2.0 200")).count(), 4);
}

#[test]
fn an_answer_nobody_acknowledges_is_given_up_with_bye() {
    let mut pair = Pair::new(Transport::Tcp);
    pair.call();
    let b = pair.incoming();
    pair.lose = Box::new(|from, bytes| from == 0 && bytes.starts_with(b"ACK"));
    let now = pair.now;
    pair.ends[1].answer(b, &[], (SDP.into(), Bytes::new()), now);
    let Some(Event::Leg { event: LegEvent::Ended(EndCause::NoAck), .. }) = pair.next(1) else { panic!() };
    assert!(pair.now - now >= Duration::from_secs(32));
    pair.settle();
}

#[test]
fn cancel_waits_for_a_provisional_response() {
    let mut pair = Pair::new(Transport::Udp);
    let a = pair.call();
    let now = pair.now;
    pair.ends[0].hang_up(a, 480, None, now);
    pair.collect();
    assert!(!pair.ladder.iter().any(|line| line.contains("CANCEL")), "RFC 3261 §9.1");
    let b = pair.incoming();
    let now = pair.now;
    pair.ends[1].ring(b, 180, None, now);
    let Some(Event::Leg { event: LegEvent::Ended(EndCause::Cancelled(_)), .. }) = pair.next(1) else { panic!() };
    assert!(pair.ladder.iter().any(|line| line.contains("487")));
    pair.settle();
}

#[test]
fn a_2xx_that_crosses_a_cancel_is_acknowledged_and_hung_up() {
    let mut pair = Pair::new(Transport::Udp);
    let a = pair.call();
    let b = pair.incoming();
    let now = pair.now;
    pair.ends[1].ring(b, 180, None, now);
    pair.next(0);
    let now = pair.now;
    pair.ends[1].answer(b, &[], (SDP.into(), Bytes::new()), now);
    pair.ends[0].hang_up(a, 480, None, now);
    let mut ended = false;
    while let Some(event) = pair.next(1) {
        ended |= matches!(event, Event::Leg { event: LegEvent::Ended(EndCause::Bye(_)), .. });
    }
    assert!(ended, "{}", pair.ladder.join("\n"));
    pair.settle();
}

#[test]
fn a_callee_that_vanishes_after_180_is_forgotten_after_cancel() {
    let mut pair = Pair::new(Transport::Udp);
    let a = pair.call();
    let b = pair.incoming();
    let now = pair.now;
    pair.ends[1].ring(b, 180, None, now);
    pair.next(0);
    pair.lose = Box::new(|from, _| from == 1);
    let now = pair.now;
    pair.ends[0].hang_up(a, 480, None, now);
    pair.run(Duration::from_secs(300), |_| false);
    assert!(pair.ends[0].is_idle());
}

#[test]
fn reinvites_that_cross_are_both_refused_with_491() {
    let mut pair = Pair::new(Transport::Udp);
    let (a, b) = pair.establish();
    let now = pair.now;
    assert!(pair.ends[0].reinvite(a, (SDP.into(), Bytes::from_static(b"1")), now));
    assert!(pair.ends[1].reinvite(b, (SDP.into(), Bytes::from_static(b"2")), now));
    for index in [0, 1] {
        let Some(Event::Leg { event: LegEvent::ReinviteDone(response), .. }) = pair.next(index) else { panic!() };
        assert_eq!(response.status, 491);
    }
    let now = pair.now;
    pair.ends[1].hang_up(b, 480, None, now);
    pair.settle();
}

#[test]
fn a_reinvite_is_answered_and_acknowledged() {
    let mut pair = Pair::new(Transport::Udp);
    let (a, b) = pair.establish();
    let now = pair.now;
    assert!(pair.ends[0].reinvite(a, (SDP.into(), Bytes::from_static(b"hold")), now));
    let Some(Event::Leg { event: LegEvent::Reinvite(request), .. }) = pair.next(1) else { panic!() };
    assert_eq!(&request.body[..], b"hold");
    let now = pair.now;
    pair.ends[1].answer(b, &[], (SDP.into(), Bytes::from_static(b"held")), now);
    let Some(Event::Leg { event: LegEvent::ReinviteDone(response), .. }) = pair.next(0) else { panic!() };
    assert_eq!((response.status, &response.body[..]), (200, &b"held"[..]));
    assert!(matches!(pair.next(1), Some(Event::Leg { event: LegEvent::Acknowledged(_), .. })));
    let now = pair.now;
    pair.ends[0].hang_up(a, 480, None, now);
    pair.settle();
}

#[test]
fn requests_of_unknown_dialogs_are_481() {
    let mut pair = Pair::new(Transport::Udp);
    let (a, b) = pair.establish();
    // The peer forgets the call (a restart): its 481 ends ours (RFC 5057).
    let fresh = pair.now;
    pair.ends[1] = Endpoint::new(config(), [9; 32], fresh);
    let _ = b;
    let now = pair.now;
    let sent = pair.ends[0].request_in_dialog(a, Method::Info, &[], None, now);
    assert!(sent.is_some());
    let Some(Event::Response { response, .. }) = pair.next(0) else { panic!() };
    assert_eq!(response.status, 481);
    let Some(Event::Leg { event: LegEvent::Ended(EndCause::PeerLost), .. }) = pair.next(0) else { panic!() };
    pair.run(Duration::from_secs(300), |_| false);
    assert!(pair.ends[0].is_idle());
}

#[test]
fn info_in_the_dialog_reaches_the_owner_and_its_answer_comes_back() {
    let mut pair = Pair::new(Transport::Tcp);
    let (a, b) = pair.establish();
    let now = pair.now;
    let body = Some(("application/dtmf-relay".to_owned(), Bytes::from_static(b"Signal=5")));
    let sent = pair.ends[0].request_in_dialog(a, Method::Info, &[], body, now).unwrap();
    let Some(Event::Request { id, leg, request, .. }) = pair.next(1) else { panic!() };
    assert_eq!((leg, &request.body[..]), (Some(b), &b"Signal=5"[..]));
    let response = pair.ends[1].response_to(&request, 200);
    let now = pair.now;
    pair.ends[1].respond(id, response, now);
    let Some(Event::Response { id, response, .. }) = pair.next(0) else { panic!() };
    assert_eq!((id, response.status), (sent, 200));
}

#[test]
fn a_request_that_repeats_by_another_path_is_482() {
    let mut pair = Pair::new(Transport::Udp);
    pair.call();
    pair.collect();
    let (_, _, invite) = pair.wire[0].clone();
    let again = String::from_utf8(invite.to_vec()).unwrap().replacen("branch=z9hG4bK", "branch=z9hG4bKother", 1);
    pair.wire.push_back((pair.now + Duration::from_millis(20), 1, Bytes::from(again)));
    pair.incoming();
    pair.run(Duration::from_millis(100), |_| false);
    assert!(pair.ladder.iter().any(|line| line.contains("482")), "{}", pair.ladder.join("\n"));
}

#[test]
fn a_second_answer_of_a_fork_is_acknowledged_and_hung_up() {
    let mut pair = Pair::new(Transport::Udp);
    pair.call();
    let b = pair.incoming();
    let now = pair.now;
    pair.ends[1].answer(b, &[], (SDP.into(), Bytes::new()), now);
    pair.collect();
    let ok = pair.wire.iter().find(|(_, to, bytes)| *to == 0 && is_status(bytes, "200")).unwrap().2.clone();
    let text = String::from_utf8(ok.to_vec()).unwrap();
    let tag = text.split("\r\n").find(|line| line.starts_with("To:")).unwrap().split("tag=").nth(1).unwrap();
    let fork = Bytes::from(text.replace(tag, "another-fork"));
    pair.wire.push_back((pair.now + Duration::from_millis(30), 0, fork));
    pair.run(Duration::from_millis(200), |_| false);
    let byes = pair.ladder.iter().filter(|line| line.starts_with("0 BYE")).count();
    let acks = pair.ladder.iter().filter(|line| line.starts_with("0 ACK")).count();
    assert!(byes >= 1 && acks >= 2, "{}", pair.ladder.join("\n"));
}

/// Two owners do random things at random times over a link that loses, doubles and delays; in the end nothing is left.
#[test]
fn whatever_happens_nothing_is_left() {
    let schedules: u64 = std::env::var("TANDEM_SCHEDULES").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let first: u64 = std::env::var("TANDEM_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    for seed in first..first + schedules {
        random_schedule(seed);
    }
}

fn random_schedule(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut pair = Pair::new(if rng.random_bool(0.3) { Transport::Tcp } else { Transport::Udp });
    let loss = if pair.transport == Transport::Udp { rng.random_range(0.0..0.4) } else { 0.0 };
    let mut dice = StdRng::seed_from_u64(seed ^ 0x5eed);
    pair.lose = Box::new(move |_, _| dice.random_bool(loss));
    let mut legs: [Vec<LegId>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..rng.random_range(1..6) {
        let leg = pair.call();
        legs[0].push(leg);
        for _ in 0..rng.random_range(1..8) {
            let pause = Duration::from_millis(rng.random_range(0..3000));
            pair.run(pause, |_| false);
            for (index, own) in legs.iter_mut().enumerate() {
                pair.attend(index, own);
            }
            let index = rng.random_range(0..2usize);
            if legs[index].is_empty() {
                continue;
            }
            let leg = legs[index][rng.random_range(0..legs[index].len())];
            let (now, end) = (pair.now, &mut pair.ends[index]);
            let body = (SDP.to_owned(), Bytes::from_static(b"v=0\r\n"));
            match rng.random_range(0..8) {
                0 => end.hang_up(leg, 480, None, now),
                1 => end.ring(leg, 180, None, now),
                2 | 3 => end.answer(leg, &[], body, now),
                4 => end.reject(leg, 486, &[], now),
                5 => drop(end.reinvite(leg, body, now)),
                6 => drop(end.request_in_dialog(leg, Method::Info, &[], None, now)),
                _ => {}
            }
        }
    }
    // Whatever still rings or talks is let go; whatever is asked is refused.
    for _ in 0..5 {
        for index in 0..2 {
            pair.collect();
            pair.attend(index, &mut legs[index]);
            for leg in legs[index].clone() {
                let now = pair.now;
                pair.ends[index].hang_up(leg, 480, None, now);
            }
        }
        pair.run(Duration::from_secs(100), |_| false);
    }
    for (index, end) in pair.ends.iter().enumerate() {
        assert!(
            end.is_idle(),
            "TANDEM_SEED={seed}: endpoint {index} keeps {}:\n{}",
            end.remains(),
            pair.ladder.join("\n")
        );
    }
}
