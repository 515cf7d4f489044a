//! SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966), and any other absolute URI as opaque text.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use bytes::Bytes;

use super::lex::{self, Scanner};
use super::{Host, ParseError, Text, limits};

/// What comes before the first colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Anything else (`urn:`, `http:`, `mailto:` …).
    Other,
}

/// A URI. Its text is kept as written and printed back octet for octet; `==` compares the text,
/// [`Uri::equivalent`] compares the meaning.
#[derive(Clone)]
pub struct Uri {
    text: Text,
    scheme: Scheme,
    /// Where the scheme ends, its colon included.
    opaque: u16,
    user: Option<(u16, u16)>,
    host: Option<Host>,
    port: Option<u16>,
    /// What follows the first `;` (sip, sips, tel).
    params: (u16, u16),
    /// What follows the `?` (sip, sips).
    headers: Option<(u16, u16)>,
}

impl Uri {
    /// Reads a whole URI, without brackets and blanks around it.
    pub fn parse(text: &[u8]) -> Result<Uri, ParseError> {
        Uri::parse_shared(&Bytes::copy_from_slice(text))
    }

    /// Like [`Uri::parse`], sharing `source` instead of copying it.
    pub(super) fn parse_shared(source: &Bytes) -> Result<Uri, ParseError> {
        let bad = ParseError::Malformed("URI");
        if source.len() > limits::MAX_LINE {
            return Err(bad);
        }
        let mut scanner = Scanner::new(source);
        let name = scanner.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        let named = source[name.clone()].first().is_some_and(u8::is_ascii_alphabetic);
        if !named || !scanner.byte(b':') || scanner.is_done() {
            return Err(bad);
        }
        let scheme = match &source[name] {
            name if name.eq_ignore_ascii_case(b"sip") => Scheme::Sip,
            name if name.eq_ignore_ascii_case(b"sips") => Scheme::Sips,
            name if name.eq_ignore_ascii_case(b"tel") => Scheme::Tel,
            _ => Scheme::Other,
        };
        let text = Text::slice(source, 0..source.len()).ok_or(bad)?;
        let opaque = scanner.at() as u16;
        let mut uri = Uri { text, scheme, opaque, user: None, host: None, port: None, params: (0, 0), headers: None };
        match scheme {
            Scheme::Sip | Scheme::Sips => uri.scan_sip(source, &mut scanner)?,
            Scheme::Tel => uri.scan_tel(source, &mut scanner)?,
            Scheme::Other => check_opaque(&source[scanner.at()..])?,
        }
        Ok(uri)
    }

    fn scan_sip(&mut self, source: &Bytes, scanner: &mut Scanner<'_>) -> Result<(), ParseError> {
        let bad = ParseError::Malformed("URI");
        let start = scanner.at();
        if let Some(at) = memchr::memchr(b'@', &source[start..]) {
            let userinfo = &source[start..start + at];
            let user = memchr::memchr(b':', userinfo).unwrap_or(at);
            check_escaped(&userinfo[..user], b"&=+$,;?/")?;
            check_escaped(userinfo.get(user + 1..).unwrap_or_default(), b"&=+$,")?;
            if user == 0 {
                return Err(bad);
            }
            self.user = Some((start as u16, (start + user) as u16));
            scanner.rewind(start + at + 1);
        }
        self.host = Some(Host::scan(source, scanner)?);
        if scanner.byte(b':') {
            let digits = scanner.take_while(|b| b.is_ascii_digit());
            let port = lex::number(&source[digits]).and_then(|port| u16::try_from(port).ok());
            self.port = Some(port.ok_or(bad.clone())?);
        }
        if scanner.byte(b';') {
            let params = scanner.take_while(|b| b != b'?');
            check_params(&source[params.clone()])?;
            self.params = span(params);
        }
        if scanner.byte(b'?') {
            let headers = scanner.at()..source.len();
            check_headers(&source[headers.clone()])?;
            self.headers = Some(span(headers.clone()));
            scanner.rewind(headers.end);
        }
        if scanner.is_done() { Ok(()) } else { Err(bad) }
    }

    fn scan_tel(&mut self, source: &Bytes, scanner: &mut Scanner<'_>) -> Result<(), ParseError> {
        let plus = scanner.byte(b'+');
        let visual = |b| matches!(b, b'-' | b'.' | b'(' | b')');
        // RFC 3966 §3: digits alone in a global number; a local one may have `*`, `#` and A–F.
        let phone = |b: u8| if plus { b.is_ascii_digit() } else { b.is_ascii_hexdigit() || matches!(b, b'*' | b'#') };
        let number = scanner.take_while(|b| visual(b) || phone(b));
        if !source[number].iter().copied().any(phone) {
            return Err(ParseError::Malformed("tel URI"));
        }
        if scanner.byte(b';') {
            let params = scanner.at()..source.len();
            check_params(&source[params.clone()])?;
            self.params = span(params.clone());
            scanner.rewind(params.end);
        }
        if scanner.is_done() { Ok(()) } else { Err(ParseError::Malformed("tel URI")) }
    }

    /// `sip:user@host:port`. The user part is escaped as needed; a host that is none becomes `invalid.invalid`
    /// (RFC 2606 §2), because a constructor from configuration must not be able to break a message.
    pub fn sip(user: Option<&str>, host: &str, port: Option<u16>) -> Uri {
        let user = user.filter(|user| !user.is_empty()).map(|user| format!("{}@", escape(user, b"&=+$,;?/")));
        let host = match host.parse::<std::net::Ipv6Addr>() {
            Ok(ip) => Host::V6(ip),
            Err(_) => Host::parse(host.as_bytes()).unwrap_or(Host::Name("invalid.invalid".into())),
        };
        let port = port.map(|port| format!(":{port}"));
        let text = format!("sip:{}{host}{}", user.unwrap_or_default(), port.unwrap_or_default());
        Uri::rebuilt(text)
    }

    /// `tel:number`; characters that no telephone number has are left out.
    pub fn tel(number: &str) -> Uri {
        let digits: String =
            number.chars().filter(|c| c.is_ascii_digit() || matches!(c, '+' | '*' | '#' | '-' | '.')).collect();
        Uri::rebuilt(format!("tel:{digits}"))
    }

    /// From text that our own constructors wrote; if it is too long or empty after all, a URI that routes nowhere.
    fn rebuilt(text: String) -> Uri {
        Uri::parse_shared(&text.into()).unwrap_or_else(|_| Uri {
            text: "sip:invalid.invalid".into(),
            scheme: Scheme::Sip,
            opaque: 4,
            user: None,
            host: Some(Host::Name("invalid.invalid".into())),
            port: None,
            params: (0, 0),
            headers: None,
        })
    }

    /// The URI with one more parameter, or with that parameter replaced (sip, sips, tel; others stay as they are).
    pub fn with_param(&self, name: &str, value: Option<&str>) -> Uri {
        if self.scheme == Scheme::Other || name.is_empty() {
            return self.clone();
        }
        let all = self.as_str();
        let end = self.headers.map_or(all.len(), |(start, _)| usize::from(start) - 1);
        let base = if self.params.0 == 0 { &all[..end] } else { &all[..usize::from(self.params.0) - 1] };
        let mut text = String::from(base);
        let kept = self.params().filter(|(old, _)| !unescaped(old).eq_ignore_ascii_case(name.as_bytes()));
        for (name, value) in kept.map(|(n, v)| (Cow::Borrowed(n), v.map(Cow::Borrowed))).chain([(
            Cow::Owned(escape(name, PARAM)),
            value.filter(|value| !value.is_empty()).map(|value| Cow::Owned(escape(value, PARAM))),
        )]) {
            text.push(';');
            text.push_str(&name);
            if let Some(value) = value {
                text.push('=');
                text.push_str(&value);
            }
        }
        text.push_str(&all[end..]);
        Uri::parse_shared(&text.into()).unwrap_or_else(|_| self.clone())
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What follows the scheme's colon, as written: all there is to know about a URI of [`Scheme::Other`].
    pub fn opaque(&self) -> &str {
        self.text.get(usize::from(self.opaque)..).unwrap_or_default()
    }

    /// The user part as written (sip, sips), without a password.
    pub fn user(&self) -> Option<&str> {
        self.user.and_then(|span| self.cut(span))
    }

    /// The user part with `%HH` decoded; octets that are not UTF-8 are replaced.
    pub fn user_decoded(&self) -> Option<Cow<'_, str>> {
        self.user().map(|user| {
            if user.contains('%') {
                Cow::Owned(String::from_utf8_lossy(&unescaped(user)).into_owned())
            } else {
                Cow::Borrowed(user)
            }
        })
    }

    /// The telephone number without visual separators: of a `tel:` URI, or of a SIP URI with `user=phone`
    /// (RFC 3261 §19.1.1).
    pub fn tel_number(&self) -> Option<String> {
        let written = match self.scheme {
            Scheme::Tel => Cow::Borrowed(self.opaque()),
            Scheme::Sip | Scheme::Sips if self.param("user")??.eq_ignore_ascii_case("phone") => self.user_decoded()?,
            _ => return None,
        };
        let number = written.split(';').next().unwrap_or_default();
        Some(number.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect())
    }

    /// The host (sip, sips).
    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// The port as written (sip, sips).
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// A URI parameter, as [`Params::get`](super::Params::get) answers; names are compared decoded and without regard to
    /// case, the value is as written.
    pub fn param(&self, name: &str) -> Option<Option<&str>> {
        let wanted = |written: &str| match written.contains('%') {
            true => unescaped(written).eq_ignore_ascii_case(name.as_bytes()),
            false => written.eq_ignore_ascii_case(name),
        };
        self.params().find(|(written, _)| wanted(written)).map(|(_, value)| value)
    }

    /// All URI parameters as written.
    pub fn params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let all = self.cut(self.params).unwrap_or_default();
        all.split(';').filter(|param| !param.is_empty()).map(|param| match param.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (param, None),
        })
    }

    /// Whether there is a header part (`?Route=…`), which a Request-URI must not have (RFC 3261 §19.1.1, table 1).
    pub fn has_headers(&self) -> bool {
        self.headers.is_some()
    }

    /// The header part as written, without its `?`.
    pub fn headers(&self) -> Option<&str> {
        self.headers.and_then(|span| self.cut(span))
    }

    fn cut(&self, (start, end): (u16, u16)) -> Option<&str> {
        self.text.get(usize::from(start)..usize::from(end))
    }

    /// Whether both name the same resource by the rules of RFC 3261 §19.1.4 (sip, sips) or RFC 3966 §5 (tel); others are
    /// compared as text.
    pub fn equivalent(&self, other: &Uri) -> bool {
        match (self.scheme, other.scheme) {
            (Scheme::Other, Scheme::Other) => self.text == other.text,
            (a, b) if a != b => false,
            (Scheme::Tel, _) => self.tel_number() == other.tel_number() && self.same_params(other),
            _ => {
                self.user().map(normal) == other.user().map(normal)
                    && self.password().map(normal) == other.password().map(normal)
                    && self.host == other.host
                    && self.port == other.port
                    && self.same_params(other)
                    && self.normal_headers() == other.normal_headers()
            }
        }
    }

    fn password(&self) -> Option<&str> {
        let (_, end) = self.user?;
        self.text.get(usize::from(end)..)?.strip_prefix(':')?.split('@').next()
    }

    /// Any parameter in both must match; these must match even when only one side has them.
    fn same_params(&self, other: &Uri) -> bool {
        let lower = |value: Option<&str>| value.map(|value| normal(value).to_ascii_lowercase());
        let both = self.params().all(|(name, value)| {
            let name = String::from_utf8_lossy(&unescaped(name)).into_owned();
            other.param(&name).is_none_or(|theirs| lower(theirs) == lower(value))
        });
        let decisive: &[&str] = match self.scheme {
            Scheme::Tel => &["phone-context", "ext", "isub"],
            _ => &["user", "ttl", "method", "maddr"],
        };
        both && decisive.iter().all(|name| self.param(name).is_some() == other.param(name).is_some())
    }

    fn normal_headers(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let all = self.headers().unwrap_or_default();
        let mut list: Vec<_> = all
            .split('&')
            .filter(|header| !header.is_empty())
            .map(|header| header.split_once('=').unwrap_or((header, "")))
            .map(|(name, value)| (unescaped(name).to_ascii_lowercase(), normal(value)))
            .collect();
        list.sort();
        list
    }
}

/// `param-unreserved`.
const PARAM: &[u8] = b"[]/:&+$";

fn span(range: Range<usize>) -> (u16, u16) {
    // The whole text is no longer than limits::MAX_LINE.
    (range.start as u16, range.end as u16)
}

/// Unreserved characters, `%HH`, and those in `also`.
fn check_escaped(text: &[u8], also: &[u8]) -> Result<(), ParseError> {
    let mut rest = text.iter();
    while let Some(&b) = rest.next() {
        let escape = b == b'%' && (0..2).all(|_| rest.next().is_some_and(u8::is_ascii_hexdigit));
        if !escape && !lex::is_unreserved(b) && !also.contains(&b) {
            return Err(ParseError::Malformed("URI"));
        }
    }
    Ok(())
}

fn check_params(params: &[u8]) -> Result<(), ParseError> {
    for (count, param) in params.split(|b| *b == b';').enumerate() {
        let mut halves = param.splitn(2, |b| *b == b'=');
        let name = halves.next().unwrap_or_default();
        let value = halves.next();
        if name.is_empty() || value.is_some_and(<[u8]>::is_empty) || count == limits::MAX_PARAMS {
            return Err(ParseError::Malformed("URI parameter"));
        }
        check_escaped(name, PARAM)?;
        check_escaped(value.unwrap_or_default(), PARAM)?;
    }
    Ok(())
}

fn check_headers(headers: &[u8]) -> Result<(), ParseError> {
    for header in headers.split(|b| *b == b'&') {
        let equals = memchr::memchr(b'=', header).filter(|at| *at > 0);
        let equals = equals.ok_or(ParseError::Malformed("URI header"))?;
        check_escaped(&header[..equals], b"[]/?:+$")?;
        check_escaped(&header[equals + 1..], b"[]/?:+$")?;
    }
    Ok(())
}

/// Any absolute URI: the characters of RFC 3986 §2 and complete escapes.
fn check_opaque(text: &[u8]) -> Result<(), ParseError> {
    check_escaped(text, b":/?#[]@!$&'()*+,;=")
}

/// `%HH` decoded.
fn unescaped(text: &str) -> Vec<u8> {
    decoded(text, |_| true)
}

/// The form in which two spellings of a component are equal: escapes of unreserved characters decoded (RFC 3261 §19.1.4).
fn normal(text: &str) -> Vec<u8> {
    decoded(text, lex::is_unreserved)
}

fn decoded(text: &str, wanted: impl Fn(u8) -> bool) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&b) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let value = hex.filter(|_| b == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match value {
            Some(value) if wanted(value) => out.push(value),
            // Kept, but hexadecimal digits have no case.
            Some(_) => out.extend(bytes[at..at + 3].to_ascii_uppercase()),
            None => out.push(b),
        }
        at += if value.is_some() { 3 } else { 1 };
    }
    out
}

fn escape(text: &str, also: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if lex::is_unreserved(b) || also.contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

impl FromStr for Uri {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uri::parse(text.as_bytes())
    }
}

impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Uri {}

impl std::hash::Hash for Uri {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({})", self.text)
    }
}
