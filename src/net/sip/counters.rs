//! What the sockets did, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// A reading of the counters: totals since the sockets were opened, except where a field says *now*.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct NetCounters {
            /// Stream connections that are open or being opened now.
            pub connections_now: u64,
            $($(#[$doc])* pub $name: u64,)+
        }

        /// The live counters behind [`NetCounters`].
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)+
        }

        impl Counters {
            pub(super) fn read(&self, connections_now: usize) -> NetCounters {
                NetCounters { connections_now: connections_now as u64, $($name: self.$name.get(),)+ }
            }
        }
    };
}

counters! {
    /// Datagrams received, whatever became of them.
    datagrams_in,
    /// Datagrams handed to the kernel.
    datagrams_out,
    /// Octets received, datagrams and streams together.
    octets_in,
    /// Octets handed to the kernel, datagrams and streams together.
    octets_out,
    /// Datagrams dropped because the driver was behind by a whole inbound queue.
    datagrams_dropped_in,
    /// Datagrams dropped because the kernel's send buffer was full.
    datagrams_dropped_out,
    /// Errors that the kernel reported on a datagram socket, such as ICMP port unreachable.
    datagram_errors,
    /// Datagrams that only kept a NAT binding open, and pings on streams.
    keepalives,
    /// Whole messages received on streams.
    stream_messages_in,
    /// Connections accepted and opened.
    connections_total,
    /// Connections refused by a limit, in either direction.
    connections_refused,
    /// Connections that could not be opened to the peer.
    connects_failed,
    /// Messages over the listener's limit.
    oversize,
    /// Connections closed because the peer did not take what was written.
    stalled,
    /// Connections closed because no message could be cut out of the stream.
    framing_errors,
    /// Connections closed because a whole message did not arrive in time.
    unfinished,
    /// Connections closed because nothing was received.
    idle,
    /// Failures that could not be told to the driver because it was behind.
    failures_lost,
}

/// One total.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn one(&self) {
        self.add(1);
    }

    pub(super) fn add(&self, n: usize) {
        // Only ever read for display: no other memory is ordered by it.
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
