//! Telephone events: digits in RTP (RFC 4733), with payload format `telephone-event`.
//!
//! One key press is many packets with one timestamp. [`DigitReceiver`] tells it once, [`DigitSender`] makes the packets.

/// Events are sent and repeated at this packet time, in timestamp units at 8 kHz: 20 ms.
const STEP: u16 = super::FRAME_SAMPLES as u16;
/// The last packet of an event is sent three times in all (RFC 4733 §2.5.1.4).
const FINAL_PACKETS: u8 = 3;
const DIGITS: &[u8; 16] = b"0123456789*#ABCD";

/// The payload of one packet (RFC 4733 §2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TelephoneEvent {
    /// 0 to 15 are the DTMF digits (RFC 4733 §3.2).
    pub event: u8,
    /// The event has ended.
    pub end: bool,
    /// Power level in −dBm0, 0 to 63.
    pub volume: u8,
    /// How long the event has lasted so far, in timestamp units.
    pub duration: u16,
}

impl TelephoneEvent {
    /// Reads the first event of a payload. `None` if there are fewer than four octets.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let [event, flags, high, low, ..] = *payload else { return None };
        let duration = u16::from_be_bytes([high, low]);
        Some(Self { event, end: flags & 0x80 != 0, volume: flags & 0x3f, duration })
    }

    /// The four octets of the payload.
    pub fn encode(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.event, u8::from(self.end) << 7 | self.volume & 0x3f, high, low]
    }

    /// The digit, if the event is one.
    pub fn digit(self) -> Option<char> {
        DIGITS.get(usize::from(self.event)).map(|digit| char::from(*digit))
    }
}

/// The event code of a digit: 0–9, `*`, `#`, A–D.
pub fn event_of(digit: char) -> Option<u8> {
    DIGITS.iter().position(|known| char::from(*known) == digit.to_ascii_uppercase()).map(|event| event as u8)
}

/// Turns event packets into digits, each once.
#[derive(Clone, Default, Debug)]
pub struct DigitReceiver {
    current: Option<Current>,
}

#[derive(Clone, Copy, Debug)]
struct Current {
    ssrc: u32,
    timestamp: u32,
    event: u8,
    ended: bool,
}

impl DigitReceiver {
    /// Takes one packet. Gives the digit at the first packet of its press, so a lost end does not lose it, and any one
    /// of the packets is enough.
    pub fn receive(&mut self, ssrc: u32, timestamp: u32, payload: &[u8]) -> Option<char> {
        let event = TelephoneEvent::decode(payload)?;
        let known = match &mut self.current {
            Some(current) if current.ssrc == ssrc => current.absorbs(timestamp, event),
            _ => false,
        };
        if known {
            return None;
        }
        self.current = Some(Current { ssrc, timestamp, event: event.event, ended: event.end });
        event.digit()
    }
}

impl Current {
    /// Whether a packet belongs to a press that was told already: this one, or an earlier one that comes late.
    fn absorbs(&mut self, timestamp: u32, event: TelephoneEvent) -> bool {
        let ahead = timestamp.wrapping_sub(self.timestamp);
        // A press longer than 0xFFFF goes on as a new segment that starts where the last ended (RFC 4733 §2.5.1.3).
        let next_segment = ahead == u32::from(u16::MAX) && event.event == self.event && !self.ended;
        if next_segment {
            self.timestamp = timestamp;
        }
        if ahead == 0 || next_segment {
            self.ended |= event.end;
            return true;
        }
        ahead > u32::MAX / 2
    }
}

/// One packet to send for a digit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DigitPacket {
    /// Set on the first packet of a press (RFC 4733 §2.2.2).
    pub marker: bool,
    /// The payload.
    pub payload: [u8; 4],
}

/// Makes the packets of one key press, one every 20 ms, all with the timestamp at which the press began.
#[derive(Clone, Debug)]
pub struct DigitSender {
    event: u8,
    elapsed: u16,
    length: u16,
    finals: u8,
}

impl DigitSender {
    /// A press of `digit` that lasts `frames` × 20 ms. `None` if it is no digit.
    pub fn new(digit: char, frames: u8) -> Option<Self> {
        Some(Self { event: event_of(digit)?, elapsed: 0, length: u16::from(frames.max(1)) * STEP, finals: 0 })
    }

    /// The packet for the next 20 ms; `None` once the press has been sent.
    pub fn next_packet(&mut self) -> Option<DigitPacket> {
        if self.finals == FINAL_PACKETS {
            return None;
        }
        let marker = self.elapsed == 0;
        self.elapsed = self.length.min(self.elapsed + STEP);
        let end = self.elapsed == self.length;
        self.finals += u8::from(end);
        let payload = TelephoneEvent { event: self.event, end, volume: 10, duration: self.elapsed }.encode();
        Some(DigitPacket { marker, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn press(digit: char) -> Vec<DigitPacket> {
        let mut sender = DigitSender::new(digit, 5).unwrap();
        std::iter::from_fn(|| sender.next_packet()).collect()
    }

    #[test]
    fn a_press_is_marked_once_and_ended_three_times() {
        let packets = press('#');
        let events: Vec<_> = packets.iter().map(|packet| TelephoneEvent::decode(&packet.payload).unwrap()).collect();
        assert_eq!(
            packets.iter().map(|packet| packet.marker).collect::<Vec<_>>(),
            [true, false, false, false, false, false, false]
        );
        assert_eq!(events.iter().map(|event| event.duration).collect::<Vec<_>>(), [160, 320, 480, 640, 800, 800, 800]);
        assert_eq!(events.iter().filter(|event| event.end).count(), 3);
        assert!(events.iter().all(|event| event.digit() == Some('#')));
    }

    #[test]
    fn every_digit_has_its_code() {
        for (code, digit) in DIGITS.iter().enumerate() {
            assert_eq!(event_of(char::from(*digit)), Some(code as u8));
        }
        assert_eq!((event_of('a'), event_of('x'), event_of('é')), (Some(12), None, None));
    }

    #[test]
    fn a_press_is_told_once_and_a_repeated_digit_twice() {
        let mut receiver = DigitReceiver::default();
        let mut heard = String::new();
        for timestamp in [1_000, 3_000] {
            heard.extend(press('5').iter().filter_map(|packet| receiver.receive(1, timestamp, &packet.payload)));
        }
        assert_eq!(heard, "55");
    }

    #[test]
    fn any_one_packet_is_enough_and_late_ones_are_not_new() {
        let mut receiver = DigitReceiver::default();
        assert_eq!(receiver.receive(1, 1_000, &press('1')[6].payload), Some('1'));
        assert_eq!(receiver.receive(1, 2_000, &press('2')[0].payload), Some('2'));
        assert_eq!(receiver.receive(1, 1_000, &press('1')[3].payload), None);
        assert_eq!(receiver.receive(1, 2_000, &press('2')[1].payload), None);
    }

    #[test]
    fn a_new_source_is_a_new_press() {
        let mut receiver = DigitReceiver::default();
        assert_eq!(receiver.receive(1, 9_000, &press('1')[0].payload), Some('1'));
        assert_eq!(receiver.receive(2, 100, &press('1')[0].payload), Some('1'));
    }

    #[test]
    fn a_very_long_press_is_one_digit() {
        let payload = |end| TelephoneEvent { event: 7, end, volume: 10, duration: u16::MAX }.encode();
        let mut receiver = DigitReceiver::default();
        let at = u32::MAX - 5;
        assert_eq!(receiver.receive(1, at, &payload(false)), Some('7'));
        assert_eq!(receiver.receive(1, at.wrapping_add(0xffff), &payload(false)), None);
        assert_eq!(receiver.receive(1, at.wrapping_add(2 * 0xffff), &payload(true)), None);
        assert_eq!(receiver.receive(1, at.wrapping_add(3 * 0xffff), &payload(false)), Some('7'));
    }

    #[test]
    fn other_events_are_no_digits() {
        let flash = TelephoneEvent { event: 16, end: false, volume: 0, duration: 1 }.encode();
        assert_eq!(DigitReceiver::default().receive(1, 1, &flash), None);
        assert_eq!(DigitReceiver::default().receive(1, 1, &[1, 2, 3]), None);
    }

    proptest! {
        #[test]
        fn octets_survive_the_round_trip(octets in any::<[u8; 4]>()) {
            let mut expected = octets;
            expected[1] &= 0xbf; // the reserved bit is sent as zero
            prop_assert_eq!(TelephoneEvent::decode(&octets).unwrap().encode(), expected);
        }
    }
}
