//! Whether a framed message is one that RFC 3261 lets us act on, and the answer if not.

use super::frame::Defect;
use super::{HeaderName, Headers, Message, ParseError, Request, Response, Scheme};

/// Why a message must not be processed. A request is answered with `status` (an ACK with nothing); a response is dropped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {reason}")]
pub struct Finding {
    /// The status code to answer with.
    pub status: u16,
    /// For the log and the `Warning` header; a fixed text, nothing of the message.
    pub reason: &'static str,
}

impl Finding {
    fn bad(reason: &'static str) -> Finding {
        Finding { status: 400, reason }
    }
}

/// Headers that a message has once at most, and whose grammar is not a list (RFC 3261 §7.3.1).
const SINGLE: [HeaderName; 12] = [
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
    HeaderName::MaxForwards,
    HeaderName::ContentLength,
    HeaderName::ContentType,
    HeaderName::Expires,
    HeaderName::ReferTo,
    HeaderName::Replaces,
    HeaderName::SessionExpires,
    HeaderName::Event,
];

/// Checks what is the message layer's to check: framing, version, mandatory and single headers, the grammar of those
/// that every element reads, and the Request-URI's scheme. What the gateway supports (405, 415, 420, 483, 501 …) is the
/// endpoint's question.
pub fn validate(msg: &Message) -> Result<(), Finding> {
    match msg {
        Message::Request(request) => validate_request(request),
        Message::Response(response) => validate_response(response),
    }
}

fn validate_request(request: &Request) -> Result<(), Finding> {
    check_version(request.version())?;
    check_defect(request.defect())?;
    check_uri(request)?;
    let method = check_headers(&request.headers)?;
    if method != request.method {
        return Err(Finding::bad("CSeq method differs from request line"));
    }
    request.max_forwards().map_err(|_| Finding::bad("malformed Max-Forwards"))?;
    Ok(())
}

fn validate_response(response: &Response) -> Result<(), Finding> {
    check_version(response.version())?;
    check_defect(response.defect())?;
    check_headers(&response.headers)?;
    // RFC 3261 §8.1.3.3: Tandem never forwards a response, so a second Via means that it is not ours.
    if response.headers.values(&HeaderName::Via).nth(1).is_some() {
        return Err(Finding::bad("more than one Via in a response"));
    }
    Ok(())
}

fn check_version(version: &[u8]) -> Result<(), Finding> {
    // RFC 3261 §7.1: the version is compared without regard to case.
    if version.eq_ignore_ascii_case(b"SIP/2.0") {
        return Ok(());
    }
    let numbers = version.get(4..).unwrap_or_default();
    let (major, minor) = match memchr::memchr(b'.', numbers) {
        Some(dot) => (&numbers[..dot], &numbers[dot + 1..]),
        None => (numbers, &b""[..]),
    };
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if digits(major) && digits(minor) {
        return Err(Finding { status: 505, reason: "SIP version not supported" });
    }
    Err(Finding::bad("malformed SIP version"))
}

fn check_defect(defect: Option<Defect>) -> Result<(), Finding> {
    let reason = match defect {
        None => return Ok(()),
        Some(Defect::NoEmptyLine) => "no empty line after the headers",
        Some(Defect::StrayLineEnd) => "stray CR or LF in a header",
        Some(Defect::HeaderLine) => "malformed header line",
        Some(Defect::RequestLine) => "malformed request line",
        Some(Defect::ContentLength) => "malformed Content-Length",
        Some(Defect::SecondContentLength) => "more than one Content-Length",
        Some(Defect::ShortBody) => "body shorter than Content-Length",
        Some(Defect::NoContentLength) => "no Content-Length on a stream",
        Some(Defect::LongBody) => "body longer than Content-Length",
    };
    Err(Finding::bad(reason))
}

fn check_uri(request: &Request) -> Result<(), Finding> {
    let uri = request.uri().map_err(|_| Finding::bad("malformed Request-URI"))?;
    if uri.scheme() == Scheme::Other {
        return Err(Finding { status: 416, reason: "unsupported Request-URI scheme" });
    }
    // RFC 3261 §19.1.1, table 1: no header part in a Request-URI.
    if uri.has_headers() {
        return Err(Finding::bad("headers in Request-URI"));
    }
    Ok(())
}

/// What requests and responses share; gives back the CSeq method.
fn check_headers(headers: &Headers) -> Result<super::Method, Finding> {
    if SINGLE.iter().any(|name| headers.all(name).nth(1).is_some()) {
        return Err(Finding::bad("repeated header that may come once"));
    }
    // RFC 3261 §8.1.1 and §20.42; a missing Max-Forwards is RFC 2543's and forgiven (§16.3).
    let vias = headers.vias().map_err(|_| Finding::bad("malformed Via"))?;
    if vias.is_empty() {
        return Err(Finding::bad("no Via"));
    }
    headers.from().map_err(|e| finding(e, "malformed From", "no From"))?;
    headers.to().map_err(|e| finding(e, "malformed To", "no To"))?;
    headers.call_id().map_err(|e| finding(e, "malformed Call-ID", "no Call-ID"))?;
    headers.contacts().map_err(|_| Finding::bad("malformed Contact"))?;
    headers.routes().map_err(|_| Finding::bad("malformed Route"))?;
    headers.record_routes().map_err(|_| Finding::bad("malformed Record-Route"))?;
    headers.cseq().map(|cseq| cseq.method).map_err(|e| finding(e, "malformed CSeq", "no CSeq"))
}

fn finding(error: ParseError, malformed: &'static str, missing: &'static str) -> Finding {
    Finding::bad(if matches!(error, ParseError::Missing(_)) { missing } else { malformed })
}
