//! What the three reference clients have in common on the command line.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::client::report::CallReport;
use crate::client::voice::Tones;
use crate::client::{ClientError, Story, Who};
use crate::sip::Transport;
use crate::sip::message::Uri;

/// How SIP messages travel.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum TransportChoice {
    /// Datagrams.
    Udp,
    /// A stream.
    #[default]
    Tcp,
}

impl From<TransportChoice> for Transport {
    fn from(choice: TransportChoice) -> Transport {
        match choice {
            TransportChoice::Udp => Transport::Udp,
            TransportChoice::Tcp => Transport::Tcp,
        }
    }
}

/// The user and how it proves itself.
#[derive(Args, Debug)]
pub(super) struct Account {
    /// SIP domain of the gateway [default: the server's address]
    #[arg(long)]
    pub domain: Option<String>,
    /// The environment variable that holds the user's password
    #[arg(long, value_name = "VARIABLE", conflicts_with = "password")]
    password_env: Option<String>,
    /// The user's password; others on this machine can read it in the list of processes, so rather use --password-env
    #[arg(long)]
    password: Option<String>,
}

impl Account {
    /// The password, wherever it is.
    pub fn password(&self) -> Result<Option<String>, ClientError> {
        match &self.password_env {
            None => Ok(self.password.clone()),
            Some(variable) => std::env::var(variable).map(Some).map_err(|_| ClientError::Option {
                option: "--password-env",
                value: variable.clone(),
                expected: "the name of an environment variable that is set",
            }),
        }
    }
}

/// The tones of a call, and how it is told.
#[derive(Args, Debug)]
pub(super) struct Telling {
    /// The tone that it plays, in Hz
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(200..=3400))]
    tone: Option<u32>,
    /// The tone that it must hear, in Hz; without it any sound will do, and none
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(200..=3400))]
    expect_tone: Option<u32>,
    /// Tell events as JSON, one a line, instead of words
    #[arg(long)]
    json: bool,
}

impl Telling {
    /// The tones, with the one that this client plays by default.
    pub fn tones(&self, default_hz: u32) -> Tones {
        Tones { play_hz: self.tone.unwrap_or(default_hz), expect_hz: self.expect_tone }
    }

    /// The teller.
    pub fn story(&self, who: Who) -> Story {
        Story::new(who, self.json, std::io::stdout())
    }
}

/// Reads a SIP address.
pub(super) fn sip_uri(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|_| "a SIP address such as sip:flights@tandem.localhost".to_owned())?;
    match uri.host() {
        Some(_) => Ok(uri),
        None => Err("a SIP address needs a host: sip:USER@HOST".to_owned()),
    }
}

/// A token that the first SIGINT or SIGTERM cancels: the client hangs up, gives up its registration and reports.
pub(super) fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let told = stop.clone();
    // Ends with the process; there is nothing to wait for.
    #[allow(clippy::disallowed_methods)]
    tokio::spawn(async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return; // without handlers the signals end the process at once
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        told.cancel();
    });
    stop
}

/// The exit code; a failure is told on stderr.
pub(super) fn exit(outcome: Result<CallReport, ClientError>) -> ExitCode {
    match outcome {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => super::fail(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_host_is_refused() {
        assert!(sip_uri("sip:flights@127.0.0.1:5060").is_ok());
        for text in ["flights", "tel:4008001234", "sip:"] {
            assert!(sip_uri(text).is_err(), "{text}");
        }
    }
}
