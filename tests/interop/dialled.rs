//! Calls that go straight to one callee: his refusal is what the caller hears, the caller's change of mind reaches him.

use crate::lab::Lab;
use crate::records::records;
use crate::sipp::{Scenario, Sipp, Voice};

#[test]
fn a_refusal_of_the_callee_reaches_the_caller() {
    let mut lab = Lab::start();
    let door = lab.app_udp();
    for (number, (callee, status, line, cause)) in
        [("agent1", 486, "486 Busy Here", 17), ("agent2", 603, "603 Decline", 21)].into_iter().enumerate()
    {
        let seat = Sipp::seat(&mut lab, &Scenario::called(callee, Voice::Echo).rings().refuses(line));
        let caller = Scenario::call("traveller", callee, Voice::Echo).invites().until_refused(status);
        Sipp::calls(&mut lab, door, &caller).succeeds();
        seat.succeeds();
        let row = &records(&lab.gateway, number + 1)[0];
        assert_eq!(
            (row["sip_status"].as_u64(), row["q850_cause"].as_u64()),
            (Some(status.into()), Some(cause)),
            "{row}"
        );
        assert_ne!(row["outcome"], "answered", "{row}");
    }
    lab.gateway.is_left_clean();
}

#[test]
fn a_caller_who_gives_up_stops_the_ringing() {
    let mut lab = Lab::start();
    let door = lab.app_udp();
    let seat = Sipp::seat(&mut lab, &Scenario::called("agent1", Voice::Echo).rings().until_cancelled());
    let caller = Scenario::call("traveller", "agent1", Voice::Echo).invites().receives(180).cancels();
    Sipp::calls(&mut lab, door, &caller).succeeds();
    seat.succeeds();
    let row = &records(&lab.gateway, 1)[0];
    assert_eq!((row["outcome"].as_str(), row["sip_status"].as_u64()), (Some("abandoned"), Some(487)), "{row}");
    lab.gateway.is_left_clean();
}
