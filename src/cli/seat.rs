//! `tandem seat`: an agent with a softphone and a simulator of the customer's app.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;

use super::client::{Account, Telling, TransportChoice, exit, stop_on_signal};
use crate::client::seat::{self, Script, SeatOptions};
use crate::client::{ClientError, Who};

/// What a seat plays unless told otherwise, in Hz.
const TONE_HZ: u32 = 1100;

/// Arguments of `tandem seat`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// HOST:PORT of the gateway's listener for seats
    #[arg(long, value_name = "HOST:PORT")]
    server: String,
    /// How SIP travels
    #[arg(long, value_enum, default_value = "udp")]
    transport: TransportChoice,
    #[command(flatten)]
    account: Account,
    /// The agent
    #[arg(long, default_value = "agent1")]
    user: String,
    /// The app's pages (`tandem site`); without it the seat has no simulator
    #[arg(long, value_name = "URL")]
    site: Option<String>,
    #[command(flatten)]
    telling: Telling,
    /// What the agent does
    #[arg(long, value_enum, default_value_t)]
    script: ScriptChoice,
    /// The directory for the frames that it receives
    #[arg(long, value_name = "DIRECTORY")]
    record: Option<PathBuf>,
    /// How long it rings before it is answered, in milliseconds
    #[arg(long, value_name = "N", default_value_t = 300)]
    ring_ms: u64,
    /// After how many calls it ends; without it only a signal ends it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    calls: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ScriptChoice {
    /// Talks, and does what the customer's finger and keys say
    #[default]
    None,
    /// Lets the customer book: asks, orders, hands over
    Booking,
}

/// Serves calls, tells, and succeeds if the last one went as it should.
pub async fn run(args: &Args) -> ExitCode {
    let story = args.telling.story(Who::Seat);
    match args.options() {
        Ok(options) => exit(seat::run(options, story, stop_on_signal()).await),
        Err(error) => exit(Err(error)),
    }
}

impl Args {
    fn options(&self) -> Result<SeatOptions, ClientError> {
        Ok(SeatOptions {
            server: self.server.clone(),
            transport: self.transport.into(),
            domain: self.account.domain.clone(),
            user: self.user.clone(),
            password: self.account.password()?,
            site: self.site.clone(),
            tones: self.telling.tones(TONE_HZ),
            script: match self.script {
                ScriptChoice::None => Script::None,
                ScriptChoice::Booking => Script::Booking,
            },
            record: self.record.clone(),
            ring_for: Duration::from_millis(self.ring_ms),
            calls: self.calls,
        })
    }
}
