//! The user agent core: bytes in, calls out (message → transaction → dialog → event).
//!
//! An [`Endpoint`] is a pure machine. It owns the transactions and every INVITE usage ([`LegId`]); its owner (the
//! gateway, the reference handset, the reference seat) speaks in calls: `invite`, `ring`, `answer`, `reject`,
//! `hang_up`, and hears [`Event`]s. It answers by itself only what needs no policy: malformed requests, requests of
//! dialogs nobody knows, CANCEL and BYE of dialogs it knows.

mod counters;
mod event;
mod in_dialog;
mod ingress;
mod inspect;
mod leg;
mod plain;
mod timers;
mod uac;
mod uas;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustc_hash::FxHashMap;

pub use counters::Counters;
pub use event::{
    EndCause, Event, IncomingId, Invitation, LegEvent, LegId, Login, NoResponse, Outgoing, Output, RequestId, Routing,
};
pub use inspect::Refusal;
use leg::Leg;
use plain::Pending;
use timers::WakeList;

use super::Flow;
use super::message::{HeaderName, Method, Response};
use super::transaction::{ClientTx, ServerTx, TimerConfig, Transactions, TxOutput};

/// What an endpoint is and may.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// `User-Agent` and `Server`.
    pub product: String,
    /// Methods in `Allow`; others that RFCs define are answered 405.
    pub allow: Vec<Method>,
    /// Option tags in `Supported`; others in `Require` are answered 420.
    pub supported: Vec<&'static str>,
    /// Body types in `Accept`; an INVITE with another one is answered 415.
    pub accept: Vec<&'static str>,
    /// RFC 3261 timers.
    pub timers: TimerConfig,
    /// Live transactions at most; more are refused with 503.
    pub max_transactions: usize,
    /// Live legs at most; more are refused with 503.
    pub max_legs: usize,
}

/// A SIP user agent core without I/O; see the module documentation.
pub struct Endpoint {
    config: EndpointConfig,
    /// The values of `Allow` and of `User-Agent` and `Server`, shared by every message.
    allow: Bytes,
    product: Bytes,
    rng: StdRng,
    transactions: Transactions,
    legs: FxHashMap<LegId, Leg>,
    /// By our own tag, which is random: nobody can make two that meet in this table.
    by_tag: FxHashMap<String, LegId>,
    /// INVITEs still without final response: our leg by transaction, and what a merged request would repeat.
    calling: FxHashMap<ClientTx, LegId>,
    /// Its keys are the peer's choice, so its hash is keyed.
    merging: HashMap<MergeKey, LegId>,
    /// The peer's INVITEs still without final response, for CANCEL to find.
    offered: FxHashMap<ServerTx, LegId>,
    pending: FxHashMap<ClientTx, Pending>,
    wake: WakeList,
    outputs: VecDeque<Output>,
    counters: Counters,
    next_id: u64,
    /// The time of the input being handled.
    now: Instant,
}

/// What a request and its copy over another path share (RFC 3261 §8.2.2.2).
#[derive(PartialEq, Eq, Hash)]
struct MergeKey {
    call_id: String,
    from_tag: String,
    seq: u32,
}

impl Endpoint {
    /// A new endpoint; `seed` feeds its tags, branches and Call-IDs (RFC 3261 §19.3 wants them unguessable).
    pub fn new(config: EndpointConfig, seed: [u8; 32], now: Instant) -> Endpoint {
        Endpoint {
            transactions: Transactions::new(config.timers, config.max_transactions),
            allow: config.allow.iter().map(Method::as_str).collect::<Vec<_>>().join(", ").into(),
            product: config.product.clone().into(),
            config,
            rng: StdRng::from_seed(seed),
            legs: FxHashMap::default(),
            by_tag: FxHashMap::default(),
            calling: FxHashMap::default(),
            merging: HashMap::new(),
            offered: FxHashMap::default(),
            pending: FxHashMap::default(),
            wake: WakeList::default(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
            next_id: 0,
            now,
        }
    }

    /// The next thing the owner must do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.drain();
        self.outputs.pop_front()
    }

    /// When [`Endpoint::handle_timeout`] wants to be called.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let legs = self.wake.next(&self.legs);
        match (legs, self.transactions.poll_timeout()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.transactions.handle_timeout(now);
        self.drain();
        while let Some(leg) = self.wake.pop_due(&self.legs, now) {
            self.leg_timer(leg);
        }
    }

    /// The transport could not deliver to, or lost, this flow (RFC 3261 §17.1.4).
    pub fn transport_error(&mut self, flow: &Flow, now: Instant) {
        self.now = now;
        self.transactions.transport_error(flow, now);
        self.drain();
    }

    /// Live legs, for capacity and leak checks.
    pub fn legs(&self) -> usize {
        self.legs.len()
    }

    /// Whether nothing is alive: what the leak tests ask.
    pub fn is_idle(&self) -> bool {
        self.legs.is_empty()
            && self.by_tag.is_empty()
            && self.calling.is_empty()
            && self.merging.is_empty()
            && self.offered.is_empty()
            && self.pending.is_empty()
            && self.transactions.is_empty()
    }

    /// What is alive, in words, for the message of a failed leak test.
    #[cfg(test)]
    fn remains(&self) -> String {
        let state = |leg: &Leg| match &leg.state {
            leg::State::Calling(calling) => format!("calling (cancel {})", calling.cancel_sent),
            leg::State::Incoming(_) => "incoming".to_owned(),
            leg::State::Established(e) => {
                format!("established (ack wait {}, reinvite {})", e.ack_wait.is_some(), e.reinvite.is_some())
            }
        };
        let legs: Vec<_> = self
            .legs
            .values()
            .map(|leg| {
                format!("{} released {} wake {:?}", state(leg), leg.released, leg.wake_at.map(|at| at - self.now))
            })
            .collect();
        format!(
            "legs {legs:?} tags {} calling {} merging {} offered {} pending {} transactions {} ({})",
            self.by_tag.len(),
            self.calling.len(),
            self.merging.len(),
            self.offered.len(),
            self.pending.len(),
            self.transactions.len(),
            self.transactions.is_empty()
        )
    }

    /// Live transactions, for capacity and leak checks.
    pub fn transactions(&self) -> usize {
        self.transactions.len()
    }

    /// Requests of ours that wait for their answer.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// What was received, sent and dropped.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A header that every later message of the leg carries, such as Session-ID.
    pub fn set_standing_header(&mut self, leg: LegId, name: HeaderName, value: String) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.standing.retain(|(held, _)| *held != name);
            leg.standing.push((name, value));
        }
    }

    /// The Call-ID of a leg, once it has one.
    pub fn call_id(&self, leg: LegId) -> Option<&str> {
        let leg = self.legs.get(&leg)?;
        match (&leg.dialog, &leg.state) {
            (Some(dialog), _) => Some(&dialog.id().call_id),
            (None, leg::State::Calling(calling)) => calling.request.call_id().ok(),
            (None, leg::State::Incoming(offered)) => offered.request.call_id().ok(),
            (None, leg::State::Established(_)) => None,
        }
    }

    /// The flow on which a leg was set up.
    pub fn flow(&self, leg: LegId) -> Option<Flow> {
        self.legs.get(&leg).map(|leg| leg.flow)
    }

    /// Moves what the transaction layer produced to our own outputs.
    fn drain(&mut self) {
        while let Some(output) = self.transactions.poll_output() {
            match output {
                TxOutput::Transmit { flow, bytes } => {
                    self.counters.transmitted += 1;
                    self.outputs.push_back(Output::Transmit(flow, bytes));
                }
                TxOutput::Timeout { tx } => self.no_response(tx, NoResponse::Timeout),
                TxOutput::TransportError { tx } => self.no_response(tx, NoResponse::Transport),
                // Our own state, not the transaction's end, says when a leg is over.
                TxOutput::Terminated { .. } | TxOutput::ServerTerminated { .. } | TxOutput::AckTimeout { .. } => {}
            }
        }
    }

    fn no_response(&mut self, tx: ClientTx, why: NoResponse) {
        match self.calling.remove(&tx) {
            Some(leg) => self.invite_unanswered(leg, why),
            None => self.request_unanswered(tx, why),
        }
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn leg_event(&mut self, leg: LegId, event: LegEvent) {
        self.event(Event::Leg { leg, event });
    }

    /// Forgets a leg and tells the owner why, unless he let go of it before.
    fn end_leg(&mut self, id: LegId, cause: EndCause) {
        if !self.is_released(id) {
            self.leg_event(id, LegEvent::Ended(cause));
        }
        self.let_go(id);
    }

    /// Forgets a leg, unless a re-INVITE of ours is open on it: its final response, 487 after a BYE
    /// (RFC 3261 §15.1.2), still wants its ACK, so the leg stays for as long as that may take.
    fn let_go(&mut self, id: LegId) {
        let patience = self.now + self.patience();
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.released = true;
        let reinvite = leg.established().and_then(|established| established.reinvite.as_ref());
        if matches!(reinvite, Some(leg::Reinvite::Ours(_))) {
            self.wake.set(id, leg, patience);
        } else {
            self.forget_leg(id);
        }
    }

    fn forget_leg(&mut self, id: LegId) -> Option<Leg> {
        let leg = self.legs.remove(&id)?;
        self.by_tag.remove(&leg.local_tag);
        match &leg.state {
            leg::State::Calling(calling) => {
                self.calling.remove(&calling.tx);
            }
            leg::State::Incoming(offered) => {
                self.offered.remove(&offered.tx);
                if let Some(key) = MergeKey::of(&offered.request) {
                    self.merging.remove(&key);
                }
            }
            leg::State::Established(established) => match &established.reinvite {
                Some(leg::Reinvite::Ours(calling)) => drop(self.calling.remove(&calling.tx)),
                Some(leg::Reinvite::Theirs(offered)) => {
                    // RFC 3261 §15.1.2: nothing stays unanswered in a dialog that ends.
                    self.offered.remove(&offered.tx);
                    let response = self.response(&offered.request, 487);
                    self.transactions.respond(offered.tx, response, self.now);
                }
                None => {}
            },
        }
        Some(leg)
    }

    /// How long an INVITE of either direction may lack its final response or ACK: 64·T1.
    fn patience(&self) -> Duration {
        self.config.timers.t1 * 64
    }

    fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// A random token of `words` × 64 bits in hexadecimal (RFC 3261 §19.3: tags need 32 random bits at least).
    fn token(&mut self, words: usize) -> String {
        use std::fmt::Write;
        let mut token = String::with_capacity(words * 16);
        for _ in 0..words {
            // Writing into a String cannot fail.
            let _ = write!(token, "{:016x}", self.rng.next_u64());
        }
        token
    }

    /// A Via branch: the magic cookie and a random token (RFC 3261 §8.1.1.7).
    fn branch(&mut self) -> String {
        format!("z9hG4bK{}", self.token(2))
    }

    fn dress_response(&self, response: &mut Response) {
        response.headers.push(HeaderName::Server, self.product.clone());
    }
}

impl MergeKey {
    fn of(request: &super::message::Request) -> Option<MergeKey> {
        Some(MergeKey {
            call_id: request.call_id().ok()?.to_owned(),
            from_tag: request.from().ok()?.tag().unwrap_or_default().to_owned(),
            seq: request.cseq().ok()?.seq,
        })
    }
}
