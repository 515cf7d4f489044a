//! Who gets whom: what the events of [`Acd`] have in common.

use std::time::{Duration, Instant};

use super::lease::{LeasePhase, LeaseRecord};
use super::queue::Queue;
use super::seat::{RestKind, Seat};
use super::timers::Timer;
use super::{Acd, CallerId, Lease, Output, OverflowReason, QueueId, RefusalKind, SeatId, Strategy};

impl Acd {
    /// Puts a caller without a lease to the longest idle seat of his queue, or in line; or gives him back when his time
    /// was over while a seat was rung for him.
    pub(super) fn wait(&mut self, id: CallerId, now: Instant) {
        let Some(caller) = self.callers.get(&id) else { return };
        let (queue_id, order, deadline) = (caller.queue, caller.order, caller.deadline);
        let queue = &mut self.queues[queue_id.0];
        let longest_idle = match queue.settings.strategy {
            Strategy::LongestIdle => queue.idle.first().map(|(_, seat)| *seat),
        };
        if let Some(seat) = longest_idle {
            self.assign(id, seat, now);
        } else if now > deadline {
            self.forget(id, now);
            self.overflow(id, OverflowReason::MaxWait);
        } else {
            queue.waiting.insert(order, id);
            self.timers.set(deadline, Timer::MaxWait(id));
        }
    }

    fn assign(&mut self, id: CallerId, seat: SeatId, now: Instant) {
        let Some(caller) = self.callers.get_mut(&id) else { return };
        let lease = Lease(self.next_lease);
        self.next_lease += 1;
        caller.lease = Some(lease);
        let queue = &mut self.queues[caller.queue.0];
        if queue.waiting.remove(&caller.order).is_some() {
            self.timers.stop(caller.deadline, Timer::MaxWait(id));
        }
        let ring_deadline = now + queue.settings.ring_timeout;
        self.timers.set(ring_deadline, Timer::Ring(lease));
        self.leases.insert(lease, LeaseRecord { caller: id, seat, phase: LeasePhase::Assigned, ring_deadline });
        self.seats[seat.0].lease = Some(lease);
        self.outputs.push_back(Output::Assign { caller: id, seat, lease });
        self.seat_changed(seat, now);
    }

    pub(super) fn ring_timeout(&mut self, lease: Lease, now: Instant) {
        if let Some(LeaseRecord { caller, seat, .. }) = self.leases.get(&lease).copied() {
            self.outputs.push_back(Output::Withdraw { caller, seat, lease });
            self.seat_refused(lease, RefusalKind::NoAnswer, now);
        }
    }

    /// Takes a lease away from its caller and seat.
    pub(super) fn end_lease(&mut self, lease: Lease) {
        let Some(record) = self.leases.remove(&lease) else { return };
        self.timers.stop(record.ring_deadline, Timer::Ring(lease));
        self.seats[record.seat.0].lease = None;
        if let Some(caller) = self.callers.get_mut(&record.caller) {
            caller.lease = None;
        }
    }

    pub(super) fn forget(&mut self, id: CallerId, now: Instant) {
        let Some(caller) = self.callers.remove(&id) else { return };
        self.timers.stop(caller.deadline, Timer::MaxWait(id));
        let queue = &mut self.queues[caller.queue.0];
        queue.waiting.remove(&caller.order);
        if queue.line.remove(&caller.order).is_some() {
            self.positions_changed(caller.queue, now);
        }
    }

    pub(super) fn overflow(&mut self, caller: CallerId, reason: OverflowReason) {
        self.outputs.push_back(Output::Overflow { caller, reason });
    }

    /// A device came back: what it missed while it was away is forgotten.
    pub(super) fn end_penalty(&mut self, id: SeatId) {
        let Some(seat) = self.seats.get_mut(id.0).filter(|seat| !seat.present) else { return };
        seat.misses = 0;
        if let Some((until, RestKind::Penalty)) = seat.rest {
            seat.rest = None;
            self.timers.stop(until, Timer::Rest(id));
        }
    }

    pub(super) fn declare(&mut self, id: SeatId, now: Instant, declare: impl FnOnce(&mut Seat)) {
        let Some(seat) = self.seats.get_mut(id.0) else { return };
        let before = seat.is_staffed();
        declare(seat);
        let after = seat.is_staffed();
        if before == after {
            return;
        }
        for index in 0..self.seats[id.0].queues.len() {
            let queue = self.seats[id.0].queues[index];
            let staffed = &mut self.queues[queue.0].staffed;
            *staffed = if after { *staffed + 1 } else { *staffed - 1 };
            self.positions_changed(queue, now);
        }
        if after {
            self.renew(id);
        }
        self.seat_changed(id, now);
    }

    pub(super) fn wrap_up(&mut self, id: SeatId, wrap_up: Duration, now: Instant) {
        if wrap_up.is_zero() {
            self.renew(id);
        } else {
            self.rest(id, now + wrap_up, RestKind::WrapUp);
        }
    }

    pub(super) fn rest(&mut self, id: SeatId, until: Instant, kind: RestKind) {
        self.seats[id.0].rest = Some((until, kind));
        self.timers.set(until, Timer::Rest(id));
    }

    /// The seat becomes available by its own doing: it goes to the end of the idle seats.
    pub(super) fn renew(&mut self, id: SeatId) {
        self.seats[id.0].order = self.order();
    }

    /// Lists or unlists a seat as idle in its queues, and gives a newly idle one the caller who came first.
    pub(super) fn seat_changed(&mut self, id: SeatId, now: Instant) {
        let seat = &mut self.seats[id.0];
        let available = seat.is_available();
        if seat.listed == available {
            return;
        }
        if available && let Some(caller) = first_waiting(&self.queues, &seat.queues) {
            return self.assign(caller, id, now);
        }
        seat.listed = available;
        for queue in &seat.queues {
            let idle = &mut self.queues[queue.0].idle;
            if available {
                idle.insert((seat.order, id))
            } else {
                idle.remove(&(seat.order, id))
            };
        }
    }

    pub(super) fn order(&mut self) -> u64 {
        self.next_order += 1;
        self.next_order
    }
}

fn first_waiting(queues: &[Queue], served: &[QueueId]) -> Option<CallerId> {
    served.iter().filter_map(|id| queues[id.0].waiting.first_key_value()).min().map(|(_, caller)| *caller)
}
