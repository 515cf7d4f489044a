//! The timers of RFC 3261 §17 under their letters, and the one heap that all transactions share.

use std::cmp::Ordering;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

/// The base values that every timer derives from (RFC 3261 §17.1.1.1 and Table 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerConfig {
    /// T1: the estimate of the round trip; 500 ms.
    pub t1: Duration,
    /// T2: the ceiling of the retransmit interval of non-INVITE requests and INVITE responses; 4 s.
    pub t2: Duration,
    /// T4: how long a message may linger in the network; 5 s.
    pub t4: Duration,
    /// D: how long a client keeps acknowledging retransmitted failures over UDP; at least 32 s (§17.1.1.2).
    pub d: Duration,
    /// How long the TU may think about an INVITE before the transaction says `100 Trying`; 200 ms (§17.2.1).
    pub trying: Duration,
}

impl Default for TimerConfig {
    fn default() -> Self {
        TimerConfig {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            d: Duration::from_secs(32),
            trying: Duration::from_millis(200),
        }
    }
}

/// A timer by its letter in RFC 3261 §17; L and M are RFC 6026's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// INVITE retransmission, doubling (client).
    A,
    /// INVITE without any answer (client).
    B,
    /// Acknowledging retransmitted failures (INVITE client).
    D,
    /// Non-INVITE retransmission, doubling up to T2 (client).
    E,
    /// Non-INVITE without a final answer (client).
    F,
    /// Failure response retransmission, doubling up to T2 (INVITE server).
    G,
    /// Failure response without an ACK (INVITE server).
    H,
    /// Absorbing retransmitted ACKs (INVITE server).
    I,
    /// Answering retransmitted requests (non-INVITE server).
    J,
    /// Absorbing retransmitted responses (non-INVITE client).
    K,
    /// Absorbing retransmitted INVITEs after a 2xx (server, RFC 6026 §7.1).
    L,
    /// Passing up retransmitted and forked 2xx (client, RFC 6026 §7.2).
    M,
    /// The 200 ms after which an INVITE server transaction sends `100 Trying` itself (no letter in the RFC).
    Trying,
}

/// Whose timer it is; transaction numbers are unique only within a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

impl Timer {
    /// The side whose machines use this letter.
    pub fn side(self) -> Side {
        match self {
            Timer::A | Timer::B | Timer::D | Timer::E | Timer::F | Timer::K | Timer::M => Side::Client,
            Timer::G | Timer::H | Timer::I | Timer::J | Timer::L | Timer::Trying => Side::Server,
        }
    }

    /// The first (for A, E and G) or only interval; zero where a reliable transport needs no waiting (Table 4).
    pub fn first_interval(self, config: &TimerConfig, reliable: bool) -> Duration {
        match self {
            Timer::A | Timer::E => config.t1,
            Timer::G => config.t1.min(config.t2),
            Timer::B | Timer::F | Timer::H | Timer::L | Timer::M => config.t1 * 64,
            Timer::D | Timer::I | Timer::J | Timer::K if reliable => Duration::ZERO,
            Timer::D => config.d,
            Timer::J => config.t1 * 64,
            Timer::I | Timer::K => config.t4,
            Timer::Trying => config.trying,
        }
    }

    /// A transaction runs at most one timer that repeats or prompts, and one that ends its state.
    fn ends_state(self) -> bool {
        match self {
            Timer::A | Timer::E | Timer::G | Timer::Trying => false,
            Timer::B | Timer::D | Timer::F | Timer::H | Timer::I | Timer::J | Timer::K | Timer::L | Timer::M => true,
        }
    }
}

/// One setting of one timer; never reused, so a setting that was replaced can be told from its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arming(NonZeroU64);

/// The timers that one transaction has running: 16 bytes.
#[derive(Debug, Default)]
pub(super) struct Armed {
    repeat: Option<Arming>,
    end: Option<Arming>,
}

impl Armed {
    fn slot(&mut self, timer: Timer) -> &mut Option<Arming> {
        if timer.ends_state() { &mut self.end } else { &mut self.repeat }
    }

    /// Whether this setting of this timer still stands.
    pub fn holds(&self, due: &Due) -> bool {
        let slot = if due.timer.ends_state() { self.end } else { self.repeat };
        slot == Some(due.arming)
    }
}

/// One entry of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    at: Instant,
    arming: Arming,
    /// The transaction's number, on the side that [`Timer::side`] tells.
    pub owner: u64,
    pub timer: Timer,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        // Timers that fall due together fire in the order in which they were set: runs are repeatable.
        self.at.cmp(&other.at).then(self.arming.cmp(&other.arming))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// All timers of a table. Stopping a timer only marks it: the dead entry leaves when it surfaces, or when the dead
/// outnumber the living and the heap is swept.
#[derive(Debug)]
pub(super) struct TimerHeap {
    heap: BinaryHeap<Reverse<Due>>,
    running: usize,
    next_arming: NonZeroU64,
}

/// Below this many dead entries sweeping is not worth its while.
const SWEEP_MINIMUM: usize = 64;

impl TimerHeap {
    pub fn new() -> Self {
        TimerHeap { heap: BinaryHeap::new(), running: 0, next_arming: NonZeroU64::MIN }
    }

    /// Starts or restarts `timer`.
    pub fn start(&mut self, armed: &mut Armed, timer: Timer, owner: u64, at: Instant) {
        let arming = Arming(self.next_arming);
        self.next_arming = self.next_arming.saturating_add(1);
        if armed.slot(timer).replace(arming).is_none() {
            self.running += 1;
        }
        self.heap.push(Reverse(Due { at, arming, owner, timer }));
    }

    /// Stops the timer in the slot of `timer`, if any runs.
    pub fn stop(&mut self, armed: &mut Armed, timer: Timer) {
        if armed.slot(timer).take().is_some() {
            self.running -= 1;
        }
    }

    /// Stops everything that a transaction has running.
    pub fn stop_all(&mut self, armed: &mut Armed) {
        self.stop(armed, Timer::Trying);
        self.stop(armed, Timer::B);
    }

    /// The earliest entry's time; exact after [`TimerHeap::tidy`].
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(due)| due.at)
    }

    /// Takes the earliest entry that is due, dead or alive; the caller asks [`Armed::holds`] and then stops it.
    pub fn pop_due(&mut self, now: Instant) -> Option<Due> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(due)| due)
    }

    /// Drops dead entries from the top, and all of them once they outnumber the living.
    pub fn tidy(&mut self, lives: impl Fn(&Due) -> bool) {
        while let Some(Reverse(due)) = self.heap.peek() {
            if lives(due) {
                break;
            }
            self.heap.pop();
        }
        if self.heap.len() > 2 * self.running + SWEEP_MINIMUM {
            self.heap.retain(|Reverse(due)| lives(due));
            self.heap.shrink_to(self.running * 2);
        }
    }

    /// Gives back the memory of a rush that is over.
    pub fn shrink(&mut self) {
        if super::table::is_sparse(self.heap.len(), self.heap.capacity()) {
            self.heap.shrink_to(self.heap.len() * 2);
        }
    }

    /// How many timers run.
    pub fn running(&self) -> usize {
        self.running
    }

    /// How many entries the heap holds, dead ones included.
    #[cfg(test)]
    pub fn entries(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarting_leaves_bounded_garbage() {
        let mut timers = TimerHeap::new();
        let mut armed = Armed::default();
        let start = Instant::now();
        for step in 0..10_000u64 {
            timers.start(&mut armed, Timer::A, 1, start + Duration::from_millis(step));
            timers.tidy(|due| armed.holds(due));
            assert!(timers.entries() <= 2 * timers.running() + SWEEP_MINIMUM);
        }
        assert_eq!(timers.running(), 1);
        assert_eq!(timers.next(), Some(start + Duration::from_millis(9_999)));
    }

    #[test]
    fn a_replaced_timer_is_told_from_its_successor_due_at_the_same_instant() {
        let mut timers = TimerHeap::new();
        let mut armed = Armed::default();
        let at = Instant::now();
        timers.start(&mut armed, Timer::B, 7, at);
        timers.start(&mut armed, Timer::D, 7, at);
        let first = timers.pop_due(at).unwrap();
        assert_eq!((first.timer, armed.holds(&first)), (Timer::B, false));
        let second = timers.pop_due(at).unwrap();
        assert_eq!((second.timer, armed.holds(&second)), (Timer::D, true));
        assert!(timers.pop_due(at).is_none());
    }

    #[test]
    fn timers_due_together_fire_in_the_order_they_were_set() {
        let mut timers = TimerHeap::new();
        let at = Instant::now();
        let mut slots: Vec<Armed> = (0..50).map(|_| Armed::default()).collect();
        for (owner, armed) in slots.iter_mut().enumerate() {
            timers.start(armed, Timer::E, owner as u64, at);
        }
        let order: Vec<u64> = std::iter::from_fn(|| timers.pop_due(at)).map(|due| due.owner).collect();
        assert_eq!(order, (0..50).collect::<Vec<u64>>());
    }

    #[test]
    fn reliable_transports_do_not_wait_for_stragglers() {
        let config = TimerConfig::default();
        for timer in [Timer::D, Timer::I, Timer::J, Timer::K] {
            assert_eq!(timer.first_interval(&config, true), Duration::ZERO);
            assert!(timer.first_interval(&config, false) >= config.t4);
        }
        for timer in [Timer::B, Timer::F, Timer::H, Timer::L, Timer::M] {
            assert_eq!(timer.first_interval(&config, true), Duration::from_secs(32));
            assert_eq!(timer.first_interval(&config, false), Duration::from_secs(32));
        }
    }
}
