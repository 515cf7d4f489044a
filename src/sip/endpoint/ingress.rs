//! From bytes on a flow to the transaction, the dialog or the owner.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;

use super::event::{Event, IncomingId};
use super::{Endpoint, MergeKey, Output};
use crate::sip::message::{HeaderName, Message, Method, Request, Response, Via, validate};
use crate::sip::transaction::{Received, ServerTx};
use crate::sip::{Flow, Transport};

/// The default SIP port (RFC 3261 §18.2.2), where a response goes when `Via` names none.
const DEFAULT_PORT: u16 = 5060;

impl Endpoint {
    /// A whole message arrived on `flow`: one datagram, or one message cut from a stream.
    pub fn receive(&mut self, flow: Flow, bytes: Bytes, now: Instant) {
        self.now = now;
        self.counters.received += 1;
        let parsed = match flow.transport {
            Transport::Udp => Message::parse_datagram(bytes),
            Transport::Tcp => Message::parse_frame(bytes),
        };
        match parsed {
            Ok(Message::Request(request)) => self.receive_request(request, flow),
            Ok(Message::Response(response)) => self.receive_response(response, flow),
            Err(error) => {
                self.counters.unparseable += 1;
                tracing::debug!(%error, peer = %flow.remote, "dropped what is no SIP message");
            }
        }
        self.drain();
    }

    fn receive_response(&mut self, response: Response, flow: Flow) {
        // RFC 3261 §18.1.2: a response whose top Via is not ours must be discarded; so is a malformed one.
        let ours = response.via().is_ok_and(|via| {
            let (host, port) = via.host_port();
            host.ip() == Some(flow.local.ip()) && port == flow.local.port()
        });
        let message = Message::Response(response);
        if !ours || validate(&message).is_err() {
            self.counters.stray_responses += 1;
            return;
        }
        self.dispatch(message, flow);
    }

    fn receive_request(&mut self, mut request: Request, flow: Flow) {
        let Some(reply) = stamp_via(&mut request, flow) else {
            return self.receive_unreturnable(request, flow);
        };
        let message = Message::Request(request);
        if let Err(finding) = validate(&message) {
            self.counters.malformed += 1;
            tracing::debug!(status = finding.status, reason = finding.reason, peer = %flow.remote, "refused a malformed request");
            if let Message::Request(request) = &message {
                self.refuse_stateless(request, reply, finding.status, finding.reason);
            }
            return;
        }
        self.dispatch(message, reply);
    }

    /// A request whose top Via cannot be read: it may be of another version of SIP (RFC 4475 §3.1.2.16), or broken
    /// (§3.1.2.1). The answer goes back to where it came from; without any Via it is nobody's.
    fn receive_unreturnable(&mut self, request: Request, flow: Flow) {
        if request.headers.get(&HeaderName::Via).is_none() {
            self.counters.unparseable += 1;
            return;
        }
        let message = Message::Request(request);
        if let (Err(finding), Message::Request(request)) = (validate(&message), &message) {
            self.counters.malformed += 1;
            self.refuse_stateless(request, flow, finding.status, finding.reason);
        }
    }

    /// Answers without a transaction: the request is not well enough formed to own one.
    fn refuse_stateless(&mut self, request: &Request, flow: Flow, status: u16, reason: &str) {
        if request.method == Method::Ack {
            return; // RFC 3261 §17.1.1.3: an ACK is never answered
        }
        let mut response = Response::for_request(request, status);
        if !reason.is_empty() {
            response.headers.push(HeaderName::Warning, format!("399 {} \"{}\"", flow.local, reason));
        }
        self.dress_response(&mut response);
        self.counters.transmitted += 1;
        self.outputs.push_back(Output::Transmit(flow, response.to_bytes()));
    }

    fn dispatch(&mut self, message: Message, flow: Flow) {
        match self.transactions.receive(message, flow, self.now) {
            Received::Absorbed => {}
            Received::NewRequest { tx, request, flow } => self.new_request(tx, request, flow),
            Received::Ack { request, .. } => self.acknowledged(request),
            Received::Cancel { cancel_tx, invite, request, .. } => self.cancelled(cancel_tx, invite, request),
            Received::Response { tx, response } => match self.calling.get(&tx).copied() {
                Some(leg) => self.invite_response(leg, tx, response),
                None if self.pending.contains_key(&tx) => self.plain_response(tx, response),
                // RFC 6026 §7.2: the 2xx of an INVITE comes again until its ACK arrives.
                None => self.stray_response(response),
            },
            Received::StrayResponse { response, .. } => self.stray_response(response),
        }
    }

    fn new_request(&mut self, tx: ServerTx, request: Request, flow: Flow) {
        let in_dialog = request.to().is_ok_and(|to| to.tag().is_some());
        if in_dialog {
            return self.in_dialog_request(tx, request, flow);
        }
        match request.method {
            Method::Invite => self.incoming_call(tx, request, flow),
            Method::Bye | Method::Prack => {
                self.counters.unknown_dialog += 1;
                self.respond_tx(tx, &request, 481);
            }
            _ => self.event(Event::Request { id: IncomingId(tx), leg: None, request, flow }),
        }
    }

    /// The peer's first INVITE of a call.
    fn incoming_call(&mut self, tx: ServerTx, request: Request, flow: Flow) {
        let Some(key) = MergeKey::of(&request) else { return self.respond_tx(tx, &request, 400) };
        if self.merging.contains_key(&key) {
            return self.respond_tx(tx, &request, 482); // RFC 3261 §8.2.2.2: the same request by another path
        }
        if self.legs.len() >= self.config.max_legs {
            self.counters.overload += 1;
            let mut busy = self.response(&request, 503);
            busy.headers.push(HeaderName::RetryAfter, "5");
            return self.transactions.respond(tx, busy, self.now);
        }
        self.open_incoming(tx, request, flow, key);
    }

    /// A final response without further ado.
    pub(super) fn respond_tx(&mut self, tx: ServerTx, request: &Request, status: u16) {
        let response = self.response(request, status);
        self.transactions.respond(tx, response, self.now);
    }

    /// A response with our Server header and, when the request opened no dialog, a To tag (RFC 3261 §8.2.6.2).
    pub(super) fn response(&mut self, request: &Request, status: u16) -> Response {
        let mut response = Response::for_request(request, status);
        if status > 100
            && let Ok(mut to) = response.to()
            && to.tag().is_none()
        {
            to.set_tag(&self.token(1));
            response.headers.set(HeaderName::To, to.to_bytes());
        }
        self.dress_response(&mut response);
        response
    }
}

/// Notes in the top Via where the request really came from (RFC 3261 §18.2.1, RFC 3581 §4) and says where its
/// response goes (RFC 3261 §18.2.2). `None` when the Via cannot be read.
fn stamp_via(request: &mut Request, flow: Flow) -> Option<Flow> {
    let mut via: Via = request.via().ok()?;
    let asks_rport = via.rport().is_some();
    let (host, port) = (via.host.ip(), via.port);
    let source = flow.remote.ip();
    if asks_rport || host != Some(source) {
        via.set_param("received", Some(&source.to_string()));
    }
    if asks_rport {
        via.set_param("rport", Some(&flow.remote.port().to_string()));
    }
    if asks_rport || host != Some(source) {
        request.headers.remove_first_value(&HeaderName::Via);
        request.headers.push_front(HeaderName::Via, via.to_string());
    }
    if asks_rport || flow.transport.is_reliable() {
        return Some(flow);
    }
    let remote = SocketAddr::new(source, port.unwrap_or(DEFAULT_PORT));
    Some(Flow { remote, ..flow })
}
