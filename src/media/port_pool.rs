//! Which media ports are free.
//!
//! Even ports for RTP with the odd one above for RTCP (RFC 3550 §11). A port that was freed rests before it is used
//! again, so that late packets of the last call do not reach the next one; a port that could not be bound is set
//! aside for longer. The longest-rested port is handed out first.

use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// Even UDP ports, lent to legs.
#[derive(Debug)]
pub struct PortPool {
    free: VecDeque<u16>,
    used: BTreeSet<u16>,
    resting: VecDeque<(Instant, u16)>,
    quarantined: VecDeque<(Instant, u16)>,
    rest: Duration,
    quarantine: Duration,
}

impl PortPool {
    /// A pool of every even port whose odd partner is in `range` too. `rest` is how long a freed port waits,
    /// `quarantine` how long one that failed does.
    pub fn new(range: RangeInclusive<u16>, rest: Duration, quarantine: Duration) -> Self {
        let free = range.clone().filter(|port| port % 2 == 0 && *port != 0 && range.contains(&(port + 1))).collect();
        Self { free, used: BTreeSet::new(), resting: VecDeque::new(), quarantined: VecDeque::new(), rest, quarantine }
    }

    /// Lends a port, or `None` when every port is lent, resting or quarantined.
    pub fn allocate(&mut self, now: Instant) -> Option<u16> {
        Self::wake(&mut self.resting, &mut self.free, now);
        Self::wake(&mut self.quarantined, &mut self.free, now);
        let port = self.free.pop_front()?;
        self.used.insert(port);
        Some(port)
    }

    /// Takes a lent port back. A port that is not lent is left alone.
    pub fn release(&mut self, port: u16, now: Instant) {
        if self.used.remove(&port) {
            self.resting.push_back((now + self.rest, port));
        }
    }

    /// Takes back a lent port that could not be used. A port that is not lent is left alone.
    pub fn quarantine(&mut self, port: u16, now: Instant) {
        if self.used.remove(&port) {
            self.quarantined.push_back((now + self.quarantine, port));
        }
    }

    /// How many ports are lent.
    pub fn in_use(&self) -> usize {
        self.used.len()
    }

    /// How many ports the pool has, lent or not.
    pub fn capacity(&self) -> usize {
        self.free.len() + self.used.len() + self.resting.len() + self.quarantined.len()
    }

    fn wake(waiting: &mut VecDeque<(Instant, u16)>, free: &mut VecDeque<u16>, now: Instant) {
        while let Some(&(until, port)) = waiting.front()
            && until <= now
        {
            waiting.pop_front();
            free.push_back(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REST: Duration = Duration::from_secs(5);
    const QUARANTINE: Duration = Duration::from_secs(60);

    fn pool(range: RangeInclusive<u16>) -> PortPool {
        PortPool::new(range, REST, QUARANTINE)
    }

    #[test]
    fn lends_even_ports_whose_partner_is_in_range() {
        let now = Instant::now();
        let mut pool = pool(10_001..=10_006);
        assert_eq!(pool.capacity(), 2);
        assert_eq!(pool.allocate(now), Some(10_002));
        assert_eq!(pool.allocate(now), Some(10_004));
        assert_eq!(pool.allocate(now), None);
        assert_eq!(pool.in_use(), 2);
    }

    #[test]
    fn reaches_the_top_of_the_port_space_and_never_port_zero() {
        assert_eq!(pool(65_532..=65_535).capacity(), 2);
        assert_eq!(pool(0..=3).capacity(), 1);
    }

    #[test]
    fn a_freed_port_rests() {
        let now = Instant::now();
        let mut pool = pool(10_000..=10_001);
        let port = pool.allocate(now).unwrap();
        pool.release(port, now);
        assert_eq!(pool.in_use(), 0);
        assert_eq!(pool.allocate(now + REST - Duration::from_millis(1)), None);
        assert_eq!(pool.allocate(now + REST), Some(port));
    }

    #[test]
    fn a_failed_port_is_set_aside_longer() {
        let now = Instant::now();
        let mut pool = pool(10_000..=10_001);
        let port = pool.allocate(now).unwrap();
        pool.quarantine(port, now);
        assert_eq!(pool.allocate(now + REST), None);
        assert_eq!(pool.allocate(now + QUARANTINE), Some(port));
    }

    #[test]
    fn what_is_not_lent_cannot_be_given_back() {
        let now = Instant::now();
        let mut pool = pool(10_000..=10_003);
        let port = pool.allocate(now).unwrap();
        pool.release(port, now);
        pool.release(port, now);
        pool.quarantine(4_000, now);
        assert_eq!(pool.capacity(), 2);
    }

    proptest! {
        #[test]
        fn no_port_is_lent_twice_and_none_is_lost(steps in proptest::collection::vec((0u8..3, 0usize..8, 0u64..40), 1..200)) {
            let mut now = Instant::now();
            let mut pool = pool(20_000..=20_015);
            let mut lent: Vec<u16> = Vec::new();
            for (action, index, seconds) in steps {
                now += Duration::from_secs(seconds);
                match (action, lent.is_empty()) {
                    (0, _) => if let Some(port) = pool.allocate(now) {
                        prop_assert!(!lent.contains(&port));
                        lent.push(port);
                    },
                    (_, true) => {}
                    (1, false) => pool.release(lent.swap_remove(index % lent.len()), now),
                    (_, false) => pool.quarantine(lent.swap_remove(index % lent.len()), now),
                }
                prop_assert_eq!(pool.in_use(), lent.len());
                prop_assert_eq!(pool.capacity(), 8);
            }
        }
    }
}
