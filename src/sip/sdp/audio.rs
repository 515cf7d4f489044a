//! The audio stream as we write it.

use std::net::{IpAddr, SocketAddr};

use super::description::addr_type;
use super::{Attribute, Codec, Connection, Direction, Media};

/// One `m=audio … RTP/AVP` section of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioLine {
    /// Where we receive RTP; port 0 refuses the stream.
    pub rtp: SocketAddr,
    /// Where we receive RTCP; only written when it is not the port above RTP's (RFC 3605).
    pub rtcp: Option<SocketAddr>,
    /// The formats, best first, telephone events last.
    pub codecs: Vec<Codec>,
    /// As seen from us.
    pub direction: Direction,
    /// The packet duration we ask for, in milliseconds.
    pub ptime_ms: Option<u32>,
}

impl AudioLine {
    /// The section, inside a description whose `c=` line says `session_address`.
    pub fn to_media(&self, session_address: IpAddr) -> Media {
        let mut media = Media::new("audio", self.rtp.port(), "RTP/AVP", Vec::new());
        media.connection = (self.rtp.ip() != session_address).then(|| Connection::new(self.rtp.ip()));
        for codec in &self.codecs {
            codec.add_to(&mut media);
        }
        if let Some(ptime_ms) = self.ptime_ms {
            media.attributes.push(Attribute::new("ptime", ptime_ms.to_string()));
        }
        if let Some(rtcp) = self.unusual_rtcp() {
            media.attributes.push(Attribute::new("rtcp", rtcp));
        }
        media.attributes.push(self.direction.to_attribute());
        media
    }

    fn unusual_rtcp(&self) -> Option<String> {
        let rtcp = self.rtcp?;
        if rtcp.ip() != self.rtp.ip() {
            return Some(format!("{} IN {} {}", rtcp.port(), addr_type(rtcp.ip()), rtcp.ip()));
        }
        (Some(rtcp.port()) != self.rtp.port().checked_add(1)).then(|| rtcp.port().to_string())
    }
}
