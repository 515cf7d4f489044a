//! Seeded random schedules: whatever happens in whatever order, the invariants hold, and at the end nothing is left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

const QUEUES: usize = 4;
const SEATS: usize = 7;

/// What the owner of the machine knows from its outputs.
struct Owner {
    acd: Acd,
    rng: StdRng,
    now: Instant,
    /// Callers that were neither given back nor ended, with their queue.
    callers: BTreeMap<CallerId, QueueId>,
    /// Leases that are up, and those that have ended.
    leases: BTreeMap<Lease, (CallerId, SeatId)>,
    ended: Vec<Lease>,
    next_caller: u64,
    outputs: u64,
}

impl Owner {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let queues = (0..QUEUES).map(|_| random_queue(&mut rng)).collect();
        let seats = (0..SEATS).map(|_| random_seat(&mut rng)).collect();
        Owner {
            acd: Acd::new(queues, seats),
            rng,
            now: Instant::now(),
            callers: BTreeMap::new(),
            leases: BTreeMap::new(),
            ended: Vec::new(),
            next_caller: 0,
            outputs: 0,
        }
    }

    fn event(&mut self) {
        let seat = SeatId(self.rng.random_range(0..SEATS));
        match self.rng.random_range(0..20) {
            0..5 => self.arrive(),
            5..7 => self.leave(),
            7 => self.acd.seat_present(seat, self.rng.random_bool(0.7), self.now),
            8 => self.acd.seat_paused(seat, self.rng.random_bool(0.3), self.now),
            9..16 => self.lease_event(),
            16 => self.late_event(),
            _ => self.pass_time(),
        }
        self.drain();
    }

    fn arrive(&mut self) {
        let (caller, queue) = (CallerId(self.next_caller), QueueId(self.rng.random_range(0..QUEUES)));
        self.next_caller += 1;
        self.callers.insert(caller, queue);
        self.acd.caller_arrives(caller, queue, self.now);
    }

    fn leave(&mut self) {
        let Some(caller) = pick(&mut self.rng, &self.callers) else { return };
        self.callers.remove(&caller);
        assert!(self.acd.caller_leaves(caller, self.now));
        // A talking lease ends silently: the owner hangs up both sides itself.
        self.leases.retain(|lease, (leased, _)| {
            let ends = *leased == caller;
            if ends {
                self.ended.push(*lease);
            }
            !ends
        });
    }

    fn lease_event(&mut self) {
        let Some(lease) = pick(&mut self.rng, &self.leases) else { return };
        let (caller, _) = self.leases[&lease];
        let talking = self.acd.caller_state(caller) == Some(CallerState::Connected);
        match self.rng.random_range(0..5) {
            0 => assert_eq!(self.acd.seat_ringing(lease, self.now), !talking),
            1 | 2 => assert_eq!(self.acd.seat_answered(lease, self.now), !talking),
            3 => {
                let kinds = [RefusalKind::Busy, RefusalKind::Declined, RefusalKind::NoAnswer, RefusalKind::Unreachable];
                let kind = kinds[self.rng.random_range(0..kinds.len())];
                assert_eq!(self.acd.seat_refused(lease, kind, self.now), !talking);
                if !talking {
                    self.end(lease);
                }
            }
            _ => {
                assert!(self.acd.call_ended(lease, self.now));
                self.callers.remove(&caller);
                self.end(lease);
            }
        }
    }

    /// Something about an assignment that is over: it must be refused.
    fn late_event(&mut self) {
        if self.ended.is_empty() {
            return;
        }
        let lease = self.ended[self.rng.random_range(0..self.ended.len())];
        assert!(!self.acd.seat_answered(lease, self.now));
        assert!(!self.acd.seat_ringing(lease, self.now));
        assert!(!self.acd.seat_refused(lease, RefusalKind::Busy, self.now));
        assert!(!self.acd.call_ended(lease, self.now));
    }

    /// Mostly exactly to the next deadline, sometimes past several.
    fn pass_time(&mut self) {
        let random = self.now + Duration::from_millis(self.rng.random_range(0..3000));
        self.now =
            self.acd.poll_timeout().filter(|_| self.rng.random_bool(0.6)).map_or(random, |due| due.max(self.now));
        self.acd.handle_timeout(self.now);
        assert!(self.acd.poll_timeout().is_none_or(|due| due > self.now), "a deadline was left behind");
    }

    fn drain(&mut self) {
        while let Some(output) = self.acd.poll_output() {
            self.outputs += 1;
            match output {
                Output::Assign { caller, seat, lease } => {
                    assert!(!self.ended.contains(&lease), "{lease:?} was used before");
                    assert!(self.callers.contains_key(&caller), "{caller:?} is gone");
                    let twice = self.leases.values().find(|(c, s)| *c == caller || *s == seat);
                    assert_eq!(twice, None, "{caller:?} or {seat:?} is leased already");
                    assert!(self.leases.insert(lease, (caller, seat)).is_none());
                }
                Output::Withdraw { caller, seat, lease } => {
                    let known = self.leases.get(&lease) == Some(&(caller, seat));
                    assert!(known || self.ended.contains(&lease), "withdrew what was not assigned");
                    if known {
                        self.end(lease);
                    }
                }
                Output::Overflow { caller, .. } => {
                    assert!(self.callers.remove(&caller).is_some(), "{caller:?} overflowed twice or was gone");
                }
                Output::Position { caller, position, .. } => {
                    assert!(self.callers.contains_key(&caller));
                    assert!(position >= 1);
                }
            }
        }
    }

    fn end(&mut self, lease: Lease) {
        self.leases.remove(&lease);
        self.ended.push(lease);
        if self.ended.len() > 64 {
            self.ended.remove(0);
        }
    }

    fn check(&self) {
        let acd = &self.acd;
        assert_eq!(acd.callers(), self.callers.len());
        assert_eq!(acd.leases(), self.leases.len());
        let seats: BTreeSet<SeatId> = self.leases.values().map(|(_, seat)| *seat).collect();
        let callers: BTreeSet<CallerId> = self.leases.values().map(|(caller, _)| *caller).collect();
        assert_eq!((seats.len(), callers.len()), (self.leases.len(), self.leases.len()), "a second lease");
        for (index, seat) in acd.seats.iter().enumerate() {
            let id = SeatId(index);
            let state = acd.seat_state(id).expect("a seat");
            let leased = matches!(state, SeatState::Assigned | SeatState::Ringing | SeatState::Talking);
            assert_eq!(leased, seats.contains(&id), "{id:?} is {state:?}");
            assert_eq!(state == SeatState::Idle, seat.listed);
            for queue in &seat.queues {
                let queue = &acd.queues[queue.0];
                assert_eq!(queue.idle.contains(&(seat.order, id)), seat.listed);
                assert!(!seat.listed || queue.waiting.is_empty(), "{id:?} idles while somebody waits");
            }
        }
        for (index, queue) in acd.queues.iter().enumerate() {
            let id = QueueId(index);
            let of_queue = |state| {
                let in_state = |caller: &&CallerId| acd.caller_state(**caller) == Some(state);
                self.callers.iter().filter(|(_, q)| **q == id).map(|(c, _)| c).filter(in_state).count()
            };
            let (waiting, assigned) = (of_queue(CallerState::Waiting), of_queue(CallerState::Assigned));
            assert_eq!((queue.waiting.len(), queue.line.len()), (waiting, waiting + assigned));
            let staffed = acd.seats.iter().filter(|seat| seat.queues.contains(&id) && seat.is_staffed()).count();
            assert_eq!(queue.staffed, staffed);
            let idle = acd.seats.iter().filter(|seat| seat.queues.contains(&id) && seat.listed).count();
            assert_eq!(queue.idle.len(), idle);
        }
    }

    /// Everybody hangs up and time goes by.
    fn finish(&mut self) {
        while !self.callers.is_empty() {
            self.leave();
            self.drain();
            self.check();
        }
        while let Some(due) = self.acd.poll_timeout() {
            self.now = self.now.max(due);
            self.acd.handle_timeout(self.now);
        }
        self.drain();
        self.check();
        assert_eq!((self.acd.callers(), self.acd.leases()), (0, 0));
        for queue in 0..QUEUES {
            assert_eq!(self.acd.waiting(QueueId(queue)), 0);
        }
        for seat in 0..SEATS {
            let state = self.acd.seat_state(SeatId(seat));
            assert!(matches!(state, Some(SeatState::Idle | SeatState::LoggedOut | SeatState::Paused)), "{state:?}");
        }
    }
}

fn random_queue(rng: &mut StdRng) -> QueueSettings {
    QueueSettings {
        name: String::new(),
        strategy: Strategy::LongestIdle,
        ring_timeout: Duration::from_secs(rng.random_range(0..20)),
        max_wait: Duration::from_secs(rng.random_range(0..120)),
        max_callers: rng.random_range(0..20),
        wrap_up: Duration::from_secs(rng.random_range(0..10)),
    }
}

fn random_seat(rng: &mut StdRng) -> SeatSettings {
    let queues = (0..QUEUES).filter(|_| rng.random_bool(0.5)).map(QueueId).collect();
    let wrap_up = rng.random_bool(0.3).then(|| Duration::from_secs(rng.random_range(0..5)));
    SeatSettings { name: String::new(), queues, wrap_up }
}

fn pick<K: Copy + Ord, V>(rng: &mut StdRng, map: &BTreeMap<K, V>) -> Option<K> {
    if map.is_empty() {
        return None;
    }
    map.keys().nth(rng.random_range(0..map.len())).copied()
}

fn run(seed: u64, events: u64) -> u64 {
    let mut owner = Owner::new(seed);
    for _ in 0..events {
        owner.event();
        owner.check();
    }
    owner.finish();
    owner.outputs
}

/// 10,000 events each; a million in an optimised build. `TANDEM_SEED=n` replays one schedule, `TANDEM_SCHEDULES=n`
/// sets how many there are.
#[test]
fn invariants_hold_in_random_schedules() {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    if let Some(seed) = number("TANDEM_SEED") {
        println!("seed {seed}: {} outputs", run(seed, 10_000));
        return;
    }
    let schedules = number("TANDEM_SCHEDULES").unwrap_or(if cfg!(debug_assertions) { 5 } else { 100 });
    for seed in 0..schedules {
        println!("seed {seed}");
        assert!(run(seed, 10_000) > 100, "seed {seed} did next to nothing");
    }
}

#[test]
fn the_same_events_give_the_same_outputs() {
    let outputs = |seed| {
        let mut owner = Owner::new(seed);
        let start = owner.now;
        (0..2_000).for_each(|_| owner.event());
        (owner.outputs, owner.now - start, owner.leases)
    };
    assert_eq!(outputs(7), outputs(7));
}

/// The cost of an event hardly grows with the number of callers: a thousand times the queue is far from a thousand
/// times the time.
#[test]
fn long_queues_stay_cheap() {
    let cost = |callers: u64| {
        let queue = QueueSettings {
            max_callers: usize::MAX,
            max_wait: Duration::MAX,
            ..random_queue(&mut StdRng::seed_from_u64(1))
        };
        let seat = SeatSettings { name: String::new(), queues: vec![QueueId(0)], wrap_up: None };
        let mut acd = Acd::new(vec![queue], vec![seat]);
        let now = Instant::now();
        (0..callers).for_each(|caller| acd.caller_arrives(CallerId(caller), QueueId(0), now));
        acd.handle_timeout(now);
        while acd.poll_output().is_some() {}
        let begin = Instant::now();
        for caller in callers..callers + 2_000 {
            acd.caller_arrives(CallerId(caller), QueueId(0), now);
            acd.caller_leaves(CallerId(caller), now);
        }
        begin.elapsed().max(Duration::from_micros(100))
    };
    let best = |callers| (0..3).map(|_| cost(callers)).min().unwrap_or_default();
    let (short, long) = (best(100), best(100_000));
    assert!(long < short * 50, "{short:?} with 100 callers, {long:?} with 100,000");
}
