//! The task that owns a browser: it captures pictures until the browser ends, says why, and cleans up.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::capture;
use super::process::ChromiumProcess;
use super::session::Session;
use crate::simulator::error::EndReason;
use crate::simulator::frame::{Feed, ImageFormat};

/// How long after the connection broke the process may take to end, for the reason to be its end.
const EXIT_FOLLOWS: Duration = Duration::from_secs(1);

/// Runs until the simulator is stopped or its browser ends.
pub(super) async fn run(
    mut process: ChromiumProcess,
    mut session: Session,
    feed: watch::Sender<Feed>,
    format: ImageFormat,
    stop: CancellationToken,
) {
    let reason = watch_over(&mut process, &mut session, &feed, format, &stop).await;
    if reason != EndReason::Closed {
        tracing::error!(%reason, "a simulator ended by itself");
    }
    feed.send_modify(|feed| feed.ended = Some(reason));
    drop(session);
    process.finish().await;
}

async fn watch_over(
    process: &mut ChromiumProcess,
    session: &mut Session,
    feed: &watch::Sender<Feed>,
    format: ImageFormat,
    stop: &CancellationToken,
) -> EndReason {
    let Session { page, pictures, crashes, connection } = session;
    let capture = async {
        capture::run(page, pictures, feed, format).await;
        // The stream ends with the connection, which tells more.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => return EndReason::Closed,
        Ok(status) = process.ended() => return EndReason::Exited(status),
        Some(_) = crashes.next() => return EndReason::PageCrashed,
        _ = connection => {}
        () = capture => {}
    }
    match timeout(EXIT_FOLLOWS, process.ended()).await {
        Ok(Ok(status)) => EndReason::Exited(status),
        _ => EndReason::Disconnected,
    }
}
