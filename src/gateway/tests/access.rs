//! The access network decides the bearer.

use super::peer::{ANSWER, OFFER, Peer};
use super::stage::{Stage, body, header, line};
use crate::call::Bearer;
use crate::config::OffWifi;

const CELLULAR: &str = "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=460001\r\n";

fn cellular() -> Peer {
    let mut app = Peer::app().towards("flights@tandem.localhost");
    app.extra = CELLULAR.into();
    app
}

#[test]
fn off_wifi_a_call_is_bridged_to_the_trunk_voice_only() {
    let mut stage = Stage::new();
    let mut app = cellular();
    let offer = format!("{OFFER}m=message 9 TCP/MSRP *\r\na=accept-types:message/cpim\r\na=path:msrp://h:9/x;tcp\r\n");
    app.call(&mut stage, &offer);
    let mut carrier = Peer::carrier();
    let invite = carrier.called(&mut stage);
    assert_eq!(line(&invite, 0), "INVITE sip:4008001234@127.0.0.1:5080 SIP/2.0");
    assert!(!body(&invite).contains("m=message"), "{invite}");
    assert!(header(&invite, "From").starts_with("<sip:4008001234@tandem.localhost>"));
    stage.send(carrier.flow, carrier.response(&invite, "200 OK", ANSWER));
    stage.find(carrier.flow, "ACK ");
    let ok = app.answered(&mut stage);
    assert!(body(&ok).contains("m=message 0 "), "the screen stream is refused: {ok}");
    assert_eq!(stage.orders(), ["Open", "Open", "Remote", "Remote", "Bridge"]);
    stage.seconds(10);
    app.hang_up(&mut stage);
    carrier.confirm(&mut stage, "BYE ");
    assert!(stage.screen.is_empty());
    let record = stage.only_record();
    assert_eq!((record.bearer, record.outcome.as_str()), (Bearer::Pstn, "answered"));
    assert_eq!((record.talk_ms, record.wait_ms, record.legs.len()), (10_000, 0, 2));
}

#[test]
fn off_wifi_a_call_is_redirected() {
    let mut stage = Stage::with(|config| config.access.other = OffWifi::Redirect { number: "4008001234".into() });
    let mut app = cellular();
    app.call(&mut stage, OFFER);
    let moved = stage.expect(app.flow, "SIP/2.0 302");
    assert_eq!(header(&moved, "Contact"), "<tel:4008001234>");
    let ack = app.numbered("ACK", "", "");
    stage.send(app.flow, ack);
    assert!(stage.media.is_empty());
    assert_eq!(stage.only_record().outcome, "redirected");
}

#[test]
fn off_wifi_a_call_is_rejected() {
    let mut stage = Stage::with(|config| config.access.other = OffWifi::Reject { status: 480 });
    let mut app = cellular();
    app.call(&mut stage, OFFER);
    stage.expect(app.flow, "SIP/2.0 480");
    let record = stage.only_record();
    assert_eq!((record.outcome.as_str(), record.sip_status), ("rejected", Some(480)));
}

#[test]
fn without_a_password_the_access_network_is_not_believed() {
    let mut stage = Stage::with(|config| config.profiles.iter_mut().for_each(|profile| profile.authenticate = false));
    let mut app = cellular();
    app.extra.push_str("P-Asserted-Identity: <tel:13999999999>\r\n");
    let invite = app.invite(OFFER);
    stage.send(app.flow, invite);
    app.answered(&mut stage);
    app.hang_up(&mut stage);
    let record = stage.only_record();
    assert_eq!((record.queue.as_deref(), record.bearer), (Some("flights"), Bearer::Wifi));
    assert_eq!(record.device.number.as_deref(), Some("13800138000"), "nor is the identity");
}

#[test]
fn a_call_from_the_trunk_on_a_400_number_is_queued_voice_only() {
    let mut stage = Stage::new();
    let mut caller = Peer::carrier().towards("4008001234@tandem.localhost");
    let offer = format!("{OFFER}m=message 9 TCP/MSRP *\r\na=accept-types:message/cpim\r\na=path:msrp://h:9/x;tcp\r\n");
    let invite = caller.invite(&offer);
    stage.send(caller.flow, invite);
    let ok = caller.answered(&mut stage);
    assert!(body(&ok).contains("m=message 0 "), "{ok}");
    assert_eq!(stage.orders(), ["Open", "Remote", "Play"]);
    caller.hang_up(&mut stage);
    assert!(stage.screen.is_empty());
    let record = stage.only_record();
    assert_eq!((record.bearer, record.outcome.as_str()), (Bearer::Trunk, "abandoned"));
}

#[test]
fn a_trunk_reaches_queues_only() {
    let mut stage = Stage::new();
    for target in ["agent1@tandem.localhost", "13800138000@tandem.localhost", "4008001234@elsewhere.test"] {
        let mut caller = Peer::carrier().towards(target);
        caller.call_id = target.into();
        let invite = caller.invite(OFFER);
        stage.send(caller.flow, invite);
        stage.expect(caller.flow, "SIP/2.0 404");
    }
}

#[test]
fn a_trunk_takes_so_many_calls_of_both_directions() {
    let mut stage = Stage::with(|config| config.trunks[0].max_calls = 1);
    let mut caller = Peer::carrier().towards("4008001234@tandem.localhost");
    let invite = caller.invite(OFFER);
    stage.send(caller.flow, invite);
    caller.answered(&mut stage);
    let mut second = Peer::carrier().towards("4008001234@tandem.localhost");
    (second.call_id, second.user) = ("second".into(), "second".into());
    let invite = second.invite(OFFER);
    stage.send(second.flow, invite);
    assert!(header(&stage.expect(second.flow, "SIP/2.0 503"), "Retry-After").parse::<u32>().is_ok());
    // Refused ones do not count as ended.
    for n in 0..3 {
        let mut app = cellular();
        (app.call_id, app.number) = (format!("out-{n}"), format!("1380013800{n}"));
        app.call(&mut stage, OFFER);
        stage.expect(app.flow, "SIP/2.0 503");
    }
    caller.hang_up(&mut stage);
    let mut app = cellular();
    app.call(&mut stage, OFFER);
    stage.find(Peer::carrier().flow, "INVITE ");
}
