//! What an answered offer means: which codec is in use, and where the peer is.

use std::net::SocketAddr;

use super::{Codec, Direction, Media, ScreenLine, SessionDescription, Setup};

/// Why two ends cannot agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationError {
    /// The offer has no audio over plain RTP: 488 (RFC 3261 §21.4.26).
    #[error("the offer has no usable audio stream")]
    NoAudio,
    /// There is audio, but no encoding that both ends know: 488.
    #[error("no audio encoding in common")]
    NoCommonCodec,
    /// An answer must have the offer's streams, in number and kind (RFC 3264 §6). The peer's fault.
    #[error("the answer's streams are not those of the offer")]
    Streams,
    /// The peer answered the audio stream with port 0.
    #[error("the audio stream was refused")]
    AudioRefused,
}

/// What both ends now do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The one audio stream.
    pub audio: AudioAgreement,
    /// The screen stream, when both want it.
    pub screen: Option<ScreenAgreement>,
}

/// The agreed audio stream, seen from us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioAgreement {
    /// What is spoken; its payload type is the number that the *peer* wants to receive.
    pub codec: Codec,
    /// Telephone events, when both ends know them, numbered likewise.
    pub telephony_event: Option<Codec>,
    /// The numbers that *we* said we receive: codec, telephone events. They differ from the peer's only when it
    /// chose to (RFC 3264 §6.1 lets it).
    pub own_payload_types: (u8, Option<u8>),
    /// Where the peer wants RTP; `None` until the first packet tells.
    pub remote_rtp: Option<SocketAddr>,
    /// Where the peer wants RTCP.
    pub remote_rtcp: Option<SocketAddr>,
    /// Which way it flows, seen from us.
    pub direction: Direction,
    /// The packet duration the peer asks for, in milliseconds.
    pub remote_ptime_ms: Option<u32>,
}

impl AudioAgreement {
    /// The formats to offer to another leg so that packets pass between the two untouched.
    pub fn codecs(&self) -> Vec<Codec> {
        let (own_codec, own_event) = self.own_payload_types;
        let event = self
            .telephony_event
            .iter()
            .map(|event| Codec { payload_type: own_event.unwrap_or(event.payload_type), ..event.clone() });
        std::iter::once(Codec { payload_type: own_codec, ..self.codec.clone() }).chain(event).collect()
    }

    /// Whether packets may pass between this leg and `other` without a change: same encoding, and each side's numbers
    /// are those that the other expects. Telephone events count only when both legs have them.
    pub fn passes_through(&self, other: &AudioAgreement) -> bool {
        let one_way = |from: &AudioAgreement, to: &AudioAgreement| {
            let events = match (from.own_payload_types.1, &to.telephony_event) {
                (Some(number), Some(event)) => number == event.payload_type,
                _ => true,
            };
            from.own_payload_types.0 == to.codec.payload_type && events
        };
        self.codec.same_encoding(&other.codec) && one_way(self, other) && one_way(other, self)
    }
}

/// The agreed screen stream, seen from us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenAgreement {
    /// What the peer said about itself: its path, limits and types.
    pub peer: ScreenLine,
    /// Whether we connect or listen; never [`Setup::ActPass`].
    pub role: Setup,
}

/// What the peer's `answer` to our `offer` puts in use. The codec is the answer's first that we offered
/// (RFC 3264 §7).
pub fn select(offer: &SessionDescription, answer: &SessionDescription) -> Result<Agreement, NegotiationError> {
    let same_kind = |(ours, theirs): (&Media, &Media)| ours.kind.eq_ignore_ascii_case(&theirs.kind);
    if offer.media.len() != answer.media.len() || !offer.media.iter().zip(&answer.media).all(same_kind) {
        return Err(NegotiationError::Streams);
    }
    let audio = offer.media.iter().position(|m| m.port != 0 && m.is_rtp_audio()).ok_or(NegotiationError::NoAudio)?;
    if answer.media[audio].port == 0 {
        return Err(NegotiationError::AudioRefused);
    }
    let chosen = Codec::list(&answer.media[audio]);
    let local = Direction::of(&offer.media[audio], offer);
    Ok(Agreement {
        audio: audio_agreement(answer, &answer.media[audio], &chosen, &Codec::list(&offer.media[audio]), local)?,
        screen: screen(offer, answer),
    })
}

/// The agreement about one audio stream: `theirs` is in the order that decides, `ours` is what we know, `local` is
/// what we want.
pub(super) fn audio_agreement(
    remote: &SessionDescription,
    media: &Media,
    theirs: &[Codec],
    ours: &[Codec],
    local: Direction,
) -> Result<AudioAgreement, NegotiationError> {
    let own = |codec: &Codec| ours.iter().find(|own| own.same_encoding(codec));
    let (codec, own_codec) = theirs
        .iter()
        .filter(|codec| codec.is_speech())
        .find_map(|codec| Some((codec, own(codec)?)))
        .ok_or(NegotiationError::NoCommonCodec)?;
    let event = theirs
        .iter()
        .filter(|event| event.is_telephony_event() && event.clock_rate == codec.clock_rate)
        .find_map(|event| Some((event, own(event)?)));
    Ok(AudioAgreement {
        codec: codec.clone(),
        telephony_event: event.map(|(event, _)| event.clone()),
        own_payload_types: (own_codec.payload_type, event.map(|(_, own)| own.payload_type)),
        remote_rtp: media.rtp_address(remote),
        remote_rtcp: media.rtcp_address(remote),
        direction: Direction::of(media, remote).reversed().and(local),
        remote_ptime_ms: media.attributes.value("ptime").and_then(|ptime| ptime.trim().parse().ok()),
    })
}

fn screen(offer: &SessionDescription, answer: &SessionDescription) -> Option<ScreenAgreement> {
    let index = offer.media.iter().position(|m| m.port != 0 && m.is_msrp())?;
    let ours = ScreenLine::read(&offer.media[index], offer)?;
    let peer = ScreenLine::read(&answer.media[index], answer).filter(ScreenLine::accepts_envelope)?;
    // Without `a=setup` in the answer the peer knows RFC 4975 only, where the offerer connects (RFC 6135 §5).
    let role = match (peer.setup, ours.setup) {
        (Some(Setup::Active), _) => Setup::Passive,
        (Some(Setup::Passive), _) | (None, _) => Setup::Active,
        (Some(Setup::ActPass), Some(Setup::Passive)) => Setup::Passive,
        (Some(Setup::ActPass), _) => Setup::Active,
    };
    Some(ScreenAgreement { peer, role })
}
