//! `Via` (RFC 3261 §20.42, RFC 3581 `rport`).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::lex::Scanner;
use super::{Host, Params, ParseError, Text};
use crate::sip::Transport;

/// One hop that a request passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The transport token as written: `UDP`, `TCP`, `TLS`, `SCTP`, or one nobody knows (RFC 4475 §3.1.1.10).
    pub transport: Text,
    /// `sent-by` host.
    pub host: Host,
    /// `sent-by` port, if written.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` …
    pub params: Params,
}

impl Via {
    /// Our own hop. Asks for `rport` (RFC 3581 §3).
    pub fn new(transport: Transport, sent_by: SocketAddr, branch: &str) -> Self {
        let mut params = Params::new();
        params.set("branch", Some(branch));
        params.set("rport", None);
        Via { transport: transport.token().into(), host: sent_by.ip().into(), port: Some(sent_by.port()), params }
    }

    /// Reads one unfolded value (one element of the list).
    pub fn parse(value: &[u8]) -> Result<Via, ParseError> {
        Via::parse_shared(&Bytes::copy_from_slice(value))
    }

    /// Like [`Via::parse`], sharing `source` instead of copying it.
    pub(super) fn parse_shared(source: &Bytes) -> Result<Via, ParseError> {
        let bad = ParseError::Malformed("Via");
        let mut scanner = Scanner::new(source);
        scanner.skip_blanks();
        let name = scanner.token("Via")?;
        let slash = scanner.separator(b'/');
        let version = scanner.token("Via")?;
        if !slash
            || !source[name].eq_ignore_ascii_case(b"SIP")
            || &source[version] != b"2.0"
            || !scanner.separator(b'/')
        {
            return Err(bad);
        }
        let transport = Text::slice(source, scanner.token("Via")?).ok_or(bad.clone())?;
        if scanner.take_while(|b| matches!(b, b' ' | b'\t')).is_empty() {
            return Err(bad);
        }
        let host = Host::scan(source, &mut scanner)?;
        let port = if scanner.separator(b':') { Some(scan_port(source, &mut scanner).ok_or(bad)?) } else { None };
        Ok(Via { transport, host, port, params: Params::scan(source, &mut scanner)? })
    }

    /// The transport, when it is one of ours.
    pub fn known_transport(&self) -> Option<Transport> {
        [Transport::Udp, Transport::Tcp].into_iter().find(|known| self.transport.eq_ignore_ascii_case(known.token()))
    }

    /// `sent-by` with the default port filled in (RFC 3261 §18.1.1: 5060, for TLS 5061).
    pub fn host_port(&self) -> (&Host, u16) {
        let tls = self.transport.eq_ignore_ascii_case("TLS") || self.transport.eq_ignore_ascii_case("WSS");
        (&self.host, self.port.unwrap_or(if tls { 5061 } else { 5060 }))
    }

    /// The transaction's name (RFC 3261 §8.1.1.7).
    pub fn branch(&self) -> Option<&str> {
        self.params.value("branch")
    }

    /// The address that the next hop saw, with or without brackets (RFC 5118 §4.5).
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.value("received")?;
        text.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// `None`: not asked for. `Some(None)`: asked for (RFC 3581 §3). `Some(Some(port))`: filled in (§4); also `Some(None)`
    /// when the value is no port.
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params.get("rport").map(|value| value.and_then(|port| port.parse().ok()))
    }

    /// Sets a parameter, as a server does with `received` and `rport` (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn set_param(&mut self, name: &str, value: Option<&str>) {
        self.params.set(name, value);
    }
}

fn scan_port(source: &Bytes, scanner: &mut Scanner<'_>) -> Option<u16> {
    let digits = scanner.take_while(|b| b.is_ascii_digit());
    super::lex::number(&source[digits]).and_then(|port| u16::try_from(port).ok())
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}
