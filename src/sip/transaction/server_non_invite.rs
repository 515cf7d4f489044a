//! The non-INVITE server transaction: RFC 3261 §17.2.2 (figure 8).
//!
//! ```text
//!         1xx               200–699
//! Trying ─────► Proceeding ─────────► Completed ──J──► Terminated
//!   └────────────── 200–699 ─────────────▲
//! ```

use bytes::Bytes;

use super::step::Step;
use super::timer::Timer;
use crate::sip::message::Response;

/// The states, each with what it needs and nothing else.
#[derive(Debug)]
pub(super) enum ServerNonInvite {
    /// The TU has said nothing.
    Trying,
    /// The TU has given a provisional response.
    Proceeding {
        /// What a retransmitted request gets.
        latest: Bytes,
    },
    /// The TU has answered.
    Completed {
        /// What a retransmitted request gets.
        response: Bytes,
    },
    /// Over; the table forgets it.
    Terminated,
}

impl ServerNonInvite {
    /// The request again.
    pub fn on_request(&self, step: &mut Step) {
        match self {
            // RFC 3261 §17.2.2: discarded, there is nothing to repeat.
            ServerNonInvite::Trying => {}
            ServerNonInvite::Proceeding { latest } => step.send(latest),
            ServerNonInvite::Completed { response } => step.send(response),
            ServerNonInvite::Terminated => {}
        }
    }

    /// A response from the TU.
    pub fn on_respond(self, response: &Response, step: &mut Step) -> Self {
        match self {
            ServerNonInvite::Trying | ServerNonInvite::Proceeding { .. } => Self::unanswered_responds(response, step),
            // RFC 3261 §17.2.2: any other final response MUST be discarded.
            ServerNonInvite::Completed { response } => ServerNonInvite::Completed { response },
            ServerNonInvite::Terminated => ServerNonInvite::Terminated,
        }
    }

    /// Trying and Proceeding treat the TU's responses alike.
    fn unanswered_responds(response: &Response, step: &mut Step) -> Self {
        let bytes = response.to_bytes();
        step.send(&bytes);
        if response.status < 200 {
            return ServerNonInvite::Proceeding { latest: bytes };
        }
        if step.first_interval(Timer::J).is_zero() {
            return ServerNonInvite::Terminated;
        }
        step.start(Timer::J);
        ServerNonInvite::Completed { response: bytes }
    }

    /// A timer that still stood.
    pub fn on_timer(self, timer: Timer) -> Self {
        match (self, timer) {
            (ServerNonInvite::Completed { .. }, Timer::J) => ServerNonInvite::Terminated,
            // No other timer runs in these states; the rest belongs to other machines.
            (
                state,
                Timer::J
                | Timer::A
                | Timer::B
                | Timer::D
                | Timer::E
                | Timer::F
                | Timer::G
                | Timer::H
                | Timer::I
                | Timer::K
                | Timer::L
                | Timer::M
                | Timer::Trying,
            ) => state,
        }
    }

    /// Whether the table may forget it.
    pub fn is_terminated(&self) -> bool {
        matches!(self, ServerNonInvite::Terminated)
    }
}
