//! The screen sessions' shell: one MSRP listener for all, one task per call.
//!
//! ```text
//! driver ── ScreenCommand ─► registry ─► call task ─┬─ carrier ── TCP ── phone
//!        ◄─ ScreenEvent ───────┴────────────┘       └─ carrier ── TCP ── seat
//! listener ─► door (whose session?) ─► call task
//! ```
//!
//! Frames never pass the driver. Every channel is bounded; a driver that does not take events makes the calls stop reading.

mod call;
mod carrier;
pub mod client;
mod door;
mod registry;

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::sync::mpsc;

pub use carrier::Ended;
pub use client::{ClientConfig, Received, ScreenClient};

use crate::sync::contract::{ScreenCommand, ScreenEvent};
use crate::sync::msrp::{Limits, MsrpUri, UriError};
use crate::sync::session::SessionConfig;
use registry::Registry;

/// Connections that wait to be told whose they are.
const LOOKUPS: usize = 64;

/// What the shell needs to know.
#[derive(Clone, Debug)]
pub struct ScreenShellConfig {
    /// Where MSRP over TCP is served. Port 0 takes a free one.
    pub bind: SocketAddr,
    /// The host in our `a=path`.
    pub advertised_host: String,
    /// The port in our `a=path`; 0 means the one that was bound.
    pub advertised_port: u16,
    /// Calls with screens at once.
    pub sessions_max: usize,
    /// Connections at once, those included that have not named a session yet.
    pub connections_max: usize,
    /// The bounds of a connection.
    pub msrp: Limits,
    /// The bounds of a session.
    pub session: SessionConfig,
}

impl ScreenShellConfig {
    /// A shell on `bind` with the default bounds, for `sessions_max` calls.
    pub fn new(bind: SocketAddr, sessions_max: usize) -> Self {
        ScreenShellConfig {
            bind,
            advertised_host: bind.ip().to_string(),
            advertised_port: 0,
            sessions_max,
            connections_max: 2 * sessions_max + 64,
            msrp: Limits::default(),
            session: SessionConfig::default(),
        }
    }
}

/// A running shell. It ends when the driver drops its sender of commands.
#[derive(Clone, Debug)]
pub struct ScreenHandle {
    /// Where the listener is.
    pub local_addr: SocketAddr,
    advertised: (String, u16),
}

impl ScreenHandle {
    /// The `a=path` for a session id.
    pub fn path(&self, session_id: &str) -> Result<MsrpUri, UriError> {
        MsrpUri::tcp(&self.advertised.0, self.advertised.1, session_id)
    }
}

/// Binds the listener and starts the shell's tasks. To be called within a tokio runtime.
pub fn spawn(
    mut config: ScreenShellConfig,
    commands: mpsc::Receiver<ScreenCommand>,
    events: mpsc::Sender<ScreenEvent>,
) -> io::Result<ScreenHandle> {
    let listener = std::net::TcpListener::bind(config.bind)?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let local_addr = listener.local_addr()?;
    if config.advertised_port == 0 {
        config.advertised_port = local_addr.port();
    }
    let advertised = (config.advertised_host.clone(), config.advertised_port);
    let (lookup_sender, lookups) = mpsc::channel(LOOKUPS);
    tokio::spawn(door::accept(listener, config.connections_max, lookup_sender));
    tokio::spawn(Registry::new(config, events).run(commands, lookups));
    Ok(ScreenHandle { local_addr, advertised })
}
