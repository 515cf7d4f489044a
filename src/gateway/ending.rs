//! The end of a call: legs let go, seat and ports given back, the record written. Whatever happened, it ends here.

use super::{Gateway, Output, SETTLE_WITHIN};
use crate::acd::CallerId;
use crate::call::{CallKey, Ending, LegRecord, Outcome, Plan, Side, Stage, ledger};
use crate::media::MediaCommand;
use crate::sync::contract::ScreenCommand;

impl Gateway {
    /// Ends a call, once. `by` is the party that ended it.
    pub(super) fn conclude(&mut self, key: CallKey, outcome: Outcome, by: Option<Side>) {
        let now = self.now;
        let Some(call) = self.calls.get_mut(&key) else { return };
        if call.stage == Stage::Closing {
            return;
        }
        call.stage = Stage::Closing;
        call.times.ended = Some(now);
        call.ending = Some(Ending { outcome, by });
        let (plan, screen_open) = (call.plan.clone(), call.screen.open);
        let talked = call.times.connected.map(|at| now.saturating_duration_since(at));
        tracing::info!(
            call = %call.id,
            outcome = outcome.word(),
            status = outcome.status(),
            talked_ms = talked.map_or(0, |talked| talked.as_millis() as u64),
            "call ended"
        );
        self.release_party(key, Side::Caller, outcome);
        self.release_party(key, Side::Callee, outcome);
        match plan {
            Plan::Queue { .. } => {
                self.acd.caller_leaves(CallerId(key.0), now);
            }
            Plan::Trunk { trunk, .. } => self.trunk_load[trunk] = self.trunk_load[trunk].saturating_sub(1),
            Plan::User { .. } | Plan::Nowhere => {}
        }
        self.drop_tickets(key);
        if screen_open {
            self.out(Output::Screen(ScreenCommand::Close { call: key.0 }));
        }
        self.settling.push_back((now + SETTLE_WITHIN, key));
        self.finish_if_settled(key);
    }

    /// Lets go of one party: its SIP leg, its media leg; notes it for the record.
    pub(super) fn release_party(&mut self, key: CallKey, side: Side, outcome: Outcome) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        let party = match side {
            Side::Caller => Some(&mut call.caller),
            Side::Callee => call.callee.as_mut(),
        };
        // Media opened for a callee whose leg was never made.
        let orphan = if side == Side::Callee { call.callee_media.take() } else { None };
        let mut leg_to_end = None;
        let mut media = orphan;
        if let Some(party) = party {
            leg_to_end = party.leg.take();
            let codec = party.agreement().map(|agreement| agreement.audio.codec.name.clone());
            media = party.media.take().or(media);
            call.legs.push(LegRecord::new(
                ledger::record_side(&call.plan, side),
                &party.call_id,
                party.flow.remote,
                codec,
                party.answered,
            ));
        }
        if let Some(part) = media {
            let index = call.legs.len().saturating_sub(1);
            call.closing_media.insert(part.leg, (part.port, index));
            self.outputs.push_back(Output::Media(MediaCommand::Close { leg: part.leg }));
        }
        if side == Side::Callee {
            call.callee = None;
        }
        if let Some(leg) = leg_to_end {
            self.by_leg.remove(&leg);
            self.endpoint.hang_up(leg, outcome.status(), Some(&outcome.reason()), self.now);
        }
    }

    /// Writes the record and forgets the call when nothing more is to come.
    pub(super) fn finish_if_settled(&mut self, key: CallKey) {
        if self.calls.get(&key).is_some_and(|call| call.is_settled()) {
            self.finish(key);
        }
    }

    fn finish(&mut self, key: CallKey) {
        let Some(call) = self.calls.remove(&key) else { return };
        for (port, _) in call.closing_media.values() {
            // Its account never came; the port may still be bound, so it rests the longer.
            self.ports.quarantine(*port, self.now);
        }
        let record = ledger::write(&call, &self.config, self.clock.unix_ms(call.times.started), self.now);
        self.out(Output::Record(Box::new(record)));
    }

    /// Calls whose media or screen account is overdue are recorded without it.
    pub(super) fn settle_overdue(&mut self) {
        while let Some((at, key)) = self.settling.front().copied() {
            if self.calls.contains_key(&key) && at > self.now {
                return;
            }
            self.settling.pop_front();
            if self.calls.contains_key(&key) {
                self.finish(key);
            }
        }
    }

    pub(super) fn hang_up_all(&mut self) {
        self.draining = true;
        let keys: Vec<CallKey> = self.calls.keys().copied().collect();
        for key in keys {
            let connected = self.calls.get(&key).is_some_and(|call| call.times.connected.is_some());
            let shutdown = Outcome::Failed(crate::call::Failure::Shutdown);
            self.conclude(key, if connected { Outcome::Answered } else { shutdown }, None);
        }
    }
}
