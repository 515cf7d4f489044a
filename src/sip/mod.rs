//! SIP (RFC 3261), without I/O: messages, transactions, dialogs, session descriptions, authentication.

pub mod auth;
pub mod dialog;
pub mod endpoint;
pub mod framing;
pub mod message;
pub mod sdp;
pub mod transaction;

use std::fmt;
use std::net::SocketAddr;

/// How a message travels. Decides reliability (RFC 3261 §17) and the `Via` transport token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams: transactions retransmit.
    Udp,
    /// A byte stream: messages are framed by `Content-Length`, nothing is retransmitted hop by hop.
    Tcp,
}

impl Transport {
    /// Whether the transport itself delivers or reports failure (RFC 3261 §17: no retransmission timers).
    pub fn is_reliable(self) -> bool {
        !matches!(self, Transport::Udp)
    }

    /// The token in `Via` (RFC 3261 §20.42).
    pub fn token(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        }
    }

    /// The value of the `transport` URI parameter (RFC 3261 §19.1.1).
    pub fn uri_param(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}

/// One accepted or opened stream connection, numbered by the shell that owns the socket; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// The way a message came in, and therefore the way its answer goes out (RFC 3261 §18.2.2; RFC 5923 reuse).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flow {
    /// The transport protocol.
    pub transport: Transport,
    /// Our listener's address; it is also what we write in `Via` and `Contact`.
    pub local: SocketAddr,
    /// The peer's address as the kernel saw it.
    pub remote: SocketAddr,
    /// The stream connection to use; `None` on UDP, and on a stream that is still to be opened.
    pub connection: Option<ConnectionId>,
}
