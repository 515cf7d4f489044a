//! Calls that go straight to one callee: over a trunk, or to a registered user.

use super::queue::{description_body, read_offer};
use super::{Gateway, RING_WITHIN};
use crate::call::body::Body;
use crate::call::{Call, CallKey, Failure, Outcome, Plan, Side, Stage};
use crate::sip::Flow;
use crate::sip::endpoint::{Invitation, Routing};
use crate::sip::message::{HeaderName, Request, Response, Uri};
use crate::sip::sdp::{self, LocalMedia, SessionDescription};

impl Gateway {
    /// Places the second leg of a dialled call.
    pub(super) fn dial(&mut self, key: CallKey, request: &Request) {
        if let Err(outcome) = self.try_dial(key, request) {
            self.conclude(key, outcome, None);
        }
    }

    fn try_dial(&mut self, key: CallKey, request: &Request) -> Result<(), Outcome> {
        let max_forwards = request.max_forwards().ok().flatten().unwrap_or(70).saturating_sub(1);
        let call = self.calls.get(&key).ok_or(Outcome::Rejected(500))?;
        let invitation = match call.plan.clone() {
            Plan::Trunk { trunk, number } => self.trunk_invitation(trunk, &number)?,
            Plan::User { user } => self.user_invitation(user)?,
            Plan::Queue { .. } | Plan::Nowhere => return Err(Outcome::Rejected(500)),
        };
        if self.passes_media_by(key) {
            let offer = Body::of(request).description.ok_or(Outcome::Rejected(488))?;
            if let Some(call) = self.calls.get_mut(&key) {
                call.bypass = Some(offer);
            }
        } else {
            self.take_offer(key, read_offer(request)?)?;
        }
        self.invite_callee(key, Invitation { max_forwards, ..invitation })?;
        self.ringing.push_back((self.now + RING_WITHIN, key));
        Ok(())
    }

    /// Gives up the callees that have rung for too long.
    pub(super) fn ring_overdue(&mut self) {
        while let Some((at, key)) = self.ringing.front().copied() {
            let rings = self.calls.get(&key).is_some_and(|call| call.stage == Stage::Ringing);
            if rings && at > self.now {
                return;
            }
            self.ringing.pop_front();
            if rings {
                self.conclude(key, Outcome::Failed(Failure::NoAnswer), None);
            }
        }
    }

    fn trunk_invitation(&mut self, trunk: usize, number: &str) -> Result<Invitation, Outcome> {
        let config = &self.config.trunks[trunk];
        if self.trunk_load[trunk] >= config.max_calls {
            return Err(Outcome::Rejected(503));
        }
        self.trunk_load[trunk] += 1;
        let listener = &self.config.listeners[config.listener];
        let flow = Flow { transport: listener.transport, local: listener.bind, remote: config.peer, connection: None };
        let target = Uri::sip(Some(number), &config.peer.ip().to_string(), Some(config.peer.port()));
        Ok(invitation(target, flow, Routing::Target))
    }

    fn user_invitation(&mut self, user: usize) -> Result<Invitation, Outcome> {
        let name = &self.config.users[user].name;
        let bindings = self.registrar.lookup(name, self.now);
        let binding = bindings.first().ok_or(Outcome::Rejected(480))?;
        Ok(invitation(binding.uri.clone(), binding.flow, Routing::Flow))
    }

    /// Opens the caller's media and takes his offer; the answer waits for the callee's.
    fn take_offer(&mut self, key: CallKey, offer: SessionDescription) -> Result<(), Outcome> {
        if !offer.media.iter().any(|media| media.is_rtp_audio() && media.port != 0) {
            return Err(Outcome::Rejected(488));
        }
        self.open_media(key, Side::Caller)?;
        let call = self.calls.get_mut(&key).ok_or(Outcome::Rejected(500))?;
        let part = call.caller.media.as_mut().ok_or(Outcome::Failed(Failure::Media))?;
        part.exchange.receive_offer(offer).map_err(|_| Outcome::Rejected(488))?;
        Ok(())
    }

    /// A provisional response of the callee goes on to the caller; a description in it opens early media.
    pub(super) fn callee_progress(&mut self, key: CallKey, response: &Response) {
        let Some(call) = self.calls.get(&key) else { return };
        if matches!(call.plan, Plan::Queue { .. }) {
            if let Some(seat) = &call.seat {
                self.acd.seat_ringing(seat.lease, self.now);
            }
            return;
        }
        let Some(leg) = call.caller.leg else { return };
        let body = self.pass_answer(key, response).unwrap_or_default();
        self.endpoint.ring(leg, response.status, body, self.now);
    }

    /// The callee of a dialled call answered.
    pub(super) fn dialled_answered(&mut self, key: CallKey, response: &Response) {
        let body = match self.pass_answer(key, response) {
            Ok(Some(body)) => body,
            Ok(None) => match self.answer_in_force(key) {
                Some(body) => body,
                None => return self.conclude(key, Outcome::Rejected(502), None),
            },
            Err(outcome) => return self.conclude(key, outcome, None),
        };
        let now = self.now;
        let Some(call) = self.calls.get_mut(&key) else { return };
        call.stage = Stage::Connected;
        call.times.answered = Some(now);
        call.times.connected = Some(now);
        call.caller.answered = true;
        if let Some(callee) = &mut call.callee {
            callee.answered = true;
        }
        tracing::info!(call = %call.id, "connected");
        if let Some(leg) = call.caller.leg {
            self.endpoint.answer(leg, &[], body, now);
        }
    }

    /// Turns the callee's description into the caller's answer. `Ok(None)` when the response has none, or repeats it.
    fn pass_answer(&mut self, key: CallKey, response: &Response) -> Result<Option<(String, bytes::Bytes)>, Outcome> {
        let Some(description) = Body::description_of(response) else { return Ok(None) };
        let call = self.calls.get_mut(&key).ok_or(Outcome::Rejected(500))?;
        if call.bypass.is_some() {
            call.bypass = Some(description.clone());
            return Ok(Some(("application/sdp".to_owned(), description)));
        }
        if !self.take_callee_answer(key, &description)? {
            return Ok(None);
        }
        let answer = self.answer_caller(key)?;
        self.point_media(key, Side::Caller);
        self.point_media(key, Side::Callee);
        self.rebridge(key);
        Ok(Some(description_body(&answer)))
    }

    /// The caller's answer: what the callee agreed to, from our own address.
    fn answer_caller(&mut self, key: CallKey) -> Result<SessionDescription, Outcome> {
        let call = self.calls.get_mut(&key).ok_or(Outcome::Rejected(500))?;
        let agreed = call.callee.as_ref().and_then(|callee| callee.agreement()).ok_or(Outcome::Rejected(502))?;
        let codecs = agreed.audio.codecs();
        let part = call.caller.media.as_mut().ok_or(Outcome::Failed(Failure::Media))?;
        let offer = part.exchange.open_offer().cloned().ok_or(Outcome::Rejected(500))?;
        let local = LocalMedia::new(self.config.media.address, part.port, codecs);
        let (answer, agreement) = sdp::answer(&offer, &local).map_err(|_| Outcome::Rejected(488))?;
        part.agreement = Some(agreement);
        part.exchange.send_answer(answer).map_err(|_| Outcome::Rejected(500))
    }

    /// The description the caller was given before, for the 200 that follows early media (RFC 3261 §13.2.1).
    fn answer_in_force(&self, key: CallKey) -> Option<(String, bytes::Bytes)> {
        let call = self.calls.get(&key)?;
        if let (Some(description), true) = (&call.bypass, call.callee.is_some()) {
            return Some(("application/sdp".to_owned(), description.clone()));
        }
        call.caller.media.as_ref()?.exchange.local().map(description_body)
    }

    /// Whether the voice of a dialled call goes past us: its trunk says so.
    fn passes_media_by(&self, key: CallKey) -> bool {
        match self.calls.get(&key).map(|call| &call.plan) {
            Some(Plan::Trunk { trunk, .. }) => self.config.trunks[*trunk].media == crate::config::TrunkMedia::Bypass,
            _ => false,
        }
    }

    /// From, as the callee sees it: our own domain, the caller's name or number; P-headers and the rest of the first
    /// leg stay behind.
    pub(super) fn caller_identity(&self, call: &Call, invitation: &Invitation) -> String {
        let domain = &self.config.gateway.domain;
        let user = match &call.plan {
            Plan::Trunk { trunk, .. } => {
                self.config.trunks[*trunk].caller_number.clone().or_else(|| call.device.number.clone())
            }
            Plan::Queue { .. } | Plan::User { .. } | Plan::Nowhere => {
                call.device.number.clone().or_else(|| call.user.clone())
            }
        };
        debug_assert!(invitation.from.is_empty());
        match user.filter(|user| user.bytes().all(is_user_byte)) {
            Some(user) => format!("<sip:{user}@{domain}>"),
            // RFC 3323 §4.1.1.3
            None => "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned(),
        }
    }
}

/// Whether a byte may stand in a user part as it is (RFC 3261 §25.1 `unreserved` and the `+` of numbers).
fn is_user_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()+".contains(&byte)
}

fn invitation(target: Uri, flow: Flow, routing: Routing) -> Invitation {
    Invitation {
        to: format!("<{target}>"),
        target,
        flow,
        routing,
        from: String::new(),
        contact_user: String::new(),
        contact_params: String::new(),
        call_id: String::new(),
        max_forwards: 70,
        headers: Vec::<(HeaderName, String)>::new(),
        body: None,
        credentials: None,
    }
}
