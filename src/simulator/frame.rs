//! The pictures a simulator emits.

use std::time::Instant;

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::watch;

use super::error::{EndReason, SimulatorError};

/// How a picture is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFormat {
    /// Lossy, quality 1–100. A half to a quarter of PNG's size on app screens, and as fast (`docs/simulator.md`).
    Jpeg(u8),
    /// Lossless.
    Png,
}

impl Default for ImageFormat {
    fn default() -> Self {
        Self::Jpeg(80)
    }
}

impl ImageFormat {
    /// The media type, RFC 2046 §4.2.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Jpeg(_) => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

/// One picture of the simulator's screen. Cloning shares the bytes.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Counts the distinct pictures of this simulator, from 1. A gap means that a slow reader missed superseded ones.
    pub seq: u64,
    /// The encoded picture.
    pub bytes: Bytes,
    /// Its media type.
    pub mime: &'static str,
    /// Width in picture pixels (CSS pixels times the scale).
    pub width: u32,
    /// Height in picture pixels.
    pub height: u32,
    /// When the picture reached this process.
    pub captured_at: Instant,
}

/// What a simulator's frame channel holds: the latest picture, and why it ended once it has.
#[derive(Clone, Debug, Default)]
pub(super) struct Feed {
    pub latest: Option<Frame>,
    pub ended: Option<EndReason>,
}

/// The changing pictures of one simulator; every reader has its own. Latest wins: a slow reader skips superseded
/// pictures and holds no more than one.
#[derive(Clone, Debug)]
pub struct Frames {
    feed: watch::Receiver<Feed>,
    seen: u64,
}

impl Frames {
    pub(super) fn new(feed: watch::Receiver<Feed>) -> Self {
        Self { feed, seen: 0 }
    }

    /// Waits for a picture that this reader has not had; the first call gives the current one. Cancel-safe.
    ///
    /// # Errors
    /// [`SimulatorError::Ended`] when the simulator has ended and its last picture was already given.
    pub async fn next(&mut self) -> Result<Frame, SimulatorError> {
        loop {
            {
                let feed = self.feed.borrow_and_update();
                if let Some(frame) = feed.latest.as_ref().filter(|frame| frame.seq > self.seen) {
                    self.seen = frame.seq;
                    return Ok(frame.clone());
                }
                if let Some(reason) = feed.ended {
                    return Err(SimulatorError::Ended(reason));
                }
            }
            if self.feed.changed().await.is_err() {
                let reason = self.feed.borrow().ended.unwrap_or(EndReason::Closed);
                return Err(SimulatorError::Ended(reason));
            }
        }
    }

    /// The same as a stream; its last item is the reason why the simulator ended.
    pub fn into_stream(self) -> impl Stream<Item = Result<Frame, SimulatorError>> + Send {
        stream::unfold(Some(self), |frames| async move {
            let mut frames = frames?;
            match frames.next().await {
                Ok(frame) => Some((Ok(frame), Some(frames))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}
