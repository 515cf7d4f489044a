//! MSRP URIs (RFC 4975 §6): `msrp://host:port/session-id;tcp`.

use std::fmt;
use std::str::FromStr;

/// The longest URI that is read; a session id of 256 bits, a long host name and some parameters fit well within.
const MAX_URI_BYTES: usize = 512;
/// The port of a URI that names none (RFC 4975 §15.4, IANA).
pub const DEFAULT_PORT: u16 = 2855;

/// One MSRP URI. It is printed byte for byte as it was read: a peer may compare textually.
#[derive(Clone, Debug)]
pub struct MsrpUri {
    text: Box<str>,
    secure: bool,
    host: Box<str>,
    port: Option<u16>,
    session_id: Option<Box<str>>,
    transport: Box<str>,
}

/// Why a text is no MSRP URI. Always the peer's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Longer than any honest URI.
    #[error("the URI is longer than {MAX_URI_BYTES} octets")]
    TooLong,
    /// Neither `msrp:` nor `msrps:`.
    #[error("the scheme is neither msrp nor msrps")]
    Scheme,
    /// The host is missing or has characters that no host has.
    #[error("the host is missing or malformed")]
    Host,
    /// Not a number from 0 to 65535.
    #[error("the port is no number from 0 to 65535")]
    Port,
    /// Empty, or with characters outside the grammar.
    #[error("the session id is empty or malformed")]
    SessionId,
    /// The transport parameter is not optional (RFC 4975 §9).
    #[error("the transport parameter is missing")]
    Transport,
}

impl MsrpUri {
    /// `msrp://host:port/session_id;tcp`. The session id must be a secret of at least 80 bits (RFC 4975 §14.1);
    /// it is the caller's to draw.
    pub fn tcp(host: &str, port: u16, session_id: &str) -> Result<MsrpUri, UriError> {
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        format!("msrp://{host}:{port}/{session_id};tcp").parse()
    }

    /// The host as written, IPv6 in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, 2855 when the URI names none.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(DEFAULT_PORT)
    }

    /// The part after the slash: names the session, compared case-sensitively.
    pub fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// `tcp`, or `ws` (RFC 7977), as written.
    pub fn transport(&self) -> &str {
        &self.transport
    }

    /// Whether the scheme is `msrps`.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The URI as it was read.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// RFC 4975 §6.1: scheme, host and transport without case, session id with case, a missing port is not 2855;
/// user part and other parameters do not count.
impl PartialEq for MsrpUri {
    fn eq(&self, other: &Self) -> bool {
        self.secure == other.secure
            && self.host.eq_ignore_ascii_case(&other.host)
            && self.port == other.port
            && self.session_id == other.session_id
            && self.transport.eq_ignore_ascii_case(&other.transport)
    }
}

impl Eq for MsrpUri {}

impl fmt::Display for MsrpUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for MsrpUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        if text.len() > MAX_URI_BYTES {
            return Err(UriError::TooLong);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UriError::Scheme)?;
        let secure = match scheme {
            s if s.eq_ignore_ascii_case("msrp") => false,
            s if s.eq_ignore_ascii_case("msrps") => true,
            _ => return Err(UriError::Scheme),
        };
        let (address, parameters) = rest.split_once(';').ok_or(UriError::Transport)?;
        let transport = parameters.split(';').next().unwrap_or_default();
        if transport.is_empty() || !transport.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(UriError::Transport);
        }
        if !parameters.bytes().all(is_uri_byte) {
            return Err(UriError::Transport);
        }
        let (authority, session_id) = match address.split_once('/') {
            Some((authority, id)) => (authority, Some(id)),
            None => (address, None),
        };
        if session_id.is_some_and(|id| id.is_empty() || !id.bytes().all(|b| is_uri_byte(b) && b != b';')) {
            return Err(UriError::SessionId);
        }
        let host_port = authority.rsplit_once('@').map_or(authority, |(_user, host)| host);
        let (host, port) = split_host_port(host_port)?;
        Ok(MsrpUri {
            secure,
            host: host.into(),
            port,
            session_id: session_id.map(Into::into),
            transport: transport.into(),
            text: text.into(),
        })
    }
}

fn split_host_port(text: &str) -> Result<(&str, Option<u16>), UriError> {
    let (host, port) = if text.starts_with('[') {
        let end = text.find(']').ok_or(UriError::Host)?;
        let inside = &text[1..end];
        if inside.is_empty() || !inside.bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.') {
            return Err(UriError::Host);
        }
        let rest = &text[end + 1..];
        match rest.strip_prefix(':') {
            Some(port) => (&text[..=end], Some(port)),
            None if rest.is_empty() => (text, None),
            None => return Err(UriError::Host),
        }
    } else {
        let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
        if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')) {
            return Err(UriError::Host);
        }
        (host, port)
    };
    let port = match port {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits.parse().map_err(|_| UriError::Port)?)
        }
        Some(_) => return Err(UriError::Port),
        None => None,
    };
    Ok((host, port))
}

/// Printable ASCII that a header line cannot mistake for its own syntax.
fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"' | b'\\' | b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> MsrpUri {
        text.parse().expect(text)
    }

    #[test]
    fn reads_the_parts_and_prints_the_same_text() {
        let u = uri("msrps://alice@Biloxi.example.com:12763/kjhd37s2s20w2a;tcp;x=1");
        assert_eq!(
            (u.host(), u.port(), u.session_id(), u.transport(), u.is_secure()),
            ("Biloxi.example.com", 12763, Some("kjhd37s2s20w2a"), "tcp", true)
        );
        assert_eq!(u.to_string(), "msrps://alice@Biloxi.example.com:12763/kjhd37s2s20w2a;tcp;x=1");
        assert_eq!(uri("msrp://[2001:db8::1]/x;tcp").port(), DEFAULT_PORT);
        assert_eq!(MsrpUri::tcp("::1", 5, "abc").expect("IPv6").as_str(), "msrp://[::1]:5/abc;tcp");
    }

    #[test]
    fn compares_as_section_6_1_says() {
        assert_eq!(uri("msrp://Host:1/a;tcp"), uri("MSRP://u@host:1/a;TCP;p=q"));
        assert_ne!(uri("msrp://host:1/a;tcp"), uri("msrp://host:1/A;tcp"));
        assert_ne!(uri("msrp://host:2855/a;tcp"), uri("msrp://host/a;tcp"));
        assert_ne!(uri("msrp://host:1/a;tcp"), uri("msrps://host:1/a;tcp"));
    }

    #[test]
    fn refuses_what_is_none() {
        for (text, error) in [
            ("http://h/a;tcp", UriError::Scheme),
            ("msrp:h", UriError::Scheme),
            ("msrp://h/a", UriError::Transport),
            ("msrp://h/a;", UriError::Transport),
            ("msrp:///a;tcp", UriError::Host),
            ("msrp://h:99999/a;tcp", UriError::Port),
            ("msrp://h:/a;tcp", UriError::Port),
            ("msrp://h:-1/a;tcp", UriError::Port),
            ("msrp://h/;tcp", UriError::SessionId),
            ("msrp://h/a b;tcp", UriError::SessionId),
            ("msrp://[::1/a;tcp", UriError::Host),
        ] {
            assert_eq!(text.parse::<MsrpUri>().expect_err(text), error, "{text}");
        }
        assert_eq!(format!("msrp://h/{};tcp", "a".repeat(600)).parse::<MsrpUri>(), Err(UriError::TooLong));
    }
}
