//! The rules of RFC 4475 and RFC 5118 in our own words, so that they are tested without the corpus.

/// What became of some octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    Rejected(u16),
    Dropped,
}

use Verdict::{Accepted, Dropped, Rejected};

/// A request in which nothing is wrong.
pub const INVITE: &str = "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776\r\n\
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

/// Every rule: its name, a message, what becomes of it.
pub fn every_rule() -> Vec<(&'static str, String, Verdict)> {
    let contact = "Contact: <sip:rene@192.0.2.1>, <sip:x@[2001:db8::1]:5070>";
    let via = "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776";
    let from = "From: Rene <sip:rene@example.com>;tag=19";
    let response = |line: &str| request_line(line).replace("Subject", "X-S");
    vec![
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
        ("line too long", header("one", &"x".repeat(tandem::sip::message::limits::MAX_LINE)), Dropped),
        (
            "too many headers",
            header("Subject", &("X: 1\r\n".repeat(tandem::sip::message::limits::MAX_HEADERS) + "Subject")),
            Dropped,
        ),
        ("datagram too large", format!("{INVITE}{}", "x".repeat(tandem::sip::message::limits::MAX_MESSAGE)), Dropped),
        ("leading empty lines", format!("\r\n\r\n{INVITE}"), Accepted),
        ("noise", "\u{0}\u{1}".into(), Dropped),
        ("nothing", String::new(), Dropped),
    ]
}
