//! What the media workers report.

use super::Gateway;
use crate::call::{CallKey, Failure, Outcome, Stage};
use crate::media::{LegStats, MediaEvent, MediaLegId};

impl Gateway {
    pub(super) fn media_event(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::OpenFailed { leg, reason } => self.media_failed(leg, &reason),
            MediaEvent::FirstPacket { leg } => {
                if let Some(call) = self.calls.get(&call_of(leg)) {
                    tracing::debug!(call = %call.id, leg = leg.0 & 0xff, "first packet");
                }
            }
            MediaEvent::Dead { leg } => self.media_dead(leg),
            MediaEvent::Closed { leg, stats } => self.media_closed(leg, &stats),
        }
    }

    fn media_failed(&mut self, leg: MediaLegId, reason: &str) {
        let key = call_of(leg);
        let Some(call) = self.calls.get_mut(&key) else { return };
        tracing::warn!(call = %call.id, reason, "media ports could not be opened");
        if let Some((port, _)) = call.closing_media.remove(&leg) {
            self.ports.quarantine(port, self.now);
            return self.finish_if_settled(key);
        }
        let parts =
            [call.caller.media.take_if(|part| part.leg == leg), call.callee_media.take_if(|part| part.leg == leg)];
        let callee = call.callee.as_mut().and_then(|callee| callee.media.take_if(|part| part.leg == leg));
        // A leg that nobody has is none of this call's business any more.
        let Some(part) = parts.into_iter().flatten().chain(callee).next() else { return };
        self.ports.quarantine(part.port, self.now);
        self.conclude(key, Outcome::Failed(Failure::Media), None);
    }

    /// Silence on a leg ends a connected call; one on hold or in a queue may well be silent.
    fn media_dead(&mut self, leg: MediaLegId) {
        let key = call_of(leg);
        let Some(call) = self.calls.get(&key) else { return };
        let sends = [Some(&call.caller), call.callee.as_ref()].into_iter().flatten().any(|party| {
            let ours = party.media.as_ref().is_some_and(|part| part.leg == leg);
            ours && party.agreement().is_some_and(|agreement| agreement.audio.direction.receives())
        });
        if call.stage == Stage::Connected && sends {
            tracing::info!(call = %call.id, leg = leg.0 & 0xff, "no packets for too long");
            self.conclude(key, Outcome::Failed(Failure::DeadMedia), None);
        }
    }

    fn media_closed(&mut self, leg: MediaLegId, stats: &LegStats) {
        let key = call_of(leg);
        let Some(call) = self.calls.get_mut(&key) else { return };
        let Some((port, index)) = call.closing_media.remove(&leg) else { return };
        if let Some(record) = call.legs.get_mut(index) {
            record.count(stats);
        }
        self.ports.release(port, self.now);
        self.finish_if_settled(key);
    }
}

fn call_of(leg: MediaLegId) -> CallKey {
    CallKey(leg.0 >> 8)
}
