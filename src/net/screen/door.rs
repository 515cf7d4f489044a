//! The listener: who connects says in his first request which session he means.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::call::CallInput;
use crate::sync::contract::Side;
use crate::sync::msrp::connection::response;
use crate::sync::msrp::decoder::{Decoder, DecoderLimits, Item};
use crate::sync::msrp::head::{Head, StartLine};
use crate::sync::msrp::status;

/// A connection must name its session within this.
const FIRST_REQUEST: Duration = Duration::from_secs(10);
/// Octets of the first request's head.
const MAX_HEAD_BYTES: usize = 8 * 1024;

/// A connection that named its session.
pub struct Visitor {
    /// The socket.
    pub stream: TcpStream,
    /// What was read from it.
    pub early: BytesMut,
    /// Its first head, for a refusal.
    pub head: Head,
    /// Counts among the allowed connections while it lives.
    pub permit: OwnedSemaphorePermit,
}

/// Asks the registry whose session an id is.
pub struct Lookup {
    /// From the To-Path.
    pub session_id: String,
    /// The call's task and the side, if it is one.
    pub answer: oneshot::Sender<Option<(mpsc::Sender<CallInput>, Side)>>,
}

/// Accepts until the registry is gone.
pub async fn accept(listener: TcpListener, connections_max: usize, lookups: mpsc::Sender<Lookup>) {
    let permits = Arc::new(Semaphore::new(connections_max));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = lookups.closed() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
                    tracing::warn!(connections_max, "screen connection refused: too many");
                    continue;
                };
                let lookups = lookups.clone();
                // One task for each connection that has no call yet; the semaphore bounds them.
                tokio::spawn(async move {
                    let greeted = tokio::time::timeout(FIRST_REQUEST, greet(stream, permit, &lookups)).await;
                    if !matches!(greeted, Ok(Ok(()))) {
                        tracing::debug!("screen connection closed before it named a session");
                    }
                });
            }
            Err(error) => {
                // Out of descriptors, most likely; accepting again at once would only spin.
                tracing::warn!(%error, "screen listener");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn greet(mut stream: TcpStream, permit: OwnedSemaphorePermit, lookups: &mpsc::Sender<Lookup>) -> io::Result<()> {
    let mut early = BytesMut::with_capacity(MAX_HEAD_BYTES);
    let head = first_head(&mut stream, &mut early).await?;
    let refusal = match &head.start {
        StartLine::Send => None,
        StartLine::OtherMethod(_) => Some(status::UNKNOWN_METHOD),
        // Neither can open a session, and neither may be answered.
        StartLine::Report | StartLine::Response(_) => return Ok(()),
    };
    if let Some(code) = refusal {
        return refuse(stream, &head, code).await;
    }
    let session_id = match &head.to_path[..] {
        [uri] => uri.session_id().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    let (answer, found) = oneshot::channel();
    if lookups.send(Lookup { session_id, answer }).await.is_err() {
        return Ok(());
    }
    match found.await {
        Ok(Some((call, side))) => {
            let visitor = Box::new(Visitor { stream, early, head, permit });
            // A call that ends this very moment closes the socket by dropping it.
            let _ = call.send(CallInput::Visit { side, visitor }).await;
            Ok(())
        }
        _ => refuse(stream, &head, status::NO_SESSION).await,
    }
}

/// Answers the first request of a connection that is not wanted, and closes it.
pub async fn refuse(mut stream: TcpStream, head: &Head, code: u16) -> io::Result<()> {
    stream.write_all(response(head, code, status::comment(code)).as_bytes()).await?;
    stream.shutdown().await
}

async fn first_head(stream: &mut TcpStream, early: &mut BytesMut) -> io::Result<Head> {
    let mut decoder = Decoder::new(DecoderLimits { max_head_bytes: MAX_HEAD_BYTES, max_chunk_bytes: u64::MAX });
    loop {
        let from = early.len();
        if stream.read_buf(early).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        decoder.push(&early[from..]);
        match decoder.next() {
            Some(Ok(Item::Head(parsed))) => return Ok(parsed.head),
            Some(_) => return Err(io::ErrorKind::InvalidData.into()),
            None => {}
        }
    }
}
