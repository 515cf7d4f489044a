//! RTP payload formats: `a=rtpmap` and `a=fmtp` (RFC 8866 §6.6, §6.15) and the static types of RFC 3551 §6.

use super::{Attribute, Media};

/// Payload types a description may number freely (RFC 3551 §3).
const PAYLOAD_TYPES: u8 = 128;

/// One audio payload format.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Codec {
    /// The RTP payload type, 0–127.
    pub payload_type: u8,
    /// The encoding's name, as written; compared without regard to case.
    pub name: String,
    /// The RTP clock, in Hz. It is 8000 for G.722, which samples at 16000 (RFC 3551 §4.5.2).
    pub clock_rate: u32,
    /// Channels; 1 when nothing is said.
    pub channels: u8,
    /// The value of `a=fmtp` after the payload type.
    pub fmtp: Option<String>,
}

impl Codec {
    /// A codec without parameters, one channel.
    pub fn new(payload_type: u8, name: &str, clock_rate: u32) -> Self {
        Codec { payload_type, name: name.to_owned(), clock_rate, channels: 1, fmtp: None }
    }

    /// G.711 A-law, static type 8.
    pub fn pcma() -> Self {
        Codec::new(8, "PCMA", 8000)
    }

    /// G.711 µ-law, static type 0.
    pub fn pcmu() -> Self {
        Codec::new(0, "PCMU", 8000)
    }

    /// Telephone events 0–16 (DTMF and flash) at 8 kHz (RFC 4733 §2.4.1).
    pub fn telephony_event(payload_type: u8) -> Self {
        Codec { fmtp: Some("0-16".to_owned()), ..Codec::new(payload_type, "telephone-event", 8000) }
    }

    /// Whether this is RFC 4733 telephone events.
    pub fn is_telephony_event(&self) -> bool {
        self.name.eq_ignore_ascii_case("telephone-event")
    }

    /// Whether this is speech: neither telephone events nor comfort noise, which only accompany a codec.
    pub fn is_speech(&self) -> bool {
        !self.is_telephony_event() && !self.name.eq_ignore_ascii_case("CN")
    }

    /// Whether both name the same encoding, whatever their payload types (RFC 3264 §6.1).
    pub fn same_encoding(&self, other: &Codec) -> bool {
        self.name.eq_ignore_ascii_case(&other.name)
            && self.clock_rate == other.clock_rate
            && self.channels == other.channels
    }

    /// The formats of an RTP stream in the order of its `m=` line. A dynamic type without a readable `a=rtpmap`
    /// cannot be known and is left out.
    pub fn list(media: &Media) -> Vec<Codec> {
        let mut codecs: Vec<Codec> = Vec::with_capacity(media.formats.len());
        for format in &media.formats {
            let Some(payload_type) = format.parse::<u8>().ok().filter(|pt| *pt < PAYLOAD_TYPES) else { continue };
            if codecs.iter().any(|codec| codec.payload_type == payload_type) {
                continue;
            }
            let Some(mut codec) = mapped(media, payload_type).or_else(|| well_known(payload_type)) else { continue };
            codec.fmtp = parameter(media, "fmtp", payload_type).map(str::to_owned);
            codecs.push(codec);
        }
        codecs
    }

    /// Adds this format to a stream: its number, `a=rtpmap`, and `a=fmtp` when it has parameters. `rtpmap` is
    /// written for static types too (RFC 3264 §5.1 recommends it).
    pub fn add_to(&self, media: &mut Media) {
        let Codec { payload_type, name, clock_rate, channels, fmtp } = self;
        media.formats.push(payload_type.to_string());
        let suffix = if *channels > 1 { format!("/{channels}") } else { String::new() };
        media.attributes.push(Attribute::new("rtpmap", format!("{payload_type} {name}/{clock_rate}{suffix}")));
        if let Some(fmtp) = fmtp {
            media.attributes.push(Attribute::new("fmtp", format!("{payload_type} {fmtp}")));
        }
    }
}

/// The value of `a=NAME:PT value` for this payload type.
fn parameter<'a>(media: &'a Media, name: &'a str, payload_type: u8) -> Option<&'a str> {
    media.attributes.values(name).find_map(|value| {
        let (number, rest) = value.trim_start().split_once(' ')?;
        (number.parse() == Ok(payload_type)).then(|| rest.trim())
    })
}

fn mapped(media: &Media, payload_type: u8) -> Option<Codec> {
    let mut parts = parameter(media, "rtpmap", payload_type)?.split('/');
    let (name, clock_rate) = (parts.next()?, parts.next()?.parse().ok()?);
    let channels = parts.next().map_or(Some(1), |channels| channels.parse().ok())?;
    (!name.is_empty()).then(|| Codec { channels, ..Codec::new(payload_type, name, clock_rate) })
}

/// The audio types of RFC 3551 §6, table 4.
fn well_known(payload_type: u8) -> Option<Codec> {
    let (name, clock_rate, channels) = match payload_type {
        0 => ("PCMU", 8000, 1),
        3 => ("GSM", 8000, 1),
        4 => ("G723", 8000, 1),
        5 => ("DVI4", 8000, 1),
        6 => ("DVI4", 16000, 1),
        7 => ("LPC", 8000, 1),
        8 => ("PCMA", 8000, 1),
        9 => ("G722", 8000, 1),
        10 => ("L16", 44100, 2),
        11 => ("L16", 44100, 1),
        12 => ("QCELP", 8000, 1),
        13 => ("CN", 8000, 1),
        14 => ("MPA", 90000, 1),
        15 => ("G728", 8000, 1),
        16 => ("DVI4", 11025, 1),
        17 => ("DVI4", 22050, 1),
        18 => ("G729", 8000, 1),
        _ => return None,
    };
    Some(Codec { channels, ..Codec::new(payload_type, name, clock_rate) })
}
