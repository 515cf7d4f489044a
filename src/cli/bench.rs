//! `tandem bench`: what calls, packets and messages cost on this machine.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::bench::{self, Extent};

/// What to measure, and where to write it.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Fewer and shorter runs: one minute instead of four.
    #[arg(long)]
    quick: bool,
    /// Where the figures go as JSON.
    #[arg(long, value_name = "FILE", default_value = "target/bench.json")]
    out: PathBuf,
}

/// Measures, prints the table, writes the file.
pub fn run(args: &Args) -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("tandem: this is a debug build, so its figures say nothing; use `make bench`");
    }
    let report = match bench::run(if args.quick { Extent::Quick } else { Extent::Full }) {
        Ok(report) => report,
        Err(error) => return super::fail(&error),
    };
    let written = serde_json::to_string_pretty(&report).map_err(std::io::Error::other).and_then(|json| {
        if let Some(directory) = args.out.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(&args.out, json + "\n")
    });
    if let Err(error) = written {
        return super::fail(&format!("{}: {error}", args.out.display()));
    }
    let table = super::print(&format!("\n{}", report.table()));
    eprintln!("bench: figures written to {}", args.out.display());
    table
}
