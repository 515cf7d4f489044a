//! The calling side: the INVITE that a phone sends, and what becomes of it.

use std::time::Instant;

use bytes::Bytes;
use rand::Rng;

use super::contract::{CallEnd, PhoneError, PhoneEvent};
use super::registration::contact_params;
use super::session::{MediaSession, SDP_TYPE, description};
use super::{Call, Phone, Stage, token};
use crate::sip::endpoint::{Invitation, LegId, Routing};
use crate::sip::message::multipart::{self, Part};
use crate::sip::message::{HeaderName, Response, Uri};
use crate::sip::sdp::LocalMedia;

/// A call to be placed.
#[derive(Debug)]
pub struct Placing {
    /// Whom to call.
    pub target: Uri,
    /// What we offer.
    pub media: LocalMedia,
    /// More parts for the body, each with its media type; with any, the body is `multipart/mixed`.
    pub parts: Vec<(&'static str, Bytes)>,
}

impl Phone {
    /// Places a call and gives its Call-ID.
    pub fn call(&mut self, placing: Placing, now: Instant) -> Result<String, PhoneError> {
        if self.call.is_some() {
            return Err(PhoneError::Busy);
        }
        let mut media = MediaSession::new(placing.media, self.rng.next_u64() >> 1);
        let body = body(media.offer()?, placing.parts);
        let call_id = token(&mut self.rng);
        let invitation = Invitation {
            to: format!("<{}>", placing.target),
            target: placing.target,
            flow: self.config.server,
            routing: Routing::Flow,
            from: self.from(),
            contact_user: self.config.user.clone(),
            contact_params: contact_params(&self.config),
            call_id: call_id.clone(),
            max_forwards: 70,
            headers: self.invite_headers(),
            body: Some(body),
            credentials: self.config.login.clone(),
        };
        let leg = self.endpoint.invite(invitation, now);
        self.call = Some(Call { leg, call_id: call_id.clone(), stage: Stage::Calling, media: Some(media) });
        self.drain(now);
        Ok(call_id)
    }

    /// From: the subscriber's number where there is one.
    fn from(&self) -> String {
        match &self.config.number {
            Some(number) => format!("<sip:{number}@{};user=phone>", self.config.domain),
            None => self.address_of_record(),
        }
    }

    /// What tells the gateway of the phone: its network (RFC 7315 §5.4), its number (RFC 3325 §9.2), and one identifier
    /// for the whole session (RFC 7989 §5).
    fn invite_headers(&mut self) -> Vec<(HeaderName, String)> {
        let mut headers = vec![(HeaderName::SessionId, token(&mut self.rng))];
        if let Some(access) = self.config.access {
            headers.push((HeaderName::PAccessNetworkInfo, access.header().to_owned()));
        }
        if let Some(number) = &self.config.number {
            headers.push((HeaderName::PPreferredIdentity, format!("<tel:{number}>")));
        }
        headers
    }

    pub(super) fn progress(&mut self, leg: LegId, response: &Response, now: Instant) {
        self.event(PhoneEvent::Ringing { status: response.status });
        if let Some(answer) = description(response.content_type(), &response.body) {
            self.take_answer(leg, &answer, now);
        }
    }

    pub(super) fn answered(&mut self, leg: LegId, response: &Response, now: Instant) {
        let early = self.call.as_ref().and_then(|call| call.media.as_ref()).is_some_and(MediaSession::is_answered);
        match description(response.content_type(), &response.body) {
            Some(answer) => self.take_answer(leg, &answer, now),
            // RFC 3261 §13.2.1: the answer may have come in a provisional response.
            None if early => {}
            None => return self.end_call(CallEnd::Media(super::MediaError::Missing), 488, None, now),
        }
        self.established();
    }

    /// Tells that the call is up, unless it ended meanwhile.
    pub(super) fn established(&mut self) {
        if let Some(call) = &mut self.call {
            call.stage = Stage::Established;
            let call_id = call.call_id.clone();
            self.event(PhoneEvent::Established { call_id });
        }
    }

    /// Takes the peer's answer; without agreement the call is ended.
    pub(super) fn take_answer(&mut self, leg: LegId, answer: &[u8], now: Instant) {
        let Some(media) = self.call.as_mut().filter(|call| call.leg == leg).and_then(|call| call.media.as_mut()) else {
            return;
        };
        match media.take_answer(answer) {
            Ok(Some(agreement)) => self.event(PhoneEvent::Media(Box::new(agreement))),
            Ok(None) => {}
            Err(error) => self.end_call(CallEnd::Media(error), 488, None, now),
        }
    }
}

/// The body of an INVITE: the description alone, or with more parts as `multipart/mixed` (RFC 5621 §3).
fn body(description: Bytes, parts: Vec<(&'static str, Bytes)>) -> (String, Bytes) {
    if parts.is_empty() {
        return (SDP_TYPE.to_owned(), description);
    }
    let parts: Vec<Part> = std::iter::once((SDP_TYPE, description))
        .chain(parts)
        .map(|(content_type, body)| Part::new(content_type, body))
        .collect();
    multipart::build("mixed", &parts)
}
