//! What a client saw of one call: the last line that it tells.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::story::{Story, What};
use super::voice::Heard;

/// Everything is what this end itself sent, received or measured; nothing is copied from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallReport {
    /// Whether everything that should happen did.
    pub ok: bool,
    /// Why not, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// `wifi` or `pstn`: what a handset called over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer: Option<String>,
    /// The Call-ID of our leg.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// The handset's own IMEI (15 digits and hyphens as in its URN), or what a seat was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imei: Option<String>,
    /// The opaque seat id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seat_id: Option<String>,
    /// From our INVITE to its 200, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setup_ms: Option<u64>,
    /// From our INVITE to the other side's first frame, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_frame_ms: Option<u64>,
    /// From the answer to the end, in milliseconds.
    pub talk_ms: u64,
    /// How the call ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Frames of ours that were handed to the screen session.
    pub frames_sent: u64,
    /// Frames of ours whose whole arrival at the other side was reported to us.
    pub frames_delivered: u64,
    /// Whole frames of the other side's.
    pub frames_received: u64,
    /// Different pictures among them.
    pub distinct_frames: u64,
    /// Messages that named another call or another device: never more than 0.
    pub cross_delivered: u64,
    /// Messages of ours that were refused.
    pub refused: u64,
    /// Touches of ours.
    pub touches_sent: u64,
    /// Touches of the other side's that were applied to our screen.
    pub touches_applied: u64,
    /// Keys of ours.
    pub keys_sent: u64,
    /// Keys of the other side's that were applied to our screen.
    pub keys_applied: u64,
    /// Whether the customer agreed to a frame.
    pub confirmed: bool,
    /// The order's number, as seen on a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Whether the page of the order was handed over.
    pub handed_off: bool,
    /// Whether the expected tone was heard for long enough; true when none was expected.
    pub audio_ok: bool,
    /// Seconds during which it was heard clearly.
    pub audio_heard_s: f64,
    /// Seconds during which anything was heard.
    pub audio_loud_s: f64,
    /// Share of the energy, 0 to 1, in the tone.
    pub audio_share: f64,
    /// RTP packets that we sent.
    pub rtp_sent: u64,
    /// RTP packets that arrived.
    pub rtp_received: u64,
    /// DTMF digits that were heard.
    pub digits_heard: String,
}

impl CallReport {
    /// Notes what was heard.
    pub fn hear(&mut self, heard: &Heard) {
        let audio = &heard.report;
        self.audio_ok = heard.is_ok();
        self.audio_heard_s = rounded(audio.heard_s);
        self.audio_loud_s = rounded(audio.loud_s);
        self.audio_share = rounded(audio.share);
        self.rtp_sent = audio.packets_sent;
        self.rtp_received = audio.packets_received;
        self.digits_heard.clone_from(&audio.digits);
    }

    /// Tells it as the last line of a call.
    pub fn tell(&self, story: &Story) {
        let text = match &self.failure {
            None => format!(
                "all as it should be: {} frames sent, {} received, tone heard for {:.1} s",
                self.frames_sent, self.frames_received, self.audio_heard_s
            ),
            Some(failure) => failure.clone(),
        };
        story.tell(What::Report, text, serde_json::to_value(self).unwrap_or_default());
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Whole milliseconds between two moments.
pub(super) fn millis(from: Instant, to: Instant) -> u64 {
    let span: Duration = to.saturating_duration_since(from);
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
