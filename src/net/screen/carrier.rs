//! One MSRP connection on a TCP stream: the pure machine and its socket, driven by whoever owns it.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Instant;

use crate::sync::msrp::{Connection, Event, Fault};

/// A peer that takes nothing for so long is gone.
pub const WRITE_STALL: Duration = Duration::from_secs(10);
/// What is still to be said when the machine has ended may take so long.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Octets read at once.
const READ_BYTES: usize = 64 * 1024;

/// Why a carrier ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The peer closed its side.
    #[error("closed by the peer")]
    Peer,
    /// The socket failed.
    #[error("socket: {0}")]
    Io(io::ErrorKind),
    /// The peer did not read.
    #[error("the peer took nothing for {} s", WRITE_STALL.as_secs())]
    Stalled,
    /// The peer broke the protocol.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Ended::Io(error.kind())
    }
}

/// A socket and its machine.
pub struct Carrier {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    connection: Connection,
    input: BytesMut,
    unwritten: Bytes,
    /// When the socket last took something, or there was first something to take.
    stalled_at: Option<Instant>,
    fault: Option<(Fault, Instant)>,
}

enum Step {
    Read(io::Result<usize>),
    Wrote(io::Result<usize>),
    Timeout,
}

impl Carrier {
    /// Joins a socket and a machine; `early` are octets that were read from the socket already.
    pub fn new(stream: TcpStream, mut connection: Connection, early: &[u8]) -> Self {
        // Control messages are small and must not wait for company. Failing that, they wait.
        let _ = stream.set_nodelay(true);
        connection.handle_input(early, Instant::now().into_std());
        let (reader, writer) = stream.into_split();
        Carrier {
            reader,
            writer,
            connection,
            input: BytesMut::with_capacity(READ_BYTES),
            unwritten: Bytes::new(),
            stalled_at: None,
            fault: None,
        }
    }

    /// The machine, to send and to answer. What it wants written is written by [`Carrier::next`].
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Reads and writes until there is an event. Cancel-safe: nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Event, Ended> {
        loop {
            match self.connection.poll_event() {
                Some(Event::Closed(fault)) => self.fault = Some((fault, Instant::now() + LAST_WORDS)),
                Some(event) => return Ok(event),
                None => {}
            }
            self.fill();
            if let Some((fault, until)) = self.fault
                && (self.unwritten.is_empty() || Instant::now() >= until)
            {
                return Err(fault.into());
            }
            if self.stalled_at.is_some_and(|at| Instant::now() >= at) {
                return Err(Ended::Stalled);
            }
            self.step().await?;
        }
    }

    /// Writes what is queued, for at most `within`, and closes our side of the stream.
    pub async fn finish(mut self, within: Duration) {
        let last_words = async {
            loop {
                self.fill();
                if self.unwritten.is_empty() {
                    return self.writer.shutdown().await;
                }
                let written = self.writer.write(&self.unwritten).await?;
                self.unwritten.advance(written);
            }
        };
        // Whoever does not listen to the end misses it.
        let _ = tokio::time::timeout(within, last_words).await;
    }

    fn fill(&mut self) {
        while self.unwritten.is_empty() {
            match self.connection.poll_transmit(Instant::now().into_std()) {
                Some(piece) => self.unwritten = piece,
                None => break,
            }
        }
        if self.unwritten.is_empty() {
            self.stalled_at = None;
        } else if self.stalled_at.is_none() {
            self.stalled_at = Some(Instant::now() + WRITE_STALL);
        }
    }

    async fn step(&mut self) -> Result<(), Ended> {
        let wants_input = self.connection.wants_input() && self.fault.is_none();
        let machine = self.connection.poll_timeout().map(Instant::from_std);
        let until = [machine, self.stalled_at, self.fault.map(|(_, until)| until)].into_iter().flatten().min();
        self.input.clear();
        self.input.reserve(READ_BYTES);
        let step = tokio::select! {
            outcome = self.reader.read_buf(&mut self.input), if wants_input => Step::Read(outcome),
            outcome = self.writer.write(&self.unwritten), if !self.unwritten.is_empty() => Step::Wrote(outcome),
            () = sleep_until(until) => Step::Timeout,
        };
        let now = Instant::now();
        match step {
            Step::Read(outcome) => {
                if outcome? == 0 {
                    return Err(Ended::Peer);
                }
                self.connection.handle_input(&self.input, now.into_std());
            }
            Step::Wrote(outcome) => {
                let written = outcome?;
                self.unwritten.advance(written);
                self.stalled_at = None;
            }
            Step::Timeout => self.connection.handle_timeout(now.into_std()),
        }
        Ok(())
    }
}

/// Sleeps until then; for ever without a then.
pub async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// A seed for a connection's identifiers: the standard library's hasher is keyed from the system's randomness.
pub fn seed() -> u64 {
    RandomState::new().hash_one(0u8)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::sync::msrp::outbox::RESPONSE_TIMEOUT;
    use crate::sync::msrp::{Class, ConnectionConfig, Limits, Outgoing};

    /// A carrier with a peer that neither reads nor writes, and how long the carrier bears it (the clock is paused, so
    /// waiting takes no time).
    async fn deaf_peer(chunk_bytes: usize) -> (Ended, Duration) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let stream = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("a connection");
        let _deaf = listener.accept().await.expect("a peer");
        let mut connection = Connection::new(ConnectionConfig {
            own: "msrp://a:1/a;tcp".parse().expect("a URI"),
            peer: Some("msrp://b:1/b;tcp".parse().expect("a URI")),
            active: true,
            limits: Limits { chunk_bytes, ..Limits::default() },
            seed: 1,
        });
        // More than the kernel's buffers of both ends take.
        let body = vec![0; 64 * 1024 * 1024].into();
        let message = Outgoing { class: Class::Frame, content_type: "a/b".into(), body, success_report: false };
        connection.send(message).expect("room");
        let mut carrier = Carrier::new(stream, connection, &[]);
        let started = Instant::now();
        loop {
            if let Err(ended) = carrier.next().await {
                return (ended, started.elapsed());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_takes_nothing_is_given_up_after_ten_seconds() {
        let (ended, after) = deaf_peer(64 * 1024 * 1024).await;
        assert!(matches!(ended, Ended::Stalled), "{ended}");
        assert_eq!(after.as_secs(), WRITE_STALL.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_whose_window_is_full_and_who_says_nothing_is_given_up_after_thirty() {
        let (ended, after) = deaf_peer(1024).await;
        assert!(matches!(ended, Ended::Fault(Fault::Silent)), "{ended}");
        assert_eq!(after.as_secs(), RESPONSE_TIMEOUT.as_secs());
    }
}
