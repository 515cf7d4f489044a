//! What can be wrong with octets that claim to be a SIP message, or with one value in it.

use super::HeaderName;

/// The sender's fault, always: our own setters cannot fail.
///
/// From [`Message::parse_datagram`](super::Message::parse_datagram) it means that there is nothing to answer (drop and
/// count); from a typed accessor it means that this one value is not what RFC 3261 §25.1 says. The texts name the rule and
/// never quote the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// No octets, or only blank lines.
    #[error("empty message")]
    Empty,
    /// More octets than [`limits::MAX_MESSAGE`](super::limits::MAX_MESSAGE).
    #[error("message longer than the limit")]
    TooLarge,
    /// A line longer than [`limits::MAX_LINE`](super::limits::MAX_LINE).
    #[error("line longer than the limit")]
    LineTooLong,
    /// More header lines than [`limits::MAX_HEADERS`](super::limits::MAX_HEADERS).
    #[error("more header lines than the limit")]
    TooManyHeaders,
    /// Neither a request line nor a status line.
    #[error("start line is not SIP")]
    StartLine,
    /// The status code is not three digits between 100 and 699.
    #[error("status code out of range")]
    StatusCode,
    /// A header field that must be there is not.
    #[error("{0} missing")]
    Missing(HeaderName),
    /// A value that breaks the grammar; the text names the element.
    #[error("malformed {0}")]
    Malformed(&'static str),
}
