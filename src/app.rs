//! `tandem run`: builds the shells, wires them to the signalling loop with bounded channels, watches over them, and
//! ends them in order.
#![allow(clippy::disallowed_methods)] // a shell: it reads the clocks and starts the signalling thread

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::TryRng;
use tokio::sync::{mpsc, oneshot};

use crate::config::{Config, ConfigErrors, Music};
use crate::console::{Console, ConsoleError};
use crate::driver::{Command, Driver, Status, Wiring};
use crate::gateway::{Gateway, WallClock};
use crate::media::music::{Prompt, PromptError};
use crate::media::{MediaSettings, MediaWorkers, PromptId, StartError};
use crate::net::screen::{self, ScreenShellConfig};
use crate::net::sip::{BindError, Limits, ListenerSpec, SipSockets};
use crate::store::{Store, StoreError, StoreHandle, StoreSettings};
use crate::sync::frame::FrameLimits;
use crate::sync::session::SessionConfig;

/// Events and orders that may wait between the loop and a shell.
const CHANNEL: usize = 8_192;

/// How long calls may take to end when the gateway stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long another process may keep the database locked at the start.
const STORE_PATIENCE: Duration = Duration::from_secs(10);

/// Why the gateway does not start. Each says what to change.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration has faults.
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    /// A SIP socket cannot be bound.
    #[error("{0}")]
    Bind(#[from] BindError),
    /// The media plane does not start.
    #[error("media: {0}")]
    Media(#[from] StartError),
    /// A queue's music cannot be read.
    #[error("music of queue \"{queue}\", {file}: {source}; give an existing 16-bit PCM WAV file, or leave `music` out")]
    Music {
        /// The queue's name.
        queue: String,
        /// The file.
        file: String,
        /// What is wrong.
        source: PromptError,
    },
    /// The MSRP listener cannot be bound.
    #[error("screen: cannot listen on {address}: {source}; change [screen] bind or stop what uses it")]
    Screen {
        /// Where.
        address: std::net::SocketAddr,
        /// What the kernel says.
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The console cannot be served.
    #[error("console: {0}")]
    Console(#[from] ConsoleError),
    /// The operating system gives no randomness, or no thread.
    #[error("the operating system refused: {0}")]
    System(String),
}

/// A running gateway.
pub struct App {
    commands: mpsc::Sender<Command>,
    signalling: std::thread::JoinHandle<()>,
    workers: MediaWorkers,
    store: StoreHandle,
    _console: Option<Console>,
}

impl App {
    /// Starts every part; READY is told when all of them listen.
    pub async fn start(config: Arc<Config>) -> Result<App, AppError> {
        let store = Store::open_patiently(&config.store.url, STORE_PATIENCE).await?;
        let store = crate::store::spawn(store, StoreSettings::default())?;
        let (media_sender, media_events) = mpsc::channel(CHANNEL);
        let workers = MediaWorkers::start(media_settings(&config)?, media_sender)?;
        let (screen, screen_orders) = mpsc::channel(CHANNEL);
        let (screen_sender, screen_events) = mpsc::channel(CHANNEL);
        let address = config.screen.bind;
        screen::spawn(screen_settings(&config), screen_orders, screen_sender)
            .map_err(|source| AppError::Screen { address, source })?;
        let (commands, orders) = mpsc::channel(64);
        let console = match &config.console {
            Some(console) => Some(Console::start(console.bind, commands.clone()).await?),
            None => None,
        };
        let shells =
            Shells { media: workers.handle(), media_events, screen, screen_events, store: store.clone(), orders };
        let signalling = start_signalling(config, shells).await?;
        Ok(App { commands, signalling, workers, store, _console: console })
    }

    /// A way to command it.
    pub fn commands(&self) -> mpsc::Sender<Command> {
        self.commands.clone()
    }

    /// Ends every call, waits for their records, stops.
    pub async fn stop(self) {
        // The loop may have ended by itself; then there is nothing left to say to it.
        let _ = self.commands.send(Command::HangUpAll).await;
        let deadline = tokio::time::Instant::now() + FAREWELL;
        while let Some(status) = status(&self.commands).await {
            let quiet = status.census.calls == 0 && status.census.transactions == 0;
            if quiet || tokio::time::Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let _ = self.commands.send(Command::Stop).await;
        // A panic in the loop was logged where it happened.
        let _ = tokio::task::spawn_blocking(move || self.signalling.join()).await;
        self.workers.shutdown();
        let stats = self.store.shutdown().await;
        tracing::info!(written = stats.written, spilled = stats.spilled, "stopped");
    }
}

/// How things stand; `None` when the loop has ended.
pub async fn status(commands: &mpsc::Sender<Command>) -> Option<Status> {
    let (reply, answer) = oneshot::channel();
    commands.send(Command::Status(reply)).await.ok()?;
    answer.await.ok()
}

/// Runs a gateway in the foreground until it is told to stop.
pub async fn run(path: &Path) -> Result<(), AppError> {
    let config = Arc::new(Config::load(path)?);
    let listeners = config.listeners.len();
    let app = App::start(config).await?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), listeners, "ready");
    notify(sd_notify::NotifyState::Ready);
    signals(path, &app).await;
    notify(sd_notify::NotifyState::Stopping);
    app.stop().await;
    Ok(())
}

/// Serves signals; returns on the one that ends the gateway.
async fn signals(path: &Path, app: &App) {
    use tokio::signal::unix::{SignalKind, signal};
    let streams = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
    let [Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)] = streams else {
        tracing::error!("no signal handlers; stop the gateway with SIGKILL");
        return std::future::pending().await;
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => return,
            _ = interrupt.recv() => return,
            _ = hangup.recv() => reload(path, app).await,
        }
    }
}

/// Reads the configuration again. A faulty file changes nothing.
async fn reload(path: &Path, app: &App) {
    notify(sd_notify::NotifyState::Reloading);
    match Config::load(path) {
        Ok(config) => {
            let (reply, answer) = oneshot::channel();
            let asked = app.commands.send(Command::Reconfigure(Arc::new(config), reply)).await;
            let waiting = if asked.is_ok() { answer.await.unwrap_or_default() } else { Vec::new() };
            if waiting.is_empty() {
                tracing::info!("configuration reloaded");
            } else {
                tracing::warn!(tables = waiting.join(", "), "configuration reloaded, but these tables need a restart");
            }
        }
        Err(errors) => tracing::error!("the configuration was not reloaded; the old one stays in force\n{errors}"),
    }
    notify(sd_notify::NotifyState::Ready);
}

/// What the signalling thread is wired to.
struct Shells {
    media: crate::media::MediaHandle,
    media_events: mpsc::Receiver<crate::media::MediaEvent>,
    screen: mpsc::Sender<crate::sync::contract::ScreenCommand>,
    screen_events: mpsc::Receiver<crate::sync::contract::ScreenEvent>,
    store: StoreHandle,
    orders: mpsc::Receiver<Command>,
}

/// The signalling loop has a thread and a runtime of its own: sockets and loop share one core and wake nobody else.
async fn start_signalling(config: Arc<Config>, shells: Shells) -> Result<std::thread::JoinHandle<()>, AppError> {
    let mut seed = [0; 32];
    rand::rngs::SysRng.try_fill_bytes(&mut seed).map_err(|error| AppError::System(error.to_string()))?;
    let (ready, started) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| AppError::System(error.to_string()))?;
    let thread = std::thread::Builder::new()
        .name("signalling".to_owned())
        .spawn(move || {
            runtime.block_on(async move {
                match SipSockets::bind(listener_specs(&config), Limits::default()).await {
                    Ok((sockets, net)) => {
                        let _ = ready.send(Ok(()));
                        let now = Instant::now();
                        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                        let gateway = Gateway::new(config, seed, WallClock::new(now, unix), now);
                        let Shells { media, media_events, screen, screen_events, store, orders } = shells;
                        let wiring = Wiring {
                            sockets,
                            net,
                            media,
                            media_events,
                            screen,
                            screen_events,
                            store,
                            commands: orders,
                        };
                        Driver::new(gateway, wiring).run().await;
                    }
                    // The receiver waits below.
                    Err(error) => drop(ready.send(Err(error))),
                }
            });
        })
        .map_err(|error| AppError::System(error.to_string()))?;
    match started.await {
        Ok(Ok(())) => Ok(thread),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(AppError::System("the signalling thread ended at once".to_owned())),
    }
}

fn listener_specs(config: &Config) -> Vec<ListenerSpec> {
    let spec = |listener: &crate::config::Listener| ListenerSpec {
        name: listener.name.clone(),
        transport: listener.transport,
        bind: listener.bind,
        max_message_bytes: config.profile_of(listener).max_message_bytes,
    };
    config.listeners.iter().map(spec).collect()
}

fn media_settings(config: &Config) -> Result<MediaSettings, AppError> {
    let mut music = vec![Prompt::melody()];
    for (index, queue) in config.queues.iter().enumerate() {
        if let Music::File(file) = &queue.music {
            let fault =
                |source| AppError::Music { queue: queue.name.clone(), file: file.display().to_string(), source };
            let reader =
                std::fs::File::open(file).map_err(|error| fault(PromptError::from(hound::Error::from(error))))?;
            let id = PromptId(u16::try_from(index + 1).unwrap_or(u16::MAX));
            music.push(Prompt::from_wav(id, std::io::BufReader::new(reader)).map_err(fault)?);
        }
    }
    Ok(MediaSettings {
        address: config.media.address,
        workers: config.media.workers,
        dead_after: Duration::from_secs(config.media.dead_after_s),
        music,
    })
}

fn screen_settings(config: &Config) -> ScreenShellConfig {
    let screen = &config.screen;
    let mut settings = ScreenShellConfig::new(screen.bind, screen.sessions_max);
    settings.msrp.chunk_bytes = screen.chunk_bytes;
    // The envelope needs some room around the picture.
    settings.msrp.max_message_bytes = screen.max_frame_bytes + screen.max_control_bytes;
    settings.session = SessionConfig {
        frame: FrameLimits { max_frame_bytes: screen.max_frame_bytes, max_pixels: screen.max_pixels },
        max_control_bytes: screen.max_control_bytes,
        ..SessionConfig::default()
    };
    settings
}

fn notify(state: sd_notify::NotifyState<'_>) {
    // Without systemd there is nobody to tell.
    let _ = sd_notify::notify(&[state]);
}
