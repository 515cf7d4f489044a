//! What a phone and its peer have agreed to send each other: one offer/answer exchange per call (RFC 3264).

use bytes::Bytes;

use crate::sip::message::{MediaType, multipart};
use crate::sip::sdp::{
    self, Agreement, AnswerKind, Direction, LocalMedia, NegotiationError, OfferAnswer, OfferAnswerError, Phase,
    SdpError, SessionDescription,
};

/// The media type of session descriptions.
pub(super) const SDP_TYPE: &str = "application/sdp";

/// Why there is no agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The peer's description is missing.
    #[error("the other side sent no session description")]
    Missing,
    /// The peer's description cannot be read.
    #[error("the other side's session description cannot be read: {0}")]
    Unreadable(#[from] SdpError),
    /// It can be read, and does not fit ours.
    #[error("{0}")]
    Negotiation(#[from] NegotiationError),
    /// It comes when it is not its turn.
    #[error("{0}")]
    Turn(#[from] OfferAnswerError),
}

impl MediaError {
    /// The status that refuses an offer for this reason.
    pub(super) fn status(self) -> u16 {
        match self {
            MediaError::Missing | MediaError::Unreadable(_) => 400,
            MediaError::Negotiation(_) | MediaError::Turn(OfferAnswerError::StreamsDropped) => 488,
            MediaError::Turn(OfferAnswerError::LocalOfferOpen) => 491,
            MediaError::Turn(_) => 500,
        }
    }
}

/// The exchange of one call.
#[derive(Debug)]
pub(super) struct MediaSession {
    exchange: OfferAnswer,
    local: LocalMedia,
}

impl MediaSession {
    pub fn new(local: LocalMedia, session_id: u64) -> Self {
        MediaSession { exchange: OfferAnswer::new("-", session_id), local }
    }

    /// Which way we want the audio to flow.
    pub fn set_direction(&mut self, direction: Direction) {
        self.local.direction = direction;
    }

    /// The first offer, or a later one with the same streams.
    pub fn offer(&mut self) -> Result<Bytes, MediaError> {
        let description = match self.exchange.local() {
            Some(current) => sdp::reoffer(current, &self.local),
            None => sdp::offer(&self.local),
        };
        Ok(self.exchange.send_offer(description)?.to_string().into())
    }

    /// Our offer was refused.
    pub fn withdraw(&mut self) {
        // Without an open offer there is nothing to withdraw, which is what was asked for.
        let _ = self.exchange.withdraw();
    }

    /// Answers an offer.
    pub fn answer(&mut self, offer: &[u8]) -> Result<(Bytes, Agreement), MediaError> {
        let offer = SessionDescription::parse(offer)?;
        self.exchange.receive_offer(offer.clone())?;
        match sdp::answer(&offer, &self.local) {
            Ok((description, agreement)) => {
                let description = self.exchange.send_answer(description)?;
                Ok((description.to_string().into(), agreement))
            }
            Err(error) => {
                self.withdraw();
                Err(error.into())
            }
        }
    }

    /// Takes an answer; `None` when it only repeats what was said before (RFC 3261 §13.2.1).
    pub fn take_answer(&mut self, answer: &[u8]) -> Result<Option<Agreement>, MediaError> {
        let Some(offer) = self.exchange.open_offer().cloned() else {
            return if self.is_answered() { Ok(None) } else { Err(OfferAnswerError::NoOffer.into()) };
        };
        let answer = SessionDescription::parse(answer)?;
        let agreement = sdp::select(&offer, &answer)?;
        match self.exchange.receive_answer(answer)? {
            AnswerKind::Answer => Ok(Some(agreement)),
            AnswerKind::Repeated => Ok(None),
        }
    }

    /// Whether our offer waits for its answer.
    pub fn has_open_offer(&self) -> bool {
        self.exchange.phase() == Phase::LocalOffer
    }

    /// Whether both descriptions are in force.
    pub fn is_answered(&self) -> bool {
        self.exchange.remote().is_some()
    }
}

/// The session description in a body: all of it, or the first such part of a multipart.
pub(super) fn description(content_type: Option<MediaType>, body: &Bytes) -> Option<Bytes> {
    part(content_type, body, SDP_TYPE)
}

fn part(content_type: Option<MediaType>, body: &Bytes, wanted: &str) -> Option<Bytes> {
    let content_type = content_type.filter(|_| !body.is_empty())?;
    if content_type.is(wanted) {
        return Some(body.clone());
    }
    if content_type.kind() != "multipart" {
        return None;
    }
    let leaves = multipart::leaves(&content_type, body).ok()?;
    leaves.into_iter().find(|part| part.content_type().is_some_and(|kind| kind.is(wanted))).map(|part| part.body)
}
