//! SIP over TCP: which connection a message takes, and the options of the sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

use super::connection::Connection;
use super::outbox::{End, Outbox};
use super::shared::Shared;
use super::table::{Origin, Peer};
use crate::sip::{ConnectionId, Flow};

/// How long a peer may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// How long the kernel waits for the acknowledgement of what it sent: a vanished peer is noticed by the time the
/// transactions give up (64*T1, RFC 3261 §17.1.2.2), not after the quarter of an hour that is TCP's default.
const UNACKNOWLEDGED: Duration = Duration::from_secs(32);

/// One listening stream socket, as its connections see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct TcpPort {
    pub(super) index: usize,
    pub(super) local: SocketAddr,
    pub(super) max_message_bytes: usize,
}

impl TcpPort {
    /// Queues a message on the connection that the flow names, or on the one there is to that peer, or on a new one.
    pub(super) fn send(self, flow: Flow, bytes: Bytes, shared: &Arc<Shared>) {
        let sent = match flow.connection {
            Some(id) => self.send_over(id, flow, bytes, shared),
            None => self.send_to_peer(flow, bytes, shared),
        };
        if !sent {
            shared.events.failed(flow, &shared.counters);
        }
    }

    fn send_over(self, id: ConnectionId, flow: Flow, bytes: Bytes, shared: &Arc<Shared>) -> bool {
        shared.connections.by_id(id).is_some_and(|outbox| outbox.push(Some(flow), bytes).is_ok())
    }

    fn send_to_peer(self, flow: Flow, bytes: Bytes, shared: &Arc<Shared>) -> bool {
        let peer = Peer { listener: self.index, remote: flow.remote };
        if let Some(outbox) = shared.connections.by_peer(peer) {
            match outbox.push(Some(flow), bytes.clone()) {
                Ok(()) => return true,
                Err(End::Overflow) => return false,
                // It is on its way out; the message deserves a new one.
                Err(End::Closed) => {}
            }
        }
        self.open(peer, shared).is_some_and(|outbox| outbox.push(Some(flow), bytes).is_ok())
    }

    fn open(self, peer: Peer, shared: &Arc<Shared>) -> Option<Arc<Outbox>> {
        match Connection::admit(self, peer, Origin::Opened, shared) {
            Ok(connection) => {
                let outbox = connection.outbox();
                shared.spawn(connection.opened());
                Some(outbox)
            }
            Err(refusal) => {
                tracing::debug!(local = %self.local, remote = %peer.remote, %refusal, "connection not opened");
                None
            }
        }
    }
}

/// Connects from the listener's own address, so that the peer sees the address that it was told to expect.
pub(super) async fn connect(from: IpAddr, remote: SocketAddr) -> io::Result<TcpStream> {
    let socket = if from.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if !from.is_unspecified() {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    tokio::time::timeout(CONNECT_TIMEOUT, socket.connect(remote)).await?
}

/// Options of every connection. Best effort: it works without them, only slower or longer.
pub(super) fn tune(stream: &TcpStream, write_queue_bytes: usize) {
    let socket = SockRef::from(stream);
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    // What the kernel holds for a slow reader is memory too.
    let _ = socket.set_send_buffer_size(write_queue_bytes);
}

/// Makes the coming close a reset, which frees at once what the kernel still holds for the peer.
pub(super) fn reset_on_close(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Reads until the peer closes, and keeps nothing.
pub(super) async fn discard(stream: &TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
