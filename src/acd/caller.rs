//! One caller, from arrival until he is connected and hangs up, overflows or gives up.

use std::time::{Duration, Instant};

use super::{Lease, QueueId};

/// What is known about a caller. A caller who overflowed or left is not known any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallerState {
    /// In line, no seat for him yet.
    Waiting,
    /// In line, a seat is being rung for him.
    Assigned,
    /// Talking with a seat.
    Connected,
}

/// A caller's own facts. His state follows from his lease.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) queue: QueueId,
    /// His place: callers are ordered by this number over all queues, and he keeps it when a seat refuses him.
    pub(super) order: u64,
    /// When he overflows, unless a seat is being rung for him then.
    pub(super) deadline: Instant,
    pub(super) lease: Option<Lease>,
    /// What he was last told.
    pub(super) told: Option<(u32, Option<Duration>)>,
}
