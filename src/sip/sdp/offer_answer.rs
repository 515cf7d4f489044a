//! Whose turn it is in one dialog, and which version of our description is in force (RFC 3264 §4, §8).

use super::{Origin, SessionDescription};

/// Where the exchange stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No offer is open.
    Idle,
    /// We offered and wait for the answer.
    LocalOffer,
    /// The peer offered and waits for ours.
    RemoteOffer,
}

/// Why an offer or answer cannot be taken now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferAnswerError {
    /// Glare: our own offer is open. An offer from the peer is refused with 491 (RFC 3261 §14.2), one of ours waits.
    #[error("an offer of ours is still open")]
    LocalOfferOpen,
    /// The peer's offer is open. A second one is refused with 500 and `Retry-After` (RFC 3261 §14.2, RFC 3311 §5.2),
    /// one of ours waits.
    #[error("an offer of the peer is still open")]
    RemoteOfferOpen,
    /// There is nothing to answer, or nothing to withdraw.
    #[error("no offer is open")]
    NoOffer,
    /// A later offer has fewer streams than are in force (RFC 3264 §8: MUST NOT). From a peer: 488.
    #[error("the offer drops streams that are in force")]
    StreamsDropped,
}

/// What a peer's offer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferKind {
    /// Something to negotiate.
    Changed,
    /// The version in force, repeated: a session refresh (RFC 4028 §7.4); our answer repeats ours.
    Unchanged,
}

/// What a peer's answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// The answer to our open offer.
    Answer,
    /// A description after the answer: in further provisional and final responses it is to be ignored
    /// (RFC 3261 §13.2.1).
    Repeated,
}

/// The offer/answer exchange of one dialog.
#[derive(Clone, Debug)]
pub struct OfferAnswer {
    username: String,
    session_id: u64,
    phase: Phase,
    last_version: Option<u64>,
    local: Option<SessionDescription>,
    remote: Option<SessionDescription>,
    open: Option<SessionDescription>,
    /// The last description that we sent, in force or withdrawn: what the version counts from.
    sent: Option<SessionDescription>,
}

impl OfferAnswer {
    /// A dialog that has exchanged nothing. `session_id` is ours alone; `username` goes in `o=`.
    pub fn new(username: &str, session_id: u64) -> Self {
        OfferAnswer {
            username: username.to_owned(),
            session_id,
            phase: Phase::Idle,
            last_version: None,
            local: None,
            remote: None,
            open: None,
            sent: None,
        }
    }

    /// Where the exchange stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Our description in force.
    pub fn local(&self) -> Option<&SessionDescription> {
        self.local.as_ref()
    }

    /// The peer's description in force.
    pub fn remote(&self) -> Option<&SessionDescription> {
        self.remote.as_ref()
    }

    /// The offer that waits for its answer, ours or the peer's.
    pub fn open_offer(&self) -> Option<&SessionDescription> {
        self.open.as_ref()
    }

    /// Opens an offer of ours and returns it with our `o=` line, to be sent.
    pub fn send_offer(&mut self, offer: SessionDescription) -> Result<SessionDescription, OfferAnswerError> {
        self.expect_idle()?;
        keeps_streams(self.local.as_ref(), &offer)?;
        let offer = self.stamp(offer);
        self.open = Some(offer.clone());
        self.phase = Phase::LocalOffer;
        Ok(offer)
    }

    /// Takes an offer from the peer.
    pub fn receive_offer(&mut self, offer: SessionDescription) -> Result<OfferKind, OfferAnswerError> {
        self.expect_idle()?;
        keeps_streams(self.remote.as_ref(), &offer)?;
        let kind = if self.remote.as_ref() == Some(&offer) { OfferKind::Unchanged } else { OfferKind::Changed };
        self.open = Some(offer);
        self.phase = Phase::RemoteOffer;
        Ok(kind)
    }

    /// Answers the peer's open offer and returns the answer with our `o=` line, to be sent. Both are now in force.
    pub fn send_answer(&mut self, answer: SessionDescription) -> Result<SessionDescription, OfferAnswerError> {
        if self.phase != Phase::RemoteOffer {
            return Err(OfferAnswerError::NoOffer);
        }
        let answer = self.stamp(answer);
        self.remote = self.open.take();
        self.local = Some(answer.clone());
        self.phase = Phase::Idle;
        Ok(answer)
    }

    /// Takes a description that came in a response. With our offer open it is the answer and both are now in force.
    pub fn receive_answer(&mut self, answer: SessionDescription) -> Result<AnswerKind, OfferAnswerError> {
        match self.phase {
            Phase::LocalOffer => {
                self.local = self.open.take();
                self.remote = Some(answer);
                self.phase = Phase::Idle;
                Ok(AnswerKind::Answer)
            }
            Phase::Idle if self.remote.is_some() => Ok(AnswerKind::Repeated),
            Phase::Idle | Phase::RemoteOffer => Err(OfferAnswerError::NoOffer),
        }
    }

    /// The open offer was refused or its request failed: what was in force stays in force (RFC 3261 §14.1).
    pub fn withdraw(&mut self) -> Result<(), OfferAnswerError> {
        if self.phase == Phase::Idle {
            return Err(OfferAnswerError::NoOffer);
        }
        self.open = None;
        self.phase = Phase::Idle;
        Ok(())
    }

    fn expect_idle(&self) -> Result<(), OfferAnswerError> {
        match self.phase {
            Phase::Idle => Ok(()),
            Phase::LocalOffer => Err(OfferAnswerError::LocalOfferOpen),
            Phase::RemoteOffer => Err(OfferAnswerError::RemoteOfferOpen),
        }
    }

    /// Writes our `o=` line: one version up when anything differs from what we last sent (RFC 3264 §8: MUST), the
    /// same version otherwise.
    fn stamp(&mut self, mut description: SessionDescription) -> SessionDescription {
        let unchanged = self.sent.as_ref().is_some_and(|sent| sent.same_session(&description));
        let version = match self.last_version {
            None => 1,
            Some(version) if unchanged => version,
            Some(version) => version + 1,
        };
        description.origin = Origin {
            username: self.username.clone(),
            session_id: self.session_id.to_string(),
            version: version.to_string(),
            ..description.origin
        };
        self.last_version = Some(version);
        self.sent = Some(description.clone());
        description
    }
}

fn keeps_streams(current: Option<&SessionDescription>, offer: &SessionDescription) -> Result<(), OfferAnswerError> {
    match current {
        Some(current) if offer.media.len() < current.media.len() => Err(OfferAnswerError::StreamsDropped),
        _ => Ok(()),
    }
}
