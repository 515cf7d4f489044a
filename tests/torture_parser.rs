//! The torture messages of RFC 4475 and RFC 5118, and our own, through the message layer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use tandem::sip::message::{Message, ParseError, validate};

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

#[test]
fn rfc_4475_and_5118_verdicts() {
    let Some(folder) = corpus() else { return };
    let mut wrong = Vec::new();
    let mut rows = rows(&folder, "sip/rfc");
    assert!(rows.len() >= 62, "the corpus is whole");
    for (path, expect) in &mut rows {
        let octets = std::fs::read(folder.join(&path)).expect("corpus file");
        let octets = if path.contains("rfc5118") { repaired(&octets) } else { octets };
        let (verdict, message) = judge(&octets);
        if !matches(expect, verdict) {
            wrong.push(format!("{path}: expected {expect}, got {verdict:?}"));
        }
        if let Some(message) = message {
            let out = message.to_bytes();
            assert!(octets.windows(out.len()).any(|w| w == out), "{path} comes out as it went in");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
