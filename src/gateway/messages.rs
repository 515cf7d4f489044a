//! MESSAGE (RFC 3428) and INFO (RFC 6086): the screen session's fallback carrier, and plain texts between users.

use bytes::Bytes;

use super::admit::Sender;
use super::{Gateway, Output};
use crate::call::{CallKey, Side};
use crate::sip::endpoint::{IncomingId, LegId, Outgoing, RequestId};
use crate::sip::message::{HeaderName, Method, Request, Response};
use crate::sip::{Flow, Transport};
use crate::sync::contract::{ScreenCommand, Side as ScreenSide};

/// RFC 3428 §8: over UDP a MESSAGE must fit into 1300 bytes.
const UDP_LIMIT: usize = 1300;

/// Requests passed on at the same time, and MESSAGEs waiting for a verdict: more are refused with 503.
const MAX_RELAYED: usize = 4096;

/// Whom the answer to a request of ours is for.
pub(super) enum Relayed {
    /// The sender of the request that we passed on.
    Peer { id: IncomingId, request: Box<Request> },
    /// The screen session whose message it carried.
    Screen { key: CallKey, side: ScreenSide, ticket: u64 },
}

/// A MESSAGE that waits for the screen session's verdict.
pub(super) struct Ticket {
    key: CallKey,
    id: IncomingId,
    request: Request,
}

impl Gateway {
    /// MESSAGE outside any dialog: a screen message whose call `In-Reply-To` names, or a text for a user.
    pub(super) fn message(&mut self, id: IncomingId, sender: Sender, request: Request, flow: Flow) {
        if self.is_too_large(&request, &flow) {
            return self.respond(id, &request, 413);
        }
        if is_screen_message(&request) {
            return match self.call_named_by(&request, sender) {
                Some((key, side)) => self.hand_to_screen(id, key, side, request),
                None => self.refuse_uncorrelated(id, &request),
            };
        }
        self.text_for_user(id, sender, request);
    }

    /// MESSAGE or INFO inside a call's dialog.
    pub(super) fn dialog_message(&mut self, id: IncomingId, leg: LegId, request: Request, flow: Flow) {
        let Some((key, side)) = self.call_of(leg) else { return self.respond(id, &request, 481) };
        if self.is_too_large(&request, &flow) {
            return self.respond(id, &request, 413);
        }
        if is_screen_message(&request) {
            return self.hand_to_screen(id, key, side, request);
        }
        let other = self.calls.get(&key).and_then(|call| call.party(side.other())).and_then(|party| party.leg);
        match other {
            Some(other) => self.pass_on(id, other, request),
            // A caller who waits may press keys; nobody is there to hear them.
            None if request.method == Method::Info => self.respond(id, &request, 200),
            None => self.respond(id, &request, 480),
        }
    }

    fn pass_on(&mut self, id: IncomingId, to: LegId, request: Request) {
        if self.relayed.len() >= MAX_RELAYED {
            return self.respond(id, &request, 503);
        }
        let mut headers = Vec::new();
        for name in [HeaderName::ContentDisposition, HeaderName::Other("Info-Package".into())] {
            if let Some(value) = request.headers.text(&name) {
                headers.push((name, value.to_owned()));
            }
        }
        let body = content(&request);
        match self.endpoint.request_in_dialog(to, request.method.clone(), &headers, body, self.now) {
            Some(sent) => drop(self.relayed.insert(sent, Relayed::Peer { id, request: Box::new(request) })),
            None => self.respond(id, &request, 480),
        }
    }

    /// Hands a screen message to the call's screen session; the verdict comes back by ticket.
    fn hand_to_screen(&mut self, id: IncomingId, key: CallKey, side: Side, request: Request) {
        let Some(call) = self.calls.get(&key).filter(|call| call.has_live_screen()) else {
            return self.refuse_uncorrelated(id, &request);
        };
        if self.tickets.len() >= MAX_RELAYED {
            return self.respond(id, &request, 503);
        }
        let Some((content_type, body)) = content(&request) else { return self.respond(id, &request, 400) };
        let call = call.key.0;
        self.next_key += 1;
        let ticket = self.next_key;
        self.tickets.insert(ticket, Ticket { key, id, request });
        let side = screen_side(side);
        self.out(Output::Screen(ScreenCommand::SipMessage { call, side, ticket, content_type, body }));
    }

    /// A screen message that no live call claims: refused, counted, never guessed.
    fn refuse_uncorrelated(&mut self, id: IncomingId, request: &Request) {
        self.uncorrelated += 1;
        self.respond(id, request, 481);
    }

    /// The screen session's verdict on a MESSAGE.
    pub(super) fn verdict(&mut self, ticket: u64, status: u16) {
        if let Some(Ticket { id, request, .. }) = self.tickets.remove(&ticket) {
            self.respond(id, &request, status);
        }
    }

    /// The call is over, so no verdict will come: what waits for one is answered as if it had come too late.
    pub(super) fn drop_tickets(&mut self, key: CallKey) {
        let of_call = self.tickets.iter().filter(|(_, ticket)| ticket.key == key);
        let tickets: Vec<u64> = of_call.map(|(number, _)| *number).collect();
        for ticket in tickets {
            self.verdict(ticket, 481);
        }
    }

    /// The call that `In-Reply-To` names by a leg's Call-ID, if the sender is that leg's party.
    fn call_named_by(&self, request: &Request, sender: Sender) -> Option<(CallKey, Side)> {
        let user = self.user_name(sender)?;
        let named = request.headers.text(&HeaderName::InReplyTo)?.split(',').next()?.trim();
        self.calls.values().find_map(|call| {
            if call.caller.call_id == named && call.user.as_deref() == Some(user) {
                return Some((call.key, Side::Caller));
            }
            let seat = &self.config.seats[call.seat.as_ref()?.seat];
            let is_seat = self.config.users[seat.user].name == user;
            (is_seat && call.callee.as_ref()?.call_id == named).then_some((call.key, Side::Callee))
        })
    }

    /// A text from one user to another: passed to where he is registered.
    fn text_for_user(&mut self, id: IncomingId, sender: Sender, request: Request) {
        let target = request.uri().ok();
        let to = target.as_ref().and_then(|uri| uri.user());
        let known = to.filter(|name| self.config.users.iter().any(|user| user.name == **name)).map(str::to_owned);
        let Some(name) = known else { return self.respond(id, &request, 404) };
        let binding = self.registrar.lookup(&name, self.now).first().map(|binding| (binding.uri.clone(), binding.flow));
        let Some((target, flow)) = binding else { return self.respond(id, &request, 480) };
        if self.relayed.len() >= MAX_RELAYED {
            return self.respond(id, &request, 503);
        }
        let domain = &self.config.gateway.domain;
        let from = match self.user_name(sender) {
            Some(user) => format!("<sip:{user}@{domain}>"),
            None => "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned(),
        };
        let outgoing = Outgoing {
            method: Method::Message,
            target,
            flow,
            from,
            to: format!("<sip:{name}@{domain}>"),
            call_id: None,
            headers: Vec::new(),
            body: content(&request),
            credentials: None,
        };
        let sent = self.endpoint.request(outgoing, self.now);
        self.relayed.insert(sent, Relayed::Peer { id, request: Box::new(request) });
    }

    /// The answer to a request of ours goes to whom it concerns.
    pub(super) fn relay_response(&mut self, id: RequestId, response: &Response) {
        if response.status >= 200 {
            self.relay_status(id, response.status);
        }
    }

    /// A request of ours ended with this status; 408 when nobody answered.
    pub(super) fn relay_status(&mut self, id: RequestId, status: u16) {
        match self.relayed.remove(&id) {
            Some(Relayed::Peer { id, request }) => {
                // A challenge to us is no challenge to him.
                let status = if matches!(status, 401 | 407) { 502 } else { status };
                self.respond(id, &request, status);
            }
            Some(Relayed::Screen { key, side, ticket }) => self.message_result(key, side, ticket, status),
            None => {}
        }
    }

    /// Remembers for whom a screen message's result is.
    pub(super) fn expect_message_result(&mut self, sent: RequestId, key: CallKey, side: ScreenSide, ticket: u64) {
        self.relayed.insert(sent, Relayed::Screen { key, side, ticket });
    }

    fn is_too_large(&self, request: &Request, flow: &Flow) -> bool {
        let limit = match flow.transport {
            Transport::Udp => UDP_LIMIT,
            Transport::Tcp => self.config.screen.message_max_bytes,
        };
        request.body.len() > limit
    }
}

/// Whether a body belongs to the screen session.
fn is_screen_message(request: &Request) -> bool {
    request
        .content_type()
        .is_some_and(|media| media.is("message/cpim") || media.is("application/vnd.tandem.control+json"))
}

fn content(request: &Request) -> Option<(String, Bytes)> {
    let content_type = request.content_type()?;
    Some((content_type.to_string(), request.body.clone()))
}

/// The screen session's name of a party.
pub(super) fn screen_side(side: Side) -> ScreenSide {
    match side {
        Side::Caller => ScreenSide::Phone,
        Side::Callee => ScreenSide::Seat,
    }
}
