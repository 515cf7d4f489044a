//! Calls without media: what one costs, how many a core carries, what a held one keeps in memory.

use std::time::Duration;

use super::error::BenchError;
use super::gateway::Gateway;
use super::sipp::{self, Callee, Calls, Outcome};
use super::{Bench, quantile};

/// What calls without media cost.
#[derive(Clone, Debug)]
pub struct Signalling {
    /// At a moderate rate, voice past the gateway.
    pub bypassed: CallCost,
    /// The same at a rate so low that every message finds the gateway asleep.
    pub idle: CallCost,
    /// The same with ports and media legs, but no packets.
    pub anchored: CallCost,
    /// The highest rate that was clean.
    pub highest: Option<CallCost>,
    /// Calls held at once.
    pub held: usize,
    /// What each of them keeps resident, KiB.
    pub rss_kib_per_call: f64,
}

/// What a run of calls cost.
#[derive(Clone, Debug)]
pub struct CallCost {
    /// Calls asked for.
    pub calls: usize,
    /// Complete calls a second.
    pub calls_per_s: f64,
    /// The fraction that was complete, 0 to 1.
    pub success: f64,
    /// Messages that either end sent again.
    pub retransmissions: usize,
    /// Processor time of the gateway a call, milliseconds.
    pub cpu_ms_per_call: f64,
    /// That of its signalling thread alone.
    pub signalling_ms_per_call: f64,
    /// INVITE to 200, milliseconds.
    pub setup_ms_p50: f64,
    /// The 99th percentile of it.
    pub setup_ms_p99: f64,
}

/// A run is clean with this many calls complete, and at most one message in a hundred calls sent again.
const CLEAN: f64 = 0.999;

pub(super) fn measure(bench: &Bench, gateway: &mut Gateway) -> Result<Signalling, BenchError> {
    let rate = 1_000.0;
    let calls = bench.pick(10_000, 4_000);
    bench.say("warming up: 200 calls");
    run(bench, gateway, "1000", calls_at(400.0, 200))?;
    bench.say(&format!("{calls} calls at {rate:.0}/s, voice past the gateway"));
    let bypassed = run(bench, gateway, "1000", calls_at(rate, calls))?;
    bench.say("calls at 50/s");
    let idle = run(bench, gateway, "1000", calls_at(50.0, bench.pick(400, 150)))?;
    bench.say(&format!("{} calls at 200/s, voice anchored but silent", calls / 10));
    let anchored = run(bench, gateway, "2000", calls_at(200.0, calls / 10))?;
    let highest = search(bench, gateway)?;
    let (held, rss_kib_per_call) = hold(bench)?;
    Ok(Signalling { bypassed, idle, anchored, highest, held, rss_kib_per_call })
}

/// Resident memory of the gateway in KiB when the calls are over and their transactions too (timers of 32 s).
pub(super) fn after_the_rush(bench: &Bench, gateway: &mut Gateway) -> Result<u64, BenchError> {
    let wait = bench.pick(34, 1);
    bench.say(&format!("{wait} s for the last transactions to end"));
    std::thread::sleep(Duration::from_secs(wait));
    Ok(gateway.account().rss_kib())
}

fn calls_at(rate: f64, count: usize) -> Calls {
    Calls { count, rate, hold: Duration::ZERO }
}

fn run(bench: &Bench, gateway: &Gateway, number: &str, calls: Calls) -> Result<CallCost, BenchError> {
    let cost = run_watched(gateway, number, calls, || ())?;
    bench.say(&format!(
        "    {:.3} CPU-ms a call, {:.2} % complete, {} sent again",
        cost.cpu_ms_per_call,
        cost.success * 100.0,
        cost.retransmissions
    ));
    Ok(cost)
}

fn run_watched(gateway: &Gateway, number: &str, calls: Calls, watch: impl FnMut()) -> Result<CallCost, BenchError> {
    let account = gateway.account();
    let peer = if number.starts_with('1') { gateway.bypass_peer } else { gateway.relay_peer };
    let callee = Callee::start(gateway.directory(), peer)?;
    let before = (account.cpu(), account.cpu_of("signalling"));
    let outcome = sipp::call(&callee, gateway.listener, number, calls, watch)?;
    // Call records are written in batches, a moment after the calls.
    std::thread::sleep(Duration::from_millis(300));
    let cpu = account.cpu().saturating_sub(before.0);
    let signalling = account.cpu_of("signalling").saturating_sub(before.1);
    Ok(cost(&outcome, calls.hold, cpu, signalling))
}

fn cost(outcome: &Outcome, hold: Duration, cpu: Duration, signalling: Duration) -> CallCost {
    let per_call = |cpu: Duration| cpu.as_secs_f64() * 1e3 / outcome.succeeded.max(1) as f64;
    CallCost {
        calls: outcome.wanted,
        calls_per_s: outcome.rate(hold),
        success: outcome.success(),
        retransmissions: outcome.retransmissions,
        cpu_ms_per_call: per_call(cpu),
        signalling_ms_per_call: per_call(signalling),
        setup_ms_p50: quantile(&outcome.setup_ms, 0.5),
        setup_ms_p99: quantile(&outcome.setup_ms, 0.99),
    }
}

/// Raises the rate by a quarter until a run is not clean, and not clean again when repeated.
fn search(bench: &Bench, gateway: &Gateway) -> Result<Option<CallCost>, BenchError> {
    let seconds = bench.pick(3.0, 2.0);
    let started = std::time::Instant::now();
    let budget = Duration::from_secs(bench.pick(60, 14));
    let mut rate = bench.pick(500.0, 800.0);
    let factor = bench.pick(1.25, 1.5);
    let mut best: Option<CallCost> = None;
    while started.elapsed() < budget {
        bench.say(&format!("searching the highest clean rate: {rate:.0}/s"));
        let calls = calls_at(rate, (rate * seconds) as usize);
        let mut cost = run(bench, gateway, "1000", calls)?;
        if !is_clean(&cost, rate) {
            cost = run(bench, gateway, "1000", calls)?;
        }
        if !is_clean(&cost, rate) {
            break;
        }
        best = Some(cost);
        rate = (rate * factor).round();
    }
    Ok(best)
}

fn is_clean(cost: &CallCost, rate: f64) -> bool {
    let quiet = cost.retransmissions * 100 <= cost.calls;
    cost.success >= CLEAN && quiet && cost.calls_per_s >= 0.8 * rate
}

/// Holds calls on a gateway that has had none before, and looks at its resident memory while all of them are there.
fn hold(bench: &Bench) -> Result<(usize, f64), BenchError> {
    let gateway = Gateway::start(bench.cores)?;
    let count = bench.pick(3_000, 1_000);
    let rate = 500.0;
    let hold = Duration::from_secs_f64(count as f64 / rate + 2.0);
    bench.say(&format!("holding {count} calls at once"));
    let account = gateway.account();
    let mut peak = 0;
    let calls = Calls { count, rate, hold };
    let cost = run_watched(&gateway, "1000", calls, || peak = peak.max(account.rss_kib()))?;
    if cost.success < CLEAN {
        bench.say(&format!("only {:.1} % of the held calls were complete", cost.success * 100.0));
    }
    let grown = peak.saturating_sub(gateway.idle_kib);
    gateway.stop()?;
    Ok((count, grown as f64 / count as f64))
}
