//! SIP over datagrams (RFC 3261 §18).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use socket2::SockRef;
use tokio::net::UdpSocket;

use super::shared::Shared;
use crate::sip::{Flow, Transport};

/// The longest datagram that IP can carry.
const MAX_DATAGRAM: usize = 65_535;

/// Datagrams taken in one go before the driver, which may live on the same thread, gets its turn.
const BATCH: usize = 64;

/// One datagram socket.
#[derive(Debug)]
pub(super) struct UdpListener {
    pub(super) local: SocketAddr,
    pub(super) max_message_bytes: usize,
    pub(super) socket: UdpSocket,
}

impl UdpListener {
    /// Sends one datagram, or drops it. Goes to the kernel past tokio, which after one full buffer would call the socket
    /// unwritable until the next turn of its event loop and so lose the whole burst.
    pub(super) fn send(&self, remote: SocketAddr, bytes: &[u8], shared: &Shared) -> io::Result<()> {
        let socket = SockRef::from(&self.socket);
        let to = remote.into();
        let mut sent = socket.send_to(bytes, &to);
        if let Err(error) = &sent
            && error.kind() == io::ErrorKind::ConnectionRefused
        {
            // The kernel hands out the ICMP error of an earlier datagram here, to whomever it was, and does not send.
            shared.counters.datagram_errors.one();
            sent = socket.send_to(bytes, &to);
        }
        match sent {
            Ok(octets) => {
                shared.counters.datagrams_out.one();
                shared.counters.octets_out.add(octets);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // As good as lost on the way: the transaction retransmits (RFC 3261 §17.1.1.2).
                shared.counters.datagrams_dropped_out.one();
                Ok(())
            }
            Err(error) => {
                shared.counters.datagram_errors.one();
                Err(error)
            }
        }
    }

    /// Reads for ever, in order, until the driver is gone.
    pub(super) async fn read(self: Arc<Self>, shared: Arc<Shared>) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            if let Err(error) = self.socket.readable().await {
                tracing::error!(local = %self.local, %error, "datagram socket is lost");
                return;
            }
            match self.read_batch(&mut buffer, &shared) {
                Batch::Whole => tokio::task::yield_now().await,
                Batch::Drained => {}
                Batch::Unwanted => return,
            }
        }
    }

    fn read_batch(&self, buffer: &mut [u8], shared: &Shared) -> Batch {
        for _ in 0..BATCH.min(shared.limits.inbound_queue.max(1)) {
            match self.socket.try_recv_from(buffer) {
                Ok((len, remote)) => {
                    if !self.take(&buffer[..len], remote, shared) {
                        return Batch::Unwanted;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Batch::Drained,
                Err(error) => {
                    // ICMP about a datagram that we sent; the socket goes on.
                    shared.counters.datagram_errors.one();
                    tracing::debug!(local = %self.local, %error, "datagram socket reported an error");
                }
            }
        }
        Batch::Whole
    }

    /// False when the driver is gone.
    fn take(&self, datagram: &[u8], remote: SocketAddr, shared: &Shared) -> bool {
        let counters = &shared.counters;
        counters.datagrams_in.one();
        counters.octets_in.add(datagram.len());
        if is_keepalive(datagram) {
            counters.keepalives.one();
            return true;
        }
        if datagram.len() > self.max_message_bytes {
            counters.oversize.one();
            return true;
        }
        let flow = Flow { transport: Transport::Udp, local: self.local, remote, connection: None };
        shared.events.offer(flow, || Bytes::copy_from_slice(datagram), counters)
    }
}

/// How reading a batch ended.
enum Batch {
    /// There may be more.
    Whole,
    /// The socket is empty.
    Drained,
    /// The driver is gone.
    Unwanted,
}

/// What phones send to keep a NAT binding open where nobody answers: an empty datagram, CRLF, CRLF CRLF, or NULs. RFC 5626
/// §3.5.2 asks for STUN on datagrams; these are older habits.
fn is_keepalive(datagram: &[u8]) -> bool {
    datagram.len() <= 4 && datagram.iter().all(|octet| matches!(octet, b'\r' | b'\n' | 0))
}

#[cfg(test)]
mod tests {
    use super::is_keepalive;

    #[test]
    fn keepalives_are_short_and_blank() {
        for blank in [&b""[..], b"\r\n", b"\r\n\r\n", b"\0", b"\0\0\0\0"] {
            assert!(is_keepalive(blank), "{blank:?}");
        }
        for other in [&b"\r\n\r\n\r\n"[..], b"\0\0\0\0\0", b"ACK", b" "] {
            assert!(!is_keepalive(other), "{other:?}");
        }
    }
}
