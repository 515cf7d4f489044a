//! What the store has done so far.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// A snapshot of the store's counters, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Calls written to the database, replayed ones included.
    pub written: u64,
    /// Records that took the way through the spill file.
    pub spilled: u64,
    /// Records that neither database nor spill file took.
    pub lost: u64,
    /// Whether the database is away now.
    pub is_away: bool,
}

/// The counters, shared between the handles, the actor and the spill thread.
#[derive(Debug, Default)]
pub(super) struct Counters {
    written: AtomicU64,
    spilled: AtomicU64,
    lost: AtomicU64,
    away: AtomicBool,
    behind: AtomicBool,
}

impl Counters {
    pub(super) fn written(&self, records: u64) {
        self.written.fetch_add(records, Relaxed);
    }

    /// Also notes that there is something to replay.
    pub(super) fn spilled(&self) {
        self.spilled.fetch_add(1, Relaxed);
        self.behind.store(true, Relaxed);
    }

    pub(super) fn lost(&self) {
        self.lost.fetch_add(1, Relaxed);
    }

    /// Returns what it was before.
    pub(super) fn set_away(&self, is_away: bool) -> bool {
        self.away.swap(is_away, Relaxed)
    }

    pub(super) fn is_away(&self) -> bool {
        self.away.load(Relaxed)
    }

    /// Whether records wait in the spill file.
    pub(super) fn is_behind(&self) -> bool {
        self.behind.load(Relaxed)
    }

    /// Taken before the replay starts, so that a record spilled meanwhile is noticed.
    pub(super) fn clear_behind(&self) {
        self.behind.store(false, Relaxed);
    }

    /// A replay did not come to its end.
    pub(super) fn stay_behind(&self) {
        self.behind.store(true, Relaxed);
    }

    pub(super) fn snapshot(&self) -> StoreStats {
        StoreStats {
            written: self.written.load(Relaxed),
            spilled: self.spilled.load(Relaxed),
            lost: self.lost.load(Relaxed),
            is_away: self.is_away(),
        }
    }
}
