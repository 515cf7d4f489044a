//! Inside a dialog: BYE, re-INVITE, INFO, MESSAGE, in both directions (RFC 3261 §12.2, §14, §15; RFC 5057).

use std::time::Instant;

use bytes::Bytes;

use super::Endpoint;
use super::event::{EndCause, Event, IncomingId, LegEvent, LegId, Login, RequestId};
use super::leg::{Calling, Offered, Reinvite, State};
use super::plain::Pending;
use crate::sip::Flow;
use crate::sip::auth;
use crate::sip::dialog::SequenceVerdict;
use crate::sip::message::{CSeq, HeaderName, Method, Request, Response, Via};
use crate::sip::transaction::{ClientTx, ServerTx};

impl Endpoint {
    /// Ends a leg in whatever way its state needs: BYE, CANCEL, or a refusal of the peer's INVITE with `status`.
    /// Nothing more is heard of it. `reason` is a Reason header (RFC 3326).
    pub fn hang_up(&mut self, id: LegId, status: u16, reason: Option<&str>, now: Instant) {
        self.now = now;
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.released = true;
        match &leg.state {
            State::Incoming(_) => {
                let headers: Vec<_> = reason.map(|text| (HeaderName::Reason, text.to_owned())).into_iter().collect();
                self.reject(id, status, &headers, now);
            }
            State::Calling(calling) if calling.provisional => self.send_cancel(id),
            State::Calling(_) => {} // RFC 3261 §9.1: CANCEL waits for the first provisional response
            State::Established(established) if established.ack_wait.is_some() => {} // RFC 3261 §15: BYE waits for the ACK
            State::Established(_) => {
                self.send_bye(id, reason);
                self.let_go(id);
            }
        }
        self.drain();
    }

    /// Offers a new session inside the dialog (RFC 3261 §14.1). False while another INVITE of the dialog is open: the
    /// owner tries again when that one has ended.
    pub fn reinvite(&mut self, id: LegId, body: (String, Bytes), now: Instant) -> bool {
        self.now = now;
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        if leg.established().is_none_or(|established| established.reinvite.is_some() || established.ack_wait.is_some())
        {
            return false;
        }
        let Some(mut request) = self.dialog_request(id, Method::Invite) else { return false };
        self.declare_capabilities(&mut request);
        request.headers.push(HeaderName::ContentType, body.0);
        request.body = body.1;
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        let flow = leg.request_flow();
        let tx = self.transactions.request(request.clone(), flow, now);
        if let Some(established) = leg.established() {
            let calling = Box::new(Calling { tx, request, provisional: false, cancel_sent: false, attempts: 0 });
            established.reinvite = Some(Reinvite::Ours(calling));
        }
        self.calling.insert(tx, id);
        self.drain();
        true
    }

    /// Sends INFO, MESSAGE or another plain request inside the dialog. `None` before the call is answered.
    pub fn request_in_dialog(
        &mut self,
        id: LegId,
        method: Method,
        headers: &[(HeaderName, String)],
        body: Option<(String, Bytes)>,
        now: Instant,
    ) -> Option<RequestId> {
        self.now = now;
        self.legs.get_mut(&id)?.established()?;
        let mut request = self.dialog_request(id, method)?;
        for (name, value) in headers {
            request.headers.push(name.clone(), value.clone());
        }
        if let Some((content_type, bytes)) = body {
            request.headers.push(HeaderName::ContentType, content_type);
            request.body = bytes;
        }
        let leg = self.legs.get(&id)?;
        let (flow, login) = (leg.request_flow(), leg.login.clone());
        let sent = self.send_pending(request, flow, Some(id), login);
        self.drain();
        Some(sent)
    }

    /// BYE; its answer is nobody's concern.
    pub(super) fn send_bye(&mut self, id: LegId, reason: Option<&str>) {
        let Some(mut bye) = self.dialog_request(id, Method::Bye) else { return };
        if let Some(reason) = reason {
            bye.headers.push(HeaderName::Reason, reason.to_owned());
        }
        let Some(leg) = self.legs.get(&id) else { return };
        let (flow, login) = (leg.request_flow(), leg.login.clone());
        match login {
            // Only a leg with a password can answer a challenge; for the rest the transaction alone will do.
            Some(login) => drop(self.send_pending(bye, flow, None, Some(login))),
            None => drop(self.transactions.request(bye, flow, self.now)),
        }
    }

    /// The next request of a leg's dialog, with Via, Contact and the standing headers.
    fn dialog_request(&mut self, id: LegId, method: Method) -> Option<Request> {
        let branch = self.branch();
        let leg = self.legs.get_mut(&id)?;
        let flow = leg.request_flow();
        let mut request = leg.dialog.as_mut()?.request(method);
        request.headers.push_front(HeaderName::Via, Via::new(flow.transport, flow.local, &branch).to_string());
        if request.method == Method::Invite {
            request.headers.push(HeaderName::Contact, leg.contact.clone());
        }
        for (name, value) in &leg.standing {
            request.headers.push(name.clone(), value.clone());
        }
        request.headers.push(HeaderName::UserAgent, self.product.clone());
        Some(request)
    }

    /// The leg in whose dialog a request came: our tag, the peer's tag and the Call-ID all match (RFC 3261 §12.2.2).
    pub(super) fn leg_of_request(&self, request: &Request) -> Option<LegId> {
        let to = request.to().ok()?;
        let from = request.from().ok()?;
        let id = *self.by_tag.get(to.tag()?)?;
        let dialog = self.legs.get(&id)?.dialog.as_ref()?.id();
        let matches = dialog.call_id == request.call_id().ok()? && dialog.remote_tag == from.tag().unwrap_or_default();
        matches.then_some(id)
    }

    /// A request with a To tag.
    pub(super) fn in_dialog_request(&mut self, tx: ServerTx, request: Request, flow: Flow) {
        let found = self.leg_of_request(&request).filter(|id| {
            // RFC 3261 §12.2.2 ends at the dialog; who hung up already has nothing more to hear.
            !self.is_released(*id)
        });
        let Some(id) = found else {
            self.counters.unknown_dialog += 1;
            return self.respond_tx(tx, &request, 481);
        };
        let (Some(leg), Ok(cseq)) = (self.legs.get_mut(&id), request.cseq()) else { return };
        let Some(dialog) = &mut leg.dialog else { return };
        if dialog.accept_sequence(cseq.seq) == SequenceVerdict::OutOfOrder {
            return self.respond_tx(tx, &request, 500); // RFC 3261 §12.2.2
        }
        match request.method {
            Method::Bye => self.bye_received(id, tx, request),
            Method::Invite => self.reinvite_received(id, tx, request, flow),
            _ => self.event(Event::Request { id: IncomingId(tx), leg: Some(id), request, flow }),
        }
    }

    fn bye_received(&mut self, id: LegId, tx: ServerTx, request: Request) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if matches!(leg.state, State::Calling(_)) {
            // A caller's early dialog cannot be ended by the callee's BYE (RFC 3261 §15).
            return self.respond_tx(tx, &request, 481);
        }
        self.respond_tx(tx, &request, 200);
        let still_open = self.legs.get(&id).and_then(|leg| match &leg.state {
            State::Incoming(offered) => Some((offered.tx, offered.request.clone())),
            // `forget_leg` answers an open re-INVITE.
            State::Established(_) | State::Calling(_) => None,
        });
        if let Some((open, invite)) = still_open {
            self.offered.remove(&open);
            self.respond_tx(open, &invite, 487); // RFC 3261 §15.1.2
        }
        self.end_leg(id, EndCause::Bye(request));
    }

    fn reinvite_received(&mut self, id: LegId, tx: ServerTx, request: Request, flow: Flow) {
        let retry_after = 1 + (self.token(1).as_bytes()[0] % 10);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(established) = leg.established() else {
            return self.respond_tx(tx, &request, 491);
        };
        match &established.reinvite {
            // RFC 3261 §14.2: glare.
            Some(Reinvite::Ours(_)) => self.respond_tx(tx, &request, 491),
            Some(Reinvite::Theirs(_)) => {
                let mut busy = self.response(&request, 500);
                busy.headers.push(HeaderName::RetryAfter, retry_after.to_string());
                self.transactions.respond(tx, busy, self.now);
            }
            None => {
                self.offered.insert(tx, id);
                established.reinvite = Some(Reinvite::Theirs(Box::new(Offered { tx, request: request.clone() })));
                leg.flow = flow;
                if let (Some(dialog), Ok(contacts)) = (&mut leg.dialog, request.contacts())
                    && let Some(contact) = contacts.first()
                {
                    dialog.refresh_target(contact);
                }
                self.leg_event(id, LegEvent::Reinvite(request));
            }
        }
    }

    /// A response to our re-INVITE.
    pub(super) fn reinvite_response(&mut self, id: LegId, tx: ClientTx, response: Response) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let released = leg.released;
        let Some(established) = leg.established() else { return };
        let Some(Reinvite::Ours(calling)) = &established.reinvite else { return };
        if calling.tx != tx || response.status < 200 {
            return;
        }
        if released {
            // The dialog is gone; the transaction has acknowledged a refusal, and a 2xx is acknowledged here.
            let request = calling.request.clone();
            if (200..300).contains(&response.status) {
                self.send_ack(id, &request);
            }
            self.forget_leg(id);
            return;
        }
        let request = calling.request.clone();
        if needs_credentials(&response) && self.retry_invite(id, &response) {
            self.calling.remove(&tx);
            return;
        }
        self.calling.remove(&tx);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if let Some(established) = leg.established() {
            established.reinvite = None;
        }
        if (200..300).contains(&response.status) {
            if let (Some(dialog), Ok(contacts)) = (&mut leg.dialog, response.contacts())
                && let Some(contact) = contacts.first()
            {
                dialog.refresh_target(contact);
            }
            self.send_ack(id, &request);
        }
        if response.status == 481 || response.status == 408 {
            return self.peer_lost(id);
        }
        self.leg_event(id, LegEvent::ReinviteDone(response));
    }

    /// RFC 5057: 481 or 408 inside a dialog ends it.
    pub(super) fn peer_lost(&mut self, id: LegId) {
        self.send_bye(id, None);
        self.end_leg(id, EndCause::PeerLost);
    }

    /// Puts a fresh number, branch and credentials on a challenged request. False when the challenge has no scheme
    /// or algorithm we know.
    pub(super) fn authorise(
        &mut self,
        request: &mut Request,
        challenge: &Response,
        login: &Login,
        seq: u32,
        flow: Flow,
    ) -> bool {
        let cnonce = self.token(1);
        let Some((name, value)) = answer_challenge(challenge, request, login, &cnonce) else { return false };
        request.headers.set(name, value);
        request.headers.set(HeaderName::CSeq, CSeq { seq, method: request.method.clone() }.to_string());
        request.headers.remove_first_value(&HeaderName::Via);
        let branch = self.branch();
        request.headers.push_front(HeaderName::Via, Via::new(flow.transport, flow.local, &branch).to_string());
        true
    }

    /// Next sequence number for repeating a request of a leg.
    pub(super) fn repeat_sequence(&mut self, pending: &Pending) -> u32 {
        let in_dialog = pending.leg.and_then(|id| self.legs.get_mut(&id)).and_then(|leg| leg.dialog.as_mut());
        match in_dialog {
            Some(dialog) => dialog.next_sequence(),
            None => pending.request.cseq().map_or(1, |cseq| cseq.seq) + 1,
        }
    }
}

/// Whether a response asks for credentials.
pub(super) fn needs_credentials(response: &Response) -> bool {
    matches!(response.status, 401 | 407)
}

/// The credentials header for a challenged request (RFC 3261 §22.2, §22.3).
fn answer_challenge(
    challenge: &Response,
    request: &Request,
    login: &Login,
    cnonce: &str,
) -> Option<(HeaderName, String)> {
    let (asked, answered) = match challenge.status {
        407 => (HeaderName::ProxyAuthenticate, HeaderName::ProxyAuthorization),
        _ => (HeaderName::WwwAuthenticate, HeaderName::Authorization),
    };
    let uri = request.uri().ok()?;
    let secret = auth::Secret::password(&login.password);
    let attempt = auth::Attempt {
        method: request.method.as_str(),
        uri: uri.as_str(),
        username: &login.username,
        secret: &secret,
        body: &request.body,
        cnonce,
        nc: 1,
    };
    let challenges = challenge.headers.all(&asked).filter_map(|header| std::str::from_utf8(header.value()).ok());
    Some((answered, auth::respond(challenges, &attempt)?))
}
