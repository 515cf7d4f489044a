//! SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966), and any other absolute URI as opaque text.

mod build;
mod check;
mod compare;
mod escape;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use bytes::Bytes;

use super::lex::{self, Scanner};
use super::{Host, ParseError, Text, limits};
use check::{check_escaped, check_headers, check_opaque, check_params};
use escape::unescaped;

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
}

fn span(range: Range<usize>) -> (u16, u16) {
    // The whole text is no longer than limits::MAX_LINE.
    (range.start as u16, range.end as u16)
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
