//! What the tasks of one [`SipSockets`](super::SipSockets) have in common.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::counters::Counters;
use super::event::Events;
use super::limits::Limits;
use super::table::Table;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) limits: Limits,
    pub(super) counters: Counters,
    pub(super) events: Events,
    pub(super) connections: Table,
    pub(super) stop: CancellationToken,
    /// `send` opens connections and is no async function.
    pub(super) runtime: Handle,
}

impl Shared {
    /// Runs a task that ends, at the latest, with the sockets' owner.
    pub(super) fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        // A token of its own, so that tasks do not meet on one lock whenever they are woken.
        let stop = self.stop.child_token();
        self.runtime.spawn(async move {
            stop.run_until_cancelled(task).await;
        });
    }
}
