//! Every message gets its verdict, over datagrams and over streams; `docs/torture.md` says which.

use crate::cases::{INVITE, Verdict, every_rule};
use crate::corpus::{self, Row};
use crate::datagrams::Peer;
use crate::given::{is_answerable, required_of_stream};
use crate::streams;
use crate::target::Target;

/// Where the table lives. `TANDEM_WRITE_TABLE=1` writes it anew from what the gateway gives.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/torture.md");
const TABLE: &str = "| message | where | required | datagram | stream |\n|---|---|---|---|---|\n";

#[test]
fn the_corpus_gets_its_verdicts() {
    let rows = corpus::read();
    if rows.is_empty() {
        return;
    }
    let datagrams = std::thread::scope(|scope| {
        let datagrams = scope.spawn(|| by_datagrams(&rows));
        let streams = by_streams(&rows);
        datagrams.join().map(|datagrams| (datagrams, streams))
    });
    let ((by_datagram, wrong_datagrams), (by_stream, wrong_streams)) = datagrams.expect("no panic");
    let lines = rows.iter().zip(&by_datagram).zip(&by_stream);
    let lines = lines.map(|((row, datagram), stream)| {
        format!("| {} | {} | {} | {datagram} | {stream} |\n", row.path, row.source, row.required)
    });
    let table = TABLE.to_owned() + &lines.collect::<String>();
    let wrong = [wrong_datagrams, wrong_streams].concat();
    assert!(wrong.is_empty(), "{wrong:#?}");
    document(&table);
}

/// The document has this table and no other.
fn document(table: &str) {
    let text = std::fs::read_to_string(DOCUMENT).expect("docs/torture.md");
    let (before, old) = text.split_once(TABLE).expect("the table in docs/torture.md");
    let end = old.find("\n\n").map_or(old.len(), |end| end + 1);
    if std::env::var_os("TANDEM_WRITE_TABLE").is_some() {
        std::fs::write(DOCUMENT, format!("{before}{table}{}", &old[end..])).expect("docs/torture.md");
    } else {
        let same = TABLE.to_owned() + &old[..end] == table;
        assert!(same, "docs/torture.md does not say what the gateway does; TANDEM_WRITE_TABLE=1 writes it:\n{table}");
    }
}

/// What is given for each, and what of it is wrong.
type Verdicts = (Vec<String>, Vec<String>);

fn by_datagrams(rows: &[Row]) -> Verdicts {
    let target = Target::start();
    let mut open = Peer::new(&target, target.udp, 0);
    let mut guarded = Peer::new(&target, target.guarded, 1);
    let mut verdicts = Verdicts::default();
    for row in rows {
        let peer = if row.required == "challenge-401" { &mut guarded } else { &mut open };
        let given = peer.ask(&row.octets);
        if !given.satisfies(&row.required, is_answerable(&row.octets)) {
            verdicts.1.push(format!("{} by datagram: {} is required, {given} given", row.path, row.required));
        }
        verdicts.0.push(given.to_string());
    }
    target.gateway.is_left_clean();
    verdicts
}

fn by_streams(rows: &[Row]) -> Verdicts {
    let target = Target::start();
    let mut verdicts = Verdicts::default();
    for (number, row) in rows.iter().enumerate() {
        let port = if row.required == "challenge-401" { target.guarded } else { target.tcp };
        let given = streams::ask(&target, port, &row.octets, number);
        let required = required_of_stream(&row.octets, &row.required, is_answerable(&row.octets));
        if !given.satisfies(&required, is_answerable(&row.octets)) {
            verdicts.1.push(format!("{} by stream: {required} is required, {given} given", row.path));
        }
        let is_judged = required != "no-crash" || row.required == "no-crash";
        verdicts.0.push(if is_judged { given.to_string() } else { "not judged".to_owned() });
    }
    target.gateway.is_left_clean();
    verdicts
}

/// The rules of both RFCs in messages of our own: what each requires.
fn own_cases() -> Vec<(String, Vec<u8>, &'static str)> {
    let mut cases: Vec<(String, String, &str)> = every_rule()
        .into_iter()
        .map(|(rule, message, verdict)| {
            let required = match verdict {
                Verdict::Accepted => "parse-ok",
                Verdict::Rejected(400) => "reject-400",
                Verdict::Rejected(416) => "reject-416",
                Verdict::Rejected(505) => "reject-505",
                Verdict::Rejected(status) => panic!("{rule}: {status}"),
                Verdict::Dropped => "drop",
            };
            (rule.to_owned(), message, required)
        })
        .collect();
    let with_in = |message: &str, line: &str| message.replacen("Subject: one\r\n two", line, 1);
    let with = |line: &str| with_in(INVITE, line);
    let sdp = INVITE.replace("text/plain", "application/sdp");
    let own = [
        ("an extension is required", with("Require: tomorrow"), "reject-420"),
        ("an unknown body type", INVITE.to_owned(), "reject-415"),
        ("an unknown body encoding", with_in(&sdp, "Content-Encoding: gzip"), "reject-415"),
        ("no SDP is accepted", with_in(&sdp, "Accept: text/plain"), "reject-406"),
        (
            "the last hop",
            INVITE.replace("INVITE", "OPTIONS").replace("Forwards: 70", "Forwards: 0"),
            "reject-483-or-answer",
        ),
    ];
    cases.extend(own.map(|(rule, message, required)| (rule.to_owned(), message, required)));
    // Each is a transaction of its own.
    let unique = |(number, (rule, message, required)): (usize, (String, String, &'static str))| {
        let message = message.replace("z9hG4bK776", &format!("z9hG4bK776x{number}"));
        let message = message.replace("a84b4c76@pc33", &format!("a84b4c76-{number}@pc33"));
        (rule, message.into_bytes(), required)
    };
    cases.into_iter().enumerate().map(unique).collect()
}

#[test]
fn our_own_cases_get_their_verdicts_by_datagrams() {
    let target = Target::start();
    let mut peer = Peer::new(&target, target.udp, 2);
    let mut wrong = Vec::new();
    // More than a datagram holds is a matter of streams.
    for (rule, message, required) in own_cases().into_iter().filter(|(_, message, _)| message.len() < 65_000) {
        let given = peer.ask(&message);
        if !given.satisfies(required, is_answerable(&message)) {
            wrong.push(format!("{rule}: {required} is required, {given} given"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    target.gateway.is_left_clean();
}

#[test]
fn our_own_cases_get_their_verdicts_by_streams() {
    let target = Target::start();
    let mut wrong = Vec::new();
    for (number, (rule, message, required)) in own_cases().into_iter().enumerate() {
        // What is no SIP message at all leaves a stream in any state but a broken gateway's.
        let required = match required {
            "drop" => "no-crash".to_owned(),
            required => required_of_stream(&message, required, is_answerable(&message)),
        };
        let given = streams::ask(&target, target.tcp, &message, number);
        if !given.satisfies(&required, is_answerable(&message)) {
            wrong.push(format!("{rule}: {required} is required, {given} given"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    target.gateway.is_left_clean();
}

#[test]
fn who_has_no_password_is_challenged_whatever_he_asks() {
    let target = Target::start();
    let mut peer = Peer::new(&target, target.guarded, 3);
    for (number, method) in ["INVITE", "REGISTER", "MESSAGE", "SUBSCRIBE"].into_iter().enumerate() {
        let message = INVITE.replace("INVITE", method).replace("a84b4c76", &format!("guarded-{number}"));
        let message = message.replace("z9hG4bK776", &format!("z9hG4bKguarded{number}"));
        for scheme in ["", "Authorization: NoOneKnowsThisScheme opaque-data=here\r\n"] {
            let message = message.replacen("Subject", &format!("{scheme}Subject"), 1);
            let message = message.replace("guarded", if scheme.is_empty() { "guarded" } else { "schemed" });
            let given = peer.ask(message.as_bytes());
            assert!(given.satisfies("challenge-401", true), "{method}: {given}");
        }
    }
    target.gateway.is_left_clean();
}
