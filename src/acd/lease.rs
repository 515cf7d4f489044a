//! Leases: one seat for one caller.

use std::time::Instant;

use super::{CallerId, SeatId};

/// How far an assignment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeasePhase {
    /// The owner was told; nothing was heard from the seat.
    Assigned,
    /// The seat rings.
    Ringing,
    /// The seat answered at this moment.
    Talking(Instant),
}

/// One assignment.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeaseRecord {
    pub(super) caller: CallerId,
    pub(super) seat: SeatId,
    pub(super) phase: LeasePhase,
    /// When the seat must have answered.
    pub(super) ring_deadline: Instant,
}

impl LeaseRecord {
    pub(super) fn is_talking(&self) -> bool {
        matches!(self.phase, LeasePhase::Talking(_))
    }
}
