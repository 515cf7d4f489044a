//! The pure gateway: it owns endpoint, registrar, ACD and calls by value, and turns [`Input`]s into [`Output`]s.
//!
//! One input is handled to its end before the next: what the machines below put out (SIP events, assignments) is
//! drained in a loop until all are silent. Nothing here knows a clock, a socket, a thread or a database.

mod admit;
mod bridge;
mod contract;
mod dial;
mod ending;
mod incoming;
mod legs;
mod media;
mod messages;
mod queue;
mod reconfigure;
mod register;
mod requests;
mod screens;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustc_hash::FxHashMap;

pub use contract::{Census, Input, Output, WallClock};
use messages::Relayed;

use crate::acd::{self, Acd};
use crate::call::{Call, CallKey, Side};
use crate::config::Config;
use crate::media::PortPool;
use crate::registrar::{self, Registrar};
use crate::sip::auth::Authenticator;
use crate::sip::endpoint::{self, Endpoint, EndpointConfig, IncomingId, LegId, RequestId};
use crate::sip::message::Method;
use crate::sip::transaction::TimerConfig;

/// The option tags we support. None beyond the core yet: 100rel and timer are answered 420 when required.
const SUPPORTED: [&str; 0] = [];

/// Body types an INVITE may have.
const ACCEPT: [&str; 3] = ["application/sdp", "multipart/mixed", "application/vnd.tandem.context+json"];

/// A media port that could not be bound is set aside this long.
const PORT_QUARANTINE: Duration = Duration::from_secs(60);

/// Seconds before a call whose media or screen account never came is recorded all the same.
const SETTLE_WITHIN: Duration = Duration::from_secs(5);

/// A dialled callee that has not answered by then is given up: the caller may be gone without our knowing, and nothing
/// else would end the call (RFC 3261 §16.6 step 11 has more than three minutes for a proxy's timer C).
const RING_WITHIN: Duration = Duration::from_secs(185);

/// The gateway without I/O; see the module documentation.
pub struct Gateway {
    config: Arc<Config>,
    clock: WallClock,
    rng: StdRng,
    endpoint: Endpoint,
    authenticator: Authenticator,
    registrar: Registrar,
    acd: Acd,
    ports: PortPool,
    /// Boxed: a call is large, and a tree moves its neighbours about when one leaves.
    calls: BTreeMap<CallKey, Box<Call>>,
    by_leg: FxHashMap<LegId, (CallKey, Side)>,
    /// Requests we passed on, until their answer goes back.
    relayed: HashMap<RequestId, Relayed>,
    /// SIP MESSAGEs that wait for the screen session's verdict, by ticket.
    tickets: BTreeMap<u64, messages::Ticket>,
    settling: VecDeque<(Instant, CallKey)>,
    /// Dialled calls, by when they must be answered.
    ringing: VecDeque<(Instant, CallKey)>,
    outputs: VecDeque<Output>,
    /// Calls on each trunk, both directions.
    trunk_load: Vec<usize>,
    /// Screen messages refused because no live call claims them.
    uncorrelated: u64,
    next_key: u64,
    draining: bool,
    now: Instant,
}

impl Gateway {
    /// A gateway with nothing registered and nobody calling. `seed` feeds everything random; it must be secret and
    /// fresh in production, and fixed in a simulation.
    pub fn new(config: Arc<Config>, seed: [u8; 32], clock: WallClock, now: Instant) -> Gateway {
        let mut rng = StdRng::from_seed(seed);
        let mut sub_seed = || {
            let mut seed = [0; 32];
            rng.fill_bytes(&mut seed);
            seed
        };
        let (endpoint_seed, nonce_secret, own_seed) = (sub_seed(), sub_seed(), sub_seed());
        let media = &config.media;
        let ports =
            PortPool::new(media.port_min..=media.port_max, Duration::from_secs(media.port_rest_s), PORT_QUARANTINE);
        Gateway {
            endpoint: Endpoint::new(endpoint_config(&config), endpoint_seed, now),
            authenticator: Authenticator::new(&config.gateway.domain, nonce_secret),
            registrar: Registrar::new(register::limits(&config)),
            acd: Acd::new(queue::queue_settings(&config), queue::seat_settings(&config)),
            ports,
            calls: BTreeMap::new(),
            by_leg: FxHashMap::default(),
            relayed: HashMap::new(),
            tickets: BTreeMap::new(),
            settling: VecDeque::new(),
            ringing: VecDeque::new(),
            outputs: VecDeque::new(),
            trunk_load: vec![0; config.trunks.len()],
            uncorrelated: 0,
            next_key: 0,
            draining: false,
            rng: StdRng::from_seed(own_seed),
            config,
            clock,
            now,
        }
    }

    /// Something happened.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        self.now = now;
        match input {
            Input::Sip(flow, bytes) => self.endpoint.receive(flow, bytes, now),
            Input::Undeliverable(flow) => self.endpoint.transport_error(&flow, now),
            Input::Closed(flow) => {
                self.endpoint.transport_error(&flow, now);
                self.registrar.remove_flow(&flow);
            }
            Input::Media(event) => self.media_event(event),
            Input::Screen(event) => self.screen_event(event),
            Input::Drain => self.draining = true,
            Input::HangUpAll => self.hang_up_all(),
        }
        self.settle();
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.endpoint.handle_timeout(now);
        self.acd.handle_timeout(now);
        self.registrar.handle_timeout(now);
        self.ring_overdue();
        self.settle_overdue();
        self.settle();
    }

    /// The next thing to do outside.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Gateway::handle_timeout`] wants to be called.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        [
            self.endpoint.poll_timeout(),
            self.acd.poll_timeout(),
            self.registrar.poll_timeout(),
            self.settling.front().map(|(at, _)| *at),
            self.ringing.front().map(|(at, _)| *at),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// What is alive.
    pub fn census(&self) -> Census {
        Census {
            calls: self.calls.len(),
            legs: self.endpoint.legs(),
            transactions: self.endpoint.transactions(),
            pending: self.endpoint.pending(),
            ports: self.ports.in_use(),
            waiting: self.acd.unanswered(),
            queued: self.acd.callers(),
            leases: self.acd.leases(),
            messages: self.relayed.len() + self.tickets.len(),
        }
    }

    /// What the SIP side counted.
    pub fn sip_counters(&self) -> &endpoint::Counters {
        self.endpoint.counters()
    }

    /// Drains the machines below until none has anything more to say.
    fn settle(&mut self) {
        loop {
            if let Some(output) = self.endpoint.poll_output() {
                match output {
                    endpoint::Output::Transmit(flow, bytes) => self.outputs.push_back(Output::Sip(flow, bytes)),
                    endpoint::Output::Event(event) => self.sip_event(event),
                }
            } else if let Some(output) = self.acd.poll_output() {
                self.acd_output(output);
            } else if let Some(event) = self.registrar.poll_output() {
                self.registrar_event(event);
            } else {
                return;
            }
        }
    }

    fn sip_event(&mut self, event: endpoint::Event) {
        match event {
            endpoint::Event::Incoming { leg, request, flow } => self.incoming(leg, request, flow),
            endpoint::Event::Leg { leg, event } => self.leg_event(leg, event),
            endpoint::Event::Request { id, leg, request, flow } => self.request(id, leg, request, flow),
            endpoint::Event::Response { id, response, .. } => self.relay_response(id, &response),
            endpoint::Event::NoResponse { id, .. } => self.relay_status(id, 408),
        }
    }

    fn registrar_event(&mut self, event: registrar::RegistrarEvent) {
        let (registrar::RegistrarEvent::Bound { aor } | registrar::RegistrarEvent::Unbound { aor }) = &event;
        let present = matches!(event, registrar::RegistrarEvent::Bound { .. });
        let user = self.config.users.iter().position(|user| user.name == *aor);
        for (index, seat) in self.config.seats.iter().enumerate() {
            if Some(seat.user) == user {
                self.acd.seat_present(acd::SeatId(index), present, self.now);
            }
        }
    }

    fn out(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    fn call_of(&mut self, leg: LegId) -> Option<(CallKey, Side)> {
        self.by_leg.get(&leg).copied()
    }

    /// 128 random bits in hexadecimal: record ids, Session-IDs, opaque seat ids, MSRP session ids.
    fn token(&mut self) -> String {
        format!("{:016x}{:016x}", self.rng.next_u64(), self.rng.next_u64())
    }

    fn respond(&mut self, id: IncomingId, request: &crate::sip::message::Request, status: u16) {
        let response = self.endpoint.response_to(request, status);
        self.endpoint.respond(id, response, self.now);
    }
}

fn endpoint_config(config: &Config) -> EndpointConfig {
    // One endpoint serves all listeners, so the most patient profile gives the timers.
    let slowest = |pick: fn(&crate::config::Profile) -> u64, default: u64| {
        Duration::from_millis(config.profiles.iter().map(pick).max().unwrap_or(default))
    };
    EndpointConfig {
        product: config.gateway.name.clone(),
        allow: vec![
            Method::Invite,
            Method::Ack,
            Method::Bye,
            Method::Cancel,
            Method::Options,
            Method::Register,
            Method::Info,
            Method::Message,
        ],
        supported: SUPPORTED.to_vec(),
        accept: ACCEPT.to_vec(),
        timers: TimerConfig {
            t1: slowest(|profile| profile.t1_ms, 500),
            t2: slowest(|profile| profile.t2_ms, 4_000),
            t4: slowest(|profile| profile.t4_ms, 5_000),
            ..TimerConfig::default()
        },
        max_transactions: config.gateway.max_calls.saturating_mul(16).max(1_024),
        max_legs: config.gateway.max_calls.saturating_mul(2).saturating_add(64),
    }
}
