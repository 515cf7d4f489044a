//! What waits to be written to one connection.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::sip::Flow;

/// What a waiting message costs besides its octets, so that a flood of tiny ones is bounded too.
const BOOKKEEPING: usize = 128;

/// Messages handed to the kernel in one call.
const GATHER: usize = 16;

/// A queue bounded by octets, filled by whoever sends and emptied by the connection's task.
#[derive(Debug)]
pub(super) struct Outbox {
    limit: usize,
    state: Mutex<State>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// `None` while it is being opened, and after the end.
    stream: Option<Arc<TcpStream>>,
    waiting: VecDeque<Waiting>,
    cost: usize,
    /// Octets written by [`Outbox::push`], for the next [`Outbox::write`] to tell.
    unreported: usize,
    end: Option<End>,
    /// Flows of messages that were waiting when the end came.
    undelivered: Vec<Flow>,
}

#[derive(Debug)]
struct Waiting {
    /// As given to `send`; `None` for what this layer says itself.
    flow: Option<Flow>,
    bytes: Bytes,
}

/// Why an outbox takes nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// More was waiting than the limit allows.
    Overflow,
    /// The connection is over.
    Closed,
}

/// What a write left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    Some,
}

impl Outbox {
    pub(super) fn new(limit: usize) -> Self {
        Outbox { limit, state: Mutex::default(), filled: Notify::new() }
    }

    /// From now on there is somewhere to write.
    pub(super) fn attach(&self, stream: &Arc<TcpStream>) {
        self.state().stream = Some(Arc::clone(stream));
        self.filled.notify_one();
    }

    /// Queues a message, or says that the connection takes none. The message that overflows the queue ends it and frees it;
    /// later ones find it closed.
    pub(super) fn push(&self, flow: Option<Flow>, bytes: Bytes) -> Result<(), End> {
        let mut state = self.state();
        if state.end.is_some() {
            return Err(End::Closed);
        }
        let cost = bytes.len() + BOOKKEEPING;
        if !state.fits(cost, self.limit) {
            // The peer may be fast and only the connection's task late: the sender has not let it run yet.
            while let Ok((octets @ 1.., _)) = state.write() {
                state.unreported += octets;
            }
        }
        let fits = state.fits(cost, self.limit);
        if fits {
            state.cost += cost;
            state.waiting.push_back(Waiting { flow, bytes });
        } else {
            state.finish(End::Overflow);
        }
        drop(state);
        self.filled.notify_one();
        if fits { Ok(()) } else { Err(End::Overflow) }
    }

    /// Waits until there may be something to write, or until the end.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Writes what the kernel takes now; gives the octets. The lock is held over the system call, which does not block, so
    /// that a message is never cut by another one.
    pub(super) fn write(&self) -> io::Result<(usize, Left)> {
        let mut state = self.state();
        let (octets, left) = state.write()?;
        Ok((octets + std::mem::take(&mut state.unreported), left))
    }

    /// Why it takes nothing any more, if so.
    pub(super) fn end(&self) -> Option<End> {
        self.state().end
    }

    /// Takes nothing from now on; what is waiting may still be written.
    pub(super) fn close(&self) {
        self.state().end.get_or_insert(End::Closed);
    }

    /// Ends it and frees it; gives each flow on which something was waiting once.
    pub(super) fn abandon(&self) -> Vec<Flow> {
        let mut state = self.state();
        state.finish(End::Closed);
        state.stream = None;
        std::mem::take(&mut state.undelivered)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn fits(&self, cost: usize, limit: usize) -> bool {
        self.waiting.is_empty() || self.cost + cost <= limit
    }

    fn write(&mut self) -> io::Result<(usize, Left)> {
        if self.waiting.is_empty() {
            return Ok((0, Left::Nothing));
        }
        let Some(stream) = &self.stream else { return Err(io::ErrorKind::WouldBlock.into()) };
        let mut slices = [IoSlice::new(&[]); GATHER];
        let mut gathered = 0;
        for (slice, waiting) in slices.iter_mut().zip(&self.waiting) {
            *slice = IoSlice::new(&waiting.bytes);
            gathered += 1;
        }
        let octets = stream.try_write_vectored(&slices[..gathered])?;
        self.advance(octets);
        Ok((octets, if self.waiting.is_empty() { Left::Nothing } else { Left::Some }))
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(front) = self.waiting.front_mut() {
            if written < front.bytes.len() {
                front.bytes.advance(written);
                self.cost -= written;
                return;
            }
            written -= front.bytes.len();
            self.cost -= front.bytes.len() + BOOKKEEPING;
            self.waiting.pop_front();
        }
    }

    fn finish(&mut self, end: End) {
        self.end.get_or_insert(end);
        for Waiting { flow, .. } in std::mem::take(&mut self.waiting) {
            if let Some(flow) = flow
                && !self.undelivered.contains(&flow)
            {
                self.undelivered.push(flow);
            }
        }
        self.cost = 0;
    }
}
