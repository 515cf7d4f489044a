//! `tandem handset`: the customer's phone.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;

use super::client::{Account, Telling, TransportChoice, exit, sip_uri, stop_on_signal};
use crate::client::handset::{self, HandsetOptions, Script, imei};
use crate::client::phone::AccessNetwork;
use crate::client::{ClientError, Who};
use crate::sip::message::Uri;

/// What a handset plays unless told otherwise, in Hz.
const TONE_HZ: u32 = 700;

/// Arguments of `tandem handset`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// HOST:PORT of the gateway's listener for apps; without it the address is called directly, unregistered
    #[arg(long, value_name = "HOST:PORT")]
    server: Option<String>,
    /// How SIP travels
    #[arg(long, value_enum, default_value_t)]
    transport: TransportChoice,
    #[command(flatten)]
    account: Account,
    /// The user
    #[arg(long, default_value = "traveller")]
    user: String,
    /// The device: 15 digits, or 8-6-1 with hyphens
    #[arg(long)]
    imei: Option<String>,
    /// The subscriber's number, such as +8613800138000
    #[arg(long)]
    number: Option<String>,
    /// The network that the phone is on
    #[arg(long, value_enum, default_value_t)]
    network: NetworkChoice,
    /// Whom to call, such as sip:flights@tandem.localhost
    #[arg(long, value_name = "SIP-URI", value_parser = sip_uri)]
    to: Uri,
    /// The app's pages (`tandem site`); without it the phone has no screen to share
    #[arg(long, value_name = "URL")]
    site: Option<String>,
    #[command(flatten)]
    telling: Telling,
    /// What the customer does
    #[arg(long, value_enum, default_value_t)]
    script: ScriptChoice,
    /// The directory for the frames that it receives
    #[arg(long, value_name = "DIRECTORY")]
    record: Option<PathBuf>,
    /// How long a call without script lasts after its answer, in seconds
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    call_seconds: u64,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum NetworkChoice {
    /// A wireless LAN: voice and screens
    #[default]
    Wifi,
    /// LTE: voice only
    Cellular,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ScriptChoice {
    /// Talks, and lets his screen be seen
    #[default]
    None,
    /// Books a flight with the agent's help
    Booking,
}

/// Calls, tells, and succeeds if everything happened that should.
pub async fn run(args: &Args) -> ExitCode {
    let story = args.telling.story(Who::Handset);
    match args.options() {
        Ok(options) => exit(handset::run(options, story, stop_on_signal()).await),
        Err(error) => exit(Err(error)),
    }
}

impl Args {
    fn options(&self) -> Result<HandsetOptions, ClientError> {
        Ok(HandsetOptions {
            server: self.server.clone(),
            transport: self.transport.into(),
            domain: self.account.domain.clone(),
            user: self.user.clone(),
            password: self.account.password()?,
            imei: self.imei.as_deref().map(imei).transpose()?,
            number: self.number.clone(),
            network: match self.network {
                NetworkChoice::Wifi => AccessNetwork::Wifi,
                NetworkChoice::Cellular => AccessNetwork::Cellular,
            },
            to: self.to.clone(),
            site: self.site.clone(),
            tones: self.telling.tones(TONE_HZ),
            script: match self.script {
                ScriptChoice::None => Script::None,
                ScriptChoice::Booking => Script::Booking,
            },
            record: self.record.clone(),
            call_for: Duration::from_secs(self.call_seconds),
        })
    }
}
