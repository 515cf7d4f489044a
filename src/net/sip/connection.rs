//! One stream connection: one task that reads, writes and keeps the time.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::ending::Ending;
use super::event::NetEvent;
use super::outbox::{End, Left, Outbox};
use super::reader::Reader;
use super::shared::Shared;
use super::table::{Origin, Peer, Refusal};
use super::tcp::{self, TcpPort};
use crate::sip::{Flow, Transport};

/// How long a peer that is told why the connection ends may take to read that.
const FAREWELL: Duration = Duration::from_secs(2);

/// A place in the table with everything its task needs. Dropping it gives the place back, whatever ended the task.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    /// With the connection's number.
    pub(super) flow: Flow,
    pub(super) max_message_bytes: usize,
    outbox: Arc<Outbox>,
    place: Place,
}

#[derive(Debug)]
struct Place {
    shared: Arc<Shared>,
    flow: Flow,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(id) = self.flow.connection {
            self.shared.connections.release(id);
        }
    }
}

impl Connection {
    pub(super) fn admit(port: TcpPort, peer: Peer, origin: Origin, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let (id, outbox) = shared
            .connections
            .admit(peer, origin, &shared.limits)
            .inspect_err(|_| shared.counters.connections_refused.one())?;
        let flow = Flow { transport: Transport::Tcp, local: port.local, remote: peer.remote, connection: Some(id) };
        let place = Place { shared: Arc::clone(shared), flow };
        let max_message_bytes = port.max_message_bytes;
        Ok(Connection { shared: Arc::clone(shared), flow, max_message_bytes, outbox, place })
    }

    pub(super) fn outbox(&self) -> Arc<Outbox> {
        Arc::clone(&self.outbox)
    }

    /// The whole life of a connection that a peer opened. It owes us a message soon, or it only wants to take up a place.
    pub(super) async fn accepted(self, stream: TcpStream) {
        let first_message_by = Instant::now() + self.shared.limits.first_message_timeout;
        self.serve(stream, Some(first_message_by)).await;
    }

    /// The whole life of a connection that we open; messages wait in the outbox meanwhile.
    pub(super) async fn opened(self) {
        match tcp::connect(self.flow.local.ip(), self.flow.remote).await {
            Ok(stream) => self.serve(stream, None).await,
            Err(error) => {
                self.shared.counters.connects_failed.one();
                tracing::debug!(local = %self.flow.local, remote = %self.flow.remote, %error, "cannot connect");
                self.leave(false).await;
            }
        }
    }

    async fn serve(self, stream: TcpStream, first_message_by: Option<Instant>) {
        self.shared.counters.connections_total.one();
        tcp::tune(&stream, self.shared.limits.write_queue_bytes);
        let stream = Arc::new(stream);
        self.outbox.attach(&stream);
        let ending = tokio::select! {
            ending = Reader::new(&self, first_message_by).read(&stream) => ending,
            ending = self.write(&stream) => ending,
        };
        ending.count(&self.shared.counters);
        tracing::debug!(local = %self.flow.local, remote = %self.flow.remote, %ending, "connection ends");
        if let Some(answer) = ending.answer() {
            self.say(answer);
        }
        self.hide();
        match ending {
            Ending::BadLength(_) => self.bid_farewell(&stream).await,
            Ending::Stalled | Ending::Unfinished | Ending::TooLarge => tcp::reset_on_close(&stream),
            Ending::Eof | Ending::Broken(_) | Ending::Idle | Ending::Unwanted => {}
        }
        drop(stream);
        self.leave(true).await;
    }

    /// From here on new messages to this peer take another connection.
    fn hide(&self) {
        self.outbox.close();
        if let Some(id) = self.flow.connection {
            self.shared.connections.hide(id);
        }
    }

    /// Tells the driver what came of the connection; the place is taken until it has heard it.
    async fn leave(self, established: bool) {
        self.hide();
        for flow in self.outbox.abandon() {
            // `Closed` speaks for the messages that named this connection.
            if flow != self.flow && !self.shared.events.tell(NetEvent::Failed { flow }).await {
                return;
            }
        }
        if established {
            self.shared.events.tell(NetEvent::Closed { flow: self.flow }).await;
        }
        drop(self.place);
    }

    /// Queues something that this layer says itself. Failing, it ends the connection by itself.
    pub(super) fn say(&self, bytes: Bytes) {
        let _ = self.outbox.push(None, bytes);
    }

    /// Writes for ever.
    async fn write(&self, stream: &TcpStream) -> Ending {
        let mut progress = Instant::now();
        loop {
            match self.write_some() {
                Ok(Left::Some) => progress = Instant::now(),
                Ok(Left::Nothing) => {
                    if self.outbox.end() == Some(End::Overflow) {
                        return Ending::Stalled;
                    }
                    self.outbox.filled().await;
                    progress = Instant::now();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let patience = progress + self.shared.limits.write_stall_timeout;
                    tokio::select! {
                        ready = stream.writable() => if let Err(error) = ready { return Ending::Broken(error) },
                        // It may have overflowed.
                        () = self.outbox.filled() => {}
                        () = sleep_until(patience) => return Ending::Stalled,
                    }
                }
                Err(error) => return Ending::Broken(error),
            }
        }
    }

    fn write_some(&self) -> io::Result<Left> {
        let (octets, left) = self.outbox.write()?;
        self.shared.counters.octets_out.add(octets);
        Ok(left)
    }

    /// Writes what is left and closes so that it arrives: with octets unread, a plain close would be a reset, which takes
    /// back what the peer has not read yet.
    async fn bid_farewell(&self, stream: &TcpStream) {
        let goodbye = async {
            self.flush(stream).await?;
            SockRef::from(stream).shutdown(Shutdown::Write)?;
            tcp::discard(stream).await
        };
        match timeout(FAREWELL, goodbye).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(remote = %self.flow.remote, %error, "farewell not taken"),
            Err(_) => tcp::reset_on_close(stream),
        }
    }

    async fn flush(&self, stream: &TcpStream) -> io::Result<()> {
        loop {
            match self.write_some() {
                Ok(Left::Nothing) => return Ok(()),
                Ok(Left::Some) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.writable().await?,
                Err(error) => return Err(error),
            }
        }
    }
}
