//! Calls that go straight to one callee.

use super::peer::{ANSWER, OFFER, Peer, seat};
use super::stage::{Stage, body, header};
use crate::call::record::Party;
use crate::config::{Route, TrunkMedia};

fn with_route() -> Stage {
    Stage::with(|config| config.routes = vec![Route { prefix: "010".into(), trunk: 0 }])
}

/// The app dials a number; the carrier is rung.
fn dialled(stage: &mut Stage) -> (Peer, Peer, String) {
    let mut app = Peer::app().towards("01012345678@tandem.localhost");
    app.call(stage, OFFER);
    let mut carrier = Peer::carrier();
    let invite = carrier.called(stage);
    (app, carrier, invite)
}

#[test]
fn an_unknown_target_is_404_and_so_is_another_domain() {
    for target in
        ["nobody@tandem.localhost", "99999@tandem.localhost", "flights@elsewhere.test", "agent1@127.0.0.80:5999"]
    {
        let mut stage = Stage::new();
        let mut app = Peer::app().towards(target);
        app.call(&mut stage, OFFER);
        stage.expect(app.flow, "SIP/2.0 404");
        stage.silent();
        let record = stage.only_record();
        assert_eq!((record.outcome.as_str(), record.sip_status, record.q850_cause), ("rejected", Some(404), Some(1)));
    }
}

#[test]
fn a_user_who_is_not_registered_is_480() {
    let mut stage = Stage::new();
    let mut app = Peer::app().towards("agent1@tandem.localhost");
    app.call(&mut stage, OFFER);
    stage.expect(app.flow, "SIP/2.0 480");
    assert_eq!(stage.only_record().outcome, "rejected");
}

#[test]
fn a_user_is_rung_and_talks() {
    let mut stage = Stage::new();
    let mut desk = seat(&mut stage, 1);
    let mut app = Peer::app().towards("agent1@tandem.localhost");
    app.call(&mut stage, OFFER);
    let invite = desk.called(&mut stage);
    assert_eq!(header(&invite, "Max-Forwards"), "69");
    assert!(body(&invite).contains(" RTP/AVP 0 8 96\r\n"), "all that the caller offered: {invite}");
    stage.send(desk.flow, desk.response(&invite, "180 Ringing", ""));
    stage.expect(app.flow, "SIP/2.0 180");
    stage.send(desk.flow, desk.response(&invite, "200 OK", ANSWER));
    stage.find(desk.flow, "ACK ");
    app.answered(&mut stage);
    stage.seconds(3);
    desk.hang_up(&mut stage);
    app.confirm(&mut stage, "BYE ");
    assert_eq!(stage.only_record().talk_ms, 3_000);
}

#[test]
fn early_media_of_a_trunk_is_heard_before_the_answer() {
    let mut stage = with_route();
    let (mut app, carrier, invite) = dialled(&mut stage);
    stage.send(carrier.flow, carrier.response(&invite, "183 Session Progress", ANSWER));
    let progress = stage.find(app.flow, "SIP/2.0 183");
    assert!(body(&progress).contains("m=audio "), "{progress}");
    assert_eq!(stage.orders(), ["Open", "Open", "Remote", "Remote", "Bridge"]);
    // The 200 that follows repeats the description, or leaves it out.
    stage.send(carrier.flow, carrier.response(&invite, "200 OK", ""));
    stage.find(carrier.flow, "ACK ");
    let ok = app.answered(&mut stage);
    assert_eq!(body(&ok), body(&progress));
    assert_eq!(stage.orders().len(), 5, "nothing is bridged twice");
    app.hang_up(&mut stage);
    carrier.confirm(&mut stage, "BYE ");
    assert_eq!(stage.only_record().outcome, "answered");
}

#[test]
fn the_answer_may_come_from_elsewhere_than_the_early_media() {
    let mut stage = with_route();
    let (mut app, mut carrier, invite) = dialled(&mut stage);
    stage.send(carrier.flow, carrier.response(&invite, "183 Session Progress", ANSWER));
    stage.find(app.flow, "SIP/2.0 183");
    // Another branch of a fork behind the carrier (RFC 3261 §13.2.2.4): its own tag, its own address.
    let elsewhere = ANSWER.replace("127.0.0.8", "127.0.0.7").replace("8000 RTP", "9000 RTP");
    let ok = carrier.response(&invite, "200 OK", &elsewhere).replace("tag=callee", "tag=other");
    stage.send(carrier.flow, ok);
    stage.find(carrier.flow, "ACK ");
    app.answered(&mut stage);
    let remote = stage.media.iter().rev().find_map(|order| match order {
        crate::media::MediaCommand::Remote { rtp, .. } => Some(rtp.to_string()),
        _ => None,
    });
    assert_eq!(remote.as_deref(), Some("127.0.0.7:9000"));
    carrier.local = carrier.local.replace("tag=callee", "tag=other");
    carrier.hang_up(&mut stage);
    app.confirm(&mut stage, "BYE ");
    assert_eq!(stage.only_record().hangup_by, Some(Party::Trunk));
}

#[test]
fn failures_of_the_callee_reach_the_caller_in_his_words() {
    let cases = [
        ("404 Not Found", 404, 1),
        ("486 Busy Here", 486, 17),
        ("503 Service Unavailable", 500, 41),
        ("401 Unauthorized", 502, 21),
        ("407 Proxy Authentication Required", 502, 21),
        ("302 Moved Temporarily", 480, 31),
        ("482 Loop Detected", 502, 25),
        ("603 Decline", 603, 21),
    ];
    for (refusal, heard, cause) in cases {
        let mut stage = with_route();
        let (mut app, carrier, invite) = dialled(&mut stage);
        stage.send(carrier.flow, carrier.response(&invite, refusal, ""));
        stage.find(carrier.flow, "ACK ");
        stage.find(app.flow, &format!("SIP/2.0 {heard} "));
        let ack = app.numbered("ACK", "", "");
        stage.send(app.flow, ack);
        let record = stage.only_record();
        assert_eq!((record.sip_status, record.q850_cause), (Some(heard), Some(cause)), "{refusal}");
        assert_eq!((record.outcome.as_str(), record.hangup_by), ("refused", Some(Party::Trunk)));
    }
}

#[test]
fn a_silent_callee_is_408() {
    let mut stage = with_route();
    let (app, _, _) = dialled(&mut stage);
    stage.seconds(32);
    stage.find(app.flow, "SIP/2.0 408");
    let record = stage.only_record();
    assert_eq!((record.outcome.as_str(), record.q850_cause), ("failed", Some(18)));
}

#[test]
fn a_callee_that_rings_for_ever_is_given_up() {
    let mut stage = with_route();
    let (app, carrier, invite) = dialled(&mut stage);
    stage.send(carrier.flow, carrier.response(&invite, "180 Ringing", ""));
    stage.seconds(180);
    stage.sip.clear();
    stage.seconds(10);
    stage.find(app.flow, "SIP/2.0 408");
    carrier.confirm(&mut stage, "CANCEL ");
    stage.send(carrier.flow, carrier.response(&invite, "487 Request Terminated", ""));
    assert_eq!(stage.only_record().outcome, "failed");
}

#[test]
fn an_unreachable_callee_is_503() {
    let mut stage = with_route();
    let (app, carrier, _) = dialled(&mut stage);
    stage.input(crate::gateway::Input::Undeliverable(carrier.flow));
    stage.find(app.flow, "SIP/2.0 503");
    assert_eq!(stage.only_record().outcome, "failed");
}

#[test]
fn the_caller_cancels_while_it_rings() {
    let mut stage = with_route();
    let (mut app, carrier, invite) = dialled(&mut stage);
    stage.send(carrier.flow, carrier.response(&invite, "180 Ringing", ""));
    let cancel = app.numbered("CANCEL", "", "");
    stage.send(app.flow, cancel);
    stage.find(app.flow, "SIP/2.0 200");
    stage.find(app.flow, "SIP/2.0 487");
    carrier.confirm(&mut stage, "CANCEL ");
    stage.send(carrier.flow, carrier.response(&invite, "487 Request Terminated", ""));
    stage.find(carrier.flow, "ACK ");
    let record = stage.only_record();
    assert_eq!((record.outcome.as_str(), record.sip_status), ("abandoned", Some(487)));
}

#[test]
fn a_bypassed_voice_is_settled_between_the_parties() {
    let mut stage = Stage::with(|config| {
        config.routes = vec![Route { prefix: "010".into(), trunk: 0 }];
        config.trunks[0].media = TrunkMedia::Bypass;
    });
    let (mut app, carrier, invite) = dialled(&mut stage);
    assert_eq!(body(&invite), OFFER);
    stage.send(carrier.flow, carrier.response(&invite, "200 OK", ANSWER));
    stage.find(carrier.flow, "ACK ");
    assert_eq!(body(&app.answered(&mut stage)), ANSWER);
    // Hold goes through.
    let hold = OFFER.replace("sendrecv", "sendonly");
    let reinvite = app.invite(&hold);
    stage.send(app.flow, reinvite);
    let passed = stage.find(carrier.flow, "INVITE ");
    assert_eq!(body(&passed), hold);
    let held = ANSWER.replace("sendrecv", "recvonly");
    stage.send(carrier.flow, carrier.response(&passed, "200 OK", &held));
    stage.find(carrier.flow, "ACK ");
    assert_eq!(body(&stage.find(app.flow, "SIP/2.0 200")), held);
    let ack = app.numbered("ACK", "", "");
    stage.send(app.flow, ack);
    app.hang_up(&mut stage);
    carrier.confirm(&mut stage, "BYE ");
    assert!(stage.media.is_empty());
    assert_eq!(stage.only_record().outcome, "answered");
}
