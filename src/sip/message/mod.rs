//! SIP messages (RFC 3261 §7) in three steps: *frame* losslessly, *type* a header when somebody asks, *validate* as a
//! separate question with the RFC's answer. `docs/adr/0001-sip-message-layer.md` says why.
//!
//! A message that nobody changed is written octet for octet as it came. No setter lets a value start another line.

mod cseq;
mod error;
mod frame;
mod header_name;
mod headers;
mod host;
mod lex;
pub mod limits;
mod media_type;
mod method;
pub mod multipart;
mod name_addr;
mod origin;
mod params;
mod request;
mod response;
mod start_line;
mod status;
#[cfg(test)]
mod tests;
mod text;
mod typed;
mod uri;
mod validate;
mod via;

use bytes::Bytes;

pub use cseq::CSeq;
pub use error::ParseError;
pub(super) use frame::declared_length;
pub use header_name::HeaderName;
pub use headers::{Header, Headers};
pub use host::Host;
pub use media_type::MediaType;
pub use method::Method;
pub use name_addr::{DisplayName, NameAddr};
pub use params::Params;
pub use request::Request;
pub use response::Response;
pub use text::Text;
pub use typed::ContactList;
pub use uri::{Scheme, Uri};
pub use validate::{Finding, validate};
pub use via::Via;

use frame::{Carrier, Defect, Frame};
use origin::Origin;
use start_line::StartLine;

/// A request or a response.
#[derive(Clone, Debug)]
pub enum Message {
    /// See [`Request`].
    Request(Request),
    /// See [`Response`].
    Response(Response),
}

impl Message {
    /// Frames the message in a datagram. Octets past `Content-Length` are ignored; without one, the body goes to the end
    /// (RFC 3261 §18.3). `Err` means that there is nothing to answer; whether the message is any good is
    /// [`validate`]'s question.
    pub fn parse_datagram(buf: Bytes) -> Result<Message, ParseError> {
        if buf.len() > limits::MAX_MESSAGE {
            return Err(ParseError::TooLarge);
        }
        Message::assemble(frame::frame(&buf, Carrier::Datagram)?)
    }

    /// Frames exactly one message that [`StreamDecoder`](crate::sip::framing::StreamDecoder) cut off a stream.
    pub fn parse_frame(buf: Bytes) -> Result<Message, ParseError> {
        Message::assemble(frame::frame(&buf, Carrier::Stream)?)
    }

    fn assemble(frame: Frame) -> Result<Message, ParseError> {
        let Frame { raw, start, headers, body, defect } = frame;
        let start_len = start.len();
        Ok(match start_line::parse(&start)? {
            StartLine::Request { method, uri, version, exact } => {
                let defect = if exact { defect } else { Some(Defect::RequestLine) };
                let origin = Origin { raw, start_len, version, defect };
                Message::Request(Request::received(method, uri, headers, body, origin))
            }
            StartLine::Response { status, reason, version } => {
                let origin = Origin { raw, start_len, version, defect };
                Message::Response(Response::received(status, reason, headers, body, origin))
            }
        })
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        match self {
            Message::Request(request) => &request.headers,
            Message::Response(response) => &response.headers,
        }
    }

    /// The header fields, to change them.
    pub fn headers_mut(&mut self) -> &mut Headers {
        match self {
            Message::Request(request) => &mut request.headers,
            Message::Response(response) => &mut response.headers,
        }
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        match self {
            Message::Request(request) => &request.body,
            Message::Response(response) => &response.body,
        }
    }

    /// The octets for the wire; those that came, if nobody changed the message.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Message::Request(request) => request.to_bytes(),
            Message::Response(response) => response.to_bytes(),
        }
    }
}
