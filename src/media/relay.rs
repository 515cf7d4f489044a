//! Where a packet goes, and why another one goes nowhere. Pure: sockets and clock belong to the worker.
//!
//! Payloads pass unmodified, telephone events and unknown payload types included; what signalling agreed on is between
//! the two ends. Headers pass unmodified as well until a leg hears a second source ([`super::splice`]). Nothing on the path of a packet allocates or hashes: legs are addressed by [`LegKey`].

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use slab::Slab;

use super::contract::{LegStats, MediaLegId};
use super::latch::Latch;
use super::rtp::{self, Kind};
use super::splice::Splice;

/// The largest media packet that is relayed. A path MTU is 1500; above this it is no voice.
pub const MAX_PACKET: usize = 2_048;

/// Packets a second, RTP and RTCP together, that one leg may have relayed: ten times the voice of RFC 3551 §4.2. It ends
/// floods, and packets that go round between calls whose far sides name each other's ports here.
pub const MAX_RATE: u32 = 500;

/// Where a leg lives in this relay. Dense, and used again after [`Relay::close`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LegKey(pub usize);

/// The two flows of a leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// Sound, on the even port.
    Rtp,
    /// Reports, on the odd one.
    Rtcp,
}

/// What to do with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Have [`Relay::splice`] fit it in, send it out of this flow of that leg to that address; tell [`Relay::sent`] when that worked.
    Forward {
        /// The leg on the other side.
        to: LegKey,
        /// Its socket to send from.
        flow: Flow,
        /// The destination.
        address: SocketAddr,
    },
    /// It was good and has nowhere to go: the leg is not bridged, or the other side is held or not known yet.
    Keep,
    /// It was refused and counted.
    Drop,
}

/// The answer to one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// What to do with it.
    pub action: Action,
    /// It is the first valid RTP packet of the leg.
    pub first: bool,
}

/// Every leg of one worker and who is bridged with whom.
#[derive(Debug)]
pub struct Relay {
    legs: Slab<Leg>,
    keys: HashMap<MediaLegId, LegKey>,
    dead_after: Duration,
}

#[derive(Debug)]
struct Leg {
    id: MediaLegId,
    peer: Option<LegKey>,
    rtp: Latch,
    rtcp: Latch,
    splice: Splice,
    stats: LegStats,
    heard: Instant,
    silent: bool,
    rate: Rate,
}

/// Counts the packets of the present second.
#[derive(Debug)]
struct Rate {
    since: Instant,
    packets: u32,
}

impl Relay {
    /// A relay without legs that calls a leg dead after `dead_after` without a valid packet.
    pub fn new(dead_after: Duration) -> Self {
        Self { legs: Slab::new(), keys: HashMap::new(), dead_after }
    }

    /// Adds a leg; `None` if it exists already.
    pub fn open(&mut self, id: MediaLegId, now: Instant) -> Option<LegKey> {
        if self.keys.contains_key(&id) {
            return None;
        }
        let (rtp, rtcp, stats) = <(Latch, Latch, LegStats)>::default();
        let splice = Splice::default();
        let rate = Rate { since: now, packets: 0 };
        let key =
            LegKey(self.legs.insert(Leg { id, peer: None, rtp, rtcp, splice, stats, heard: now, silent: false, rate }));
        self.keys.insert(id, key);
        Some(key)
    }

    /// Removes a leg and frees its peer; `None` if there is none.
    pub fn close(&mut self, id: MediaLegId) -> Option<(LegKey, LegStats)> {
        let key = self.keys.remove(&id)?;
        let leg = self.legs.remove(key.0);
        if let Some(peer) = leg.peer {
            self.legs[peer.0].peer = None;
        }
        Some((key, leg.stats))
    }

    /// The key of a leg.
    pub fn key(&self, id: MediaLegId) -> Option<LegKey> {
        self.keys.get(&id).copied()
    }

    /// The legs, in no particular order.
    pub fn ids(&self) -> impl Iterator<Item = MediaLegId> + '_ {
        self.legs.iter().map(|(_, leg)| leg.id)
    }

    /// How many legs there are.
    pub fn len(&self) -> usize {
        self.legs.len()
    }

    /// Whether there is no leg.
    pub fn is_empty(&self) -> bool {
        self.legs.is_empty()
    }

    /// Takes the addresses of a session description and gives the far side the full time to be heard.
    pub fn remote(&mut self, key: LegKey, rtp: SocketAddr, rtcp: SocketAddr, now: Instant) {
        let leg = &mut self.legs[key.0];
        leg.rtp.signal(rtp);
        leg.rtcp.signal(rtcp);
        leg.heard = now;
        leg.silent = false;
    }

    /// Bridges two legs, ending whatever either was bridged to. A leg cannot be bridged with itself.
    pub fn bridge(&mut self, a: LegKey, b: LegKey) {
        if a == b {
            return;
        }
        for (one, other) in [(a, b), (b, a)] {
            if let Some(former) = self.legs[one.0].peer.replace(other)
                && former != other
            {
                self.legs[former.0].peer = None;
            }
        }
    }

    /// Ends the bridge between these two, if there is one.
    pub fn unbridge(&mut self, a: LegKey, b: LegKey) {
        if self.legs[a.0].peer == Some(b) {
            self.legs[a.0].peer = None;
            self.legs[b.0].peer = None;
        }
    }

    /// Whether the leg is bridged.
    pub fn is_bridged(&self, key: LegKey) -> bool {
        self.legs[key.0].peer.is_some()
    }

    /// Where sound of our own for this leg goes.
    pub fn destination(&self, key: LegKey) -> Option<SocketAddr> {
        self.legs[key.0].rtp.destination()
    }

    /// The account of a leg so far.
    pub fn stats(&self, key: LegKey) -> LegStats {
        self.legs[key.0].stats
    }

    /// The id of a leg.
    pub fn id(&self, key: LegKey) -> MediaLegId {
        self.legs[key.0].id
    }

    /// A datagram came in on a flow of a leg.
    pub fn receive(&mut self, key: LegKey, flow: Flow, datagram: &[u8], source: SocketAddr, now: Instant) -> Received {
        let leg = &mut self.legs[key.0];
        let Some(kind) = leg.sort(flow, datagram) else { return Received { action: Action::Drop, first: false } };
        let believed = match kind {
            Kind::Rtp => leg.rtp.accept(source),
            Kind::Rtcp => leg.accept_rtcp(flow, source),
        };
        if !believed || !leg.rate.allows(now) {
            leg.stats.dropped_source += 1;
            return Received { action: Action::Drop, first: false };
        }
        leg.heard = now;
        leg.silent = false;
        let peer = leg.peer;
        let first = kind == Kind::Rtp && leg.stats.packets_in == 0;
        leg.count_in(kind, datagram.len());
        Received { action: peer.map_or(Action::Keep, |peer| self.towards(peer, kind)), first }
    }

    /// Fits a packet from one leg into what the other one hears.
    #[inline]
    pub fn splice(&mut self, from: LegKey, to: LegKey, datagram: &mut [u8], now: Instant) {
        match rtp::kind(datagram) {
            Kind::Rtp => self.legs[to.0].splice.rtp(datagram, now),
            Kind::Rtcp => {
                self.legs[to.0].splice.rtcp_to(datagram);
                self.legs[from.0].splice.rtcp_from(datagram);
            }
        }
    }

    /// Fits a packet of our own into what a leg hears.
    pub fn splice_own(&mut self, to: LegKey, packet: &mut [u8], now: Instant) {
        self.legs[to.0].splice.rtp(packet, now);
    }

    fn towards(&self, to: LegKey, kind: Kind) -> Action {
        let leg = &self.legs[to.0];
        let (flow, address) = match kind {
            Kind::Rtp => (Flow::Rtp, leg.rtp.destination()),
            Kind::Rtcp => (Flow::Rtcp, leg.rtcp.destination()),
        };
        address.map_or(Action::Keep, |address| Action::Forward { to, flow, address })
    }

    /// A packet of `octets` has left on a flow of a leg.
    #[inline]
    pub fn sent(&mut self, key: LegKey, flow: Flow, octets: usize) {
        let stats = &mut self.legs[key.0].stats;
        match flow {
            Flow::Rtp => {
                stats.packets_out += 1;
                stats.octets_out += octets as u64;
            }
            Flow::Rtcp => stats.rtcp_out += 1,
        }
    }

    /// Tells every leg that should be heard and has not been for too long. Each silence is told once.
    pub fn watch(&mut self, now: Instant, mut dead: impl FnMut(MediaLegId)) {
        for (_, leg) in &mut self.legs {
            let overdue = now.saturating_duration_since(leg.heard) >= self.dead_after;
            if overdue && !leg.silent && leg.rtp.is_expected() {
                leg.silent = true;
                dead(leg.id);
            }
        }
    }
}

impl Rate {
    fn allows(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            *self = Self { since: now, packets: 0 };
        }
        self.packets = self.packets.saturating_add(1);
        self.packets <= MAX_RATE
    }
}

impl Leg {
    /// What a datagram is, if it is sound and on a port where it may be. RTCP on the RTP port is taken as such (a far
    /// side that multiplexes though nobody agreed to, RFC 5761 §5.1.1); RTP on the RTCP port is not.
    fn sort(&mut self, flow: Flow, datagram: &[u8]) -> Option<Kind> {
        let kind = rtp::classify(datagram).ok().filter(|_| datagram.len() <= MAX_PACKET);
        let kind = kind.filter(|kind| flow == Flow::Rtp || *kind == Kind::Rtcp);
        if kind.is_none() {
            self.stats.dropped_malformed += 1;
        }
        kind
    }

    /// RTCP is rare, so it borrows its trust: it must come from the host that sends the sound, once that is known.
    fn accept_rtcp(&mut self, flow: Flow, source: SocketAddr) -> bool {
        let host = self.rtp.source().map(|sound| sound.ip());
        if host.is_some_and(|host| host != source.ip()) {
            return false;
        }
        if flow == Flow::Rtp {
            return true;
        }
        if self.rtcp.source().is_some_and(|known| known.ip() != source.ip()) && host.is_some() {
            self.rtcp.forget();
        }
        self.rtcp.accept(source)
    }

    fn count_in(&mut self, kind: Kind, octets: usize) {
        match kind {
            Kind::Rtp => {
                self.stats.packets_in += 1;
                self.stats.octets_in += octets as u64;
            }
            Kind::Rtcp => self.stats.rtcp_in += 1,
        }
    }
}

#[cfg(test)]
mod tests;
