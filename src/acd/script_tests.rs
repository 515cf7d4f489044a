//! Scripts: at second t, an event → exactly these outputs. Virtual time.

use std::time::{Duration, Instant};

use super::*;

const Q: QueueId = QueueId(0);
const A: SeatId = SeatId(0);
const B: SeatId = SeatId(1);
const ANNA: CallerId = CallerId(101);
const BEN: CallerId = CallerId(102);
const CLEO: CallerId = CallerId(103);

fn queue() -> QueueSettings {
    QueueSettings {
        name: "flights".to_owned(),
        strategy: Strategy::LongestIdle,
        ring_timeout: Duration::from_secs(20),
        max_wait: Duration::from_secs(300),
        max_callers: 10,
        wrap_up: Duration::from_secs(30),
    }
}

fn seat(queues: &[QueueId]) -> SeatSettings {
    SeatSettings { name: "seat".to_owned(), queues: queues.to_vec(), wrap_up: None }
}

/// A machine and its clock, in seconds since the start.
struct Script {
    acd: Acd,
    start: Instant,
}

impl Script {
    fn new(queues: Vec<QueueSettings>, seats: Vec<SeatSettings>) -> Self {
        Script { acd: Acd::new(queues, seats), start: Instant::now() }
    }

    fn one_queue(seats: usize) -> Self {
        Script::new(vec![queue()], vec![seat(&[Q]); seats])
    }

    /// At `at` seconds: first what is due by then, then the event, then what is due at once; all outputs as text.
    fn at<T>(&mut self, at: u64, event: impl FnOnce(&mut Acd, Instant) -> T) -> (T, Vec<String>) {
        let now = self.start + Duration::from_secs(at);
        let result = event(&mut self.acd, now);
        while self.acd.poll_timeout().is_some_and(|due| due <= now) {
            self.acd.handle_timeout(now);
        }
        (result, self.drain())
    }

    fn event<T>(&mut self, at: u64, event: impl FnOnce(&mut Acd, Instant) -> T) -> Vec<String> {
        self.at(at, event).1
    }

    /// Runs the timers up to `until` seconds, each at its own moment.
    fn run(&mut self, until: u64) -> Vec<String> {
        let end = self.start + Duration::from_secs(until);
        let mut lines = self.drain();
        while let Some(due) = self.acd.poll_timeout().filter(|due| *due <= end) {
            self.acd.handle_timeout(due);
            let at = due.saturating_duration_since(self.start).as_secs();
            lines.extend(self.drain().into_iter().map(|line| format!("{at}s {line}")));
        }
        lines
    }

    fn drain(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.acd.poll_output()).map(|output| show(&output)).collect()
    }

    fn state(&self, seat: SeatId) -> SeatState {
        self.acd.seat_state(seat).expect("a seat")
    }
}

fn show(output: &Output) -> String {
    match output {
        Output::Assign { caller, seat, lease } => format!("assign {} {} lease{}", caller.0, seat.0, lease.number()),
        Output::Withdraw { caller, seat, lease } => format!("withdraw {} {} lease{}", caller.0, seat.0, lease.number()),
        Output::Position { caller, position, expected_wait } => {
            let wait = expected_wait.map_or("?".to_owned(), |wait| wait.as_secs().to_string());
            format!("position {} {position} {wait}", caller.0)
        }
        Output::Overflow { caller, reason } => format!("overflow {} {reason:?}", caller.0),
    }
}

fn arrives(caller: CallerId) -> impl FnOnce(&mut Acd, Instant) {
    move |acd, now| acd.caller_arrives(caller, Q, now)
}

fn present(seat: SeatId) -> impl FnOnce(&mut Acd, Instant) {
    move |acd, now| acd.seat_present(seat, true, now)
}

const NOTHING: [&str; 0] = [];

#[test]
fn one_call_from_arrival_to_the_end_of_wrap_up() {
    let mut s = Script::one_queue(1);
    assert_eq!(s.state(A), SeatState::LoggedOut);
    assert_eq!(s.event(0, present(A)), NOTHING);
    assert_eq!(s.state(A), SeatState::Idle);
    assert_eq!(s.event(1, arrives(ANNA)), ["assign 101 0 lease1"]);
    assert_eq!((s.state(A), s.acd.caller_state(ANNA)), (SeatState::Assigned, Some(CallerState::Assigned)));
    assert_eq!(s.at(2, |acd, now| acd.seat_ringing(Lease(1), now)), (true, vec![]));
    assert_eq!(s.state(A), SeatState::Ringing);
    assert_eq!(s.at(5, |acd, now| acd.seat_answered(Lease(1), now)), (true, vec![]));
    assert_eq!((s.state(A), s.acd.caller_state(ANNA)), (SeatState::Talking, Some(CallerState::Connected)));
    assert_eq!(s.at(65, |acd, now| acd.call_ended(Lease(1), now)), (true, vec![]));
    assert_eq!((s.state(A), s.acd.caller_state(ANNA)), (SeatState::WrapUp, None));
    assert_eq!(s.event(70, arrives(BEN)), ["position 102 1 90"], "one call occupied the seat for 60 + 30 s");
    assert_eq!(s.run(94), NOTHING);
    assert_eq!(s.run(95), ["95s assign 102 0 lease2"]);
    assert!(!s.at(96, |acd, now| acd.seat_ringing(Lease(1), now)).0, "an old lease does no harm");
    assert_eq!(s.state(A), SeatState::Assigned);
}

#[test]
fn a_seat_that_does_not_answer_is_withdrawn_spared_and_the_next_one_rings() {
    let mut s = Script::one_queue(2);
    s.event(0, present(A));
    s.event(1, present(B));
    assert_eq!(s.event(2, arrives(ANNA)), ["assign 101 0 lease1"]);
    assert_eq!(s.run(22), ["22s withdraw 101 0 lease1", "22s assign 101 1 lease2"]);
    assert_eq!((s.state(A), s.state(B)), (SeatState::Resting, SeatState::Assigned));
    assert_eq!(s.at(22, |acd, now| acd.seat_answered(Lease(1), now)), (false, vec![]), "it crossed the withdrawal");
    assert_eq!(s.run(31), NOTHING);
    assert_eq!(s.state(A), SeatState::Resting);
    assert_eq!(s.run(32), NOTHING);
    assert_eq!(s.state(A), SeatState::Idle);
}

#[test]
fn a_refused_caller_keeps_his_place() {
    let mut s = Script::one_queue(1);
    s.event(0, present(A));
    assert_eq!(s.event(0, arrives(ANNA)), ["assign 101 0 lease1"]);
    assert_eq!(s.event(1, arrives(BEN)), ["position 102 2 ?"]);
    let refused = s.at(2, |acd, now| acd.seat_refused(Lease(1), RefusalKind::Declined, now));
    assert_eq!(refused, (true, vec!["position 101 1 ?".to_owned()]));
    assert_eq!(s.run(7), ["7s assign 101 0 lease2"], "spared for 5 s, then it is still Anna's turn");
    let refused = s.at(8, |acd, now| acd.seat_refused(Lease(2), RefusalKind::Busy, now));
    assert_eq!(refused, (true, vec![]));
    assert_eq!(s.run(18), ["18s assign 101 0 lease3"], "a second miss in a row doubles the penalty");
}

#[test]
fn the_caller_may_go_at_every_moment() {
    let mut s = Script::one_queue(1);
    let leave = |caller| move |acd: &mut Acd, now| acd.caller_leaves(caller, now);
    s.event(0, arrives(ANNA));
    assert_eq!(s.at(1, leave(ANNA)), (true, vec![]), "waiting");
    assert!(!s.at(1, leave(ANNA)).0);
    s.event(2, present(A));
    s.event(3, arrives(ANNA));
    assert_eq!(s.event(4, arrives(BEN)), ["position 102 2 ?"]);
    assert_eq!(s.event(5, leave(ANNA)), ["withdraw 101 0 lease1", "assign 102 0 lease2"], "assigned");
    s.event(6, |acd, now| acd.seat_ringing(Lease(2), now));
    assert_eq!(s.event(7, leave(BEN)), ["withdraw 102 0 lease2"], "ringing");
    assert_eq!(s.state(A), SeatState::Idle, "it is not the seat's fault");
    s.event(8, arrives(CLEO));
    s.event(9, |acd, now| acd.seat_answered(Lease(3), now));
    assert_eq!(s.event(10, leave(CLEO)), NOTHING, "talking");
    assert_eq!((s.state(A), s.acd.callers(), s.acd.leases()), (SeatState::WrapUp, 0, 0));
    s.run(100);
    assert_eq!((s.state(A), s.acd.poll_timeout()), (SeatState::Idle, None));
}

#[test]
fn the_longest_idle_seat_gets_the_caller() {
    let mut s = Script::one_queue(3);
    let c = SeatId(2);
    for (at, seat) in [(0, B), (1, c), (2, A)] {
        s.event(at, present(seat));
    }
    assert_eq!(s.event(3, arrives(ANNA)), ["assign 101 1 lease1"]);
    s.event(4, |acd, now| acd.seat_paused(c, true, now));
    s.event(5, |acd, now| acd.seat_paused(c, false, now));
    assert_eq!(s.event(6, |acd, now| acd.caller_leaves(ANNA, now)), ["withdraw 101 1 lease1"]);
    assert_eq!(
        s.event(7, arrives(BEN)),
        ["assign 102 1 lease2"],
        "a withdrawn caller does not cost the seat its place"
    );
    assert_eq!(s.event(8, arrives(CLEO)), ["assign 103 0 lease3"], "a pause does");
}

#[test]
fn a_seat_in_two_queues_serves_who_waits_longest() {
    let hotels = QueueId(1);
    let mut s = Script::new(vec![queue(), queue()], vec![seat(&[Q, hotels])]);
    s.event(0, |acd, now| acd.caller_arrives(ANNA, hotels, now));
    s.event(1, arrives(BEN));
    assert_eq!(s.event(2, present(A)), ["assign 101 0 lease1"]);
    s.event(3, |acd, now| acd.seat_answered(Lease(1), now));
    s.event(4, |acd, now| acd.caller_arrives(CLEO, hotels, now));
    s.event(5, |acd, now| acd.call_ended(Lease(1), now));
    assert!(s.run(35).contains(&"35s assign 102 0 lease2".to_owned()));
}

#[test]
fn overflow_by_time_by_number_and_for_want_of_seats() {
    let small = QueueSettings { max_callers: 1, max_wait: Duration::from_secs(60), ..queue() };
    let mut s = Script::new(vec![small, queue()], vec![seat(&[Q])]);
    assert_eq!(s.event(0, |acd, now| acd.caller_arrives(ANNA, QueueId(1), now)), ["overflow 101 NoSeats"]);
    assert_eq!(s.event(0, |acd, now| acd.caller_arrives(ANNA, QueueId(7), now)), ["overflow 101 NoSeats"]);
    assert_eq!(s.event(0, arrives(ANNA)), ["position 101 1 ?"]);
    assert_eq!(s.event(1, arrives(BEN)), ["overflow 102 QueueFull"]);
    assert_eq!(s.run(60), ["60s overflow 101 MaxWait"]);
    assert_eq!((s.acd.callers(), s.acd.waiting(Q)), (0, 0));
}

#[test]
fn a_caller_whose_time_is_over_while_a_seat_rings_is_not_torn_away() {
    let mut s = Script::one_queue(1);
    s.event(0, arrives(ANNA));
    s.event(295, present(A));
    assert_eq!(s.run(310), NOTHING);
    assert_eq!(s.run(315), ["315s withdraw 101 0 lease1", "315s overflow 101 MaxWait"]);
    s.event(400, |acd, now| acd.caller_arrives(BEN, Q, now));
    assert!(s.at(401, |acd, now| acd.seat_answered(Lease(2), now)).0);
}

#[test]
fn positions_are_told_on_change_and_in_rounds() {
    let mut s = Script::one_queue(2);
    assert_eq!(s.event(0, arrives(ANNA)), ["position 101 1 ?"]);
    assert_eq!(s.event(0, arrives(BEN)), ["position 102 2 ?"]);
    assert_eq!(s.event(0, arrives(CLEO)), ["position 103 3 ?"]);
    let dora = CallerId(104);
    assert_eq!(s.event(0, arrives(dora)), ["position 104 4 ?"]);
    let leaves = s.event(10, |acd, now| acd.caller_leaves(ANNA, now));
    assert_eq!(leaves, ["position 102 1 ?", "position 103 2 ?", "position 104 3 ?"]);
    assert_eq!(s.event(10, |acd, now| acd.caller_leaves(BEN, now)), NOTHING, "a busy queue waits for the round");
    assert_eq!(s.run(11), ["11s position 103 1 ?", "11s position 104 2 ?"]);
    assert_eq!(s.event(20, present(A)), ["assign 103 0 lease1"]);
    assert_eq!(s.run(30), NOTHING, "Dora stays second until Cleo is connected");
    assert_eq!(s.event(31, |acd, now| acd.seat_answered(Lease(1), now)), ["position 104 1 ?"]);
}

#[test]
fn presence_and_pause_do_not_cut_a_call() {
    let mut s = Script::one_queue(1);
    s.event(0, present(A));
    s.event(1, arrives(ANNA));
    s.event(2, |acd, now| acd.seat_present(A, false, now));
    assert_eq!(s.state(A), SeatState::Assigned);
    assert!(s.at(3, |acd, now| acd.seat_answered(Lease(1), now)).0);
    s.event(4, |acd, now| acd.seat_paused(A, true, now));
    assert_eq!(s.state(A), SeatState::Talking);
    s.event(5, |acd, now| acd.call_ended(Lease(1), now));
    assert_eq!(s.state(A), SeatState::LoggedOut);
    s.event(6, present(A));
    assert_eq!(s.state(A), SeatState::Paused);
    s.event(7, |acd, now| acd.seat_paused(A, false, now));
    assert_eq!(s.state(A), SeatState::WrapUp, "wrap-up runs on meanwhile");
    assert_eq!(s.event(8, arrives(BEN)), ["position 102 1 45"]);
    assert_eq!(s.run(35), ["35s assign 102 0 lease2"]);
}

#[test]
fn a_device_that_registers_anew_is_not_spared() {
    let mut s = Script::one_queue(1);
    s.event(0, present(A));
    s.event(0, arrives(ANNA));
    s.event(1, |acd, now| acd.seat_refused(Lease(1), RefusalKind::Unreachable, now));
    assert_eq!(s.state(A), SeatState::Resting);
    s.event(2, |acd, now| acd.seat_present(A, false, now));
    assert_eq!(s.event(3, present(A)), ["assign 101 0 lease2"]);
}

#[test]
fn events_that_make_no_sense_change_nothing() {
    let mut s = Script::one_queue(1);
    s.event(0, present(A));
    s.event(0, present(SeatId(9)));
    s.event(0, arrives(ANNA));
    assert_eq!(s.event(1, arrives(ANNA)), NOTHING, "known already");
    s.event(2, |acd, now| acd.seat_answered(Lease(1), now));
    assert!(!s.at(3, |acd, now| acd.seat_answered(Lease(1), now)).0);
    assert!(!s.at(3, |acd, now| acd.seat_ringing(Lease(1), now)).0);
    assert!(!s.at(3, |acd, now| acd.seat_refused(Lease(1), RefusalKind::Busy, now)).0);
    assert!(!s.at(3, |acd, now| acd.call_ended(Lease(77), now)).0);
    assert_eq!(s.state(A), SeatState::Talking);
}

#[test]
fn zero_and_endless_times_are_fine() {
    let extreme =
        QueueSettings { max_wait: Duration::MAX, ring_timeout: Duration::MAX, wrap_up: Duration::ZERO, ..queue() };
    let mut s = Script::new(vec![extreme], vec![seat(&[Q, Q, QueueId(5)])]);
    s.event(0, present(A));
    assert_eq!(s.event(0, arrives(ANNA)), ["assign 101 0 lease1"]);
    s.event(1, |acd, now| acd.seat_answered(Lease(1), now));
    s.event(2, arrives(BEN));
    assert_eq!(s.event(3, |acd, now| acd.call_ended(Lease(1), now)), ["assign 102 0 lease2"], "no wrap-up");
    let at_once = QueueSettings { max_wait: Duration::ZERO, ring_timeout: Duration::ZERO, max_callers: 0, ..queue() };
    let mut s = Script::new(vec![at_once], vec![seat(&[Q])]);
    assert_eq!(s.event(0, arrives(ANNA)), ["overflow 101 QueueFull"]);
    s.event(0, present(A));
    assert_eq!(s.event(0, arrives(BEN)), ["assign 102 0 lease1", "withdraw 102 0 lease1", "overflow 102 MaxWait"]);
    assert_eq!(s.run(1), NOTHING);
}
