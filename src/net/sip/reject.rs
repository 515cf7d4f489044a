//! The answer to a request after which a stream cannot be read any further.

use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;

use crate::sip::message::{HeaderName, Message, Method, Response};

/// A 400 for the request whose header block this is, if it is one that can be answered (RFC 3261 §18.3: an error for a
/// request without a usable `Content-Length` on a stream; RFC 4475 §3.1.2.2, §3.3.9). Nothing is sent for an ACK
/// (RFC 3261 §17.1.1.3) or a response.
pub(super) fn bad_length(head: Bytes) -> Option<Bytes> {
    // RFC 3261 §19.3: a tag is globally unique and not to be guessed; the hasher is seeded by the system.
    let tag = format!("{:016x}", RandomState::new().hash_one(&head));
    let Ok(Message::Request(request)) = Message::parse_frame(head) else { return None };
    if request.method == Method::Ack || request.via().is_err() {
        return None;
    }
    let mut response = Response::with_reason(400, "Bad Content-Length");
    response.headers = Response::for_request(&request, 400).headers;
    if let Ok(mut to) = request.to()
        && to.tag().is_none()
    {
        to.set_tag(&tag);
        response.headers.set(HeaderName::To, to.to_bytes());
    }
    Some(response.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(start: &str, extra: &str) -> Bytes {
        format!(
            "{start}\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@example.com>;tag=1\r\n\
             To: <sip:b@example.com>\r\nCall-ID: c\r\nCSeq: 1 X\r\n{extra}\r\n"
        )
        .into()
    }

    #[test]
    fn a_request_is_answered_with_its_own_headers_and_a_tag() {
        let answer = bad_length(head("INVITE sip:b@example.com SIP/2.0", "Content-Length: -7\r\n")).expect("an answer");
        let Ok(Message::Response(answer)) = Message::parse_frame(answer) else { panic!("no response") };
        assert_eq!(answer.status, 400);
        assert_eq!(answer.call_id(), Ok("c"));
        assert_eq!(answer.via().expect("a Via").branch(), Some("z9hG4bK1"));
        assert!(answer.to().expect("a To").tag().is_some());
    }

    #[test]
    fn nothing_answers_an_ack_a_response_or_no_sip() {
        assert_eq!(bad_length(head("ACK sip:b@example.com SIP/2.0", "Content-Length: x\r\n")), None);
        assert_eq!(bad_length(head("SIP/2.0 200 OK", "Content-Length: x\r\n")), None);
        assert_eq!(bad_length(Bytes::from_static(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")), None);
        assert_eq!(bad_length(Bytes::from_static(b"\xff\xfe\r\n\r\n")), None);
    }
}
