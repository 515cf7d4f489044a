//! What the SIP legs report, and what it means for their call.

use super::Gateway;
use crate::acd::RefusalKind;
use crate::call::body::Body;
use crate::call::{CallKey, Failure, Outcome, Plan, Side, Stage};
use crate::sip::endpoint::{EndCause, LegEvent, LegId};
use crate::sip::message::{Request, Response};

impl Gateway {
    pub(super) fn leg_event(&mut self, leg: LegId, event: LegEvent) {
        let Some((key, side)) = self.call_of(leg) else { return };
        match event {
            LegEvent::Progress(response) => self.callee_progress(key, &response),
            LegEvent::Answered(response) => self.callee_answered(key, &response),
            LegEvent::Acknowledged(_) => {}
            LegEvent::Reinvite(request) => self.reinvited(key, side, leg, &request),
            LegEvent::ReinviteDone(response) => self.reinvite_done(key, side, &response),
            LegEvent::Ended(cause) => {
                self.by_leg.remove(&leg);
                if let Some(party) = self.calls.get_mut(&key).and_then(|call| call.party_mut(side)) {
                    party.leg = None;
                }
                match side {
                    Side::Caller => self.caller_ended(key, &cause),
                    Side::Callee => self.callee_ended(key, &cause),
                }
            }
        }
    }

    fn callee_answered(&mut self, key: CallKey, response: &Response) {
        match self.calls.get(&key).map(|call| &call.plan) {
            Some(Plan::Queue { .. }) => self.seat_answered(key, response),
            Some(_) => self.dialled_answered(key, response),
            None => {}
        }
    }

    /// A seat took the call: music ends, the voices are joined, the screens meet.
    fn seat_answered(&mut self, key: CallKey, response: &Response) {
        let Some(lease) = self.calls.get(&key).and_then(|call| call.seat.as_ref()).map(|seat| seat.lease) else {
            return;
        };
        let agreed = Body::description_of(response)
            .ok_or(Outcome::Rejected(502))
            .and_then(|description| self.take_callee_answer(key, &description));
        if agreed.is_err() || !self.calls.get(&key).is_some_and(|call| call.passes_through()) {
            self.drop_callee(key, Outcome::Rejected(488));
            self.acd.seat_refused(lease, RefusalKind::Declined, self.now);
            return;
        }
        if !self.acd.seat_answered(lease, self.now) {
            // The answer crossed the withdrawal of the lease.
            return self.drop_callee(key, Outcome::Rejected(480));
        }
        let Some(call) = self.calls.get_mut(&key) else { return };
        call.stage = Stage::Connected;
        call.times.connected = Some(self.now);
        if let Some(callee) = &mut call.callee {
            callee.answered = true;
        }
        let waited = self.now.saturating_duration_since(call.times.started);
        tracing::info!(call = %call.id, waited_ms = waited.as_millis() as u64, "seat answered");
        self.point_media(key, Side::Callee);
        self.rebridge(key);
        self.seat_joins_screen(key);
    }

    fn reinvited(&mut self, key: CallKey, side: Side, leg: LegId, request: &Request) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        if call.bypass.is_none() {
            return self.renegotiate(key, side, request);
        }
        // The voice goes past us, so the parties must settle it between themselves.
        let other = call.party(side.other()).and_then(|party| party.leg);
        let (Some(other), Some(description), Stage::Connected) = (other, Body::of(request).description, call.stage)
        else {
            return self.endpoint.reject(leg, 488, &[], self.now);
        };
        let body = ("application/sdp".to_owned(), description);
        if !self.endpoint.reinvite(other, body, self.now) {
            self.endpoint.reject(leg, 491, &[], self.now);
        }
    }

    fn reinvite_done(&mut self, key: CallKey, side: Side, response: &Response) {
        let Some(asked) = self.calls.get(&key).and_then(|call| call.party(side.other())).and_then(|party| party.leg)
        else {
            return;
        };
        match Body::description_of(response) {
            Some(description) if (200..300).contains(&response.status) => {
                self.endpoint.answer(asked, &[], ("application/sdp".to_owned(), description), self.now);
            }
            _ => {
                let status = if response.status >= 300 { response.status } else { 488 };
                self.endpoint.reject(asked, status, &[], self.now);
            }
        }
    }

    fn caller_ended(&mut self, key: CallKey, cause: &EndCause) {
        let connected = self.calls.get(&key).is_some_and(|call| call.times.connected.is_some());
        let outcome = match cause {
            EndCause::Bye(_) if connected => Outcome::Answered,
            EndCause::Bye(_) | EndCause::Cancelled(_) => Outcome::Abandoned,
            EndCause::NoAck => Outcome::Failed(Failure::NoAck),
            EndCause::PeerLost | EndCause::Timeout | EndCause::Transport | EndCause::Refused(_) => {
                Outcome::Failed(Failure::PeerLost)
            }
        };
        self.conclude(key, outcome, Some(Side::Caller));
    }

    fn callee_ended(&mut self, key: CallKey, cause: &EndCause) {
        let Some(call) = self.calls.get(&key) else { return };
        let connected = call.times.connected.is_some();
        if !connected && matches!(call.plan, Plan::Queue { .. }) {
            return self.seat_gone(key, cause);
        }
        let outcome = match cause {
            EndCause::Bye(_) => Outcome::Answered,
            EndCause::Refused(response) => Outcome::Refused(response.status),
            EndCause::Timeout => Outcome::Failed(Failure::NoAnswer),
            EndCause::Transport => Outcome::Failed(Failure::Unreachable),
            EndCause::NoAck | EndCause::PeerLost | EndCause::Cancelled(_) => Outcome::Failed(Failure::PeerLost),
        };
        self.conclude(key, outcome, Some(Side::Callee));
    }

    /// A seat that rang did not take the call: the caller goes on waiting, the ACD finds another.
    fn seat_gone(&mut self, key: CallKey, cause: &EndCause) {
        let Some(lease) = self.calls.get(&key).and_then(|call| call.seat.as_ref()).map(|seat| seat.lease) else {
            return;
        };
        let kind = match cause {
            EndCause::Refused(response) if matches!(response.status, 486 | 600) => RefusalKind::Busy,
            EndCause::Refused(_) | EndCause::Bye(_) => RefusalKind::Declined,
            EndCause::Timeout | EndCause::NoAck => RefusalKind::NoAnswer,
            EndCause::Transport | EndCause::PeerLost | EndCause::Cancelled(_) => RefusalKind::Unreachable,
        };
        self.drop_callee(key, Outcome::Refused(480));
        self.acd.seat_refused(lease, kind, self.now);
    }
}
