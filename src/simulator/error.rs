//! What can go wrong between Tandem and a simulator, and what the operator does about it.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;

use chromiumoxide::error::CdpError;

/// A failed simulator operation.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// No browser on this machine: the operator's to fix.
    #[error(
        "Chromium was not found (looked for {looked_for}); install Debian's package `chromium` or set the simulator's \
         `chromium` path to the browser to use"
    )]
    NotFound {
        /// What was looked for, in words.
        looked_for: String,
    },
    /// The configuration asks for what no phone has: the operator's to fix.
    #[error("the simulator's {what} is {value}; it must be {expected}")]
    Config {
        /// The setting.
        what: &'static str,
        /// What it is set to.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The browser's temporary profile cannot be made.
    #[error("cannot make the browser's temporary profile {path}: {source}; check the space and rights of TMPDIR")]
    Profile {
        /// The directory.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The browser did not come up.
    #[error("Chromium at {path} did not start: {reason}; run it by hand with `--headless=new about:blank` to see why")]
    Launch {
        /// The executable.
        path: PathBuf,
        /// What happened, with the end of its standard error.
        reason: String,
    },
    /// The simulator is gone; launch a new one.
    #[error("the simulator has ended: {0}; launch a new one")]
    Ended(EndReason),
    /// A deep link that a customer's device must not make the seat open.
    #[error("the simulator opens only http and https pages of its allowed hosts, not {url}")]
    ForbiddenUrl {
        /// The refused link, without its query.
        url: String,
    },
    /// The page could not be loaded.
    #[error("the page {url} did not load: {reason}; check that the site is running and reachable from the seat")]
    Navigation {
        /// The page, without its query.
        url: String,
        /// The browser's words.
        reason: String,
    },
    /// A touch that is not on the screen.
    #[error("the point ({x}, {y}) is outside the {width}x{height} screen (CSS pixels)")]
    OffScreen {
        /// Horizontal position, CSS pixels.
        x: f64,
        /// Vertical position, CSS pixels.
        y: f64,
        /// Screen width, CSS pixels.
        width: u32,
        /// Screen height, CSS pixels.
        height: u32,
    },
    /// A key that no keyboard has.
    #[error("`{0}` is not a key; use a character or a DOM key name such as Enter, Backspace, ArrowDown")]
    UnknownKey(String),
    /// The browser answered a command with an error, or not in time.
    #[error("Chromium refused or did not answer {command}: {source}")]
    Protocol {
        /// The command, in words.
        command: &'static str,
        /// The answer.
        source: Box<CdpError>,
    },
    /// The browser's picture could not be read.
    #[error("Chromium sent a picture that cannot be read: {0}")]
    BadPicture(String),
}

impl SimulatorError {
    /// Names the command that a protocol error answers; for `map_err`.
    pub(super) fn during(command: &'static str) -> impl FnOnce(CdpError) -> Self {
        move |source| Self::Protocol { command, source: Box::new(source) }
    }
}

/// Why a simulator ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// It was closed or dropped by its owner.
    Closed,
    /// The browser process ended by itself: a crash, the OOM killer or an operator's signal.
    Exited(ExitStatus),
    /// The page's renderer crashed while the browser lived on.
    PageCrashed,
    /// The connection to the browser broke while the browser lived on.
    Disconnected,
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("it was closed"),
            Self::Exited(status) => write!(f, "the Chromium process ended ({status})"),
            Self::PageCrashed => f.write_str("Chromium's page crashed"),
            Self::Disconnected => f.write_str("the connection to Chromium broke"),
        }
    }
}
