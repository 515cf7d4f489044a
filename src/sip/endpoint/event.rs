//! What an [`Endpoint`](super::Endpoint) tells its owner, and the handles it speaks in.

use bytes::Bytes;

use crate::sip::Flow;
use crate::sip::message::{HeaderName, Method, Request, Response, Uri};
use crate::sip::transaction::ServerTx;

/// One INVITE usage: an incoming or outgoing call as one end sees it. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegId(pub u64);

/// A request we sent, other than INVITE. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// A request we received, other than INVITE, that the owner must answer with
/// [`Endpoint::respond`](super::Endpoint::respond).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IncomingId(pub(super) ServerTx);

/// What the endpoint asks of its owner.
#[derive(Debug)]
pub enum Output {
    /// Send these bytes on this flow.
    Transmit(Flow, Bytes),
    /// Something happened.
    Event(Event),
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A new call: answer it with `ring`, `answer` or `reject`.
    Incoming { leg: LegId, request: Request, flow: Flow },
    /// Something happened to a leg.
    Leg { leg: LegId, event: LegEvent },
    /// A request other than INVITE, ACK, BYE and CANCEL. `leg` says in which call's dialog it came.
    Request { id: IncomingId, leg: Option<LegId>, request: Request, flow: Flow },
    /// A response to a request of ours other than INVITE; a final one ends it.
    Response { id: RequestId, leg: Option<LegId>, response: Response },
    /// A request of ours other than INVITE ended without a final response.
    NoResponse { id: RequestId, leg: Option<LegId>, why: NoResponse },
}

/// Why a request got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoResponse {
    /// Timer B or F fired: as if 408 had come (RFC 3261 §8.1.3.1).
    Timeout,
    /// The transport refused it: as if 503 had come.
    Transport,
}

/// What happened to a leg.
#[derive(Debug)]
pub enum LegEvent {
    /// A provisional response above 100 to our INVITE.
    Progress(Response),
    /// A 2xx to our INVITE; the ACK is already under way.
    Answered(Response),
    /// The caller acknowledged our 2xx.
    Acknowledged(Request),
    /// The peer wants to re-negotiate: answer with `answer` or `reject`.
    Reinvite(Request),
    /// The final response to our re-INVITE; a 2xx is already acknowledged.
    ReinviteDone(Response),
    /// The leg is gone; its id means nothing any more. Never sent for a leg that the owner hung up or rejected.
    Ended(EndCause),
}

/// Why a leg ended without its owner's doing.
#[derive(Debug)]
pub enum EndCause {
    /// Our INVITE was refused with this final response.
    Refused(Response),
    /// The caller cancelled before we answered; 487 was sent.
    Cancelled(Request),
    /// The peer hung up; 200 was sent.
    Bye(Request),
    /// Our INVITE was not answered in time (timer B).
    Timeout,
    /// Our 2xx was never acknowledged (RFC 3261 §13.3.1.4); BYE was sent.
    NoAck,
    /// The transport failed under it.
    Transport,
    /// The peer says that it does not know the dialog (481, RFC 5057) or stopped answering in it (408).
    PeerLost,
}

/// A new outgoing call.
#[derive(Debug)]
pub struct Invitation {
    /// Request-URI.
    pub target: Uri,
    /// Where to send it.
    pub flow: Flow,
    /// How in-dialog requests travel.
    pub routing: Routing,
    /// From, without tag (one is added).
    pub from: String,
    /// To.
    pub to: String,
    /// User part of our Contact.
    pub contact_user: String,
    /// Header parameters of our Contact, written verbatim after `<…>`, such as `;+sip.instance="<urn:…>"` (RFC 5626
    /// §4.1); empty for none.
    pub contact_params: String,
    /// Call-ID; one is made when empty.
    pub call_id: String,
    /// Max-Forwards: 70 for a new call, one less than the incoming leg's in a B2BUA.
    pub max_forwards: u8,
    /// Further headers of the INVITE only.
    pub headers: Vec<(HeaderName, String)>,
    /// The body with its type.
    pub body: Option<(String, Bytes)>,
    /// The answer to a challenge.
    pub credentials: Option<Login>,
}

/// A request outside any dialog, other than INVITE.
#[derive(Debug)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// Request-URI.
    pub target: Uri,
    /// Where to send it.
    pub flow: Flow,
    /// From, without tag (one is added).
    pub from: String,
    /// To.
    pub to: String,
    /// Call-ID and CSeq; a registration keeps its Call-ID and counts (RFC 3261 §10.2.4).
    pub call_id: Option<(String, u32)>,
    /// Further headers.
    pub headers: Vec<(HeaderName, String)>,
    /// The body with its type.
    pub body: Option<(String, Bytes)>,
    /// The answer to a challenge.
    pub credentials: Option<Login>,
}

/// A user's name and password for digest challenges.
#[derive(Clone)]
pub struct Login {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}

/// How the requests of a dialog find the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// Along the flow that set the dialog up: for user agents behind NAT or on a kept connection (RFC 5626 in spirit).
    Flow,
    /// To the first route or the remote target, as RFC 3261 §12.2.1.1 says: for carriers.
    Target,
}
