//! The live page: both screens, the timeline, the state of the call, and a button that calls again.

mod board;
mod server;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(super) use board::Board;

use super::error::DemoError;
use super::network::Network;

/// Ports that are tried after the wanted one.
const TRIES: u16 = 50;

/// The page while it is served; dropping it stops that.
pub(super) struct Page {
    board: Arc<Board>,
    address: SocketAddr,
    orders: mpsc::Receiver<Network>,
    task: JoinHandle<()>,
}

impl Page {
    /// Serves on `port` of 127.0.0.1, or on the next that is free. Port 0 takes any.
    pub(super) async fn serve(port: u16) -> Result<Page, DemoError> {
        let listener = bind(port).await.map_err(DemoError::Page)?;
        let address = listener.local_addr().map_err(DemoError::Page)?;
        let board = Arc::new(Board::new());
        // One call at a time, so one order at a time.
        let (place, orders) = mpsc::channel(1);
        let router = server::router(Arc::clone(&board), place, address.port());
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the page is no longer served");
            }
        });
        Ok(Page { board, address, orders, task })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(super) fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// Waits until somebody presses the button. Cancel-safe.
    pub(super) async fn ordered(&mut self) -> Network {
        match self.orders.recv().await {
            Some(network) => network,
            // The server has gone, and with it every button.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn bind(port: u16) -> io::Result<TcpListener> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in port..=port.saturating_add(TRIES) {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests;
