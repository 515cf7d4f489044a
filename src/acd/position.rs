//! Telling callers where they are. One departure moves everybody behind, so positions are told in rounds: at once when
//! the queue was quiet, and at most one round per [`REPORT_INTERVAL`] when it is busy. An event itself stays cheap.

use std::time::{Duration, Instant};

use super::timers::Timer;
use super::{Acd, CallerId, Output, QueueId};

/// The shortest time between two rounds of [`Output::Position`] in one queue.
pub const REPORT_INTERVAL: Duration = Duration::from_secs(1);

impl Acd {
    /// Something changed that may move callers of this queue, or their estimates.
    pub(super) fn positions_changed(&mut self, id: QueueId, now: Instant) {
        let queue = &mut self.queues[id.0];
        if queue.tell_at.is_none() && !queue.waiting.is_empty() {
            let at = queue.told_at.map_or(now, |told| now.max(told + REPORT_INTERVAL));
            queue.tell_at = Some(at);
            self.timers.set(at, Timer::Positions(id));
        }
    }

    /// A caller is back in line: what he was told may be old.
    pub(super) fn positions_changed_for(&mut self, caller: CallerId, now: Instant) {
        if let Some(queue) = self.callers.get(&caller).filter(|caller| caller.lease.is_none()).map(|c| c.queue) {
            self.positions_changed(queue, now);
        }
    }

    /// Tells a caller who has just come; he is the last.
    pub(super) fn tell_newcomer(&mut self, caller: CallerId, id: QueueId) {
        let last = self.queues[id.0].line.len();
        self.tell(caller, id, position(last));
    }

    /// One round.
    pub(super) fn tell_queue(&mut self, id: QueueId, now: Instant) {
        let queue = &mut self.queues[id.0];
        queue.tell_at = None;
        queue.told_at = Some(now);
        let waiting: Vec<(usize, CallerId)> = queue
            .line
            .iter()
            .enumerate()
            .filter(|(_, (order, _))| queue.waiting.contains_key(order))
            .map(|(ahead, (_, caller))| (ahead + 1, *caller))
            .collect();
        for (place, caller) in waiting {
            self.tell(caller, id, position(place));
        }
    }

    fn tell(&mut self, id: CallerId, queue: QueueId, position: u32) {
        let queue = &self.queues[queue.0];
        let news = (position, queue.handling.expected_wait(position, queue.staffed));
        let Some(caller) = self.callers.get_mut(&id) else { return };
        if caller.told.replace(news) != Some(news) {
            self.outputs.push_back(Output::Position { caller: id, position, expected_wait: news.1 });
        }
    }
}

fn position(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
