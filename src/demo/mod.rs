//! `tandem demo`: a customer's call, played between separate processes, told as a timeline and shown on a page.
//!
//! The gateway, the travel site, the carrier, the agent's seat and, for each call, the customer's handset are processes
//! of this same program that talk over real sockets. They tell events on their standard output; the demonstration
//! believes only these, the files that they wrote, and the call record that it reads back from the database.
//!
//! ```text
//! Stage ── starts, watches, ends ──► Process × 5
//!   │ notices                            │ story events, logs
//!   ▼                                    ▼
//! Play ── Evidence ──► Verdict        Folder: config, database, logs, frames
//!   └──► Audience ──► Terminal, Board (the page)
//! ```
#![allow(clippy::disallowed_methods)] // a shell: it spawns its server and listeners and reads the wall clock

mod actor;
mod audience;
mod call;
mod cast;
mod error;
mod evidence;
mod folder;
mod network;
mod page;
mod ports;
mod process;
mod record;
mod settings;
mod stage;
mod terminal;
mod timeline;
mod verdict;

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::signal::unix::{SignalKind, signal};

pub use actor::Actor;
pub use error::DemoError;
pub use network::Network;
pub use verdict::Verdict;

use audience::Audience;
use call::Play;
use folder::Folder;
use page::Page;
use stage::Stage;
use terminal::Terminal;

/// Agents of the shipped configuration, and so the seats that there can be.
pub const SEATS: u8 = 2;

/// What to play, and for whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// One call and no page.
    pub once: bool,
    /// The verdict as one JSON object a call on stdout; words for people go to stderr.
    pub json: bool,
    /// The access network of the first call.
    pub network: Network,
    /// The page's port; the next free one when it is taken.
    pub port: u16,
    /// Where files go; `None`: a new directory below `var/`.
    pub folder: Option<PathBuf>,
    /// How many agents are at their seats.
    pub seats: u8,
    /// How long a call may take.
    pub patience: Duration,
}

/// Plays until it is done, or interrupted. True when the last call was as it should be.
pub async fn run(options: &Options) -> bool {
    let terminal = Terminal::new(options.json);
    let mut audience = Audience { terminal, board: None };
    match play(options, &mut audience).await {
        Ok(is_ok) => is_ok,
        Err(error) => {
            let verdict = Verdict::failure(error.to_string());
            audience.terminal.say(&format!("\ntandem demo: {error}"));
            audience.terminal.result(&verdict);
            false
        }
    }
}

/// Everything between making the directory and ending the last process.
async fn play(options: &Options, audience: &mut Audience) -> Result<bool, DemoError> {
    let folder = Folder::create(options.folder.as_deref())?;
    audience.terminal.say(&format!("tandem demo: everything is in {}", folder.root().display()));
    let page = match options.once {
        true => None,
        false => Some(Page::serve(options.port).await?),
    };
    if let Some(page) = &page {
        audience.board = Some(page.board());
        audience.terminal.say(&format!("\n  ►  open {} — two screens that move together\n", page.url()));
    }
    let mut stage = Stage::prepare(folder)?;
    let outcome = tokio::select! {
        outcome = perform(options, &mut stage, audience, page) => outcome,
        outcome = interrupted() => outcome,
    };
    if outcome.is_err() || !options.once {
        audience.terminal.say("\nending all processes");
    }
    stage.close().await;
    // Stopping a demonstration that stays up is its normal end.
    match outcome {
        Err(DemoError::Stopped) if !options.once => Ok(true),
        outcome => outcome,
    }
}

async fn perform(
    options: &Options,
    stage: &mut Stage,
    audience: &mut Audience,
    mut page: Option<Page>,
) -> Result<bool, DemoError> {
    stage.open(options.seats, audience).await?;
    let mut network = options.network;
    let mut number = 1;
    loop {
        let evidence = Play::new(stage, audience, number, network).run(options.patience).await?;
        let verdict = Verdict::of(&evidence);
        let record = evidence.rows.first().map(record::describe).unwrap_or_default();
        let frames = match evidence.frames.len() {
            0 => "none: no screen was shown".to_owned(),
            count => format!("{count} in {}", stage.folder.frames(number).display()),
        };
        audience.verdict(&verdict, &record, &frames);
        audience.terminal.say(&format!("  records tandem cdr --config {}", stage.folder.config().display()));
        audience.terminal.result(&verdict);
        let Some(page) = page.as_mut().filter(|_| !evidence.is_broken) else { return Ok(verdict.ok) };
        audience.terminal.say(&format!("\n  ►  {} shows it and can call again; Ctrl-C ends", page.url()));
        network = loop {
            tokio::select! {
                ordered = page.ordered() => break ordered,
                // Only to notice that somebody has died; what is said between calls belongs to none.
                notice = stage.next() => drop(notice?),
            }
        };
        number += 1;
    }
}

/// Waits for a signal that ends us.
async fn interrupted() -> Result<bool, DemoError> {
    let streams = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = streams else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Err(DemoError::Stopped)
}

/// The wall clock, which all processes of a machine share.
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
