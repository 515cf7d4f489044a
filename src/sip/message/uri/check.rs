//! The character rules of a URI's components (RFC 3261 §25.1).

use super::super::{ParseError, lex, limits};

/// `param-unreserved`.
pub(super) const PARAM: &[u8] = b"[]/:&+$";

/// Unreserved characters, `%HH`, and those in `also`.
pub(super) fn check_escaped(text: &[u8], also: &[u8]) -> Result<(), ParseError> {
    let mut rest = text.iter();
    while let Some(&b) = rest.next() {
        let escape = b == b'%' && (0..2).all(|_| rest.next().is_some_and(u8::is_ascii_hexdigit));
        if !escape && !lex::is_unreserved(b) && !also.contains(&b) {
            return Err(ParseError::Malformed("URI"));
        }
    }
    Ok(())
}

pub(super) fn check_params(params: &[u8]) -> Result<(), ParseError> {
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

pub(super) fn check_headers(headers: &[u8]) -> Result<(), ParseError> {
    for header in headers.split(|b| *b == b'&') {
        let equals = memchr::memchr(b'=', header).filter(|at| *at > 0);
        let equals = equals.ok_or(ParseError::Malformed("URI header"))?;
        check_escaped(&header[..equals], b"[]/?:+$")?;
        check_escaped(&header[equals + 1..], b"[]/?:+$")?;
    }
    Ok(())
}

/// Any absolute URI: the characters of RFC 3986 §2 and complete escapes.
pub(super) fn check_opaque(text: &[u8]) -> Result<(), ParseError> {
    check_escaped(text, b":/?#[]@!$&'()*+,;=")
}
