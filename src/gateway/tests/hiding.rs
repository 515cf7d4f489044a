//! What one leg learns of the other: nothing (RFC 7092 §3.1.3, topology hiding).

use super::peer::{ANSWER, OFFER, Peer, seat};
use super::stage::{Stage, body, header};

const SESSION: &str = "47755a9de7794ba387653f2099600ef2";

#[test]
fn nothing_of_the_first_leg_shows_on_the_second() {
    let mut stage = Stage::new();
    let mut seat = seat(&mut stage, 1);
    let mut app = Peer::app().towards("flights@tandem.localhost");
    app.extra.push_str("P-Asserted-Identity: <tel:+8613800138000>\r\nUser-Agent: App/9.1\r\nX-Private: inside\r\n");
    app.extra.push_str("Geolocation: <cid:place@app>\r\nSubject: secret\r\nOrganization: secret\r\n");
    app.call(&mut stage, OFFER);
    app.answered(&mut stage);
    let invite = seat.called(&mut stage);
    stage.send(seat.flow, seat.response(&invite, "200 OK", ANSWER));
    let ack = stage.find(seat.flow, "ACK ");
    app.hang_up(&mut stage);
    let bye = seat.confirm(&mut stage, "BYE ");
    for message in [&invite, &ack, &bye] {
        for secret in [
            "call-of-",
            "127.0.0.9",
            "P-A",
            "traveller",
            "App/9.1",
            "X-Private",
            "inside",
            "cid:",
            "secret",
            "Authorization",
        ] {
            assert!(!message.contains(secret), "{secret} in\n{message}");
        }
        assert_eq!(message.matches("Via:").count(), 1);
    }
}

#[test]
fn nothing_of_the_second_leg_shows_on_the_first() {
    let mut stage = Stage::new();
    let mut desk = seat(&mut stage, 1);
    let mut app = Peer::app().towards("agent1@tandem.localhost");
    app.call(&mut stage, OFFER);
    let invite = desk.called(&mut stage);
    let ringing =
        desk.response(&invite, "180 Ringing", "").replace("Contact", "Server: Phone/1\r\nX-Agent: 7\r\nContact");
    stage.send(desk.flow, ringing);
    let ringing = stage.find(app.flow, "SIP/2.0 180");
    stage.send(desk.flow, desk.response(&invite, "200 OK", ANSWER).replace("Contact", "X-Agent: 7\r\nContact"));
    let ok = app.answered(&mut stage);
    for message in [&ringing, &ok] {
        for secret in ["127.0.0.8", "Phone/1", "X-Agent", "tag=callee", header(&invite, "Call-ID")] {
            assert!(!message.contains(secret), "{secret} in\n{message}");
        }
    }
}

#[test]
fn one_session_id_names_both_legs() {
    let mut stage = Stage::new();
    let mut seat = seat(&mut stage, 1);
    let mut app = Peer::app().towards("flights@tandem.localhost");
    app.extra.push_str(&format!("Session-ID: {SESSION};remote=00000000000000000000000000000000\r\n"));
    app.call(&mut stage, OFFER);
    let ok = app.answered(&mut stage);
    let invite = seat.called(&mut stage);
    assert_eq!((header(&ok, "Session-ID"), header(&invite, "Session-ID")), (SESSION, SESSION));
    assert_ne!(header(&invite, "Call-ID"), app.call_id);
    stage.send(seat.flow, seat.response(&invite, "200 OK", ANSWER));
    assert_eq!(header(&stage.find(seat.flow, "ACK "), "Session-ID"), SESSION);
    seat.hang_up(&mut stage);
    let bye = app.confirm(&mut stage, "BYE ");
    assert_eq!(header(&bye, "Session-ID"), SESSION);
    assert_eq!(stage.only_record().session_id.as_deref(), Some(SESSION));
}

#[test]
fn a_caller_without_session_id_is_given_one() {
    let mut stage = Stage::new();
    let mut seat = seat(&mut stage, 1);
    for bad in ["", "Session-ID: short\r\n"] {
        let mut app = Peer::app().towards("flights@tandem.localhost");
        app.extra.push_str(bad);
        app.call_id.push_str(bad.get(..4).unwrap_or_default());
        app.number.push_str(bad.get(..0).unwrap_or_default());
        app.call(&mut stage, OFFER);
        let ok = app.answered(&mut stage);
        let invite = seat.called(&mut stage);
        let session = header(&ok, "Session-ID");
        assert_eq!((session.len(), session), (32, header(&invite, "Session-ID")));
        assert!(!body(&invite).contains("127.0.0.9"));
        stage.send(seat.flow, seat.response(&invite, "486 Busy Here", ""));
        app.hang_up(&mut stage);
        stage.seconds(60);
        stage.sip.clear();
    }
}
