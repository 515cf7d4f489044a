//! The calling side of an INVITE: progress, answer, refusal, challenge, cancel (RFC 3261 §9.1, §13.2).

use std::time::Instant;

use super::event::{EndCause, Invitation, LegEvent, LegId, NoResponse};
use super::in_dialog::needs_credentials;
use super::leg::{Calling, Established, Leg, Reinvite, State};
use super::{Endpoint, Output};
use crate::sip::Flow;
use crate::sip::dialog::Dialog;
use crate::sip::message::{CSeq, HeaderName, Method, NameAddr, Request, Response, Via};
use crate::sip::transaction::{self, ClientTx};

/// Challenges answered for one request: the first, and one more when the nonce had just gone stale.
pub(super) const MAX_ATTEMPTS: u8 = 2;

impl Endpoint {
    /// Starts a call. Its fate arrives as [`LegEvent`]s.
    pub fn invite(&mut self, invitation: Invitation, now: Instant) -> LegId {
        self.now = now;
        let id = LegId(self.fresh_id());
        let local_tag = self.token(1);
        let contact = contact(&invitation.contact_user, invitation.flow) + &invitation.contact_params;
        let request = self.first_invite(&invitation, &local_tag, &contact);
        let tx = self.transactions.request(request.clone(), invitation.flow, now);
        self.calling.insert(tx, id);
        self.by_tag.insert(local_tag.clone(), id);
        let calling = Box::new(Calling { tx, request, provisional: false, cancel_sent: false, attempts: 0 });
        self.legs.insert(
            id,
            Leg {
                flow: invitation.flow,
                routing: invitation.routing,
                local_tag,
                contact,
                standing: standing(&invitation.headers),
                login: invitation.credentials,
                dialog: None,
                state: State::Calling(calling),
                released: false,
                wake_at: None,
            },
        );
        self.drain();
        id
    }

    fn first_invite(&mut self, invitation: &Invitation, local_tag: &str, contact: &str) -> Request {
        let mut request = Request::new(Method::Invite, &invitation.target);
        let via = Via::new(invitation.flow.transport, invitation.flow.local, &self.branch());
        request.headers.push(HeaderName::Via, via.to_string());
        request.headers.push(HeaderName::MaxForwards, invitation.max_forwards.to_string());
        request.headers.push(HeaderName::From, format!("{};tag={}", invitation.from, local_tag));
        request.headers.push(HeaderName::To, invitation.to.clone());
        let call_id = if invitation.call_id.is_empty() { self.token(2) } else { invitation.call_id.clone() };
        request.headers.push(HeaderName::CallId, call_id);
        request.headers.push(HeaderName::CSeq, CSeq { seq: 1, method: Method::Invite }.to_string());
        request.headers.push(HeaderName::Contact, contact.to_owned());
        self.declare_capabilities(&mut request);
        for (name, value) in &invitation.headers {
            request.headers.push(name.clone(), value.clone());
        }
        if let Some((content_type, body)) = &invitation.body {
            request.headers.push(HeaderName::ContentType, content_type.clone());
            request.body = body.clone();
        }
        request
    }

    /// `Allow`, `Supported` and `User-Agent` (RFC 3261 §13.2.1).
    pub(super) fn declare_capabilities(&self, request: &mut Request) {
        request.headers.push(HeaderName::Allow, self.allow.clone());
        if !self.config.supported.is_empty() {
            request.headers.push(HeaderName::Supported, self.config.supported.join(", "));
        }
        request.headers.push(HeaderName::UserAgent, self.product.clone());
    }

    /// A response to an INVITE or re-INVITE of ours.
    pub(super) fn invite_response(&mut self, id: LegId, tx: ClientTx, response: Response) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if matches!(leg.state, State::Established(_)) {
            return self.reinvite_response(id, tx, response);
        }
        match response.status {
            100 => self.provisional(id),
            101..=199 => {
                self.provisional(id);
                if !self.is_released(id) {
                    self.leg_event(id, LegEvent::Progress(response));
                }
            }
            200..=299 => self.call_answered(id, response),
            _ => self.call_refused(id, tx, response),
        }
    }

    pub(super) fn is_released(&self, id: LegId) -> bool {
        self.legs.get(&id).is_none_or(|leg| leg.released)
    }

    fn provisional(&mut self, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let released = leg.released;
        if let State::Calling(calling) = &mut leg.state {
            calling.provisional = true;
            if released {
                self.send_cancel(id);
            }
        }
    }

    fn call_answered(&mut self, id: LegId, response: Response) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let State::Calling(calling) = &leg.state else { return };
        let (tx, request) = (calling.tx, calling.request.clone());
        let Ok(Some(dialog)) = Dialog::from_response(&request, &response) else {
            // A 2xx without a To tag makes no dialog that could be acknowledged or hung up: the peer will give up for want
            // of an ACK, and for the owner the call is over.
            self.counters.stray_responses += 1;
            self.calling.remove(&tx);
            return self.end_leg(id, EndCause::PeerLost);
        };
        leg.dialog = Some(dialog);
        leg.state = State::Established(Established::default());
        let released = leg.released;
        self.calling.remove(&tx);
        self.send_ack(id, &request);
        if released {
            // RFC 3261 §9.1: the 2xx crossed our CANCEL, so the call is hung up instead.
            self.send_bye(id, None);
            self.let_go(id);
        } else {
            self.leg_event(id, LegEvent::Answered(response));
        }
    }

    fn call_refused(&mut self, id: LegId, tx: ClientTx, response: Response) {
        self.calling.remove(&tx);
        if needs_credentials(&response) && !self.is_released(id) && self.retry_invite(id, &response) {
            return;
        }
        self.end_leg(id, EndCause::Refused(response));
    }

    /// Sends the INVITE again with an answer to the challenge (RFC 3261 §22.2). False when there is none to give.
    pub(super) fn retry_invite(&mut self, id: LegId, challenge: &Response) -> bool {
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        let Some(login) = leg.login.clone() else { return false };
        let calling = match &mut leg.state {
            State::Calling(calling) => calling,
            State::Established(Established { reinvite: Some(Reinvite::Ours(calling)), .. }) => calling,
            State::Established(_) | State::Incoming(_) => return false,
        };
        if calling.attempts >= MAX_ATTEMPTS {
            return false;
        }
        let (mut request, attempts) = (calling.request.clone(), calling.attempts + 1);
        let seq = match &mut leg.dialog {
            Some(dialog) => dialog.next_sequence(),
            None => request.cseq().map_or(1, |cseq| cseq.seq) + 1,
        };
        let flow = leg.flow;
        if !self.authorise(&mut request, challenge, &login, seq, flow) {
            return false;
        }
        let tx = self.transactions.request(request.clone(), flow, self.now);
        self.calling.insert(tx, id);
        let again = Box::new(Calling { tx, request, provisional: false, cancel_sent: false, attempts });
        if let Some(leg) = self.legs.get_mut(&id) {
            match &mut leg.state {
                State::Established(established) => established.reinvite = Some(Reinvite::Ours(again)),
                State::Calling(_) | State::Incoming(_) => leg.state = State::Calling(again),
            }
        }
        true
    }

    /// Acknowledges the 2xx of `invite` (RFC 3261 §13.2.2.4: an ACK of its own, sent by the core).
    pub(super) fn send_ack(&mut self, id: LegId, invite: &Request) {
        let branch = self.branch();
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let (Some(dialog), Ok(cseq)) = (&leg.dialog, invite.cseq()) else { return };
        let mut ack = dialog.request_numbered(Method::Ack, cseq.seq);
        let flow = leg.request_flow();
        ack.headers.push_front(HeaderName::Via, Via::new(flow.transport, flow.local, &branch).to_string());
        for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            // RFC 3261 §22.1: the ACK repeats the credentials of its INVITE.
            if let Some(value) = invite.headers.text(&name) {
                ack.headers.push(name, value.to_owned());
            }
        }
        for (name, value) in &leg.standing {
            ack.headers.push(name.clone(), value.clone());
        }
        let bytes = ack.to_bytes();
        if let Some(established) = leg.established() {
            established.sent_ack = Some((cseq.seq, flow, bytes.clone()));
        }
        self.counters.transmitted += 1;
        self.outputs.push_back(Output::Transmit(flow, bytes));
    }

    /// A response no transaction wanted: the 2xx of a call of ours again, or of another branch of a fork.
    pub(super) fn stray_response(&mut self, response: Response) {
        self.counters.stray_responses += 1;
        let is_invite = response.cseq().is_ok_and(|cseq| cseq.method == Method::Invite);
        if !is_invite || !(200..300).contains(&response.status) {
            return;
        }
        let Some((id, to_tag)) = self.leg_of_response(&response) else { return };
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let (same_dialog, flow) =
            (leg.dialog.as_ref().is_some_and(|dialog| dialog.id().remote_tag == to_tag), leg.flow);
        let Some(established) = leg.established() else { return };
        if same_dialog {
            let seq = response.cseq().map_or(0, |cseq| cseq.seq);
            if let Some((acked, flow, bytes)) = &established.sent_ack
                && *acked == seq
            {
                self.outputs.push_back(Output::Transmit(*flow, bytes.clone()));
            }
            return;
        }
        self.drop_fork(&response, flow);
    }

    /// RFC 3261 §13.2.2.4: a second 2xx of a forked INVITE is acknowledged, and its dialog hung up.
    fn drop_fork(&mut self, response: &Response, flow: Flow) {
        let Some(mut dialog) = forked_dialog(response) else { return };
        let seq = response.cseq().map_or(1, |cseq| cseq.seq);
        let mut ack = dialog.request_numbered(Method::Ack, seq);
        let mut bye = dialog.request(Method::Bye);
        for request in [&mut ack, &mut bye] {
            let via = Via::new(flow.transport, flow.local, &self.branch());
            request.headers.push_front(HeaderName::Via, via.to_string());
        }
        self.outputs.push_back(Output::Transmit(flow, ack.to_bytes()));
        self.transactions.request(bye, flow, self.now);
    }

    fn leg_of_response(&self, response: &Response) -> Option<(LegId, String)> {
        let from = response.from().ok()?;
        let id = *self.by_tag.get(from.tag()?)?;
        let to = response.to().ok()?;
        Some((id, to.tag().unwrap_or_default().to_owned()))
    }

    /// Timer B, or the transport, ended our INVITE.
    pub(super) fn invite_unanswered(&mut self, id: LegId, why: NoResponse) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if let State::Established(established) = &mut leg.state {
            // RFC 3261 §14.1: the session stays as it was when a re-INVITE times out; RFC 5057 ends it on 408.
            established.reinvite = None;
            if leg.released {
                self.forget_leg(id);
                return;
            }
            self.peer_lost(id);
            return;
        }
        let cause = match why {
            NoResponse::Timeout => EndCause::Timeout,
            NoResponse::Transport => EndCause::Transport,
        };
        self.end_leg(id, cause);
    }

    /// CANCEL for our INVITE (RFC 3261 §9.1): the same branch, request-URI, tags and number.
    pub(super) fn send_cancel(&mut self, id: LegId) {
        let give_up = self.now + self.patience();
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let State::Calling(calling) = &mut leg.state else { return };
        if calling.cancel_sent {
            return;
        }
        calling.cancel_sent = true;
        let Ok(mut cancel) = transaction::cancel(&calling.request) else { return };
        for (name, value) in &leg.standing {
            cancel.headers.push(name.clone(), value.clone());
        }
        self.transactions.request(cancel, leg.flow, self.now);
        // RFC 3261 §9.1: without a final response 64·T1 later the INVITE counts as cancelled.
        self.wake.set(id, leg, give_up);
    }
}

/// Our Contact on a flow (RFC 3261 §8.1.1.8): the transport is named where it is not the default.
pub(super) fn contact(user: &str, flow: Flow) -> String {
    let user = if user.is_empty() { String::new() } else { format!("{user}@") };
    match flow.transport {
        crate::sip::Transport::Udp => format!("<sip:{user}{}>", flow.local),
        other => format!("<sip:{user}{};transport={}>", flow.local, other.uri_param()),
    }
}

/// The headers of an INVITE that its whole leg keeps.
pub(super) fn standing(headers: &[(HeaderName, String)]) -> Vec<(HeaderName, String)> {
    headers.iter().filter(|(name, _)| *name == HeaderName::SessionId).cloned().collect()
}

/// The dialog of a forked 2xx, from the response alone.
fn forked_dialog(response: &Response) -> Option<Dialog> {
    let contacts = response.contacts().ok()?;
    let contact: &NameAddr = contacts.first()?;
    let mut invite = Request::new(Method::Invite, &contact.uri);
    invite.headers.push(HeaderName::From, response.from().ok()?.to_bytes());
    invite.headers.push(HeaderName::CallId, response.call_id().ok()?.to_owned());
    invite.headers.push(HeaderName::CSeq, response.cseq().ok()?.to_string());
    Dialog::from_response(&invite, response).ok().flatten()
}
