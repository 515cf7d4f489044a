//! One seat: what it declared, what it is leased to, and when its rest ends.

use std::time::{Duration, Instant};

use super::{Lease, QueueId, RefusalKind};

/// The longest penalty for calls that were not taken.
const LONGEST_PENALTY: Duration = Duration::from_secs(60);

/// A seat's state. It is derived from the seat's facts whenever somebody asks, so it cannot be stranded in a state
/// that no call backs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeatState {
    /// No device is registered and no call is up.
    LoggedOut,
    /// Ready for a caller.
    Idle,
    /// A caller is assigned; nothing was heard from the device yet.
    Assigned,
    /// The device rings.
    Ringing,
    /// In a call.
    Talking,
    /// The call is over, its paperwork is not.
    WrapUp,
    /// It did not take its last caller and is spared for a short while.
    Resting,
    /// The agent does not want calls.
    Paused,
}

/// Why a seat gets no caller until a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RestKind {
    WrapUp,
    Penalty,
}

/// A seat's own facts.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) queues: Vec<QueueId>,
    pub(super) wrap_up: Option<Duration>,
    pub(super) present: bool,
    pub(super) paused: bool,
    pub(super) lease: Option<Lease>,
    pub(super) rest: Option<(Instant, RestKind)>,
    /// Callers in a row that it did not take.
    pub(super) misses: u32,
    /// Its place among idle seats, lower is longer idle; renewed when it becomes available by its own doing, kept when
    /// a caller hung up before it could answer.
    pub(super) order: u64,
    /// Whether the queues list it as idle. An index, kept by [`super::Acd`] alone.
    pub(super) listed: bool,
}

impl Seat {
    pub(super) fn new(queues: Vec<QueueId>, wrap_up: Option<Duration>) -> Self {
        Seat {
            queues,
            wrap_up,
            present: false,
            paused: false,
            lease: None,
            rest: None,
            misses: 0,
            order: 0,
            listed: false,
        }
    }

    /// Whether it may be given a caller now.
    pub(super) fn is_available(&self) -> bool {
        self.is_staffed() && self.lease.is_none() && self.rest.is_none()
    }

    /// Whether somebody is there who takes calls, now or after the current one.
    pub(super) fn is_staffed(&self) -> bool {
        self.present && !self.paused
    }

    /// Counts a caller that was not taken and says for how long the seat is spared: 5 s when somebody or something said
    /// no, 10 s when nothing was heard, doubled for each further miss in a row, 60 s at most.
    pub(super) fn penalty(&mut self, kind: RefusalKind) -> Duration {
        let first = match kind {
            RefusalKind::Busy | RefusalKind::Declined => Duration::from_secs(5),
            RefusalKind::NoAnswer | RefusalKind::Unreachable => Duration::from_secs(10),
        };
        let doublings = self.misses.min(4);
        self.misses = self.misses.saturating_add(1);
        (first * 2u32.pow(doublings)).min(LONGEST_PENALTY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn penalties_double_up_to_a_minute() {
        let mut seat = Seat::new(vec![], None);
        let penalties: Vec<u64> = (0..5).map(|_| seat.penalty(RefusalKind::NoAnswer).as_secs()).collect();
        assert_eq!(penalties, [10, 20, 40, 60, 60]);
        seat.misses = u32::MAX;
        assert_eq!(seat.penalty(RefusalKind::Busy).as_secs(), 60);
        seat.misses = 0;
        assert_eq!(seat.penalty(RefusalKind::Declined).as_secs(), 5);
    }
}
