//! Taking in connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::connection::Connection;
use super::shared::Shared;
use super::table::{Origin, Peer};
use super::tcp::TcpPort;

/// How long to wait for a file descriptor or for memory before accepting goes on.
const RESPITE: Duration = Duration::from_millis(100);

/// Accepts for ever.
pub(super) async fn accept(listener: TcpListener, port: TcpPort, shared: Arc<Shared>) {
    let mut short = false;
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                short = false;
                welcome(stream, remote, port, &shared);
            }
            Err(error) if is_about_one_peer(&error) => {}
            Err(error) => {
                // Said once, until it works again: this may go on for long.
                if !std::mem::replace(&mut short, true) {
                    tracing::warn!(local = %port.local, %error, "cannot accept connections for now");
                }
                tokio::time::sleep(RESPITE).await;
            }
        }
    }
}

fn welcome(stream: TcpStream, remote: SocketAddr, port: TcpPort, shared: &Arc<Shared>) {
    let peer = Peer { listener: port.index, remote };
    match Connection::admit(port, peer, Origin::Accepted, shared) {
        Ok(connection) => shared.spawn(connection.accepted(stream)),
        Err(refusal) => tracing::debug!(local = %port.local, %remote, %refusal, "connection refused"),
    }
}

/// The peer gave up between the kernel's accepting and ours (accept(2)).
fn is_about_one_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
