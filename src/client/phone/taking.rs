//! The answering side: a call arrives, rings, is answered and acknowledged.

use std::time::Instant;

use rand::Rng;

use super::contract::{CallEnd, PhoneError, PhoneEvent};
use super::session::{MediaSession, SDP_TYPE, description};
use super::{Call, MediaError, Phone, Stage};
use crate::sip::endpoint::LegId;
use crate::sip::message::{HeaderName, Request};
use crate::sip::sdp::{LocalMedia, ScreenLine, SessionDescription};

impl Phone {
    pub(super) fn incoming(&mut self, leg: LegId, request: &Request, now: Instant) {
        if let Some(refusal) = self.endpoint.inspect(request) {
            return self.endpoint.reject(leg, refusal.status, &refusal.headers, now);
        }
        if self.call.is_some() {
            return self.endpoint.reject(leg, 486, &[], now);
        }
        let (Ok(call_id), Ok(from)) = (request.call_id(), request.from()) else {
            return self.endpoint.reject(leg, 400, &[], now);
        };
        let (call_id, from) = (call_id.to_owned(), from.uri.to_string());
        if let Some(session_id) = request.headers.text(&HeaderName::SessionId) {
            // RFC 7989 §6: we answer under the session that the caller named.
            self.endpoint.set_standing_header(leg, HeaderName::SessionId, session_id.to_owned());
        }
        let offer = description(request.content_type(), &request.body);
        let offers_screen = offer
            .as_ref()
            .and_then(|sdp| SessionDescription::parse(sdp).ok())
            .is_some_and(|offer| offer.media.iter().any(|media| ScreenLine::read(media, &offer).is_some()));
        self.call = Some(Call { leg, call_id: call_id.clone(), stage: Stage::Ringing, media: None });
        self.offered = offer;
        self.event(PhoneEvent::Incoming { call_id, from, offers_screen });
    }

    /// Rings: 180 to the caller.
    pub fn ring(&mut self, now: Instant) -> Result<(), PhoneError> {
        let leg = self.ringing()?;
        self.endpoint.ring(leg, 180, None, now);
        self.drain(now);
        Ok(())
    }

    /// Answers the incoming call with what we can do. An offer that does not fit is refused with 488, and the call has
    /// ended.
    pub fn answer(&mut self, local: LocalMedia, now: Instant) -> Result<(), PhoneError> {
        let leg = self.ringing()?;
        let mut media = MediaSession::new(local, self.rng.next_u64() >> 1);
        let described = match self.offered.take() {
            Some(offer) => media.answer(&offer).map(|(sdp, agreement)| (sdp, Some(agreement))),
            // RFC 3261 §13.2.1: an INVITE without offer is answered with ours, and its ACK brings the answer.
            None => media.offer().map(|sdp| (sdp, None)),
        };
        match described {
            Ok((sdp, agreement)) => {
                self.endpoint.answer(leg, &[], (SDP_TYPE.to_owned(), sdp), now);
                if let Some(call) = &mut self.call {
                    call.stage = Stage::Answered;
                    call.media = Some(media);
                }
                if let Some(agreement) = agreement {
                    self.event(PhoneEvent::Media(Box::new(agreement)));
                }
            }
            Err(error) => self.end_call(CallEnd::Media(error), error.status(), None, now),
        }
        self.drain(now);
        Ok(())
    }

    /// The ACK of an answer of ours, to the first INVITE or to a later one; it may bring the peer's answer.
    pub(super) fn acknowledged(&mut self, leg: LegId, ack: &Request, now: Instant) {
        let Some(call) = &self.call else { return };
        let first = call.stage == Stage::Answered;
        let waits = call.media.as_ref().is_some_and(MediaSession::has_open_offer);
        if waits {
            match description(ack.content_type(), &ack.body) {
                Some(answer) => self.take_answer(leg, &answer, now),
                None => return self.end_call(CallEnd::Media(MediaError::Missing), 488, None, now),
            }
        }
        if first {
            self.established();
        }
    }

    fn ringing(&self) -> Result<LegId, PhoneError> {
        let ringing = self.call.as_ref().filter(|call| call.stage == Stage::Ringing);
        ringing.map(|call| call.leg).ok_or(PhoneError::NoCall)
    }
}
