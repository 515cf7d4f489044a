//! The two requests that ride on an INVITE's branch: the ACK for a failure, and CANCEL.

use bytes::{BufMut, Bytes, BytesMut};

use crate::sip::message::{CSeq, HeaderName, Method, ParseError, Request, Response};

/// The ACK for a failure of one INVITE, but for its `To`, which only the failure tells (RFC 3261 §17.1.1.3).
///
/// Kept as octets, so that a call that rings for minutes holds one small allocation and not its INVITE.
#[derive(Debug)]
pub(super) struct AckDraft(Box<[u8]>);

impl AckDraft {
    /// Takes what the ACK needs from the INVITE.
    pub fn new(invite: &Request) -> Self {
        let Ok(ack) = on_branch(invite, Method::Ack) else {
            // Our own fault: an INVITE that nobody can have understood, so that it hardly gets an answer.
            tracing::error!("INVITE without a readable Request-URI or CSeq");
            return AckDraft(Box::default());
        };
        let bytes = ack.to_bytes();
        // The blank line that ends the header follows the `To`.
        AckDraft(bytes.strip_suffix(b"\r\n").unwrap_or(&bytes).into())
    }

    /// RFC 3261 §17.1.1.3: the `To` MUST equal the one of the response being acknowledged.
    pub fn complete(&self, response: &Response) -> Bytes {
        let to = response.headers.get(&HeaderName::To).map(|to| to.value()).unwrap_or_default();
        let mut ack = BytesMut::with_capacity(self.0.len() + to.len() + 8);
        ack.put_slice(&self.0);
        ack.put_slice(b"To: ");
        ack.put_slice(to);
        ack.put_slice(b"\r\n\r\n");
        ack.freeze()
    }
}

/// The CANCEL for `invite`, which must be as it was sent (RFC 3261 §9.1). The caller sends it with
/// [`Transactions::request`](super::Transactions::request) once a provisional response has come, and not before.
///
/// # Errors
///
/// When `invite` has no readable Request-URI or CSeq.
pub fn cancel(invite: &Request) -> Result<Request, ParseError> {
    let mut request = on_branch(invite, Method::Cancel)?;
    copy(invite, &mut request, &HeaderName::To);
    Ok(request)
}

/// Request-URI, top Via, Route, From, Call-ID and CSeq number of `invite` under another method (RFC 3261 §9.1,
/// §17.1.1.3).
fn on_branch(invite: &Request, method: Method) -> Result<Request, ParseError> {
    let cseq = CSeq { seq: invite.cseq()?.seq, method: method.clone() };
    let mut request = Request::new(method, &invite.uri()?);
    // Exactly one Via, the top one: the hop answers us and nobody behind us.
    if let Some(via) = invite.headers.values(&HeaderName::Via).next() {
        request.headers.push(HeaderName::Via, Bytes::copy_from_slice(via));
    }
    request.headers.push(HeaderName::MaxForwards, "70");
    for name in [HeaderName::Route, HeaderName::From, HeaderName::CallId] {
        copy(invite, &mut request, &name);
    }
    request.headers.push(HeaderName::CSeq, cseq.to_string());
    request.headers.set(HeaderName::ContentLength, "0");
    Ok(request)
}

fn copy(from: &Request, to: &mut Request, name: &HeaderName) {
    for header in from.headers.all(name) {
        to.headers.push_header(header);
    }
}
