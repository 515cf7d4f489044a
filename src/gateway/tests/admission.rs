//! Who gets in.

use super::peer::{OFFER, Peer, seat};
use super::stage::{Stage, flow, header, maybe_header};
use crate::sip::message::HeaderName;

#[test]
fn a_register_is_challenged_then_bound() {
    let mut stage = Stage::new();
    let mut peer = Peer::new(flow(5062, "127.0.0.81:5060"), "agent1", "seat1");
    let ok = peer.register(&mut stage);
    assert!(header(&ok, "Contact").contains("expires="), "{ok}");
}

#[test]
fn a_user_registers_himself_only() {
    let mut stage = Stage::new();
    let mut peer = Peer::new(flow(5062, "127.0.0.81:5060"), "agent1", "seat1");
    peer.target = "sip:tandem.localhost".into();
    peer.remote = "<sip:agent2@tandem.localhost>".into();
    let register = peer.request("REGISTER", "", "");
    stage.send(peer.flow, register);
    let challenge = stage.expect(peer.flow, "SIP/2.0 401");
    let register = peer.login(&challenge, "REGISTER", "", "", "tandem-demo");
    stage.send(peer.flow, register);
    stage.expect(peer.flow, "SIP/2.0 403");
}

#[test]
fn every_method_is_challenged_and_nobody_is_reached() {
    let mut stage = Stage::new();
    let desk = seat(&mut stage, 1);
    for method in ["INVITE", "REGISTER", "OPTIONS", "MESSAGE", "INFO", "SUBSCRIBE", "REFER", "FROBNICATE"] {
        let mut peer = Peer::app().towards("agent1@tandem.localhost");
        peer.call_id = format!("probe-{method}");
        let body = if method == "INVITE" { OFFER } else { "" };
        let request = peer.request(method, "application/sdp", body);
        stage.send(peer.flow, request);
        let refusal = stage.expect(peer.flow, "SIP/2.0 401");
        assert!(maybe_header(&refusal, "WWW-Authenticate").is_some());
        assert!(!stage.reached(desk.flow), "{method} reached a user");
        assert!(stage.media.is_empty() && stage.screen.is_empty());
    }
    assert!(stage.records.is_empty());
}

#[test]
fn a_wrong_password_is_challenged_again() {
    let mut stage = Stage::new();
    let mut peer = Peer::app().towards("flights@tandem.localhost");
    let invite = peer.invite(OFFER);
    stage.send(peer.flow, invite);
    let challenge = stage.expect(peer.flow, "SIP/2.0 401");
    let invite = peer.login(&challenge, "INVITE", "application/sdp", OFFER, "guess");
    stage.send(peer.flow, invite);
    stage.expect(peer.flow, "SIP/2.0 401");
    assert!(stage.media.is_empty());
}

#[test]
fn only_the_carrier_is_heard_on_the_carriers_listener() {
    let mut stage = Stage::new();
    for method in ["INVITE", "REGISTER", "OPTIONS", "MESSAGE"] {
        let stranger = Peer::new(flow(5064, "127.0.0.66:5080"), "carrier", "1391");
        let mut stranger = stranger.towards("4008001234@tandem.localhost");
        stranger.call_id = format!("probe-{method}");
        let request = stranger.request(method, "application/sdp", if method == "INVITE" { OFFER } else { "" });
        stage.send(stranger.flow, request);
        stage.expect(stranger.flow, "SIP/2.0 403");
    }
    assert!(stage.media.is_empty());
}

#[test]
fn an_in_dialog_request_of_a_stranger_is_481() {
    let mut stage = Stage::new();
    for method in ["BYE", "INFO", "MESSAGE", "INVITE"] {
        let mut stranger = Peer::app().towards("flights@tandem.localhost");
        stranger.remote.push_str(";tag=guessed");
        stranger.call_id = format!("probe-{method}");
        let request = stranger.request(method, "application/sdp", if method == "INVITE" { OFFER } else { "" });
        stage.send(stranger.flow, request);
        stage.expect(stranger.flow, "SIP/2.0 481");
    }
}

#[test]
fn what_nobody_supports_is_refused_after_the_password() {
    let cases =
        [("Require: 100rel\r\n", "SIP/2.0 420"), ("Content-Encoding: gzip\r\n", "SIP/2.0 415"), ("", "SIP/2.0 200")];
    for (extra, expected) in cases {
        let mut stage = Stage::new();
        let mut app = Peer::app().towards("flights@tandem.localhost");
        app.extra.push_str(extra);
        app.call(&mut stage, OFFER);
        let answer = stage.expect(app.flow, expected);
        if expected.ends_with("420") {
            assert_eq!(header(&answer, HeaderName::Unsupported.as_str()), "100rel");
        }
    }
}
