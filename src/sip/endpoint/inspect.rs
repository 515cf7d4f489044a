//! What a user agent server checks before it acts on a request (RFC 3261 §8.2.1–§8.2.3, §21.4).

use std::time::Instant;

use super::Endpoint;
use super::event::IncomingId;
use crate::sip::message::{HeaderName, Method, Request, Response};

/// A final answer that refuses a request: its status and what must stand beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status, 300 to 699.
    pub status: u16,
    /// Headers that the status calls for.
    pub headers: Vec<(HeaderName, String)>,
}

impl Refusal {
    /// A bare status.
    pub fn status(status: u16) -> Refusal {
        Refusal { status, headers: Vec::new() }
    }

    /// With one header more.
    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Refusal {
        self.headers.push((name, value.into()));
        self
    }
}

impl Endpoint {
    /// The refusal that a request's method, `Require`, body type or `Accept` calls for; `None` when it may proceed.
    /// The owner asks after he has authenticated the sender (RFC 3261 §8.2: authentication comes first).
    pub fn inspect(&self, request: &Request) -> Option<Refusal> {
        if let Some(refusal) = self.inspect_method(request) {
            return Some(refusal);
        }
        if let Some(refusal) = self.inspect_require(request) {
            return Some(refusal);
        }
        self.inspect_body(request)
    }

    fn inspect_method(&self, request: &Request) -> Option<Refusal> {
        if self.config.allow.contains(&request.method) {
            return None;
        }
        // RFC 3261 §21.5.2: 501 for a method nobody here has heard of, 405 for one we know and do not do (§21.4.6).
        let status = if matches!(request.method, Method::Other(_)) { 501 } else { 405 };
        Some(Refusal::status(status).with(HeaderName::Allow, self.allow_text()))
    }

    fn inspect_require(&self, request: &Request) -> Option<Refusal> {
        let unsupported: Vec<String> = request
            .headers
            .values(&HeaderName::Require)
            .filter(|tag| !self.config.supported.iter().any(|known| tag.eq_ignore_ascii_case(known.as_bytes())))
            .map(|tag| String::from_utf8_lossy(tag).into_owned())
            .collect();
        if unsupported.is_empty() {
            return None;
        }
        Some(Refusal::status(420).with(HeaderName::Unsupported, unsupported.join(", ")))
    }

    fn inspect_body(&self, request: &Request) -> Option<Refusal> {
        if request.method != Method::Invite {
            return None;
        }
        let encoded = request.headers.text(&HeaderName::ContentEncoding).is_some_and(|coding| coding != "identity");
        let unknown_type = !request.body.is_empty()
            && request.content_type().is_some_and(|media| !self.config.accept.iter().any(|known| media.is(known)));
        if encoded || unknown_type {
            let accept = self.config.accept.join(", ");
            return Some(
                Refusal::status(415).with(HeaderName::Accept, accept).with(HeaderName::AcceptEncoding, "identity"),
            );
        }
        // RFC 3261 §20.1, §21.4.7: an Accept that leaves out SDP leaves nothing we could answer with.
        let mut accepts = request.headers.values(&HeaderName::Accept).peekable();
        let reads_sdp = accepts.peek().is_none()
            || accepts.any(|range| {
                let range = range.split(|byte| *byte == b';').next().unwrap_or(range).trim_ascii();
                [&b"application/sdp"[..], b"application/*", b"*/*"]
                    .iter()
                    .any(|known| range.eq_ignore_ascii_case(known))
            });
        (!reads_sdp).then(|| Refusal::status(406))
    }

    /// Refuses a request that came as [`super::Event::Request`].
    pub fn refuse(&mut self, id: IncomingId, request: &Request, refusal: Refusal, now: Instant) {
        let mut response = self.response(request, refusal.status);
        for (name, value) in refusal.headers {
            response.headers.push(name, value);
        }
        self.respond(id, response, now);
    }

    /// The 200 to OPTIONS: what we can do (RFC 3261 §11.2).
    pub fn capabilities(&mut self, request: &Request) -> Response {
        let mut response = self.response(request, 200);
        response.headers.push(HeaderName::Allow, self.allow.clone());
        response.headers.push(HeaderName::Accept, self.config.accept.join(", "));
        response.headers.push(HeaderName::AcceptEncoding, "identity");
        response.headers.push(HeaderName::Supported, self.config.supported.join(", "));
        response
    }

    fn allow_text(&self) -> String {
        String::from_utf8_lossy(&self.allow).into_owned()
    }
}
