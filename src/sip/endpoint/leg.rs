//! One INVITE usage, from the first INVITE to the end of its dialog (RFC 3261 §13–§15, RFC 5057).

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::event::{Login, Routing};
use crate::sip::Flow;
use crate::sip::dialog::Dialog;
use crate::sip::message::{HeaderName, Request};
use crate::sip::transaction::{ClientTx, ServerTx};

/// One end of a call.
pub(super) struct Leg {
    /// How the peer is reached.
    pub flow: Flow,
    /// Whether in-dialog requests follow the flow or the dialog's URIs.
    pub routing: Routing,
    /// Our tag: the key under which the endpoint finds this leg again.
    pub local_tag: String,
    /// Our Contact, as written.
    pub contact: String,
    /// Headers that every request and response of this leg carries (Session-ID, RFC 7989 §6).
    pub standing: Vec<(HeaderName, String)>,
    /// The answer to challenges.
    pub login: Option<Login>,
    /// The dialog, from the first response with a tag (UAC) or from our first answer (UAS).
    pub dialog: Option<Dialog>,
    /// Where the usage stands.
    pub state: State,
    /// The owner hung up and wants to hear nothing more; the leg only finishes what the RFC obliges it to.
    pub released: bool,
    /// When [`Leg`] wants to be woken; entries of the endpoint's timer heap that differ are stale.
    pub wake_at: Option<Instant>,
}

/// Where an INVITE usage stands.
pub(super) enum State {
    /// Our INVITE has no final response yet.
    Calling(Box<Calling>),
    /// The peer's INVITE has no final response yet.
    Incoming(Box<Offered>),
    /// A 2xx was sent or received.
    Established(Established),
}

/// Our INVITE under way.
pub(super) struct Calling {
    pub tx: ClientTx,
    pub request: Request,
    /// A provisional response came, so CANCEL may be sent (RFC 3261 §9.1).
    pub provisional: bool,
    pub cancel_sent: bool,
    /// Challenges answered so far.
    pub attempts: u8,
}

/// The peer's INVITE under way.
pub(super) struct Offered {
    pub tx: ServerTx,
    pub request: Request,
}

/// The dialog is confirmed, or waits only for the ACK.
#[derive(Default)]
pub(super) struct Established {
    /// Our 2xx is retransmitted until its ACK comes.
    pub ack_wait: Option<Box<AckWait>>,
    /// The last ACK we sent and the CSeq it acknowledges: sent again for each retransmitted 2xx.
    pub sent_ack: Option<(u32, Flow, Bytes)>,
    /// A re-INVITE without final response.
    pub reinvite: Option<Reinvite>,
}

/// A re-INVITE under way; at most one in either direction (RFC 3261 §14).
pub(super) enum Reinvite {
    Ours(Box<Calling>),
    Theirs(Box<Offered>),
}

/// A 2xx of ours that nobody has acknowledged yet (RFC 3261 §13.3.1.4).
pub(super) struct AckWait {
    pub seq: u32,
    pub flow: Flow,
    pub response: Bytes,
    pub next: Instant,
    pub interval: Duration,
    pub give_up: Instant,
}

impl Leg {
    /// The confirmed state, if the leg has reached it.
    pub fn established(&mut self) -> Option<&mut Established> {
        match &mut self.state {
            State::Established(established) => Some(established),
            State::Calling(_) | State::Incoming(_) => None,
        }
    }

    /// Where the leg's next in-dialog request goes.
    pub fn request_flow(&self) -> Flow {
        let by_uri = || {
            let dialog = self.dialog.as_ref()?;
            let uri = dialog.routes().first().map_or(dialog.target(), |route| &route.uri);
            crate::sip::dialog::next_hop(uri)
        };
        match self.routing {
            Routing::Flow => self.flow,
            Routing::Target => match by_uri() {
                Some(remote) if remote != self.flow.remote => Flow { remote, connection: None, ..self.flow },
                _ => self.flow,
            },
        }
    }
}
