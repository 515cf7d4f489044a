//! Why a stream connection ends.

use std::fmt;
use std::io;

use bytes::Bytes;

use super::counters::Counters;
use super::reject;

/// Why a stream connection ends.
#[derive(Debug)]
pub(super) enum Ending {
    /// The peer closed it.
    Eof,
    /// The kernel gave it up.
    Broken(io::Error),
    /// Nothing was received for too long.
    Idle,
    /// A message did not become whole in time.
    Unfinished,
    /// A message is longer than the listener takes.
    TooLarge,
    /// Nobody knows where the next message starts; the header block of this one.
    BadLength(Bytes),
    /// The peer takes no octets, or not fast enough.
    Stalled,
    /// Nobody takes events any more.
    Unwanted,
}

impl Ending {
    /// The last thing to say to the peer.
    pub(super) fn answer(&self) -> Option<Bytes> {
        match self {
            Ending::BadLength(head) => reject::bad_length(head.clone()),
            _ => None,
        }
    }

    pub(super) fn count(&self, counters: &Counters) {
        match self {
            Ending::Idle => counters.idle.one(),
            Ending::Unfinished => counters.unfinished.one(),
            Ending::TooLarge => counters.oversize.one(),
            Ending::BadLength(_) => counters.framing_errors.one(),
            Ending::Stalled => counters.stalled.one(),
            Ending::Eof | Ending::Broken(_) | Ending::Unwanted => {}
        }
    }
}

/// For logs: never what the peer wrote.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Eof => f.write_str("the peer closed it"),
            Ending::Broken(error) => write!(f, "broken: {error}"),
            Ending::Idle => f.write_str("nothing received for too long"),
            Ending::Unfinished => f.write_str("a message did not become whole in time"),
            Ending::TooLarge => f.write_str("a message is too long"),
            Ending::BadLength(_) => f.write_str("no usable Content-Length"),
            Ending::Stalled => f.write_str("the peer does not read"),
            Ending::Unwanted => f.write_str("the driver is gone"),
        }
    }
}
