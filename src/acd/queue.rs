//! One queue: its line of callers and its idle seats.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::estimate::HandlingTime;
use super::{CallerId, QueueSettings, SeatId};

/// A queue's own facts. `line` holds everybody who is not connected yet, `waiting` those of them for whom no seat is
/// being rung; both by order of arrival.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) settings: QueueSettings,
    pub(super) line: BTreeMap<u64, CallerId>,
    pub(super) waiting: BTreeMap<u64, CallerId>,
    /// Seats that may be given a caller, longest idle first.
    pub(super) idle: BTreeSet<(u64, SeatId)>,
    /// How many seats are configured.
    pub(super) seats: usize,
    /// How many of them are present and not paused.
    pub(super) staffed: usize,
    pub(super) handling: HandlingTime,
    /// When positions were last told, and when they will be told next.
    pub(super) told_at: Option<Instant>,
    pub(super) tell_at: Option<Instant>,
}

impl Queue {
    pub(super) fn new(settings: QueueSettings) -> Self {
        Queue {
            settings: QueueSettings {
                ring_timeout: bounded(settings.ring_timeout),
                max_wait: bounded(settings.max_wait),
                wrap_up: bounded(settings.wrap_up),
                ..settings
            },
            line: BTreeMap::new(),
            waiting: BTreeMap::new(),
            idle: BTreeSet::new(),
            seats: 0,
            staffed: 0,
            handling: HandlingTime::default(),
            told_at: None,
            tell_at: None,
        }
    }

    /// Whether a caller who cannot be served at once must be turned away.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= self.settings.max_callers
    }
}

/// A configured time, cut to a year: longer is for ever here, and deadlines must stay representable.
pub(super) fn bounded(time: Duration) -> Duration {
    time.min(Duration::from_secs(365 * 24 * 3600))
}
