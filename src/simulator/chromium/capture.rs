//! From the browser's screencast to the frame feed.

use std::io::Cursor;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chromiumoxide::cdp::browser_protocol::page::{EventScreencastFrame, ScreencastFrameAckParams};
use chromiumoxide::listeners::EventStream;
use chromiumoxide::{Binary, Page};
use futures_util::StreamExt;
use image::ImageReader;
use tokio::sync::watch;

use crate::simulator::error::SimulatorError;
use crate::simulator::frame::{Feed, Frame, ImageFormat};

/// Publishes each picture that differs from the one before, until the browser sends no more.
///
/// The browser keeps no more than a few pictures unacknowledged and skips the others, so acknowledging after the work
/// bounds what can queue up here.
pub(super) async fn run(
    page: &Page,
    pictures: &mut EventStream<EventScreencastFrame>,
    feed: &watch::Sender<Feed>,
    format: ImageFormat,
) {
    while let Some(event) = pictures.next().await {
        match decode(&event.data).and_then(|bytes| frame(bytes, format)) {
            Ok(frame) => publish(feed, frame),
            Err(error) => tracing::warn!(%error, "a picture of the simulator is skipped"),
        }
        if page.execute(ScreencastFrameAckParams::new(event.session_id)).await.is_err() {
            return;
        }
    }
}

/// The octets of a CDP binary value.
pub(super) fn decode(data: &Binary) -> Result<Vec<u8>, SimulatorError> {
    let text: &str = data.as_ref();
    STANDARD.decode(text).map_err(|error| SimulatorError::BadPicture(error.to_string()))
}

/// A frame without its number: the picture's size is read from its own header, not believed from the event.
fn frame(bytes: Vec<u8>, format: ImageFormat) -> Result<Frame, SimulatorError> {
    let captured_at = Instant::now();
    let bad = |error: image::ImageError| SimulatorError::BadPicture(error.to_string());
    let reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format();
    let reader = reader.map_err(|error| SimulatorError::BadPicture(error.to_string()))?;
    let (width, height) = reader.into_dimensions().map_err(bad)?;
    Ok(Frame { seq: 0, bytes: Bytes::from(bytes), mime: format.mime(), width, height, captured_at })
}

/// Numbers and publishes a frame unless it shows what is already shown. Encoders are deterministic, so that the same
/// pixels are the same octets; comparing them is exact and cheaper than a hash of both.
fn publish(feed: &watch::Sender<Feed>, mut frame: Frame) {
    feed.send_if_modified(|feed| {
        let before = feed.latest.as_ref();
        if before.is_some_and(|latest| latest.bytes == frame.bytes) {
            return false;
        }
        frame.seq = before.map_or(0, |latest| latest.seq) + 1;
        feed.latest = Some(frame);
        true
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(shade: u8) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image::GrayImage::from_pixel(3, 2, image::Luma([shade])).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn the_same_picture_is_published_once() {
        let (sender, receiver) = watch::channel(Feed::default());
        for shade in [1, 1, 2, 2, 1] {
            publish(&sender, frame(png(shade), ImageFormat::Png).unwrap());
        }
        let latest = receiver.borrow().latest.clone().unwrap();
        assert_eq!((latest.seq, latest.width, latest.height, latest.mime), (3, 3, 2, "image/png"));
    }

    #[test]
    fn what_is_no_picture_is_an_error() {
        assert!(matches!(frame(b"hello".to_vec(), ImageFormat::Png), Err(SimulatorError::BadPicture(_))));
        assert!(matches!(decode(&Binary::from("%%%".to_owned())), Err(SimulatorError::BadPicture(_))));
    }
}
