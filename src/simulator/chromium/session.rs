//! The debugging session: one page, set up as a phone.

use chromiumoxide::Page;
use chromiumoxide::browser::Browser;
use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetTouchEmulationEnabledParams, SetUserAgentOverrideParams, UserAgentMetadata,
};
use chromiumoxide::cdp::browser_protocol::inspector::{EnableParams, EventTargetCrashed};
use chromiumoxide::cdp::browser_protocol::page::{
    AddScriptToEvaluateOnNewDocumentParams, EventScreencastFrame, StartScreencastFormat, StartScreencastParams,
};
use chromiumoxide::error::CdpError;
use chromiumoxide::handler::viewport::Viewport;
use chromiumoxide::handler::{Handler, HandlerConfig};
use chromiumoxide::listeners::EventStream;
use futures_util::StreamExt;
use tokio::task::JoinHandle;

use super::config::SimulatorConfig;
use crate::simulator::error::SimulatorError;
use crate::simulator::frame::ImageFormat;

/// A blinking caret is two pictures a second that say nothing, so it stands still in a simulator.
const STILL_CARET: &str = "(() => { const still = new CSSStyleSheet();
  still.replaceSync('* { caret-animation: manual !important }');
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, still]; })()";

/// A page set up as a phone, and what it reports.
#[derive(Debug)]
pub(super) struct Session {
    pub page: Page,
    /// One event for each picture that the compositor made, because something changed.
    pub pictures: EventStream<EventScreencastFrame>,
    /// The end of the page's renderer.
    pub crashes: EventStream<EventTargetCrashed>,
    /// Drives the connection; it ends when the connection does.
    pub connection: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// Connects to a browser and makes its page a phone's.
pub(super) async fn connect(config: &SimulatorConfig, address: &str) -> Result<Session, SimulatorError> {
    let handler_config = HandlerConfig {
        ignore_https_errors: false,
        ignore_invalid_messages: false,
        viewport: Some(Viewport {
            width: config.width,
            height: config.height,
            device_scale_factor: Some(f64::from(config.scale)),
            emulating_mobile: true,
            is_landscape: false,
            has_touch: true,
        }),
        request_timeout: config.command_timeout,
        ..HandlerConfig::default()
    };
    let (browser, handler) = Browser::connect_with_config(address, handler_config)
        .await
        .map_err(SimulatorError::during("the connection"))?;
    let connection = tokio::spawn(drive(handler));
    let session = async {
        let page = browser.new_page("about:blank").await?;
        let pictures = page.event_listener().await?;
        let crashes = page.event_listener().await?;
        become_phone(&page, config).await?;
        Ok((page, pictures, crashes))
    };
    match session.await {
        Ok((page, pictures, crashes)) => Ok(Session { page, pictures, crashes, connection }),
        Err(error) => {
            connection.abort();
            Err(SimulatorError::during("the phone emulation")(error))
        }
    }
}

/// Polls the connection until it breaks.
async fn drive(mut handler: Handler) {
    while let Some(step) = handler.next().await {
        match step {
            Ok(()) => {}
            // A browser newer than the protocol description sends events that the crate does not know.
            Err(CdpError::InvalidMessage(_, error)) => tracing::trace!(%error, "unknown message from Chromium"),
            Err(error) => {
                tracing::debug!(%error, "the connection to Chromium ended");
                return;
            }
        }
    }
}

async fn become_phone(page: &Page, config: &SimulatorConfig) -> Result<(), CdpError> {
    let mut agent = SetUserAgentOverrideParams::new(config.user_agent.clone());
    agent.accept_language = Some(config.accept_language.clone());
    agent.platform = Some("Linux armv81".to_owned());
    agent.user_agent_metadata = Some(
        UserAgentMetadata::builder()
            .platform("Android")
            .platform_version("14.0.0")
            .architecture("")
            .model("Pixel 8")
            .mobile(true)
            .build()
            .map_err(CdpError::msg)?,
    );
    page.execute(agent).await?;
    let mut touch = SetTouchEmulationEnabledParams::new(true);
    touch.max_touch_points = Some(5);
    page.execute(touch).await?;
    // Animation is pictures without information; pages that ask are told so.
    page.emulate_media_features(vec![MediaFeature::new("prefers-reduced-motion", "reduce")]).await?;
    page.execute(AddScriptToEvaluateOnNewDocumentParams::new(STILL_CARET)).await?;
    page.execute(EnableParams::default()).await?;
    page.execute(screencast(config)).await?;
    Ok(())
}

fn screencast(config: &SimulatorConfig) -> StartScreencastParams {
    let scale = u32::from(config.scale);
    let mut cast = StartScreencastParams::builder()
        .max_width(config.width * scale)
        .max_height(config.height * scale)
        .every_nth_frame(1)
        .build();
    match config.format {
        ImageFormat::Png => cast.format = Some(StartScreencastFormat::Png),
        ImageFormat::Jpeg(quality) => {
            cast.format = Some(StartScreencastFormat::Jpeg);
            cast.quality = Some(quality.into());
        }
    }
    cast
}
