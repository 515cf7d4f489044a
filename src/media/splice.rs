//! One stream for one pair of ears, whoever speaks: music, then a seat, then perhaps another seat.
//!
//! The first source that a leg hears passes as it is. When another one follows, its packets go out as the continuation
//! of the first: same SSRC, next sequence number, a timestamp as much later as time has passed, and the marker bit
//! (RFC 3551 §4.1). RTCP is translated to match (RFC 3550 §7.2). RFC 3550 §8.2 has receivers take a new SSRC as a new
//! source; phones that do not are common: the jitter buffer of baresip 1.0 keeps the old source's sequence number and
//! from then on drops half of all new sources as "too late", for the rest of the call.

use std::time::Instant;

use super::rtcp::{self, Renaming};
use super::rtp::{Fields, HEADER_LEN};

/// RTP clock ticks in a millisecond: every codec that is relayed runs at 8 kHz (RFC 3551 §4.5).
const TICKS_PER_MS: u128 = 8;
/// The shortest time between two packets of a stream, in ticks: one frame.
const FRAME_TICKS: u32 = 160;
/// Sequence numbers ahead of the latest one by less than this are later ones (RFC 3550 §A.1).
const HALF: u16 = 0x8000;

/// What a leg's far side was sent last, and who spoke.
#[derive(Debug, Default)]
pub(super) struct Splice {
    outgoing: Option<Outgoing>,
}

#[derive(Debug)]
struct Outgoing {
    ssrc: u32,
    /// The latest packet, as it went out.
    sequence: u16,
    timestamp: u32,
    at: Instant,
    /// The present source, and what is added to its numbers.
    source: u32,
    sequence_shift: u16,
    timestamp_shift: u32,
}

impl Splice {
    /// Makes a sound RTP packet one of the leg's stream.
    pub(super) fn rtp(&mut self, packet: &mut [u8], now: Instant) {
        let Some(header) = packet.first_chunk_mut::<HEADER_LEN>() else { return };
        let fields = Fields::read(header);
        let Some(outgoing) = &mut self.outgoing else {
            self.outgoing = Some(Outgoing::first(fields, now));
            return;
        };
        if fields.ssrc != outgoing.source {
            outgoing.follow(fields, now);
            header[1] |= 0x80;
        }
        let sequence = fields.sequence.wrapping_add(outgoing.sequence_shift);
        let timestamp = fields.timestamp.wrapping_add(outgoing.timestamp_shift);
        if sequence.wrapping_sub(outgoing.sequence) < HALF {
            (outgoing.sequence, outgoing.timestamp, outgoing.at) = (sequence, timestamp, now);
        }
        if !outgoing.is_untouched() {
            Fields { sequence, timestamp, ssrc: outgoing.ssrc }.write(header);
        }
    }

    /// Translates reports that go to the leg: they are by the present source.
    pub(super) fn rtcp_to(&self, compound: &mut [u8]) {
        if let Some(renaming) = self.renaming() {
            rtcp::rename_sender(compound, renaming);
        }
    }

    /// Translates reports that come from the leg's far side: they are about the stream that it hears.
    pub(super) fn rtcp_from(&self, compound: &mut [u8]) {
        if let Some(renaming) = self.renaming() {
            rtcp::rename_heard(compound, renaming);
        }
    }

    fn renaming(&self) -> Option<Renaming> {
        let outgoing = self.outgoing.as_ref().filter(|outgoing| !outgoing.is_untouched())?;
        Some(Renaming {
            inside: outgoing.source,
            outside: outgoing.ssrc,
            sequence_shift: outgoing.sequence_shift,
            timestamp_shift: outgoing.timestamp_shift,
        })
    }
}

impl Outgoing {
    fn first(fields: Fields, now: Instant) -> Outgoing {
        let Fields { ssrc, sequence, timestamp } = fields;
        Outgoing { ssrc, sequence, timestamp, at: now, source: ssrc, sequence_shift: 0, timestamp_shift: 0 }
    }

    /// Another source speaks from here on.
    fn follow(&mut self, fields: Fields, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_millis().saturating_mul(TICKS_PER_MS);
        let passed = u32::try_from(passed).unwrap_or(u32::MAX).max(FRAME_TICKS);
        self.source = fields.ssrc;
        self.sequence_shift = self.sequence.wrapping_add(1).wrapping_sub(fields.sequence);
        self.timestamp_shift = self.timestamp.wrapping_add(passed).wrapping_sub(fields.timestamp);
    }

    fn is_untouched(&self) -> bool {
        self.source == self.ssrc && self.sequence_shift == 0 && self.timestamp_shift == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::rtcp::{SenderInfo, reports, sender_report};
    use crate::media::rtp::{Packet, Stream};
    use std::time::Duration;

    fn packet(stream: &mut Stream) -> Vec<u8> {
        let mut out = vec![0; HEADER_LEN + 160];
        stream.packet(8, &[0xd5; 160], 160, &mut out).unwrap();
        out
    }

    /// Marker, sequence, timestamp, SSRC as the far side gets them.
    fn heard(splice: &mut Splice, stream: &mut Stream, now: Instant) -> (bool, u16, u32, u32) {
        let mut octets = packet(stream);
        splice.rtp(&mut octets, now);
        let packet = Packet::parse(&octets).unwrap();
        assert_eq!((packet.payload_type(), packet.payload()), (8, &[0xd5; 160][..]));
        (packet.marker(), packet.sequence(), packet.timestamp(), packet.ssrc())
    }

    #[test]
    fn the_first_source_passes_untouched() {
        let (mut splice, mut stream, now) = (Splice::default(), Stream::new(7, 65_535, u32::MAX), Instant::now());
        assert_eq!(heard(&mut splice, &mut stream, now), (true, 65_535, u32::MAX, 7));
        assert_eq!(heard(&mut splice, &mut stream, now), (false, 0, 159, 7));
        let mut report = sender_report(7, INFO, "a");
        splice.rtcp_to(&mut report);
        assert_eq!(report, sender_report(7, INFO, "a"));
    }

    #[test]
    fn whoever_follows_continues_the_first_stream() {
        let now = Instant::now();
        let mut splice = Splice::default();
        heard(&mut splice, &mut Stream::new(7, 50_000, 1_000), now);
        // Behind in sequence and time, which is where receivers stumble.
        let mut seat = Stream::new(8, 49_000, 500);
        let later = now + Duration::from_millis(100);
        assert_eq!(heard(&mut splice, &mut seat, later), (true, 50_001, 1_800, 7));
        assert_eq!(heard(&mut splice, &mut seat, later), (false, 50_002, 1_960, 7));
        // At the very same moment: a frame later all the same. And back to the one before.
        assert_eq!(heard(&mut splice, &mut Stream::new(7, 9, 9), later), (true, 50_003, 2_120, 7));
    }

    #[test]
    fn a_gap_and_a_late_packet_stay_what_they_are() {
        let now = Instant::now();
        let mut splice = Splice::default();
        heard(&mut splice, &mut Stream::new(7, 10, 0), now);
        heard(&mut splice, &mut Stream::new(8, 100, 0), now);
        assert_eq!(heard(&mut splice, &mut Stream::new(8, 105, 800), now).1, 16);
        assert_eq!(heard(&mut splice, &mut Stream::new(8, 103, 480), now).1, 14);
        // The next source follows the latest, not the late one.
        assert_eq!(heard(&mut splice, &mut Stream::new(9, 0, 0), now), (true, 17, 160 + 800 + 160, 7));
    }

    const INFO: SenderInfo = SenderInfo { ntp: 1, rtp_timestamp: 500, packets: 3, octets: 4 };

    #[test]
    fn reports_speak_of_the_stream_that_is_heard() {
        let now = Instant::now();
        let mut splice = Splice::default();
        heard(&mut splice, &mut Stream::new(7, 50_000, 1_000), now);
        heard(&mut splice, &mut Stream::new(8, 49_000, 500), now);
        let mut report = sender_report(8, INFO, "seat");
        splice.rtcp_to(&mut report);
        let expected = SenderInfo { rtp_timestamp: 1_160, ..INFO };
        assert_eq!(report, sender_report(7, expected, "seat"), "sender report and CNAME chunk");
        // The far side has 50,001 as the highest number of 7: to the source that is its own 49,000.
        let mut about = vec![0x81, 201, 0, 7, 0, 0, 0, 1];
        [7u32, 0, 50_001, 4, 5, 6].iter().for_each(|word| about.extend(word.to_be_bytes()));
        splice.rtcp_from(&mut about);
        let block = reports(&about).next().unwrap().blocks[0];
        assert_eq!((block.ssrc, block.highest_sequence & 0xffff, block.jitter), (8, 49_000, 4));
    }
}
