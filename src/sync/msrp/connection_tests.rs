//! Two connections talking in virtual time, and one against scripts of octets.

use std::time::Duration;

use proptest::prelude::*;

use super::super::outbox::{Class, RESPONSE_TIMEOUT};
use super::*;

const A: &str = "msrp://a.example:1000/alice;tcp";
const B: &str = "msrp://b.example:2000/bobby;tcp";

fn connection(own: &str, peer: Option<&str>, active: bool, limits: Limits) -> Connection {
    let own = own.parse().expect("own");
    let peer = peer.map(|peer| peer.parse().expect("peer"));
    Connection::new(ConnectionConfig { own, peer, active, limits, seed: 7 })
}

fn small() -> Limits {
    Limits { chunk_bytes: 1000, max_message_bytes: 50_000, max_head_bytes: 1024 }
}

fn message(class: Class, body: impl Into<Bytes>) -> Outgoing {
    Outgoing { class, content_type: "message/cpim".into(), body: body.into(), success_report: true }
}

struct Pair {
    a: Connection,
    b: Connection,
    now: Instant,
    got: Vec<Bytes>,
    events: Vec<Event>,
}

impl Pair {
    fn new() -> Self {
        Pair {
            a: connection(A, Some(B), true, small()),
            b: connection(B, None, false, small()),
            now: Instant::now(),
            got: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Moves one piece of A's towards B and everything of B's back.
    fn step(&mut self) -> bool {
        let piece = self.a.poll_transmit(self.now);
        if let Some(piece) = &piece {
            self.b.handle_input(piece, self.now);
        }
        while let Some(event) = self.b.poll_event() {
            if let Event::Message(incoming) = event {
                self.b.answer(incoming.ticket, 200, "OK");
                self.b.report(incoming.ticket);
                self.got.push(incoming.body);
            }
        }
        let mut moved = piece.is_some();
        while let Some(piece) = self.b.poll_transmit(self.now) {
            self.a.handle_input(&piece, self.now);
            moved = true;
        }
        while let Some(event) = self.a.poll_event() {
            self.events.push(event);
        }
        moved
    }

    fn run(&mut self) {
        while self.step() {}
    }
}

#[test]
fn a_message_in_many_chunks_arrives_is_accepted_and_reported() {
    let mut pair = Pair::new();
    let body = Bytes::from(vec![9u8; 20_500]);
    let ticket = pair.a.send(message(Class::Frame, body.clone())).expect("sent");
    pair.run();
    assert_eq!(pair.got, [body]);
    assert_eq!(pair.events, [Event::Accepted { ticket }, Event::Delivered { ticket }]);
    assert_eq!((pair.a.held_bytes(), pair.b.held_bytes()), (0, 0));
    assert_eq!(pair.a.poll_timeout(), None);
}

#[test]
fn the_active_side_greets_with_an_empty_send() {
    let mut pair = Pair::new();
    let greeting = pair.a.poll_transmit(pair.now).expect("a greeting");
    assert!(greeting.starts_with(b"MSRP ") && !greeting.windows(12).any(|w| w == b"Content-Type"));
    pair.b.handle_input(&greeting, pair.now);
    assert_eq!(pair.b.poll_event(), Some(Event::Bound));
    assert_eq!(pair.b.poll_event(), None);
    let answer = pair.b.poll_transmit(pair.now).expect("an answer");
    assert!(String::from_utf8_lossy(&answer).contains(" 200 OK\r\nTo-Path: msrp://a.example:1000/alice;tcp\r\n"));
    assert_eq!(pair.b.send(message(Class::Control, "x")).map(|_| ()), Ok(()), "bound by the greeting");
}

#[test]
fn a_control_message_overtakes_a_big_frame() {
    let mut pair = Pair::new();
    pair.a.send(message(Class::Frame, vec![1u8; 40_000])).expect("frame");
    for _ in 0..5 {
        pair.step();
    }
    assert!(pair.got.is_empty());
    pair.a.send(message(Class::Control, "touch")).expect("control");
    pair.run();
    assert_eq!(pair.got[0], "touch");
    assert_eq!(pair.got[1].len(), 40_000);
}

#[test]
fn of_frames_the_latest_wins_but_no_two_in_a_row_are_aborted() {
    let mut pair = Pair::new();
    let first = pair.a.send(message(Class::Frame, vec![1u8; 9000])).expect("frame");
    for _ in 0..4 {
        pair.step();
    }
    let second = pair.a.send(message(Class::Frame, vec![2u8; 9000])).expect("frame");
    let third = pair.a.send(message(Class::Frame, vec![3u8; 9000])).expect("frame");
    for _ in 0..8 {
        pair.step();
    }
    assert_eq!(pair.events, [Event::Superseded { ticket: first }, Event::Superseded { ticket: second }]);
    let fourth = pair.a.send(message(Class::Frame, vec![4u8; 9000])).expect("frame");
    pair.run();
    assert_eq!(pair.got.iter().map(|body| body[0]).collect::<Vec<_>>(), [3, 4], "the third was not aborted");
    for ticket in [third, fourth] {
        assert!(pair.events.contains(&Event::Delivered { ticket }));
    }
    assert_eq!(pair.b.held_bytes(), 0, "the aborted frame left nothing");
}

#[test]
fn a_peer_that_does_not_read_costs_a_bounded_amount() {
    let now = Instant::now();
    let mut a = connection(A, Some(B), true, small());
    for n in 0..10_000u32 {
        a.send(message(Class::Frame, vec![n as u8; 40_000])).expect("frames always find room");
        if n % 3 == 0 {
            a.poll_transmit(now);
        }
        while a.poll_event().is_some() {}
        assert!(a.held_bytes() <= 2 * 40_000);
    }
    let full = (0..100).find_map(|_| a.send(message(Class::Control, "x")).err());
    assert_eq!(full, Some(SendError::Full));
}

#[test]
fn a_peer_that_only_asks_is_not_read_any_more() {
    let now = Instant::now();
    let mut b = connection(B, None, false, small());
    let mut pushed = 0;
    while b.wants_input() {
        let ask = request("SEND", "bobby", "Message-ID: mid-1\r\n", "");
        b.handle_input(ask.as_bytes(), now);
        pushed += 1;
        assert!(pushed < 5000);
    }
    assert!(b.held_bytes() < 80 * 1024);
    while b.poll_transmit(now).is_some() {}
    assert!(b.wants_input());
}

#[test]
fn silence_fails_a_message_after_thirty_seconds() {
    let mut now = Instant::now();
    let mut a = connection(A, Some(B), true, small());
    let ticket = a.send(message(Class::Control, "x")).expect("sent");
    while a.poll_transmit(now).is_some() {}
    assert_eq!(a.poll_timeout(), Some(now + RESPONSE_TIMEOUT));
    now += RESPONSE_TIMEOUT - Duration::from_millis(1);
    a.handle_timeout(now);
    assert_eq!(a.poll_event(), None);
    a.handle_timeout(now + Duration::from_millis(1));
    assert_eq!(a.poll_event(), Some(Event::Failed { ticket, status: 408 }));
    assert_eq!(a.poll_event(), Some(Event::Closed(Fault::Silent)));
    assert_eq!(a.poll_timeout(), None);

    let mut b = connection(B, Some(A), true, small());
    let ticket = b.send(message(Class::Control, "x")).expect("sent");
    while b.poll_transmit(now).is_some() {}
    now += Duration::from_secs(20);
    b.handle_input(request("SEND", "bobby", "Message-ID: mid-1\r\n", "").as_bytes(), now);
    b.handle_timeout(now + RESPONSE_TIMEOUT);
    assert_eq!(b.poll_event(), Some(Event::Bound));
    assert_eq!(b.poll_event(), Some(Event::Failed { ticket, status: 408 }));
    assert_eq!(b.poll_event(), None, "a peer that speaks is not gone");
}

/// One request to B; `content` empty means none at all.
fn request(method: &str, session: &str, fields: &str, content: &str) -> String {
    let content = if content.is_empty() { String::new() } else { format!("\r\n{content}\r\n") };
    format!(
        "MSRP tid12345 {method}\r\nTo-Path: msrp://b.example:2000/{session};tcp\r\nFrom-Path: {A}\r\n{fields}{content}-------tid12345$\r\n"
    )
}

/// What B answers to a script: the start lines, without the identifier.
fn answers(script: &str) -> (Vec<String>, Vec<Event>) {
    let now = Instant::now();
    let mut b = connection(B, None, false, small());
    for octet in script.as_bytes() {
        b.handle_input(&[*octet], now);
    }
    let events: Vec<Event> = std::iter::from_fn(|| b.poll_event()).collect();
    for event in &events {
        if let Event::Message(incoming) = event {
            b.answer(incoming.ticket, 200, "OK");
            b.report(incoming.ticket);
        }
    }
    let lines = std::iter::from_fn(|| b.poll_transmit(now)).map(|piece| {
        let text = String::from_utf8_lossy(&piece).into_owned();
        text.lines().next().map(|line| line.splitn(3, ' ').nth(2).unwrap_or_default().to_owned()).unwrap_or_default()
    });
    (lines.collect(), events)
}

#[test]
fn each_request_gets_its_status() {
    let text = "Message-ID: mid-1\r\nContent-Type: text/plain\r\n";
    for (script, expected) in [
        (request("SEND", "bobby", text, "hello"), &["200 OK"][..]),
        (request("SEND", "other", text, "hello"), &["481 Session Does Not Exist"]),
        (request("SEND", "Bobby", text, "hello"), &["481 Session Does Not Exist"]),
        (request("AUTH", "bobby", "", ""), &["501 Unknown Method"]),
        (request("NICKNAME", "bobby", "", ""), &["501 Unknown Method"]),
        (request("SEND", "bobby", "Content-Type: text/plain\r\n", "x"), &["400 SEND without Message-ID"]),
        (request("SEND", "bobby", "Message-ID: mid-1\r\n", "x"), &["400 content without Content-Type"]),
        (
            request("SEND", "bobby", &format!("{text}Byte-Range: 5-3/9\r\n"), "x"),
            &["400 Byte-Range is malformed or repeated"],
        ),
        (request("SEND", "bobby", &format!("{text}Byte-Range: 1-*/99999999\r\n"), "x"), &["413 Message Too Large"]),
        (request("SEND", "bobby", &format!("{text}Success-Report: yes\r\n"), "x"), &["200 OK", "REPORT"]),
        (request("SEND", "bobby", &format!("{text}Failure-Report: no\r\n"), "x"), &[]),
        (request("SEND", "bobby", &format!("{text}Failure-Report: partial\r\n"), "x"), &[]),
        (
            request("SEND", "bobby", &format!("{text}Failure-Report: partial\r\nByte-Range: 7-9/9\r\n"), "x"),
            &["400 First Chunk Missing"],
        ),
        (request("REPORT", "bobby", "Message-ID: mid-1\r\nStatus: 000 200 OK\r\n", ""), &[]),
        (request("REPORT", "bobby", "", ""), &[]),
        (request("REPORT", "other", "Message-ID: mid-1\r\nStatus: 000 200 OK\r\n", ""), &[]),
        (request("200 OK", "bobby", "", ""), &[]),
    ] {
        let (lines, events) = answers(&script);
        assert_eq!(lines, expected, "{script}");
        assert!(!events.iter().any(|event| matches!(event, Event::Closed(_))));
    }
}

#[test]
fn an_oversized_message_is_stopped_while_it_is_still_coming() {
    let now = Instant::now();
    let mut b = connection(B, None, false, small());
    let head = request("SEND", "bobby", "Message-ID: mid-1\r\nContent-Type: a/b\r\nByte-Range: 1-*/*\r\n", "");
    let head = head.replace("-------tid12345$\r\n", "\r\n");
    b.handle_input(head.as_bytes(), now);
    for _ in 0..51 {
        b.handle_input(&[0; 1000], now);
    }
    let answer = b.poll_transmit(now).expect("an early answer");
    assert!(answer.starts_with(b"MSRP tid12345 413 "));
    for _ in 0..40 {
        b.handle_input(&[0; 1000], now);
    }
    assert!(!b.is_closed());
    assert!(b.held_bytes() < 64, "nothing of it is stored");
    for _ in 0..60 {
        b.handle_input(&[0; 1000], now);
    }
    assert!(b.is_closed(), "a chunk without end ends the connection");
}

#[test]
fn a_sender_that_is_refused_stops() {
    let mut a = connection(A, Some(B), true, small());
    let now = Instant::now();
    let ticket = a.send(message(Class::Frame, vec![1u8; 30_000])).expect("frame");
    let head = a.poll_transmit(now).expect("head");
    let id = String::from_utf8_lossy(&head).split(' ').nth(1).expect("an identifier").to_owned();
    while a.poll_transmit(now).is_some() {}
    a.handle_input(format!("MSRP {id} 413 Stop\r\nTo-Path: {A}\r\nFrom-Path: {B}\r\n-------{id}$\r\n").as_bytes(), now);
    assert_eq!(a.poll_event(), Some(Event::Failed { ticket, status: 413 }));
    assert_eq!(a.poll_transmit(now), None);
    assert_eq!(a.held_bytes(), 0);
}

#[test]
fn a_session_that_the_peer_does_not_know_is_over() {
    let mut a = connection(A, Some(B), true, small());
    let now = Instant::now();
    let greeting = a.poll_transmit(now).expect("greeting");
    assert!(!greeting.is_empty());
    a.send(message(Class::Control, "x")).expect("queued");
    let head = a.poll_transmit(now).expect("head");
    let id = String::from_utf8_lossy(&head).split(' ').nth(1).expect("an identifier").to_owned();
    a.handle_input(format!("MSRP {id} 481 No\r\nTo-Path: {A}\r\nFrom-Path: {B}\r\n-------{id}$\r\n").as_bytes(), now);
    let events: Vec<Event> = std::iter::from_fn(|| a.poll_event()).collect();
    assert!(events.contains(&Event::Closed(Fault::Refused(481))), "{events:?}");
    assert_eq!(a.send(message(Class::Control, "x")), Err(SendError::Closed));
}

#[test]
fn garbage_closes() {
    let good = request("SEND", "bobby", "Message-ID: mid-1\r\nContent-Type: text/plain\r\n", "hello");
    let (lines, events) = answers(&format!("{good}This should not be here\r\n{good}"));
    assert_eq!(lines, ["200 OK"], "what came before stands, nothing after is read");
    assert!(matches!(events[..], [Event::Bound, Event::Message(_), Event::Closed(Fault::Decode(_))]));
}

proptest! {
    /// Whatever a peer sends: nothing panics, and what is held stays bounded.
    #[test]
    fn a_hostile_peer_costs_a_bounded_amount(
        lines in proptest::collection::vec(hostile_line(), 1..60),
        piece in 1usize..400,
    ) {
        let now = Instant::now();
        let limits = small();
        let mut b = connection(B, None, false, limits);
        for octets in lines.concat().chunks(piece) {
            b.handle_input(octets, now);
            while let Some(event) = b.poll_event() {
                if let Event::Message(incoming) = event {
                    b.answer(incoming.ticket, 200, "OK");
                }
            }
            prop_assert!(b.held_bytes() < 2 * limits.max_message_bytes + limits.max_head_bytes + 80 * 1024);
        }
    }
}

/// Pieces of legal requests, in any order, and noise.
fn hostile_line() -> impl Strategy<Value = Vec<u8>> {
    let piece = |text: &'static str| Just(text.as_bytes().to_vec());
    prop_oneof![
        4 => piece("MSRP tid12345 SEND\r\nTo-Path: msrp://b:1/bobby;tcp\r\nFrom-Path: msrp://a:1/x;tcp\r\n"),
        3 => (0u64..4, 0u64..40_000, 0u64..60_000).prop_map(|(id, start, total)| {
            format!("Message-ID: mid-{id}\r\nByte-Range: {start}-*/{total}\r\n").into_bytes()
        }),
        3 => piece("Message-ID: mid-1\r\nContent-Type: a/b\r\n\r\n"),
        2 => (0usize..30_000).prop_map(|length| vec![b'x'; length]),
        4 => piece("\r\n-------tid12345+\r\n"),
        2 => piece("\r\n-------tid12345$\r\n"),
        1 => piece("\r\n-------tid12345#\r\n"),
        1 => piece("-------tid12345$\r\n"),
        1 => piece("MSRP tid12345 200 OK\r\n"),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
    ]
}
