//! The seat: an agent with a softphone and a simulator of the customer's app.
//!
//! It keeps one simulator warm for the next call; every call gets a browser of its own, with its own empty profile, which
//! ends with the call.
#![allow(clippy::disallowed_methods)] // a shell: it spawns the next simulator's start

mod call;
mod finger;
mod script;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::error::ClientError;
use super::glass::config_for;
use super::handset::register;
use super::line::{Line, LineSettings};
use super::phone::PhoneEvent;
use super::record::Recorder;
use super::report::CallReport;
use super::story::{Story, What};
use super::voice::Tones;
use crate::simulator::{Simulator, SimulatorConfig, SimulatorError};
use crate::sip::Transport;
use call::Call;

/// The softphone, for `User-Agent`.
const PRODUCT: &str = "TandemSeat/0.1";
/// The lifetime of registrations, in seconds.
const REGISTER_EXPIRES_S: u32 = 600;

/// What the agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Talks, and does what the customer's finger and keys say.
    None,
    /// Lets the customer book: asks, orders, hands over.
    Booking,
}

/// Everything about a seat.
#[derive(Clone, Debug)]
pub struct SeatOptions {
    /// HOST:PORT of the gateway.
    pub server: String,
    /// How to get there.
    pub transport: Transport,
    /// The SIP domain; `None`: the server's address.
    pub domain: Option<String>,
    /// The agent.
    pub user: String,
    /// The agent's password.
    pub password: Option<String>,
    /// The app's pages; `None`: a seat without simulator.
    pub site: Option<String>,
    /// The two tones.
    pub tones: Tones,
    /// What the agent does.
    pub script: Script,
    /// Where received frames are kept.
    pub record: Option<PathBuf>,
    /// How long it rings before it is answered.
    pub ring_for: Duration,
    /// After how many calls the seat closes; `None`: only when it is stopped.
    pub calls: Option<u64>,
}

/// A browser that is coming up.
struct Warm {
    config: SimulatorConfig,
    start: JoinHandle<Result<Simulator, SimulatorError>>,
}

impl Warm {
    /// Starts the browser for the next call.
    fn up(config: &SimulatorConfig) -> Warm {
        Warm { config: config.clone(), start: tokio::spawn(Simulator::launch(config.clone())) }
    }

    /// Waits for it. Cancel-safe.
    async fn ready(&mut self) -> Result<Simulator, ClientError> {
        match (&mut self.start).await {
            Ok(started) => Ok(started?),
            // Only a panic or the end of the runtime can do that.
            Err(error) => Err(ClientError::Screen { path: "the simulator".into(), reason: error.to_string() }),
        }
    }
}

/// Registers, serves calls, and reports each. Fails when the last of `calls` calls did not go as it should, or when the
/// seat cannot work at all.
pub async fn run(options: SeatOptions, story: Story, stop: CancellationToken) -> Result<CallReport, ClientError> {
    let recorder = Recorder::open(options.record.as_deref(), story.who()).await?;
    let simulator = match &options.site {
        Some(site) => Some(config_for(site)?),
        None => None,
    };
    // A seat that cannot show the app is of no use: find out before anybody calls.
    let mut warm = match &simulator {
        Some(config) => Some(proven(config).await?),
        None => None,
    };
    let mut line = Line::open(options.line_settings()).await?;
    let mut outcome =
        register(&mut line, &story, &stop).await.map(|()| CallReport { ok: true, ..CallReport::default() });
    let (mut served, mut closing) = (0, JoinSet::new());
    while outcome.is_ok() || served > 0 {
        if options.calls.is_some_and(|calls| served >= calls) || !next_call(&mut line, &story, &stop).await {
            break;
        }
        served += 1;
        while closing.try_join_next().is_some() {}
        let call = Call::new(&options, &mut line, warm.take(), &recorder, &story);
        outcome = match call.await {
            Ok(call) => call.run(&stop, &mut closing).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &outcome {
            tracing::warn!(%error, "a call did not go as it should");
        }
        let goes_on = options.calls.is_none_or(|calls| served < calls) && !stop.is_cancelled();
        warm = simulator.as_ref().filter(|_| goes_on).map(Warm::up);
    }
    line.leave().await;
    closing.join_all().await;
    outcome
}

/// The first browser, up and running.
async fn proven(config: &SimulatorConfig) -> Result<Warm, ClientError> {
    let simulator = Simulator::launch(config.clone()).await?;
    Ok(Warm { config: config.clone(), start: tokio::spawn(async move { Ok(simulator) }) })
}

/// Waits for a call; false when the seat was stopped before.
async fn next_call(line: &mut Line, story: &Story, stop: &CancellationToken) -> bool {
    loop {
        let event = tokio::select! {
            event = line.next() => event,
            () = stop.cancelled() => return false,
        };
        match event {
            PhoneEvent::Incoming { call_id, from, offers_screen } => {
                let fields = json!({"call_id": call_id, "from": from, "screen": offers_screen});
                story.tell(What::CallRinging, "a customer calls", fields);
                return true;
            }
            PhoneEvent::RegistrationFailed { failure, .. } => tracing::warn!(%failure, "the registration was lost"),
            _ => {}
        }
    }
}

impl SeatOptions {
    fn line_settings(&self) -> LineSettings {
        LineSettings {
            server: Some(self.server.clone()),
            transport: self.transport,
            bind: None,
            product: PRODUCT.into(),
            domain: self.domain.clone(),
            user: self.user.clone(),
            password: self.password.clone(),
            instance: None,
            number: None,
            access: None,
            register_expires_s: REGISTER_EXPIRES_S,
        }
    }
}
