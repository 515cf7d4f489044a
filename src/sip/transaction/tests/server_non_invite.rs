//! RFC 3261 figure 8.

use super::*;

#[test]
fn udp_copies_get_the_latest_response_until_j() {
    let options = request("OPTIONS", "z9hG4bK1");
    let mut script = Script::over(udp());
    let tx = script.open(&options);
    // Trying: discarded, and no 100 of our own ever.
    script.until(5_000);
    script.receive_request(&options);
    script.respond(tx, answer(&options, 100));
    script.receive_request(&options);
    script.respond(tx, answer(&options, 200));
    script.receive_request(&options);
    script.respond(tx, answer(&options, 500));
    script.until(36_999);
    script.receive_request(&options);
    script.until(37_000);
    script.expect(&[
        "0 new OPTIONS",
        "5000 send 100",
        "5000 send 100",
        "5000 send 200",
        "5000 send 200",
        "36999 send 200",
        "37000 end",
    ]);
    script.expect_empty();
}

#[test]
fn tcp_ends_with_its_final_response() {
    let options = request("OPTIONS", "z9hG4bK1");
    let mut script = Script::over(tcp());
    let tx = script.open(&options);
    script.respond(tx, answer(&options, 100));
    script.respond(tx, answer(&options, 404));
    script.respond(tx, answer(&options, 404));
    script.expect(&["0 new OPTIONS", "0 send 100", "0 send 404", "0 end"]);
    script.expect_empty();
}

#[test]
fn copies_are_answered_octet_by_octet_alike() {
    let options = request("OPTIONS", "z9hG4bK1");
    let mut script = Script::over(udp());
    let tx = script.open(&options);
    let mut response = answer(&options, 200);
    response.body = Bytes::from_static(b"hello");
    script.respond(tx, response);
    let first = script.sent_text();
    script.receive_request(&options);
    assert_eq!(script.sent_text(), first);
    assert!(first.ends_with("hello"));
}
