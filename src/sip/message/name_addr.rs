//! `name-addr / addr-spec` with parameters: From, To, Contact, Route and their kin (RFC 3261 §20.10, §25.1).

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::lex::{self, Scanner};
use super::{Params, ParseError, Uri};

/// A display name, a URI and header parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// What is shown to people.
    pub display: Option<DisplayName>,
    /// The address.
    pub uri: Uri,
    /// The header's parameters (`tag`, `expires`, `q`, `+sip.instance` …), not the URI's.
    pub params: Params,
}

/// A display name, kept as its octets were written: old phones send Latin-1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(Bytes);

impl DisplayName {
    /// Quotes `text` for the wire; line ends become blanks.
    pub fn new(text: &str) -> Self {
        let mut quoted = String::with_capacity(text.len() + 2);
        // Writing to a String cannot fail.
        let _ = lex::write_quoted(&mut quoted, text);
        DisplayName(quoted.into())
    }

    /// The name as people read it: quotes and escapes taken off, what is not UTF-8 replaced.
    pub fn text(&self) -> Cow<'_, str> {
        match self.0.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) {
            Some(inside) if inside.contains(&b'\\') => {
                Cow::Owned(String::from_utf8_lossy(&lex::unescape(inside)).into_owned())
            }
            Some(inside) => String::from_utf8_lossy(inside),
            None => String::from_utf8_lossy(&self.0),
        }
    }

    /// The octets as they are on the wire, quotes included.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl NameAddr {
    /// An address without display name and parameters.
    pub fn new(uri: Uri) -> Self {
        NameAddr { display: None, uri, params: Params::new() }
    }

    /// Reads one unfolded value (one element of a list).
    pub fn parse(value: &[u8]) -> Result<NameAddr, ParseError> {
        NameAddr::parse_shared(&Bytes::copy_from_slice(value))
    }

    /// Like [`NameAddr::parse`], sharing `source` instead of copying it.
    pub(super) fn parse_shared(source: &Bytes) -> Result<NameAddr, ParseError> {
        let mut scanner = Scanner::new(source);
        scanner.skip_blanks();
        let start = scanner.at();
        let display = scan_display(source, &mut scanner)?;
        let (display, uri) = if scanner.byte(b'<') {
            let range = scanner.take_while(|b| b != b'>');
            if !scanner.byte(b'>') {
                return Err(ParseError::Malformed("name-addr"));
            }
            (display, Uri::parse_shared(&source.slice(range))?)
        } else {
            scanner.rewind(start);
            (None, scan_addr_spec(source, &mut scanner)?)
        };
        Ok(NameAddr { display, uri, params: Params::scan(source, &mut scanner)? })
    }

    /// The `tag` of From or To (RFC 3261 §19.3).
    pub fn tag(&self) -> Option<&str> {
        self.params.value("tag")
    }

    /// Sets the `tag`.
    pub fn set_tag(&mut self, tag: &str) {
        self.params.set("tag", Some(tag));
    }

    /// The value for a header: the same octets as [`fmt::Display`] gives, but a display name that is not UTF-8 is kept.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::new();
        if let Some(display) = &self.display {
            out.extend_from_slice(&display.0);
            out.push(b' ');
        }
        out.extend_from_slice(format!("<{}>{}", self.uri, self.params).as_bytes());
        out.into()
    }
}

/// Takes `[ display-name ]`; an addr-spec without brackets also passes through here as far as its first colon.
fn scan_display(source: &Bytes, scanner: &mut Scanner<'_>) -> Result<Option<DisplayName>, ParseError> {
    let start = scanner.at();
    let end = if scanner.peek() == Some(b'"') {
        scanner.quoted("display name")?;
        scanner.at()
    } else {
        // Tokens and blanks only (RFC 4475 §3.1.2.15), and octets above ASCII, which old phones send unquoted.
        let range = scanner.take_while(|b| lex::is_token_char(b) || matches!(b, b' ' | b'\t') || b >= 0x80);
        start + lex::trimmed(&source[range]).end
    };
    scanner.skip_blanks();
    Ok((end > start).then(|| DisplayName(source.slice(start..end))))
}

/// Takes an `addr-spec` without brackets. RFC 3261 §20.10: with a comma, semicolon or question mark in the URI the
/// brackets are a MUST, so `;` starts header parameters here and `?` is an error (RFC 4475 §3.1.2.13).
fn scan_addr_spec(source: &Bytes, scanner: &mut Scanner<'_>) -> Result<Uri, ParseError> {
    let range = scanner.take_while(|b| !matches!(b, b';' | b' ' | b'\t' | b'<' | b'"'));
    let uri = Uri::parse_shared(&source.slice(range.clone()))?;
    if source[range].iter().any(|b| matches!(b, b'?' | b',')) {
        return Err(ParseError::Malformed("addr-spec without brackets"));
    }
    Ok(uri)
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", String::from_utf8_lossy(&display.0))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}
