//! The carrier behind the 400 number: calls that leave by it because the phone is not on Wi-Fi, and calls that come in.

use serde_json::Value;

use crate::baresip::{Account, Baresip};
use crate::lab::{Lab, NUMBER};
use crate::queue::SEAT;
use crate::records::records;
use crate::sipp::{Scenario, Sipp, Voice};

const CARRIER: Account = Account { user: NUMBER, hz: 800.0, codec: "PCMA", answers: true };

/// What a phone on a mobile network says (RFC 7315 §5.4).
const CELLULAR: &str = "P-Access-Network-Info: 3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=460001234567890";

fn off_wifi(voice: Voice) -> Scenario {
    Scenario::call("traveller", "flights", voice).with_header(CELLULAR).invites().until_answered()
}

/// Checks a record of a call over the trunk: voice only, and packets both ways on both legs.
fn check_trunk(row: &Value, bearer: &str, sides: [&str; 2], hung_up_by: &str) {
    assert_eq!((&row["bearer"], &row["outcome"]), (&Value::from(bearer), &Value::from("answered")), "{row}");
    assert_eq!(row["hangup_by"], hung_up_by, "{row}");
    assert_eq!((&row["frames_to_seat"], &row["frames_to_phone"]), (&Value::from(0), &Value::from(0)), "{row}");
    let legs = row["legs"].as_array().expect("legs");
    assert_eq!(legs.iter().map(|leg| leg["side"].as_str().expect("a side")).collect::<Vec<_>>(), sides);
    for leg in legs {
        let packets = |name: &str| leg[name].as_u64().expect("a count");
        assert!(packets("packets_in") >= 50 && packets("packets_out") >= 50, "{row}");
    }
}

#[test]
fn an_app_off_wifi_is_bridged_to_a_baresip_carrier_both_ways() {
    let mut lab = Lab::start();
    let door = lab.app_udp();
    let mut carrier = Baresip::carrier(&mut lab, CARRIER);
    let customer = Sipp::calls(&mut lab, door, &off_wifi(Voice::Tone(960)).until_hung_up());
    carrier.is_connected();
    carrier.recording().hears(960.0);
    carrier.hangs_up();
    customer.succeeds();
    carrier.is_hung_up();
    // The other way: what the carrier says comes back from the customer.
    let customer = Sipp::calls(&mut lab, door, &off_wifi(Voice::Echo).until_hung_up());
    carrier.is_connected();
    carrier.recording().hears(CARRIER.hz);
    carrier.hangs_up();
    customer.succeeds();
    for row in records(&lab.gateway, 2) {
        check_trunk(&row, "pstn", ["caller", "trunk"], "trunk");
    }
    lab.gateway.is_left_clean();
}

#[test]
fn an_app_off_wifi_is_bridged_to_a_sipp_carrier_both_ways() {
    let mut lab = Lab::start();
    let door = lab.app_udp();
    let carrier = Scenario::called(NUMBER, Voice::Echo).rings().answers().until_hung_up();
    let carrier = Sipp::carrier(&mut lab, &carrier);
    let customer = Sipp::calls(&mut lab, door, &off_wifi(Voice::Tone(960)).goes_on(2_500).hangs_up());
    customer.succeeds();
    carrier.succeeds();
    // SIPp cannot listen, so that the packets are what proves it here.
    check_trunk(&records(&lab.gateway, 1)[0], "pstn", ["caller", "trunk"], "caller");
    lab.gateway.is_left_clean();
}

#[test]
fn a_call_from_a_baresip_carrier_is_queued_and_answered_both_ways() {
    let mut lab = Lab::start();
    let seat_door = lab.seat_door();
    let mut carrier = Baresip::carrier(&mut lab, Account { answers: false, user: "13800138000", ..CARRIER });
    carrier.dials(NUMBER);
    carrier.is_connected();
    carrier.recording().hears_music();
    let mut seat = Baresip::registered(&mut lab, seat_door, SEAT);
    seat.is_connected();
    seat.recording().hears(CARRIER.hz);
    carrier.recording().hears(SEAT.hz);
    carrier.hangs_up();
    seat.is_hung_up();
    check_trunk(&records(&lab.gateway, 1)[0], "trunk", ["caller", "seat"], "caller");
    lab.gateway.is_left_clean();
}

#[test]
fn a_call_from_a_sipp_carrier_is_queued_and_answered() {
    let mut lab = Lab::start();
    let (seat_door, carrier_door) = (lab.seat_door(), lab.carrier_door());
    let mut seat = Baresip::registered(&mut lab, seat_door, SEAT);
    let scenario = Scenario::call("13800138000", NUMBER, Voice::Tone(960)).invites_unchallenged();
    let carrier = Sipp::calls(&mut lab, carrier_door, &scenario.until_answered().until_hung_up());
    seat.is_connected();
    seat.recording().hears(960.0);
    seat.hangs_up();
    carrier.succeeds();
    check_trunk(&records(&lab.gateway, 1)[0], "trunk", ["caller", "seat"], "seat");
    lab.gateway.is_left_clean();
}
