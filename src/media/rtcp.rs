//! RTCP (RFC 3550 §6): checking compound packets, reading sender and receiver reports, writing a sender report.

use super::rtp::Malformed;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
const BLOCK_LEN: usize = 24;

/// Checks that `datagram` is a chain of RTCP packets whose lengths add up (RFC 3550 §A.2).
///
/// The first packet may be of any type, for reduced-size RTCP (RFC 5506) is fine to forward.
pub fn check(datagram: &[u8]) -> Result<(), Malformed> {
    let mut rest = datagram;
    loop {
        let (packet, tail) = split(rest)?;
        // Only the last packet of a compound may be padded, by whole words (RFC 3550 §6.4.1).
        if packet[0] & 0x20 != 0 {
            let padding = usize::from(packet[packet.len() - 1]);
            if !tail.is_empty() || padding == 0 || padding % 4 != 0 || padding > packet.len() - 4 {
                return Err(Malformed::Padding);
            }
        }
        if tail.is_empty() {
            return Ok(());
        }
        rest = tail;
    }
}

/// Cuts the first packet of a compound off; it has at least its four octets of header.
fn split(compound: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let [first, kind, high, low, ..] = *compound else { return Err(Malformed::Truncated) };
    if first >> 6 != 2 {
        return Err(Malformed::Version);
    }
    let len = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
    match (kind, compound.split_at_checked(len)) {
        (192..=223, Some(parts)) => Ok(parts),
        _ => Err(Malformed::Compound),
    }
}

/// A sender or receiver report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Who reports.
    pub ssrc: u32,
    /// What the reporter itself has sent; `None` in a receiver report.
    pub sender: Option<SenderInfo>,
    /// What the reporter has received, one block for each source (at most 31).
    pub blocks: Vec<ReportBlock>,
}

/// The sender's part of a sender report (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderInfo {
    /// Wall clock: seconds since 1900 in the upper, their fraction in the lower 32 bits.
    pub ntp: u64,
    /// The same instant on the stream's clock.
    pub rtp_timestamp: u32,
    /// Packets sent since the stream began.
    pub packets: u32,
    /// Payload octets sent since the stream began.
    pub octets: u32,
}

/// How one source is received (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Share lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; negative when duplicates outnumber losses.
    pub cumulative_lost: i32,
    /// Highest sequence number with its cycles in the upper 16 bits.
    pub highest_sequence: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// The middle 32 bits of the last sender report's NTP time; 0 if none came.
    pub last_sr: u32,
    /// Delay since that report in 1/65536 s.
    pub delay_since_last_sr: u32,
}

/// The reports of a compound packet. Ends at the first packet that is not sound.
pub fn reports(compound: &[u8]) -> impl Iterator<Item = Report> + '_ {
    let mut rest = compound;
    std::iter::from_fn(move || {
        let (packet, tail) = split(rest).ok()?;
        rest = tail;
        Some(packet)
    })
    .filter_map(report)
}

fn report(packet: &[u8]) -> Option<Report> {
    let count = usize::from(packet[0] & 0x1f);
    let (sender, blocks) = match packet[1] {
        SENDER_REPORT => {
            let high = word(packet, 8)?;
            let low = word(packet, 12)?;
            let info = SenderInfo {
                ntp: u64::from(high) << 32 | u64::from(low),
                rtp_timestamp: word(packet, 16)?,
                packets: word(packet, 20)?,
                octets: word(packet, 24)?,
            };
            (Some(info), packet.get(28..)?)
        }
        RECEIVER_REPORT => (None, packet.get(8..)?),
        _ => return None,
    };
    let blocks = blocks.get(..count * BLOCK_LEN)?.chunks_exact(BLOCK_LEN).filter_map(block).collect();
    Some(Report { ssrc: word(packet, 4)?, sender, blocks })
}

fn block(octets: &[u8]) -> Option<ReportBlock> {
    let lost = word(octets, 4)?;
    Some(ReportBlock {
        ssrc: word(octets, 0)?,
        fraction_lost: (lost >> 24) as u8,
        cumulative_lost: (lost << 8) as i32 >> 8,
        highest_sequence: word(octets, 8)?,
        jitter: word(octets, 12)?,
        last_sr: word(octets, 16)?,
        delay_since_last_sr: word(octets, 20)?,
    })
}

fn word(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

/// One source under two names: what it calls itself, and what its packets are made into on the way to the far side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Renaming {
    pub(super) inside: u32,
    pub(super) outside: u32,
    /// Added to its sequence numbers on the way out.
    pub(super) sequence_shift: u16,
    /// Added to its timestamps on the way out.
    pub(super) timestamp_shift: u32,
}

/// Translates what the source itself reports, on its way out: sender report, source description, BYE (RFC 3550 §7.2).
pub(super) fn rename_sender(compound: &mut [u8], renaming: Renaming) {
    each(compound, |packet| {
        let kind = packet[1];
        if matches!(kind, SENDER_REPORT | RECEIVER_REPORT | SOURCE_DESCRIPTION | BYE)
            && word(packet, 4) == Some(renaming.inside)
        {
            set_word(packet, 4, renaming.outside);
            if let (SENDER_REPORT, Some(timestamp)) = (kind, word(packet, 16)) {
                set_word(packet, 16, timestamp.wrapping_add(renaming.timestamp_shift));
            }
        }
    });
}

/// Translates what the far side reports about the source, on its way in: the blocks of its reports.
pub(super) fn rename_heard(compound: &mut [u8], renaming: Renaming) {
    each(compound, |packet| {
        let first = match packet[1] {
            SENDER_REPORT => 28,
            RECEIVER_REPORT => 8,
            _ => return,
        };
        for index in 0..usize::from(packet[0] & 0x1f) {
            let at = first + index * BLOCK_LEN;
            if word(packet, at) != Some(renaming.outside) {
                continue;
            }
            set_word(packet, at, renaming.inside);
            if let Some(highest) = word(packet, at + 8) {
                // The cycles are the far side's count and mean little to anybody else.
                let sequence = (highest as u16).wrapping_sub(renaming.sequence_shift);
                set_word(packet, at + 8, highest & 0xffff_0000 | u32::from(sequence));
            }
        }
    });
}

/// Every packet of a sound compound, to be changed in place.
fn each(compound: &mut [u8], mut change: impl FnMut(&mut [u8])) {
    let mut start = 0;
    while let Ok((packet, _)) = split(&compound[start..]) {
        let end = start + packet.len();
        change(&mut compound[start..end]);
        start = end;
    }
}

fn set_word(octets: &mut [u8], at: usize, word: u32) {
    if let Some(place) = octets.get_mut(at..at + 4) {
        place.copy_from_slice(&word.to_be_bytes());
    }
}

/// A compound of a sender report without blocks and the CNAME that must go with it (RFC 3550 §6.1).
///
/// `cname` is cut at 255 octets (RFC 3550 §6.5).
pub fn sender_report(ssrc: u32, info: SenderInfo, cname: &str) -> Vec<u8> {
    let cname = &cname.as_bytes()[..cname.len().min(255)];
    let mut out = vec![0x80, SENDER_REPORT, 0, 6];
    out.extend(ssrc.to_be_bytes());
    out.extend(info.ntp.to_be_bytes());
    [info.rtp_timestamp, info.packets, info.octets].iter().for_each(|word| out.extend(word.to_be_bytes()));
    // One chunk: SSRC, item 1 (CNAME), its length and text, then at least one null to the word boundary.
    let chunk = 4 + 2 + cname.len();
    let padding = 4 - chunk % 4;
    let words = ((chunk + padding) / 4) as u16;
    out.extend([0x81, SOURCE_DESCRIPTION]);
    out.extend(words.to_be_bytes());
    out.extend(ssrc.to_be_bytes());
    out.extend([1, cname.len() as u8]);
    out.extend(cname);
    out.extend(&[0; 4][..padding]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::rtp::{Kind, classify};
    use proptest::prelude::*;

    const INFO: SenderInfo = SenderInfo { ntp: 0x0102_0304_0506_0708, rtp_timestamp: 9, packets: 10, octets: 11 };

    #[test]
    fn a_sender_report_reads_back_whatever_the_name() {
        for cname in ["", "a", "ab", "abc", "abcd", &"x".repeat(300)] {
            let octets = sender_report(77, INFO, cname);
            assert_eq!(classify(&octets), Ok(Kind::Rtcp), "{cname}");
            let read: Vec<_> = reports(&octets).collect();
            assert_eq!(read, [Report { ssrc: 77, sender: Some(INFO), blocks: vec![] }]);
        }
    }

    #[test]
    fn a_receiver_report_gives_its_blocks() {
        let mut octets = vec![0x81, RECEIVER_REPORT, 0, 7, 0, 0, 0, 1];
        octets.extend([0, 0, 0, 2, 64, 0xff, 0xff, 0xfe]);
        [0x1_0003u32, 4, 5, 6].iter().for_each(|word| octets.extend(word.to_be_bytes()));
        let read = reports(&octets).next().unwrap();
        let block = read.blocks[0];
        assert_eq!((read.ssrc, block.ssrc, block.fraction_lost, block.cumulative_lost), (1, 2, 64, -2));
        assert_eq!((block.highest_sequence, block.jitter), (0x1_0003, 4));
        assert_eq!((block.last_sr, block.delay_since_last_sr), (5, 6));
    }

    #[test]
    fn more_blocks_than_octets_is_no_report() {
        assert_eq!(reports(&[0x9f, RECEIVER_REPORT, 0, 1, 0, 0, 0, 1]).count(), 0);
    }

    #[test]
    fn lengths_must_add_up() {
        let sound = sender_report(1, INFO, "cname");
        assert_eq!(check(&sound), Ok(()));
        assert_eq!(check(&sound[..sound.len() - 4]), Err(Malformed::Compound));
        assert_eq!(check(&sound[..30]), Err(Malformed::Truncated));
        let mut trailing = sound.clone();
        trailing.extend([0, 0, 0, 0]);
        assert_eq!(check(&trailing), Err(Malformed::Version));
    }

    #[test]
    fn only_the_last_packet_is_padded() {
        let mut padded = vec![0xa0, RECEIVER_REPORT, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4];
        assert_eq!(check(&padded), Ok(()));
        let mut more = padded.clone();
        more.extend([0x80, RECEIVER_REPORT, 0, 1, 0, 0, 0, 1]);
        assert_eq!(check(&more), Err(Malformed::Padding));
        padded[11] = 12;
        assert_eq!(check(&padded), Err(Malformed::Padding));
    }

    proptest! {
        #[test]
        fn no_octets_panic(mut octets in proptest::collection::vec(any::<u8>(), 0..120)) {
            if octets.len() > 3 {
                (octets[0], octets[1], octets[2], octets[3]) = (octets[0] & 0x3f | 0x80, 200 + octets[1] % 8, 0, octets[3] % 32);
            }
            let _ = check(&octets);
            reports(&octets).for_each(|report| assert!(report.blocks.len() < 32));
            let renaming = Renaming { inside: 1, outside: 2, sequence_shift: 3, timestamp_shift: 4 };
            rename_sender(&mut octets, renaming);
            rename_heard(&mut octets, renaming);
        }
    }
}
