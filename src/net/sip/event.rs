//! What the sockets tell the driver.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::counters::Counters;
use crate::sip::Flow;

/// Something happened on a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetEvent {
    /// One datagram, or one whole message cut out of a stream.
    Received {
        /// The way it came, and the way its answer goes.
        flow: Flow,
        /// Unparsed octets.
        bytes: Bytes,
    },
    /// A stream connection is gone, after the last message received on it. What was sent over it and is not answered has
    /// failed, also what was sent with `connection: None` to the same remote address (RFC 3261 §17.1.4).
    Closed {
        /// The connection; `flow.connection` is always `Some`.
        flow: Flow,
    },
    /// Something handed to [`SipSockets::send`](super::SipSockets::send) was not delivered. Several messages that fail together
    /// on one flow are told once.
    Failed {
        /// The flow as it was given to `send`.
        flow: Flow,
    },
}

/// The way to the driver. Tasks wait when the driver is behind; `send` must not, so what it has to tell takes a second
/// queue whose own task does the waiting.
#[derive(Debug)]
pub(super) struct Events {
    inbound: mpsc::Sender<NetEvent>,
    failures: mpsc::Sender<Flow>,
}

impl Events {
    /// The events' way in, the driver's end of it, and the failures that [`forward`] has to carry over.
    pub(super) fn new(capacity: usize) -> (Events, mpsc::Receiver<NetEvent>, mpsc::Receiver<Flow>) {
        let (inbound, events) = mpsc::channel(capacity.max(1));
        let (failures, failed) = mpsc::channel(capacity.max(1));
        (Events { inbound, failures }, events, failed)
    }

    /// For a socket that cannot wait: a datagram is dropped when the driver is behind. False when the driver is gone.
    pub(super) fn offer(&self, flow: Flow, bytes: impl FnOnce() -> Bytes, counters: &Counters) -> bool {
        match self.inbound.try_reserve() {
            Ok(permit) => permit.send(NetEvent::Received { flow, bytes: bytes() }),
            Err(mpsc::error::TrySendError::Full(())) => counters.datagrams_dropped_in.one(),
            Err(mpsc::error::TrySendError::Closed(())) => return false,
        }
        true
    }

    /// For a connection's task: waits until the driver has room, which stops the reading of that stream. False when the
    /// driver is gone.
    pub(super) async fn tell(&self, event: NetEvent) -> bool {
        self.inbound.send(event).await.is_ok()
    }

    /// For `send`: never waits. A failure lost here leaves the transaction to its timer B or F (RFC 3261 §17.1).
    pub(super) fn failed(&self, flow: Flow, counters: &Counters) {
        if self.failures.try_send(flow).is_err() {
            counters.failures_lost.one();
        }
    }

    /// Carries failures over to the driver as it finds time for them.
    pub(super) fn forward(&self, mut failed: mpsc::Receiver<Flow>) -> impl Future<Output = ()> + Send + use<> {
        let inbound = self.inbound.clone();
        async move {
            while let Some(flow) = failed.recv().await {
                if inbound.send(NetEvent::Failed { flow }).await.is_err() {
                    return;
                }
            }
        }
    }
}
