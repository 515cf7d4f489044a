//! Media workers that fail, and the ports.

use super::peer::{ANSWER, OFFER, Peer, connected, seat, waiting_app};
use super::stage::Stage;
use crate::config::Route;
use crate::gateway::Input;
use crate::media::{MediaCommand, MediaEvent, MediaLegId};

fn opened(stage: &Stage) -> Vec<(MediaLegId, u16)> {
    let open = |order: &MediaCommand| match order {
        MediaCommand::Open { leg, port } => Some((*leg, *port)),
        _ => None,
    };
    stage.media.iter().filter_map(open).collect()
}

fn fail(stage: &mut Stage, leg: MediaLegId) {
    stage.input(Input::Media(MediaEvent::OpenFailed { leg, reason: "address in use".into() }));
}

#[test]
fn a_port_that_cannot_be_bound_fails_the_call_and_is_set_aside() {
    let mut stage = Stage::with(|config| {
        config.routes = vec![Route { prefix: "010".into(), trunk: 0 }];
        (config.media.port_min, config.media.port_max) = (40_000, 40_003);
    });
    let dial = |stage: &mut Stage, n: usize| {
        let mut app = Peer::app().towards("01012345678@tandem.localhost");
        app.call_id = format!("call-{n}");
        app.call(stage, OFFER);
        app
    };
    let app = dial(&mut stage, 1);
    let (leg, port) = opened(&stage)[0];
    fail(&mut stage, leg);
    stage.find(app.flow, "SIP/2.0 503");
    assert!(!stage.media.contains(&MediaCommand::Close { leg }), "what never was is not closed");
    assert_eq!(stage.records[0].outcome, "failed");
    // For a minute there is one port only, so a call with two legs finds none.
    stage.seconds(55);
    stage.sip.clear();
    let app = dial(&mut stage, 2);
    stage.find(app.flow, "SIP/2.0 503");
    assert_eq!(opened(&stage).iter().filter(|(_, used)| *used == port).count(), 1);
    stage.seconds(10);
    stage.sip.clear();
    dial(&mut stage, 3);
    stage.find(Peer::carrier().flow, "INVITE ");
    assert_eq!(opened(&stage).iter().filter(|(_, used)| *used == port).count(), 2);
}

#[test]
fn a_failure_that_crosses_the_close_ends_the_wait_for_the_account() {
    let mut stage = Stage::new();
    stage.is_prompt = false;
    let mut app = waiting_app(&mut stage);
    let (leg, _) = opened(&stage)[0];
    app.hang_up(&mut stage);
    assert!(stage.records.is_empty());
    fail(&mut stage, leg);
    assert_eq!(stage.only_record().outcome, "abandoned");
}

#[test]
fn an_account_that_never_comes_is_not_waited_for() {
    let mut stage = Stage::new();
    stage.is_prompt = false;
    let mut app = waiting_app(&mut stage);
    let (leg, port) = opened(&stage)[0];
    app.hang_up(&mut stage);
    stage.seconds(4);
    assert!(stage.records.is_empty());
    stage.seconds(1);
    assert_eq!(stage.records.len(), 1);
    // It comes after all: too late for the record, and the port stays aside.
    stage.close_media(leg);
    let record = stage.only_record();
    assert_eq!(record.legs[0].packets_in, 0);
    let mut again = Peer::app().towards("flights@tandem.localhost");
    again.call_id = "again".into();
    again.call(&mut stage, OFFER);
    assert_ne!(opened(&stage)[1].1, port);
}

#[test]
fn silence_ends_a_connected_call_and_no_other() {
    let mut stage = Stage::new();
    let mut agent = seat(&mut stage, 1);
    let app = waiting_app(&mut stage);
    let (leg, _) = opened(&stage)[0];
    stage.input(Input::Media(MediaEvent::Dead { leg }));
    let invite = agent.called(&mut stage);
    stage.silent();
    stage.send(agent.flow, agent.response(&invite, "200 OK", ANSWER));
    stage.find(agent.flow, "ACK ");
    stage.input(Input::Media(MediaEvent::Dead { leg }));
    app.confirm(&mut stage, "BYE ");
    agent.confirm(&mut stage, "BYE ");
    assert_eq!(stage.only_record().outcome, "failed");
}

#[test]
fn silence_on_hold_ends_nothing() {
    let mut stage = Stage::new();
    let (mut app, _) = connected(&mut stage);
    let hold = OFFER.replace("sendrecv", "inactive").replace("o=- 1 1", "o=- 1 2");
    let reinvite = app.invite(&hold);
    stage.send(app.flow, reinvite);
    app.answered(&mut stage);
    let (leg, _) = opened(&stage)[0];
    stage.input(Input::Media(MediaEvent::Dead { leg }));
    stage.silent();
}

#[test]
fn every_leg_is_closed_once_and_reports_of_strangers_are_ignored() {
    let mut stage = Stage::new();
    let (mut app, seat) = connected(&mut stage);
    for stranger in [MediaLegId::new(999, 0), MediaLegId::new(1, 77)] {
        fail(&mut stage, stranger);
        stage.input(Input::Media(MediaEvent::Dead { leg: stranger }));
        stage.close_media(stranger);
    }
    app.hang_up(&mut stage);
    seat.confirm(&mut stage, "BYE ");
    let closes = stage.orders().iter().filter(|order| **order == "Close").count();
    assert_eq!((opened(&stage).len(), closes), (2, 2));
    assert_eq!(stage.only_record().outcome, "answered");
}
