//! Requests (RFC 3261 §7.1).

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::frame::Defect;
use super::origin::{self, Origin};
use super::{Headers, Method, ParseError, Uri, lex};

/// A request: one that was received, octets kept, or one of ours.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The header fields.
    pub headers: Headers,
    /// The body; `Content-Length` follows it by itself when the request is written.
    pub body: Bytes,
    /// The Request-URI as written.
    uri: Bytes,
    uri_changed: bool,
    origin: Option<Origin>,
}

impl Request {
    /// A request without header fields and body.
    pub fn new(method: Method, uri: &Uri) -> Self {
        let uri = Bytes::copy_from_slice(uri.as_str().as_bytes());
        Request {
            method,
            headers: Headers::with_capacity(16),
            body: Bytes::new(),
            uri,
            uri_changed: false,
            origin: None,
        }
    }

    pub(super) fn received(method: Method, uri: Bytes, headers: Headers, body: Bytes, origin: Origin) -> Self {
        Request { method, headers, body, uri, uri_changed: false, origin: Some(origin) }
    }

    /// The Request-URI.
    pub fn uri(&self) -> Result<Uri, ParseError> {
        Uri::parse_shared(&self.uri)
    }

    /// Replaces the Request-URI.
    pub fn set_uri(&mut self, uri: &Uri) {
        self.uri = Bytes::copy_from_slice(uri.as_str().as_bytes());
        self.uri_changed = true;
    }

    /// The octets for the wire. Of a received request that nobody changed, exactly those that came.
    pub fn to_bytes(&self) -> Bytes {
        if let Some(raw) = self.untouched() {
            return raw.clone();
        }
        let method = match &self.method {
            // Made by hand it could hold anything; the parser lets only tokens through.
            Method::Other(name) if !lex::is_token(name.as_bytes()) => Cow::Borrowed("UNKNOWN"),
            method => Cow::Borrowed(method.as_str()),
        };
        origin::write(&[method.as_bytes(), b" ", &self.uri, b" SIP/2.0"], &self.headers, &self.body)
    }

    fn untouched(&self) -> Option<&Bytes> {
        let origin = self.origin.as_ref().filter(|_| !self.uri_changed)?;
        let rest = origin.start().strip_prefix(self.method.as_str().as_bytes())?;
        if !rest.starts_with(b" ") {
            return None;
        }
        origin.untouched(&self.headers, &self.body)
    }

    pub(super) fn defect(&self) -> Option<Defect> {
        self.origin.as_ref().and_then(|origin| origin.defect)
    }

    pub(super) fn version(&self) -> &[u8] {
        self.origin.as_ref().map_or(b"SIP/2.0", |origin| &origin.version)
    }
}

/// Method and sizes only: numbers and bodies do not belong into logs.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, {} headers, {} octets)", self.method, self.headers.len(), self.body.len())
    }
}
