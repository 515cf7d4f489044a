//! One `m=` section (RFC 8866 §5.14).

use std::net::{IpAddr, SocketAddr};

use super::{Attributes, Connection, ExtraLine, SessionDescription};

/// One stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `message`, `video`, …
    pub kind: String,
    /// Where the writer receives; 0 refuses or ends the stream (RFC 3264 §5.1, §6).
    pub port: u16,
    /// The number after `port/`, for layered streams; absent in telephony.
    pub port_count: Option<u16>,
    /// `RTP/AVP`, `TCP/MSRP`, …
    pub proto: String,
    /// Payload types, or `*` for MSRP.
    pub formats: Vec<String>,
    /// `c=` of this stream; overrides the session's.
    pub connection: Option<Connection>,
    /// Every other line of this section.
    pub extra: Vec<ExtraLine>,
    /// `a=` lines of this stream.
    pub attributes: Attributes,
}

impl Media {
    /// A stream without attributes.
    pub fn new(kind: &str, port: u16, proto: &str, formats: Vec<String>) -> Self {
        Media {
            kind: kind.to_owned(),
            port,
            port_count: None,
            proto: proto.to_owned(),
            formats,
            connection: None,
            extra: Vec::new(),
            attributes: Attributes::default(),
        }
    }

    /// This stream refused: the same line with port 0 and nothing else. The formats are irrelevant then, but one
    /// must be there (RFC 3264 §6).
    pub fn refused(&self) -> Self {
        Media { port_count: self.port_count, ..Media::new(&self.kind, 0, &self.proto, self.formats.clone()) }
    }

    /// Whether this is audio over plain RTP. `RTP/AVPF` only adds feedback that nobody must send (RFC 4585 §3.1).
    pub fn is_rtp_audio(&self) -> bool {
        self.kind.eq_ignore_ascii_case("audio")
            && (self.proto.eq_ignore_ascii_case("RTP/AVP") || self.proto.eq_ignore_ascii_case("RTP/AVPF"))
    }

    /// Whether this is MSRP over TCP (RFC 4975 §8.1).
    pub fn is_msrp(&self) -> bool {
        self.kind.eq_ignore_ascii_case("message") && self.proto.eq_ignore_ascii_case("TCP/MSRP")
    }

    /// The `c=` line that holds for this stream.
    pub fn connection_in<'a>(&'a self, session: &'a SessionDescription) -> Option<&'a Connection> {
        self.connection.as_ref().or(session.connection.as_ref())
    }

    /// Where the writer wants RTP. `None` when the stream is refused, held by `0.0.0.0`, or its host is a name: then
    /// the address is learnt from the first packet.
    pub fn rtp_address(&self, session: &SessionDescription) -> Option<SocketAddr> {
        let ip = self.usable_ip(session)?;
        (self.port != 0).then(|| SocketAddr::new(ip, self.port))
    }

    /// Where the writer wants RTCP: `a=rtcp` (RFC 3605 §2.1), else the port above RTP's.
    pub fn rtcp_address(&self, session: &SessionDescription) -> Option<SocketAddr> {
        let rtp = self.rtp_address(session)?;
        let Some(value) = self.attributes.value("rtcp") else { return next_port(rtp) };
        let mut words = value.split_ascii_whitespace();
        let Some(port) = words.next().and_then(|port| port.parse::<u16>().ok()).filter(|port| *port != 0) else {
            return next_port(rtp);
        };
        let ip = words.nth(2).and_then(|ip| ip.parse::<IpAddr>().ok()).filter(|ip| !ip.is_unspecified());
        Some(SocketAddr::new(ip.unwrap_or(rtp.ip()), port))
    }

    fn usable_ip(&self, session: &SessionDescription) -> Option<IpAddr> {
        self.connection_in(session)?.ip().filter(|ip| !ip.is_unspecified() && !ip.is_multicast())
    }
}

fn next_port(rtp: SocketAddr) -> Option<SocketAddr> {
    rtp.port().checked_add(1).map(|port| SocketAddr::new(rtp.ip(), port))
}
