//! The torture messages of RFC 4475 and RFC 5118, and our own, through the message layer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use proptest::prelude::*;
use tandem::sip::framing::{FramingError, StreamDecoder, StreamItem};
use tandem::sip::message::{HeaderName, Message, ParseError, limits, validate};

#[path = "torture/cases.rs"]
mod cases;

use cases::{INVITE, Verdict, every_rule};

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

/// The rules of RFC 4475 and RFC 5118 in our own words, so that they are tested without the corpus.
#[test]
fn every_rule_has_a_case_of_our_own() {
    for (rule, octets, expected) in every_rule() {
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
