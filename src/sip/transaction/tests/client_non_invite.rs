//! RFC 3261 figure 6.

use super::*;

#[test]
fn udp_retransmits_doubling_up_to_t2_until_f() {
    let mut script = Script::over(udp());
    script.request(&request("OPTIONS", "z9hG4bK1"));
    script.until(40_000);
    script.expect(&[
        "0 send OPTIONS",
        "500 send OPTIONS",
        "1500 send OPTIONS",
        "3500 send OPTIONS",
        "7500 send OPTIONS",
        "11500 send OPTIONS",
        "15500 send OPTIONS",
        "19500 send OPTIONS",
        "23500 send OPTIONS",
        "27500 send OPTIONS",
        "31500 send OPTIONS",
        "32000 timeout",
        "32000 end",
    ]);
    script.expect_empty();
}

#[test]
fn tcp_sends_once_and_f_still_ends_it() {
    let options = request("OPTIONS", "z9hG4bK1");
    let mut script = Script::over(tcp());
    script.request(&options);
    script.receive_response(answer(&options, 100));
    script.until(40_000);
    script.expect(&["0 send OPTIONS", "0 response 100", "32000 timeout", "32000 end"]);
    script.expect_empty();
}

#[test]
fn a_provisional_slows_retransmission_to_t2() {
    let options = request("OPTIONS", "z9hG4bK1");
    let mut script = Script::over(udp());
    script.request(&options);
    script.until(600);
    script.receive_response(answer(&options, 100));
    script.until(14_000);
    script.receive_response(answer(&options, 100));
    script.receive_response(answer(&options, 200));
    script.until(40_000);
    script.expect(&[
        "0 send OPTIONS",
        "500 send OPTIONS",
        "600 response 100",
        "1500 send OPTIONS",
        "5500 send OPTIONS",
        "9500 send OPTIONS",
        "13500 send OPTIONS",
        "14000 response 100",
        "14000 response 200",
        "19000 end",
    ]);
    script.expect_empty();
}

#[test]
fn f_ends_a_request_that_was_only_promised_an_answer() {
    let options = request("OPTIONS", "z9hG4bK1");
    let mut script = Script::over(udp());
    script.request(&options);
    script.receive_response(answer(&options, 100));
    script.until(31_999);
    script.log.clear();
    script.until(32_000);
    script.expect(&["32000 timeout", "32000 end"]);
    script.expect_empty();
}

#[test]
fn final_responses_after_the_first_are_absorbed_until_k() {
    let message = request("MESSAGE", "z9hG4bK1");
    let mut script = Script::over(udp());
    script.request(&message);
    script.receive_response(answer(&message, 202));
    script.until(4_999);
    script.receive_response(answer(&message, 202));
    script.receive_response(answer(&message, 500));
    script.receive_response(answer(&message, 100));
    script.until(5_000);
    script.receive_response(answer(&message, 202));
    script.expect(&["0 send MESSAGE", "0 response 202", "5000 end", "5000 stray 202"]);
    script.expect_empty();
}

#[test]
fn tcp_final_response_ends_at_once() {
    let bye = request("BYE", "z9hG4bK1");
    let mut script = Script::over(tcp());
    script.request(&bye);
    script.receive_response(answer(&bye, 481));
    script.expect(&["0 send BYE", "0 response 481", "0 end"]);
    script.expect_empty();
}

#[test]
fn a_transport_error_fails_what_is_unanswered() {
    let options = request("OPTIONS", "z9hG4bK1");
    for (statuses, expected) in
        [(&[][..], &["0 transport error", "0 end"][..]), (&[100], &["0 transport error", "0 end"]), (&[200], &[])]
    {
        let mut script = Script::over(udp());
        script.request(&options);
        for status in statuses {
            script.receive_response(answer(&options, *status));
        }
        script.log.clear();
        script.table.transport_error(&udp(), script.now);
        script.drain();
        script.expect(expected);
    }
}
