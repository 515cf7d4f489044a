//! Requests other than INVITE, in both directions: REGISTER, OPTIONS, MESSAGE, INFO … (RFC 3261 §8.1, §8.2).

use std::time::Instant;

use super::Endpoint;
use super::event::{Event, IncomingId, LegId, Login, NoResponse, Outgoing, RequestId};
use super::in_dialog::needs_credentials;
use super::uac::MAX_ATTEMPTS;
use crate::sip::Flow;
use crate::sip::message::{CSeq, HeaderName, Request, Response, Via};
use crate::sip::transaction::ClientTx;

/// A request of ours that waits for its final response.
pub(super) struct Pending {
    pub id: RequestId,
    pub leg: Option<LegId>,
    pub request: Request,
    pub flow: Flow,
    pub login: Option<Login>,
    pub attempts: u8,
}

impl Endpoint {
    /// Sends a request outside any dialog; its fate arrives as [`Event::Response`] or [`Event::NoResponse`].
    pub fn request(&mut self, outgoing: Outgoing, now: Instant) -> RequestId {
        self.now = now;
        let mut request = Request::new(outgoing.method.clone(), &outgoing.target);
        let via = Via::new(outgoing.flow.transport, outgoing.flow.local, &self.branch());
        let (call_id, seq) = outgoing.call_id.unwrap_or_else(|| (self.token(2), 1));
        request.headers.push(HeaderName::Via, via.to_string());
        request.headers.push(HeaderName::MaxForwards, "70");
        request.headers.push(HeaderName::From, format!("{};tag={}", outgoing.from, self.token(1)));
        request.headers.push(HeaderName::To, outgoing.to);
        request.headers.push(HeaderName::CallId, call_id);
        request.headers.push(HeaderName::CSeq, CSeq { seq, method: outgoing.method }.to_string());
        self.declare_capabilities(&mut request);
        for (name, value) in outgoing.headers {
            request.headers.push(name, value);
        }
        if let Some((content_type, body)) = outgoing.body {
            request.headers.push(HeaderName::ContentType, content_type);
            request.body = body;
        }
        let id = self.send_pending(request, outgoing.flow, None, outgoing.credentials);
        self.drain();
        id
    }

    /// Answers a request that came as [`Event::Request`].
    pub fn respond(&mut self, id: IncomingId, response: Response, now: Instant) {
        self.now = now;
        self.transactions.respond(id.0, response, now);
        self.drain();
    }

    /// A response to `request` with tag and Server header, for the owner to complete and hand to
    /// [`Endpoint::respond`].
    pub fn response_to(&mut self, request: &Request, status: u16) -> Response {
        self.response(request, status)
    }

    pub(super) fn send_pending(
        &mut self,
        request: Request,
        flow: Flow,
        leg: Option<LegId>,
        login: Option<Login>,
    ) -> RequestId {
        let id = RequestId(self.fresh_id());
        let tx = self.transactions.request(request.clone(), flow, self.now);
        self.pending.insert(tx, Pending { id, leg, request, flow, login, attempts: 0 });
        id
    }

    pub(super) fn plain_response(&mut self, tx: ClientTx, response: Response) {
        if response.status < 200 {
            if let Some(pending) = self.pending.get(&tx) {
                let (id, leg) = (pending.id, pending.leg);
                self.event(Event::Response { id, leg, response });
            }
            return;
        }
        let Some(pending) = self.pending.remove(&tx) else { return };
        let Some(pending) = self.retry_plain(pending, &response) else { return };
        let (id, leg) = (pending.id, pending.leg);
        let lost = matches!(response.status, 481 | 408);
        self.event(Event::Response { id, leg, response });
        if let Some(leg) = leg.filter(|_| lost) {
            self.peer_lost(leg);
        }
    }

    /// Answers a challenge. Gives the request back when there is nothing to answer it with.
    fn retry_plain(&mut self, mut pending: Pending, response: &Response) -> Option<Pending> {
        if !needs_credentials(response) || pending.attempts >= MAX_ATTEMPTS {
            return Some(pending);
        }
        let Some(login) = pending.login.clone() else { return Some(pending) };
        let seq = self.repeat_sequence(&pending);
        let flow = pending.flow;
        if !self.authorise(&mut pending.request, response, &login, seq, flow) {
            return Some(pending);
        }
        pending.attempts += 1;
        let tx = self.transactions.request(pending.request.clone(), flow, self.now);
        self.pending.insert(tx, pending);
        None
    }

    pub(super) fn request_unanswered(&mut self, tx: ClientTx, why: NoResponse) {
        let Some(pending) = self.pending.remove(&tx) else { return };
        self.event(Event::NoResponse { id: pending.id, leg: pending.leg, why });
        if let Some(leg) = pending.leg {
            self.peer_lost(leg);
        }
    }
}
