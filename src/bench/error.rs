//! Why a measurement cannot be made.

use std::io;

/// Each says what to do about it, if anything can be done.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The system refused something.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// SIPp cannot be started.
    #[error("cannot start sipp: {0}; install it (Debian: apt-get install sip-tester)")]
    Sipp(io::Error),
    /// The configuration that this program wrote itself has faults.
    #[error("{0}")]
    Config(#[from] crate::config::ConfigErrors),
    /// The gateway did not come up, or went down; with the end of its log.
    #[error("the gateway {what}; its log ends:\n{log}")]
    Gateway {
        /// What it did.
        what: String,
        /// The last lines of its log.
        log: String,
    },
    /// The calls that the measurement needs were not connected.
    #[error("{what}: {connected} of {wanted} calls were connected; the gateway's log ends:\n{log}")]
    Calls {
        /// Which measurement.
        what: &'static str,
        /// How many calls there are.
        connected: usize,
        /// How many there should be.
        wanted: usize,
        /// The last lines of the gateway's log.
        log: String,
    },
}

impl BenchError {
    /// For `map_err`.
    pub(super) fn system(what: &'static str) -> impl FnOnce(io::Error) -> BenchError {
        move |source| BenchError::System { what, source }
    }
}
