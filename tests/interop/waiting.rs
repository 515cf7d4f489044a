//! More callers than seats, and seats that do not answer.

use crate::baresip::{Account, Baresip};
use crate::lab::Lab;
use crate::queue::{CUSTOMER, SEAT, check_answered};
use crate::records::records;
use crate::sipp::{Scenario, Sipp, Voice};

#[test]
fn the_second_caller_hears_music_until_the_only_seat_is_free() {
    let mut lab = Lab::start();
    let (door, seat_door) = (lab.app_udp(), lab.seat_door());
    let other = Account { user: "traveller2", hz: 800.0, ..CUSTOMER };
    let mut seat = Baresip::registered(&mut lab, seat_door, SEAT);
    let mut first = Baresip::registered(&mut lab, door, CUSTOMER);
    let mut second = Baresip::registered(&mut lab, door, other);
    first.dials("flights");
    seat.is_connected();
    first.recording().hears(SEAT.hz);
    second.dials("flights");
    second.is_connected();
    second.recording().hears_music();
    assert_eq!(lab.gateway.figure("callers_waiting"), 1);
    first.hangs_up();
    seat.is_connected();
    second.recording().hears(SEAT.hz);
    seat.recording().hears(other.hz);
    second.hangs_up();
    for row in records(&lab.gateway, 2) {
        check_answered(&row, "caller", "PCMA");
        assert_eq!(row["seat_id"].as_str().map(str::is_empty), Some(false), "{row}");
    }
    lab.gateway.is_left_clean();
}

/// A seat that has been idle the longest is tried first and does not take the call; the next one does.
fn passed_over(first: &Scenario) {
    let mut lab = Lab::start();
    let (door, seat_door) = (lab.app_udp(), lab.seat_door());
    let passed = Sipp::seat(&mut lab, first);
    let mut next = Baresip::registered(&mut lab, seat_door, Account { user: "agent2", ..SEAT });
    let mut customer = Baresip::registered(&mut lab, door, CUSTOMER);
    customer.dials("flights");
    customer.is_connected();
    next.is_connected();
    passed.succeeds();
    customer.recording().hears(SEAT.hz);
    next.hangs_up();
    customer.is_hung_up();
    let row = &records(&lab.gateway, 1)[0];
    assert_eq!((row["outcome"].as_str(), row["seat"].as_str()), (Some("answered"), Some("agent2")), "{row}");
    let legs = row["legs"].as_array().expect("legs").iter();
    let legs: Vec<_> = legs.map(|leg| (leg["side"].as_str(), leg["answered"].as_bool())).collect();
    let (caller, seat) = (Some("caller"), Some("seat"));
    // The record keeps the caller's leg, the one that was not answered, and the one that was.
    assert_eq!(legs.len(), 3, "{row}");
    for leg in [(caller, Some(true)), (seat, Some(false)), (seat, Some(true))] {
        assert!(legs.contains(&leg), "{row}");
    }
    lab.gateway.is_left_clean();
}

#[test]
fn a_seat_that_only_rings_is_passed_over() {
    passed_over(&Scenario::called("agent1", Voice::Echo).rings().until_cancelled());
}

#[test]
fn a_seat_that_is_busy_is_passed_over() {
    passed_over(&Scenario::called("agent1", Voice::Echo).rings().refuses("486 Busy Here"));
}

#[test]
fn a_seat_that_declines_is_passed_over() {
    passed_over(&Scenario::called("agent1", Voice::Echo).rings().refuses("603 Decline"));
}
