//! RFC 3261 figure 5 and RFC 6026 §7.2.

use super::*;
use crate::sip::message::{Method, validate};
use crate::sip::transaction::cancel;

#[test]
fn udp_retransmits_doubling_until_b() {
    let mut script = Script::over(udp());
    script.request(&request("INVITE", "z9hG4bK1"));
    script.until(40_000);
    script.expect(&[
        "0 send INVITE",
        "500 send INVITE",
        "1500 send INVITE",
        "3500 send INVITE",
        "7500 send INVITE",
        "15500 send INVITE",
        "31500 send INVITE",
        "32000 timeout",
        "32000 end",
    ]);
    script.expect_empty();
}

#[test]
fn tcp_sends_once_and_b_still_ends_it() {
    let mut script = Script::over(tcp());
    script.request(&request("INVITE", "z9hG4bK1"));
    script.until(40_000);
    script.expect(&["0 send INVITE", "32000 timeout", "32000 end"]);
    script.expect_empty();
}

#[test]
fn a_provisional_stops_both_timers_for_good() {
    let invite = request("INVITE", "z9hG4bK1");
    let mut script = Script::over(udp());
    let tx = script.request(&invite);
    script.until(600);
    script.receive_response(answer(&invite, 100));
    script.until(120_000);
    script.receive_response(answer(&invite, 180));
    script.expect(&["0 send INVITE", "500 send INVITE", "600 response 100", "120000 response 180"]);
    script.table.abandon(tx);
    script.drain();
    script.expect(&["120000 end"]);
    script.expect_empty();
}

#[test]
fn udp_failure_is_acknowledged_until_d() {
    let invite = request("INVITE", "z9hG4bK1");
    let mut script = Script::over(udp());
    script.request(&invite);
    script.receive_response(answer(&invite, 486));
    script.until(1000);
    script.receive_response(answer(&invite, 486));
    // Nothing but a failure matters any more.
    script.receive_response(answer(&invite, 180));
    script.receive_response(answer(&invite, 200));
    script.until(31_999);
    assert_eq!(script.table.len(), 1);
    script.until(40_000);
    script.expect(&["0 send INVITE", "0 response 486", "0 send ACK", "1000 send ACK", "32000 end"]);
    script.expect_empty();
}

#[test]
fn tcp_failure_ends_at_once() {
    let invite = request("INVITE", "z9hG4bK1");
    let mut script = Script::over(tcp());
    script.request(&invite);
    script.receive_response(answer(&invite, 183));
    script.receive_response(answer(&invite, 603));
    script.expect(&["0 send INVITE", "0 response 183", "0 response 603", "0 send ACK", "0 end"]);
    script.expect_empty();
}

#[test]
fn every_2xx_goes_up_until_m() {
    for flow in [udp(), tcp()] {
        let invite = request("INVITE", "z9hG4bK1");
        let mut script = Script::over(flow);
        script.request(&invite);
        script.until(100);
        script.receive_response(answer(&invite, 200));
        script.receive_response(answer(&invite, 180));
        script.receive_response(answer(&invite, 500));
        script.until(9_000);
        script.receive_response(answer(&invite, 200));
        script.until(40_000);
        script.receive_response(answer(&invite, 200));
        script.expect(&["0 send INVITE", "100 response 200", "9000 response 200", "32100 end", "40000 stray 200"]);
        script.expect_empty();
    }
}

#[test]
fn the_ack_is_what_section_17_1_1_3_says() {
    let invite = parse_request(
        "INVITE sip:bob@192.0.2.4;transport=udp SIP/2.0\r\n\
         v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkjshdyff;rport, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKbehind\r\n\
         t: Bob <sip:bob@example.com>\r\n\
         f: Alice <sip:alice@example.com>;tag=88sja8x\r\n\
         Route: <sip:a.example.com;lr>, <sip:b.example.com;lr>\r\n\
         Route: <sip:c.example.com;lr>\r\n\
         Max-Forwards: 3\r\n\
         Contact: <sip:alice@192.0.2.1>\r\n\
         Authorization: Digest username=\"alice\"\r\n\
         i: 987asjd97y7atg\r\n\
         CSeq: 986759 INVITE\r\n\
         Content-Type: application/sdp\r\n\
         l: 4\r\n\r\nv=0\n",
    );
    let mut script = Script::over(udp());
    script.request(&invite);
    let mut refusal = Response::for_request(&invite, 404);
    refusal.headers.set(HeaderName::To, "Bob <sip:bob@example.com>;tag=99sa0xk");
    script.receive_response(refusal);
    script.expect(&["0 send INVITE", "0 response 404", "0 send ACK"]);
    let text = script.sent_text();
    let Some(ack) = script.sent.take() else { panic!() };
    validate(&ack).expect("a valid ACK");
    let Message::Request(ack) = ack else { panic!("not a request") };
    assert!(text.starts_with("ACK sip:bob@192.0.2.4;transport=udp SIP/2.0\r\n"), "{text}");
    assert_eq!(ack.headers.values(&HeaderName::Via).count(), 1);
    assert_eq!(ack.via().unwrap().branch(), Some("z9hG4bKkjshdyff"));
    assert_eq!(ack.headers.values(&HeaderName::Route).count(), 3);
    assert_eq!(ack.routes().unwrap()[2].uri.as_str(), "sip:c.example.com;lr");
    assert_eq!(ack.to().unwrap().tag(), Some("99sa0xk"));
    assert_eq!(ack.from().unwrap().tag(), Some("88sja8x"));
    assert_eq!(ack.call_id().unwrap(), "987asjd97y7atg");
    assert_eq!(ack.cseq().unwrap().to_string(), "986759 ACK");
    assert_eq!(ack.max_forwards().unwrap(), Some(70));
    assert_eq!(ack.headers.get(&HeaderName::Contact).map(|c| c.value()), None);
    assert!(ack.body.is_empty());
}

#[test]
fn the_cancel_is_what_section_9_1_says() {
    let invite = request("INVITE", "z9hG4bK1");
    let cancel = cancel(&invite).unwrap();
    validate(&Message::Request(cancel.clone())).expect("a valid CANCEL");
    assert_eq!(cancel.method, Method::Cancel);
    assert_eq!(cancel.cseq().unwrap().to_string(), "7 CANCEL");
    assert_eq!(cancel.uri().unwrap(), invite.uri().unwrap());
    for name in [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::Route] {
        let values = |request: &Request| request.headers.values(&name).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(values(&cancel), values(&invite), "{name:?}");
    }
    // Its branch is the INVITE's, and still each gets its own answers (§17.1.3).
    let mut script = Script::over(udp());
    let invite_tx = script.request(&invite);
    script.receive_response(answer(&invite, 180));
    let cancel_tx = script.request(&cancel);
    let Received::Response { tx, .. } = script.receive_response(answer(&cancel, 200)) else { panic!() };
    assert_eq!(tx, cancel_tx);
    let Received::Response { tx, .. } = script.receive_response(answer(&invite, 487)) else { panic!() };
    assert_eq!(tx, invite_tx);
    script.until(32_000);
    script.expect(&[
        "0 send INVITE",
        "0 response 180",
        "0 send CANCEL",
        "0 response 200",
        "0 response 487",
        "0 send ACK",
        "5000 end",
        "32000 end",
    ]);
    script.expect_empty();
}

#[test]
fn a_transport_error_fails_what_is_unanswered() {
    let invite = request("INVITE", "z9hG4bK1");
    let fail = |flow: Flow, statuses: &[u16]| {
        let mut script = Script::over(flow);
        script.request(&invite);
        for status in statuses {
            script.receive_response(answer(&invite, *status));
        }
        script.log.clear();
        script.table.transport_error(&flow, script.now);
        script.drain();
        script.log
    };
    assert_eq!(fail(udp(), &[]), ["0 transport error", "0 end"]);
    assert_eq!(fail(tcp(), &[]), ["0 transport error", "0 end"]);
    // Over UDP nothing of this transaction is on its way; a lost connection takes the answer with it.
    assert_eq!(fail(udp(), &[180]), [""; 0]);
    assert_eq!(fail(tcp(), &[180]), ["0 transport error", "0 end"]);
    // The TU has its answer already.
    assert_eq!(fail(udp(), &[486]), ["0 end"]);
    assert_eq!(fail(udp(), &[200]), [""; 0]);
    assert_eq!(fail(tcp(), &[200]), [""; 0]);
}
