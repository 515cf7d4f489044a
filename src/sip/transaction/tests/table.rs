//! Which transaction a message means, what is refused, and what it all costs.

use super::*;
use crate::sip::message::Method;
use crate::sip::transaction::cancel;

#[test]
fn a_server_transaction_is_known_by_branch_sent_by_and_method() {
    let mut script = Script::over(udp());
    script.open(&request("OPTIONS", "z9hG4bK1"));
    // Another method, another branch, another sent-by; each with tags of its own, so that none counts as merged.
    let variant = |text: String| parse_request(&text);
    let text = String::from_utf8_lossy(&request("OPTIONS", "z9hG4bK1").to_bytes()).into_owned();
    script.open(&variant(text.replace("OPTIONS", "INFO")));
    script.open(&request("OPTIONS", "z9hG4bK2"));
    script.open(&variant(text.replace("192.0.2.9:5070", "192.0.2.9:5071").replace("tag=f-", "tag=g-")));
    // The same sent-by in other letters, and everything else different: a retransmission all the same.
    let mut named = text.replace("192.0.2.9:5070", "Phone.example.com").replace("tag=f-", "tag=h-");
    script.open(&variant(named.clone()));
    named = named.replace("Phone.example.com", "phone.EXAMPLE.com:5060").replace("c-z9", "d-z9");
    assert!(matches!(script.receive_request(&variant(named)), Received::Absorbed));
}

#[test]
fn a_response_needs_both_branch_and_method() {
    let options = request("OPTIONS", "z9hG4bK1");
    let mut script = Script::over(udp());
    script.request(&options);
    script.receive_response(answer(&request("OPTIONS", "z9hG4bK2"), 200));
    script.receive_response(answer(&request("INFO", "z9hG4bK1"), 200));
    script.expect(&["0 send OPTIONS", "0 stray 200", "0 stray 200"]);
}

#[test]
fn peers_without_magic_cookie_are_matched_the_rfc_2543_way() {
    let old = |method: &str, to_tag: &str, cseq: u32| {
        parse_request(&format!(
            "{method} sip:flights@example.com SIP/2.0\r\nVia: SIP/2.0/UDP old.example.com\r\n\
             From: <sip:ann@example.com>;tag=a\r\nTo: <sip:flights@example.com>{to_tag}\r\nCall-ID: old\r\n\
             CSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
        ))
    };
    let mut script = Script::over(udp());
    let tx = script.open(&old("INVITE", "", 1));
    assert!(matches!(script.receive_request(&old("INVITE", "", 1)), Received::Absorbed));
    let Received::Cancel { invite, .. } = script.receive_request(&old("CANCEL", "", 1)) else { panic!() };
    assert_eq!(invite, Some(tx));
    script.respond(tx, answer(&old("INVITE", "", 1), 487));
    // Its ACK has the tag that we gave.
    script.receive_request(&old("ACK", ";tag=t", 1));
    script.open(&old("INVITE", "", 2));
    script.open(&old("BYE", ";tag=t", 3));
    script.open(&old("BYE", ";tag=u", 3));
    script.expect(&["0 new INVITE", "0 cancel true", "0 send 487", "0 new INVITE", "0 new BYE", "0 new BYE"]);
}

#[test]
fn a_cancel_finds_its_invite_and_is_a_transaction_itself() {
    let invite = request("INVITE", "z9hG4bK1");
    let cancel = cancel(&invite).unwrap();
    let mut script = Script::over(udp());
    let invite_tx = script.open(&invite);
    let Received::Cancel { cancel_tx, invite: found, .. } = script.receive_request(&cancel) else { panic!() };
    assert_eq!(found, Some(invite_tx));
    assert_ne!(cancel_tx, invite_tx);
    script.respond(cancel_tx, answer(&cancel, 200));
    script.respond(invite_tx, answer(&invite, 487));
    // The 200 was lost: the CANCEL comes again and is answered again, without troubling the TU.
    script.receive_request(&cancel);
    script.expect(&["0 new INVITE", "0 cancel true", "0 send 200", "0 send 487", "0 send 200"]);
}

#[test]
fn a_cancel_for_nothing_says_so() {
    let mut script = Script::over(udp());
    script.open(&request("OPTIONS", "z9hG4bK1"));
    script.receive_request(&cancel(&request("INVITE", "z9hG4bK1")).unwrap());
    script.expect(&["0 new OPTIONS", "0 cancel false"]);
}

#[test]
fn a_request_by_a_second_path_is_a_loop() {
    let invite = request("INVITE", "z9hG4bK1");
    let text = String::from_utf8_lossy(&invite.to_bytes()).into_owned();
    let merged = parse_request(&text.replace("branch=z9hG4bK1", "branch=z9hG4bK2"));
    let mut script = Script::over(udp());
    let tx = script.open(&invite);
    script.receive_request(&merged);
    script.expect(&["0 new INVITE", "0 send 482"]);
    assert!(matches!(&script.sent, Some(Message::Response(r)) if r.to().unwrap().tag().is_some()));
    // RFC 3261 §8.2.2.2: by a transaction, which retransmits, and which the TU never hears of.
    script.until(500);
    script.receive_request(&parse_request(&text.replace("INVITE", "ACK").replace("=z9hG4bK1", "=z9hG4bK2")));
    script.until(6_000);
    script.expect(&["200 send 100", "500 send 482"]);
    // Within a dialog the same CSeq is the dialog's affair, and once all is over nothing is merged.
    let reinvite =
        text.replace("example.com>\r\nCall", "example.com>;tag=t\r\nCall").replace("bK1\r\nMax", "bK3\r\nMax");
    script.open(&parse_request(&reinvite));
    script.respond(tx, answer(&invite, 486));
    script.receive_request(&request("ACK", "z9hG4bK1"));
    script.until(20_000);
    script.open(&merged);
}

#[test]
fn a_full_table_refuses_without_state_but_lets_calls_end() {
    let mut script = Script::with(Transactions::new(TimerConfig::default(), 4), udp());
    let invite = request("INVITE", "z9hG4bK0");
    for n in 0..4 {
        script.open(&request("INVITE", &format!("z9hG4bK{n}")));
    }
    script.log.clear();
    for _ in 0..2 {
        script.receive_request(&request("INVITE", "z9hG4bK9"));
        script.expect(&["0 send 503"]);
    }
    let refusal = script.sent_text();
    assert!(refusal.contains("\r\nRetry-After: 32\r\n") && refusal.contains(";tag="), "{refusal}");
    script.receive_request(&request("INVITE", "z9hG4bK9"));
    assert_eq!(script.sent_text(), refusal, "without state the tag must come out the same");
    assert_eq!(script.table.len(), 4);
    script.log.clear();
    // The ACK of the refused one is nobody's; it is never answered.
    script.receive_request(&request("ACK", "z9hG4bK9"));
    // A request within a dialog, and a CANCEL that finds its INVITE.
    let text = String::from_utf8_lossy(&request("BYE", "z9hG4bKb").to_bytes()).into_owned();
    let bye = text.replace("example.com>\r\nCall", "example.com>;tag=t\r\nCall");
    script.open(&parse_request(&bye));
    script.receive_request(&cancel(&invite).unwrap());
    // The reserve is bounded as well.
    script.receive_request(&parse_request(&bye.replace("z9hG4bKb", "z9hG4bKc")));
    script.receive_request(&cancel(&request("INVITE", "z9hG4bK9")).unwrap());
    script.expect(&["0 ack", "0 new BYE", "0 cancel true", "0 send 503", "0 send 503"]);
}

#[test]
fn a_broken_flow_fails_only_what_went_on_it() {
    let failed = |sent: Flow, broken: Flow| {
        let mut table = Transactions::new(TimerConfig::default(), 10);
        let now = Instant::now();
        table.request(request("OPTIONS", "z9hG4bK1"), sent, now);
        table.transport_error(&broken, now);
        table.is_empty()
    };
    let tcp = |port, connection| flow(Transport::Tcp, port, connection);
    assert!(failed(tcp(5060, Some(1)), tcp(5060, Some(1))));
    assert!(!failed(tcp(5060, Some(1)), tcp(5060, Some(2))));
    assert!(!failed(tcp(5060, Some(1)), tcp(5061, Some(1))));
    // Asked for before the connection was there, and lost with it, or it never came to be.
    assert!(failed(tcp(5060, None), tcp(5060, Some(2))));
    assert!(failed(tcp(5060, None), tcp(5060, None)));
    assert!(!failed(tcp(5060, Some(1)), tcp(5060, None)));
    assert!(!failed(tcp(5060, None), udp()));
}

#[test]
fn many_flows_break_one_by_one_in_order() {
    let mut table = Transactions::new(TimerConfig::default(), 10);
    let now = Instant::now();
    let mut expected = Vec::new();
    for n in 0..20u16 {
        let flow = flow(Transport::Tcp, 6000 + n % 2, Some(1));
        let tx = table.request(request("OPTIONS", &format!("z9hG4bK{n}")), flow, now);
        if n % 2 == 1 {
            expected.push(tx);
        }
    }
    table.transport_error(&flow(Transport::Tcp, 6001, Some(1)), now);
    let failed: Vec<ClientTx> = std::iter::from_fn(|| table.poll_output())
        .filter_map(|output| if let TxOutput::TransportError { tx } = output { Some(tx) } else { None })
        .collect();
    assert_eq!(failed, expected);
    assert_eq!(table.len(), 10);
}

#[test]
fn an_ack_of_the_tu_is_sent_once_and_forgotten() {
    let mut script = Script::over(udp());
    script.request(&request("ACK", "z9hG4bK1"));
    script.until(40_000);
    script.expect(&["0 send ACK", "0 end"]);
    script.expect_empty();
}

#[test]
fn a_branch_used_twice_belongs_to_the_later_and_leaves_nothing() {
    let options = request("OPTIONS", "z9hG4bK1");
    let mut script = Script::over(udp());
    let first = script.request(&options);
    let second = script.request(&options);
    script.table.abandon(first);
    let Received::Response { tx, .. } = script.receive_response(answer(&options, 200)) else { panic!() };
    assert_eq!(tx, second);
    script.until(5_000);
    script.log.clear();
    script.expect_empty();
}

#[test]
fn a_late_timeout_fires_everything_once() {
    let mut script = Script::over(udp());
    script.request(&request("INVITE", "z9hG4bK1"));
    script.now += Duration::from_secs(3600);
    script.table.handle_timeout(script.now);
    script.drain();
    script.expect(&["0 send INVITE", "3600000 send INVITE", "3600000 timeout", "3600000 end"]);
    script.expect_empty();
}

#[test]
fn zero_timers_do_not_hang() {
    let zero = TimerConfig {
        t1: Duration::ZERO,
        t2: Duration::ZERO,
        t4: Duration::ZERO,
        d: Duration::ZERO,
        trying: Duration::ZERO,
    };
    let mut script = Script::with(Transactions::new(zero, 10), udp());
    let invite = request("INVITE", "z9hG4bK1");
    script.request(&invite);
    let tx = script.open(&request("INVITE", "z9hG4bK2"));
    script.respond(tx, answer(&invite, 486));
    script.until(1_000);
    script.log.clear();
    script.expect_empty();
}

#[test]
fn a_hundred_thousand_transactions_leave_nothing() {
    let mut table = Transactions::new(TimerConfig::default(), 100_000);
    let start = Instant::now();
    let template = request("OPTIONS", "z9hG4bK1");
    for n in 0..100_000 {
        let mut request = template.clone();
        request.headers.set(HeaderName::Via, format!("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{n}"));
        request.headers.set(HeaderName::CallId, n.to_string());
        let response = Response::for_request(&request, 200);
        let Received::NewRequest { tx, .. } = table.receive(Message::Request(request), udp(), start) else { panic!() };
        table.respond(tx, response, start);
        while table.poll_output().is_some() {}
    }
    assert_eq!(table.len(), 100_000);
    let end = start + Duration::from_secs(32);
    assert_eq!(table.poll_timeout(), Some(end));
    table.handle_timeout(end);
    let ended = std::iter::from_fn(|| table.poll_output())
        .filter(|output| matches!(output, TxOutput::ServerTerminated { .. }))
        .count();
    assert_eq!(ended, 100_000);
    assert!(table.is_empty());
}

#[test]
fn methods_nobody_knows_are_transactions_too() {
    let mut script = Script::over(udp());
    let foreign = request("FOO", "z9hG4bK1");
    assert_eq!(foreign.method, Method::Other("FOO".into()));
    let tx = script.open(&foreign);
    script.respond(tx, answer(&foreign, 501));
    script.expect(&["0 new FOO", "0 send 501"]);
}
