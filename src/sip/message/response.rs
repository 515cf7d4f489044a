//! Responses (RFC 3261 §7.2, §8.2.6).

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::frame::Defect;
use super::origin::{self, Origin};
use super::{HeaderName, Headers, Request, status};

/// A response: one that was received, octets kept, or one of ours.
#[derive(Clone)]
pub struct Response {
    /// The status code, 100 to 699.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body; `Content-Length` follows it by itself when the response is written.
    pub body: Bytes,
    reason: Bytes,
    /// The status that was parsed, to see a change of the public field.
    origin: Option<(u16, Origin)>,
}

impl Response {
    /// A response without header fields and body, with the default reason phrase.
    pub fn new(status: u16) -> Self {
        Response::with_phrase(status, Bytes::from_static(status::reason(status).as_bytes()))
    }

    /// A response with a reason phrase of one's own; line ends in it become blanks.
    pub fn with_reason(status: u16, reason: &str) -> Self {
        Response::with_phrase(status, reason.replace(['\r', '\n', '\0'], " ").into())
    }

    fn with_phrase(status: u16, reason: Bytes) -> Self {
        Response { status, headers: Headers::with_capacity(16), body: Bytes::new(), reason, origin: None }
    }

    /// A response to `req`: its Via values, From, To, Call-ID and CSeq are copied (RFC 3261 §8.2.6.2), Timestamp too into
    /// a 100 (§8.2.6.1). No `To` tag is added.
    pub fn for_request(req: &Request, status: u16) -> Response {
        let mut response = Response::new(status);
        for header in req.headers.iter() {
            let copied = match header.name() {
                HeaderName::Via | HeaderName::From | HeaderName::To | HeaderName::CallId | HeaderName::CSeq => true,
                HeaderName::Timestamp => status == 100,
                _ => false,
            };
            if copied {
                response.headers.push_header(header);
            }
        }
        response
    }

    pub(super) fn received(status: u16, reason: Bytes, headers: Headers, body: Bytes, origin: Origin) -> Self {
        Response { status, headers, body, reason, origin: Some((status, origin)) }
    }

    /// The reason phrase; octets that are not UTF-8 are replaced.
    pub fn reason(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.reason)
    }

    /// The octets for the wire. Of a received response that nobody changed, exactly those that came.
    pub fn to_bytes(&self) -> Bytes {
        let same_status = self.origin.as_ref().filter(|(status, _)| *status == self.status);
        if let Some(raw) = same_status.and_then(|(_, origin)| origin.untouched(&self.headers, &self.body)) {
            return raw.clone();
        }
        let status = self.status.to_string();
        origin::write(&[b"SIP/2.0 ", status.as_bytes(), b" ", &self.reason], &self.headers, &self.body)
    }

    pub(super) fn defect(&self) -> Option<Defect> {
        self.origin.as_ref().and_then(|(_, origin)| origin.defect)
    }

    pub(super) fn version(&self) -> &[u8] {
        self.origin.as_ref().map_or(b"SIP/2.0", |(_, origin)| &origin.version)
    }
}

/// Status and sizes only: numbers and bodies do not belong into logs.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {} headers, {} octets)", self.status, self.headers.len(), self.body.len())
    }
}
