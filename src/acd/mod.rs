//! Automatic call distribution: queues of callers, seats, and who gets whom. Knows no SIP.
//!
//! [`Acd`] is a pure machine: events come in with `now`, [`Output`]s are drained, and matching happens on the event
//! that makes it possible, never by polling. An event costs O(log n) in callers and seats, times the few queues of
//! a seat. Everything is ordered by arrival, so the same events give the same outputs.
//!
//! `docs/acd.md` has the state diagrams of seat and caller and the rules.

mod caller;
mod contract;
mod estimate;
mod lease;
mod machine;
mod matching;
mod position;
mod queue;
mod seat;
mod timers;

#[cfg(test)]
mod script_tests;
#[cfg(test)]
mod simulation_tests;

pub use caller::CallerState;
pub use contract::{
    CallerId, Lease, Output, OverflowReason, QueueId, QueueSettings, RefusalKind, SeatId, SeatSettings, Strategy,
};
pub use machine::Acd;
pub use position::REPORT_INTERVAL;
pub use seat::SeatState;
