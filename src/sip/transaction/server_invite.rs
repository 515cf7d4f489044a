//! The INVITE server transaction: RFC 3261 §17.2.1 (figure 7) as RFC 6026 §7.1 corrects it.
//!
//! ```text
//!             300–699              ACK
//! Proceeding ─────────► Completed ─────► Confirmed ──I──► Terminated
//!     │                     └──────────── H ─────────────────▲ ▲
//!     └──── 2xx ────► Accepted ─────────── L ──────────────────┘
//! ```

use std::time::Duration;

use bytes::Bytes;

use super::step::{Pass, Step};
use super::timer::Timer;
use super::{ServerTx, TxOutput};
use crate::sip::message::Response;

/// The states, each with what it needs and nothing else.
#[derive(Debug)]
pub(super) enum ServerInvite {
    /// The TU has not answered finally.
    Proceeding {
        /// What a retransmitted INVITE gets.
        latest: Provisional,
    },
    /// The TU refused; the refusal is retransmitted until it is acknowledged.
    Completed {
        /// The refusal, for timer G and for retransmitted INVITEs.
        response: Bytes,
        /// What timer G waits next.
        interval: Duration,
    },
    /// The TU accepted; it retransmits its 2xx itself (RFC 6026 §7.1).
    Accepted,
    /// The refusal was acknowledged; late ACKs are absorbed.
    Confirmed,
    /// Over; the table forgets it.
    Terminated,
}

/// The provisional response of the moment.
#[derive(Debug)]
pub(super) enum Provisional {
    /// The TU has said nothing; this `100 Trying` goes out when it has been silent for 200 ms.
    Prepared(Box<Response>),
    /// The last one sent.
    Sent(Bytes),
}

impl ServerInvite {
    /// A new INVITE went to the TU; `trying` answers it if the TU is slow.
    pub fn start(trying: Response, step: &mut Step) -> Self {
        step.start(Timer::Trying);
        ServerInvite::Proceeding { latest: Provisional::Prepared(Box::new(trying)) }
    }

    /// The INVITE again.
    pub fn on_invite(&self, step: &mut Step) {
        match self {
            // RFC 3261 §17.2.1: the most recent provisional response MUST be passed to the transport.
            ServerInvite::Proceeding { latest: Provisional::Sent(response) } => step.send(response),
            // Nothing to repeat yet: the 100 is at most 200 ms away.
            ServerInvite::Proceeding { latest: Provisional::Prepared(_) } => {}
            ServerInvite::Completed { response, .. } => step.send(response),
            // RFC 6026 §7.1: absorbed, the TU retransmits the 2xx at its own pace.
            ServerInvite::Accepted => {}
            // The peer has acknowledged: this copy was overtaken.
            ServerInvite::Confirmed => {}
            ServerInvite::Terminated => {}
        }
    }

    /// A response from the TU.
    pub fn on_respond(self, response: &Response, step: &mut Step) -> Self {
        match self {
            ServerInvite::Proceeding { .. } => Self::proceeding_responds(response, step),
            ServerInvite::Accepted => Self::accepted_responds(response, step),
            // The one final response has been given; nothing may follow it.
            ServerInvite::Completed { response, interval } => ServerInvite::Completed { response, interval },
            ServerInvite::Confirmed => ServerInvite::Confirmed,
            ServerInvite::Terminated => ServerInvite::Terminated,
        }
    }

    fn proceeding_responds(response: &Response, step: &mut Step) -> Self {
        step.stop(Timer::Trying);
        let bytes = response.to_bytes();
        step.send(&bytes);
        match response.status {
            ..=199 => ServerInvite::Proceeding { latest: Provisional::Sent(bytes) },
            200..=299 => {
                step.start(Timer::L);
                ServerInvite::Accepted
            }
            300.. => {
                let interval = step.first_interval(Timer::G);
                if !step.reliable() {
                    step.start(Timer::G);
                }
                step.start(Timer::H);
                ServerInvite::Completed { response: bytes, interval }
            }
        }
    }

    fn accepted_responds(response: &Response, step: &mut Step) -> Self {
        // The UAS core retransmits its 2xx (RFC 3261 §13.3.1.4) through this transaction (RFC 6026 §7.1). A dialog stands:
        // neither progress nor failure may follow.
        if (200..=299).contains(&response.status) {
            step.send(&response.to_bytes());
        }
        ServerInvite::Accepted
    }

    /// An ACK with the INVITE's branch.
    pub fn on_ack(self, step: &mut Step) -> (Self, Pass) {
        match self {
            ServerInvite::Completed { .. } => {
                step.stop(Timer::G);
                step.stop(Timer::H);
                if step.first_interval(Timer::I).is_zero() {
                    return (ServerInvite::Terminated, Pass::Nowhere);
                }
                step.start(Timer::I);
                (ServerInvite::Confirmed, Pass::Nowhere)
            }
            // RFC 6026 §7.1: an ACK that matches here acknowledges the 2xx; the TU wants it.
            ServerInvite::Accepted => (ServerInvite::Accepted, Pass::Up),
            // Nothing final was sent: this ACK acknowledges nothing.
            ServerInvite::Proceeding { latest } => (ServerInvite::Proceeding { latest }, Pass::Nowhere),
            // The ACK again.
            ServerInvite::Confirmed => (ServerInvite::Confirmed, Pass::Nowhere),
            ServerInvite::Terminated => (ServerInvite::Terminated, Pass::Nowhere),
        }
    }

    /// A timer that still stood.
    pub fn on_timer(self, timer: Timer, step: &mut Step) -> Self {
        match (self, timer) {
            (ServerInvite::Proceeding { latest: Provisional::Prepared(trying) }, Timer::Trying) => {
                let bytes = trying.to_bytes();
                step.send(&bytes);
                ServerInvite::Proceeding { latest: Provisional::Sent(bytes) }
            }
            (ServerInvite::Completed { response, interval }, Timer::G) => {
                step.send(&response);
                let interval = (interval * 2).min(step.t2());
                step.start_after(Timer::G, interval);
                ServerInvite::Completed { response, interval }
            }
            (ServerInvite::Completed { .. }, Timer::H) => {
                step.report(TxOutput::AckTimeout { tx: ServerTx(step.owner) });
                ServerInvite::Terminated
            }
            (ServerInvite::Confirmed, Timer::I) => ServerInvite::Terminated,
            (ServerInvite::Accepted, Timer::L) => ServerInvite::Terminated,
            // No other timer runs in these states; the rest belongs to other machines.
            (
                state,
                Timer::G
                | Timer::H
                | Timer::I
                | Timer::L
                | Timer::Trying
                | Timer::A
                | Timer::B
                | Timer::D
                | Timer::E
                | Timer::F
                | Timer::J
                | Timer::K
                | Timer::M,
            ) => state,
        }
    }

    /// Whether the table may forget it.
    pub fn is_terminated(&self) -> bool {
        matches!(self, ServerInvite::Terminated)
    }
}
