//! The sound of a call: a tone of our own, and the other's, measured.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::json;

use super::error::ClientError;
use super::story::{Story, What};
use crate::media::AudioCodec;
use crate::media::client::{AudioEndpoint, AudioHandle, AudioReport, AudioSettings};
use crate::sip::sdp::{AudioAgreement, Codec, LocalMedia};

/// The payload type that we offer for `telephone-event`.
const EVENT_PAYLOAD_TYPE: u8 = 101;
/// A tone counts as heard after so many seconds: longer than any click, shorter than any call.
pub const HEARD_S: f64 = 2.0;
/// How often the ear is asked.
pub const LISTEN_EVERY: Duration = Duration::from_millis(100);

/// The two tones of a client.
#[derive(Clone, Copy, Debug)]
pub struct Tones {
    /// What it plays, in Hz.
    pub play_hz: u32,
    /// What it listens for, in Hz; `None`: it does not care.
    pub expect_hz: Option<u32>,
}

/// The audio of one call, from the offer to the report.
pub struct Voice {
    tones: Tones,
    local: SocketAddr,
    /// The sockets, until the first agreement.
    bound: Option<AudioEndpoint>,
    playing: Option<AudioHandle>,
    digits_told: usize,
    heard_told: bool,
}

impl Voice {
    /// Binds the sockets, so that their port can be offered.
    pub async fn bind(address: IpAddr, tones: Tones) -> Result<Voice, ClientError> {
        let endpoint = AudioEndpoint::bind(address).await.map_err(ClientError::Audio)?;
        let local = endpoint.local_addr();
        Ok(Voice { tones, local, bound: Some(endpoint), playing: None, digits_told: 0, heard_told: false })
    }

    /// What we offer: A-law, µ-law and telephone events.
    pub fn local_media(&self) -> LocalMedia {
        let codecs = vec![Codec::pcma(), Codec::pcmu(), Codec::telephony_event(EVENT_PAYLOAD_TYPE)];
        LocalMedia::new(self.local.ip(), self.local.port(), codecs)
    }

    /// Does what was agreed: plays to where the other side receives, or is silent when it holds us.
    pub fn agree(&mut self, audio: &AudioAgreement) -> Result<(), ClientError> {
        if let Some(codec) = AudioCodec::from_name(&audio.codec.name)
            && let Some(endpoint) = self.bound.take()
        {
            let settings = AudioSettings {
                codec,
                payload_type: audio.codec.payload_type,
                event_payload_type: audio.telephony_event.as_ref().map(|event| event.payload_type),
                play_hz: f64::from(self.tones.play_hz),
                want_hz: f64::from(self.tones.expect_hz.unwrap_or(self.tones.play_hz)),
            };
            self.playing = Some(endpoint.start(settings).map_err(ClientError::Audio)?);
        }
        if let Some(handle) = &self.playing {
            handle.set_remote(audio.remote_rtp.filter(|_| audio.direction.sends()));
        }
        Ok(())
    }

    /// Presses keys (RFC 4733), and tells of it.
    pub fn press(&self, digits: &str, story: &Story) {
        let Some(handle) = &self.playing else { return };
        let taken = handle.press(digits);
        let digits: String = digits.chars().take(taken).collect();
        story.tell(What::DtmfSent, format!("pressed {digits}"), json!({"digits": digits}));
    }

    /// What has been heard so far.
    pub fn report(&self) -> AudioReport {
        self.playing.as_ref().map(AudioHandle::report).unwrap_or_default()
    }

    /// Tells what is new to the ear. To be called every [`LISTEN_EVERY`].
    pub fn listen(&mut self, story: &Story) {
        let report = self.report();
        if let Some(hz) = self.tones.expect_hz.filter(|_| !self.heard_told && report.heard_s >= HEARD_S) {
            self.heard_told = true;
            let text = format!("hears {hz} Hz: {:.1} s so far, {:.0} % pure", report.heard_s, report.share * 100.0);
            story.tell(What::AudioHeard, text, json!({"hz": hz, "heard_s": report.heard_s, "share": report.share}));
        }
        if report.digits.len() > self.digits_told {
            let digits = report.digits.get(self.digits_told..).unwrap_or_default().to_owned();
            self.digits_told = report.digits.len();
            story.tell(What::DtmfHeard, format!("hears the keys {digits}"), json!({"digits": digits}));
        }
    }

    /// Whether the expected tone was heard for long enough, or none is expected.
    pub fn is_heard(&self) -> bool {
        self.tones.expect_hz.is_none() || self.report().heard_s >= HEARD_S
    }

    /// Falls silent and gives the last figures.
    pub async fn stop(self) -> Heard {
        let Voice { tones, local, playing, .. } = self;
        let report = match playing {
            Some(handle) => handle.stop().await,
            None => AudioReport::default(),
        };
        Heard { tones, local, report }
    }
}

/// What a call sounded like.
#[derive(Clone, Debug)]
pub struct Heard {
    tones: Tones,
    local: SocketAddr,
    /// The figures.
    pub report: AudioReport,
}

impl Heard {
    /// Whether the expected tone was heard for long enough, or none was expected.
    pub fn is_ok(&self) -> bool {
        self.tones.expect_hz.is_none() || self.report.heard_s >= HEARD_S
    }

    /// The failure, unless it was heard.
    pub fn verdict(&self) -> Result<(), ClientError> {
        match self.tones.expect_hz {
            Some(hz) if !self.is_ok() => {
                Err(ClientError::NotHeard { hz, heard_s: self.report.heard_s, needed_s: HEARD_S, local: self.local })
            }
            _ => Ok(()),
        }
    }
}
