//! Why a demonstration cannot go on. Each says what to do about it.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use super::actor::Actor;

/// A failure of the demonstration itself; a call that went wrong is a [`super::verdict::Verdict`].
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The directory cannot be made.
    #[error("cannot use the directory {path}: {source}; give a writable one with --dir", path = path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The directory holds something already.
    #[error("{path} is not empty; a demonstration never mixes with the files of another: give a new --dir", path = .0.display())]
    NotEmpty(PathBuf),
    /// No free ports.
    #[error("cannot find free ports on 127.0.0.1: {0}; stop what uses them, or raise the limit of open files")]
    Ports(io::Error),
    /// The shipped configuration is not what the demonstration was written for.
    #[error("the shipped configuration has no {0}; this is a fault of this build, please report it")]
    Settings(&'static str),
    /// A process does not start.
    #[error("cannot start the {who}: {source}")]
    Spawn {
        /// Which.
        who: Actor,
        /// What the system says.
        source: io::Error,
    },
    /// A process ended although it should not.
    #[error("the {who} ended ({status}): {words}; its log: {log}", log = log.display())]
    Ended {
        /// Which.
        who: Actor,
        /// How.
        status: ExitStatus,
        /// The last line that it wrote.
        words: String,
        /// All of what it wrote.
        log: PathBuf,
    },
    /// A process is not ready in time.
    #[error("the {who} was not ready after {seconds} s: {words}; its log: {log}", log = log.display())]
    NotReady {
        /// Which.
        who: Actor,
        /// How long we waited.
        seconds: u64,
        /// The last line that it wrote.
        words: String,
        /// All of what it wrote.
        log: PathBuf,
    },
    /// The page cannot be served.
    #[error("cannot serve the page: {0}; choose another port with --port")]
    Page(io::Error),
    /// Told to stop.
    #[error("stopped by a signal")]
    Stopped,
}
