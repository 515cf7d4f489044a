//! `tandem bench`: what a call, a packet and a message cost, measured on a gateway that runs as its users run it.
//!
//! The gateway is a child process of the same binary with a configuration of its own: call records are written and logs
//! kept as in production. It has core 0 and the load has core 1, where there are two. Costs are processor time from the
//! kernel's own account ([`account`]), which holds up when other programs disturb; rates and latencies do not.
//!
//! ```text
//! run ─► signalling ─► sipp ─┐
//!     ├► voice ─► phones, traffic, bare ─┼─► gateway, account, affinity
//!     ├► queue ─► phones ────┘
//!     └► message, core ─► allocations
//! ```
#![allow(clippy::disallowed_methods)] // a shell: it measures time, sleeps between samples and starts load threads

pub mod account;
pub mod affinity;
pub mod allocations;
pub mod bare;
mod core;
mod error;
mod gateway;
pub mod machine;
pub mod message;
mod peers;
mod phones;
mod queue;
pub mod report;
mod signalling;
mod sipp;
pub mod traffic;
mod voice;

use std::time::Instant;

pub use error::BenchError;
pub use report::Report;

use affinity::Cores;
use gateway::Gateway;
use machine::Machine;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything: four minutes at most.
    Full,
    /// The same with fewer and shorter runs: one minute at most.
    Quick,
}

/// What every part of a run needs.
struct Bench {
    extent: Extent,
    cores: Cores,
    started: Instant,
}

/// Measures, with a line on stderr for each thing that takes longer than a moment.
pub fn run(extent: Extent) -> Result<Report, BenchError> {
    let bench = Bench { extent, cores: Cores::choose(), started: Instant::now() };
    let machine = Machine::read();
    bench.say(&format!("{machine}; {}", bench.cores));
    bench.say("message layer");
    let message = message::measure(extent);
    bench.say("signalling core");
    let config = gateway::any_config()?;
    let core = tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), || {
        core::measure(extent, config)
    });
    bench.say("starting the gateway");
    let mut gateway = Gateway::start(bench.cores)?;
    let signalling = signalling::measure(&bench, &mut gateway)?;
    let voice = voice::measure(&bench, &mut gateway)?;
    let queue = queue::measure(&bench, &mut gateway)?;
    let rss_after_burst_kib = signalling::after_the_rush(&bench, &mut gateway)?;
    let rss_idle_kib = gateway.idle_kib;
    gateway.stop()?;
    let seconds = bench.started.elapsed().as_secs_f64();
    let Bench { cores, extent, .. } = bench;
    let parts = report::Parts {
        machine,
        cores,
        extent,
        seconds,
        message,
        core,
        signalling,
        voice,
        queue,
        rss_idle_kib,
        rss_after_burst_kib,
    };
    Ok(Report::from(parts))
}

impl Bench {
    /// One of two values, by extent.
    fn pick<T>(&self, full: T, quick: T) -> T {
        match self.extent {
            Extent::Full => full,
            Extent::Quick => quick,
        }
    }

    /// A line of progress.
    fn say(&self, text: &str) {
        eprintln!("bench [{:>3} s] {text}", self.started.elapsed().as_secs());
    }
}

/// The value below which the fraction `q` of the sorted `values` lies; NaN without any.
fn quantile(values: &[f64], q: f64) -> f64 {
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * q).round() as usize).copied().unwrap_or(f64::NAN)
}
