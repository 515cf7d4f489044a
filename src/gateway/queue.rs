//! Callers who wait, and the seats that are lent to them.

use std::time::Duration;

use bytes::Bytes;

use super::{Gateway, Output};
use crate::acd::{self, CallerId, QueueSettings, RefusalKind, SeatSettings};
use crate::call::body::Body;
use crate::call::{CallKey, Failure, Outcome, Party, SeatLease, Side, Stage};
use crate::config::{Config, Music};
use crate::media::{MediaCommand, PromptId};
use crate::sip::endpoint::{Invitation, Routing};
use crate::sip::message::{HeaderName, Request};
use crate::sip::sdp::{self, SessionDescription};
use crate::sync::contract::ScreenCommand;

impl Gateway {
    /// Answers a caller with music and puts him in a queue.
    pub(super) fn enqueue(&mut self, key: CallKey, queue: usize, request: &Request) {
        match self.answer_with_music(key, queue, request) {
            Ok(()) => {
                if let Some(call) = self.calls.get_mut(&key) {
                    call.times.answered = Some(self.now);
                }
                self.acd.caller_arrives(CallerId(key.0), acd::QueueId(queue), self.now);
            }
            Err(outcome) => self.conclude(key, outcome, None),
        }
    }

    fn answer_with_music(&mut self, key: CallKey, queue: usize, request: &Request) -> Result<(), Outcome> {
        let offer = read_offer(request)?;
        let mut local = self.local_media(key, Side::Caller)?;
        self.plan_caller_screen(key, &offer, &mut local);
        let (answer, agreement) = sdp::answer(&offer, &local).map_err(|_| Outcome::Rejected(488))?;
        let call = self.calls.get_mut(&key).ok_or(Outcome::Rejected(500))?;
        let Some(part) = &mut call.caller.media else { return Err(Outcome::Failed(Failure::Media)) };
        part.exchange.receive_offer(offer).map_err(|_| Outcome::Rejected(500))?;
        let answer = part.exchange.send_answer(answer).map_err(|_| Outcome::Rejected(500))?;
        part.agreement = Some(agreement);
        let (media_leg, leg, has_screen) = (part.leg, call.caller.leg, call.caller.screen.is_some());
        call.caller.answered = true;
        if has_screen {
            self.open_screen(key, Side::Caller);
            if let Some(body) = Body::of(request).context {
                self.out(Output::Screen(ScreenCommand::InviteContext { call: key.0, body }));
            }
        }
        self.point_media(key, Side::Caller);
        self.play_music(key, queue, media_leg);
        if let Some(leg) = leg {
            self.endpoint.answer(leg, &[], description_body(&answer), self.now);
        }
        Ok(())
    }

    fn play_music(&mut self, key: CallKey, queue: usize, leg: crate::media::MediaLegId) {
        let Some(agreement) = self.calls.get(&key).and_then(|call| call.caller.agreement()) else { return };
        let audio = &agreement.audio;
        let Some(codec) = crate::media::AudioCodec::from_name(&audio.codec.name) else { return };
        // The melody is number 0; a queue with music of its own has the number after its own.
        let prompt = match &self.config.queues[queue].music {
            Music::Builtin => PromptId::MUSIC,
            Music::File(_) => PromptId(u16::try_from(queue + 1).unwrap_or(0)),
        };
        let payload_type = audio.codec.payload_type;
        self.out(Output::Media(MediaCommand::Play { leg, prompt, codec, payload_type }));
    }

    /// What the ACD decided.
    pub(super) fn acd_output(&mut self, output: acd::Output) {
        match output {
            acd::Output::Assign { caller, seat, lease } => {
                let key = CallKey(caller.0);
                if let Err(kind) = self.call_seat(key, seat.0, lease) {
                    self.acd.seat_refused(lease, kind, self.now);
                }
            }
            acd::Output::Withdraw { caller, .. } => {
                self.drop_callee(CallKey(caller.0), Outcome::Failed(Failure::NoAnswer));
            }
            acd::Output::Position { caller, position, expected_wait } => {
                let call = caller.0;
                if self.calls.get(&CallKey(call)).is_some_and(|call| call.screen.open) {
                    let expected_wait_s = expected_wait.map(|wait| u32::try_from(wait.as_secs()).unwrap_or(u32::MAX));
                    self.out(Output::Screen(ScreenCommand::Position { call, position, expected_wait_s }));
                }
            }
            acd::Output::Overflow { caller, reason } => {
                tracing::debug!(?reason, "queue gave up");
                self.conclude(CallKey(caller.0), Outcome::Overflowed, None);
            }
        }
    }

    /// Rings the seat that was lent to a waiting caller.
    fn call_seat(&mut self, key: CallKey, seat: usize, lease: acd::Lease) -> Result<(), RefusalKind> {
        let user = &self.config.users[self.config.seats[seat].user];
        let (name, now) = (user.name.clone(), self.now);
        let (target, flow) = {
            let bindings = self.registrar.lookup(&name, now);
            let binding = bindings.first().ok_or(RefusalKind::Unreachable)?;
            (binding.uri.clone(), binding.flow)
        };
        let opaque_id = self.token();
        let call = self.calls.get_mut(&key).ok_or(RefusalKind::Unreachable)?;
        if call.stage != Stage::Waiting {
            return Err(RefusalKind::Unreachable);
        }
        call.seat = Some(SeatLease { lease, seat, opaque_id });
        let invitation = Invitation {
            target,
            flow,
            routing: Routing::Flow,
            from: String::new(),
            to: format!("<sip:{name}@{}>", self.config.gateway.domain),
            contact_user: self.config.gateway.name.to_ascii_lowercase(),
            contact_params: String::new(),
            call_id: String::new(),
            max_forwards: 70,
            headers: Vec::new(),
            body: None,
            credentials: None,
        };
        match self.invite_callee(key, invitation) {
            Ok(()) => Ok(()),
            Err(_) => {
                if let Some(call) = self.calls.get_mut(&key) {
                    call.seat = None;
                }
                Err(RefusalKind::Unreachable)
            }
        }
    }

    /// Sends the second leg's INVITE with what the first leg agreed (queue) or offered (dialled).
    pub(super) fn invite_callee(&mut self, key: CallKey, mut invitation: Invitation) -> Result<(), Outcome> {
        let (offer, screen) = self.offer_for_callee(key)?;
        let call = self.calls.get(&key).ok_or(Outcome::Rejected(500))?;
        invitation.from = self.caller_identity(call, &invitation);
        invitation.headers.push((HeaderName::SessionId, call.session_id.clone()));
        invitation.body = Some(offer);
        let flow = invitation.flow;
        let leg = self.endpoint.invite(invitation, self.now);
        let call_id = self.endpoint.call_id(leg).unwrap_or_default().to_owned();
        self.by_leg.insert(leg, (key, Side::Callee));
        let Some(call) = self.calls.get_mut(&key) else { return Err(Outcome::Rejected(500)) };
        match &mut call.callee {
            Some(callee) => {
                callee.leg = Some(leg);
                callee.call_id.clone_from(&call_id);
                callee.flow = flow;
            }
            None => {
                let media = call.callee_media.take();
                call.callee = Some(Party { media, ..Party::new(leg, call_id.clone(), flow) });
            }
        }
        call.stage = Stage::Ringing;
        if let Some(callee) = &mut call.callee {
            callee.screen = screen;
        }
        Ok(())
    }

    /// Lets go of the callee who rings; the caller goes on waiting.
    pub(super) fn drop_callee(&mut self, key: CallKey, outcome: Outcome) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        if call.stage == Stage::Closing {
            return;
        }
        call.seat = None;
        call.stage = Stage::Waiting;
        self.release_party(key, Side::Callee, outcome);
    }
}

/// The body of an INVITE or answer with this description.
pub(super) fn description_body(description: &SessionDescription) -> (String, Bytes) {
    ("application/sdp".to_owned(), Bytes::from(description.to_string()))
}

/// The offer in an INVITE. Without one the caller wants ours (RFC 3261 §13.2.1), which we do not make yet: 488.
pub(super) fn read_offer(request: &Request) -> Result<SessionDescription, Outcome> {
    let body = Body::of(request).description.ok_or(Outcome::Rejected(488))?;
    SessionDescription::parse(&body).map_err(|_| Outcome::Rejected(400))
}

/// The ACD's view of the configured queues.
pub(super) fn queue_settings(config: &Config) -> Vec<QueueSettings> {
    let seconds = Duration::from_secs;
    let settings = |queue: &crate::config::Queue| QueueSettings {
        name: queue.name.clone(),
        strategy: acd::Strategy::LongestIdle,
        ring_timeout: seconds(queue.ring_timeout_s),
        max_wait: seconds(queue.max_wait_s),
        max_callers: queue.max_callers,
        wrap_up: seconds(queue.wrap_up_s),
    };
    config.queues.iter().map(settings).collect()
}

/// The ACD's view of the configured seats.
pub(super) fn seat_settings(config: &Config) -> Vec<SeatSettings> {
    let settings = |seat: &crate::config::Seat| SeatSettings {
        name: seat.id.clone(),
        queues: seat.queues.iter().map(|queue| acd::QueueId(*queue)).collect(),
        wrap_up: seat.wrap_up_s.map(Duration::from_secs),
    };
    config.seats.iter().map(settings).collect()
}
