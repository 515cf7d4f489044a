//! The frames towards one side: which were sent, which arrived, which is kept.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Origin;
use crate::sync::contract::LaneState;
use crate::sync::frame::{Frame, Size};

/// The frame that a side has on its screen, as it reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its sequence number.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

/// Frames whose report is awaited; a receiver that takes frames and never reports costs no more than this.
const MAX_PENDING: usize = 16;

struct Pending {
    origin: Origin,
    shown: Shown,
    since: Instant,
    accepted: bool,
}

/// One direction of frames.
#[derive(Default)]
pub struct Lane {
    /// The sequence number of the last frame that was taken from the sender.
    pub last_seq: Option<u64>,
    /// The last whole frame, for a receiver that comes late.
    kept: Option<(Frame, Origin)>,
    /// Frames on their way.
    pending: BTreeMap<u64, Pending>,
    /// The kept frame could not be sent yet and shall follow.
    owed: bool,
    /// A partial frame was lost: partial ones are worthless until a whole one comes.
    broken: bool,
    /// What the receiver reported last.
    shown: Option<Shown>,
    /// The newest frame that was sent: its sequence number and the screen's size.
    sent: Option<(u64, Size)>,
    stalled: bool,
    reported_state: Option<LaneState>,
}

/// What to do with a frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Admission {
    /// Send it now.
    Send,
    /// It is kept and sent later, or replaced by a newer one.
    Keep,
    /// It cannot be used: a whole frame is needed first. `true` when that is news to the sender.
    Drop(bool),
}

impl Lane {
    /// Takes a frame from the sender. `away`: the receiver is not there; `one_at_a_time`: its carrier has no slot of
    /// its own for the latest frame. Also says whether a frame that waited was replaced.
    pub fn admit(&mut self, frame: &Frame, origin: Origin, away: bool, one_at_a_time: bool) -> (Admission, bool) {
        self.last_seq = Some(frame.seq);
        if !frame.key {
            let usable = !away && !self.broken && !self.owed && !self.is_busy() && self.kept.is_some();
            let news = !std::mem::replace(&mut self.broken, !usable);
            return (if usable { Admission::Send } else { Admission::Drop(news && !away) }, false);
        }
        self.broken = false;
        self.kept = Some((frame.clone(), origin));
        let wait = away || (one_at_a_time && self.is_busy());
        let replaced = std::mem::replace(&mut self.owed, wait) && wait;
        (if wait { Admission::Keep } else { Admission::Send }, replaced)
    }

    /// A frame was handed to the carrier.
    pub fn sent(&mut self, ticket: u64, frame: &Frame, origin: Origin, now: Instant) {
        let shown = Shown { seq: frame.seq, hash: frame.hash.clone() };
        self.pending.insert(ticket, Pending { origin, shown, since: now, accepted: false });
        if self.pending.len() > MAX_PENDING {
            self.pending.pop_first();
        }
        self.sent = Some((frame.seq, frame.full));
    }

    /// The receiver came: the frame to begin with. When newer partial frames were lost, a whole one must be asked for:
    /// [`Lane::is_broken`] tells.
    pub fn replay(&mut self) -> Option<(Frame, Origin)> {
        self.owed = false;
        let (frame, origin) = self.kept.clone()?;
        self.broken |= self.last_seq != Some(frame.seq);
        Some((frame, origin))
    }

    /// The kept frame, when it waited for the carrier and the carrier is free.
    pub fn take_owed(&mut self) -> Option<(Frame, Origin)> {
        if !self.is_busy() && std::mem::take(&mut self.owed) { self.kept.clone() } else { None }
    }

    /// Whether a frame is on its way that the receiver has not taken yet.
    fn is_busy(&self) -> bool {
        self.pending.values().any(|pending| !pending.accepted)
    }

    /// The receiver took a frame (every chunk answered with 200). Whether that is news.
    pub fn accepted(&mut self, ticket: u64) -> bool {
        let Some(pending) = self.pending.get_mut(&ticket) else { return false };
        self.stalled = false;
        !std::mem::replace(&mut pending.accepted, true)
    }

    /// The receiver has the whole frame. Gives the origin that waits for a report.
    pub fn delivered(&mut self, ticket: u64) -> Option<Origin> {
        let pending = self.pending.remove(&ticket)?;
        self.stalled = false;
        if self.shown.as_ref().is_none_or(|shown| shown.seq <= pending.shown.seq) {
            self.shown = Some(pending.shown);
        }
        Some(pending.origin)
    }

    /// A frame will not arrive. Whether it was one of ours.
    pub fn lost(&mut self, ticket: u64) -> bool {
        self.pending.remove(&ticket).is_some()
    }

    /// The receiver went: what was on its way is lost, the kept frame is owed.
    pub fn receiver_left(&mut self) {
        self.pending.clear();
        self.owed = self.kept.is_some();
        self.shown = None;
        self.sent = None;
        self.stalled = false;
    }

    /// The sender was replaced: nothing of the former one is shown again.
    pub fn sender_left(&mut self) {
        *self = Lane { reported_state: self.reported_state, ..Lane::default() };
    }

    /// What the receiver has on its screen.
    pub fn shown(&self) -> Option<&Shown> {
        self.shown.as_ref()
    }

    /// Whether a finger may have been on that frame at that place.
    pub fn could_touch(&self, seq: u64, x: u32, y: u32) -> bool {
        self.sent.is_some_and(|(last, size)| seq <= last && x < size.width && y < size.height)
    }

    /// Whether partial frames are worthless until a whole one comes.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// When the oldest frame on its way counts as stalled.
    pub fn stall_at(&self, after: Duration) -> Option<Instant> {
        let waiting = self.pending.values().filter(|pending| !pending.accepted);
        if self.stalled { None } else { waiting.map(|pending| pending.since + after).min() }
    }

    /// Marks the lane stalled when that time has come.
    pub fn handle_timeout(&mut self, after: Duration, now: Instant) {
        self.stalled |= self.stall_at(after).is_some_and(|at| at <= now);
    }

    /// The state, derived from the facts.
    pub fn state(&self, sender_there: bool, receiver_there: bool) -> LaneState {
        match (receiver_there, &self.kept) {
            (false, Some(_)) => LaneState::Parked,
            (false, None) => LaneState::Negotiating,
            (true, _) if self.stalled => LaneState::Stalled,
            (true, Some(_)) if self.broken => LaneState::Resyncing,
            (true, Some(_)) => LaneState::Live,
            (true, None) if sender_there => LaneState::AwaitingKeyframe,
            (true, None) => LaneState::Negotiating,
        }
    }

    /// The state, when it is another than last time.
    pub fn state_change(&mut self, state: LaneState) -> Option<LaneState> {
        (self.reported_state.replace(state) != Some(state)).then_some(state)
    }
}
