//! RFC 3261 figure 7 and RFC 6026 §7.1.

use super::*;

#[test]
fn a_silent_tu_gets_a_100_after_200_ms_and_only_then() {
    let invite = request("INVITE", "z9hG4bK1");
    let mut script = Script::over(udp());
    let tx = script.open(&invite);
    script.until(150);
    script.receive_request(&invite);
    script.until(300);
    script.receive_request(&invite);
    script.respond(tx, answer(&invite, 180));
    script.receive_request(&invite);
    script.until(100_000);
    script.expect(&["0 new INVITE", "200 send 100", "300 send 100", "300 send 180", "300 send 180"]);
    let trying = Response::for_request(&invite, 100).to_bytes();
    assert!(!String::from_utf8_lossy(&trying).contains("tag=t"));
}

#[test]
fn a_quick_tu_needs_no_100() {
    for status in [100, 180, 200, 404] {
        let invite = request("INVITE", "z9hG4bK1");
        let mut script = Script::over(tcp());
        let tx = script.open(&invite);
        script.until(199);
        script.respond(tx, answer(&invite, status));
        script.until(31_000);
        script.expect(&["0 new INVITE", &format!("199 send {status}")]);
    }
}

#[test]
fn udp_failure_is_retransmitted_up_to_t2_until_h() {
    let invite = request("INVITE", "z9hG4bK1");
    let mut script = Script::over(udp());
    let tx = script.open(&invite);
    script.respond(tx, answer(&invite, 404));
    script.until(40_000);
    script.expect(&[
        "0 new INVITE",
        "0 send 404",
        "500 send 404",
        "1500 send 404",
        "3500 send 404",
        "7500 send 404",
        "11500 send 404",
        "15500 send 404",
        "19500 send 404",
        "23500 send 404",
        "27500 send 404",
        "31500 send 404",
        "32000 no ack",
        "32000 end",
    ]);
    script.expect_empty();
}

#[test]
fn tcp_failure_is_sent_once_and_h_still_ends_it() {
    let invite = request("INVITE", "z9hG4bK1");
    let mut script = Script::over(tcp());
    let tx = script.open(&invite);
    script.respond(tx, answer(&invite, 404));
    script.until(40_000);
    script.expect(&["0 new INVITE", "0 send 404", "32000 no ack", "32000 end"]);
    script.expect_empty();
}

#[test]
fn an_ack_silences_a_failure_and_i_absorbs_its_copies() {
    let invite = request("INVITE", "z9hG4bK1");
    let ack = request("ACK", "z9hG4bK1");
    let mut script = Script::over(udp());
    let tx = script.open(&invite);
    script.respond(tx, answer(&invite, 486));
    script.until(600);
    script.receive_request(&invite);
    script.receive_request(&ack);
    script.until(2_000);
    script.receive_request(&ack);
    script.receive_request(&invite);
    script.respond(tx, answer(&invite, 200));
    script.until(10_000);
    script.receive_request(&ack);
    script.expect(&["0 new INVITE", "0 send 486", "500 send 486", "600 send 486", "5600 end", "10000 ack"]);
    script.expect_empty();
}

#[test]
fn tcp_ack_ends_a_failure_at_once() {
    let invite = request("INVITE", "z9hG4bK1");
    let mut script = Script::over(tcp());
    let tx = script.open(&invite);
    script.respond(tx, answer(&invite, 486));
    script.receive_request(&request("ACK", "z9hG4bK1"));
    script.expect(&["0 new INVITE", "0 send 486", "0 end"]);
    script.expect_empty();
}

#[test]
fn an_accepted_invite_absorbs_copies_and_passes_2xx_and_acks_until_l() {
    for flow in [udp(), tcp()] {
        let invite = request("INVITE", "z9hG4bK1");
        let mut script = Script::over(flow);
        let tx = script.open(&invite);
        script.respond(tx, answer(&invite, 200));
        script.until(400);
        // RFC 6026 §7.1: the copy of the INVITE is absorbed and not answered.
        script.receive_request(&invite);
        script.until(500);
        script.respond(tx, answer(&invite, 200));
        script.respond(tx, answer(&invite, 180));
        script.respond(tx, answer(&invite, 500));
        script.receive_request(&request("ACK", "z9hG4bK1"));
        script.until(31_999);
        script.receive_request(&invite);
        script.until(40_000);
        script.respond(tx, answer(&invite, 200));
        script.expect(&["0 new INVITE", "0 send 200", "500 send 200", "500 ack", "32000 end"]);
        script.expect_empty();
    }
}

#[test]
fn the_ack_for_a_2xx_has_a_branch_of_its_own_and_goes_up() {
    let invite = request("INVITE", "z9hG4bK1");
    let mut script = Script::over(udp());
    let tx = script.open(&invite);
    script.respond(tx, answer(&invite, 200));
    script.receive_request(&request("ACK", "z9hG4bK2"));
    script.until(32_000);
    script.expect(&["0 new INVITE", "0 send 200", "0 ack", "32000 end"]);
}

#[test]
fn an_ack_before_any_final_response_means_nothing() {
    let invite = request("INVITE", "z9hG4bK1");
    let mut script = Script::over(udp());
    let tx = script.open(&invite);
    script.respond(tx, answer(&invite, 180));
    script.receive_request(&request("ACK", "z9hG4bK1"));
    script.respond(tx, answer(&invite, 486));
    script.expect(&["0 new INVITE", "0 send 180", "0 send 486"]);
}

#[test]
fn only_the_first_final_response_counts() {
    let invite = request("INVITE", "z9hG4bK1");
    let mut script = Script::over(tcp());
    let tx = script.open(&invite);
    script.respond(tx, answer(&invite, 486));
    script.respond(tx, answer(&invite, 200));
    script.respond(tx, answer(&invite, 180));
    script.expect(&["0 new INVITE", "0 send 486"]);
}

#[test]
fn a_broken_flow_does_not_end_a_server_transaction() {
    let invite = request("INVITE", "z9hG4bK1");
    let mut script = Script::over(tcp());
    let tx = script.open(&invite);
    script.table.transport_error(&tcp(), script.now);
    script.respond(tx, answer(&invite, 180));
    script.expect(&["0 new INVITE", "0 send 180"]);
}
