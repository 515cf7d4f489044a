//! Two tables joined by a link that loses, doubles and reorders, under one seed: whatever happens, every transaction ends
//! exactly once and nothing is left.
//!
//! `TANDEM_SEED=n` replays one run.

use std::collections::{BTreeMap, HashMap, HashSet};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::sip::message::Method;
use crate::sip::transaction::cancel;

const TRANSACTIONS: usize = 10_000;

#[derive(Clone, Copy)]
struct Link {
    transport: Transport,
    /// Of a hundred messages.
    lost: u32,
    /// Of a hundred messages.
    doubled: u32,
    /// Milliseconds, longest; a reliable link keeps the order instead.
    delay_ms: u64,
}

enum Event {
    Start(usize),
    Cancel(ClientTx),
    ToServer(Bytes),
    ToClient(Bytes),
    Answer {
        tx: ServerTx,
        request: Box<Request>,
        statuses: Vec<u16>,
    },
    /// The UAS core says its 2xx again (RFC 3261 §13.3.1.4).
    Accept {
        tx: ServerTx,
        response: Box<Response>,
        interval: Duration,
        since: Instant,
    },
    /// The UAC core has waited long enough for a final response.
    GiveUp(ClientTx),
}

/// What became of one client transaction.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fate {
    finals: u32,
    timeouts: u32,
    abandoned: u32,
    ends: u32,
}

struct World {
    link: Link,
    rng: StdRng,
    now: Instant,
    start: Instant,
    client: Transactions,
    server: Transactions,
    events: BTreeMap<(Instant, u64), Event>,
    sequence: u64,
    invites: HashMap<ClientTx, Request>,
    fates: BTreeMap<ClientTx, Fate>,
    opened: BTreeMap<ServerTx, u32>,
    /// What the server's TU was shown, by method and branch.
    shown: HashMap<String, ServerTx>,
    acknowledged: HashSet<String>,
    /// A digest of all that happened, to compare runs.
    history: Vec<(u128, usize)>,
}

impl World {
    fn new(link: Link, transactions: usize, seed: u64) -> Self {
        let now = Instant::now();
        let mut world = World {
            link,
            rng: StdRng::seed_from_u64(seed),
            now,
            start: now,
            client: Transactions::new(TimerConfig::default(), 0),
            server: Transactions::new(TimerConfig::default(), 100_000),
            events: BTreeMap::new(),
            sequence: 0,
            invites: HashMap::new(),
            fates: BTreeMap::new(),
            opened: BTreeMap::new(),
            shown: HashMap::new(),
            acknowledged: HashSet::new(),
            history: Vec::new(),
        };
        for n in 0..transactions {
            let delay = world.rng.random_range(0..60_000);
            world.schedule(delay, Event::Start(n));
        }
        world
    }

    fn flow(&self) -> Flow {
        flow(self.link.transport, 5060, self.link.transport.is_reliable().then_some(1))
    }

    fn schedule(&mut self, delay_ms: u64, event: Event) {
        self.sequence += 1;
        self.events.insert((self.now + Duration::from_millis(delay_ms), self.sequence), event);
    }

    fn run(&mut self) {
        loop {
            let times =
                [self.events.keys().next().map(|key| key.0), self.client.poll_timeout(), self.server.poll_timeout()];
            let Some(next) = times.into_iter().flatten().min() else { return };
            self.now = self.now.max(next);
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
            while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let event = entry.remove();
                self.handle(event);
            }
            self.drain();
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Start(n) => self.start(n),
            Event::Cancel(tx) => {
                if let Some(request) = self.invites.get(&tx).and_then(|invite| cancel(invite).ok()) {
                    let tx = self.client.request(request, self.flow(), self.now);
                    self.fates.insert(tx, Fate::default());
                }
            }
            Event::ToServer(bytes) => self.serve(bytes),
            Event::ToClient(bytes) => self.hear(bytes),
            Event::Answer { tx, request, statuses } => self.answer(tx, &request, &statuses),
            Event::Accept { tx, response, interval, since } => self.accept(tx, *response, interval, since),
            Event::GiveUp(tx) => self.give_up(tx),
        }
        self.drain();
    }

    fn start(&mut self, n: usize) {
        let is_invite = self.rng.random_bool(0.5);
        let request = request(if is_invite { "INVITE" } else { "MESSAGE" }, &format!("z9hG4bK{n}"));
        let tx = self.client.request(request.clone(), self.flow(), self.now);
        self.fates.insert(tx, Fate::default());
        if is_invite {
            self.invites.insert(tx, request);
            self.schedule(120_000, Event::GiveUp(tx));
            if self.rng.random_bool(0.3) {
                let delay = self.rng.random_range(0..5_000);
                self.schedule(delay, Event::Cancel(tx));
            }
        }
    }

    fn serve(&mut self, bytes: Bytes) {
        match self.server.receive(parse(bytes), self.flow(), self.now) {
            Received::NewRequest { tx, request, .. } => {
                let branch = request.via().unwrap().branch().unwrap().to_owned();
                // A copy that comes after timer H or J has ended its transaction is a new request, by the RFC's arithmetic.
                let before = self.shown.insert(format!("{} {branch}", request.method.as_str()), tx);
                assert!(before.is_none_or(|tx| self.opened[&tx] == 1), "{branch} shown twice");
                self.opened.insert(tx, 0);
                let last = [200, 202, 302, 404, 486, 503, 603][self.rng.random_range(0..7)];
                let statuses = if self.rng.random_bool(0.5) { vec![100, last] } else { vec![last] };
                let delay = self.rng.random_range(0..1_500);
                self.schedule(delay, Event::Answer { tx, request: Box::new(request), statuses });
            }
            Received::Cancel { cancel_tx, invite, request, .. } => {
                self.opened.insert(cancel_tx, 0);
                let status = if invite.is_some() { 200 } else { 481 };
                self.server.respond(cancel_tx, answer(&request, status), self.now);
            }
            Received::Ack { request, .. } => {
                self.acknowledged.insert(request.call_id().unwrap().to_owned());
            }
            Received::Absorbed => {}
            Received::Response { .. } | Received::StrayResponse { .. } => panic!("a response at the server"),
        }
    }

    fn answer(&mut self, tx: ServerTx, request: &Request, statuses: &[u16]) {
        let Some((&status, rest)) = statuses.split_first() else { return };
        let response = answer(request, status);
        if request.method == Method::Invite && (200..300).contains(&status) {
            return self.accept(tx, response, Duration::from_millis(500), self.now);
        }
        self.server.respond(tx, response, self.now);
        let delay = self.rng.random_range(0..4_000);
        self.schedule(delay, Event::Answer { tx, request: Box::new(request.clone()), statuses: rest.to_vec() });
    }

    fn accept(&mut self, tx: ServerTx, response: Response, interval: Duration, since: Instant) {
        let is_late = self.now.duration_since(since) > Duration::from_secs(32);
        if is_late || self.acknowledged.contains(response.call_id().unwrap()) {
            return;
        }
        self.server.respond(tx, response.clone(), self.now);
        let next = (interval * 2).min(Duration::from_secs(4));
        let delay = interval.as_millis() as u64;
        self.schedule(delay, Event::Accept { tx, response: Box::new(response), interval: next, since });
    }

    fn give_up(&mut self, tx: ClientTx) {
        let fate = self.fates.get_mut(&tx).expect("a transaction of ours");
        if fate.finals + fate.timeouts == 0 {
            fate.abandoned += 1;
            self.client.abandon(tx);
        }
    }

    fn hear(&mut self, bytes: Bytes) {
        match self.client.receive(parse(bytes), self.flow(), self.now) {
            Received::Response { tx, response } if response.status >= 200 => {
                let is_accepted = response.status < 300 && response.cseq().unwrap().method == Method::Invite;
                if is_accepted {
                    // The UAC core's ACK, outside any transaction.
                    let mut ack = self.invites[&tx].clone();
                    ack.method = Method::Ack;
                    ack.headers
                        .set(HeaderName::Via, format!("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKack{}", self.sequence));
                    ack.headers.set(HeaderName::CSeq, "7 ACK");
                    let ack = ack.to_bytes();
                    self.carry(true, ack);
                }
                let fate = self.fates.get_mut(&tx).expect("a transaction of ours");
                assert_eq!(fate.ends, 0, "{tx:?} heard something after its end");
                fate.finals = if is_accepted { 1 } else { fate.finals + 1 };
            }
            Received::Response { .. } | Received::StrayResponse { .. } | Received::Absorbed => {}
            Received::NewRequest { .. } | Received::Ack { .. } | Received::Cancel { .. } => {
                panic!("a request at the client")
            }
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                TxOutput::Transmit { bytes, .. } => self.carry(true, bytes),
                TxOutput::Timeout { tx } => self.fates.get_mut(&tx).unwrap().timeouts += 1,
                TxOutput::Terminated { tx } => {
                    self.fates.get_mut(&tx).unwrap().ends += 1;
                    self.invites.remove(&tx);
                }
                other => panic!("{other:?} at the client"),
            }
        }
        while let Some(output) = self.server.poll_output() {
            match output {
                TxOutput::Transmit { bytes, .. } => self.carry(false, bytes),
                TxOutput::ServerTerminated { tx } => *self.opened.get_mut(&tx).unwrap() += 1,
                TxOutput::AckTimeout { .. } => {}
                other => panic!("{other:?} at the server"),
            }
        }
    }

    fn carry(&mut self, to_server: bool, bytes: Bytes) {
        self.history.push((self.now.duration_since(self.start).as_millis(), bytes.len()));
        let copies = match self.rng.random_range(0..100) {
            dice if dice < self.link.lost => 0,
            dice if dice < self.link.lost + self.link.doubled => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let reliable = self.link.transport.is_reliable();
            let delay = if reliable { self.link.delay_ms } else { self.rng.random_range(0..=self.link.delay_ms) };
            let bytes = bytes.clone();
            self.schedule(delay, if to_server { Event::ToServer(bytes) } else { Event::ToClient(bytes) });
        }
    }

    /// Every transaction ended exactly once, for exactly one reason, and nothing is left. How many timed out.
    fn judge(&self) -> usize {
        for (tx, fate) in &self.fates {
            assert_eq!((fate.finals + fate.timeouts + fate.abandoned, fate.ends), (1, 1), "{tx:?}: {fate:?}");
        }
        assert!(self.opened.values().all(|ends| *ends == 1));
        assert!(self.client.is_empty() && self.server.is_empty());
        assert!(self.fates.len() > TRANSACTIONS, "some were cancelled");
        self.fates.values().filter(|fate| fate.timeouts > 0).count()
    }
}

fn simulate(link: Link, transactions: usize, seed: u64) -> World {
    let seed = std::env::var("TANDEM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(seed);
    println!("TANDEM_SEED={seed}");
    let mut world = World::new(link, transactions, seed);
    world.run();
    world
}

#[test]
fn over_a_bad_network() {
    let link = Link { transport: Transport::Udp, lost: 20, doubled: 10, delay_ms: 1_200 };
    let timeouts = simulate(link, TRANSACTIONS, 1).judge();
    assert!(timeouts < TRANSACTIONS / 100, "{timeouts} timed out: retransmission does not work");
}

#[test]
fn over_a_network_that_is_nearly_gone() {
    let link = Link { transport: Transport::Udp, lost: 85, doubled: 5, delay_ms: 3_000 };
    let timeouts = simulate(link, TRANSACTIONS, 2).judge();
    assert!(timeouts > 0 && timeouts < TRANSACTIONS, "{timeouts} timed out");
}

#[test]
fn over_tcp() {
    let link = Link { transport: Transport::Tcp, lost: 0, doubled: 0, delay_ms: 30 };
    assert_eq!(simulate(link, TRANSACTIONS, 3).judge(), 0);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let link = Link { transport: Transport::Udp, lost: 20, doubled: 10, delay_ms: 1_200 };
    let (first, second) = (simulate(link, 2_000, 4), simulate(link, 2_000, 4));
    assert!(!first.history.is_empty());
    assert!(first.history == second.history, "two runs of one seed differ");
}
