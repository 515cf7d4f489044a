//! Dialogs (RFC 3261 §12): the identifiers, sequence numbers, route set and remote target that two user agents share.
//!
//! A [`Dialog`] only keeps and applies that state; the INVITE usage on top of it (answer, acknowledge, re-negotiate,
//! hang up) is [`super::endpoint`].

mod next_hop;

pub use next_hop::next_hop;

use super::message::{CSeq, HeaderName, Method, NameAddr, ParseError, Request, Response, Uri};

/// What identifies a dialog at one of its ends (RFC 3261 §12): Call-ID, local tag, remote tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DialogId {
    /// The Call-ID shared by every request of the dialog.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// The peer's tag; empty for an RFC 2543 peer that sent none.
    pub remote_tag: String,
}

/// The state of one dialog at one end (RFC 3261 §12).
#[derive(Clone, Debug)]
pub struct Dialog {
    id: DialogId,
    local: NameAddr,
    remote: NameAddr,
    target: Uri,
    routes: Vec<NameAddr>,
    local_seq: u32,
    remote_seq: Option<u32>,
}

/// Whether an in-dialog request is in order (RFC 3261 §12.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceVerdict {
    /// Its CSeq is higher than the last one seen: process it.
    Fresh,
    /// Its CSeq is not higher: answer 500.
    OutOfOrder,
}

impl Dialog {
    /// The dialog a UAS creates by answering `invite` with `local_tag` (RFC 3261 §12.1.1).
    pub fn from_invite(invite: &Request, local_tag: &str) -> Result<Dialog, ParseError> {
        let remote = invite.from()?;
        let mut local = invite.to()?;
        local.set_tag(local_tag);
        let id = DialogId {
            call_id: invite.call_id()?.to_owned(),
            local_tag: local_tag.to_owned(),
            remote_tag: remote.tag().unwrap_or_default().to_owned(),
        };
        let target = match invite.contacts()?.first() {
            Some(contact) => contact.uri.clone(),
            None => remote.uri.clone(),
        };
        Ok(Dialog {
            id,
            local,
            remote,
            target,
            routes: invite.record_routes()?,
            local_seq: 0,
            remote_seq: Some(invite.cseq()?.seq),
        })
    }

    /// The dialog a UAC learns of from a response to its `invite` (RFC 3261 §12.1.2). `None` without a To tag.
    pub fn from_response(invite: &Request, response: &Response) -> Result<Option<Dialog>, ParseError> {
        let remote = response.to()?;
        let Some(remote_tag) = remote.tag().map(str::to_owned) else { return Ok(None) };
        let local = invite.from()?;
        let id = DialogId {
            call_id: invite.call_id()?.to_owned(),
            local_tag: local.tag().unwrap_or_default().to_owned(),
            remote_tag,
        };
        let target = match response.contacts()?.first() {
            Some(contact) => contact.uri.clone(),
            None => invite.uri()?,
        };
        let mut routes = response.record_routes()?;
        routes.reverse(); // RFC 3261 §12.1.2: the UAC takes the list in reverse order
        Ok(Some(Dialog { id, local, remote, target, routes, local_seq: invite.cseq()?.seq, remote_seq: None }))
    }

    /// The identifiers of this dialog.
    pub fn id(&self) -> &DialogId {
        &self.id
    }

    /// Where requests of this dialog are addressed: the peer's last Contact (target refresh, RFC 3261 §12.2).
    pub fn target(&self) -> &Uri {
        &self.target
    }

    /// The route set, in the order in which our requests visit it.
    pub fn routes(&self) -> &[NameAddr] {
        &self.routes
    }

    /// Takes the Contact of a target refresh request or of its 2xx (RFC 3261 §12.2.1.2, §12.2.2).
    pub fn refresh_target(&mut self, contact: &NameAddr) {
        self.target = contact.uri.clone();
    }

    /// Checks and records the CSeq of a request from the peer. ACK and CANCEL are not asked (their number is that of
    /// the INVITE they belong to).
    pub fn accept_sequence(&mut self, seq: u32) -> SequenceVerdict {
        match self.remote_seq {
            Some(last) if seq <= last => SequenceVerdict::OutOfOrder,
            _ => {
                self.remote_seq = Some(seq);
                SequenceVerdict::Fresh
            }
        }
    }

    /// Builds the next request of this dialog (RFC 3261 §12.2.1.1); the caller adds Via, Contact and body.
    pub fn request(&mut self, method: Method) -> Request {
        self.local_seq += 1;
        self.request_numbered(method, self.local_seq)
    }

    /// Builds a request with a given CSeq: the ACK of a 2xx carries its INVITE's number (RFC 3261 §13.2.2.4).
    pub fn request_numbered(&self, method: Method, seq: u32) -> Request {
        let strict_router = self.routes.first().is_some_and(|first| first.uri.param("lr").is_none());
        let uri = if strict_router { &self.routes[0].uri } else { &self.target };
        let mut request = Request::new(method.clone(), uri);
        let routes = if strict_router { &self.routes[1..] } else { &self.routes[..] };
        for route in routes {
            request.headers.push(HeaderName::Route, route.to_bytes());
        }
        if strict_router {
            // RFC 3261 §12.2.1.1: a strict router gets itself as request-URI and the target as the last Route.
            request.headers.push(HeaderName::Route, NameAddr::new(self.target.clone()).to_bytes());
        }
        request.headers.push(HeaderName::MaxForwards, "70");
        request.headers.push(HeaderName::From, self.local.to_bytes());
        request.headers.push(HeaderName::To, self.remote.to_bytes());
        request.headers.push(HeaderName::CallId, self.id.call_id.clone());
        request.headers.push(HeaderName::CSeq, CSeq { seq, method }.to_string());
        request
    }

    /// Reserves a CSeq when a request of this dialog is sent again with credentials (RFC 3261 §22.2).
    pub fn next_sequence(&mut self) -> u32 {
        self.local_seq += 1;
        self.local_seq
    }
}
