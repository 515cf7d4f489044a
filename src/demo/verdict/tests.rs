use serde_json::{Value, json};

use super::*;
use crate::client::StoryEvent;
use crate::demo::evidence::Recorded;
use crate::store::{Bearer, ConfirmationRecord, DeviceRecord, Direction, LegRecord};

const IMEI: &str = "352099001761480";

fn event(who: &str, what: &str, fields: Value) -> StoryEvent {
    let mut line = json!({"at_ms": 1_000, "who": who, "what": what, "text": "words"});
    let line_fields = line.as_object_mut().expect("an object");
    line_fields.extend(fields.as_object().expect("an object").clone());
    serde_json::from_value(line).expect("an event")
}

fn leg(side: Side, call_id: &str) -> LegRecord {
    LegRecord {
        side,
        call_id: call_id.to_owned(),
        peer: "127.0.0.1:5".to_owned(),
        codec: Some("PCMA".to_owned()),
        packets_in: 100,
        packets_out: 100,
        octets_in: 17_200,
        octets_out: 17_200,
        answered: true,
    }
}

fn record(bearer: Bearer) -> CallRecord {
    let is_wifi = bearer == Bearer::Wifi;
    let confirmation = ConfirmationRecord {
        frame_hash: "b2".to_owned(),
        words: "CA1307".to_owned(),
        answer: Some(true),
        asked_unix_ms: 1,
        answered_unix_ms: Some(2),
    };
    let other = if is_wifi { leg(Side::Seat, "s@1") } else { leg(Side::Trunk, "c@1") };
    CallRecord {
        id: "aa".to_owned(),
        started_unix_ms: 0,
        ended_unix_ms: 9,
        bearer,
        direction: Direction::Inbound,
        queue: is_wifi.then(|| "flights".to_owned()),
        seat: is_wifi.then(|| "agent1".to_owned()),
        seat_id: is_wifi.then(|| "seat-7f3a".to_owned()),
        device: DeviceRecord { imei: Some(IMEI.to_owned()), ..DeviceRecord::default() },
        session_id: None,
        legs: vec![leg(Side::Caller, "h@1"), other],
        wait_ms: 0,
        talk_ms: 5_000,
        setup_ms: Some(200),
        outcome: "answered".to_owned(),
        sip_status: Some(200),
        q850_cause: Some(16),
        hangup_by: None,
        frames_to_seat: if is_wifi { 1 } else { 0 },
        frames_to_phone: if is_wifi { 2 } else { 0 },
        frames_refused: 0,
        confirmations: if is_wifi { vec![confirmation] } else { Vec::new() },
    }
}

fn frame(screen: Screen, seq: u64, hash: &str) -> Recorded {
    Recorded { screen, seq, hash: hash.to_owned(), path: "/x".into() }
}

fn wifi() -> Evidence {
    let phone = json!({
        "ok": true, "bearer": "wifi", "call_id": "h@1", "imei": "urn:gsma:imei:35209900-176148-0",
        "seat_id": "seat-7f3a", "setup_ms": 210, "first_frame_ms": 640, "frames_sent": 1, "frames_received": 2,
        "distinct_frames": 2, "touches_sent": 1, "keys_sent": 1, "confirmed": true, "order": "TT1", "handed_off": true,
        "audio_ok": true, "audio_heard_s": 4.5,
    });
    let seat = json!({
        "ok": true, "call_id": "s@1", "imei": IMEI, "frames_received": 1, "touches_applied": 1, "keys_applied": 1,
        "confirmed": true, "order": "TT1", "handed_off": true, "audio_ok": true, "audio_heard_s": 4.4,
        "digits_heard": "5",
    });
    let events = vec![
        (Actor::Handset, event("handset", "call.placed", json!({"call_id": "h@1"}))),
        (Actor::Handset, event("handset", "seat.assigned", json!({"seat_id": "seat-7f3a"}))),
        (Actor::Handset, event("handset", "dtmf.sent", json!({"digits": "5"}))),
        (Actor::Seat(1), event("seat", "report", seat)),
        (Actor::Handset, event("handset", "report", phone)),
    ];
    let frames =
        vec![frame(Screen::Customer, 1, "a1"), frame(Screen::Simulator, 1, "b1"), frame(Screen::Simulator, 2, "b2")];
    let rows = vec![record(Bearer::Wifi)];
    Evidence { events, frames, rows, rows_added: 1, ..Evidence::new(Network::Wifi) }
}

fn cellular() -> Evidence {
    let phone = json!({
        "ok": true, "bearer": "pstn", "call_id": "h@1", "imei": IMEI, "setup_ms": 90, "audio_ok": true, "audio_heard_s": 4.0,
    });
    let carrier = json!({"ok": true, "call_id": "c@1", "audio_ok": true, "audio_heard_s": 4.0});
    let events = vec![
        (Actor::Handset, event("handset", "call.placed", json!({"call_id": "h@1"}))),
        (Actor::Carrier, event("carrier", "report", carrier)),
        (Actor::Handset, event("handset", "report", phone)),
    ];
    Evidence { events, rows: vec![record(Bearer::Pstn)], rows_added: 1, ..Evidence::new(Network::Cellular) }
}

/// Changes a field of somebody's report.
fn report(evidence: &mut Evidence, who: Actor, field: &str, value: Value) {
    for (teller, event) in &mut evidence.events {
        if *teller == who && event.what == What::Report {
            event.fields.insert(field.to_owned(), value.clone());
        }
    }
}

fn fails(evidence: &Evidence, with: &str) {
    let verdict = Verdict::of(evidence);
    assert!(!verdict.ok, "{with}");
    assert!(verdict.failed.iter().any(|reason| reason.contains(with)), "{with}: {:?}", verdict.failed);
}

#[test]
fn a_good_call_has_exactly_the_promised_keys() {
    let text = serde_json::to_string(&Verdict::of(&wifi())).expect("JSON");
    let expected = r#"{"ok":true,"bearer":"wifi","call_id":"h@1","imei":"352099001761480","seat_id":"seat-7f3a","frames_to_seat":1,"frames_to_phone":2,"cross_delivered":0,"setup_ms":210,"first_frame_ms":640,"audio_to_seat_ok":true,"audio_to_phone_ok":true,"confirmed":true,"cdr_rows":1}"#;
    assert_eq!(text, expected);
}

#[test]
fn the_other_branch_has_no_screen() {
    let verdict = Verdict::of(&cellular());
    assert!(verdict.ok, "{:?}", verdict.failed);
    assert_eq!((verdict.bearer.as_deref(), verdict.seat_id, verdict.first_frame_ms), (Some("pstn"), None, None));
    assert_eq!((verdict.frames_to_seat, verdict.frames_to_phone, verdict.confirmed), (0, 0, false));
    assert!(verdict.audio_to_seat_ok && verdict.audio_to_phone_ok);
}

#[test]
fn a_silent_end_is_no_good_call() {
    for (who, name) in [(Actor::Seat(1), "seat"), (Actor::Handset, "phone")] {
        let mut evidence = wifi();
        report(&mut evidence, who, "audio_heard_s", json!(0.0));
        fails(&evidence, &format!("the {name} heard the other's tone for 0.0 s only"));
        let mut evidence = wifi();
        evidence.events.retain(|(teller, event)| *teller != who || event.what != What::Report);
        fails(&evidence, &format!("the {name} reported no call"));
    }
}

#[test]
fn every_step_that_is_missing_is_named() {
    let cases: [(Actor, &str, Value, &str); 9] = [
        (Actor::Seat(1), "frames_received", json!(0), "S4: no frame came to the seat"),
        (Actor::Handset, "seat_id", json!("seat-other"), "S5: the phone was told seat"),
        (Actor::Seat(1), "imei", json!("111111111111110"), "S3: the seat was not told"),
        (Actor::Handset, "distinct_frames", json!(1), "S6: the seat's screen never changed"),
        (Actor::Seat(1), "touches_applied", json!(0), "S6: 1 touches were sent, 0 applied"),
        (Actor::Seat(1), "digits_heard", json!(""), "S6: the seat heard no digit"),
        (Actor::Handset, "confirmed", json!(false), "confirm: the two ends do not both say yes"),
        (Actor::Seat(1), "order", json!("TT2"), "confirm: the phone shows order"),
        (Actor::Handset, "cross_delivered", json!(1), "1 messages of other calls reached the phone"),
    ];
    for (who, field, value, reason) in cases {
        let mut evidence = wifi();
        report(&mut evidence, who, field, value);
        fails(&evidence, reason);
    }
}

#[test]
fn counts_must_agree_with_files_and_record() {
    let mut evidence = wifi();
    evidence.frames.pop();
    fails(&evidence, "S6: 2 frames came to the phone, 1 are on disk");
    fails(&evidence, "confirm: no picture on the phone has the hash b2");
    let mut evidence = wifi();
    evidence.rows[0].frames_to_seat = 3;
    fails(&evidence, "S4: 1 frames came to the seat, the call record says 3");
    let mut evidence = wifi();
    evidence.rows.clear();
    fails(&evidence, "0 call records name the call");
    let mut evidence = wifi();
    evidence.rows[0].legs[1].call_id = "of another call".to_owned();
    fails(&evidence, "the seat's leg is not in the call record");
}

#[test]
fn a_screen_in_a_voice_call_is_a_fault() {
    let mut evidence = cellular();
    evidence.frames.push(frame(Screen::Simulator, 1, "b1"));
    fails(&evidence, "a voice call carried frames");
    let mut evidence = cellular();
    evidence.events.push((Actor::Seat(1), event("seat", "screen.connected", json!({}))));
    fails(&evidence, "a voice call had a screen session");
    let mut evidence = cellular();
    evidence.rows[0].bearer = Bearer::Wifi;
    fails(&evidence, "the call record says that wifi carried the call, not pstn");
}
