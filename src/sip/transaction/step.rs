//! What a machine may do to the world while it takes one step.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::TxOutput;
use super::timer::{Armed, Timer, TimerConfig, TimerHeap};
use crate::sip::Flow;

/// What all transactions of a table share.
#[derive(Debug)]
pub(super) struct Shared {
    pub config: TimerConfig,
    pub timers: TimerHeap,
    pub outputs: VecDeque<TxOutput>,
}

/// One step of one machine: its way out, its timers, and the time.
pub(super) struct Step<'a> {
    pub now: Instant,
    pub flow: &'a Flow,
    /// The transaction's number.
    pub owner: u64,
    pub armed: &'a mut Armed,
    pub shared: &'a mut Shared,
}

/// Whether a message goes up to the transaction user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// The TU must see it.
    Up,
    /// The transaction dealt with it.
    Nowhere,
}

impl Step<'_> {
    /// Whether the transport retransmits for us.
    pub fn reliable(&self) -> bool {
        self.flow.transport.is_reliable()
    }

    /// Sends `bytes` the way the transaction's messages go.
    pub fn send(&mut self, bytes: &Bytes) {
        self.shared.outputs.push_back(TxOutput::Transmit { flow: *self.flow, bytes: bytes.clone() });
    }

    /// Tells the transaction user.
    pub fn report(&mut self, output: TxOutput) {
        self.shared.outputs.push_back(output);
    }

    /// Starts a timer with the RFC's first interval for this transport.
    pub fn start(&mut self, timer: Timer) {
        self.start_after(timer, self.first_interval(timer));
    }

    /// Starts a timer with an interval that the state has grown.
    pub fn start_after(&mut self, timer: Timer, interval: Duration) {
        self.shared.timers.start(self.armed, timer, self.owner, self.now + interval);
    }

    /// Stops a timer.
    pub fn stop(&mut self, timer: Timer) {
        self.shared.timers.stop(self.armed, timer);
    }

    /// The RFC's first interval of `timer` on this transport.
    pub fn first_interval(&self, timer: Timer) -> Duration {
        timer.first_interval(&self.shared.config, self.reliable())
    }

    /// T2: the ceiling of intervals that double.
    pub fn t2(&self) -> Duration {
        self.shared.config.t2
    }
}
