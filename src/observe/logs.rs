//! Logs: one line an event on standard error, for a terminal or for journald.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// What is logged when `RUST_LOG` says nothing: a call's life in a handful of lines, and what needs attention. The
/// browser driver reports protocol events it does not know as errors; nobody can act on them.
const DEFAULT_FILTER: &str = "info,chromiumoxide=off,sqlx=warn";

/// Starts logging. `RUST_LOG` chooses what (`tandem=debug`); levels above DEBUG never show numbers, IMEIs or bodies.
/// Under systemd the journal stamps the time, so we do not.
pub fn start_logs() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_span_events(FmtSpan::NONE);
    // A second start, as tests may make, keeps the first.
    let started = if std::env::var_os("JOURNAL_STREAM").is_some() {
        builder.without_time().try_init()
    } else {
        builder.try_init()
    };
    drop(started);
}
