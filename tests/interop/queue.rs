//! A customer and a seat, both baresip, and a queue between them.

use serde_json::Value;

use crate::baresip::{Account, Baresip};
use crate::lab::{Door, Lab};
use crate::records::records;
use crate::sipp::{Scenario, Sipp, Voice};

pub const CUSTOMER: Account = Account { user: "traveller", hz: 960.0, codec: "PCMA", answers: false };
pub const SEAT: Account = Account { user: "agent1", hz: 1_120.0, codec: "PCMA", answers: true };

/// Checks the record of the one call that was answered by a seat.
pub fn check_answered(row: &Value, hung_up_by: &str, codec: &str) {
    assert_eq!(row["bearer"], "wifi", "{row}");
    assert_eq!(row["outcome"], "answered", "{row}");
    assert_eq!(row["queue"], "flights", "{row}");
    assert_eq!(row["hangup_by"], hung_up_by, "{row}");
    assert_eq!((&row["sip_status"], &row["q850_cause"]), (&Value::from(200), &Value::from(16)), "{row}");
    assert!(row["talk_ms"].as_u64().is_some_and(|ms| ms >= 1_000), "{row}");
    assert_eq!((&row["frames_to_seat"], &row["frames_to_phone"]), (&Value::from(0), &Value::from(0)), "{row}");
    let legs = row["legs"].as_array().expect("legs");
    assert_eq!(legs.iter().map(|leg| leg["side"].as_str().expect("a side")).collect::<Vec<_>>(), ["caller", "seat"]);
    assert_ne!(legs[0]["call_id"], legs[1]["call_id"], "each leg has its own Call-ID");
    for leg in legs {
        assert_eq!(leg["codec"], codec, "{row}");
        assert_eq!(leg["answered"], true, "{row}");
        let packets = |name: &str| leg[name].as_u64().expect("a count");
        assert!(packets("packets_in") >= 50 && packets("packets_out") >= 50, "{row}");
    }
}

/// The customer calls before there is a seat, so that he hears music; then a seat comes.
fn call(lab: &mut Lab, door: Door, customer: Account, seat: Account) -> (Baresip, Baresip) {
    let mut customer_phone = Baresip::registered(lab, door, customer);
    customer_phone.dials("flights");
    customer_phone.is_connected();
    customer_phone.recording().hears_music();
    lab.gateway.reaches("callers_waiting", |callers| callers == 1);
    let seat_door = lab.seat_door();
    let mut seat_phone = Baresip::registered(lab, seat_door, seat);
    seat_phone.is_connected();
    seat_phone.recording().hears(customer.hz);
    customer_phone.recording().hears(seat.hz);
    (customer_phone, seat_phone)
}

#[test]
fn a_customer_over_datagrams_hears_music_then_the_seat_and_hangs_up() {
    let mut lab = Lab::start();
    let door = lab.app_udp();
    let (mut customer, mut seat) = call(&mut lab, door, CUSTOMER, SEAT);
    customer.hangs_up();
    seat.is_hung_up();
    let rows = records(&lab.gateway, 1);
    check_answered(&rows[0], "caller", "PCMA");
    assert!(rows[0]["wait_ms"].as_u64().is_some_and(|ms| ms >= 1_000), "{}", rows[0]);
    lab.gateway.is_left_clean();
}

#[test]
fn a_customer_over_a_stream_hears_music_then_the_seat_who_hangs_up() {
    let mut lab = Lab::start();
    let door = lab.app_tcp();
    let (customer, seat) = (Account { codec: "PCMU", ..CUSTOMER }, Account { codec: "PCMU", ..SEAT });
    let (mut customer, mut seat) = call(&mut lab, door, customer, seat);
    seat.hangs_up();
    customer.is_hung_up();
    let rows = records(&lab.gateway, 1);
    check_answered(&rows[0], "seat", "PCMU");
    lab.gateway.is_left_clean();
}

#[test]
fn the_tone_of_sipp_is_heard_at_the_seat() {
    let mut lab = Lab::start();
    let (app, seat_door) = (lab.app_udp(), lab.seat_door());
    let mut seat = Baresip::registered(&mut lab, seat_door, SEAT);
    let scenario = Scenario::call("traveller", "flights", Voice::Tone(960)).invites().until_answered().until_hung_up();
    let customer = Sipp::calls(&mut lab, app, &scenario);
    seat.is_connected();
    seat.recording().hears(960.0);
    seat.hangs_up();
    customer.succeeds();
    check_answered(&records(&lab.gateway, 1)[0], "seat", "PCMA");
    lab.gateway.is_left_clean();
}

#[test]
fn a_customer_hears_his_own_tone_back_from_sipp_at_the_seat() {
    let mut lab = Lab::start();
    let door = lab.app_udp();
    let seat = Sipp::seat(&mut lab, &Scenario::called("agent1", Voice::Echo).rings().answers().until_hung_up());
    let mut customer = Baresip::registered(&mut lab, door, CUSTOMER);
    customer.dials("flights");
    customer.is_connected();
    customer.recording().hears(CUSTOMER.hz);
    customer.hangs_up();
    seat.succeeds();
    check_answered(&records(&lab.gateway, 1)[0], "caller", "PCMA");
    lab.gateway.is_left_clean();
}

#[test]
fn a_customer_who_holds_is_not_heard_until_he_comes_back() {
    let mut lab = Lab::start();
    let (app, seat_door) = (lab.app_udp(), lab.seat_door());
    let mut seat = Baresip::registered(&mut lab, seat_door, SEAT);
    let scenario = Scenario::call("traveller", "flights", Voice::Tone(960)).invites().until_answered().goes_on(3_500);
    let scenario = scenario.renegotiates("sendonly", "recvonly").goes_on(3_500).renegotiates("sendrecv", "sendrecv");
    let customer = Sipp::calls(&mut lab, app, &scenario.until_hung_up());
    seat.is_connected();
    let recording = seat.recording();
    recording.hears(960.0);
    recording.falls_silent();
    recording.grows();
    recording.hears(960.0);
    seat.hangs_up();
    customer.succeeds();
    check_answered(&records(&lab.gateway, 1)[0], "seat", "PCMA");
    lab.gateway.is_left_clean();
}
