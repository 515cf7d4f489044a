//! The INVITE client transaction: RFC 3261 §17.1.1 (figure 5) as RFC 6026 §7.2 corrects it.
//!
//! ```text
//!            1xx              3xx–6xx / ACK
//! Calling ────────► Proceeding ────────────► Completed ──D──► Terminated
//!    │ └─────────────────┼──────────────────────▲                 ▲ ▲
//!    │ 2xx               │ 2xx                                    │ │
//!    └────────►──────────┴──────────► Accepted ────────M──────────┘ │
//!    └── B, transport error ────────────────────────────────────────┘
//! ```

use std::time::Duration;

use bytes::Bytes;

use super::companion::AckDraft;
use super::step::{Pass, Step};
use super::timer::Timer;
use super::{ClientTx, TxOutput};
use crate::sip::message::{Request, Response};

/// The states, each with what it needs and nothing else.
#[derive(Debug)]
pub(super) enum ClientInvite {
    /// Sent, nothing heard.
    Calling {
        /// The INVITE, for timer A.
        invite: Bytes,
        /// The ACK that a failure will need, but for its `To`.
        ack: AckDraft,
        /// What timer A waits next.
        interval: Duration,
    },
    /// A provisional response came; the callee may take minutes.
    Proceeding {
        /// The ACK that a failure will need, but for its `To`.
        ack: AckDraft,
    },
    /// A failure came and was acknowledged.
    Completed {
        /// The ACK, for retransmitted failures.
        ack: Bytes,
    },
    /// A 2xx came; more of them may come from other branches or by retransmission (RFC 6026 §7.2).
    Accepted,
    /// Over; the table forgets it.
    Terminated,
}

impl ClientInvite {
    /// Sends the INVITE.
    pub fn start(invite: &Request, step: &mut Step) -> Self {
        let bytes = invite.to_bytes();
        step.send(&bytes);
        let interval = step.first_interval(Timer::A);
        if !step.reliable() {
            step.start(Timer::A);
        }
        step.start(Timer::B);
        ClientInvite::Calling { invite: bytes, ack: AckDraft::new(invite), interval }
    }

    /// A response whose branch and CSeq method are ours.
    pub fn on_response(self, response: &Response, step: &mut Step) -> (Self, Pass) {
        match self {
            ClientInvite::Calling { ack, .. } => Self::unanswered_hears(ack, response, step),
            ClientInvite::Proceeding { ack } => Self::unanswered_hears(ack, response, step),
            ClientInvite::Completed { ack } => Self::completed_hears(ack, response, step),
            ClientInvite::Accepted => Self::accepted_hears(response),
            ClientInvite::Terminated => (ClientInvite::Terminated, Pass::Nowhere),
        }
    }

    /// Calling and Proceeding treat responses alike (§17.1.1.2).
    fn unanswered_hears(ack: AckDraft, response: &Response, step: &mut Step) -> (Self, Pass) {
        step.stop(Timer::A);
        step.stop(Timer::B);
        match response.status {
            ..=199 => (ClientInvite::Proceeding { ack }, Pass::Up),
            200..=299 => {
                step.start(Timer::M);
                (ClientInvite::Accepted, Pass::Up)
            }
            300.. => {
                // RFC 3261 §17.1.1.2: the transaction itself MUST generate the ACK for a failure.
                let ack = ack.complete(response);
                step.send(&ack);
                if step.first_interval(Timer::D).is_zero() {
                    return (ClientInvite::Terminated, Pass::Up);
                }
                step.start(Timer::D);
                (ClientInvite::Completed { ack }, Pass::Up)
            }
        }
    }

    fn completed_hears(ack: Bytes, response: &Response, step: &mut Step) -> (Self, Pass) {
        // The ACK was lost: say it again, and do not bother the TU (§17.1.1.2). Late provisionals and a contradictory 2xx
        // have no arrow in figure 5.
        if response.status >= 300 {
            step.send(&ack);
        }
        (ClientInvite::Completed { ack }, Pass::Nowhere)
    }

    fn accepted_hears(response: &Response) -> (Self, Pass) {
        let pass = match response.status {
            // RFC 6026 §7.2: every 2xx goes up, the UAC core acknowledges each.
            200..=299 => Pass::Up,
            // Late provisionals, and failures of branches that lost.
            ..=199 | 300.. => Pass::Nowhere,
        };
        (ClientInvite::Accepted, pass)
    }

    /// A timer that still stood.
    pub fn on_timer(self, timer: Timer, step: &mut Step) -> Self {
        match (self, timer) {
            (ClientInvite::Calling { invite, ack, interval }, Timer::A) => {
                step.send(&invite);
                let interval = interval * 2;
                step.start_after(Timer::A, interval);
                ClientInvite::Calling { invite, ack, interval }
            }
            (ClientInvite::Calling { .. }, Timer::B) => {
                step.report(TxOutput::Timeout { tx: ClientTx(step.owner) });
                ClientInvite::Terminated
            }
            (ClientInvite::Completed { .. }, Timer::D) => ClientInvite::Terminated,
            (ClientInvite::Accepted, Timer::M) => ClientInvite::Terminated,
            // No other timer runs in these states; the rest belongs to other machines.
            (
                state,
                Timer::A
                | Timer::B
                | Timer::D
                | Timer::M
                | Timer::E
                | Timer::F
                | Timer::G
                | Timer::H
                | Timer::I
                | Timer::J
                | Timer::K
                | Timer::L
                | Timer::Trying,
            ) => state,
        }
    }

    /// The transport could not carry our messages (RFC 3261 §17.1.4).
    pub fn on_transport_error(self, step: &mut Step) -> Self {
        match self {
            ClientInvite::Calling { .. } => {
                step.report(TxOutput::TransportError { tx: ClientTx(step.owner) });
                ClientInvite::Terminated
            }
            // Nothing of ours is on its way. Over UDP the error was some other message's; a connection that is
            // gone, though, is the one that would have brought the answer.
            ClientInvite::Proceeding { ack } if !step.reliable() => ClientInvite::Proceeding { ack },
            ClientInvite::Proceeding { .. } => {
                step.report(TxOutput::TransportError { tx: ClientTx(step.owner) });
                ClientInvite::Terminated
            }
            // The TU has had its answer; only the ACK failed.
            ClientInvite::Completed { .. } => ClientInvite::Terminated,
            // Nothing is sent from here; a 2xx may still come another way.
            ClientInvite::Accepted => ClientInvite::Accepted,
            ClientInvite::Terminated => ClientInvite::Terminated,
        }
    }

    /// Whether the table may forget it.
    pub fn is_terminated(&self) -> bool {
        matches!(self, ClientInvite::Terminated)
    }
}
