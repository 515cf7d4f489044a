//! Our offers (RFC 3264 §5, §8).

use std::net::{IpAddr, SocketAddr};

use super::{AudioLine, Codec, Direction, Media, Origin, ScreenLine, SessionDescription};

/// What one leg of ours can do and wants, to offer it or to answer with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMedia {
    /// Our media address, for `o=` and `c=`.
    pub address: IpAddr,
    /// Our RTP port; RTCP is the one above it.
    pub audio_port: u16,
    /// The formats we know, best first, telephone events among them. An offer lists them as they are; an answer
    /// keeps the offerer's order and numbers.
    pub codecs: Vec<Codec>,
    /// How many speech codecs an answer names at most. One pins the codec, so that the other leg can be offered
    /// exactly that.
    pub max_codecs: usize,
    /// What we want, seen from us.
    pub direction: Direction,
    /// The packet duration we ask for, in milliseconds.
    pub ptime_ms: Option<u32>,
    /// Our end of the screen stream, when this leg may have one.
    pub screen: Option<ScreenLine>,
}

impl LocalMedia {
    /// Both ways, one codec in an answer, 20 ms packets, no screen.
    pub fn new(address: IpAddr, audio_port: u16, codecs: Vec<Codec>) -> Self {
        LocalMedia {
            address,
            audio_port,
            codecs,
            max_codecs: 1,
            direction: Direction::SendRecv,
            ptime_ms: Some(20),
            screen: None,
        }
    }

    pub(super) fn offered_audio(&self) -> AudioLine {
        AudioLine {
            rtp: SocketAddr::new(self.address, self.audio_port),
            rtcp: None,
            codecs: self.codecs.clone(),
            direction: self.direction,
            ptime_ms: self.ptime_ms,
        }
    }

    pub(super) fn empty_description(&self) -> SessionDescription {
        SessionDescription::new(Origin::new("-", 0, 0, self.address), self.address)
    }
}

/// A first offer: audio, then the screen when there is one. The origin is a placeholder: [`super::OfferAnswer`]
/// writes ours.
pub fn offer(local: &LocalMedia) -> SessionDescription {
    let mut description = local.empty_description();
    description.media.push(local.offered_audio().to_media(local.address));
    if let Some(screen) = &local.screen {
        description.media.push(screen.to_media(&description));
    }
    description
}

/// The offer for the other leg of a bridged call: exactly `codecs` (of [`super::AudioAgreement::codecs`]) under the
/// payload types that the first leg uses, so that packets pass untouched.
pub fn offer_from(
    codecs: Vec<Codec>,
    address: IpAddr,
    audio_port: u16,
    screen: Option<ScreenLine>,
) -> SessionDescription {
    offer(&LocalMedia { screen, ..LocalMedia::new(address, audio_port, codecs) })
}

/// A later offer: the streams of `current`, our description in force, in the same places (RFC 3264 §8: a stream is
/// never removed, only refused), with the audio and screen streams as `local` says now. A new screen stream takes the
/// place of a refused one of its kind, or goes last.
pub fn reoffer(current: &SessionDescription, local: &LocalMedia) -> SessionDescription {
    let mut description = local.empty_description();
    description.media = current.media.iter().map(Media::refused).collect();
    let audio = local.offered_audio().to_media(local.address);
    put(&mut description, current, Media::is_rtp_audio, audio);
    if let Some(screen) = &local.screen {
        let screen = screen.to_media(&description);
        put(&mut description, current, Media::is_msrp, screen);
    }
    description
}

/// Puts `media` where `current` has a live stream of its kind, else where it has a refused one, else last.
fn put(
    description: &mut SessionDescription,
    current: &SessionDescription,
    kind: impl Fn(&Media) -> bool,
    media: Media,
) {
    let live = current.media.iter().position(|m| kind(m) && m.port != 0);
    match live.or_else(|| current.media.iter().position(kind)) {
        Some(index) => description.media[index] = Media { proto: current.media[index].proto.clone(), ..media },
        None => description.media.push(media),
    }
}
