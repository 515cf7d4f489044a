//! Callers in a queue and the seats they are given.

use super::peer::{ANSWER, OFFER, Peer, connected, seat, waiting_app};
use super::stage::{Stage, body, header, maybe_header};
use crate::call::record::Party;
use crate::media::{MediaCommand, PromptId};

fn answer(stage: &mut Stage, seat: &mut Peer) {
    let invite = seat.called(stage);
    stage.send(seat.flow, seat.response(&invite, "200 OK", ANSWER));
    stage.find(seat.flow, "ACK ");
}

#[test]
fn a_caller_is_answered_with_music() {
    let mut stage = Stage::new();
    let mut app = Peer::app().towards("flights@tandem.localhost");
    app.call(&mut stage, OFFER);
    let [
        MediaCommand::Open { leg, port },
        MediaCommand::Remote { rtp, .. },
        MediaCommand::Play { prompt, payload_type, .. },
    ] = stage.media[..]
    else {
        panic!("{:?}", stage.media)
    };
    assert_eq!((rtp.to_string().as_str(), prompt, payload_type), ("127.0.0.9:7000", PromptId(0), 0));
    let ok = app.answered(&mut stage);
    assert!(body(&ok).contains(&format!("m=audio {port} RTP/AVP 0 96\r\n")), "{ok}");
    app.hang_up(&mut stage);
    assert_eq!(stage.media.last(), Some(&MediaCommand::Close { leg }));
    let record = stage.only_record();
    assert_eq!(
        (record.outcome.as_str(), record.hangup_by, record.setup_ms),
        ("abandoned", Some(Party::Caller), Some(0))
    );
    assert_eq!((record.legs[0].packets_in, record.legs[0].packets_out), (11, 22));
}

#[test]
fn a_seat_is_offered_exactly_what_the_caller_speaks() {
    let mut stage = Stage::new();
    let mut seat = seat(&mut stage, 1);
    let offer = OFFER.replace("0 8 96", "8 0 96");
    let mut app = Peer::app().towards("flights@tandem.localhost");
    app.call(&mut stage, &offer);
    app.answered(&mut stage);
    let invite = seat.called(&mut stage);
    assert!(body(&invite).contains(" RTP/AVP 8 96\r\n"), "{invite}");
    assert!(body(&invite).contains("a=rtpmap:96 telephone-event/8000\r\n"), "{invite}");
}

#[test]
fn a_seat_answers_and_the_voices_are_joined() {
    let mut stage = Stage::new();
    let mut seat = seat(&mut stage, 1);
    let mut app = waiting_app(&mut stage);
    stage.seconds(1);
    let invite = seat.called(&mut stage);
    stage.send(seat.flow, seat.response(&invite, "180 Ringing", ""));
    stage.seconds(2);
    stage.send(seat.flow, seat.response(&invite, "200 OK", ANSWER));
    stage.find(seat.flow, "ACK ");
    assert_eq!(stage.orders(), ["Open", "Remote", "Play", "Open", "Remote", "Bridge"]);
    stage.seconds(20);
    app.hang_up(&mut stage);
    let bye = seat.confirm(&mut stage, "BYE ");
    assert_eq!(header(&bye, "Reason"), "Q.850;cause=16;text=\"answered\"");
    let record = stage.only_record();
    assert_eq!((record.outcome.as_str(), record.seat.as_deref()), ("answered", Some("agent1")));
    assert_eq!((record.wait_ms, record.talk_ms, record.hangup_by), (3_000, 20_000, Some(Party::Caller)));
    assert_eq!(record.legs.len(), 2);
    assert_eq!(record.sip_status, Some(200));
}

#[test]
fn a_seat_hangs_up() {
    let mut stage = Stage::new();
    let (app, mut seat) = connected(&mut stage);
    stage.seconds(5);
    seat.hang_up(&mut stage);
    app.confirm(&mut stage, "BYE ");
    let record = stage.only_record();
    assert_eq!((record.outcome.as_str(), record.hangup_by), ("answered", Some(Party::Seat)));
}

#[test]
fn who_does_not_answer_is_passed_over() {
    let mut stage = Stage::new();
    let (mut first, mut second) = (seat(&mut stage, 1), seat(&mut stage, 2));
    let mut app = waiting_app(&mut stage);
    let invite = first.called(&mut stage);
    stage.send(first.flow, first.response(&invite, "180 Ringing", ""));
    assert!(!stage.reached(second.flow));
    stage.seconds(20);
    first.confirm(&mut stage, "CANCEL ");
    stage.send(first.flow, first.response(&invite, "487 Request Terminated", ""));
    stage.find(first.flow, "ACK ");
    answer(&mut stage, &mut second);
    app.hang_up(&mut stage);
    second.confirm(&mut stage, "BYE ");
    let record = stage.only_record();
    assert_eq!((record.seat.as_deref(), record.legs.len()), (Some("agent2"), 3));
    assert_eq!(record.legs[0].call_id, app.call_id, "the caller's leg is the first");
}

#[test]
fn who_is_busy_is_passed_over_at_once() {
    for refusal in ["486 Busy Here", "603 Decline", "503 Service Unavailable", "302 Moved Temporarily"] {
        let mut stage = Stage::new();
        let (mut first, mut second) = (seat(&mut stage, 1), seat(&mut stage, 2));
        let mut app = waiting_app(&mut stage);
        let invite = first.called(&mut stage);
        stage.send(first.flow, first.response(&invite, refusal, ""));
        stage.find(first.flow, "ACK ");
        answer(&mut stage, &mut second);
        app.hang_up(&mut stage);
        second.confirm(&mut stage, "BYE ");
        assert_eq!(stage.only_record().outcome, "answered", "{refusal}");
    }
}

#[test]
fn a_seat_whose_answer_is_no_answer_is_hung_up_and_passed_over() {
    let broken = ANSWER.replace("RTP/AVP 0 96", "RTP/AVP 18 96");
    for body in ["", &broken] {
        let mut stage = Stage::new();
        let (mut first, mut second) = (seat(&mut stage, 1), seat(&mut stage, 2));
        let mut app = waiting_app(&mut stage);
        let invite = first.called(&mut stage);
        stage.send(first.flow, first.response(&invite, "200 OK", body));
        stage.find(first.flow, "ACK ");
        first.confirm(&mut stage, "BYE ");
        answer(&mut stage, &mut second);
        app.hang_up(&mut stage);
        second.confirm(&mut stage, "BYE ");
        assert_eq!(stage.only_record().seat.as_deref(), Some("agent2"));
    }
}

#[test]
fn an_answer_without_tag_is_no_answer_and_leaves_nothing() {
    let mut stage = Stage::new();
    let mut first = seat(&mut stage, 1);
    let mut app = waiting_app(&mut stage);
    let invite = first.called(&mut stage);
    let ok = first.response(&invite, "200 OK", ANSWER).replace(";tag=callee", "");
    stage.send(first.flow, ok);
    stage.seconds(1);
    app.hang_up(&mut stage);
    assert_eq!(stage.only_record().outcome, "abandoned");
}

#[test]
fn the_caller_goes_while_a_seat_rings() {
    let mut stage = Stage::new();
    let mut seat = seat(&mut stage, 1);
    let mut app = waiting_app(&mut stage);
    let invite = seat.called(&mut stage);
    stage.send(seat.flow, seat.response(&invite, "180 Ringing", ""));
    app.hang_up(&mut stage);
    seat.confirm(&mut stage, "CANCEL ");
    // His answer crosses the CANCEL: acknowledged and hung up.
    stage.send(seat.flow, seat.response(&invite, "200 OK", ANSWER));
    stage.find(seat.flow, "ACK ");
    seat.confirm(&mut stage, "BYE ");
    assert!(!stage.orders().contains(&"Bridge"));
    assert_eq!(stage.only_record().outcome, "abandoned");
}

#[test]
fn the_caller_goes_before_the_seat_said_a_word() {
    let mut stage = Stage::new();
    let mut seat = seat(&mut stage, 1);
    let mut app = waiting_app(&mut stage);
    let invite = seat.called(&mut stage);
    app.hang_up(&mut stage);
    // RFC 3261 §9.1: CANCEL waits for a provisional response.
    stage.silent();
    stage.send(seat.flow, seat.response(&invite, "100 Trying", ""));
    seat.confirm(&mut stage, "CANCEL ");
    stage.send(seat.flow, seat.response(&invite, "487 Request Terminated", ""));
    assert_eq!(stage.only_record().outcome, "abandoned");
}

#[test]
fn the_longest_wait_ends_the_call() {
    let mut stage = Stage::with(|config| config.queues[0].max_wait_s = 30);
    let app = waiting_app(&mut stage);
    stage.seconds(30);
    app.confirm(&mut stage, "BYE ");
    let record = stage.only_record();
    assert_eq!((record.outcome.as_str(), record.hangup_by), ("overflowed", Some(Party::Gateway)));
    assert_eq!((record.wait_ms, record.sip_status), (30_000, Some(480)));
}

#[test]
fn a_full_queue_takes_nobody() {
    let mut stage = Stage::with(|config| config.queues[0].max_callers = 1);
    let mut first = waiting_app(&mut stage);
    let mut second = Peer::app().towards("flights@tandem.localhost");
    second.call_id = "second".into();
    second.number = "13800138001".into();
    second.call(&mut stage, OFFER);
    second.answered(&mut stage);
    second.confirm(&mut stage, "BYE ");
    assert_eq!(stage.records[0].outcome, "overflowed");
    first.hang_up(&mut stage);
    assert_eq!(stage.records.len(), 2);
}

#[test]
fn a_caller_without_description_or_codec_is_488() {
    let opus = OFFER.replace("0 8 96", "97").replace("a=rtpmap:96 telephone-event/8000", "a=rtpmap:97 opus/48000/2");
    for offer in ["", &opus] {
        let mut stage = Stage::new();
        let mut app = Peer::app().towards("flights@tandem.localhost");
        app.call(&mut stage, offer);
        stage.expect(app.flow, "SIP/2.0 488");
        let record = stage.only_record();
        assert_eq!((record.outcome.as_str(), record.sip_status), ("rejected", Some(488)));
    }
}

#[test]
fn a_2xx_that_nobody_acknowledges_ends_the_call() {
    let mut stage = Stage::new();
    let mut app = Peer::app().towards("flights@tandem.localhost");
    app.call(&mut stage, OFFER);
    stage.seconds(33);
    let repeats = stage.sip.iter().filter(|(_, text)| text.starts_with("SIP/2.0 200")).count();
    assert_eq!(repeats, 11, "RFC 3261 §13.3.1.4: after T1, doubled up to T2");
    stage.find(app.flow, "BYE ");
    assert_eq!(stage.only_record().outcome, "failed");
}

#[test]
fn hold_and_resume() {
    let mut stage = Stage::new();
    let (mut app, seat) = connected(&mut stage);
    for (direction, expected, order) in [("sendonly", "a=recvonly", "Unbridge"), ("sendrecv", "a=sendrecv", "Bridge")] {
        let offer = OFFER.replace("sendrecv", direction).replace("o=- 1 1", "o=- 1 2");
        let reinvite = app.invite(&offer);
        stage.send(app.flow, reinvite);
        let ok = stage.find(app.flow, "SIP/2.0 200");
        assert!(body(&ok).contains(expected), "{ok}");
        let ack = app.numbered("ACK", "", "");
        stage.send(app.flow, ack);
        assert_eq!(stage.orders().last(), Some(&order));
        assert!(!stage.reached(seat.flow), "the other leg is not told");
    }
    assert!(maybe_header(&app.extra, "Authorization").is_none(), "the dialog itself was admitted");
}
