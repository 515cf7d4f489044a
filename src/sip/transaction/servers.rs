//! The server transactions of a table: which there are, and which one a request means.

use std::collections::HashMap;
use std::mem;
use std::time::Instant;

use rustc_hash::FxHashMap;

use super::key::{self, Key};
use super::server_invite::ServerInvite;
use super::server_non_invite::ServerNonInvite;
use super::step::{Pass, Shared, Step};
use super::timer::{Armed, Due};
use super::{ServerTx, TxOutput};
use crate::sip::Flow;
use crate::sip::message::{Method, Request, Response};

#[derive(Debug, Default)]
pub(super) struct Servers {
    entries: FxHashMap<u64, Server>,
    /// Branches are the peer's choice: the hash is keyed.
    index: HashMap<Key, u64>,
    /// Marks are hashed with the key of `index` already.
    merge_marks: FxHashMap<u64, u64>,
    last: u64,
}

#[derive(Debug)]
struct Server {
    machine: Machine,
    user: User,
    flow: Flow,
    key: Key,
    merge_mark: Option<u64>,
    armed: Armed,
}

/// Who answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    /// The transaction user; it is told of the end.
    Tu,
    /// The table itself: the TU never heard of it.
    Table,
}

#[derive(Debug)]
enum Machine {
    Invite(ServerInvite),
    NonInvite(ServerNonInvite),
}

impl Servers {
    /// Opens the transaction of a new request.
    pub fn open(
        &mut self,
        key: &[u8],
        user: User,
        request: &Request,
        flow: Flow,
        now: Instant,
        shared: &mut Shared,
    ) -> ServerTx {
        self.last += 1;
        let owner = self.last;
        let mut armed = Armed::default();
        let machine = if request.method == Method::Invite {
            let mut step = Step { now, flow: &flow, owner, armed: &mut armed, shared };
            Machine::Invite(ServerInvite::start(Response::for_request(request, 100), &mut step))
        } else {
            Machine::NonInvite(ServerNonInvite::Trying)
        };
        let merge_mark = match user {
            User::Tu => key::merge_mark(self.index.hasher(), request),
            User::Table => None,
        };
        if let Some(mark) = merge_mark {
            self.merge_marks.insert(mark, owner);
        }
        let key = Key::from(key);
        self.index.insert(key.clone(), owner);
        self.entries.insert(owner, Server { machine, user, flow, key, merge_mark, armed });
        ServerTx(owner)
    }

    /// The transaction of that name.
    pub fn find(&self, key: &[u8]) -> Option<ServerTx> {
        self.index.get(key).copied().map(ServerTx)
    }

    /// Whether this new request came before by another path (RFC 3261 §8.2.2.2).
    pub fn is_merged(&self, request: &Request) -> bool {
        key::merge_mark(self.index.hasher(), request).is_some_and(|mark| self.merge_marks.contains_key(&mark))
    }

    /// The request of `tx` again.
    pub fn receive_again(&mut self, tx: ServerTx, now: Instant, shared: &mut Shared) {
        self.step(tx.0, now, shared, |machine, step| {
            match &machine {
                Machine::Invite(state) => state.on_invite(step),
                Machine::NonInvite(state) => state.on_request(step),
            }
            (machine, ())
        });
    }

    /// An ACK that names the INVITE of `tx`.
    pub fn receive_ack(&mut self, tx: ServerTx, now: Instant, shared: &mut Shared) -> Pass {
        self.step(tx.0, now, shared, |machine, step| match machine {
            Machine::Invite(state) => {
                let (state, pass) = state.on_ack(step);
                (Machine::Invite(state), pass)
            }
            Machine::NonInvite(state) => (Machine::NonInvite(state), Pass::Nowhere),
        })
        .unwrap_or(Pass::Nowhere)
    }

    /// A response of the TU.
    pub fn respond(&mut self, tx: ServerTx, response: &Response, now: Instant, shared: &mut Shared) {
        self.step(tx.0, now, shared, |machine, step| {
            let machine = match machine {
                Machine::Invite(state) => Machine::Invite(state.on_respond(response, step)),
                Machine::NonInvite(state) => Machine::NonInvite(state.on_respond(response, step)),
            };
            (machine, ())
        });
    }

    /// A timer that [`Servers::lives`] vouches for.
    pub fn fire(&mut self, due: &Due, now: Instant, shared: &mut Shared) {
        self.step(due.owner, now, shared, |machine, step| {
            step.stop(due.timer);
            let machine = match machine {
                Machine::Invite(state) => Machine::Invite(state.on_timer(due.timer, step)),
                Machine::NonInvite(state) => Machine::NonInvite(state.on_timer(due.timer)),
            };
            (machine, ())
        });
    }

    /// Whether the timer still stands.
    pub fn lives(&self, due: &Due) -> bool {
        self.entries.get(&due.owner).is_some_and(|server| server.armed.holds(due))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether every index is empty too.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.index.is_empty() && self.merge_marks.is_empty()
    }

    /// Gives back the memory of a rush that is over.
    pub fn shrink(&mut self) {
        if super::table::is_sparse(self.entries.len(), self.entries.capacity()) {
            self.entries.shrink_to(self.entries.len() * 2);
            self.index.shrink_to(self.index.len() * 2);
            self.merge_marks.shrink_to(self.merge_marks.len() * 2);
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
        let server = self.entries.get_mut(&owner)?;
        let machine = mem::replace(&mut server.machine, Machine::NonInvite(ServerNonInvite::Terminated));
        let mut step = Step { now, flow: &server.flow, owner, armed: &mut server.armed, shared };
        let (machine, result) = act(machine, &mut step);
        let over = match &machine {
            Machine::Invite(state) => state.is_terminated(),
            Machine::NonInvite(state) => state.is_terminated(),
        };
        server.machine = machine;
        if over {
            self.forget(owner, shared);
        }
        Some(result)
    }

    fn forget(&mut self, owner: u64, shared: &mut Shared) {
        let Some(mut server) = self.entries.remove(&owner) else { return };
        shared.timers.stop_all(&mut server.armed);
        self.index.remove(&server.key);
        if let Some(mark) = server.merge_mark
            && self.merge_marks.get(&mark) == Some(&owner)
        {
            self.merge_marks.remove(&mark);
        }
        if server.user == User::Tu {
            shared.outputs.push_back(TxOutput::ServerTerminated { tx: ServerTx(owner) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_small() {
        // Beside it: its name (about 60 octets), 24 to 60 octets in the indexes, 40 for each timer, and the message.
        assert!(size_of::<Server>() <= 224, "{} octets", size_of::<Server>());
    }
}
