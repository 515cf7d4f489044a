//! The media workers, simulated: they obey, fail, report late or never; and they watch that ports and orders are right.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use tandem::media::{LegStats, MediaCommand, MediaEvent, MediaLegId};

/// The gateway's port rest, as configured.
const REST: Duration = Duration::from_secs(5);
/// How long the gateway waits for a leg's account.
const SETTLE: Duration = Duration::from_secs(5);
/// How long it sets a failed port aside.
const QUARANTINE: Duration = Duration::from_secs(60);

/// All media legs of one schedule.
#[derive(Default)]
pub struct Workers {
    legs: HashMap<MediaLegId, Leg>,
    /// Since when a port may be lent again; `None` while it is lent.
    lendable: HashMap<u16, Option<Instant>>,
    /// Bridges ordered since the judge last looked.
    pub bridged: Vec<(u16, u16)>,
    pub opened: u64,
}

#[derive(Clone, Copy, Debug)]
struct Leg {
    port: u16,
    state: State,
    remote: Option<SocketAddr>,
    partner: Option<MediaLegId>,
    plays: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// It could not be opened; whether the gateway knows.
    Failed {
        told: bool,
    },
    Closed,
}

/// A report and when it comes.
pub type Report = (Duration, MediaEvent);

impl Workers {
    /// Carries out one order.
    pub fn obey(&mut self, order: &MediaCommand, now: Instant, rng: &mut StdRng) -> Option<Report> {
        match *order {
            MediaCommand::Open { leg, port } => self.open(leg, port, now, rng),
            MediaCommand::Remote { leg, rtp, .. } => {
                self.live(leg, "Remote").remote = Some(rtp);
                None
            }
            MediaCommand::Play { leg, .. } => {
                let leg = self.live(leg, "Play");
                assert!(leg.remote.is_some(), "Play comes before Remote");
                assert!(leg.partner.is_none(), "Play on a bridged leg");
                leg.plays = true;
                None
            }
            MediaCommand::StopPlay { leg } => {
                self.live(leg, "StopPlay").plays = false;
                None
            }
            MediaCommand::Bridge { a, b } => self.bridge(a, b, rng),
            MediaCommand::Unbridge { a, b } => {
                for leg in [a, b] {
                    self.live(leg, "Unbridge").partner = None;
                }
                None
            }
            MediaCommand::Close { leg } => self.close(leg, now, rng),
        }
    }

    fn open(&mut self, leg: MediaLegId, port: u16, now: Instant, rng: &mut StdRng) -> Option<Report> {
        self.opened += 1;
        assert!(port.is_multiple_of(2), "RTP port {port} is odd");
        match self.lendable.insert(port, None) {
            Some(None) => panic!("port {port} is lent twice"),
            Some(Some(since)) => assert!(since <= now, "port {port} has not rested"),
            None => {}
        }
        let fails = rng.random_bool(0.005);
        let state = if fails { State::Failed { told: false } } else { State::Open };
        let known = self.legs.insert(leg, Leg { port, state, remote: None, partner: None, plays: false });
        assert!(known.is_none(), "{leg:?} opened twice");
        let delay = Duration::from_millis(rng.random_range(0..40));
        if fails {
            return Some((delay, MediaEvent::OpenFailed { leg, reason: "address in use".into() }));
        }
        rng.random_bool(0.5).then_some((delay, MediaEvent::FirstPacket { leg }))
    }

    fn bridge(&mut self, a: MediaLegId, b: MediaLegId, rng: &mut StdRng) -> Option<Report> {
        assert_ne!(a, b, "a leg bridged with itself");
        let ports = [(a, b), (b, a)].map(|(leg, partner)| {
            let leg = self.live(leg, "Bridge");
            assert!(leg.partner.is_none_or(|old| old == partner), "bridged with a third");
            leg.partner = Some(partner);
            leg.plays = false;
            leg.port
        });
        self.bridged.push((ports[0], ports[1]));
        let dies = rng.random_bool(0.01);
        dies.then(|| (Duration::from_millis(rng.random_range(0..20_000)), MediaEvent::Dead { leg: a }))
    }

    fn close(&mut self, leg: MediaLegId, now: Instant, rng: &mut StdRng) -> Option<Report> {
        let held = self.legs.get_mut(&leg).expect("Close of a leg that was never opened");
        assert_ne!(held.state, State::Closed, "{leg:?} closed twice");
        let failed = held.state != State::Open;
        assert_ne!(held.state, State::Failed { told: true }, "Close of a leg that failed");
        held.state = State::Closed;
        if failed {
            return None; // OpenFailed is on its way, and is the end of it
        }
        let port = held.port;
        let delay = match rng.random_range(0..100) {
            0 => None,
            1 => Some(rng.random_range(5_001..20_000)),
            2..5 => Some(rng.random_range(100..5_000)),
            _ => Some(rng.random_range(0..20)),
        };
        // Without an account the port is set aside when the gateway has given up waiting for it.
        let rest = delay.map_or(SETTLE + QUARANTINE, |delay| Duration::from_millis(delay) + REST);
        self.lendable.insert(port, Some(now + rest));
        let stats = LegStats { packets_in: u64::from(port), packets_out: 1, ..LegStats::default() };
        delay.map(|delay| (Duration::from_millis(delay), MediaEvent::Closed { leg, stats }))
    }

    /// A report reaches the gateway.
    pub fn told(&mut self, event: &MediaEvent, now: Instant) {
        if let MediaEvent::OpenFailed { leg, .. } = event
            && let Some(held) = self.legs.get_mut(leg)
        {
            if held.state != State::Closed {
                held.state = State::Failed { told: true };
            }
            self.lendable.insert(held.port, Some(now + QUARANTINE));
        }
    }

    fn live(&mut self, leg: MediaLegId, order: &str) -> &mut Leg {
        let held = self.legs.get_mut(&leg).unwrap_or_else(|| panic!("{order} for a leg that was never opened"));
        assert!(matches!(held.state, State::Open | State::Failed { told: false }), "{order} for {leg:?}: {held:?}");
        held
    }

    /// The open legs that send to one of these addresses: what falls silent when their owner vanishes.
    pub fn towards(&self, remote: SocketAddr) -> Vec<MediaLegId> {
        let mut found: Vec<MediaLegId> = self
            .legs
            .iter()
            .filter(|(_, leg)| leg.remote == Some(remote) && leg.state == State::Open)
            .map(|(id, _)| *id)
            .collect();
        found.sort_unstable();
        found
    }

    /// Where the partners of a bridge are, by port.
    pub fn remotes(&self, a: u16, b: u16) -> Vec<(MediaLegId, SocketAddr)> {
        let mut found: Vec<_> = self
            .legs
            .iter()
            .filter(|(_, leg)| leg.state == State::Open && (leg.port == a || leg.port == b))
            .filter_map(|(id, leg)| Some((*id, leg.remote?)))
            .collect();
        found.sort_unstable();
        found
    }

    /// Nothing is open any more.
    pub fn judge(&self) {
        for (id, leg) in &self.legs {
            let over = matches!(leg.state, State::Closed | State::Failed { told: true });
            assert!(over, "{id:?} was never closed: {leg:?}");
        }
        assert!(self.lendable.values().all(Option::is_some), "a port is still lent");
    }
}
