//! The non-INVITE client transaction: RFC 3261 §17.1.2 (figure 6).
//!
//! ```text
//!         1xx               200–699
//! Trying ─────► Proceeding ─────────► Completed ──K──► Terminated
//!   └────────────── 200–699 ─────────────▲                ▲
//!   └──────────────┴── F, transport error ────────────────┘
//! ```

use std::time::Duration;

use bytes::Bytes;

use super::step::{Pass, Step};
use super::timer::Timer;
use super::{ClientTx, TxOutput};
use crate::sip::message::{Request, Response};

/// The states, each with what it needs and nothing else.
#[derive(Debug)]
pub(super) enum ClientNonInvite {
    /// Sent, nothing heard.
    Trying {
        /// The request, for timer E.
        request: Bytes,
        /// What timer E waits next.
        interval: Duration,
    },
    /// A provisional response came; the request is still retransmitted, every T2.
    Proceeding {
        /// The request, for timer E.
        request: Bytes,
    },
    /// The final response came; its retransmissions are absorbed.
    Completed,
    /// Over; the table forgets it.
    Terminated,
}

impl ClientNonInvite {
    /// Sends the request.
    pub fn start(request: &Request, step: &mut Step) -> Self {
        let request = request.to_bytes();
        step.send(&request);
        let interval = step.first_interval(Timer::E);
        if !step.reliable() {
            step.start(Timer::E);
        }
        step.start(Timer::F);
        ClientNonInvite::Trying { request, interval }
    }

    /// A response whose branch and CSeq method are ours.
    pub fn on_response(self, response: &Response, step: &mut Step) -> (Self, Pass) {
        match self {
            ClientNonInvite::Trying { request, .. } => Self::unanswered_hears(request, response, step),
            ClientNonInvite::Proceeding { request } => Self::unanswered_hears(request, response, step),
            ClientNonInvite::Completed => (ClientNonInvite::Completed, Pass::Nowhere),
            ClientNonInvite::Terminated => (ClientNonInvite::Terminated, Pass::Nowhere),
        }
    }

    /// Trying and Proceeding treat responses alike (§17.1.2.2).
    fn unanswered_hears(request: Bytes, response: &Response, step: &mut Step) -> (Self, Pass) {
        match response.status {
            ..=199 => (ClientNonInvite::Proceeding { request }, Pass::Up),
            200.. => {
                step.stop(Timer::E);
                step.stop(Timer::F);
                if step.first_interval(Timer::K).is_zero() {
                    return (ClientNonInvite::Terminated, Pass::Up);
                }
                step.start(Timer::K);
                (ClientNonInvite::Completed, Pass::Up)
            }
        }
    }

    /// A timer that still stood.
    pub fn on_timer(self, timer: Timer, step: &mut Step) -> Self {
        match (self, timer) {
            (ClientNonInvite::Trying { request, interval }, Timer::E) => {
                step.send(&request);
                let interval = (interval * 2).min(step.t2());
                step.start_after(Timer::E, interval);
                ClientNonInvite::Trying { request, interval }
            }
            (ClientNonInvite::Proceeding { request }, Timer::E) => {
                step.send(&request);
                step.start_after(Timer::E, step.t2());
                ClientNonInvite::Proceeding { request }
            }
            (ClientNonInvite::Trying { .. } | ClientNonInvite::Proceeding { .. }, Timer::F) => {
                step.report(TxOutput::Timeout { tx: ClientTx(step.owner) });
                ClientNonInvite::Terminated
            }
            (ClientNonInvite::Completed, Timer::K) => ClientNonInvite::Terminated,
            // No other timer runs in these states; the rest belongs to other machines.
            (
                state,
                Timer::E
                | Timer::F
                | Timer::K
                | Timer::A
                | Timer::B
                | Timer::D
                | Timer::M
                | Timer::G
                | Timer::H
                | Timer::I
                | Timer::J
                | Timer::L
                | Timer::Trying,
            ) => state,
        }
    }

    /// The transport could not carry our messages (RFC 3261 §17.1.4).
    pub fn on_transport_error(self, step: &mut Step) -> Self {
        match self {
            ClientNonInvite::Trying { .. } | ClientNonInvite::Proceeding { .. } => {
                step.report(TxOutput::TransportError { tx: ClientTx(step.owner) });
                ClientNonInvite::Terminated
            }
            // Answered already; nothing is sent from here.
            ClientNonInvite::Completed => ClientNonInvite::Completed,
            ClientNonInvite::Terminated => ClientNonInvite::Terminated,
        }
    }

    /// Whether the table may forget it.
    pub fn is_terminated(&self) -> bool {
        matches!(self, ClientNonInvite::Terminated)
    }
}
