//! What must hold whatever happens: the judge reads every message, order and record of the gateway and compares them with
//! what the callers meant. It knows nothing of the gateway's inside.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use tandem::call::CallRecord;
use tandem::config::{Config, OffWifi};
use tandem::sip::Flow;
use tandem::sync::identity::DeviceIdentity;

use super::agent::{Agent, Kind, Screen};
use super::ladder::Ladder;
use super::screens::Opened;
use super::wire::Wire;

/// A broken rule, and the caller it concerns when that is known.
#[derive(Debug)]
pub struct Fault {
    pub caller: Option<usize>,
    pub text: String,
}

/// Reports a broken rule.
pub fn fault(caller: impl Into<Option<usize>>, text: String) -> ! {
    std::panic::panic_any(Fault { caller: caller.into(), text })
}

/// What was seen of one caller's call.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Its Session-ID, once the gateway has written it.
    session: Option<String>,
    /// The first final response to the INVITE, challenges and refusals at the door apart.
    answered: Option<u16>,
    /// Refused before it became a call.
    turned_away: bool,
    records: u32,
    has_screen: bool,
}

pub struct Judge {
    config: Arc<Config>,
    start: Instant,
    seen: Vec<Seen>,
    /// Which caller a Session-ID belongs to.
    sessions: HashMap<String, usize>,
    /// The Session-ID of the second legs, by Call-ID.
    second_legs: HashMap<String, String>,
    /// The session that a media port of ours serves now.
    ports: HashMap<u16, String>,
    /// The `o=` lines seen: each is new with its media leg.
    origins: HashSet<String>,
    bridges: Vec<(u16, u16)>,
    openings: Vec<Opened>,
    judged: Vec<(usize, String, Option<u16>, Kind)>,
    /// When each seat talked, in milliseconds, with the caller.
    talks: BTreeMap<String, Vec<(u64, u64, usize)>>,
    pub outcomes: BTreeMap<String, u64>,
    pub draining: bool,
    pub ladder: Ladder,
    identities: Vec<(usize, DeviceIdentity)>,
    pub bridged: u64,
}

impl Judge {
    pub fn new(config: Arc<Config>, start: Instant, calls: usize, ladder: bool) -> Judge {
        Judge {
            config,
            start,
            seen: vec![Seen::default(); calls],
            sessions: HashMap::new(),
            second_legs: HashMap::new(),
            ports: HashMap::new(),
            origins: HashSet::new(),
            bridges: Vec::new(),
            openings: Vec::new(),
            judged: Vec::new(),
            talks: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            draining: false,
            ladder: Ladder::new(ladder),
            identities: Vec::new(),
            bridged: 0,
        }
    }

    /// A message reaches the gateway.
    pub fn heard(&mut self, flow: &Flow, bytes: &[u8], now: Instant) {
        if self.ladder.is_kept() {
            self.ladder.note(now - self.start, &format!("{} ─►", flow.remote), &Wire::read(bytes));
        }
    }

    /// The gateway sends a message to an agent.
    pub fn said(&mut self, agent: &Agent, index: usize, bytes: &[u8], now: Instant) {
        let wire = Wire::read(bytes);
        if self.ladder.is_kept() {
            self.ladder.note(now - self.start, &format!("{} ◄─", agent.address), &wire);
        }
        match agent.caller() {
            Some(_) => self.to_caller(index, &wire),
            None => self.to_callee(agent, &wire),
        }
        if let (Some(port), Some(session)) = (wire.audio_port, wire.session_id) {
            // A message that nobody acknowledged is still repeated when its leg is over and the port serves another.
            if self.origins.insert(wire.origin.to_owned()) {
                self.ports.insert(port, session.to_owned());
            }
        }
    }

    fn to_caller(&mut self, n: usize, wire: &Wire) {
        if let Some(session) = wire.session_id {
            let seen = &mut self.seen[n];
            match &seen.session {
                Some(known) if known != session => fault(n, format!("a second Session-ID: {known}, {session}")),
                Some(_) => {}
                None => {
                    seen.session = Some(session.to_owned());
                    if self.sessions.insert(session.to_owned(), n).is_some() {
                        fault(n, format!("two callers have the Session-ID {session}"));
                    }
                }
            }
        }
        for inside in ["10.2.", "10.4."] {
            if wire.head.contains(inside) {
                fault(n, format!("the caller learns a callee's address:\n{}", wire.head));
            }
        }
        let Some(status) = wire.status().filter(|status| wire.answers_invite() && *status >= 200) else { return };
        let at_the_door = wire.has_challenge || status == 420 || (status == 503 && wire.has_retry_after);
        let seen = &mut self.seen[n];
        if at_the_door {
            seen.turned_away = true;
        } else if wire.cseq_number() <= 2 {
            // Later ones answer his re-INVITEs. A call with credentials is his second INVITE.
            seen.answered.get_or_insert(status);
        }
    }

    /// Topology hiding: nothing of the first leg shows on the second (the description of a bypassed call apart).
    fn to_callee(&mut self, agent: &Agent, wire: &Wire) {
        let n = wire.session_id.and_then(|session| self.sessions.get(session).copied());
        for secret in ["caller-", "10.1.", "\r\nP-A", "\r\nX-Private", "traveller"] {
            if wire.head.contains(secret) {
                fault(n, format!("{secret} of the first leg shows on the second, to {:?}:\n{}", agent.part, wire.head));
            }
        }
        if let Some(session) = wire.session_id {
            let known = self.second_legs.entry(wire.call_id.to_owned()).or_insert_with(|| session.to_owned());
            if known != session {
                fault(n, format!("the leg {} has two Session-IDs: {known}, {session}", wire.call_id));
            }
        }
    }

    /// Two ports are bridged. They are compared when all that belongs to this moment has been said.
    pub fn bridged(&mut self, a: u16, b: u16) {
        self.bridged += 1;
        self.bridges.push((a, b));
    }

    /// A screen session was opened, likewise.
    pub fn opened(&mut self, opened: Opened) {
        self.openings.push(opened);
    }

    /// All outputs of one input are there.
    pub fn settle(&mut self) {
        for (a, b) in std::mem::take(&mut self.bridges) {
            let (of_a, of_b) = (self.ports.get(&a), self.ports.get(&b));
            if of_a.is_none() || of_a != of_b {
                fault(None, format!("ports {a} and {b} are bridged and belong to {of_a:?} and {of_b:?}"));
            }
        }
        for (n, outcome, status, kind) in std::mem::take(&mut self.judged) {
            self.compare(n, &outcome, status, kind);
        }
        for opened in std::mem::take(&mut self.openings) {
            match opened {
                Opened::Phone(call_id, identity) => {
                    let n = number(&call_id);
                    self.seen[n].has_screen = true;
                    self.identities.push((n, identity));
                }
                Opened::Seat(phone, seat) => {
                    let n = number(&phone);
                    let (first, second) = (self.seen[n].session.as_ref(), self.second_legs.get(&seat));
                    if first.is_none() || first != second {
                        fault(n, format!("a seat's screen of {second:?} in the call {first:?}"));
                    }
                }
            }
        }
    }

    /// A call was recorded.
    pub fn record(&mut self, record: &CallRecord, agents: &[Agent]) {
        let Some(first) = record.legs.first() else { fault(None, format!("a record without legs: {record:?}")) };
        let n = number(&first.call_id);
        let Some(caller) = agents[n].caller() else { fault(None, format!("{first:?} is no caller's")) };
        self.seen[n].records += 1;
        let seen = &self.seen[n];
        if seen.records > 1 {
            fault(n, format!("a second record: {record:?}"));
        }
        if record.bearer != caller.kind.bearer(&self.config.access.other) {
            fault(n, format!("{:?} recorded as {:?}", caller.kind, record.bearer));
        }
        if seen.session.is_some() && seen.session != record.session_id {
            fault(n, format!("the record names the session {:?}, the wire {:?}", record.session_id, seen.session));
        }
        let lasted = record.ended_unix_ms - record.started_unix_ms;
        if (record.wait_ms + record.talk_ms).abs_diff(lasted) > 2 {
            fault(n, format!("{} ms waited and {} ms talked in {lasted} ms", record.wait_ms, record.talk_ms));
        }
        self.judged.push((n, record.outcome.clone(), record.sip_status, caller.kind));
        if let Some(seat) = record.seat.as_ref().filter(|_| record.talk_ms > 0) {
            let talk = (record.ended_unix_ms - record.talk_ms, record.ended_unix_ms, n);
            self.talks.entry(seat.clone()).or_default().push(talk);
        }
        *self.outcomes.entry(record.outcome.clone()).or_default() += 1;
    }

    /// The record says what the caller heard.
    fn compare(&self, n: usize, outcome: &str, status: Option<u16>, kind: Kind) {
        let heard = self.seen[n].answered;
        let fits = match (heard, outcome) {
            (Some(200), "answered" | "abandoned" | "overflowed" | "failed") => true,
            (Some(487), "abandoned") => true,
            (Some(heard), "refused" | "rejected" | "redirected" | "failed" | "abandoned" | "overflowed") => {
                status == Some(heard)
            }
            _ => false,
        };
        if !fits {
            fault(n, format!("the caller heard {heard:?}, the record says {outcome} {status:?}"));
        }
        let expected: &[u16] = match kind {
            Kind::Unknown | Kind::Foreign => &[404, 487],
            Kind::NoOffer | Kind::Opus => &[488, 503],
            Kind::Cellular => match self.config.access.other {
                OffWifi::Redirect { .. } => &[302],
                OffWifi::Reject { .. } => &[403],
                OffWifi::Bridge { .. } => return,
            },
            _ => return,
        };
        if !heard.is_some_and(|heard| expected.contains(&heard)) {
            fault(n, format!("{kind:?} heard {heard:?}"));
        }
    }

    /// All is over.
    pub fn verdict(&self, agents: &[Agent]) {
        for (n, seen) in self.seen.iter().enumerate() {
            let expected = u32::from(seen.answered.is_some());
            if seen.records != expected {
                fault(n, format!("{} records, {seen:?}", seen.records));
            }
            let Some(caller) = agents[n].caller() else { continue };
            if matches!(caller.kind, Kind::Intruder | Kind::Demanding) && seen.records > 0 {
                fault(n, format!("{:?} was let in: {seen:?}", caller.kind));
            }
            if seen.has_screen && (caller.kind != Kind::App || caller.screen == Screen::None) {
                fault(n, format!("{:?} with {:?} got a screen session", caller.kind, caller.screen));
            }
        }
        for (n, identity) in &self.identities {
            let Some(caller) = agents[*n].caller() else { continue };
            if identity.names().len() != 1 || !identity.is(&format!("tel:{}", caller.number)) {
                fault(*n, format!("his screen session was opened for {identity:?}"));
            }
        }
        self.judge_seats();
    }

    /// No seat talked with two callers at once.
    fn judge_seats(&self) {
        for (seat, talks) in &self.talks {
            let mut talks = talks.clone();
            talks.sort_unstable();
            for pair in talks.windows(2) {
                let ((_, end, _), (start, _, n)) = (pair[0], pair[1]);
                if start < end {
                    fault(n, format!("{seat} talked with two at once: {pair:?}"));
                }
            }
        }
    }
}

fn number(call_id: &str) -> usize {
    let number = call_id.strip_prefix("caller-").and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| fault(None, format!("{call_id} is no caller's Call-ID")))
}
