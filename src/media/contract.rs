//! What the signalling driver and the media workers say to each other.
//!
//! Plain values: nothing here owns a socket, so the whole signalling side can be tested without one.

use std::net::SocketAddr;

/// Names one leg of one call towards the media plane. Never reused.
///
/// The upper 56 bits name the call, the lower 8 the leg within it: legs that may ever be bridged share `id.0 >> 8`,
/// which is also what picks their worker thread.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MediaLegId(pub u64);

impl MediaLegId {
    /// Leg `leg` of call `call` (the lower 56 bits of it).
    pub fn new(call: u64, leg: u8) -> Self {
        Self(call << 8 | u64::from(leg))
    }

    /// The worker, of `workers`, that owns this leg and every leg it can be bridged with.
    pub fn worker(self, workers: usize) -> usize {
        ((self.0 >> 8) % workers.max(1) as u64) as usize
    }
}

/// Names a recording or melody that can be played to a leg.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PromptId(pub u16);

impl PromptId {
    /// The music for callers who wait.
    pub const MUSIC: PromptId = PromptId(0);
}

/// An audio codec that we can produce and understand ourselves. What is only relayed needs no entry here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AudioCodec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

impl AudioCodec {
    /// Every codec, in the order of our preference.
    pub const ALL: [AudioCodec; 2] = [AudioCodec::Pcma, AudioCodec::Pcmu];

    /// The static payload type (RFC 3551 §6, table 4).
    pub fn payload_type(self) -> u8 {
        match self {
            AudioCodec::Pcmu => 0,
            AudioCodec::Pcma => 8,
        }
    }

    /// The encoding name of an `a=rtpmap` line (RFC 3551 §6, table 4).
    pub fn name(self) -> &'static str {
        match self {
            AudioCodec::Pcmu => "PCMU",
            AudioCodec::Pcma => "PCMA",
        }
    }

    /// The codec with this encoding name, in any case (RFC 4855 §3: media subtype names are case-insensitive).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    }
}

/// An order to the media workers. Orders for one call are carried out in the order in which they were given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MediaCommand {
    /// Bind `port` (even: RTP) and `port + 1` (RTCP) on the media address. Failure is told by [`MediaEvent::OpenFailed`].
    Open { leg: MediaLegId, port: u16 },
    /// Where the session description says that the far side receives. Re-opens the latch. An unspecified address or
    /// port 0 means "send nothing" (held the RFC 2543 way, RFC 3264 §8.4).
    Remote { leg: MediaLegId, rtp: SocketAddr, rtcp: SocketAddr },
    /// Relay between the two legs, both ways. Ends whatever either was bridged to or was listening to.
    Bridge { a: MediaLegId, b: MediaLegId },
    /// Stop relaying between the two. Nothing happens if they are not bridged with each other.
    Unbridge { a: MediaLegId, b: MediaLegId },
    /// Play a prompt to a leg that is not bridged, again and again until [`MediaCommand::StopPlay`].
    Play { leg: MediaLegId, prompt: PromptId, codec: AudioCodec, payload_type: u8 },
    /// End the prompt.
    StopPlay { leg: MediaLegId },
    /// Release sockets and memory of the leg. Answered by [`MediaEvent::Closed`].
    Close { leg: MediaLegId },
}

/// What the media workers report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MediaEvent {
    /// The ports could not be bound; the leg does not exist. The port belongs in quarantine.
    OpenFailed { leg: MediaLegId, reason: String },
    /// The first valid RTP packet has arrived on the leg.
    FirstPacket { leg: MediaLegId },
    /// Nothing valid (RTP or RTCP) has arrived for the configured time. Told once per silence.
    Dead { leg: MediaLegId },
    /// The leg is closed: its ports are free again and this is its account.
    Closed { leg: MediaLegId, stats: LegStats },
}

/// The account of one leg: what came in from its far side and what was sent to it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct LegStats {
    /// Valid RTP packets received from the latched source.
    pub packets_in: u64,
    /// RTP packets sent to the far side, relayed or our own.
    pub packets_out: u64,
    /// Octets of `packets_in`, RTP headers included, UDP headers not.
    pub octets_in: u64,
    /// Octets of `packets_out`, counted alike.
    pub octets_out: u64,
    /// Packets, of RTP or RTCP, from another source than the latched one, or more of them than any voice needs
    /// ([`MAX_RATE`](super::relay::MAX_RATE)).
    pub dropped_source: u64,
    /// Datagrams that are no valid RTP or RTCP, or larger than any media packet.
    pub dropped_malformed: u64,
    /// Valid RTCP packets received.
    pub rtcp_in: u64,
    /// RTCP packets sent to the far side.
    pub rtcp_out: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legs_of_one_call_share_a_worker() {
        for workers in 1..5 {
            let a = MediaLegId::new(77, 0).worker(workers);
            assert!((1..=255).all(|leg| MediaLegId::new(77, leg).worker(workers) == a));
            assert!(a < workers);
        }
        assert_ne!(MediaLegId::new(1, 0).worker(2), MediaLegId::new(2, 0).worker(2));
    }

    #[test]
    fn no_workers_is_no_division_by_zero() {
        assert_eq!(MediaLegId::new(1, 0).worker(0), 0);
    }

    #[test]
    fn codec_names_ignore_case() {
        assert_eq!(AudioCodec::from_name("pcmu"), Some(AudioCodec::Pcmu));
        assert_eq!(AudioCodec::from_name("PCMA"), Some(AudioCodec::Pcma));
        assert_eq!(AudioCodec::from_name("opus"), None);
    }
}
