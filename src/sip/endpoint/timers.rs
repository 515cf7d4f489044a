//! When legs want to be woken: one heap for all, with stale entries skipped.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use rustc_hash::FxHashMap;

use super::LegId;
use super::leg::Leg;

/// The legs' deadlines. An entry counts only while the leg still wants to be woken at that very moment.
#[derive(Default)]
pub(super) struct WakeList {
    heap: BinaryHeap<Reverse<(Instant, LegId)>>,
}

impl WakeList {
    /// Notes a leg's deadline; replaces an earlier one.
    pub fn set(&mut self, id: LegId, leg: &mut Leg, at: Instant) {
        if leg.wake_at != Some(at) {
            leg.wake_at = Some(at);
            self.heap.push(Reverse((at, id)));
        }
    }

    /// The earliest deadline that still counts.
    pub fn next(&mut self, legs: &FxHashMap<LegId, Leg>) -> Option<Instant> {
        self.drop_stale(legs);
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes one leg whose deadline has come.
    pub fn pop_due(&mut self, legs: &FxHashMap<LegId, Leg>, now: Instant) -> Option<LegId> {
        self.drop_stale(legs);
        match self.heap.peek() {
            Some(Reverse((at, _))) if *at <= now => self.heap.pop().map(|Reverse((_, id))| id),
            _ => None,
        }
    }

    fn drop_stale(&mut self, legs: &FxHashMap<LegId, Leg>) {
        while let Some(Reverse((at, id))) = self.heap.peek() {
            if legs.get(id).is_some_and(|leg| leg.wake_at == Some(*at)) {
                return;
            }
            self.heap.pop();
        }
    }
}
