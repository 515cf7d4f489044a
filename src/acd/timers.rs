//! The deadlines of the whole machine, each set and stopped exactly: no stale entry ever fires.

use std::collections::BTreeSet;
use std::time::Instant;

use super::{CallerId, Lease, QueueId, SeatId};

/// What a deadline is for. The order decides among deadlines of one instant: seats come free before callers give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A seat's wrap-up or penalty ends.
    Rest(SeatId),
    /// An assigned seat has not answered.
    Ring(Lease),
    /// A caller has waited for too long.
    MaxWait(CallerId),
    /// The callers of a queue are told their positions.
    Positions(QueueId),
}

/// A set of deadlines, earliest first.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(Instant, Timer)>);

impl Timers {
    pub(super) fn set(&mut self, at: Instant, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(super) fn stop(&mut self, at: Instant, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes the earliest deadline that is over.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, timer)| timer)
    }
}
