//! One party of a call: its SIP leg, its media, its part of the offer/answer exchange.

use crate::media::MediaLegId;
use crate::sip::Flow;
use crate::sip::endpoint::LegId;
use crate::sip::sdp::{Agreement, OfferAnswer};

/// One end of a call as the gateway holds it.
#[derive(Debug)]
pub struct Party {
    /// The SIP leg; `None` once it has ended.
    pub leg: Option<LegId>,
    /// The Call-ID of the leg (each leg has its own).
    pub call_id: String,
    /// The flow it came in on or went out on.
    pub flow: Flow,
    /// Our media ports for it; `None` when the voice does not pass through us.
    pub media: Option<MediaPart>,
    /// A 2xx of this leg has been sent or received.
    pub answered: bool,
    /// Whether this party has a side in the screen session, and our name of that side's MSRP session.
    pub screen: Option<String>,
}

/// One party's voice.
#[derive(Debug)]
pub struct MediaPart {
    /// The media workers' name of it.
    pub leg: MediaLegId,
    /// Our RTP port.
    pub port: u16,
    /// The exchange of session descriptions.
    pub exchange: OfferAnswer,
    /// What was agreed, once it was.
    pub agreement: Option<Agreement>,
}

impl Party {
    /// A party with a live leg.
    pub fn new(leg: LegId, call_id: String, flow: Flow) -> Party {
        Party { leg: Some(leg), call_id, flow, media: None, answered: false, screen: None }
    }

    /// What was agreed with it.
    pub fn agreement(&self) -> Option<&Agreement> {
        self.media.as_ref()?.agreement.as_ref()
    }
}
