//! The demo travel site: the mobile pages of "Tandem Travel", a fictitious agency, served from this binary.
//!
//! It stands for the customer's app in the demo and in the tests: flights and hotels, from search to confirmation. Every
//! page is a deep link, names its screen in `<body data-screen>` and its key facts in other data attributes. Pages are
//! rendered here, need no script and nothing from the network, never move by themselves, and are the same on every
//! machine; the timetable and the prices are made up. `docs/simulator.md` lists the screens.
#![allow(clippy::disallowed_methods)] // a shell: it spawns its server

mod city;
mod flight;
mod hotel;
mod link;
mod order;
mod routes;
mod seed;
mod view;

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Why the site could not be served.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The address is taken, or not ours.
    #[error("the demo site cannot listen on {bind}: {source}; choose another address, or port 0 for any free one")]
    Bind {
        /// The address asked for.
        bind: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
}

/// A site that is being served; dropping it stops the site.
#[derive(Debug)]
pub struct SiteHandle {
    /// The address that the site listens on, with the port that was given if 0 was asked for.
    pub local_addr: SocketAddr,
    task: JoinHandle<io::Result<()>>,
    stop: DropGuard,
}

impl SiteHandle {
    /// The site's address as a link, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.local_addr)
    }

    /// Stops taking requests, and returns when those under way are answered.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the demo site's task failed");
        }
    }
}

/// Serves the site on `bind` until the handle is dropped. Orders are kept in memory, for this site only.
///
/// # Errors
/// [`SiteError::Bind`] when the address cannot be listened on.
pub async fn serve(bind: SocketAddr) -> Result<SiteHandle, SiteError> {
    let failed = |source| SiteError::Bind { bind, source };
    let listener = TcpListener::bind(bind).await.map_err(failed)?;
    let local_addr = listener.local_addr().map_err(failed)?;
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let task =
        tokio::spawn(async move { axum::serve(listener, routes::router()).with_graceful_shutdown(stopped).await });
    tracing::info!(%local_addr, "demo site is being served");
    Ok(SiteHandle { local_addr, task, stop: stop.drop_guard() })
}
