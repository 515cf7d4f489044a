//! The operator's window: `GET /status` as JSON, `GET /metrics` for Prometheus. Loopback only, and it changes nothing.
#![allow(clippy::disallowed_methods)] // a shell: it spawns its server

mod metrics;

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::driver::Command;

/// Why the console cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; change [console] bind, or leave the table out")]
pub struct ConsoleError {
    address: SocketAddr,
    source: std::io::Error,
}

/// The running console; dropping it stops it.
pub struct Console {
    task: JoinHandle<()>,
}

impl Console {
    /// Serves on `bind`.
    pub async fn start(bind: SocketAddr, commands: mpsc::Sender<Command>) -> Result<Console, ConsoleError> {
        let listener = TcpListener::bind(bind).await.map_err(|source| ConsoleError { address: bind, source })?;
        let router =
            Router::new().route("/status", get(status)).route("/metrics", get(prometheus)).with_state(commands);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the console stopped");
            }
        });
        Ok(Console { task })
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn status(State(commands): State<mpsc::Sender<Command>>) -> Response {
    match crate::app::status(&commands).await {
        Some(status) => axum::Json(metrics::json(&status)).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn prometheus(State(commands): State<mpsc::Sender<Command>>) -> Response {
    match crate::app::status(&commands).await {
        Some(status) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics::text(&status)).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
