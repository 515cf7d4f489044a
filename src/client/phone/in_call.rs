//! Within a call: hang-up, hold, INFO and MESSAGE, the peer's re-INVITE.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use super::contract::{CallEnd, PhoneError, PhoneEvent};
use super::session::{MediaSession, SDP_TYPE, description};
use super::{Phone, Stage};
use crate::sip::endpoint::{EndCause, IncomingId, LegId, NoResponse, RequestId};
use crate::sip::message::{Method, Request, Response};
use crate::sip::sdp::Direction;

/// INFOs and MESSAGEs of ours that wait for their answer.
pub(super) type Texts = BTreeMap<RequestId, Method>;

impl Phone {
    /// Ends the call in whatever way its stage needs: CANCEL, BYE, or 480 to a caller who waits (`status` refuses him
    /// otherwise, such as 486 or 603).
    pub fn hang_up(&mut self, status: u16, now: Instant) -> Result<(), PhoneError> {
        if self.call.is_none() {
            return Err(PhoneError::NoCall);
        }
        self.end_call(CallEnd::HungUp, status, None, now);
        self.drain(now);
        Ok(())
    }

    /// Puts the peer on hold, or takes him back, by a re-INVITE (RFC 3264 §8.4).
    pub fn hold(&mut self, held: bool, now: Instant) -> Result<(), PhoneError> {
        let leg = self.talking()?;
        let media = self.media(leg).ok_or(PhoneError::NoCall)?;
        media.set_direction(if held { Direction::SendOnly } else { Direction::SendRecv });
        let offer = media.offer()?;
        if !self.endpoint.reinvite(leg, (SDP_TYPE.to_owned(), offer), now) {
            if let Some(media) = self.media(leg) {
                media.withdraw();
            }
            return Err(PhoneError::Busy);
        }
        self.drain(now);
        Ok(())
    }

    /// Sends INFO or MESSAGE in the call's dialog; [`PhoneEvent::TextAnswered`] tells what became of it.
    pub fn text(&mut self, method: Method, content_type: &str, body: Bytes, now: Instant) -> Result<(), PhoneError> {
        let leg = self.talking()?;
        let body = Some((content_type.to_owned(), body));
        let sent = self.endpoint.request_in_dialog(leg, method.clone(), &[], body, now).ok_or(PhoneError::NoCall)?;
        self.texts.insert(sent, method);
        self.drain(now);
        Ok(())
    }

    pub(super) fn text_answered(&mut self, id: RequestId, status: u16) {
        if status < 200 {
            return;
        }
        if let Some(method) = self.texts.remove(&id) {
            self.event(PhoneEvent::TextAnswered { method, status });
        }
    }

    pub(super) fn text_unanswered(&mut self, id: RequestId, why: NoResponse) {
        // RFC 3261 §8.1.3.1: as if these had come.
        let status = match why {
            NoResponse::Timeout => 408,
            NoResponse::Transport => 503,
        };
        self.text_answered(id, status);
    }

    /// A request other than INVITE, within the call or outside.
    pub(super) fn request(&mut self, id: IncomingId, leg: Option<LegId>, request: &Request, now: Instant) {
        if let Some(refusal) = self.endpoint.inspect(request) {
            return self.endpoint.refuse(id, request, refusal, now);
        }
        let in_call = leg.is_some_and(|leg| self.is_current(leg));
        let response = match request.method {
            Method::Options => self.endpoint.capabilities(request),
            Method::Info | Method::Message if in_call => self.endpoint.response_to(request, 200),
            // RFC 6086 §4.2.1: INFO lives in dialogs only; a MESSAGE that belongs to no call has nobody to read it.
            _ => self.endpoint.response_to(request, 481),
        };
        self.endpoint.respond(id, response, now);
        if in_call && matches!(request.method, Method::Info | Method::Message) {
            let content_type = request.content_type().map(|media| media.to_string()).unwrap_or_default();
            let (method, body) = (request.method.clone(), request.body.clone());
            self.event(PhoneEvent::Text { method, content_type, body });
        }
    }

    /// The peer wants to change the session (RFC 3261 §14.2).
    pub(super) fn reinvited(&mut self, leg: LegId, request: &Request, now: Instant) {
        let offer = description(request.content_type(), &request.body);
        let Some(media) = self.media(leg) else { return self.endpoint.reject(leg, 500, &[], now) };
        let described = match offer {
            Some(offer) => media.answer(&offer).map(|(sdp, agreement)| (sdp, Some(agreement))),
            None => media.offer().map(|sdp| (sdp, None)),
        };
        match described {
            Ok((sdp, agreement)) => {
                self.endpoint.answer(leg, &[], (SDP_TYPE.to_owned(), sdp), now);
                if let Some(agreement) = agreement {
                    self.event(PhoneEvent::Media(Box::new(agreement)));
                }
            }
            Err(error) => self.endpoint.reject(leg, error.status(), &[], now),
        }
    }

    /// The final response to our re-INVITE.
    pub(super) fn reinvite_done(&mut self, leg: LegId, response: &Response, now: Instant) {
        if let (200..=299, Some(answer)) = (response.status, description(response.content_type(), &response.body)) {
            return self.take_answer(leg, &answer, now);
        }
        if let Some(media) = self.media(leg) {
            media.withdraw();
        }
        self.event(PhoneEvent::ReofferRefused { status: response.status });
    }

    pub(super) fn ended(&mut self, cause: EndCause) {
        self.call = None;
        let end = match cause {
            EndCause::Refused(response) => {
                CallEnd::Refused { status: response.status, reason: response.reason().into_owned() }
            }
            EndCause::Cancelled(_) => CallEnd::Cancelled,
            EndCause::Bye(_) => CallEnd::PeerHungUp,
            EndCause::Timeout => CallEnd::Silence,
            EndCause::NoAck => CallEnd::NoAck,
            EndCause::Transport => CallEnd::Transport,
            EndCause::PeerLost => CallEnd::PeerLost,
        };
        self.event(PhoneEvent::Ended(end));
    }

    fn media(&mut self, leg: LegId) -> Option<&mut MediaSession> {
        self.call.as_mut().filter(|call| call.leg == leg)?.media.as_mut()
    }

    fn talking(&self) -> Result<LegId, PhoneError> {
        let talking = self.call.as_ref().filter(|call| call.stage == Stage::Established);
        talking.map(|call| call.leg).ok_or(PhoneError::NoCall)
    }
}
