//! Which nonce counts were used: a window per nonce, as many windows as fit.

use std::collections::BTreeMap;

use super::nonce::NonceId;

/// Remembers the last 64 counts of each nonce that somebody used rightly.
#[derive(Debug)]
pub(super) struct Replay {
    windows: BTreeMap<NonceId, Window>,
    capacity: usize,
    /// Nonces up to this one were forgotten for want of room, or never used: they are not taken any more.
    floor: Option<NonceId>,
}

/// Bit `i` of `seen` stands for the count `highest - i`.
#[derive(Debug)]
struct Window {
    highest: u32,
    seen: u64,
}

impl Replay {
    /// At most `capacity` nonces.
    pub fn new(capacity: usize) -> Self {
        Replay { windows: BTreeMap::new(), capacity: capacity.max(1), floor: None }
    }

    /// Marks `count` of `nonce` as used. `false`: it was used before, or is too old to tell.
    pub fn take(&mut self, nonce: NonceId, count: u32) -> bool {
        if let Some(window) = self.windows.get_mut(&nonce) {
            return window.take(count);
        }
        if self.floor.is_some_and(|floor| nonce <= floor) {
            return false;
        }
        self.windows.insert(nonce, Window { highest: count, seen: 1 });
        if self.windows.len() > self.capacity {
            // The oldest goes, and with it every nonce of its age: nothing may be used twice.
            let oldest = self.windows.pop_first().map(|(nonce, _)| nonce);
            self.floor = self.floor.max(oldest);
        }
        true
    }

    /// Forgets nonces made before `issued_s`, which their age refuses anyway.
    pub fn expire(&mut self, issued_s: u64) {
        while let Some(entry) = self.windows.first_entry().filter(|entry| entry.key().issued_s < issued_s) {
            entry.remove();
        }
    }

    /// How many nonces are remembered.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.windows.len()
    }
}

impl Window {
    fn take(&mut self, count: u32) -> bool {
        if count > self.highest {
            self.seen = self.seen.checked_shl(count - self.highest).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let Some(bit) = 1u64.checked_shl(self.highest - count) else { return false };
        let unused = self.seen & bit == 0;
        self.seen |= bit;
        unused
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn nonce(issued_s: u64) -> NonceId {
        NonceId { issued_s, serial: issued_s }
    }

    #[test]
    fn counts_may_come_out_of_order_but_never_twice() {
        let mut replay = Replay::new(4);
        let taken: Vec<bool> = [1, 2, 2, 5, 4, 4, 100, 37, 36, 5].map(|count| replay.take(nonce(1), count)).into();
        assert_eq!(taken, [true, true, false, true, true, false, true, true, false, false]);
    }

    #[test]
    fn a_forgotten_nonce_is_never_taken_again() {
        let mut replay = Replay::new(2);
        assert!(replay.take(nonce(2), 1) && replay.take(nonce(3), 1) && replay.take(nonce(4), 1));
        assert_eq!(replay.len(), 2);
        assert!(!replay.take(nonce(2), 1) && !replay.take(nonce(1), 1));
        assert!(replay.take(nonce(3), 2) && !replay.take(nonce(3), 2));
    }

    #[test]
    fn expired_nonces_leave_no_memory() {
        let mut replay = Replay::new(100);
        for second in 0..50 {
            assert!(replay.take(nonce(second), 1));
        }
        replay.expire(50);
        assert_eq!(replay.len(), 0);
    }

    proptest! {
        #[test]
        fn nothing_is_taken_twice(uses in prop::collection::vec((0u64..6, 0u32..200), 0..300), capacity in 1usize..5) {
            let mut replay = Replay::new(capacity);
            let mut taken = HashSet::new();
            for (id, count) in uses {
                if replay.take(nonce(id), count) {
                    prop_assert!(taken.insert((id, count)));
                }
                prop_assert!(replay.len() <= capacity);
            }
        }
    }
}
