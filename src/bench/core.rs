//! The pure signalling core alone: complete calls through a [`Gateway`] without sockets, threads, clock or database.
//! Only the gateway's own steps are timed, so the figures hold on the busiest machine.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::phones::{self, description};
use super::{Extent, allocations};
use crate::config::Config;
use crate::gateway::{Gateway, Input, Output, WallClock};
use crate::sip::endpoint::{self, Endpoint, Event};
use crate::sip::{Flow, Transport};

/// What a complete call costs the core.
#[derive(Clone, Copy, Debug)]
pub struct CoreCost {
    /// Microseconds a call: thirteen messages.
    pub us_per_call: f64,
    /// Heap allocations a call.
    pub allocations_per_call: f64,
}

/// Virtual time between calls: 500 a second, so that 16,000 ended calls linger in the transaction timers.
const INTERVAL: Duration = Duration::from_millis(2);

/// Measures calls whose voice goes past the gateway of `config`, which is that of [`super::gateway`].
pub(super) fn measure(extent: Extent, config: Arc<Config>) -> CoreCost {
    let (rounds, calls) = match extent {
        Extent::Full => (10, 4_000),
        Extent::Quick => (5, 2_000),
    };
    let mut stage = Stage::new(config);
    let mut best = f64::INFINITY;
    let mut allocated = 0;
    for _ in 0..rounds {
        stage.spent = Duration::ZERO;
        stage.allocated = 0;
        for _ in 0..calls {
            stage.call();
        }
        best = best.min(stage.spent.as_secs_f64() * 1e6 / f64::from(calls));
        allocated = stage.allocated;
    }
    CoreCost { us_per_call: best, allocations_per_call: allocated as f64 / f64::from(calls) }
}

/// A gateway between two endpoints.
struct Stage {
    gateway: Gateway,
    caller: Endpoint,
    callee: Endpoint,
    /// The caller's and the gateway's address towards each other.
    in_flow: Flow,
    caller_address: SocketAddr,
    gateway_addresses: Vec<SocketAddr>,
    /// Kept for its memory.
    outputs: Vec<Output>,
    now: Instant,
    spent: Duration,
    allocated: u64,
    /// Calls whose record came.
    complete: u64,
}

impl Stage {
    fn new(config: Arc<Config>) -> Stage {
        let now = Instant::now();
        let caller_address = SocketAddr::from(([127, 0, 0, 1], 5_070));
        let gateway_addresses: Vec<SocketAddr> = config.listeners.iter().map(|listener| listener.bind).collect();
        Stage {
            gateway: Gateway::new(config, [7; 32], WallClock::new(now, Duration::from_secs(1)), now),
            caller: Endpoint::new(phones::endpoint_config(), [8; 32], now),
            callee: Endpoint::new(phones::endpoint_config(), [9; 32], now),
            in_flow: flow(caller_address, gateway_addresses[0]),
            caller_address,
            gateway_addresses,
            outputs: Vec::new(),
            now,
            spent: Duration::ZERO,
            allocated: 0,
            complete: 0,
        }
    }

    /// One complete call: INVITE, 180, 200, ACK, BYE, 200.
    fn call(&mut self) {
        self.now += INTERVAL;
        let (now, mut wire) = (self.now, VecDeque::new());
        self.time(|gateway| {
            if gateway.poll_timeout().is_some_and(|due| due <= now) {
                gateway.handle_timeout(now);
            }
        });
        for side in [&mut self.caller, &mut self.callee] {
            if side.poll_timeout().is_some_and(|due| due <= now) {
                side.handle_timeout(now);
            }
        }
        let target = self.in_flow.remote;
        let leg = self.caller.invite(phones::invitation(self.in_flow, "1000", description(target)), now);
        self.collect(&mut wire);
        self.carry(&mut wire);
        self.caller.hang_up(leg, 486, None, now);
        self.collect(&mut wire);
        self.carry(&mut wire);
    }

    /// Carries messages until nobody has anything more to say.
    fn carry(&mut self, wire: &mut VecDeque<(Flow, Bytes)>) {
        while let Some((flow, bytes)) = wire.pop_front() {
            let now = self.now;
            let arrival = self::flow(flow.remote, flow.local);
            if self.gateway_addresses.contains(&arrival.local) {
                self.reach_gateway(arrival, &bytes, wire);
            } else if arrival.local == self.caller_address {
                self.caller.receive(arrival, bytes, now);
            } else {
                self.callee.receive(arrival, bytes, now);
            }
            self.collect(wire);
        }
    }

    /// A message in a buffer of its own, as from a socket.
    fn reach_gateway(&mut self, arrival: Flow, bytes: &[u8], wire: &mut VecDeque<(Flow, Bytes)>) {
        let (bytes, now) = (Bytes::copy_from_slice(bytes), self.now);
        let mut outputs = std::mem::take(&mut self.outputs);
        self.time(|gateway| {
            gateway.handle_input(Input::Sip(arrival, bytes), now);
            outputs.extend(std::iter::from_fn(|| gateway.poll_output()));
            gateway.poll_timeout();
        });
        for output in outputs.drain(..) {
            match output {
                Output::Sip(flow, bytes) => wire.push_back((flow, bytes)),
                Output::Record(_) => self.complete += 1,
                Output::Media(_) | Output::Screen(_) => {}
            }
        }
        self.outputs = outputs;
    }

    /// What the two ends want to send; the callee answers every call at once.
    fn collect(&mut self, wire: &mut VecDeque<(Flow, Bytes)>) {
        while let Some(output) = self.caller.poll_output() {
            if let endpoint::Output::Transmit(flow, bytes) = output {
                wire.push_back((flow, bytes));
            }
        }
        while let Some(output) = self.callee.poll_output() {
            match output {
                endpoint::Output::Transmit(flow, bytes) => wire.push_back((flow, bytes)),
                endpoint::Output::Event(Event::Incoming { leg, flow, .. }) => {
                    self.callee.ring(leg, 180, None, self.now);
                    self.callee.answer(leg, &[], description(flow.local), self.now);
                }
                endpoint::Output::Event(_) => {}
            }
        }
    }

    fn time(&mut self, step: impl FnOnce(&mut Gateway)) {
        let (start, before) = (Instant::now(), allocations::so_far());
        step(&mut self.gateway);
        self.allocated += allocations::so_far() - before;
        self.spent += start.elapsed();
    }
}

fn flow(local: SocketAddr, remote: SocketAddr) -> Flow {
    Flow { transport: Transport::Udp, local, remote, connection: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measured_call_is_complete() {
        let mut stage = Stage::new(crate::bench::gateway::any_config().unwrap());
        for _ in 0..20 {
            stage.call();
        }
        assert_eq!((stage.complete, stage.gateway.census().calls), (20, 0));
        assert_eq!(stage.gateway.sip_counters().received, 20 * 6);
    }
}
