//! The answers that the table gives itself, before any transaction user hears of the request.

use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;

use crate::sip::message::{HeaderName, Request, Response};

/// How long a refused peer shall wait, in seconds: by then the transactions of this moment are over (64·T1).
const RETRY_AFTER_S: &str = "32";

/// `503` of a table that is full, given without state (RFC 3261 §8.2.7, §21.5.4).
pub(super) fn overloaded(request: &Request, key: &[u8]) -> Response {
    let mut response = tagged(request, 503, key);
    response.headers.set(HeaderName::RetryAfter, RETRY_AFTER_S);
    response
}

/// `482` for a request that came before by another path (RFC 3261 §8.2.2.2).
pub(super) fn merged(request: &Request, key: &[u8]) -> Response {
    tagged(request, 482, key)
}

/// RFC 3261 §8.2.7: without state, the tag MUST come out the same for the same request. It guards nothing, so a plain
/// hash will do.
fn tagged(request: &Request, status: u16, key: &[u8]) -> Response {
    let mut response = Response::for_request(request, status);
    if let Ok(mut to) = request.to()
        && to.tag().is_none()
    {
        to.set_tag(&format!("{:016x}", FxBuildHasher.hash_one(key)));
        response.headers.set(HeaderName::To, to.to_bytes());
    }
    response
}
