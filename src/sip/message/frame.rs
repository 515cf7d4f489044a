//! Octets into start line, header lines and body, losing nothing: every piece is a slice of the one buffer.
//!
//! Framing forgives what still lets the message be answered and notes it as a [`Defect`];
//! [`validate`](super::validate::validate) turns the note into the RFC's answer.

use std::ops::Range;

use bytes::Bytes;

use super::header_name::HeaderName;
use super::headers::{Header, Headers};
use super::{ParseError, lex, limits};

/// The first thing found wrong with the framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Defect {
    /// The octets end before the empty line.
    NoEmptyLine,
    /// A CR or an LF that is no line end. A laxer hop behind us would see another header there.
    StrayLineEnd,
    /// A header line without a colon, or with something before it that is no token.
    HeaderLine,
    /// Blanks in the request line that do not belong there (RFC 4475 §3.1.2.8 to §3.1.2.10).
    RequestLine,
    /// `Content-Length` is no number that can be.
    ContentLength,
    /// `Content-Length` twice.
    SecondContentLength,
    /// Fewer octets than `Content-Length` says.
    ShortBody,
    /// A stream message without `Content-Length` (RFC 3261 §20.14).
    NoContentLength,
    /// A stream message with octets after its body.
    LongBody,
}

/// Where the message came from decides what its missing or short length means (RFC 3261 §18.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    Datagram,
    Stream,
}

/// A framed message.
pub(super) struct Frame {
    /// The octets of this message, from its start line to the end of its body.
    pub(super) raw: Bytes,
    /// The start line without its CRLF.
    pub(super) start: Bytes,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
    pub(super) defect: Option<Defect>,
}

/// The lines up to the empty one.
struct Head {
    /// Where the message starts, after leading empty lines.
    at: usize,
    start_end: usize,
    headers: Headers,
    body_at: usize,
    length: Option<usize>,
    defect: Option<Defect>,
}

/// Most messages have fewer lines than this: one allocation for all of them.
const USUAL_HEADERS: usize = 24;

/// Cuts `buf` into its pieces.
pub(super) fn frame(buf: &Bytes, carrier: Carrier) -> Result<Frame, ParseError> {
    let mut head = scan_head(buf)?;
    let available = buf.len() - head.body_at;
    let length = match (head.length, carrier) {
        (Some(length), _) if length > available => {
            head.note(Defect::ShortBody);
            available
        }
        (Some(length), Carrier::Stream) if length < available => {
            head.note(Defect::LongBody);
            available
        }
        (Some(length), _) => length,
        (None, Carrier::Datagram) => available,
        (None, Carrier::Stream) => {
            head.note(Defect::NoContentLength);
            available
        }
    };
    let end = head.body_at + length;
    Ok(Frame {
        raw: buf.slice(head.at..end),
        start: buf.slice(head.at..head.start_end),
        headers: head.headers,
        body: buf.slice(head.body_at..end),
        defect: head.defect,
    })
}

/// The `Content-Length` of a header block that ends with its empty line; `Err` when there is not exactly one good one.
pub(in crate::sip) fn declared_length(head: &Bytes) -> Result<usize, ParseError> {
    let head = scan_head(head)?;
    let bad = matches!(head.defect, Some(Defect::ContentLength | Defect::SecondContentLength));
    head.length.filter(|_| !bad).ok_or(ParseError::Malformed("Content-Length"))
}

fn scan_head(buf: &Bytes) -> Result<Head, ParseError> {
    // RFC 3261 §7.5: empty lines before the start line are ignored.
    let at = buf.iter().position(|b| !matches!(b, b'\r' | b'\n')).ok_or(ParseError::Empty)?;
    let start = line(buf, at)?.filter(|line| !line.stray).ok_or(ParseError::StartLine)?;
    let headers = Headers::with_capacity(USUAL_HEADERS);
    let mut head = Head { at, start_end: start.end, headers, body_at: start.next, length: None, defect: None };
    head.scan_headers(buf)?;
    Ok(head)
}

/// Headers and body of one multipart part: `octets` go up to the next delimiter, whose line end is not the body's
/// (RFC 2046 §5.1.1). Any defect is an error, but a part may end with its headers.
pub(super) fn part(octets: &Bytes) -> Result<(Headers, Bytes), ParseError> {
    let mut head = Head { at: 0, start_end: 0, headers: Headers::new(), body_at: 0, length: None, defect: None };
    head.scan_headers(octets)?;
    let end = octets.len().saturating_sub(2).max(head.body_at);
    match head.defect {
        None => Ok((head.headers, octets.slice(head.body_at..end))),
        Some(Defect::NoEmptyLine) if head.body_at == octets.len() => Ok((head.headers, Bytes::new())),
        Some(_) => Err(ParseError::Malformed("part header")),
    }
}

impl Head {
    /// Takes header lines from `body_at` on, up to and including the empty line.
    fn scan_headers(&mut self, buf: &Bytes) -> Result<(), ParseError> {
        while !buf[self.body_at..].starts_with(b"\r\n") {
            let Some(line) = folded_line(buf, self.body_at)? else {
                self.note(Defect::NoEmptyLine);
                return Ok(());
            };
            let range = self.body_at..line.end;
            self.body_at = line.next;
            self.add(buf, range, &line)?;
        }
        self.body_at += 2;
        Ok(())
    }

    fn note(&mut self, defect: Defect) {
        self.defect.get_or_insert(defect);
    }

    fn add(&mut self, buf: &Bytes, range: Range<usize>, line: &Line) -> Result<(), ParseError> {
        if self.headers.len() == limits::MAX_HEADERS {
            return Err(ParseError::TooManyHeaders);
        }
        if line.stray {
            self.note(Defect::StrayLineEnd);
        }
        let text = &buf[range.clone()];
        let colon = memchr::memchr(b':', text);
        // HCOLON = *( SP / HTAB ) ":" SWS; blanks before the name would have made it a fold.
        let name = colon.and_then(|colon| HeaderName::parse(text[..colon].trim_ascii_end()));
        let (Some(colon), Some(name)) = (colon, name) else {
            self.note(Defect::HeaderLine);
            return Ok(());
        };
        let is_length = name == HeaderName::ContentLength;
        let header = Header::received(name, buf.slice(range), colon + 1..text.len(), line.folded);
        if is_length {
            self.add_length(header.value());
        }
        self.headers.add_received(header);
        Ok(())
    }

    fn add_length(&mut self, value: &[u8]) {
        let length = lex::number(value).and_then(|length| usize::try_from(length).ok());
        match length {
            None => self.note(Defect::ContentLength),
            Some(_) if self.length.is_some() => self.note(Defect::SecondContentLength),
            Some(_) => self.length = length,
        }
    }
}

struct Line {
    /// Where its final CRLF starts.
    end: usize,
    /// Where the next line starts.
    next: usize,
    folded: bool,
    stray: bool,
}

/// The line at `at` up to its CRLF; `None` when the octets end first.
fn line(buf: &[u8], at: usize) -> Result<Option<Line>, ParseError> {
    let mut stray = false;
    let mut from = at;
    while let Some(found) = memchr::memchr(b'\n', &buf[from..]) {
        let feed = from + found;
        if feed - at > limits::MAX_LINE {
            return Err(ParseError::LineTooLong);
        }
        if feed > at && buf[feed - 1] == b'\r' {
            let end = feed - 1;
            stray |= memchr::memchr(b'\r', &buf[at..end]).is_some();
            return Ok(Some(Line { end, next: feed + 1, folded: false, stray }));
        }
        stray = true;
        from = feed + 1;
    }
    Ok(None)
}

/// The line at `at` together with the lines that continue it (RFC 3261 §7.3.1).
fn folded_line(buf: &[u8], at: usize) -> Result<Option<Line>, ParseError> {
    let Some(mut whole) = line(buf, at)? else { return Ok(None) };
    while matches!(buf.get(whole.next), Some(b' ' | b'\t')) {
        let Some(more) = line(buf, whole.next)? else { return Ok(None) };
        whole = Line { folded: true, stray: whole.stray | more.stray, ..more };
        if whole.end - at > limits::MAX_LINE {
            return Err(ParseError::LineTooLong);
        }
    }
    Ok(Some(whole))
}
