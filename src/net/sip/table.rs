//! Which connections there are, and how many more there may be.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::limits::Limits;
use super::outbox::Outbox;
use crate::sip::ConnectionId;

/// The open connections of all listeners. Only looked up and counted, never iterated.
#[derive(Debug, Default)]
pub(super) struct Table {
    state: Mutex<State>,
}

// Peers choose the keys, at least in part, so the maps keep the standard hasher.
#[derive(Debug, Default)]
struct State {
    entries: HashMap<ConnectionId, Entry>,
    by_peer: HashMap<Peer, ConnectionId>,
    by_source: HashMap<Source, usize>,
    last: u64,
}

#[derive(Debug)]
struct Entry {
    peer: Peer,
    source: Option<Source>,
    outbox: Arc<Outbox>,
}

/// A connection may be used again for a message from the same listener to the same address (RFC 3261 §18.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Peer {
    /// Index of the listener.
    pub(super) listener: usize,
    pub(super) remote: SocketAddr,
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Accepted,
    Opened,
}

/// Why there is no place for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("all places for connections are taken")]
    Full,
    #[error("the source has all the connections it may have")]
    Source,
}

impl Table {
    /// Takes a place for a new connection and makes it the one to use for that peer.
    pub(super) fn admit(
        &self,
        peer: Peer,
        origin: Origin,
        limits: &Limits,
    ) -> Result<(ConnectionId, Arc<Outbox>), Refusal> {
        let mut state = self.state();
        if state.entries.len() >= limits.max_connections {
            return Err(Refusal::Full);
        }
        let source = (origin == Origin::Accepted).then(|| Source::of(peer.remote.ip()));
        if let Some(source) = source {
            let taken = state.by_source.get(&source).copied().unwrap_or(0);
            if taken >= limits.connections_per_source {
                return Err(Refusal::Source);
            }
            state.by_source.insert(source, taken + 1);
        }
        state.last += 1;
        let id = ConnectionId(state.last);
        let outbox = Arc::new(Outbox::new(limits.write_queue_bytes));
        state.entries.insert(id, Entry { peer, source, outbox: Arc::clone(&outbox) });
        state.by_peer.insert(peer, id);
        Ok((id, outbox))
    }

    /// The connection of that number, if there is one.
    pub(super) fn by_id(&self, id: ConnectionId) -> Option<Arc<Outbox>> {
        self.state().entries.get(&id).map(|entry| Arc::clone(&entry.outbox))
    }

    /// The connection to use for that peer, if there is one.
    pub(super) fn by_peer(&self, peer: Peer) -> Option<Arc<Outbox>> {
        let state = self.state();
        let id = state.by_peer.get(&peer)?;
        state.entries.get(id).map(|entry| Arc::clone(&entry.outbox))
    }

    /// A dying connection is not to be used for new messages; it keeps its place until [`Table::release`].
    pub(super) fn hide(&self, id: ConnectionId) {
        let mut state = self.state();
        if let Some(peer) = state.entries.get(&id).map(|entry| entry.peer) {
            state.hide(peer, id);
        }
    }

    /// Gives the place back.
    pub(super) fn release(&self, id: ConnectionId) {
        let mut state = self.state();
        let Some(entry) = state.entries.remove(&id) else { return };
        state.hide(entry.peer, id);
        if let Some(source) = entry.source
            && let Some(taken) = state.by_source.get_mut(&source)
        {
            *taken -= 1;
            if *taken == 0 {
                state.by_source.remove(&source);
            }
        }
    }

    /// Places taken.
    pub(super) fn len(&self) -> usize {
        self.state().entries.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn hide(&mut self, peer: Peer, id: ConnectionId) {
        if self.by_peer.get(&peer) == Some(&id) {
            self.by_peer.remove(&peer);
        }
    }
}

/// Whose connections are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Source(IpAddr);

impl Source {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Source(address),
            IpAddr::V6(v6) => Source(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { max_connections: 3, connections_per_source: 2, ..Limits::default() }
    }

    fn peer(remote: &str) -> Peer {
        Peer { listener: 0, remote: remote.parse().expect("an address") }
    }

    #[test]
    fn a_source_is_an_ipv4_address_or_an_ipv6_network() {
        let table = Table::default();
        for remote in ["[2001:db8::1]:1", "[2001:db8::2]:1"] {
            assert!(table.admit(peer(remote), Origin::Accepted, &limits()).is_ok());
        }
        let refused = table.admit(peer("[2001:db8::3]:1"), Origin::Accepted, &limits()).map(|_| ());
        assert_eq!(refused, Err(Refusal::Source));
        assert!(table.admit(peer("192.0.2.1:1"), Origin::Accepted, &limits()).is_ok());
        let refused = table.admit(peer("192.0.2.2:1"), Origin::Accepted, &limits()).map(|_| ());
        assert_eq!(refused, Err(Refusal::Full));
    }

    #[test]
    fn released_places_can_be_taken_again() {
        let table = Table::default();
        for port in 1..100 {
            let peer = peer(&format!("192.0.2.1:{port}"));
            let (id, _) = table.admit(peer, Origin::Accepted, &limits()).expect("a place");
            assert!(table.by_peer(peer).is_some());
            table.release(id);
            assert!(table.by_id(id).is_none() && table.by_peer(peer).is_none());
        }
        assert_eq!(table.len(), 0);
        assert!(table.state().by_source.is_empty(), "nothing is remembered about sources that left");
    }

    #[test]
    fn a_hidden_connection_does_not_hide_its_successor() {
        let table = Table::default();
        let peer = peer("192.0.2.1:1");
        let (old, _) = table.admit(peer, Origin::Opened, &limits()).expect("a place");
        let (_, young) = table.admit(peer, Origin::Opened, &limits()).expect("a place");
        table.hide(old);
        table.release(old);
        assert!(table.by_peer(peer).is_some_and(|found| Arc::ptr_eq(&found, &young)));
    }
}
