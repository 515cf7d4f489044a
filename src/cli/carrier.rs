//! `tandem carrier`: a SIP peer that stands for the carrier behind a trunk.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use super::client::{Telling, TransportChoice, exit, sip_uri, stop_on_signal};
use crate::client::Who;
use crate::client::carrier::{self, CarrierOptions};
use crate::sip::message::Uri;

/// What a carrier plays unless told otherwise, in Hz.
const TONE_HZ: u32 = 1100;

/// Arguments of `tandem carrier`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// IP:PORT to listen on: the peer of a [[trunk]]
    #[arg(long, value_name = "IP:PORT")]
    bind: SocketAddr,
    /// How SIP travels
    #[arg(long, value_enum, default_value = "udp")]
    transport: TransportChoice,
    #[command(flatten)]
    telling: Telling,
    /// Calls in, such as sip:4008001234@127.0.0.1:5064, instead of answering
    #[arg(long, value_name = "SIP-URI", value_parser = sip_uri)]
    call: Option<Uri>,
    /// The number that it calls from
    #[arg(long)]
    number: Option<String>,
    /// How long a call lasts at most, in seconds [default: 10 for a call of its own]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// After how many calls it ends; without it only a signal ends it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    calls: Option<u64>,
}

/// Answers or calls, tells, and succeeds if the last call went as it should.
pub async fn run(args: &Args) -> ExitCode {
    let options = CarrierOptions {
        bind: args.bind,
        transport: args.transport.into(),
        tones: args.telling.tones(TONE_HZ),
        call: args.call.clone(),
        number: args.number.clone(),
        seconds: args.seconds.map(Duration::from_secs),
        calls: args.calls,
    };
    exit(carrier::run(options, args.telling.story(Who::Carrier), stop_on_signal()).await)
}
