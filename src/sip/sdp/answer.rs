//! Our answer to a peer's offer (RFC 3264 §6).

use super::select::audio_agreement;
use super::{
    Agreement, AudioAgreement, AudioLine, Codec, Direction, LocalMedia, Media, NegotiationError, ScreenAgreement,
    ScreenLine, SessionDescription,
};

/// Answers `offer` with what `local` can do. Streams keep their number and order; every one but the first usable audio
/// and the first usable screen stream is refused with port 0. Codecs keep the offerer's order and payload types.
///
/// The origin is a placeholder: [`super::OfferAnswer`] writes ours.
pub fn answer(
    offer: &SessionDescription,
    local: &LocalMedia,
) -> Result<(SessionDescription, Agreement), NegotiationError> {
    let mut description = local.empty_description();
    let index = offer.media.iter().position(|m| m.port != 0 && m.is_rtp_audio()).ok_or(NegotiationError::NoAudio)?;
    let (line, audio) = answer_audio(offer, &offer.media[index], local)?;
    let mut screen = None;
    for (position, media) in offer.media.iter().enumerate() {
        let answered = if position == index {
            // The profile of an answer is the offer's, `RTP/AVPF` included (RFC 3264 §6.1, RFC 4585 §4.2).
            Media { proto: media.proto.clone(), ..line.to_media(local.address) }
        } else if screen.is_none()
            && let Some((media, agreed)) = answer_screen(offer, media, local, &description)
        {
            screen = Some(agreed);
            media
        } else {
            media.refused()
        };
        description.media.push(answered);
    }
    Ok((description, Agreement { audio, screen }))
}

fn answer_audio(
    offer: &SessionDescription,
    media: &Media,
    local: &LocalMedia,
) -> Result<(AudioLine, AudioAgreement), NegotiationError> {
    let offered = Codec::list(media);
    let mut audio = audio_agreement(offer, media, &offered, &local.codecs, local.direction)?;
    // We receive what we send, under the offerer's numbers (RFC 3264 §6.1: SHOULD).
    audio.own_payload_types = (audio.codec.payload_type, audio.telephony_event.as_ref().map(|e| e.payload_type));
    let known = |codec: &&Codec| codec.is_speech() && local.codecs.iter().any(|own| own.same_encoding(codec));
    let speech = offered.iter().filter(known).take(local.max_codecs.max(1)).cloned();
    let codecs = speech.chain(audio.telephony_event.clone().map(|event| answered_event(event, local))).collect();
    Ok((local.audio_line(codecs, audio.direction), audio))
}

/// Our own `a=fmtp` for telephone events: it states what the writer receives (RFC 4733 §2.5.1.1).
fn answered_event(event: Codec, local: &LocalMedia) -> Codec {
    let own = local.codecs.iter().find(|own| own.same_encoding(&event));
    Codec { fmtp: own.and_then(|own| own.fmtp.clone()), ..event }
}

fn answer_screen(
    offer: &SessionDescription,
    media: &Media,
    local: &LocalMedia,
    description: &SessionDescription,
) -> Option<(Media, ScreenAgreement)> {
    let ours = local.screen.as_ref()?;
    let peer = ScreenLine::read(media, offer).filter(ScreenLine::accepts_envelope)?;
    let (role, said) = peer.answering_role(ours.setup);
    let line = ScreenLine { setup: said, ..ours.clone() };
    Some((line.to_media(description), ScreenAgreement { peer, role }))
}

impl LocalMedia {
    fn audio_line(&self, codecs: Vec<Codec>, direction: Direction) -> AudioLine {
        AudioLine { codecs, direction, ..self.offered_audio() }
    }
}
