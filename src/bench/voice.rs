//! Calls with media: what a relayed packet costs, beside the bare loop under the same load in the same run.

use std::net::SocketAddr;
use std::time::Duration;

use super::account::Account;
use super::bare::{self, BareLoop};
use super::error::BenchError;
use super::gateway::Gateway;
use super::phones::Phones;
use super::traffic::{self, Traffic};
use super::{Bench, quantile};

/// What relaying costs.
#[derive(Clone, Copy, Debug)]
pub struct Voice {
    /// Calls at once.
    pub calls: usize,
    /// Processor time of the gateway a packet, microseconds.
    pub cpu_us_per_packet: f64,
    /// That of its media thread alone.
    pub media_us_per_packet: f64,
    /// What became of the packets through the gateway.
    pub relayed: Traffic,
    /// Processor time of the bare loop a packet, microseconds.
    pub bare_us_per_packet: f64,
    /// What became of the packets through the bare loop.
    pub bare: Traffic,
    /// INVITE to 200 with media anchored, callers placing twenty at a time, milliseconds.
    pub setup_ms_p50: f64,
    /// The 99th percentile of it.
    pub setup_ms_p99: f64,
}

/// Cost of a packet in microseconds, that of the threads which move it, and the packets.
type Round = (f64, f64, Traffic);

pub(super) fn measure(bench: &Bench, gateway: &mut Gateway) -> Result<Voice, BenchError> {
    let calls = 100;
    bench.say(&format!("connecting {calls} calls with media"));
    let phones = Phones::connect(gateway.listener, gateway.relay_peer, calls);
    let phones = phones.map_err(BenchError::system("opening the phones' sockets"))?;
    let relays: Vec<SocketAddr> = phones.relays.iter().flatten().copied().collect();
    if relays.len() < phones.relays.len() {
        let (what, connected) = ("relayed media", phones.setup_ms.len());
        return Err(BenchError::Calls { what, connected, wanted: calls, log: gateway.log_tail() });
    }
    let rounds = bench.pick(3, 1);
    let length = Duration::from_secs(bench.pick(6, 4));
    let (mut relayed, mut bare) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        bench.say(&format!("{calls} calls, round {round} of {rounds}: gateway, then bare loop"));
        relayed.push(through_the_gateway(gateway.account(), &phones, &relays, length));
        bare.push(through_the_bare_loop(bench, &phones, length).map_err(BenchError::system("the bare loop"))?);
    }
    let (cpu_us_per_packet, media_us_per_packet, relayed) = median(relayed);
    let (bare_us_per_packet, _, bare) = median(bare);
    let (setup_ms_p50, setup_ms_p99) = (quantile(&phones.setup_ms, 0.5), quantile(&phones.setup_ms, 0.99));
    phones.hang_up();
    Ok(Voice {
        calls,
        cpu_us_per_packet,
        media_us_per_packet,
        relayed,
        bare_us_per_packet,
        bare,
        setup_ms_p50,
        setup_ms_p99,
    })
}

fn median(mut rounds: Vec<Round>) -> Round {
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    rounds[rounds.len() / 2]
}

fn through_the_gateway(account: Account, phones: &Phones, relays: &[SocketAddr], length: Duration) -> Round {
    // The first packets teach the gateway where the phones are.
    traffic::drive(&phones.sockets, relays, Duration::from_millis(300));
    let before = (account.cpu(), account.cpu_of("media-"));
    let traffic = traffic::drive(&phones.sockets, relays, length);
    let us = |cpu: Duration| cpu.as_secs_f64() * 1e6 / traffic.received.max(1) as f64;
    let process = us(account.cpu().saturating_sub(before.0));
    (process, us(account.cpu_of("media-").saturating_sub(before.1)), traffic)
}

fn through_the_bare_loop(bench: &Bench, phones: &Phones, length: Duration) -> std::io::Result<Round> {
    let addresses = phones.sockets.iter().map(|socket| socket.local_addr()).collect::<std::io::Result<_>>()?;
    let cores = bench.cores;
    let bare = BareLoop::start(addresses, move || cores.enter_gateway())?;
    traffic::drive(&phones.sockets, &bare.relays, Duration::from_millis(300));
    let ourselves = Account::of(std::process::id());
    let (cpu, forwarded) = (ourselves.cpu_of(bare::THREAD), bare.forwarded());
    let traffic = traffic::drive(&phones.sockets, &bare.relays, length);
    let cpu = ourselves.cpu_of(bare::THREAD).saturating_sub(cpu).as_secs_f64() * 1e6;
    let us = cpu / (bare.forwarded() - forwarded).max(1) as f64;
    bare.stop();
    Ok((us, us, traffic))
}
