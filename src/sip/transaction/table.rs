//! The table of all transactions: which machine a message belongs to.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::clients::Clients;
use super::key;
use super::refusal;
use super::servers::{Servers, User};
use super::step::{Pass, Shared};
use super::timer::{Side, TimerConfig, TimerHeap};
use super::{ClientTx, Received, ServerTx, TxOutput};
use crate::sip::Flow;
use crate::sip::message::{Message, Method, Request, Response};

/// All transactions of one user agent, their names and their timers.
///
/// A pure machine: time comes in as a value, everything else comes out of [`Transactions::poll_output`].
#[derive(Debug)]
pub struct Transactions {
    limit: usize,
    clients: Clients,
    servers: Servers,
    shared: Shared,
    /// The name being looked up; kept for its memory.
    key: Vec<u8>,
}

impl Transactions {
    /// An empty table that holds up to `limit` server transactions; a quarter more for requests within a dialog, so that
    /// the calls of a full house can still end. Beyond that a request gets a stateless 503.
    ///
    /// T1 and T2 shorter than a millisecond count as one: timers that double from zero would never let go.
    pub fn new(timers: TimerConfig, limit: usize) -> Self {
        let floor = Duration::from_millis(1);
        let config = TimerConfig { t1: timers.t1.max(floor), t2: timers.t2.max(floor), ..timers };
        Transactions {
            limit,
            clients: Clients::default(),
            servers: Servers::default(),
            shared: Shared { config, timers: TimerHeap::new(), outputs: VecDeque::new() },
            key: Vec::new(),
        }
    }

    /// Sends `request` on `flow` and waits for its answer. Its top `Via` is ours, with a branch never used before (but a
    /// CANCEL has its INVITE's). An ACK is no transaction of its own (RFC 3261 §17): it is sent once, and that is all.
    pub fn request(&mut self, request: Request, flow: Flow, now: Instant) -> ClientTx {
        if key::of_own_request(&mut self.key, &request).is_err() {
            // Our own fault; nothing can match it, so it ends by timer B or F.
            self.key.clear();
            tracing::error!(method = request.method.as_str(), "request without a top Via");
        }
        let tx = self.clients.open(&self.key, &request, flow, now, &mut self.shared);
        if request.method == Method::Ack {
            self.clients.abandon(tx, &mut self.shared);
        }
        self.tidy();
        tx
    }

    /// Answers a request. Ignored when the transaction is over, or has given its final response already.
    pub fn respond(&mut self, tx: ServerTx, response: Response, now: Instant) {
        self.servers.respond(tx, &response, now, &mut self.shared);
        self.tidy();
    }

    /// Ends a client transaction that the TU no longer believes in, such as an INVITE that has no final response 64·T1
    /// after its CANCEL (RFC 3261 §9.1).
    pub fn abandon(&mut self, tx: ClientTx) {
        self.clients.abandon(tx, &mut self.shared);
        self.tidy();
    }

    /// Takes a validated message from the wire.
    pub fn receive(&mut self, message: Message, flow: Flow, now: Instant) -> Received {
        let received = match message {
            Message::Request(request) => self.receive_request(request, flow, now),
            Message::Response(response) => self.receive_response(response, flow, now),
        };
        self.tidy();
        received
    }

    fn receive_response(&mut self, response: Response, flow: Flow, now: Instant) -> Received {
        let found = key::of_response(&mut self.key, &response).ok().and_then(|()| self.clients.find(&self.key));
        let Some(tx) = found else { return Received::StrayResponse { response, flow } };
        match self.clients.receive(tx, &response, now, &mut self.shared) {
            Pass::Up => Received::Response { tx, response },
            Pass::Nowhere => Received::Absorbed,
        }
    }

    fn receive_request(&mut self, request: Request, flow: Flow, now: Instant) -> Received {
        if request.method == Method::Ack {
            return self.receive_ack(request, flow, now);
        }
        if key::of_request(&mut self.key, &request, &request.method).is_err() {
            // Validation lets no such request through.
            return Received::Absorbed;
        }
        if let Some(tx) = self.servers.find(&self.key) {
            self.servers.receive_again(tx, now, &mut self.shared);
            return Received::Absorbed;
        }
        if request.method == Method::Cancel {
            return self.receive_cancel(request, flow, now);
        }
        if self.is_full_for(&request) {
            return self.refuse(&request, flow);
        }
        if self.servers.is_merged(&request) {
            let tx = self.servers.open(&self.key, User::Table, &request, flow, now, &mut self.shared);
            let response = refusal::merged(&request, &self.key);
            self.servers.respond(tx, &response, now, &mut self.shared);
            return Received::Absorbed;
        }
        let tx = self.servers.open(&self.key, User::Tu, &request, flow, now, &mut self.shared);
        Received::NewRequest { tx, request, flow }
    }

    /// RFC 3261 §17.2.3: an ACK is looked up as the INVITE that it may belong to.
    fn receive_ack(&mut self, request: Request, flow: Flow, now: Instant) -> Received {
        let invite = self.find_invite(&request);
        match invite.map(|tx| self.servers.receive_ack(tx, now, &mut self.shared)) {
            Some(Pass::Nowhere) => Received::Absorbed,
            Some(Pass::Up) | None => Received::Ack { request, flow },
        }
    }

    /// RFC 3261 §9.2. A CANCEL that finds its INVITE is always let in: there are no more of them than of INVITEs.
    fn receive_cancel(&mut self, request: Request, flow: Flow, now: Instant) -> Received {
        let invite = self.find_invite(&request);
        // The look-up wrote the INVITE's name; this one was written before and is good.
        if key::of_request(&mut self.key, &request, &request.method).is_err() {
            return Received::Absorbed;
        }
        if invite.is_none() && self.is_full_for(&request) {
            return self.refuse(&request, flow);
        }
        let cancel_tx = self.servers.open(&self.key, User::Tu, &request, flow, now, &mut self.shared);
        Received::Cancel { cancel_tx, invite, request, flow }
    }

    fn find_invite(&mut self, request: &Request) -> Option<ServerTx> {
        key::of_request(&mut self.key, request, &Method::Invite).ok()?;
        self.servers.find(&self.key)
    }

    fn is_full_for(&self, request: &Request) -> bool {
        let in_dialog = request.to().is_ok_and(|to| to.tag().is_some());
        let limit = if in_dialog { self.limit.saturating_add(self.limit / 4) } else { self.limit };
        self.servers.len() >= limit
    }

    fn refuse(&mut self, request: &Request, flow: Flow) -> Received {
        let bytes = refusal::overloaded(request, &self.key).to_bytes();
        self.shared.outputs.push_back(TxOutput::Transmit { flow, bytes });
        Received::Absorbed
    }

    /// The transport lost `flow`, or could not send on it: what was asked there will not be answered (RFC 3261 §17.1.4).
    /// Server transactions stay; their peer may ask again another way (RFC 6026 §7.1).
    pub fn transport_error(&mut self, flow: &Flow, now: Instant) {
        self.clients.fail(flow, now, &mut self.shared);
        self.tidy();
    }

    /// Fires the timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(due) = self.shared.timers.pop_due(now) {
            match due.timer.side() {
                Side::Client if self.clients.lives(&due) => self.clients.fire(&due, now, &mut self.shared),
                Side::Server if self.servers.lives(&due) => self.servers.fire(&due, now, &mut self.shared),
                // Stopped since it was set.
                Side::Client | Side::Server => {}
            }
        }
        self.tidy();
        self.shared.timers.shrink();
        self.clients.shrink();
        self.servers.shrink();
    }

    /// When [`Transactions::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.shared.timers.next()
    }

    /// The next thing to do or know; to be drained after every call.
    pub fn poll_output(&mut self) -> Option<TxOutput> {
        self.shared.outputs.pop_front()
    }

    /// How many transactions there are, on both sides.
    pub fn len(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    /// Whether nothing is left: no transaction, no name, no timer.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.servers.is_empty() && self.shared.timers.running() == 0
    }

    /// Keeps [`Transactions::poll_timeout`] exact and the heap free of all but bounded garbage.
    fn tidy(&mut self) {
        let Transactions { clients, servers, shared, .. } = self;
        shared.timers.tidy(|due| match due.timer.side() {
            Side::Client => clients.lives(due),
            Side::Server => servers.lives(due),
        });
    }
}

/// Whether a map has room for many times what it holds, and that room is worth giving back.
pub(super) fn is_sparse(len: usize, capacity: usize) -> bool {
    capacity > 4096 && len < capacity / 8
}
