//! `tandem demo`: a customer's call for somebody to watch.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::demo::{self, Network, Options};

/// What to play.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Play one call, serve no page; exit with 0 only if the endpoints saw every step.
    #[arg(long)]
    once: bool,
    /// Print one JSON object a call on stdout, and everything else on stderr.
    #[arg(long)]
    json: bool,
    /// What the customer's phone is on.
    #[arg(long, value_enum, default_value_t = Network::Wifi)]
    network: Network,
    /// Port of the page on 127.0.0.1; the next free one when it is taken.
    #[arg(long, default_value_t = 8088)]
    port: u16,
    /// A new or empty directory for configuration, database, logs and frames. Default: var/demo-DATE-TIME-PID.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Agents at their seats.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=i64::from(demo::SEATS)))]
    seats: u8,
    /// Seconds that a call may take before it counts as failed.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(5..=3600))]
    patience: u64,
}

/// Plays.
pub async fn run(args: &Args) -> ExitCode {
    let options = Options {
        once: args.once,
        json: args.json,
        network: args.network,
        port: args.port,
        folder: args.dir.clone(),
        seats: args.seats,
        patience: Duration::from_secs(args.patience),
    };
    if demo::run(&options).await { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
