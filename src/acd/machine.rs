//! The machine: events in, outputs out.

use std::collections::VecDeque;
use std::time::Instant;

use rustc_hash::FxHashMap;

use super::caller::Caller;
use super::lease::{LeasePhase, LeaseRecord};
use super::queue::{Queue, bounded};
use super::seat::{RestKind, Seat};
use super::timers::{Timer, Timers};
use super::{
    CallerId, CallerState, Lease, Output, OverflowReason, QueueId, QueueSettings, RefusalKind, SeatId, SeatSettings,
    SeatState,
};

/// All queues, seats and callers.
#[derive(Debug)]
pub struct Acd {
    pub(super) queues: Vec<Queue>,
    pub(super) seats: Vec<Seat>,
    pub(super) callers: FxHashMap<CallerId, Caller>,
    pub(super) leases: FxHashMap<Lease, LeaseRecord>,
    pub(super) timers: Timers,
    pub(super) outputs: VecDeque<Output>,
    /// Orders callers by arrival and seats by availability.
    pub(super) next_order: u64,
    pub(super) next_lease: u64,
}

impl Acd {
    /// Queues and seats as configured; every seat is logged out. A seat's queue that does not exist is left out.
    pub fn new(queues: Vec<QueueSettings>, seats: Vec<SeatSettings>) -> Self {
        let mut queues: Vec<Queue> = queues.into_iter().map(Queue::new).collect();
        let mut known_seats = Vec::with_capacity(seats.len());
        for mut seat in seats {
            seat.queues.sort_unstable();
            seat.queues.dedup();
            seat.queues.retain(|id| id.0 < queues.len());
            seat.queues.iter().for_each(|id| queues[id.0].seats += 1);
            known_seats.push(Seat::new(seat.queues, seat.wrap_up.map(bounded)));
        }
        Acd {
            queues,
            seats: known_seats,
            callers: FxHashMap::default(),
            leases: FxHashMap::default(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            next_order: 0,
            next_lease: 1,
        }
    }

    /// A caller joins a queue. One who is known already is left as he is.
    pub fn caller_arrives(&mut self, id: CallerId, queue_id: QueueId, now: Instant) {
        if self.callers.contains_key(&id) {
            return;
        }
        let Some(queue) = self.queues.get(queue_id.0).filter(|queue| queue.seats > 0) else {
            return self.overflow(id, OverflowReason::NoSeats);
        };
        if queue.idle.is_empty() && queue.is_full() {
            return self.overflow(id, OverflowReason::QueueFull);
        }
        let deadline = now + queue.settings.max_wait;
        let order = self.order();
        self.callers.insert(id, Caller { queue: queue_id, order, deadline, lease: None, told: None });
        self.queues[queue_id.0].line.insert(order, id);
        self.wait(id, now);
        if self.caller_state(id) == Some(CallerState::Waiting) {
            self.tell_newcomer(id, queue_id);
        }
    }

    /// A caller hung up, at whatever moment. `false`: he was not known.
    pub fn caller_leaves(&mut self, id: CallerId, now: Instant) -> bool {
        let Some(lease) = self.callers.get(&id).map(|caller| caller.lease) else { return false };
        match lease.and_then(|lease| Some((lease, *self.leases.get(&lease)?))) {
            Some((lease, record)) if record.is_talking() => {
                self.call_ended(lease, now);
            }
            Some((lease, record)) => {
                self.forget(id, now);
                self.outputs.push_back(Output::Withdraw { caller: id, seat: record.seat, lease });
                self.end_lease(lease);
                self.seat_changed(record.seat, now);
            }
            None => self.forget(id, now),
        }
        true
    }

    /// A seat's device is registered, or not any more. A lease outlives the registration: the call is what counts.
    /// A device that comes back is not spared for what it missed while it was away.
    pub fn seat_present(&mut self, id: SeatId, present: bool, now: Instant) {
        if present {
            self.end_penalty(id);
        }
        self.declare(id, now, |seat| seat.present = present);
    }

    /// The agent wants no calls, or wants them again.
    pub fn seat_paused(&mut self, id: SeatId, paused: bool, now: Instant) {
        self.declare(id, now, |seat| seat.paused = paused);
    }

    /// The assigned seat rings. `false`: the lease has ended or was answered.
    pub fn seat_ringing(&mut self, lease: Lease, _now: Instant) -> bool {
        match self.leases.get_mut(&lease).filter(|record| !record.is_talking()) {
            Some(record) => {
                record.phase = LeasePhase::Ringing;
                true
            }
            None => false,
        }
    }

    /// The assigned seat answered: caller and seat are connected. `false`: the lease has ended (the caller went or the
    /// ring timeout was over first), and the seat's call must be hung up.
    pub fn seat_answered(&mut self, lease: Lease, now: Instant) -> bool {
        let Some(record) = self.leases.get_mut(&lease).filter(|record| !record.is_talking()) else { return false };
        record.phase = LeasePhase::Talking(now);
        let record = *record;
        self.timers.stop(record.ring_deadline, Timer::Ring(lease));
        self.seats[record.seat.0].misses = 0;
        if let Some(caller) = self.callers.get(&record.caller) {
            let queue = caller.queue;
            self.queues[queue.0].line.remove(&caller.order);
            self.positions_changed(queue, now);
        }
        true
    }

    /// The assigned seat did not take the caller, who is given to the next one and keeps his place. `false`: the
    /// lease has ended or was answered.
    pub fn seat_refused(&mut self, lease: Lease, kind: RefusalKind, now: Instant) -> bool {
        let Some(record) = self.leases.get(&lease).filter(|record| !record.is_talking()).copied() else {
            return false;
        };
        self.end_lease(lease);
        let penalty = self.seats[record.seat.0].penalty(kind);
        self.rest(record.seat, now + penalty, RestKind::Penalty);
        self.wait(record.caller, now);
        self.positions_changed_for(record.caller, now);
        true
    }

    /// The call of this lease is over, whoever ended it: the caller is forgotten; a seat that talked wraps up, one
    /// that did not is free. `false`: the lease has ended before.
    pub fn call_ended(&mut self, lease: Lease, now: Instant) -> bool {
        let Some(record) = self.leases.get(&lease).copied() else { return false };
        let queue = self.callers.get(&record.caller).map(|caller| caller.queue);
        self.forget(record.caller, now);
        self.end_lease(lease);
        if let (LeasePhase::Talking(since), Some(queue)) = (record.phase, queue) {
            let wrap_up = self.seats[record.seat.0].wrap_up.unwrap_or(self.queues[queue.0].settings.wrap_up);
            self.queues[queue.0].handling.add(now.saturating_duration_since(since) + wrap_up);
            self.positions_changed(queue, now);
            self.wrap_up(record.seat, wrap_up, now);
        }
        self.seat_changed(record.seat, now);
        true
    }

    /// Lets every deadline that is over take effect.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Rest(seat) => {
                    self.seats[seat.0].rest = None;
                    self.renew(seat);
                    self.seat_changed(seat, now);
                }
                Timer::Ring(lease) => self.ring_timeout(lease, now),
                Timer::MaxWait(caller) => {
                    self.forget(caller, now);
                    self.overflow(caller, OverflowReason::MaxWait);
                }
                Timer::Positions(queue) => self.tell_queue(queue, now),
            }
        }
    }

    /// When [`Acd::handle_timeout`] has something to do next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// A seat's state, derived from its facts.
    pub fn seat_state(&self, id: SeatId) -> Option<SeatState> {
        let seat = self.seats.get(id.0)?;
        let phase = seat.lease.and_then(|lease| self.leases.get(&lease)).map(|record| record.phase);
        Some(match (phase, seat.rest) {
            (Some(LeasePhase::Assigned), _) => SeatState::Assigned,
            (Some(LeasePhase::Ringing), _) => SeatState::Ringing,
            (Some(LeasePhase::Talking(_)), _) => SeatState::Talking,
            (None, _) if !seat.present => SeatState::LoggedOut,
            (None, _) if seat.paused => SeatState::Paused,
            (None, Some((_, RestKind::WrapUp))) => SeatState::WrapUp,
            (None, Some((_, RestKind::Penalty))) => SeatState::Resting,
            (None, None) => SeatState::Idle,
        })
    }

    /// A caller's state, derived likewise; `None` when he is not known (any more).
    pub fn caller_state(&self, id: CallerId) -> Option<CallerState> {
        let caller = self.callers.get(&id)?;
        let record = caller.lease.and_then(|lease| self.leases.get(&lease));
        Some(match record {
            None => CallerState::Waiting,
            Some(record) if record.is_talking() => CallerState::Connected,
            Some(_) => CallerState::Assigned,
        })
    }

    /// How many callers of a queue have no seat ringing for them.
    pub fn waiting(&self, id: QueueId) -> usize {
        self.queues.get(id.0).map_or(0, |queue| queue.waiting.len())
    }

    /// How many callers are not connected yet, in all queues.
    pub fn unanswered(&self) -> usize {
        self.queues.iter().map(|queue| queue.line.len()).sum()
    }

    /// How many callers are known, in whatever state.
    pub fn callers(&self) -> usize {
        self.callers.len()
    }

    /// How many seats are leased.
    pub fn leases(&self) -> usize {
        self.leases.len()
    }
}
