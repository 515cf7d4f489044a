//! What the sockets may use up.

use std::time::Duration;

/// Bounds of all listeners together. Every queue, timer and table of this layer is sized by one of these.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Stream connections at one time, accepted and opened ones together.
    pub max_connections: usize,
    /// Accepted connections at one time from one source: an IPv4 address, or an IPv6 /64 (the least a subscriber gets, so
    /// that its addresses count as one).
    pub connections_per_source: usize,
    /// A connection on which nothing was received for so long is closed. Octets that we send do not count: a peer that
    /// vanished cannot answer them.
    pub idle_timeout: Duration,
    /// From the first octet of a message to its last, and from accepting a connection to its first whole message.
    pub first_message_timeout: Duration,
    /// A connection whose peer takes no octet for so long, while some are waiting, is closed.
    pub write_stall_timeout: Duration,
    /// Octets waiting to be written to one connection, bookkeeping included; beyond it the connection is closed. One
    /// message always fits into an empty queue.
    pub write_queue_bytes: usize,
    /// Events waiting to be taken by the driver. When they are this many, datagrams are dropped and streams are not read.
    pub inbound_queue: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_connections: 4096,
            connections_per_source: 256,
            // Longer than the hour that a registration usually lasts (RFC 3261 §10.2.1.1).
            idle_timeout: Duration::from_secs(3_900),
            first_message_timeout: Duration::from_secs(30),
            write_stall_timeout: Duration::from_secs(10),
            write_queue_bytes: 256 * 1024,
            inbound_queue: 4096,
        }
    }
}
