//! The simulator as headless Chromium in phone emulation.
//!
//! ```text
//! Simulator ── commands ──► chromiumoxide handler task ◄─ WebSocket ─► Chromium ◄─ lifeline pipe ─ supervisor task
//!     ▲                          │ screencast events                                                  │ waits, reaps
//!     └──── Frames (watch) ◄─ capture task ◄──────────────────────── end reason ──────────────────────┘
//! ```

mod capture;
mod config;
mod input;
mod locate;
mod process;
mod profile;
mod session;
mod supervisor;

use std::future::Future;

use axum::http::Uri;
use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::page::{CaptureScreenshotFormat, CaptureScreenshotParams};
use chromiumoxide::cdp::js_protocol::runtime::EvaluateParams;
use chromiumoxide::error::CdpError;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use config::SimulatorConfig;
use process::ChromiumProcess;

use super::error::{EndReason, SimulatorError};
use super::frame::{Feed, Frames, ImageFormat};
use super::screen::Screen;

/// Reads what the page declares about itself. Bounded, because any page may be shown.
const READ_SCREEN: &str = r"(() => {
  const { screen, ...facts } = document.body ? document.body.dataset : {};
  const short = text => text.slice(0, 256);
  return {
    url: location.href.slice(0, 2048),
    name: screen === undefined ? null : short(screen),
    facts: Object.fromEntries(Object.entries(facts).slice(0, 64).map(([key, value]) => [short(key), short(value)])),
  };
})()";

/// One phone screen in a browser of its own: own process, own profile, nothing shared with another simulator.
///
/// Dropping it ends the browser and removes its profile in the background; [`Simulator::close`] waits for that.
#[derive(Debug)]
pub struct Simulator {
    page: Page,
    config: SimulatorConfig,
    feed: watch::Receiver<Feed>,
    process_id: u32,
    supervisor: JoinHandle<()>,
    stop: DropGuard,
}

impl Simulator {
    /// Starts a browser that shows an empty page.
    ///
    /// # Errors
    /// [`SimulatorError::NotFound`], [`SimulatorError::Config`] and [`SimulatorError::Launch`] name what to fix.
    pub async fn launch(config: SimulatorConfig) -> Result<Self, SimulatorError> {
        config.check()?;
        let (process, address) = ChromiumProcess::start(&config).await?;
        let process_id = process.id().unwrap_or_default();
        let session = match session::connect(&config, &address).await {
            Ok(session) => session,
            Err(error) => {
                process.finish().await;
                return Err(error);
            }
        };
        let (sender, feed) = watch::channel(Feed::default());
        let stop = CancellationToken::new();
        let page = session.page.clone();
        let supervisor = tokio::spawn(supervisor::run(process, session, sender, config.format, stop.clone()));
        Ok(Self { page, config, feed, process_id, supervisor, stop: stop.drop_guard() })
    }

    /// Opens a deep link and waits until its page has loaded.
    ///
    /// # Errors
    /// [`SimulatorError::ForbiddenUrl`] for what is not http(s) on an allowed host; [`SimulatorError::Navigation`] when
    /// the page does not load.
    pub async fn open(&self, url: &str) -> Result<(), SimulatorError> {
        let shown = || url.split(['?', '#']).next().unwrap_or_default().to_owned();
        if !may_open(url, &self.config.allowed_hosts) {
            return Err(SimulatorError::ForbiddenUrl { url: shown() });
        }
        self.alive(async { self.page.goto(url).await.map(drop) }, |source| SimulatorError::Navigation {
            url: shown(),
            reason: source.to_string(),
        })
        .await
    }

    /// The screen that is shown now.
    pub async fn current(&self) -> Result<Screen, SimulatorError> {
        let mut read = EvaluateParams::new(READ_SCREEN);
        read.return_by_value = Some(true);
        let answer = self.command("Runtime.evaluate", self.page.execute(read)).await?;
        let value = answer.result.result.value.unwrap_or_default();
        serde_json::from_value(value).map_err(|error| SimulatorError::Protocol {
            command: "Runtime.evaluate",
            source: Box::new(CdpError::Serde(error)),
        })
    }

    /// The pictures of this simulator from now on, beginning with the current one. A picture comes only when the
    /// screen has changed.
    pub fn frames(&self) -> Frames {
        Frames::new(self.feed.clone())
    }

    /// Takes a picture now, whether or not the screen has changed; its encoded bytes.
    pub async fn screenshot(&self, format: ImageFormat) -> Result<Vec<u8>, SimulatorError> {
        let mut capture = CaptureScreenshotParams { optimize_for_speed: Some(true), ..Default::default() };
        match format {
            ImageFormat::Png => capture.format = Some(CaptureScreenshotFormat::Png),
            ImageFormat::Jpeg(quality) => {
                capture.format = Some(CaptureScreenshotFormat::Jpeg);
                capture.quality = Some(quality.into());
            }
        }
        let answer = self.command("Page.captureScreenshot", self.page.execute(capture)).await?;
        capture::decode(&answer.result.data)
    }

    /// Why the simulator has ended; `None` while it runs.
    pub fn ended(&self) -> Option<EndReason> {
        self.feed.borrow().ended
    }

    /// The browser's process id, for logs and accounting.
    pub fn process_id(&self) -> u32 {
        self.process_id
    }

    /// Ends the browser and returns when its process is reaped and its profile removed.
    pub async fn close(self) {
        drop(self.stop);
        if let Err(error) = self.supervisor.await {
            tracing::error!(%error, "the simulator's supervisor failed");
        }
    }

    /// Runs one command unless or until the simulator ends.
    async fn command<T>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, CdpError>>,
    ) -> Result<T, SimulatorError> {
        self.alive(work, SimulatorError::during(name)).await
    }

    /// Runs `work`; the end of the browser is told as such, and not as the broken channel it leaves.
    async fn alive<T>(
        &self,
        work: impl Future<Output = Result<T, CdpError>>,
        failed: impl FnOnce(CdpError) -> SimulatorError,
    ) -> Result<T, SimulatorError> {
        let mut feed = self.feed.clone();
        let ended = async move {
            match feed.wait_for(|feed| feed.ended.is_some()).await {
                Ok(feed) => feed.ended.unwrap_or(EndReason::Closed),
                Err(_) => EndReason::Closed,
            }
        };
        tokio::pin!(ended);
        tokio::select! {
            biased;
            reason = &mut ended => Err(SimulatorError::Ended(reason)),
            result = work => match result {
                Ok(value) => Ok(value),
                // The channel may break a moment before the supervisor has learnt why.
                Err(CdpError::ChannelSendError(_) | CdpError::Ws(_) | CdpError::NoResponse) => {
                    Err(SimulatorError::Ended(ended.await))
                }
                Err(error) => Err(failed(error)),
            },
        }
    }
}

/// Whether a deep link, which comes from a customer's device, may be opened.
fn may_open(url: &str, allowed_hosts: &[String]) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let (Some("http" | "https"), Some(host)) = (uri.scheme_str(), uri.host()) else { return false };
    !host.is_empty() && (allowed_hosts.is_empty() || allowed_hosts.iter().any(|known| known.eq_ignore_ascii_case(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_pages_of_allowed_hosts_may_be_opened() {
        let none: [String; 0] = [];
        assert!(may_open("http://127.0.0.1:8080/flights?from=PEK&to=SHA#top", &none));
        for url in
            ["file:///etc/passwd", "chrome://crash", "javascript:alert(1)", "about:blank", "/flights", "", "http://"]
        {
            assert!(!may_open(url, &none), "{url}");
        }
        let hosts = ["travel.example".to_owned()];
        assert!(may_open("https://Travel.example/order?id=1", &hosts));
        for url in ["http://127.0.0.1/", "http://travel.example@evil.example/", "http://travel.example.evil.example/"] {
            assert!(!may_open(url, &hosts), "{url}");
        }
    }
}
