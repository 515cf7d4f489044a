//! The answering side of an INVITE: ring, answer, reject, wait for the ACK, be cancelled (RFC 3261 §13.3, §9.2).

use std::time::Instant;

use bytes::Bytes;

use super::event::{EndCause, Event, LegEvent, LegId, Routing};
use super::leg::{AckWait, Established, Leg, Offered, Reinvite, State};
use super::uac::contact;
use super::{Endpoint, MergeKey};
use crate::sip::Flow;
use crate::sip::dialog::Dialog;
use crate::sip::message::{HeaderName, Request, Response};
use crate::sip::transaction::ServerTx;

impl Endpoint {
    pub(super) fn open_incoming(&mut self, tx: ServerTx, request: Request, flow: Flow, key: MergeKey) {
        let id = LegId(self.fresh_id());
        let local_tag = self.token(1);
        let Ok(dialog) = Dialog::from_invite(&request, &local_tag) else {
            return self.respond_tx(tx, &request, 400);
        };
        let user = request.uri().ok().and_then(|uri| uri.user().map(str::to_owned)).unwrap_or_default();
        self.by_tag.insert(local_tag.clone(), id);
        self.merging.insert(key, id);
        self.offered.insert(tx, id);
        self.legs.insert(
            id,
            Leg {
                flow,
                routing: Routing::Flow,
                local_tag,
                contact: contact(&user, flow),
                standing: Vec::new(),
                login: None,
                dialog: Some(dialog),
                state: State::Incoming(Box::new(Offered { tx, request: request.clone() })),
                released: false,
                wake_at: None,
            },
        );
        self.event(Event::Incoming { leg: id, request, flow });
    }

    /// How the in-dialog requests of an incoming leg travel; the default is along its flow.
    pub fn set_routing(&mut self, id: LegId, routing: Routing) {
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.routing = routing;
        }
    }

    /// A provisional response to the peer's INVITE: 180, or 183 with a description of early media.
    pub fn ring(&mut self, id: LegId, status: u16, body: Option<(String, Bytes)>, now: Instant) {
        self.now = now;
        debug_assert!((101..200).contains(&status));
        if let Some((tx, response)) = self.invite_answer(id, status, &[], body) {
            self.transactions.respond(tx, response, now);
        }
        self.drain();
    }

    /// A 200 to the peer's INVITE or re-INVITE; it is repeated until the ACK comes.
    pub fn answer(&mut self, id: LegId, headers: &[(HeaderName, String)], body: (String, Bytes), now: Instant) {
        self.now = now;
        self.accept(id, headers, Some(body));
        self.drain();
    }

    /// A final refusal of the peer's INVITE (the leg is gone) or re-INVITE (the call goes on as it was).
    pub fn reject(&mut self, id: LegId, status: u16, headers: &[(HeaderName, String)], now: Instant) {
        self.now = now;
        debug_assert!((300..700).contains(&status));
        if let Some((tx, response)) = self.invite_answer(id, status, headers, None) {
            self.transactions.respond(tx, response, now);
            self.offered.remove(&tx);
            match self.legs.get_mut(&id).and_then(Leg::established) {
                Some(established) => established.reinvite = None,
                None => drop(self.forget_leg(id)),
            }
        }
        self.drain();
    }

    fn accept(&mut self, id: LegId, headers: &[(HeaderName, String)], body: Option<(String, Bytes)>) {
        let Some((tx, response)) = self.invite_answer(id, 200, headers, body) else { return };
        let bytes = response.to_bytes();
        let seq = response.cseq().map_or(0, |cseq| cseq.seq);
        self.transactions.respond(tx, response, self.now);
        self.offered.remove(&tx);
        let (t1, timeout) = (self.config.timers.t1, self.patience());
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let wait = Box::new(AckWait {
            seq,
            flow: leg.flow,
            response: bytes,
            next: self.now + t1,
            interval: t1,
            give_up: self.now + timeout,
        });
        self.wake.set(id, leg, wait.next);
        match &mut leg.state {
            State::Established(established) => {
                established.reinvite = None;
                established.ack_wait = Some(wait);
            }
            State::Incoming(offered) => {
                if let Some(key) = MergeKey::of(&offered.request) {
                    self.merging.remove(&key);
                }
                leg.state = State::Established(Established { ack_wait: Some(wait), ..Established::default() });
            }
            State::Calling(_) => {}
        }
    }

    /// A response to the INVITE or re-INVITE that the peer has open on this leg.
    fn invite_answer(
        &mut self,
        id: LegId,
        status: u16,
        headers: &[(HeaderName, String)],
        body: Option<(String, Bytes)>,
    ) -> Option<(ServerTx, Response)> {
        let leg = self.legs.get(&id)?;
        let offered = match &leg.state {
            State::Incoming(offered) => offered,
            State::Established(Established { reinvite: Some(Reinvite::Theirs(offered)), .. }) => offered,
            State::Established(_) | State::Calling(_) => return None,
        };
        let request = &offered.request;
        let mut response = Response::for_request(request, status);
        if let Ok(mut to) = response.to() {
            to.set_tag(&leg.local_tag);
            response.headers.set(HeaderName::To, to.to_bytes());
        }
        for header in request.headers.all(&HeaderName::RecordRoute) {
            // RFC 3261 §12.1.1: the route set is built from what the response copies.
            response.headers.push_header(header);
        }
        if status < 400 && !headers.iter().any(|(name, _)| *name == HeaderName::Contact) {
            response.headers.push(HeaderName::Contact, leg.contact.clone());
        }
        if (200..300).contains(&status) {
            response.headers.push(HeaderName::Allow, self.allow.clone());
        }
        for (name, value) in leg.standing.iter().chain(headers) {
            response.headers.push(name.clone(), value.clone());
        }
        self.dress_response(&mut response);
        if let Some((content_type, bytes)) = body {
            response.headers.push(HeaderName::ContentType, content_type);
            response.body = bytes;
        }
        Some((offered.tx, response))
    }

    /// The ACK of a 2xx of ours (the transaction layer keeps those of refusals).
    pub(super) fn acknowledged(&mut self, ack: Request) {
        let Some(id) = self.leg_of_request(&ack) else { return };
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let released = leg.released;
        let seq = ack.cseq().map_or(0, |cseq| cseq.seq);
        let Some(established) = leg.established() else { return };
        if established.ack_wait.take_if(|wait| wait.seq == seq).is_none() {
            return;
        }
        leg.wake_at = None;
        if released {
            // RFC 3261 §15: the callee hangs up only after the ACK.
            self.send_bye(id, None);
            self.let_go(id);
        } else {
            self.leg_event(id, LegEvent::Acknowledged(ack));
        }
    }

    /// CANCEL of an INVITE (RFC 3261 §9.2).
    pub(super) fn cancelled(&mut self, cancel_tx: ServerTx, invite: Option<ServerTx>, cancel: Request) {
        let Some(invite) = invite else {
            return self.respond_tx(cancel_tx, &cancel, 481);
        };
        let found = self.offered.get(&invite).copied();
        // The 200 to CANCEL should carry the tag of the INVITE's responses.
        let mut ok = self.response(&cancel, 200);
        if let Some(leg) = found.and_then(|id| self.legs.get(&id))
            && let Ok(mut to) = ok.to()
        {
            to.set_tag(&leg.local_tag);
            ok.headers.set(HeaderName::To, to.to_bytes());
        }
        self.transactions.respond(cancel_tx, ok, self.now);
        let Some(id) = found else { return };
        if let Some((tx, response)) = self.invite_answer(id, 487, &[], None) {
            self.transactions.respond(tx, response, self.now);
        }
        match self.legs.get_mut(&id).and_then(Leg::established) {
            // A cancelled re-INVITE leaves the session as it was (RFC 3261 §14.2).
            Some(established) => {
                established.reinvite = None;
                self.offered.remove(&invite);
            }
            None => self.end_leg(id, EndCause::Cancelled(cancel)),
        }
    }

    /// A leg's deadline came: repeat the 2xx, give up on its ACK, or give up on a cancelled INVITE.
    pub(super) fn leg_timer(&mut self, id: LegId) {
        let now = self.now;
        let t2 = self.config.timers.t2;
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.wake_at = None;
        match &mut leg.state {
            State::Established(Established { ack_wait: Some(wait), .. }) => {
                if now >= wait.give_up {
                    self.send_bye(id, None);
                    return self.end_leg(id, EndCause::NoAck);
                }
                // RFC 3261 §13.3.1.4: T1, doubling up to T2, on every transport.
                wait.interval = (wait.interval * 2).min(t2);
                wait.next = (now + wait.interval).min(wait.give_up);
                let (flow, bytes, next) = (wait.flow, wait.response.clone(), wait.next);
                self.wake.set(id, leg, next);
                self.counters.transmitted += 1;
                self.outputs.push_back(super::Output::Transmit(flow, bytes));
            }
            State::Established(Established { reinvite: Some(Reinvite::Ours(calling)), .. }) if leg.released => {
                let tx = calling.tx;
                self.transactions.abandon(tx);
                self.forget_leg(id);
            }
            State::Calling(calling) if calling.cancel_sent => {
                let tx = calling.tx;
                self.transactions.abandon(tx);
                self.end_leg(id, EndCause::Timeout);
            }
            State::Established(_) | State::Calling(_) | State::Incoming(_) => {}
        }
    }
}
