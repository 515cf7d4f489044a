//! The gateway goes: drain, and the end of every call.

use super::peer::{ANSWER, OFFER, Peer, connected, seat, waiting_app};
use super::stage::{Stage, header};
use crate::call::record::Party;
use crate::config::Route;
use crate::gateway::{Census, Input};

#[test]
fn a_drained_gateway_takes_no_call_and_ends_none() {
    let mut stage = Stage::new();
    let (mut app, seat) = connected(&mut stage);
    stage.input(Input::Drain);
    stage.silent();
    let mut late = Peer::app().towards("flights@tandem.localhost");
    late.call_id = "late".into();
    late.call(&mut stage, OFFER);
    let refusal = stage.expect(late.flow, "SIP/2.0 503");
    assert_eq!(header(&refusal, "Retry-After"), "5");
    stage.seconds(10);
    app.hang_up(&mut stage);
    seat.confirm(&mut stage, "BYE ");
    assert_eq!(stage.only_record().talk_ms, 10_000, "and the late call is none");
}

#[test]
fn all_calls_are_ended_wherever_they_stand() {
    let mut stage = Stage::with(|config| config.routes = vec![Route { prefix: "010".into(), trunk: 0 }]);
    let mut agent = seat(&mut stage, 1);
    // One talks, one waits, one rings a carrier.
    let talking = waiting_app(&mut stage);
    let invite = agent.called(&mut stage);
    stage.send(agent.flow, agent.response(&invite, "200 OK", ANSWER));
    stage.find(agent.flow, "ACK ");
    let mut waiting = Peer::app().towards("flights@tandem.localhost");
    (waiting.call_id, waiting.user) = ("waiting".into(), "agent2".into());
    waiting.call(&mut stage, OFFER);
    waiting.answered(&mut stage);
    let mut ringing = Peer::app().towards("01012345678@tandem.localhost");
    ringing.call_id = "ringing".into();
    ringing.call(&mut stage, OFFER);
    let mut carrier = Peer::carrier();
    let invite = carrier.called(&mut stage);
    stage.send(carrier.flow, carrier.response(&invite, "180 Ringing", ""));
    stage.find(ringing.flow, "SIP/2.0 180");
    stage.seconds(7);

    stage.input(Input::HangUpAll);
    talking.confirm(&mut stage, "BYE ");
    agent.confirm(&mut stage, "BYE ");
    waiting.confirm(&mut stage, "BYE ");
    stage.find(ringing.flow, "SIP/2.0 503");
    carrier.confirm(&mut stage, "CANCEL ");
    stage.send(carrier.flow, carrier.response(&invite, "487 Request Terminated", ""));
    stage.seconds(70);
    assert_eq!(stage.gateway.census(), Census::default());
    let ends: Vec<_> = stage.records.iter().map(|r| (r.outcome.as_str(), r.talk_ms, r.hangup_by)).collect();
    let by = Some(Party::Gateway);
    assert_eq!(ends, [("answered", 7_000, by), ("failed", 0, by), ("failed", 0, by)]);
}

#[test]
fn a_lost_connection_unbinds_its_seat_and_fails_what_was_asked_there() {
    let mut stage = Stage::new();
    let mut agent = seat(&mut stage, 1);
    stage.input(Input::Closed(agent.flow));
    let mut app = waiting_app(&mut stage);
    assert!(!stage.reached(agent.flow), "nobody is rung over a connection that is gone");
    agent.cseq += 1;
    agent.register(&mut stage);
    agent.called(&mut stage);
    stage.input(Input::Closed(agent.flow));
    app.hang_up(&mut stage);
    stage.sip.clear();
    assert_eq!(stage.only_record().outcome, "abandoned");
}

#[test]
fn a_record_tells_when_and_how_long() {
    let mut stage = Stage::new();
    stage.seconds(100);
    let mut agent = seat(&mut stage, 1);
    let mut app = waiting_app(&mut stage);
    let started = (super::stage::UNIX.as_secs() + 100) * 1_000;
    stage.seconds(4);
    let invite = agent.called(&mut stage);
    stage.send(agent.flow, agent.response(&invite, "200 OK", ANSWER));
    stage.find(agent.flow, "ACK ");
    stage.seconds(6);
    app.hang_up(&mut stage);
    agent.confirm(&mut stage, "BYE ");
    let record = stage.only_record();
    assert_eq!((record.started_unix_ms, record.ended_unix_ms), (started, started + 10_000));
    assert_eq!((record.wait_ms, record.talk_ms, record.setup_ms), (4_000, 6_000, Some(0)));
    assert_eq!(record.legs.iter().map(|leg| leg.codec.as_deref()).collect::<Vec<_>>(), [Some("PCMU"), Some("PCMU")]);
    assert!(record.legs.iter().all(|leg| leg.answered));
}
