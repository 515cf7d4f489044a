//! INFO, MESSAGE and the screen session.

use bytes::Bytes;

use super::peer::{ANSWER, OFFER, Peer, connected, seat};
use super::stage::{Stage, body, flow, header, maybe_header};
use crate::gateway::Input;
use crate::sync::contract::{ScreenCommand, ScreenEvent, Side};

const CONTROL: &str = "application/vnd.tandem.control+json";
const KEY: &str = "{\"v\":1,\"type\":\"input.key\",\"key\":\"Enter\"}";

/// The app with a screen, waiting.
fn app_with_screen(stage: &mut Stage) -> Peer {
    let offer = format!(
        "{OFFER}m=message 9 TCP/MSRP *\r\na=accept-types:message/cpim\r\na=setup:actpass\r\n\
         a=path:msrp://127.0.0.9:9/phone;tcp\r\n"
    );
    let mut app = Peer::app().towards("flights@tandem.localhost");
    app.call(stage, &offer);
    app.answered(stage);
    app
}

/// And its seat, with both sides of the screen session.
fn screens(stage: &mut Stage) -> (Peer, Peer) {
    let mut seat = seat(stage, 1);
    let app = app_with_screen(stage);
    let invite = seat.called(stage);
    let line = body(&invite).split("\r\n").find(|line| line.starts_with("m=message")).unwrap();
    let answer = format!(
        "{ANSWER}{line}\r\na=accept-types:message/cpim\r\na=setup:active\r\na=path:msrp://127.0.0.8:9/seat;tcp\r\n"
    );
    stage.send(seat.flow, seat.response(&invite, "200 OK", &answer));
    stage.find(seat.flow, "ACK ");
    (app, seat)
}

#[test]
fn a_screen_session_opens_for_the_phone_and_then_for_the_seat() {
    let mut stage = Stage::new();
    let (mut app, seat) = screens(&mut stage);
    let [
        ScreenCommand::Open { call, side: Side::Phone, call_id, session_id, peer_path, identity, .. },
        ScreenCommand::Open {
            call: call2,
            side: Side::Seat,
            call_id: call_id2,
            session_id: session2,
            identity: identity2,
            ..
        },
        ScreenCommand::Assign { call: call3, seat_id, .. },
    ] = &stage.screen[..]
    else {
        panic!("{:#?}", stage.screen)
    };
    assert_eq!((call, call), (call2, call3));
    assert_eq!((call_id, call_id2), (&app.call_id, &seat.call_id));
    assert_eq!(peer_path.as_deref(), Some("msrp://127.0.0.9:9/phone;tcp"));
    assert!(identity.is("tel:13800138000") && identity == identity2);
    assert!(session_id.len() >= 32 && session2.len() >= 32 && session_id != session2);
    assert!(!seat_id.contains("agent1") && seat_id.len() >= 32, "{seat_id} is opaque");
    let seat_id = seat_id.clone();
    app.hang_up(&mut stage);
    seat.confirm(&mut stage, "BYE ");
    let record = stage.only_record();
    assert_eq!((record.frames_to_seat, record.frames_to_phone, record.frames_refused), (3, 4, 1));
    assert_eq!(record.seat_id, Some(seat_id));
    assert!(matches!(stage.screen.last(), Some(ScreenCommand::Close { .. })));
}

#[test]
fn a_seat_without_screen_has_no_side_and_is_not_assigned() {
    let mut stage = Stage::new();
    let mut seat = seat(&mut stage, 1);
    app_with_screen(&mut stage);
    let orders = stage.screen.len();
    let invite = seat.called(&mut stage);
    let line = body(&invite).split("\r\n").find(|line| line.starts_with("m=message")).unwrap();
    let refused = line.replacen("m=message 2855", "m=message 0", 1);
    stage.send(seat.flow, seat.response(&invite, "200 OK", &format!("{ANSWER}{refused}\r\n")));
    assert_eq!(stage.orders().last(), Some(&"Bridge"));
    assert_eq!(stage.screen.len(), orders, "{:?}", stage.screen);
}

#[test]
fn a_seat_that_does_not_take_the_call_never_has_a_side() {
    let mut stage = Stage::new();
    let mut seat = seat(&mut stage, 1);
    app_with_screen(&mut stage);
    let invite = seat.called(&mut stage);
    stage.send(seat.flow, seat.response(&invite, "486 Busy Here", ""));
    let has_side = |order: &ScreenCommand| matches!(order, ScreenCommand::Open { side: Side::Seat, .. });
    assert!(!stage.screen.iter().any(has_side), "{:?}", stage.screen);
}

#[test]
fn info_is_relayed_with_its_answer() {
    let mut stage = Stage::new();
    let (mut app, seat) = connected(&mut stage);
    app.extra = "Info-Package: dtmf\r\nX-Private: inside\r\n".into();
    let info = app.request("INFO", "application/dtmf-relay", "Signal=5\r\n");
    stage.send(app.flow, info);
    let relayed = stage.expect(seat.flow, "INFO ");
    assert_eq!((header(&relayed, "Content-Type"), body(&relayed)), ("application/dtmf-relay", "Signal=5\r\n"));
    assert_eq!((header(&relayed, "Info-Package"), maybe_header(&relayed, "X-Private")), ("dtmf", None));
    stage.send(seat.flow, seat.response(&relayed, "415 Unsupported Media Type", ""));
    stage.expect(app.flow, "SIP/2.0 415");
}

#[test]
fn info_of_a_caller_who_waits_is_taken() {
    let mut stage = Stage::new();
    let mut app = app_with_screen(&mut stage);
    let info = app.request("INFO", "application/dtmf-relay", "Signal=5\r\n");
    stage.send(app.flow, info);
    stage.expect(app.flow, "SIP/2.0 200");
}

#[test]
fn a_text_reaches_a_registered_user() {
    let mut stage = Stage::new();
    let desk = seat(&mut stage, 1);
    let mut app = Peer::app().towards("agent1@tandem.localhost");
    let text = app.request("MESSAGE", "text/plain", "hello");
    stage.send(app.flow, text);
    let challenge = stage.expect(app.flow, "SIP/2.0 401");
    let text = app.login(&challenge, "MESSAGE", "text/plain", "hello", "tandem-demo");
    stage.send(app.flow, text);
    let relayed = stage.expect(desk.flow, "MESSAGE ");
    assert_eq!(body(&relayed), "hello");
    assert!(header(&relayed, "From").starts_with("<sip:traveller@tandem.localhost>"), "who proved to be it");
    assert!(!relayed.contains("127.0.0.9") && !relayed.contains("13800138000"));
    stage.send(desk.flow, desk.response(&relayed, "202 Accepted", ""));
    stage.expect(app.flow, "SIP/2.0 202");
}

#[test]
fn a_text_to_nobody_is_404_to_an_absent_user_480_and_unanswered_408() {
    let mut stage = Stage::new();
    let desk = seat(&mut stage, 1);
    for (user, status) in [("nobody", "404"), ("agent2", "480"), ("agent1", "408")] {
        let mut app = Peer::app().towards(&format!("{user}@tandem.localhost"));
        app.call_id = format!("text-to-{user}");
        let text = app.request("MESSAGE", "text/plain", "hello");
        stage.send(app.flow, text);
        let challenge = stage.expect(app.flow, "SIP/2.0 401");
        let text = app.login(&challenge, "MESSAGE", "text/plain", "hello", "tandem-demo");
        stage.send(app.flow, text);
        if user == "agent1" {
            stage.seconds(32);
            stage.sip.retain(|(to, _)| *to != desk.flow);
        }
        stage.expect(app.flow, &format!("SIP/2.0 {status}"));
    }
}

#[test]
fn a_screen_message_in_the_dialog_gets_the_sessions_verdict() {
    let mut stage = Stage::new();
    let (mut app, _) = screens(&mut stage);
    let message = app.request("MESSAGE", CONTROL, KEY);
    stage.send(app.flow, message);
    let Some(ScreenCommand::SipMessage { call, side: Side::Phone, ticket, body, .. }) = stage.screen.last().cloned()
    else {
        panic!("{:?}", stage.screen)
    };
    assert_eq!(body, KEY);
    stage.silent();
    stage.input(Input::Screen(ScreenEvent::Verdict { call, ticket, status: 415 }));
    stage.expect(app.flow, "SIP/2.0 415");
}

#[test]
fn a_verdict_that_never_comes_ends_with_the_call() {
    let mut stage = Stage::new();
    let (mut app, seat) = screens(&mut stage);
    let message = app.request("MESSAGE", CONTROL, KEY);
    stage.send(app.flow, message);
    app.hang_up(&mut stage);
    stage.find(app.flow, "SIP/2.0 481");
    seat.confirm(&mut stage, "BYE ");
    assert_eq!(stage.only_record().outcome, "answered");
}

/// A MESSAGE outside the dialog that names a call.
fn shout(stage: &mut Stage, peer: &Peer, named: &str, n: usize) {
    let mut shouter =
        Peer::new(peer.flow, &peer.user, &format!("{}{n}", peer.number)).towards("flights@tandem.localhost");
    shouter.extra = format!("In-Reply-To: {named}\r\n");
    shouter.call_id = format!("shout-{n}-{named}");
    let message = shouter.request("MESSAGE", CONTROL, KEY);
    stage.send(peer.flow, message);
    let challenge = stage.expect(peer.flow, "SIP/2.0 401");
    let message = shouter.login(&challenge, "MESSAGE", CONTROL, KEY, "tandem-demo");
    stage.send(peer.flow, message);
}

#[test]
fn a_screen_message_outside_the_dialog_is_correlated_by_in_reply_to() {
    let mut stage = Stage::new();
    let (app, seat) = screens(&mut stage);
    for (peer, expected) in [(&app, Side::Phone), (&seat, Side::Seat)] {
        shout(&mut stage, peer, &peer.call_id, 0);
        let Some(ScreenCommand::SipMessage { call, side, ticket, .. }) = stage.screen.last().cloned() else {
            panic!("{:?}", stage.screen)
        };
        assert_eq!(side, expected);
        stage.input(Input::Screen(ScreenEvent::Verdict { call, ticket, status: 200 }));
        stage.expect(peer.flow, "SIP/2.0 200");
    }
    assert_eq!(stage.gateway.uncorrelated(), 0);
}

#[test]
fn a_screen_message_that_no_live_call_claims_is_refused_and_counted() {
    let mut stage = Stage::new();
    let (mut app, seat) = screens(&mut stage);
    let stranger = Peer::new(flow(5062, "127.0.0.82:5060"), "agent2", "seat2");
    let orders = stage.screen.len();
    // No such call, another's call, and a call that is over.
    shout(&mut stage, &app, "no-such-call", 1);
    stage.expect(app.flow, "SIP/2.0 481");
    shout(&mut stage, &stranger, &app.call_id, 2);
    stage.expect(stranger.flow, "SIP/2.0 481");
    shout(&mut stage, &stranger, &seat.call_id, 3);
    stage.expect(stranger.flow, "SIP/2.0 481");
    assert_eq!(stage.screen.len(), orders);
    stage.is_prompt = false;
    app.hang_up(&mut stage);
    seat.confirm(&mut stage, "BYE ");
    shout(&mut stage, &app, &app.call_id, 4);
    stage.expect(app.flow, "SIP/2.0 481");
    assert_eq!(stage.gateway.uncorrelated(), 4);
    assert!(matches!(stage.screen.last(), Some(ScreenCommand::Close { .. })));
}

#[test]
fn a_message_of_the_screen_session_goes_in_the_dialog() {
    let mut stage = Stage::new();
    let (app, _) = screens(&mut stage);
    let Some(call) = stage.screen.first().map(ScreenCommand::call) else { panic!() };
    let (content_type, text) = (CONTROL.to_owned(), Bytes::from_static(KEY.as_bytes()));
    stage.input(Input::Screen(ScreenEvent::SendMessage {
        call,
        side: Side::Phone,
        ticket: 9,
        content_type,
        body: text,
    }));
    let message = stage.expect(app.flow, "MESSAGE ");
    assert_eq!((header(&message, "Call-ID"), body(&message)), (app.call_id.as_str(), KEY));
    stage.send(app.flow, app.response(&message, "200 OK", ""));
    assert!(matches!(stage.screen.last(), Some(ScreenCommand::MessageResult { ticket: 9, status: 200, .. })));
}

#[test]
fn a_body_too_large_for_its_transport_is_413() {
    let mut stage = Stage::new();
    let (mut app, _) = screens(&mut stage);
    let message = app.request("MESSAGE", CONTROL, &"x".repeat(1_301));
    stage.send(app.flow, message);
    stage.expect(app.flow, "SIP/2.0 413");
}
