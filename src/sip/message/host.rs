//! The `host` of a URI or of a `Via` (RFC 3261 §25.1, RFC 5954, RFC 5118).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;

use super::lex::Scanner;
use super::{ParseError, Text};

/// A host name or an address.
#[derive(Clone, Debug)]
pub enum Host {
    /// A domain name as written; compared without regard to case.
    Name(Text),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, in brackets on the wire.
    V6(Ipv6Addr),
}

impl Host {
    /// Reads a whole host: a name, an IPv4 address or a bracketed IPv6 address.
    pub fn parse(text: &[u8]) -> Result<Host, ParseError> {
        let source = Bytes::copy_from_slice(text);
        let mut scanner = Scanner::new(&source);
        let host = Host::scan(&source, &mut scanner)?;
        if scanner.is_done() { Ok(host) } else { Err(ParseError::Malformed("host")) }
    }

    /// The address, when it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Host::Name(_) => None,
            Host::V4(ip) => Some(IpAddr::V4(*ip)),
            Host::V6(ip) => Some(IpAddr::V6(*ip)),
        }
    }

    /// Takes a host off `scanner`, which runs over `source`.
    pub(super) fn scan(source: &Bytes, scanner: &mut Scanner<'_>) -> Result<Host, ParseError> {
        let bad = ParseError::Malformed("host");
        if scanner.byte(b'[') {
            let inside = scanner.take_while(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
            let ip = std::str::from_utf8(&source[inside]).ok().and_then(parse_v6).ok_or(bad.clone())?;
            return if scanner.byte(b']') { Ok(Host::V6(ip)) } else { Err(bad) };
        }
        // An underscore is no host name character, but real networks have such names.
        let range = scanner.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
        let text = Text::slice(source, range).filter(|text| !text.is_empty()).ok_or(bad)?;
        Ok(text.parse().map_or(Host::Name(text), Host::V4))
    }
}

/// RFC 5118 §4.10: the IPv6 grammar of RFC 3261 lets a third colon precede an embedded IPv4 address; take it as two.
fn parse_v6(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok().or_else(|| {
        let embedded = text.contains('.') && text.matches(":::").count() == 1;
        embedded.then(|| text.replacen(":::", "::", 1).parse().ok()).flatten()
    })
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Host::V4(ip),
            IpAddr::V6(ip) => Host::V6(ip),
        }
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Host::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
            (a, b) => a.ip().is_some() && a.ip() == b.ip(),
        }
    }
}

impl Eq for Host {}

impl Hash for Host {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Host::Name(name) => name.bytes().for_each(|b| state.write_u8(b.to_ascii_lowercase())),
            Host::V4(ip) => ip.hash(state),
            Host::V6(ip) => ip.hash(state),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::V4(ip) => write!(f, "{ip}"),
            Host::V6(ip) => write!(f, "[{ip}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_addresses() {
        assert_eq!(Host::parse(b"Example.COM"), Host::parse(b"example.com"));
        assert_eq!(Host::parse(b"192.0.2.1"), Ok(Host::V4(Ipv4Addr::new(192, 0, 2, 1))));
        assert_eq!(Host::parse(b"[2001:db8::10]").map(|h| h.to_string()), Ok("[2001:db8::10]".into()));
        assert_eq!(Host::parse(b"[2001:db8:::192.0.2.1]"), Host::parse(b"[2001:db8::192.0.2.1]"), "RFC 5118 4.10");
    }

    #[test]
    fn refuses_what_is_no_host() {
        for bad in
            [&b""[..], b"[2001:db8::10", b"2001:db8::10", b"[2001:db8:::1]", b"a b", b"a\r\nb", b"[]", b"h\xf6st"]
        {
            assert!(Host::parse(bad).is_err(), "{bad:?}");
        }
    }
}
