//! One schedule: a gateway, the user agents around it, the network between them, the workers and screens beside it; all in
//! virtual time, all from one seed.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tandem::config::Config;
use tandem::gateway::{Census, Gateway, Input, Output, WallClock};
use tandem::media::MediaEvent;
use tandem::sip::endpoint::{self, Endpoint, EndpointConfig, LegId};
use tandem::sip::message::Method;
use tandem::sip::transaction::TimerConfig;

use super::agent::{self, Agent, Part};
use super::judge::Judge;
use super::media::Workers;
use super::network::Weather;
use super::screens::Screens;
use super::setting;

/// Calls arrive within this time.
const RUSH: Duration = Duration::from_secs(200);
/// By then all must be over. The longest thread is a call that nobody answers, rung by a carrier until the gateway's own
/// limit, then two transactions that time out.
const LIMIT: Duration = Duration::from_secs(1_500);
/// A vanished party's leg is reported dead after this silence.
pub const DEAD_AFTER: Duration = Duration::from_secs(20);

/// What happens next, and to whom.
#[derive(Debug)]
pub enum Happening {
    ToGateway(usize, Option<u64>, Bytes),
    ToAgent(usize, Option<u64>, Bytes),
    Tell(Input),
    Act(usize, Act),
}

/// What a user agent does by its own will.
#[derive(Debug)]
pub enum Act {
    Call,
    HangUp(LegId),
    /// Rings, then answers or not.
    Ring(LegId, u16),
    Answer(LegId),
    Refuse(LegId, u16),
    Offer(LegId, &'static str),
    Say(LegId, Method),
    /// A screen message outside the dialog.
    Shout,
    Leave,
    Return,
    Register,
    Unregister,
    Break,
}

struct Entry {
    at: Instant,
    order: u64,
    what: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    /// The earliest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

/// A leg of a user agent.
#[derive(Debug)]
pub struct Talk {
    pub agent: usize,
    /// The offer it was called with.
    pub offer: String,
    /// The version of its own description.
    pub version: u32,
}

/// One schedule under way.
pub struct World {
    pub rng: StdRng,
    pub start: Instant,
    pub now: Instant,
    pub config: Arc<Config>,
    pub gateway: Gateway,
    /// All user agents at once: one endpoint plays them all, told apart by their flows.
    pub peers: Endpoint,
    pub agents: Vec<Agent>,
    pub by_address: HashMap<SocketAddr, usize>,
    pub by_rtp: HashMap<SocketAddr, usize>,
    pub talks: HashMap<LegId, Talk>,
    pub weather: Weather,
    pub workers: Workers,
    pub screens: Screens,
    pub judge: Judge,
    queue: BinaryHeap<Entry>,
    order: u64,
    connections: u64,
    /// When the last message of each connection arrives, by direction: streams keep their order.
    streams: HashMap<(u64, bool), Instant>,
    pub messages: u64,
}

impl World {
    /// A schedule of `calls` calls. With `ladder` every message is written down.
    pub fn new(seed: u64, calls: usize, ladder: bool) -> World {
        let mut rng = StdRng::seed_from_u64(seed);
        #[expect(clippy::disallowed_methods, reason = "the origin of the virtual time")]
        let start = Instant::now();
        let seats = rng.random_range(10..70);
        let config = Arc::new(setting::config(&mut rng, seats));
        let clock = WallClock::new(start, Duration::from_secs(1_800_000_000));
        let mut world = World {
            gateway: Gateway::new(config.clone(), rng.random(), clock, start),
            peers: Endpoint::new(peers(), rng.random(), start),
            judge: Judge::new(config.clone(), start, calls, ladder),
            weather: Weather::draw(&mut rng),
            rng,
            start,
            now: start,
            config,
            agents: Vec::new(),
            by_address: HashMap::new(),
            by_rtp: HashMap::new(),
            talks: HashMap::new(),
            workers: Workers::default(),
            screens: Screens::default(),
            queue: BinaryHeap::new(),
            order: 0,
            connections: 0,
            streams: HashMap::new(),
            messages: 0,
        };
        world.people(calls, seats);
        world.shutdown();
        world
    }

    fn people(&mut self, calls: usize, seats: usize) {
        for n in 0..calls {
            let caller = agent::caller(&mut self.rng, n);
            let at = self.random(0, RUSH.as_millis() as u64);
            self.add(caller, Duration::from_secs(5) + at, Act::Call);
        }
        for n in 0..seats + setting::DESKS {
            let (n, is_seat) = if n < seats { (n, true) } else { (n - seats, false) };
            let phone = agent::phone(&mut self.rng, n, is_seat);
            let at = self.random(0, 3_000);
            let index = self.add(phone, at, Act::Register);
            if self.rng.random_bool(0.2) {
                let at = self.random(10_000, 200_000);
                self.act(at, index, Act::Unregister);
            }
        }
        for n in 0..self.config.trunks.len() {
            let carrier = agent::carrier(n);
            self.place(carrier);
        }
    }

    fn shutdown(&mut self) {
        if self.rng.random_bool(0.2) {
            let at = self.random(100_000, 220_000);
            self.later(at, Happening::Tell(Input::Drain));
        }
        if self.rng.random_bool(0.15) {
            let at = self.random(150_000, 260_000);
            self.later(at, Happening::Tell(Input::HangUpAll));
        }
    }

    fn add(&mut self, agent: Agent, after: Duration, act: Act) -> usize {
        let index = self.place(agent);
        self.act(after, index, act);
        index
    }

    fn place(&mut self, agent: Agent) -> usize {
        let index = self.agents.len();
        self.by_address.insert(agent.address, index);
        self.by_rtp.insert(agent.rtp(), index);
        self.agents.push(agent);
        index
    }

    /// A random time in milliseconds.
    pub fn random(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.rng.random_range(from..=to))
    }

    pub fn act(&mut self, after: Duration, agent: usize, act: Act) {
        self.later(after, Happening::Act(agent, act));
    }

    pub fn later(&mut self, after: Duration, what: Happening) {
        self.at(self.now + after, what);
    }

    fn at(&mut self, at: Instant, what: Happening) {
        self.order += 1;
        self.queue.push(Entry { at, order: self.order, what });
    }

    /// Plays the schedule to its end and judges it.
    pub fn run(&mut self) {
        loop {
            let next =
                [self.queue.peek().map(|entry| entry.at), self.gateway.poll_timeout(), self.peers.poll_timeout()];
            let Some(next) = next.into_iter().flatten().min() else { break };
            let is_over = self.queue.is_empty() && self.gateway.census() == Census::default();
            if is_over && self.peers.legs() == 0 {
                break;
            }
            if next > self.start + LIMIT {
                break;
            }
            self.now = self.now.max(next);
            if self.gateway.poll_timeout().is_some_and(|at| at <= self.now) {
                self.gateway.handle_timeout(self.now);
                self.drain_gateway();
            }
            if self.peers.poll_timeout().is_some_and(|at| at <= self.now) {
                self.peers.handle_timeout(self.now);
                self.drain_peers();
            }
            while self.queue.peek().is_some_and(|entry| entry.at <= self.now) {
                if let Some(entry) = self.queue.pop() {
                    self.happen(entry.what);
                }
            }
        }
        assert_eq!(self.gateway.census(), Census::default(), "something is left alive");
        self.workers.judge();
        self.screens.judge();
        self.judge.verdict(&self.agents);
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::ToGateway(agent, connection, bytes) => {
                if self.agents[agent].connection == connection {
                    let flow = self.agents[agent].gateway_flow(connection);
                    self.tell(Input::Sip(flow, bytes));
                }
            }
            Happening::ToAgent(agent, connection, bytes) => {
                let there = &self.agents[agent];
                if !there.gone && there.connection == connection {
                    let flow = there.flow();
                    self.peers.receive(flow, bytes, self.now);
                    self.drain_peers();
                }
            }
            Happening::Tell(input) => self.tell(input),
            Happening::Act(agent, act) => {
                self.perform(agent, act);
                self.drain_peers();
            }
        }
    }

    fn tell(&mut self, input: Input) {
        match &input {
            Input::Media(event) => self.workers.told(event, self.now),
            Input::Screen(event) => {
                if !self.screens.may_tell(event) {
                    return;
                }
            }
            Input::Drain | Input::HangUpAll => self.judge.draining = true,
            Input::Sip(..) | Input::Undeliverable(_) | Input::Closed(_) => {}
        }
        if let Input::Sip(flow, bytes) = &input {
            self.judge.heard(flow, bytes, self.now);
        }
        self.gateway.handle_input(input, self.now);
        self.drain_gateway();
    }

    fn drain_gateway(&mut self) {
        while let Some(output) = self.gateway.poll_output() {
            match output {
                Output::Sip(flow, bytes) => {
                    self.messages += 1;
                    let Some(&agent) = self.by_address.get(&flow.remote) else {
                        panic!("the gateway speaks to a stranger at {}", flow.remote)
                    };
                    self.judge.said(&self.agents[agent], agent, &bytes, self.now);
                    self.to_agent(agent, flow, bytes);
                }
                Output::Media(order) => {
                    let report = self.workers.obey(&order, self.now, &mut self.rng);
                    if let Some((after, event)) = report {
                        self.later(after, Happening::Tell(Input::Media(event)));
                    }
                }
                Output::Screen(order) => {
                    let (opened, reports) = self.screens.obey(order, &mut self.rng);
                    if let Some(opened) = opened {
                        self.judge.opened(opened);
                    }
                    for (after, event) in reports {
                        self.later(after, Happening::Tell(Input::Screen(event)));
                    }
                }
                Output::Record(record) => self.judge.record(&record, &self.agents),
            }
        }
        self.look_at_bridges();
        self.judge.settle();
    }

    /// The two ports of a bridge belong to one call; and a bridge towards somebody who has gone falls silent.
    fn look_at_bridges(&mut self) {
        for (a, b) in std::mem::take(&mut self.workers.bridged) {
            self.judge.bridged(a, b);
            for (leg, remote) in self.workers.remotes(a, b) {
                if self.by_rtp.get(&remote).is_some_and(|agent| self.agents[*agent].gone) {
                    self.later(DEAD_AFTER, Happening::Tell(Input::Media(MediaEvent::Dead { leg })));
                }
            }
        }
    }

    fn to_agent(&mut self, agent: usize, flow: tandem::sip::Flow, bytes: Bytes) {
        if !flow.transport.is_reliable() {
            for delay in self.weather.datagram(&mut self.rng) {
                self.later(delay, Happening::ToAgent(agent, None, bytes.clone()));
            }
            return;
        }
        let connection = flow.connection.map(|connection| connection.0);
        if connection.is_none() || connection != self.agents[agent].connection {
            return self.later(Duration::from_millis(1), Happening::Tell(Input::Undeliverable(flow)));
        }
        let at = self.in_order(connection, true);
        self.at(at, Happening::ToAgent(agent, connection, bytes));
    }

    /// When the next message of a stream arrives.
    fn in_order(&mut self, connection: Option<u64>, to_agent: bool) -> Instant {
        let at = self.now + self.weather.delay(&mut self.rng);
        let last = self.streams.entry((connection.unwrap_or_default(), to_agent)).or_insert(at);
        *last = at.max(*last);
        *last
    }

    pub fn drain_peers(&mut self) {
        while let Some(output) = self.peers.poll_output() {
            match output {
                endpoint::Output::Transmit(flow, bytes) => {
                    let agent = self.by_address[&flow.local];
                    self.to_gateway(agent, bytes);
                }
                endpoint::Output::Event(event) => self.attend(event),
            }
        }
    }

    fn to_gateway(&mut self, agent: usize, bytes: Bytes) {
        self.messages += 1;
        if self.agents[agent].gone {
            return;
        }
        if !self.agents[agent].door.transport().is_reliable() {
            for delay in self.weather.datagram(&mut self.rng) {
                self.later(delay, Happening::ToGateway(agent, None, bytes.clone()));
            }
            return;
        }
        if self.agents[agent].connection.is_none() {
            self.connections += 1;
            self.agents[agent].connection = Some(self.connections);
        }
        let connection = self.agents[agent].connection;
        let at = self.in_order(connection, false);
        self.at(at, Happening::ToGateway(agent, connection, bytes));
    }

    /// A stream connection breaks; both ends notice.
    pub fn break_connection(&mut self, agent: usize) {
        let Some(connection) = self.agents[agent].connection.take() else { return };
        let (flow, ours) = (self.agents[agent].gateway_flow(Some(connection)), self.agents[agent].flow());
        self.peers.transport_error(&ours, self.now);
        self.later(Duration::from_millis(5), Happening::Tell(Input::Closed(flow)));
        if !matches!(self.agents[agent].part, Part::Caller(_)) {
            let after = self.random(500, 4_000);
            self.act(after, agent, Act::Register);
        }
    }
}

fn peers() -> EndpointConfig {
    EndpointConfig {
        product: "Sim".into(),
        allow: vec![
            Method::Invite,
            Method::Ack,
            Method::Bye,
            Method::Cancel,
            Method::Options,
            Method::Info,
            Method::Message,
        ],
        supported: vec![],
        accept: vec!["application/sdp", "multipart/mixed"],
        timers: TimerConfig::default(),
        max_transactions: 100_000,
        max_legs: 100_000,
    }
}
