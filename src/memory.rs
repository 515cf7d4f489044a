//! Gives memory back to the system when a rush is over. The C library keeps what a thread has freed, in case the thread
//! wants it again; after a burst that is most of what the process holds.

use std::time::{Duration, Instant};

/// Time between looks. Giving back takes a millisecond or so for each 100 MiB.
const INTERVAL: Duration = Duration::from_secs(10);

/// A rush that is not worth the trouble: things alive at its height.
const SMALL: usize = 1_000;

/// How much is alive, as it rises and falls.
#[derive(Debug)]
pub struct Tide {
    high: usize,
    looked: Instant,
}

impl Tide {
    /// Nothing is alive yet.
    pub fn new(now: Instant) -> Tide {
        Tide { high: 0, looked: now }
    }

    /// Whether a look is due.
    pub fn wants_a_look(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.looked) >= INTERVAL
    }

    /// Takes note of what is alive. True when three quarters of what was there have gone, once for each rush.
    pub fn has_ebbed(&mut self, alive: usize, now: Instant) -> bool {
        self.looked = now;
        self.high = self.high.max(alive);
        let ebbed = self.high >= SMALL && alive <= self.high / 4;
        if ebbed {
            self.high = alive;
        }
        ebbed
    }
}

/// Hands free pages back to the system. Does nothing with a C library that has no such call.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim(3) may be called at any time from any thread; it takes the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rush_ebbs_once() {
        let start = Instant::now();
        let mut tide = Tide::new(start);
        assert!(!tide.wants_a_look(start) && tide.wants_a_look(start + INTERVAL));
        let ebbs: Vec<bool> =
            [10, 5_000, 4_000, 1_000, 900, 0, 6_000, 100, 50].map(|n| tide.has_ebbed(n, start)).into();
        let expected = [false, false, false, true, false, true, false, true, false];
        assert_eq!(ebbs, expected);
    }

    #[test]
    fn a_quiet_gateway_gives_nothing_back() {
        let mut tide = Tide::new(Instant::now());
        assert!(![300, 0, 500, 0].into_iter().any(|alive| tide.has_ebbed(alive, Instant::now())));
    }
}
