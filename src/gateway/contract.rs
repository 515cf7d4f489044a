//! What goes into the gateway and what comes out of it.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::call::CallRecord;
use crate::media::{MediaCommand, MediaEvent};
use crate::sip::Flow;
use crate::sync::contract::{ScreenCommand, ScreenEvent};

/// Something happened outside.
#[derive(Debug)]
pub enum Input {
    /// One SIP message, not yet parsed.
    Sip(Flow, Bytes),
    /// A message could not be delivered on this flow.
    Undeliverable(Flow),
    /// A stream connection closed.
    Closed(Flow),
    /// The media workers report.
    Media(MediaEvent),
    /// The screen session reports.
    Screen(ScreenEvent),
    /// Take no more calls; what is under way goes on (`systemctl stop` and its like).
    Drain,
    /// End every call now.
    HangUpAll,
}

/// Something must be done outside.
#[derive(Debug)]
pub enum Output {
    /// Send a SIP message.
    Sip(Flow, Bytes),
    /// Tell the media workers.
    Media(MediaCommand),
    /// Tell the screen session.
    Screen(ScreenCommand),
    /// Keep the record of a call that is over.
    Record(Box<CallRecord>),
}

/// Ties the monotonic time of the pure machines to the wall clock of records and nonces.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    origin: Instant,
    unix: Duration,
}

impl WallClock {
    /// `now` is `unix` after the epoch.
    pub fn new(now: Instant, unix: Duration) -> WallClock {
        WallClock { origin: now, unix }
    }

    /// Milliseconds since the Unix epoch.
    pub fn unix_ms(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.origin);
        u64::try_from((self.unix + since).as_millis()).unwrap_or(u64::MAX)
    }

    /// Seconds since the Unix epoch.
    pub fn unix_s(&self, at: Instant) -> u64 {
        (self.unix + at.saturating_duration_since(self.origin)).as_secs()
    }
}

/// How much is alive: all zero when nobody calls (registrations and counters apart).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Census {
    /// Calls, those whose accounts are still to come included.
    pub calls: usize,
    /// SIP legs.
    pub legs: usize,
    /// SIP transactions.
    pub transactions: usize,
    /// Requests of ours without an answer.
    pub pending: usize,
    /// Media ports lent.
    pub ports: usize,
    /// Callers waiting in queues: nobody has answered them yet.
    pub waiting: usize,
    /// Callers whom the queues know, those who talk included.
    pub queued: usize,
    /// Seats lent to calls.
    pub leases: usize,
    /// SIP MESSAGEs waiting for the screen session's verdict, or passed on and not answered.
    pub messages: usize,
}
