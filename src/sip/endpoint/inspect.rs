//! What a user agent server checks before it acts on a request (RFC 3261 §8.2.1–§8.2.3, §21.4).

use super::Endpoint;
use crate::sip::message::{HeaderName, Method, Request, Response};

impl Endpoint {
    /// The refusal that a request's method, `Require`, body type or `Accept` calls for; `None` when it may proceed.
    /// The owner asks after he has authenticated the sender (RFC 3261 §8.2: authentication comes first).
    pub fn inspect(&mut self, request: &Request) -> Option<Response> {
        if let Some(refusal) = self.inspect_method(request) {
            return Some(refusal);
        }
        if let Some(refusal) = self.inspect_require(request) {
            return Some(refusal);
        }
        self.inspect_body(request)
    }

    fn inspect_method(&mut self, request: &Request) -> Option<Response> {
        if self.config.allow.contains(&request.method) {
            return None;
        }
        // RFC 3261 §21.5.2: 501 for a method nobody here has heard of, 405 for one we know and do not do (§21.4.6).
        let status = if matches!(request.method, Method::Other(_)) { 501 } else { 405 };
        let mut refusal = self.response(request, status);
        refusal.headers.push(HeaderName::Allow, self.allow());
        Some(refusal)
    }

    fn inspect_require(&mut self, request: &Request) -> Option<Response> {
        let unsupported: Vec<String> = request
            .headers
            .values(&HeaderName::Require)
            .filter(|tag| !self.config.supported.iter().any(|known| tag.eq_ignore_ascii_case(known.as_bytes())))
            .map(|tag| String::from_utf8_lossy(tag).into_owned())
            .collect();
        if unsupported.is_empty() {
            return None;
        }
        let mut refusal = self.response(request, 420);
        refusal.headers.push(HeaderName::Unsupported, unsupported.join(", "));
        Some(refusal)
    }

    fn inspect_body(&mut self, request: &Request) -> Option<Response> {
        if request.method != Method::Invite {
            return None;
        }
        let encoded = request.headers.text(&HeaderName::ContentEncoding).is_some_and(|coding| coding != "identity");
        let unknown_type = !request.body.is_empty()
            && request.content_type().is_some_and(|media| !self.config.accept.iter().any(|known| media.is(known)));
        if encoded || unknown_type {
            let mut refusal = self.response(request, 415);
            refusal.headers.push(HeaderName::Accept, self.config.accept.join(", "));
            refusal.headers.push(HeaderName::AcceptEncoding, "identity");
            return Some(refusal);
        }
        // RFC 3261 §20.1, §21.4.7: an Accept that leaves out SDP leaves nothing we could answer with.
        let mut accepts = request.headers.values(&HeaderName::Accept).peekable();
        let reads_sdp = accepts.peek().is_none()
            || accepts.any(|range| {
                let range = range.split(|byte| *byte == b';').next().unwrap_or(range).trim_ascii();
                [&b"application/sdp"[..], b"application/*", b"*/*"].iter().any(|known| range.eq_ignore_ascii_case(known))
            });
        (!reads_sdp).then(|| self.response(request, 406))
    }

    /// The 200 to OPTIONS: what we can do (RFC 3261 §11.2).
    pub fn capabilities(&mut self, request: &Request) -> Response {
        let mut response = self.response(request, 200);
        response.headers.push(HeaderName::Allow, self.allow());
        response.headers.push(HeaderName::Accept, self.config.accept.join(", "));
        response.headers.push(HeaderName::AcceptEncoding, "identity");
        response.headers.push(HeaderName::Supported, self.config.supported.join(", "));
        response
    }

    pub(super) fn allow(&self) -> String {
        let names: Vec<&str> = self.config.allow.iter().map(Method::as_str).collect();
        names.join(", ")
    }
}
