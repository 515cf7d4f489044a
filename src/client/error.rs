//! Why a client gives up, and what the person at the keyboard can do about it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::phone::{CallEnd, PhoneError, RegistrationFailure};
use crate::net::sip::BindError;
use crate::simulator::SimulatorError;

/// A client's failure. Every message names the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// An option cannot be understood.
    #[error("{option} is `{value}`; it must be {expected}")]
    Option {
        /// The option, with its dashes.
        option: &'static str,
        /// What was given.
        value: String,
        /// What would do.
        expected: &'static str,
    },
    /// The server's name is unknown.
    #[error("cannot find the server {server}: {source}; check --server and the name service")]
    Resolve {
        /// HOST:PORT.
        server: String,
        /// The system's answer.
        source: io::Error,
    },
    /// There is no way to the server.
    #[error("there is no route to {server}: {source}; check --server and the network")]
    Route {
        /// Where it is.
        server: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// The SIP socket could not be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// No audio sockets.
    #[error("cannot open an audio socket: {0}; check the limit of open files (`ulimit -n`)")]
    Audio(io::Error),
    /// The directory for frames.
    #[error("cannot write frames to {path}: {source}; check --record")]
    Record {
        /// The directory or file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The registrar does not take us.
    #[error("not registered: {failure}; {}", registration_remedy(.failure))]
    Registration {
        /// Why.
        failure: RegistrationFailure,
    },
    /// The call did not come to be, or ended before its time.
    #[error("the call to {target} ended: {end}; {}", call_remedy(.end))]
    Call {
        /// Whom we called, or who called.
        target: String,
        /// Why.
        end: CallEnd,
    },
    /// A wish that the phone could not fulfil.
    #[error("the phone could not do that: {0}; this is a fault of the client, please report it")]
    Phone(#[from] PhoneError),
    /// The simulator failed; its message names the remedy.
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    /// The page has not what the script looks for.
    #[error("the page {url} has no `{selector}`; is --site the demo site (`tandem site`) of the same version?")]
    NoElement {
        /// The page.
        url: String,
        /// What was looked for.
        selector: &'static str,
    },
    /// The screen session could not be opened, or broke.
    #[error(
        "the screen session with {path} failed: {reason}; check [screen] of the gateway's configuration and its log"
    )]
    Screen {
        /// The gateway's `a=path`, without the session.
        path: String,
        /// Why.
        reason: String,
    },
    /// A step of the script did not happen.
    #[error(
        "{step} did not happen within {seconds} s; the gateway's log and the other client's last event tell who waits for whom"
    )]
    Stuck {
        /// The step, in words.
        step: &'static str,
        /// How long we waited.
        seconds: u64,
    },
    /// The other side's tone was not heard for long enough.
    #[error(
        "the tone of {hz} Hz was heard for {heard_s:.1} s, {needed_s:.1} s were expected; check that the other side plays \
         it and that RTP reaches {local}"
    )]
    NotHeard {
        /// The tone.
        hz: u32,
        /// How long it was heard, in seconds.
        heard_s: f64,
        /// How long it should have been, in seconds.
        needed_s: f64,
        /// Our RTP address.
        local: SocketAddr,
    },
    /// What never may happen.
    #[error(
        "{count} messages of other calls or devices arrived here; this is a fault of the gateway, please report it"
    )]
    CrossDelivered {
        /// How many.
        count: u64,
    },
    /// The operator stopped the client.
    #[error("stopped by a signal before its task was done")]
    Stopped,
}

fn registration_remedy(failure: &RegistrationFailure) -> &'static str {
    match failure {
        RegistrationFailure::Refused { status: 401 | 407, .. } => "check --password (or --password-env) and --domain",
        RegistrationFailure::Refused { status: 403 | 404, .. } => {
            "check that --user is a [[user]] of the gateway's configuration and that --domain is its domain"
        }
        RegistrationFailure::Refused { .. } => "the gateway's log says why",
        RegistrationFailure::Silence | RegistrationFailure::Unreachable => {
            "check --server and --transport, and that the gateway runs"
        }
    }
}

fn call_remedy(end: &CallEnd) -> &'static str {
    match end {
        CallEnd::Refused { status: 401 | 403 | 407, .. } => "check --user, --password and --domain",
        CallEnd::Refused { status: 404, .. } => "check the address: it must be a queue or a user of the gateway",
        CallEnd::Refused { status: 480 | 486 | 503, .. } => "nobody can take it now: is a seat registered and free?",
        CallEnd::Refused { status: 488, .. } | CallEnd::Media(_) => "check the codecs of the gateway's configuration",
        CallEnd::Silence | CallEnd::Transport => "check --server and --transport, and that the gateway runs",
        _ => "the gateway's log says why",
    }
}
