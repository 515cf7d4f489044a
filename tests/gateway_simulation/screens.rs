//! The screen shell, simulated: it connects, tells contexts, sends messages, judges messages, closes late or never; and it
//! watches that no session is opened with another call's identity and that every one is closed.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use rand::RngExt;
use rand::rngs::StdRng;
use tandem::sync::contract::{FrameCounters, ScreenCommand, ScreenEvent, Side};
use tandem::sync::identity::DeviceIdentity;

/// The type of a control message.
pub const CONTROL: &str = "application/vnd.tandem.control+json";

/// All screen sessions of one schedule, by the gateway's call number.
#[derive(Default)]
pub struct Screens {
    sessions: BTreeMap<u64, Session>,
    /// Messages handed to the gateway that have no result yet.
    awaiting: HashSet<u64>,
    tickets: u64,
}

#[derive(Debug)]
struct Session {
    phone: String,
    identity: DeviceIdentity,
    names: HashSet<String>,
    seat_open: bool,
    /// The gateway said Close.
    closed: bool,
    /// We said Closed.
    over: bool,
}

/// A report and when it comes.
pub type Report = (Duration, ScreenEvent);

/// What the judge must know of an Open.
pub enum Opened {
    /// The caller's Call-ID, and who he is.
    Phone(String, DeviceIdentity),
    /// The caller's and the seat's Call-ID: they must belong to one call.
    Seat(String, String),
}

impl Screens {
    /// Carries out one order.
    pub fn obey(&mut self, order: ScreenCommand, rng: &mut StdRng) -> (Option<Opened>, Vec<Report>) {
        let call = order.call();
        if let ScreenCommand::Open { side: Side::Phone, call_id, session_id, identity, .. } = order {
            return self.open_phone(call, call_id, session_id, identity, rng);
        }
        let session = self.sessions.get_mut(&call).unwrap_or_else(|| panic!("{order:?} before Open"));
        assert!(!session.closed, "{order:?} after Close");
        match order {
            ScreenCommand::Open { call_id, session_id, identity, .. } => {
                assert_eq!(identity, session.identity, "the seat's side of call {call} is another phone's");
                assert!(session.names.insert(session_id), "the name of an MSRP session is used twice");
                assert!(!session.seat_open, "a second seat's side of call {call}");
                session.seat_open = true;
                let event = ScreenEvent::Connected { call, side: Side::Seat };
                (Some(Opened::Seat(session.phone.clone(), call_id)), vec![(millis(rng, 0..500), event)])
            }
            ScreenCommand::CloseSide { side, .. } => {
                if side == Side::Seat {
                    session.seat_open = false;
                }
                (None, vec![])
            }
            ScreenCommand::Assign { .. } => {
                assert!(session.seat_open, "a seat is assigned that has no side in call {call}");
                (None, self.chatter(call, rng))
            }
            ScreenCommand::SipMessage { ticket, .. } => {
                // The shell hangs now and then.
                let answers = rng.random_bool(0.95);
                let status = [200, 200, 415, 481][rng.random_range(0..4)];
                let verdict = ScreenEvent::Verdict { call, ticket, status };
                (None, if answers { vec![(millis(rng, 0..300), verdict)] } else { vec![] })
            }
            ScreenCommand::MessageResult { ticket, .. } => {
                assert!(self.awaiting.remove(&ticket), "a result nobody waits for, or the second one");
                (None, vec![])
            }
            ScreenCommand::Close { .. } => {
                session.closed = true;
                (None, close(call, rng))
            }
            ScreenCommand::InviteContext { .. } | ScreenCommand::Position { .. } => (None, vec![]),
        }
    }

    fn open_phone(
        &mut self,
        call: u64,
        call_id: String,
        session_id: String,
        identity: DeviceIdentity,
        rng: &mut StdRng,
    ) -> (Option<Opened>, Vec<Report>) {
        let session = Session {
            phone: call_id.clone(),
            identity: identity.clone(),
            names: HashSet::from([session_id]),
            seat_open: false,
            closed: false,
            over: false,
        };
        assert!(self.sessions.insert(call, session).is_none(), "call {call} has two screen sessions");
        let mut reports = vec![(millis(rng, 0..800), ScreenEvent::Connected { call, side: Side::Phone })];
        if rng.random_bool(0.01) {
            // It gives up by itself.
            reports.push((millis(rng, 0..20_000), ScreenEvent::Closed { call, counters: FrameCounters::default() }));
        }
        (Some(Opened::Phone(call_id, identity)), reports)
    }

    /// What happens in a session with two sides.
    fn chatter(&mut self, call: u64, rng: &mut StdRng) -> Vec<Report> {
        let mut reports = Vec::new();
        for side in [Side::Phone, Side::Seat] {
            if rng.random_bool(0.2) {
                self.tickets += 1;
                let body = Bytes::from_static(b"{\"v\":1}");
                let (ticket, content_type) = (self.tickets, CONTROL.to_owned());
                self.awaiting.insert(ticket);
                let event = ScreenEvent::SendMessage { call, side, ticket, content_type, body };
                reports.push((millis(rng, 0..10_000), event));
            }
            if rng.random_bool(0.05) {
                let event = ScreenEvent::SideClosed { call, side, reason: "reset".into() };
                reports.push((millis(rng, 0..10_000), event));
            }
        }
        if rng.random_bool(0.2) {
            let counters = FrameCounters { frames_to_seat: 1, ..FrameCounters::default() };
            reports.push((millis(rng, 0..3_000), ScreenEvent::Counters { call, counters }));
        }
        reports
    }

    /// Whether a report can still be made; what follows a session's end cannot.
    pub fn may_tell(&mut self, event: &ScreenEvent) -> bool {
        let (call, ends) = match event {
            ScreenEvent::Closed { call, .. } => (*call, true),
            ScreenEvent::Connected { call, .. }
            | ScreenEvent::SendMessage { call, .. }
            | ScreenEvent::SideClosed { call, .. }
            | ScreenEvent::Counters { call, .. }
            | ScreenEvent::Verdict { call, .. } => (*call, false),
            other => panic!("{other:?} is never told here"),
        };
        let Some(session) = self.sessions.get_mut(&call).filter(|session| !session.over) else { return false };
        if ends {
            session.over = true;
            session.closed = true;
        }
        ends || !session.closed
    }

    /// Every session was closed, by the gateway or by itself.
    pub fn judge(&self) {
        for (call, session) in &self.sessions {
            assert!(session.closed, "the screens of call {call} were never closed: {session:?}");
        }
    }

    /// How many sessions there were.
    pub fn opened(&self) -> usize {
        self.sessions.len()
    }
}

fn close(call: u64, rng: &mut StdRng) -> Vec<Report> {
    let counters = FrameCounters { frames_to_seat: call, frames_to_phone: 7, ..FrameCounters::default() };
    let delay = match rng.random_range(0..100) {
        0 => return vec![],
        1..3 => millis(rng, 5_001..15_000),
        3..8 => millis(rng, 100..5_000),
        _ => millis(rng, 0..50),
    };
    vec![(delay, ScreenEvent::Closed { call, counters })]
}

fn millis(rng: &mut StdRng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.random_range(range))
}
