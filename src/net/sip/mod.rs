//! The SIP sockets (RFC 3261 §18): bytes in, bytes out. This layer knows flows and where one message ends in a stream; it
//! knows no dialogs and, but for one 400, does not look into messages. `docs/transports.md` tells how it behaves.

mod accept;
mod connection;
mod counters;
mod ending;
mod event;
mod limits;
mod listener;
mod outbox;
mod reader;
mod reject;
mod shared;
mod table;
mod tcp;
mod udp;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use counters::NetCounters;
pub use event::NetEvent;
pub use limits::Limits;
pub use listener::{BindError, ListenerSpec};

use crate::sip::{Flow, Transport};
use counters::Counters;
use event::Events;
use listener::Opened;
use shared::Shared;
use table::Table;
use tcp::TcpPort;
use udp::UdpListener;

/// All SIP sockets of a process. Dropping it stops their tasks and closes them; what was not written by then is lost.
#[derive(Debug)]
pub struct SipSockets {
    listeners: Vec<Listener>,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

#[derive(Debug)]
enum Listener {
    Udp(Arc<UdpListener>),
    Tcp(TcpPort),
}

impl Listener {
    fn local(&self) -> SocketAddr {
        match self {
            Listener::Udp(listener) => listener.local,
            Listener::Tcp(port) => port.local,
        }
    }

    fn carries(&self, flow: &Flow) -> bool {
        let transport = match self {
            Listener::Udp(_) => Transport::Udp,
            Listener::Tcp(_) => Transport::Tcp,
        };
        transport == flow.transport && self.local() == flow.local
    }
}

impl SipSockets {
    /// Opens all of them, or none. What they receive comes out of the receiver; when that is dropped, they stop reading.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    pub async fn bind(
        specs: Vec<ListenerSpec>,
        limits: Limits,
    ) -> Result<(SipSockets, mpsc::Receiver<NetEvent>), BindError> {
        let opened = specs.iter().map(ListenerSpec::open).collect::<Result<Vec<_>, _>>()?;
        let (events, receiver, failed) = Events::new(limits.inbound_queue);
        let stop = CancellationToken::new();
        let forward = events.forward(failed);
        let shared = Arc::new(Shared {
            limits,
            counters: Counters::default(),
            events,
            connections: Table::default(),
            stop: stop.clone(),
            runtime: Handle::current(),
        });
        shared.spawn(forward);
        let listeners = specs
            .iter()
            .zip(opened)
            .enumerate()
            .map(|(index, (spec, (opened, local)))| start(index, spec, opened, local, &shared))
            .collect();
        Ok((SipSockets { listeners, shared, _stop: stop.drop_guard() }, receiver))
    }

    /// The real address of the listener with that index in the specifications: what goes into `Flow::local`.
    ///
    /// # Panics
    ///
    /// If there is no such listener.
    pub fn local(&self, index: usize) -> SocketAddr {
        self.listeners[index].local()
    }

    /// Sends a message; never blocks. `flow.local` names the listener. On UDP it goes out at once or is lost. On TCP it takes
    /// the connection that the flow names; without one, the connection there is to `flow.remote`, or a new one. What cannot
    /// be delivered comes back as [`NetEvent::Failed`] with this flow.
    pub fn send(&self, flow: Flow, bytes: Bytes) {
        match self.listeners.iter().find(|listener| listener.carries(&flow)) {
            Some(Listener::Udp(listener)) => {
                if let Err(error) = listener.send(flow.remote, &bytes, &self.shared) {
                    tracing::debug!(local = %flow.local, remote = %flow.remote, %error, "datagram not sent");
                    self.shared.events.failed(flow, &self.shared.counters);
                }
            }
            Some(Listener::Tcp(port)) => port.send(flow, bytes, &self.shared),
            None => {
                tracing::debug!(local = %flow.local, transport = %flow.transport, "no such listener");
                self.shared.events.failed(flow, &self.shared.counters);
            }
        }
    }

    /// What happened so far.
    pub fn counters(&self) -> NetCounters {
        self.shared.counters.read(self.shared.connections.len())
    }
}

/// Starts a listener's task.
fn start(index: usize, spec: &ListenerSpec, opened: Opened, local: SocketAddr, shared: &Arc<Shared>) -> Listener {
    tracing::debug!(listener = %spec.name, transport = %spec.transport, %local, "listening");
    let max_message_bytes = spec.max_message_bytes;
    match opened {
        Opened::Datagram(socket) => {
            let listener = Arc::new(UdpListener { local, max_message_bytes, socket });
            shared.spawn(Arc::clone(&listener).read(Arc::clone(shared)));
            Listener::Udp(listener)
        }
        Opened::Stream(socket) => {
            let port = TcpPort { index, local, max_message_bytes };
            shared.spawn(accept::accept(socket, port, Arc::clone(shared)));
            Listener::Tcp(port)
        }
    }
}
