//! A client's own screen: the simulator in a task of its own, so that a slow page holds up neither call nor frames.
#![allow(clippy::disallowed_methods)] // a shell: it spawns its own task

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::error::ClientError;
use crate::simulator::{Frame, Frames, Screen, Simulator, SimulatorConfig, SimulatorError};

/// Actions and pictures that may wait.
const QUEUE: usize = 64;

/// Something to do to the screen. Carried out one after the other, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Open a link.
    Open(String),
    /// Tap a point, in CSS pixels.
    Tap(f64, f64),
    /// Scroll what is at a point by a distance, in CSS pixels.
    Scroll {
        /// The point.
        at: (f64, f64),
        /// The distance; positive shows what is further right and down.
        by: (f64, f64),
    },
    /// Tap the first element that a CSS selector finds.
    Press(&'static str),
    /// Press a key by its DOM name, or a character.
    Key(String),
    /// Enter text where the focus is.
    Text(String),
}

/// A picture, and the page that it shows.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The picture.
    pub frame: Frame,
    /// The page.
    pub screen: Screen,
}

/// What a screen tells.
#[derive(Debug)]
pub enum GlassEvent {
    /// It changed.
    Shown(Box<Shown>),
    /// An action was carried out, or failed.
    Done {
        /// The caller's name for it.
        tag: u64,
        /// What came of it.
        outcome: Result<(), ClientError>,
    },
    /// It is gone.
    Ended(SimulatorError),
}

/// A simulator that works by itself.
#[derive(Debug)]
pub struct Glass {
    actions: mpsc::Sender<(u64, Action)>,
    events: mpsc::Receiver<GlassEvent>,
    task: JoinHandle<()>,
    size: (u32, u32),
}

impl Glass {
    /// Hands a simulator over. Its pictures come from now on, beginning with the current one.
    pub fn start(simulator: Simulator, config: &SimulatorConfig) -> Glass {
        let (actions, todo) = mpsc::channel(QUEUE);
        let (tell, events) = mpsc::channel(QUEUE);
        let task = tokio::spawn(work(simulator, todo, tell));
        Glass { actions, events, task, size: (config.width, config.height) }
    }

    /// The screen in CSS pixels.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Queues an action; [`GlassEvent::Done`] with the same tag tells when it is done. False when too many are waiting
    /// or the screen is gone.
    pub fn act(&self, tag: u64, action: Action) -> bool {
        self.actions.try_send((tag, action)).is_ok()
    }

    /// What happens next. Cancel-safe.
    pub async fn next(&mut self) -> GlassEvent {
        match self.events.recv().await {
            Some(event) => event,
            // The task tells its end before it ends; there is nothing after that.
            None => std::future::pending().await,
        }
    }

    /// Ends the browser and waits for it.
    pub async fn close(self) {
        let Glass { actions, events, task, .. } = self;
        drop((actions, events));
        if let Err(error) = task.await {
            tracing::error!(%error, "the task of a screen failed");
        }
    }
}

/// Waits for a screen that may not be there.
pub async fn next_of(glass: Option<&mut Glass>) -> GlassEvent {
    match glass {
        Some(glass) => glass.next().await,
        None => std::future::pending().await,
    }
}

async fn work(mut simulator: Simulator, mut todo: mpsc::Receiver<(u64, Action)>, tell: mpsc::Sender<GlassEvent>) {
    let mut frames = simulator.frames();
    loop {
        let event = tokio::select! {
            biased;
            action = todo.recv() => match action {
                Some((tag, action)) => GlassEvent::Done { tag, outcome: carry_out(&mut simulator, action).await },
                None => break,
            },
            shown = next_shown(&simulator, &mut frames) => match shown {
                Ok(shown) => GlassEvent::Shown(Box::new(shown)),
                Err(error) => GlassEvent::Ended(error),
            },
        };
        let is_end = matches!(event, GlassEvent::Ended(_));
        if tell.send(event).await.is_err() || is_end {
            break;
        }
    }
    simulator.close().await;
}

/// The next picture and its page. When an action cuts in after the picture was taken, that picture is lost to it; the
/// action makes another one.
async fn next_shown(simulator: &Simulator, frames: &mut Frames) -> Result<Shown, SimulatorError> {
    let frame = frames.next().await?;
    let screen = simulator.current().await?;
    Ok(Shown { frame, screen })
}

async fn carry_out(simulator: &mut Simulator, action: Action) -> Result<(), ClientError> {
    match action {
        Action::Open(url) => simulator.open(&url).await?,
        Action::Tap(x, y) => simulator.touch(x, y).await?,
        Action::Scroll { at, by } => simulator.scroll(at.0, at.1, by.0, by.1).await?,
        Action::Press(selector) => press(simulator, selector).await?,
        Action::Key(key) => simulator.key(&key).await?,
        Action::Text(text) => simulator.text(&text).await?,
    }
    Ok(())
}

/// Taps an element of the page that is open.
pub(super) async fn press(simulator: &mut Simulator, selector: &'static str) -> Result<(), ClientError> {
    match simulator.locate(selector).await? {
        Some((x, y)) => Ok(simulator.touch(x, y).await?),
        None => Err(ClientError::NoElement { url: simulator.current().await?.url, selector }),
    }
}

/// A phone's screen that opens the pages of one site only. A deep link comes from somebody else's device.
pub fn config_for(site: &str) -> Result<SimulatorConfig, ClientError> {
    let host = site.parse::<axum::http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    let host = host.ok_or_else(|| ClientError::Option {
        option: "--site",
        value: site.to_owned(),
        expected: "the address of the app's pages, such as http://127.0.0.1:8090",
    })?;
    Ok(SimulatorConfig { allowed_hosts: vec![host], ..SimulatorConfig::default() })
}
