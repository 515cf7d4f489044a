//! What goes in and out of the [`super::Acd`].

use std::time::Duration;

/// A caller, numbered by the owner; a number is not used again while its caller is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallerId(pub u64);

/// A queue: its index in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId(pub usize);

/// A seat: its index in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeatId(pub usize);

/// One assignment of one seat to one caller, from [`Output::Assign`] until it is refused, withdrawn or ended. Never
/// reused, so that a late event about an old assignment can do no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lease(pub(super) u64);

impl Lease {
    /// The number, for logs and for the opaque seat id that is shown to the caller's app.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// Which of several idle seats gets the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// The seat that has been available longest.
    #[default]
    LongestIdle,
}

/// A queue, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// For logs.
    pub name: String,
    /// Who gets the next caller.
    pub strategy: Strategy,
    /// How long an assigned seat may take to answer, counted from the assignment.
    pub ring_timeout: Duration,
    /// How long a caller may wait before he overflows.
    pub max_wait: Duration,
    /// How many may wait at once. With 0 a caller is served at once or overflows.
    pub max_callers: usize,
    /// How long a seat rests after a call of this queue.
    pub wrap_up: Duration,
}

/// A seat, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatSettings {
    /// For logs.
    pub name: String,
    /// The queues it serves.
    pub queues: Vec<QueueId>,
    /// Overrides the queues' wrap-up time.
    pub wrap_up: Option<Duration>,
}

/// Why an assigned seat did not take the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// It is in another call (486, 600).
    Busy,
    /// The agent refused (480, 603).
    Declined,
    /// Nobody answered (408 after ringing, 487).
    NoAnswer,
    /// The device could not be reached or could not take the call (404, 408, 488, 5xx).
    Unreachable,
}

/// Why a caller is given back to the owner, who decides what he hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OverflowReason {
    /// He waited for the queue's `max_wait`.
    MaxWait,
    /// `max_callers` wait already.
    QueueFull,
    /// The queue does not exist or no seat is configured for it.
    NoSeats,
}

/// What the owner is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Ring this seat for this caller.
    Assign {
        /// Who is to be connected.
        caller: CallerId,
        /// To whom.
        seat: SeatId,
        /// The name of this assignment in every later event.
        lease: Lease,
    },
    /// Stop ringing: the ring timeout is over or the caller has gone. The lease has ended; an answer that crosses this
    /// on the wire is hung up (`seat_answered` says `false`).
    Withdraw {
        /// Whose assignment it was.
        caller: CallerId,
        /// Which seat to stop ringing.
        seat: SeatId,
        /// Which assignment.
        lease: Lease,
    },
    /// Tell a waiting caller where he is. Only when it changes.
    Position {
        /// Whom to tell.
        caller: CallerId,
        /// 1 is the next to be connected.
        position: u32,
        /// How long it may take; `None` while nothing is known. See `docs/acd.md` for the formula.
        expected_wait: Option<Duration>,
    },
    /// He cannot be served here. He is forgotten.
    Overflow {
        /// Who.
        caller: CallerId,
        /// Why.
        reason: OverflowReason,
    },
}
