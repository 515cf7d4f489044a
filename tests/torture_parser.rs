//! The torture messages of RFC 4475 and RFC 5118, and our own, through the message layer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use proptest::prelude::*;
use tandem::sip::framing::{FramingError, StreamDecoder, StreamItem};
use tandem::sip::message::{HeaderName, Message, ParseError, limits, validate};

/// What became of some octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Accepted,
    Rejected(u16),
    Dropped,
}

fn judge(octets: &[u8]) -> (Verdict, Option<Message>) {
    let parsed: Result<Message, ParseError> = Message::parse_datagram(Bytes::copy_from_slice(octets));
    let Ok(message) = parsed else { return (Verdict::Dropped, None) };
    match (validate(&message), &message) {
        (Ok(()), _) => (Verdict::Accepted, Some(message)),
        (Err(finding), Message::Request(_)) => (Verdict::Rejected(finding.status), None),
        (Err(_), Message::Response(_)) => (Verdict::Dropped, None),
    }
}

/// The corpus folder, or `None` with a word about it.
fn corpus() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus").into();
    let folder = std::env::var_os("TANDEM_CORPUS").map_or(default, PathBuf::from);
    if folder.join("MANIFEST.tsv").is_file() {
        return Some(folder);
    }
    println!("skipped: no corpus at {}; set TANDEM_CORPUS", folder.display());
    None
}

/// Path and `expect` column of the rows whose path starts with `prefix`.
fn rows(folder: &std::path::Path, prefix: &str) -> BTreeMap<String, String> {
    let manifest = std::fs::read_to_string(folder.join("MANIFEST.tsv")).expect("readable manifest");
    let rows = manifest.lines().skip(1).map(|row| row.split('\t').collect::<Vec<_>>());
    rows.filter(|row| row[0].starts_with(prefix)).map(|row| (row[0].to_owned(), row[8].to_owned())).collect()
}

/// RFC 5118's files are LF-only and three declare a wrong Content-Length: CRLF, an empty line and the right length.
fn repaired(octets: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(octets.to_vec()).expect("text").replace("\r\n", "\n").replace('\n', "\r\n");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.trim_end(), ""));
    let head: Vec<String> = head
        .lines()
        .map(|line| match line.starts_with("Content-Length") {
            true => format!("Content-Length: {}", body.len()),
            false => line.to_owned(),
        })
        .collect();
    format!("{}\r\n\r\n{body}", head.join("\r\n")).into_bytes()
}

fn matches(expect: &str, verdict: Verdict) -> bool {
    match expect {
        "drop" => verdict == Verdict::Dropped,
        "reject-400" | "reject-400-or-501" => verdict == Verdict::Rejected(400),
        "reject-416" => verdict == Verdict::Rejected(416),
        "reject-505" => verdict == Verdict::Rejected(505),
        "reject-400-or-ignore" => matches!(verdict, Verdict::Accepted | Verdict::Rejected(400)),
        "no-crash" => true,
        // What the gateway supports is the endpoint's to say: 401, 406, 415, 420, 483.
        _ => verdict == Verdict::Accepted,
    }
}

/// An accepted message comes out as it went in: handed through, and written anew line by line with one line more.
fn assert_lossless(octets: &[u8], message: &Message) {
    let out = message.to_bytes();
    let start = octets.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(0);
    assert!(octets[start..].starts_with(&out), "{}", String::from_utf8_lossy(octets));
    assert!(out.ends_with(message.body()));
    if message.headers().get(&HeaderName::ContentLength).is_some() {
        let mut changed = message.clone();
        changed.headers_mut().push(HeaderName::Subject, "x");
        let changed = changed.to_bytes();
        let (head, body) = out.split_at(out.len() - message.body().len() - 2);
        assert_eq!(changed, [head, b"Subject: x\r\n", body].concat(), "one line more, nothing else changed");
    }
}

/// What a decoder fed with `pieces` makes of them.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<StreamItem, FramingError>> {
    let mut decoder = StreamDecoder::new(limits::MAX_MESSAGE);
    let mut items = Vec::new();
    for piece in pieces {
        if decoder.push(piece).is_err() {
            break;
        }
        while let Some(item) = decoder.next() {
            items.push(item);
        }
    }
    items
}

/// Over a stream, split anywhere, the same message; without a length, a head to answer 400 with.
fn assert_streams(message: &Message) {
    let octets = message.to_bytes();
    if message.headers().get(&HeaderName::ContentLength).is_none() {
        let items = decode([&octets[..]]);
        let [Err(FramingError::BadLength { head })] = &items[..] else { panic!("{items:?}") };
        let head = Message::parse_frame(head.clone()).expect("a head that can be answered");
        assert_eq!(validate(&head).map_err(|finding| finding.status), Err(400));
        return;
    }
    let whole = vec![Ok(StreamItem::Message(octets.clone()))];
    for at in 1..octets.len() {
        assert_eq!(decode([&octets[..at], &octets[at..]]), whole, "split at {at}");
    }
    assert_eq!(decode(octets.chunks(1)), whole, "octet by octet");
    let again = Message::parse_frame(octets.clone()).expect("framed");
    assert_eq!((validate(&again), again.to_bytes()), (Ok(()), octets));
}

#[test]
fn rfc_4475_and_5118_verdicts() {
    let Some(folder) = corpus() else { return };
    let rows = rows(&folder, "sip/rfc");
    assert!(rows.len() >= 62, "the corpus is whole");
    let mut wrong = Vec::new();
    for (path, expect) in &rows {
        let octets = std::fs::read(folder.join(path)).expect("corpus file");
        let octets = if path.contains("rfc5118") { repaired(&octets) } else { octets };
        let (verdict, message) = judge(&octets);
        if !matches(expect, verdict) {
            wrong.push(format!("{path}: expected {expect}, got {verdict:?}"));
        }
        if let Some(message) = message {
            assert_lossless(&octets, &message);
            assert_streams(&message);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn own_adversarial_verdicts() {
    let Some(folder) = corpus() else { return };
    let accepted = [
        "binbody",
        "invite800.sip",
        "latin1",
        "star.sip",
        "tel.sip",
        "v6.sip",
        "cl-ok",
        "cl-none",
        "cl-space",
        "cl-zeros",
    ];
    let rows = rows(&folder, "own-adversarial/");
    let files: Vec<PathBuf> = ["", "content-length", "tel"]
        .iter()
        .flat_map(|sub| std::fs::read_dir(folder.join("own-adversarial").join(sub)).expect("folder"))
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.is_file())
        .collect();
    assert!(files.len() >= 20.max(rows.len()));
    for path in files {
        let octets = std::fs::read(&path).expect("corpus file");
        let (verdict, message) = judge(&octets);
        let name = path.file_name().and_then(|name| name.to_str()).expect("name");
        let expected = if accepted.contains(&name) { Verdict::Accepted } else { Verdict::Rejected(400) };
        assert_eq!(verdict, expected, "{name}");
        if let Some(message) = message {
            assert_lossless(&octets, &message);
            assert_streams(&message);
        }
    }
}

#[test]
fn fuzz_seeds_do_no_harm() {
    let Some(folder) = corpus() else { return };
    for path in rows(&folder, "sip/").keys() {
        let octets = std::fs::read(folder.join(path)).expect("corpus file");
        exercise(&octets);
    }
}

/// Everything that looks at a message, on octets of any kind.
fn exercise(octets: &[u8]) {
    let _ = tandem::sip::message::Uri::parse(octets);
    let _ = decode(octets.chunks(7));
    let Ok(message) = Message::parse_datagram(Bytes::copy_from_slice(octets)) else { return };
    let accepted = validate(&message).is_ok();
    let headers = message.headers();
    let _ = (headers.vias(), headers.from(), headers.to(), headers.contacts(), headers.expires(), headers.cseq());
    if let Some(media) = headers.content_type() {
        let _ = tandem::sip::message::multipart::leaves(&media, message.body());
    }
    if let Message::Request(request) = &message {
        let answer = tandem::sip::message::Response::for_request(request, 400).to_bytes();
        assert!(Message::parse_datagram(answer).is_ok(), "a refusal can always be written");
    }
    if accepted {
        assert_lossless(octets, &message);
    }
}

const INVITE: &str = "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776\r\n\
Max-Forwards: 70\r\nTo: \"Bob \\\"B\\\"\" <sip:bob@example.com;transport=udp>\r\nFrom: Rene <sip:rene@example.com>;tag=19\r\n\
Call-ID: a84b4c76@pc33\r\nCSeq: 1 INVITE\r\nContact: <sip:rene@192.0.2.1>, <sip:x@[2001:db8::1]:5070>\r\n\
Subject: one\r\n two\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody";

fn request_line(line: &str) -> String {
    INVITE.replacen("INVITE sip:bob@example.com SIP/2.0", line, 1)
}

fn header(from: &str, to: &str) -> String {
    assert!(INVITE.contains(from), "{from}");
    INVITE.replacen(from, to, 1)
}

/// The rules of RFC 4475 and RFC 5118 in our own words, so that they are tested without the corpus.
#[test]
fn every_rule_has_a_case_of_our_own() {
    use Verdict::{Accepted, Dropped, Rejected};
    let contact = "Contact: <sip:rene@192.0.2.1>, <sip:x@[2001:db8::1]:5070>";
    let via = "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776";
    let from = "From: Rene <sip:rene@example.com>;tag=19";
    let response = |line: &str| request_line(line).replace("Subject", "X-S");
    let cases: Vec<(&str, String, Verdict)> = vec![
        (
            "4475 3.1.1.1 folds and blanks",
            header(via, "v :\tSIP  / 2.0\r\n / UDP\r\n  h.example ; branch =\r\n z9hG4bKx"),
            Accepted,
        ),
        ("3.1.1.2 odd tokens", INVITE.replace("INVITE", "!in-M_*+`.%d'~"), Accepted),
        ("3.1.1.3 escapes", request_line("INVITE sip:a%3Ab%40c@example.net;%6C%72 SIP/2.0"), Accepted),
        ("3.1.1.4 escaped NUL", header(contact, "Contact: <sip:%00@h.example>"), Accepted),
        ("3.1.1.5 no escapes in names", header("Subject", "C%6Fntact"), Accepted),
        ("3.1.1.6 no blank before bracket", header("Rene <", "Rene<"), Accepted),
        ("3.1.1.7 long value", header("one", &"x".repeat(6000)), Accepted),
        ("3.1.1.8 octets past the length", format!("{INVITE}INVITE garbage"), Accepted),
        ("3.1.1.9 semicolon in user", request_line("INVITE sip:u;p=x%40y@example.com SIP/2.0"), Accepted),
        ("3.1.1.10 unknown transport", header("SIP/2.0/UDP", "SIP/2.0/PIGEON"), Accepted),
        ("3.1.1.12 UTF-8 reason", response("SIP/2.0 200 = \u{43e}\u{43a}"), Accepted),
        ("3.1.1.13 empty reason", response("SIP/2.0 100 "), Accepted),
        ("3.1.2.1 empty parameters", header(via, "Via: SIP/2.0/UDP 192.0.2.15;;,;,,"), Rejected(400)),
        ("3.1.2.2 body too short", header("Length: 4", "Length: 5"), Rejected(400)),
        ("3.1.2.3 negative length", header("Length: 4", "Length: -4"), Rejected(400)),
        ("3.1.2.4 CSeq too large", header("CSeq: 1 ", "CSeq: 4294967296 "), Rejected(400)),
        ("3.1.2.4 Max-Forwards too large", header("Forwards: 70", "Forwards: 300"), Rejected(400)),
        ("3.1.2.5 the same in a response", response("SIP/2.0 503 No").replace("CSeq: 1", "CSeq: 9999999999"), Dropped),
        ("3.1.2.6 open quote", header(from, "From: \"Rene <sip:rene@example.com>;tag=19"), Rejected(400)),
        ("3.1.2.7 bracketed Request-URI", request_line("INVITE <sip:bob@example.com> SIP/2.0"), Rejected(400)),
        ("3.1.2.8 blank in Request-URI", request_line("INVITE sip:bob@example.com; lr SIP/2.0"), Rejected(400)),
        ("3.1.2.9 two blanks", request_line("INVITE  sip:bob@example.com SIP/2.0"), Rejected(400)),
        ("3.1.2.10 blank at the end", request_line("INVITE sip:bob@example.com SIP/2.0 "), Rejected(400)),
        (
            "3.1.2.11 headers in Request-URI",
            request_line("INVITE sip:b@example.com?Route=%3Csip:x%3E SIP/2.0"),
            Rejected(400),
        ),
        (
            "3.1.2.13 question mark without brackets",
            header(contact, "Contact: sip:u@example.com?Route=x"),
            Rejected(400),
        ),
        ("3.1.2.14 blanks in brackets", header("<sip:rene@example.com>", "< sip:rene@example.com >"), Rejected(400)),
        ("3.1.2.15 comma in bare name", header("Rene <", "Re, ne <"), Rejected(400)),
        ("3.1.2.16 version", INVITE.replace("SIP/2.0\r\nVia: SIP/2.0", "SIP/7.0\r\nVia: SIP/7.0"), Rejected(505)),
        ("3.1.2.17 methods differ", header("CSeq: 1 INVITE", "CSeq: 1 BYE"), Rejected(400)),
        ("3.1.2.19 status code", response("SIP/2.0 4294967301 big"), Dropped),
        ("3.2.1 branch is the cookie alone", header("z9hG4bK776", "z9hG4bK"), Accepted),
        ("3.3.1 no Call-ID", header("Call-ID: a84b4c76@pc33\r\n", ""), Rejected(400)),
        ("3.3.2 unknown scheme", request_line("INVITE nobodyKnows:opaque SIP/2.0"), Rejected(416)),
        ("3.3.4 other schemes in headers", header(contact, "Contact: <name:John_Smith>"), Accepted),
        ("3.3.8 two To", header("Subject: one", "To: <sip:x@y>"), Rejected(400)),
        ("3.3.9 two Content-Length", header("Subject: one\r\n two", "l: 4"), Rejected(400)),
        (
            "3.3.10 second Via in a response",
            response("SIP/2.0 200 OK").replace(via, &format!("{via}, {}", &via[5..])),
            Dropped,
        ),
        ("3.3.12 contact parameter", header(contact, "Contact: sip:+1972@gw1.example.net;unknown"), Accepted),
        (
            "3.4.1 RFC 2543",
            INVITE.replace(";tag=19", "").replace(";branch=z9hG4bK776", "").replace("Max-Forwards: 70\r\n", ""),
            Accepted,
        ),
        ("5118 4.1 IPv6", request_line("INVITE sip:[2001:db8::10]:5070 SIP/2.0"), Accepted),
        ("5118 4.2 IPv6 without brackets", request_line("INVITE sip:2001:db8::10 SIP/2.0"), Rejected(400)),
        ("5118 4.5 received without brackets", header("branch", "received=2001:db8::9:255;branch"), Accepted),
        ("5118 4.5 received with brackets", header("branch", "received=[2001:db8::9:255];branch"), Accepted),
        ("5118 4.10 three colons", request_line("INVITE sip:u@[2001:db8:::192.0.2.1] SIP/2.0"), Accepted),
        ("tel Request-URI", request_line("INVITE tel:+1-555-123 SIP/2.0"), Accepted),
        ("no colon", header("Subject: one\r\n two", "no colon here"), Rejected(400)),
        (
            "bare LF smuggles a header",
            header("Subject: one\r\n two", "Subject: one\nP-Asserted-Identity: <sip:ceo@x>"),
            Rejected(400),
        ),
        ("bare CR", header("Subject: one\r\n two", "Subject: one\rtwo"), Rejected(400)),
        ("length as a list", header("Length: 4", "Length: 4, 4"), Rejected(400)),
        ("length in hexadecimal", header("Length: 4", "Length: 0x4"), Rejected(400)),
        ("length with a sign", header("Length: 4", "Length: +4"), Rejected(400)),
        ("length beyond 64 bits", header("Length: 4", "Length: 99999999999999999999"), Rejected(400)),
        ("length with zeros", header("Length: 4", "Length: 0000000000000000000000004"), Accepted),
        ("no length on a datagram", header("Content-Length: 4\r\n", ""), Accepted),
        ("parameter twice", header("tag=19", "tag=19;TAG=20"), Rejected(400)),
        ("no version", request_line("INVITE sip:bob@example.com"), Dropped),
        ("no empty line", INVITE.split_once("\r\n\r\n").expect("head").0.to_owned() + "\r\n", Rejected(400)),
        ("line too long", header("one", &"x".repeat(limits::MAX_LINE)), Dropped),
        ("too many headers", header("Subject", &("X: 1\r\n".repeat(limits::MAX_HEADERS) + "Subject")), Dropped),
        ("datagram too large", format!("{INVITE}{}", "x".repeat(limits::MAX_MESSAGE)), Dropped),
        ("leading empty lines", format!("\r\n\r\n{INVITE}"), Accepted),
        ("noise", "\u{0}\u{1}".into(), Dropped),
        ("nothing", String::new(), Dropped),
    ];
    for (rule, octets, expected) in cases {
        let (verdict, message) = judge(octets.as_bytes());
        assert_eq!(verdict, expected, "{rule}");
        if let Some(message) = message {
            assert_lossless(octets.as_bytes(), &message);
            if octets.len() < 2000 {
                assert_streams(&message);
            }
        }
    }
}

#[test]
fn octets_that_are_not_text_are_kept() {
    let mut octets = INVITE.as_bytes().to_vec();
    let at = INVITE.find("Rene").expect("display name") + 3;
    octets[at] = 0xe9;
    let body = octets.len() - 4;
    octets[body..].copy_from_slice(b"\xff\xd8\x00\n");
    let (verdict, message) = judge(&octets);
    assert_eq!(verdict, Verdict::Accepted);
    let message = message.expect("accepted");
    assert_lossless(&octets, &message);
    assert_eq!(message.headers().from().expect("From").display.expect("display").as_bytes(), b"Ren\xe9");
}

#[derive(Clone, Debug)]
enum Mutation {
    Replace(usize, u8),
    Insert(usize, Vec<u8>),
    Delete(usize, usize),
    Duplicate(usize, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let telling = prop::sample::select(b"\r\n \t:;,<>\"\\@?=%[]()0\x00\x7f\xe9".to_vec());
    let octet = prop_oneof![telling.clone(), any::<u8>()];
    prop_oneof![
        (any::<usize>(), octet).prop_map(|(at, b)| Mutation::Replace(at, b)),
        (any::<usize>(), prop::collection::vec(telling, 1..4)).prop_map(|(at, b)| Mutation::Insert(at, b)),
        (any::<usize>(), 1..40usize).prop_map(|(at, n)| Mutation::Delete(at, n)),
        (any::<usize>(), 1..80usize).prop_map(|(at, n)| Mutation::Duplicate(at, n)),
    ]
}

fn mutate(octets: &mut Vec<u8>, mutation: Mutation) {
    let len = octets.len().max(1);
    match mutation {
        Mutation::Replace(at, b) => octets.iter_mut().skip(at % len).take(1).for_each(|old| *old = b),
        Mutation::Insert(at, new) => drop(octets.splice(at % len..at % len, new)),
        Mutation::Delete(at, n) => drop(octets.drain(at % len..(at % len + n).min(octets.len()).max(at % len))),
        Mutation::Duplicate(at, n) => {
            let piece = octets[at % len..(at % len + n).min(octets.len())].to_vec();
            drop(octets.splice(at % len..at % len, piece));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn mutated_messages_never_panic_and_never_change(mutations in prop::collection::vec(mutation(), 0..6)) {
        let mut octets = INVITE.as_bytes().to_vec();
        for mutation in mutations {
            if !octets.is_empty() {
                mutate(&mut octets, mutation);
            }
        }
        exercise(&octets);
    }

    #[test]
    fn any_octets_are_survived(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        exercise(&octets);
    }
}
