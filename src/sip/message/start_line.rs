//! Request line and status line (RFC 3261 §7.1, §7.2).

use bytes::Bytes;

use super::{Method, ParseError};

/// A start line taken apart.
pub(super) enum StartLine {
    Request { method: Method, uri: Bytes, version: Bytes, exact: bool },
    Response { status: u16, reason: Bytes, version: Bytes },
}

/// Takes `line` apart. A request line with blanks too many is not `exact` but still readable, so that the request can be
/// answered; one without a SIP version cannot be told from noise.
pub(super) fn parse(line: &Bytes) -> Result<StartLine, ParseError> {
    if starts_like_version(line) { status_line(line) } else { request_line(line) }
}

fn starts_like_version(text: &[u8]) -> bool {
    text.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"SIP/"))
}

fn request_line(line: &Bytes) -> Result<StartLine, ParseError> {
    let trimmed = line.trim_ascii_end();
    let first = memchr::memchr(b' ', trimmed).ok_or(ParseError::StartLine)?;
    let last = memchr::memrchr(b' ', trimmed).ok_or(ParseError::StartLine)?;
    if last <= first || !starts_like_version(&trimmed[last + 1..]) {
        return Err(ParseError::StartLine);
    }
    let method = Method::parse(&trimmed[..first]).map_err(|_| ParseError::StartLine)?;
    let exact = trimmed.len() == line.len() && memchr::memchr_iter(b' ', trimmed).count() == 2;
    Ok(StartLine::Request {
        method,
        uri: line.slice(first + 1..last),
        version: line.slice(last + 1..trimmed.len()),
        exact,
    })
}

fn status_line(line: &Bytes) -> Result<StartLine, ParseError> {
    let space = memchr::memchr(b' ', line).ok_or(ParseError::StartLine)?;
    let rest = line.slice(space + 1..);
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits != 3 {
        return Err(ParseError::StatusCode);
    }
    let status = rest[..3].iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    // The space after the code is there even with an empty phrase (RFC 4475 §3.1.1.13), but some leave it out.
    let reason = match rest.get(3) {
        Some(b' ') => rest.slice(4..),
        None => Bytes::new(),
        Some(_) => return Err(ParseError::StatusCode),
    };
    if !(100..700).contains(&status) {
        return Err(ParseError::StatusCode);
    }
    Ok(StartLine::Response { status, reason, version: line.slice(..space) })
}
