//! Messages and tests of other stacks, when the corpus folder is there (`TANDEM_CORPUS`).

use std::path::PathBuf;
use std::time::Instant;

use super::{Connection, ConnectionConfig, Event, Limits, MsrpUri};

fn folder() -> Option<PathBuf> {
    let root = std::env::var("TANDEM_CORPUS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus").to_owned());
    let folder = PathBuf::from(root).join("msrp");
    if !folder.is_dir() {
        println!("skipped: no corpus at {}", folder.display());
        return None;
    }
    Some(folder)
}

/// Feeds octets one by one to a connection that owns the first To-Path in them; gives its answers and events.
fn play(octets: &[u8]) -> (String, Vec<Event>) {
    let text = String::from_utf8_lossy(octets);
    let own: MsrpUri = text
        .lines()
        .find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("to-path")))
        .and_then(|(_, uri)| uri.trim().parse().ok())
        .expect("a To-Path");
    let now = Instant::now();
    let config = ConnectionConfig { own, peer: None, active: false, limits: Limits::default(), seed: 1 };
    let mut connection = Connection::new(config);
    for octet in octets {
        connection.handle_input(&[*octet], now);
    }
    let events: Vec<Event> = std::iter::from_fn(|| connection.poll_event()).collect();
    for event in &events {
        if let Event::Message(incoming) = event {
            connection.answer(incoming.ticket, 200, "OK");
        }
    }
    let answers: Vec<u8> = std::iter::from_fn(|| connection.poll_transmit(now)).flatten().collect();
    (String::from_utf8_lossy(&answers).into_owned(), events)
}

fn bodies(events: &[Event]) -> Vec<String> {
    let body = |event: &Event| match event {
        Event::Message(incoming) => Some(String::from_utf8_lossy(&incoming.body).into_owned()),
        _ => None,
    };
    events.iter().filter_map(body).collect()
}

fn closed(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Closed(_)))
}

#[test]
fn other_stacks_messages_get_their_verdict() {
    let Some(folder) = folder() else { return };
    let read = |name: &str| std::fs::read(folder.join(name)).expect(name);
    // Two files lack the CRLF that ends their last line.
    let whole = |name: &str| [read(name), b"\r\n".to_vec()].concat();

    // (file, octets, what the answer holds, how the message begins)
    for (name, octets, answer, body) in [
        ("python/cpim.msrp", read("python/cpim.msrp"), " 200 OK", Some("From: MR SANDERS")),
        ("rcs/rfc4975-s4-send.msrp", read("rcs/rfc4975-s4-send.msrp"), " 200 OK", Some("Hey Bob, are you there?")),
        ("rcs/header-case.msrp", read("rcs/header-case.msrp"), " 200 OK", Some("abc")),
        ("cpp/send-order.msrp", whole("cpp/send-order.msrp"), " 200 OK", Some("Hi, I'm Alice!")),
        ("cpp/auth.msrp", whole("cpp/auth.msrp"), " 501 ", None),
        ("python/wrong-method.msrp", read("python/wrong-method.msrp"), " 501 ", None),
        ("python/chunk-open.msrp", read("python/chunk-open.msrp"), " 400 ", None),
        ("doubango/response.msrp", read("doubango/response.msrp"), "", None),
        ("doubango/report.msrp", read("doubango/report.msrp"), "", None),
        // Three Byte-Ranges: refused although its Failure-Report is partial.
        ("doubango/request.msrp", read("doubango/request.msrp"), " 400 ", None),
    ] {
        let (answers, events) = play(&octets);
        assert!(answers.contains(answer), "{name}: {answers}");
        assert_eq!(answer.is_empty(), answers.is_empty(), "{name}: {answers}");
        assert!(!closed(&events), "{name}: {events:?}");
        match body {
            Some(start) => assert!(bodies(&events)[0].starts_with(start), "{name}"),
            None => assert!(bodies(&events).is_empty(), "{name}"),
        }
    }
    assert!(bodies(&play(&read("python/html-success-report.msrp")).1)[0].ends_with("</html>"));
}

#[test]
fn streams_out_of_step_are_closed_and_unfinished_ones_wait() {
    let Some(folder) = folder() else { return };
    let read = |name: &str| std::fs::read(folder.join(name)).expect(name);
    for name in ["python/trailing-garbage.msrp", "rcs/bare-lf.msrp"] {
        let (_, events) = play(&read(name));
        assert!(closed(&events) && bodies(&events).is_empty(), "{name}");
    }
    let (answers, events) = play(&read("cpp/endline-not-at-line-start.msrp"));
    assert!(answers.is_empty() && bodies(&events).is_empty() && !closed(&events));
}

#[test]
fn chunks_are_joined() {
    let Some(folder) = folder() else { return };
    let read = |name: &str| std::fs::read(folder.join(name)).expect(name);
    let both = [read("rcs/rfc4975-s5-chunk1.msrp"), read("rcs/rfc4975-s5-chunk2.msrp")].concat();
    assert_eq!(bodies(&play(&both).1), ["abcdEFGH"]);

    let (answers, events) = play(&read("crocodile/parser-1.msrp"));
    assert!(answers.contains(" 200 OK") && bodies(&events).is_empty() && !closed(&events), "{answers}");

    let template = String::from_utf8(read("crocodile/ChunkReceiver-1.msrp")).expect("a text");
    let fill = |range: &str, body: &str, flag: &str| {
        template.replace("$RANGE", range).replace("$BODY", body).replace("$FLAG", flag)
    };
    let stream = fill("1-*/10", "hello", "+") + &fill("6-10/10", "world", "$");
    assert_eq!(bodies(&play(stream.as_bytes()).1), ["helloworld"]);
}
