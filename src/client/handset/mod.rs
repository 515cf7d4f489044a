//! The handset: the customer's phone with the travel agency's app.
//!
//! ```text
//! journey ─► call ─┬─ line    (SIP)          script: what the customer does with what he sees
//!                  ├─ voice   (RTP)
//!                  ├─ screens (MSRP)
//!                  └─ glass   (his own screen)
//! ```
#![allow(clippy::disallowed_methods)] // a shell: it reads the clock for its script

mod call;
mod context;
mod journey;
mod options;
mod script;

use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(super) use call::frame_fields;
pub use options::{HandsetOptions, Script, imei};

use super::carrier::peer_of;
use super::error::ClientError;
use super::glass::Glass;
use super::line::{Line, LineSettings};
use super::phone::{AccessNetwork, PhoneEvent};
use super::record::Recorder;
use super::report::CallReport;
use super::story::{Story, What};
use super::voice::Voice;
use crate::simulator::Screen;
use call::Call;
use journey::Journey;
use script::Booking;

/// How long the registrar may take before the handset gives up.
const REGISTER_WITHIN: std::time::Duration = std::time::Duration::from_secs(15);

/// The app, for `User-Agent`.
const PRODUCT: &str = "TandemTravel/3.2 (Android 14; Pixel 8)";
/// The lifetime of registrations, in seconds.
const REGISTER_EXPIRES_S: u32 = 600;

/// Walks through the app, registers, calls, and reports. Fails when anything that should happen did not.
pub async fn run(options: HandsetOptions, story: Story, stop: CancellationToken) -> Result<CallReport, ClientError> {
    let recorder = Recorder::open(options.record.as_deref(), story.who()).await?;
    let journey = match options.shared_site() {
        Some(site) => Some(journey::to_a_flight(site, |screen| tell_page(&story, screen)).await?),
        None => None,
    };
    let mut line = Line::open(options.line_settings()?).await?;
    if options.server.is_some() {
        register(&mut line, &story, &stop).await?;
    }
    let outcome = converse(&options, &mut line, journey, recorder, &story, &stop).await;
    line.leave().await;
    outcome
}

async fn converse(
    options: &HandsetOptions,
    line: &mut Line,
    journey: Option<Journey>,
    recorder: Recorder,
    story: &Story,
    stop: &CancellationToken,
) -> Result<CallReport, ClientError> {
    let voice = Voice::bind(line.local().ip(), options.tones).await?;
    let (glass, page, script) = match journey {
        None => (None, None, None),
        Some(Journey { simulator, config, screen, button }) => {
            let name = screen.name.clone().unwrap_or_default();
            let wanted = options.script == Script::Booking;
            let script = wanted.then(|| Booking::new(name, button, Instant::now().into_std()));
            (Some(Glass::start(simulator, &config)), Some(screen), script)
        }
    };
    Call::place(options, line, voice, glass, page, script, recorder, story)?.run(stop).await
}

impl HandsetOptions {
    /// The pages that are shared in the call: none where the network carries voice only.
    fn shared_site(&self) -> Option<&str> {
        self.site.as_deref().filter(|_| self.network == AccessNetwork::Wifi)
    }

    fn line_settings(&self) -> Result<LineSettings, ClientError> {
        let server = match &self.server {
            Some(server) => server.clone(),
            None => peer_of(&self.to)?,
        };
        Ok(LineSettings {
            server: Some(server),
            transport: self.transport,
            bind: None,
            product: PRODUCT.into(),
            domain: self.domain.clone(),
            user: self.user.clone(),
            password: self.password.clone(),
            instance: self.imei.as_ref().map(ToString::to_string),
            number: self.number.clone(),
            access: Some(self.network),
            register_expires_s: REGISTER_EXPIRES_S,
        })
    }
}

fn tell_page(story: &Story, screen: &Screen) {
    let name = screen.name.as_deref().unwrap_or("a page");
    story.tell(
        What::PageOpened,
        format!("the customer opens {name}"),
        json!({"screen": screen.name, "url": screen.url}),
    );
}

/// Registers and waits until the registrar has answered.
pub(super) async fn register(line: &mut Line, story: &Story, stop: &CancellationToken) -> Result<(), ClientError> {
    let (phone, now) = line.phone();
    phone.register(now);
    let until = Instant::now() + REGISTER_WITHIN;
    let mut last = super::phone::RegistrationFailure::Silence;
    loop {
        let event = tokio::select! {
            event = line.next() => event,
            () = tokio::time::sleep_until(until) => return Err(ClientError::Registration { failure: last }),
            () = stop.cancelled() => return Err(ClientError::Stopped),
        };
        match event {
            PhoneEvent::Registered { expires_s } => {
                let fields = json!({"expires_s": expires_s, "local": line.local().to_string()});
                story.tell(What::Registered, format!("registered with {} for {expires_s} s", line.domain()), fields);
                return Ok(());
            }
            PhoneEvent::RegistrationFailed { failure, retry_in: None } => {
                return Err(ClientError::Registration { failure });
            }
            PhoneEvent::RegistrationFailed { failure, .. } => last = failure,
            _ => {}
        }
    }
}
