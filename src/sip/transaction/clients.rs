//! The client transactions of a table: which there are, and which one a response or a broken flow means.

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::mem;
use std::time::Instant;

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::client_invite::ClientInvite;
use super::client_non_invite::ClientNonInvite;
use super::key::Key;
use super::step::{Pass, Shared, Step};
use super::timer::{Armed, Due};
use super::{ClientTx, TxOutput};
use crate::sip::Flow;
use crate::sip::message::{Method, Request, Response};

#[derive(Debug, Default)]
pub(super) struct Clients {
    entries: FxHashMap<u64, Client>,
    /// Branches are ours, so nobody can aim at this hash.
    index: FxHashMap<Key, u64>,
    /// (hash of the flow's addresses, number): the transactions that a broken flow fails, in the order of their birth.
    by_flow: BTreeSet<(u64, u64)>,
    last: u64,
}

#[derive(Debug)]
struct Client {
    machine: Machine,
    flow: Flow,
    key: Key,
    armed: Armed,
}

#[derive(Debug)]
enum Machine {
    Invite(ClientInvite),
    NonInvite(ClientNonInvite),
}

impl Clients {
    /// Opens a transaction and sends its request.
    pub fn open(&mut self, key: &[u8], request: &Request, flow: Flow, now: Instant, shared: &mut Shared) -> ClientTx {
        self.last += 1;
        let owner = self.last;
        let mut armed = Armed::default();
        let mut step = Step { now, flow: &flow, owner, armed: &mut armed, shared };
        let machine = if request.method == Method::Invite {
            Machine::Invite(ClientInvite::start(request, &mut step))
        } else {
            Machine::NonInvite(ClientNonInvite::start(request, &mut step))
        };
        let key = Key::from(key);
        self.index.insert(key.clone(), owner);
        self.by_flow.insert((address_hash(&flow), owner));
        self.entries.insert(owner, Client { machine, flow, key, armed });
        ClientTx(owner)
    }

    /// The transaction of that name.
    pub fn find(&self, key: &[u8]) -> Option<ClientTx> {
        self.index.get(key).copied().map(ClientTx)
    }

    /// A response for `tx`.
    pub fn receive(&mut self, tx: ClientTx, response: &Response, now: Instant, shared: &mut Shared) -> Pass {
        self.step(tx.0, now, shared, |machine, step| match machine {
            Machine::Invite(state) => {
                let (state, pass) = state.on_response(response, step);
                (Machine::Invite(state), pass)
            }
            Machine::NonInvite(state) => {
                let (state, pass) = state.on_response(response, step);
                (Machine::NonInvite(state), pass)
            }
        })
        .unwrap_or(Pass::Nowhere)
    }

    /// A timer that [`Clients::lives`] vouches for.
    pub fn fire(&mut self, due: &Due, now: Instant, shared: &mut Shared) {
        self.step(due.owner, now, shared, |machine, step| {
            step.stop(due.timer);
            let machine = match machine {
                Machine::Invite(state) => Machine::Invite(state.on_timer(due.timer, step)),
                Machine::NonInvite(state) => Machine::NonInvite(state.on_timer(due.timer, step)),
            };
            (machine, ())
        });
    }

    /// Whether the timer still stands.
    pub fn lives(&self, due: &Due) -> bool {
        self.entries.get(&due.owner).is_some_and(|client| client.armed.holds(due))
    }

    /// Fails what was sent on `flow`.
    pub fn fail(&mut self, flow: &Flow, now: Instant, shared: &mut Shared) {
        let hash = address_hash(flow);
        let owners: Vec<u64> = self.by_flow.range((hash, 0)..=(hash, u64::MAX)).map(|&(_, owner)| owner).collect();
        for owner in owners {
            if self.entries.get(&owner).is_none_or(|client| !went_on(&client.flow, flow)) {
                continue;
            }
            self.step(owner, now, shared, |machine, step| {
                let machine = match machine {
                    Machine::Invite(state) => Machine::Invite(state.on_transport_error(step)),
                    Machine::NonInvite(state) => Machine::NonInvite(state.on_transport_error(step)),
                };
                (machine, ())
            });
        }
    }

    /// Ends `tx` without an answer.
    pub fn abandon(&mut self, tx: ClientTx, shared: &mut Shared) {
        self.forget(tx.0, shared);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether every index is empty too.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.index.is_empty() && self.by_flow.is_empty()
    }

    /// Gives back the memory of a rush that is over.
    pub fn shrink(&mut self) {
        if super::table::is_sparse(self.entries.len(), self.entries.capacity()) {
            self.entries.shrink_to(self.entries.len() * 2);
            self.index.shrink_to(self.index.len() * 2);
        }
    }

    /// Lets one machine take one step, and forgets it if that was its last.
    fn step<R>(
        &mut self,
        owner: u64,
        now: Instant,
        shared: &mut Shared,
        act: impl FnOnce(Machine, &mut Step) -> (Machine, R),
    ) -> Option<R> {
        let client = self.entries.get_mut(&owner)?;
        let machine = mem::replace(&mut client.machine, Machine::NonInvite(ClientNonInvite::Terminated));
        let mut step = Step { now, flow: &client.flow, owner, armed: &mut client.armed, shared };
        let (machine, result) = act(machine, &mut step);
        let over = match &machine {
            Machine::Invite(state) => state.is_terminated(),
            Machine::NonInvite(state) => state.is_terminated(),
        };
        client.machine = machine;
        if over {
            self.forget(owner, shared);
        }
        Some(result)
    }

    fn forget(&mut self, owner: u64, shared: &mut Shared) {
        let Some(mut client) = self.entries.remove(&owner) else { return };
        shared.timers.stop_all(&mut client.armed);
        // A later transaction may have taken over a branch that its TU used twice.
        if self.index.get(&client.key) == Some(&owner) {
            self.index.remove(&client.key);
        }
        self.by_flow.remove(&(address_hash(&client.flow), owner));
        shared.outputs.push_back(TxOutput::Terminated { tx: ClientTx(owner) });
    }
}

/// The addresses of a flow without its connection, which may be opened only after the request was handed over.
fn address_hash(flow: &Flow) -> u64 {
    FxBuildHasher.hash_one((flow.transport, flow.local, flow.remote))
}

/// Whether a request sent on `sent` went down with `broken`.
fn went_on(sent: &Flow, broken: &Flow) -> bool {
    (sent.transport, sent.local, sent.remote) == (broken.transport, broken.local, broken.remote)
        && (sent.connection == broken.connection || sent.connection.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_small() {
        // Beside it: its name (about 60 octets), 24 to 60 octets in the indexes, 40 for each timer, and the message.
        assert!(size_of::<Client>() <= 224, "{} octets", size_of::<Client>());
    }
}
