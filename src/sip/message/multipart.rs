//! Multipart bodies (RFC 2046 §5.1, RFC 5621): the SDP and the device's context in one INVITE.

use bytes::{BufMut, Bytes, BytesMut};

use super::{HeaderName, Headers, MediaType, frame, limits};

/// One part of a multipart body.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its own header fields (`Content-Type`, `Content-Disposition`, `Content-ID` …).
    pub headers: Headers,
    /// Its octets.
    pub body: Bytes,
}

/// Why a multipart body cannot be taken apart: the sender's fault, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// `Content-Type` is no multipart, or its boundary is missing or not as RFC 2046 §5.1.1 says.
    #[error("no usable boundary")]
    Boundary,
    /// The closing delimiter is missing.
    #[error("multipart body not closed")]
    Unclosed,
    /// A part's header lines are malformed.
    #[error("malformed part header")]
    PartHeader,
    /// More than [`limits::MAX_PARTS`] parts.
    #[error("too many parts")]
    TooManyParts,
    /// Nested deeper than [`limits::MAX_NESTING`].
    #[error("nested too deep")]
    TooDeep,
}

impl Part {
    /// A part of that media type.
    pub fn new(content_type: &str, body: impl Into<Bytes>) -> Part {
        let mut headers = Headers::new();
        headers.push(HeaderName::ContentType, content_type.to_owned());
        Part { headers, body: body.into() }
    }

    /// The part's media type; `text/plain` where it says nothing (RFC 2046 §5.1).
    pub fn content_type(&self) -> Option<MediaType> {
        match self.headers.get(&HeaderName::ContentType) {
            Some(_) => self.headers.content_type(),
            None => MediaType::parse(b"text/plain").ok(),
        }
    }
}

/// Takes a multipart body apart, one level: a nested multipart is one part. Bodies share `body`'s buffer.
pub fn parse(content_type: &MediaType, body: &Bytes) -> Result<Vec<Part>, MultipartError> {
    let delimiter = delimiter(content_type)?;
    let mut parts = Vec::new();
    let mut open = find_delimiter(body, 0, &delimiter).ok_or(MultipartError::Unclosed)?;
    while !open.closing {
        if parts.len() == limits::MAX_PARTS {
            return Err(MultipartError::TooManyParts);
        }
        let next = find_delimiter(body, open.next, &delimiter).ok_or(MultipartError::Unclosed)?;
        let octets = body.slice(open.next..next.line);
        let (headers, body) = frame::part(&octets).map_err(|_| MultipartError::PartHeader)?;
        parts.push(Part { headers, body });
        open = next;
    }
    Ok(parts)
}

/// Takes a body apart through all levels of nesting; the parts that are no multipart, in order. A body that is no
/// multipart is its own only leaf.
pub fn leaves(content_type: &MediaType, body: &Bytes) -> Result<Vec<Part>, MultipartError> {
    let mut found = Vec::new();
    let whole = Part::new(&content_type.to_string(), body.clone());
    collect(whole, 0, &mut found)?;
    Ok(found)
}

fn collect(part: Part, depth: usize, found: &mut Vec<Part>) -> Result<(), MultipartError> {
    match part.content_type().filter(|media| media.kind() == "multipart") {
        Some(_) if depth == limits::MAX_NESTING => Err(MultipartError::TooDeep),
        Some(media) => parse(&media, &part.body)?.into_iter().try_for_each(|part| collect(part, depth + 1, found)),
        None if found.len() == limits::MAX_PARTS => Err(MultipartError::TooManyParts),
        None => {
            found.push(part);
            Ok(())
        }
    }
}

/// Puts parts together; gives the `Content-Type` value and the body. The boundary is chosen so that no part contains it.
pub fn build(subtype: &str, parts: &[Part]) -> (String, Bytes) {
    let mut boundary = String::from("tandem-part");
    let mut number = 0u32;
    while parts.iter().any(|part| contains(part, &boundary)) {
        number += 1;
        boundary = format!("tandem-part-{number}");
    }
    let mut out = BytesMut::new();
    for part in parts {
        out.put_slice(format!("--{boundary}\r\n").as_bytes());
        part.headers.iter().for_each(|header| header.write(&mut out));
        out.put_slice(b"\r\n");
        out.put_slice(&part.body);
        out.put_slice(b"\r\n");
    }
    out.put_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/{subtype};boundary={boundary}"), out.freeze())
}

fn contains(part: &Part, boundary: &str) -> bool {
    let in_headers = part.headers.iter().any(|h| memchr::memmem::find(h.value(), boundary.as_bytes()).is_some());
    in_headers || memchr::memmem::find(&part.body, boundary.as_bytes()).is_some()
}

/// `--boundary`.
fn delimiter(content_type: &MediaType) -> Result<Vec<u8>, MultipartError> {
    let boundary = content_type.param("boundary").filter(|_| content_type.kind() == "multipart");
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
    match boundary {
        Some(text) if (1..=70).contains(&text.len()) && text.bytes().all(legal) && !text.ends_with(' ') => {
            Ok([b"--", text.as_bytes()].concat())
        }
        _ => Err(MultipartError::Boundary),
    }
}

struct Delimiter {
    /// Where its line starts. The line end before it is its own, not the part's (RFC 2046 §5.1.1).
    line: usize,
    /// Where the next part starts.
    next: usize,
    closing: bool,
}

/// The next delimiter line at or after `from`, which is a line start.
fn find_delimiter(body: &[u8], from: usize, delimiter: &[u8]) -> Option<Delimiter> {
    for found in memchr::memmem::find_iter(&body[from..], delimiter) {
        let at = from + found;
        if at != from && !body[..at].ends_with(b"\r\n") {
            continue;
        }
        let rest = &body[at + delimiter.len()..];
        let closing = rest.starts_with(b"--");
        let rest = if closing { &rest[2..] } else { rest };
        let padding = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let line_end = rest[padding..].starts_with(b"\r\n");
        if line_end || (closing && padding == rest.len()) {
            let next = body.len() - rest.len() + padding + if line_end { 2 } else { 0 };
            return Some(Delimiter { line: at, next, closing });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(text: &str) -> MediaType {
        MediaType::parse(text.as_bytes()).expect("media type")
    }

    fn bodies(content_type: &str, body: &'static str) -> Result<Vec<Bytes>, MultipartError> {
        let parts = parse(&media(content_type), &Bytes::from_static(body.as_bytes()))?;
        Ok(parts.into_iter().map(|part| part.body).collect())
    }

    #[test]
    fn what_is_built_is_read_back() {
        let parts = [
            Part::new("application/sdp", "v=0\r\n"),
            Part::new("application/vnd.tandem.context+json", &b"\xff--tandem-part\r\n--tandem-part-1--"[..]),
            Part::new("text/plain", ""),
        ];
        let (content_type, body) = build("mixed", &parts);
        let read = parse(&media(&content_type), &body).expect("our own multipart");
        assert_eq!(read.len(), 3);
        for (built, read) in parts.iter().zip(&read) {
            assert_eq!((&built.body, built.content_type()), (&read.body, read.content_type()));
        }
    }

    #[test]
    fn delimiters_are_whole_lines() {
        let body = "preamble --b\r\n--b \t\r\n\r\none\r\n--bee\r\nx--b\r\n--b\r\nX: y\r\n\r\n\r\n--b--\r\nepilogue --b";
        assert_eq!(bodies("multipart/mixed;boundary=b", body), Ok(vec!["one\r\n--bee\r\nx--b".into(), "".into()]));
        assert_eq!(bodies("multipart/mixed;boundary=b", "--b\r\nX: y\r\n--b--"), Ok(vec!["".into()]), "headers alone");
    }

    #[test]
    fn broken_bodies_are_refused() {
        let mixed = "multipart/mixed;boundary=b";
        for (content_type, body, error) in [
            ("multipart/mixed", "--b--", MultipartError::Boundary),
            ("multipart/mixed;boundary=\"\"", "----", MultipartError::Boundary),
            ("text/plain;boundary=b", "--b--", MultipartError::Boundary),
            (mixed, "", MultipartError::Unclosed),
            (mixed, "--b\r\n\r\nx", MultipartError::Unclosed),
            (mixed, "--b\r\nno colon\r\n\r\nx\r\n--b--", MultipartError::PartHeader),
        ] {
            assert_eq!(bodies(content_type, body), Err(error), "{content_type} {body:?}");
        }
    }

    #[test]
    fn parts_and_nesting_are_bounded() {
        let part = |_| Part::new("text/plain", "x");
        let full: Vec<Part> = (0..limits::MAX_PARTS).map(part).collect();
        let (content_type, body) = build("mixed", &full);
        assert_eq!(leaves(&media(&content_type), &body).map(|parts| parts.len()), Ok(limits::MAX_PARTS));
        let more: Vec<Part> = (0..=limits::MAX_PARTS).map(part).collect();
        let (content_type, body) = build("mixed", &more);
        assert_eq!(parse(&media(&content_type), &body).map(drop), Err(MultipartError::TooManyParts));

        let nest = |depth| {
            (0..depth).fold(Part::new("text/plain", "x"), |inner, _| {
                let (content_type, body) = build("mixed", &[inner]);
                Part::new(&content_type, body)
            })
        };
        let count = |part: Part| leaves(&part.content_type().expect("type"), &part.body).map(|parts| parts.len());
        assert_eq!(count(nest(limits::MAX_NESTING)), Ok(1));
        assert_eq!(count(nest(limits::MAX_NESTING + 1)), Err(MultipartError::TooDeep));
    }
}
