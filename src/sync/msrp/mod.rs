//! MSRP (RFC 4975) without I/O: one [`Connection`] per transport connection.
//!
//! Read it from the wire inwards: [`decoder`] cuts the stream into heads and pieces of content, [`inbox`] joins chunks
//! to messages, [`outbox`] cuts messages into chunks and follows their transactions, [`connection`] puts the three together.

pub mod connection;
pub mod decoder;
pub mod head;
pub mod inbox;
pub mod outbox;
pub mod uri;

#[cfg(test)]
mod corpus;

pub use connection::{Connection, ConnectionConfig, Event, Fault, Incoming, Limits};
pub use outbox::{Class, Outgoing, SendError, Ticket};
pub use uri::{MsrpUri, UriError};

/// The status codes of RFC 4975 §10.
pub mod status {
    /// Received.
    pub const OK: u16 = 200;
    /// Not understood.
    pub const BAD_REQUEST: u16 = 400;
    /// Not allowed; the sender must not try again.
    pub const FORBIDDEN: u16 = 403;
    /// No answer in time.
    pub const TIMEOUT: u16 = 408;
    /// The receiver does not want the rest of this message.
    pub const STOP_SENDING: u16 = 413;
    /// The media type is not understood.
    pub const UNSUPPORTED_MEDIA: u16 = 415;
    /// No such session.
    pub const NO_SESSION: u16 = 481;
    /// The method is not implemented.
    pub const UNKNOWN_METHOD: u16 = 501;
    /// The session is bound to another connection already.
    pub const SESSION_IN_USE: u16 = 506;

    /// The customary comment of a status.
    pub fn comment(status: u16) -> &'static str {
        match status {
            OK => "OK",
            BAD_REQUEST => "Bad Request",
            FORBIDDEN => "Forbidden",
            TIMEOUT => "Timeout",
            STOP_SENDING => "Message Too Large",
            UNSUPPORTED_MEDIA => "Unsupported Media Type",
            NO_SESSION => "Session Does Not Exist",
            UNKNOWN_METHOD => "Unknown Method",
            SESSION_IN_USE => "Session In Use",
            _ => "Refused",
        }
    }
}
