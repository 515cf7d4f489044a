//! RTP packets (RFC 3550 §5): telling them from RTCP, checking, reading and writing them. The only importer of `rtp-rs`.
//!
//! Nothing here allocates: [`classify`] and [`Packet::parse`] look at the caller's octets, [`Stream`] writes into the
//! caller's buffer.

use rtp_rs::{RtpPacketBuilder, RtpReader, RtpReaderError, Seq};
use thiserror::Error;

use super::rtcp;

/// Octets of an RTP header without contributing sources or extension (RFC 3550 §5.1).
pub const HEADER_LEN: usize = 12;

/// What is wrong with a datagram. Always the sender's fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Malformed {
    /// Too short for the header it starts, or for what the header announces.
    #[error("truncated")]
    Truncated,
    /// Not version 2: STUN, DTLS (RFC 7983 §7), or noise.
    #[error("not RTP version 2")]
    Version,
    /// The padding count is zero or exceeds the payload (RFC 3550 §5.1).
    #[error("impossible padding")]
    Padding,
    /// The lengths of an RTCP compound packet do not add up (RFC 3550 §A.2).
    #[error("RTCP lengths do not add up")]
    Compound,
}

/// What a datagram on a media socket is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An RTP packet.
    Rtp,
    /// A compound (or reduced-size, RFC 5506) RTCP packet.
    Rtcp,
}

/// Tells RTP from RTCP by the second octet (RFC 5761 §4: 192–223 is RTCP) and checks that the whole packet is sound.
pub fn classify(datagram: &[u8]) -> Result<Kind, Malformed> {
    match datagram {
        [first, ..] if first >> 6 != 2 => Err(Malformed::Version),
        [_, 192..=223, ..] => rtcp::check(datagram).map(|()| Kind::Rtcp),
        _ => Packet::parse(datagram).map(|_| Kind::Rtp),
    }
}

/// What a datagram is that [`classify`] found sound.
pub(super) fn kind(datagram: &[u8]) -> Kind {
    match datagram {
        [_, 192..=223, ..] => Kind::Rtcp,
        _ => Kind::Rtp,
    }
}

/// A sound RTP packet, read in place.
#[derive(Debug)]
pub struct Packet<'a>(RtpReader<'a>);

impl<'a> Packet<'a> {
    /// Checks version, lengths of contributing sources and extension, and padding.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Malformed> {
        RtpReader::new(datagram).map(Self).map_err(|error| match error {
            RtpReaderError::UnsupportedVersion(_) => Malformed::Version,
            RtpReaderError::BufferTooShort(_) | RtpReaderError::HeadersTruncated { .. } => Malformed::Truncated,
            RtpReaderError::PaddingLengthInvalid(_) => Malformed::Padding,
        })
    }

    /// The payload type, 0 to 127.
    pub fn payload_type(&self) -> u8 {
        self.0.payload_type()
    }

    /// The marker bit: for audio, the first packet after a silence (RFC 3551 §4.1).
    pub fn marker(&self) -> bool {
        self.0.mark()
    }

    /// The sequence number.
    pub fn sequence(&self) -> u16 {
        self.0.sequence_number().into()
    }

    /// The timestamp, in units of the payload's clock.
    pub fn timestamp(&self) -> u32 {
        self.0.timestamp()
    }

    /// The synchronisation source.
    pub fn ssrc(&self) -> u32 {
        self.0.ssrc()
    }

    /// The payload without padding.
    pub fn payload(&self) -> &'a [u8] {
        self.0.payload()
    }
}

/// What tells packets of a stream apart, where it stands in the header (RFC 3550 §5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fields {
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
}

impl Fields {
    /// Reads them.
    pub(super) fn read(header: &[u8; HEADER_LEN]) -> Fields {
        let [_, _, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *header;
        Fields {
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        }
    }

    /// Writes them.
    pub(super) fn write(self, header: &mut [u8; HEADER_LEN]) {
        header[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        header[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        header[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
    }
}

/// One RTP stream of our own: a synchronisation source with its running sequence number and timestamp.
///
/// The three start values must be random (RFC 3550 §5.1), so they come from the shell's generator.
#[derive(Clone, Debug)]
pub struct Stream {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    marker: bool,
}

impl Stream {
    /// A stream whose first packet carries `sequence`, `timestamp` and the marker bit.
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self { ssrc, sequence, timestamp, marker: true }
    }

    /// The synchronisation source.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The timestamp of the next packet.
    pub fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// Writes the next packet of sound and moves on by `samples`. Returns the length of the packet, or `None` when it
    /// does not fit or `payload_type` is above 127.
    pub fn packet(&mut self, payload_type: u8, payload: &[u8], samples: u32, out: &mut [u8]) -> Option<usize> {
        let (marker, timestamp) = (self.marker, self.timestamp);
        let len = self.packet_at(payload_type, marker, timestamp, payload, out)?;
        self.marker = false;
        self.advance(samples);
        Some(len)
    }

    /// Writes a packet with a marker and timestamp of the caller's choosing (an event lasts while its timestamp
    /// stands still, RFC 4733 §2.2.1). Only the sequence number moves on.
    pub fn packet_at(
        &mut self,
        payload_type: u8,
        marker: bool,
        timestamp: u32,
        payload: &[u8],
        out: &mut [u8],
    ) -> Option<usize> {
        let builder = RtpPacketBuilder::new()
            .payload_type(payload_type)
            .marked(marker)
            .sequence(Seq::from(self.sequence))
            .timestamp(timestamp)
            .ssrc(self.ssrc)
            .payload(payload);
        let len = builder.build_into(out).ok()?;
        self.sequence = self.sequence.wrapping_add(1);
        Some(len)
    }

    /// Lets time pass without a packet: a silence of `samples`.
    pub fn advance(&mut self, samples: u32) {
        self.timestamp = self.timestamp.wrapping_add(samples);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(payload: &[u8]) -> Vec<u8> {
        let mut out = vec![0; HEADER_LEN + payload.len()];
        let len = Stream::new(0xdead_beef, 7, 160).packet(8, payload, 160, &mut out);
        assert_eq!(len, Some(out.len()));
        out
    }

    #[test]
    fn reads_what_it_writes() {
        let octets = packet(&[1, 2, 3]);
        let read = Packet::parse(&octets).unwrap();
        assert_eq!((read.payload_type(), read.marker(), read.sequence()), (8, true, 7));
        assert_eq!((read.timestamp(), read.ssrc(), read.payload()), (160, 0xdead_beef, &[1, 2, 3][..]));
    }

    #[test]
    fn sequence_and_timestamp_wrap() {
        let mut stream = Stream::new(1, u16::MAX, u32::MAX - 159);
        let mut out = [0; 64];
        let len = stream.packet(0, &[0], 160, &mut out).unwrap();
        assert!(Packet::parse(&out[..len]).unwrap().marker());
        let len = stream.packet(0, &[0], 160, &mut out).unwrap();
        let read = Packet::parse(&out[..len]).unwrap();
        assert_eq!((read.sequence(), read.timestamp(), read.marker()), (0, 0, false));
    }

    #[test]
    fn a_packet_that_does_not_fit_is_not_written() {
        let mut stream = Stream::new(1, 1, 1);
        assert_eq!(stream.packet(0, &[0; 160], 160, &mut [0; 171]), None);
        assert_eq!(stream.packet(128, &[0; 1], 160, &mut [0; 171]), None);
        assert_eq!(stream.timestamp(), 1);
    }

    #[test]
    fn refuses_what_the_header_does_not_cover() {
        let sound = packet(&[9; 8]);
        let with = |index: usize, value: u8| {
            let mut octets = sound.clone();
            octets[index] = value;
            classify(&octets)
        };
        assert_eq!(classify(&sound), Ok(Kind::Rtp));
        assert_eq!(classify(&sound[..11]), Err(Malformed::Truncated));
        assert_eq!(classify(&[]), Err(Malformed::Truncated));
        assert_eq!(with(0, 0x00), Err(Malformed::Version)); // STUN
        assert_eq!(with(0, 0x16), Err(Malformed::Version)); // DTLS
        assert_eq!(with(0, 0x82), Ok(Kind::Rtp)); // two contributing sources: exactly the eight octets
        assert_eq!(with(0, 0x83), Err(Malformed::Truncated));
        assert_eq!(with(0, 0x90), Err(Malformed::Truncated)); // an extension of 0x0909 words
        assert_eq!(with(0, 0xa0), Err(Malformed::Padding)); // nine octets of padding in eight
    }

    #[test]
    fn padding_is_not_payload() {
        let mut octets = packet(&[1, 2, 0, 2]);
        octets[0] |= 0x20;
        assert_eq!(Packet::parse(&octets).unwrap().payload(), [1, 2]);
        octets[15] = 0;
        assert_eq!(classify(&octets), Err(Malformed::Padding));
    }

    #[test]
    fn an_empty_payload_is_legal() {
        assert_eq!(classify(&packet(&[])), Ok(Kind::Rtp));
    }

    proptest! {
        #[test]
        fn no_octets_panic(mut octets in proptest::collection::vec(any::<u8>(), 0..80), version in any::<bool>()) {
            if version && let Some(first) = octets.first_mut() {
                *first = *first & 0x3f | 0x80;
            }
            if let Ok(Kind::Rtp) = classify(&octets) {
                let packet = Packet::parse(&octets).unwrap();
                prop_assert!(packet.payload().len() + HEADER_LEN <= octets.len());
            }
        }
    }
}
