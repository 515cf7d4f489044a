//! The processes of a demonstration: started in order, watched, ended in order.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep, timeout};

use super::actor::Actor;
use super::audience::Audience;
use super::cast::{Cast, PASSWORD};
use super::error::DemoError;
use super::folder::Folder;
use super::network::Network;
use super::ports::Ports;
use super::process::{Notice, Process, Said};
use super::settings;
use crate::client::What;

/// Notices that may wait. An actor that tells more is slowed down, nothing is lost.
const NOTICES: usize = 1_024;

/// How long an actor may take to be ready. A browser right after a build has been seen to take 30 s.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// After so long people are told that we still wait, and again each time.
const STILL_EVERY: Duration = Duration::from_secs(2);

/// Everything that runs. [`Stage::close`] ends it; dropping it kills it.
pub(super) struct Stage {
    pub folder: Folder,
    pub cast: Cast,
    /// In the order of their start.
    lasting: Vec<Process>,
    /// This call's.
    pub handset: Option<Process>,
    sender: mpsc::Sender<Notice>,
    notices: mpsc::Receiver<Notice>,
}

impl Stage {
    /// Prepares the directory. Nothing runs yet.
    pub(super) fn prepare(folder: Folder) -> Result<Stage, DemoError> {
        let ports = Ports::find(std::process::id()).map_err(DemoError::Ports)?;
        let settings = settings::generate(&ports, &folder.database())?;
        folder.write_config(&settings.text)?;
        let (sender, notices) = mpsc::channel(NOTICES);
        let cast = Cast { settings, ports, site: String::new() };
        Ok(Stage { folder, cast, lasting: Vec::new(), handset: None, sender, notices })
    }

    /// Starts everybody but the handset; all of them are ready when this returns.
    pub(super) async fn open(&mut self, seats: u8, audience: &mut Audience) -> Result<(), DemoError> {
        let begun = Instant::now();
        self.start(Actor::Gateway, &Cast::gateway(&self.folder.config()))?;
        self.start(Actor::Site, &Cast::site())?;
        self.start(Actor::Carrier, &self.cast.carrier())?;
        self.listening(audience).await?;
        self.cast.site = self.wait_for(Actor::Site, audience, site_address).await?;
        let seconds = begun.elapsed().as_secs_f64();
        audience.progress(&format!("gateway, carrier and travel site are there after {seconds:.1} s"));
        let agents: Vec<String> = self.cast.settings.agents.iter().take(usize::from(seats)).cloned().collect();
        for (number, agent) in (1..).zip(&agents) {
            audience.progress(&format!("starting the seat of {agent} and its simulator (Chromium)"));
            if let Err(error) = self.seat(Actor::Seat(number), agent, audience).await {
                // A browser that is read from a cold disk can take longer than it is given. Then it is in memory.
                audience.progress(&format!("{error}; once more"));
                self.lasting.retain(|process| process.who() != Actor::Seat(number));
                self.seat(Actor::Seat(number), agent, audience).await?;
            }
            let seconds = begun.elapsed().as_secs_f64();
            audience.progress(&format!("{agent} is at the seat after {seconds:.1} s"));
        }
        Ok(())
    }

    /// Starts the customer's phone for one call.
    pub(super) fn start_handset(&mut self, call: u32, network: Network) -> Result<(), DemoError> {
        let arguments = self.cast.handset(network, &self.inbox_of(Actor::Handset, call));
        self.handset = Some(self.spawn(Actor::Handset, &arguments)?);
        Ok(())
    }

    /// Where the handset of this call puts its frames.
    pub(super) fn inbox_of(&self, who: Actor, call: u32) -> std::path::PathBuf {
        match who {
            Actor::Handset => self.folder.inbox(who).join(format!("call{call:02}")),
            _ => self.folder.inbox(who),
        }
    }

    /// The next notice. Fails when one that should last has ended.
    pub(super) async fn next(&mut self) -> Result<Notice, DemoError> {
        // We hold a sender ourselves, so the channel does not close.
        let Some(notice) = self.notices.recv().await else { return Err(DemoError::Stopped) };
        if matches!(notice.said, Said::Closed) && notice.who != Actor::Handset {
            return Err(self.obituary(notice.who).await);
        }
        Ok(notice)
    }

    /// Ends everybody: phones first, while there is a gateway to say goodbye to.
    pub(super) async fn close(&mut self) {
        let (mut callers, mut house) = (Vec::new(), Vec::new());
        callers.extend(self.handset.take());
        for process in self.lasting.drain(..) {
            match process.who() {
                Actor::Gateway | Actor::Site => house.push(process),
                _ => callers.push(process),
            }
        }
        // Nobody may wait for us to read what it says last.
        self.notices.close();
        for mut group in [callers, house] {
            group.iter_mut().for_each(Process::ask_to_end);
            for process in &mut group {
                process.end().await;
            }
        }
    }

    async fn seat(&mut self, who: Actor, agent: &str, audience: &mut Audience) -> Result<(), DemoError> {
        self.start(who, &self.cast.seat(agent, &self.folder.inbox(who)))?;
        self.wait_for(who, audience, |said| told(said, What::Registered)).await
    }

    fn start(&mut self, who: Actor, arguments: &[String]) -> Result<(), DemoError> {
        let process = self.spawn(who, arguments)?;
        self.lasting.push(process);
        Ok(())
    }

    fn spawn(&self, who: Actor, arguments: &[String]) -> Result<Process, DemoError> {
        let environment = [(PASSWORD, self.cast.settings.password.as_str())];
        Process::start(who, arguments, &environment, self.folder.log(who), self.sender.clone())
            .map_err(|source| DemoError::Spawn { who, source })
    }

    /// Waits until the gateway takes connections.
    async fn listening(&mut self, audience: &mut Audience) -> Result<(), DemoError> {
        let address = ("127.0.0.1", self.cast.ports.app);
        let knock = async {
            while TcpStream::connect(address).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::pin!(knock);
        let mut early = Vec::new();
        let reached = timeout(READY_WITHIN, async {
            loop {
                tokio::select! {
                    () = knock.as_mut() => return Ok(()),
                    notice = self.next() => early.push(notice?),
                }
            }
        })
        .await;
        // What the others said meanwhile is still to be read; there is room, they have said little.
        for notice in early {
            let _ = self.sender.try_send(notice);
        }
        match reached {
            Ok(outcome) => outcome,
            Err(_) => {
                audience.progress("the gateway does not listen");
                Err(self.not_ready(Actor::Gateway))
            }
        }
    }

    /// Waits until `who` says what is wanted; says every two seconds that it still waits.
    async fn wait_for<T>(
        &mut self,
        who: Actor,
        audience: &mut Audience,
        wanted: impl Fn(&Said) -> Option<T>,
    ) -> Result<T, DemoError> {
        let begun = Instant::now();
        let mut still = interval(STILL_EVERY);
        still.tick().await;
        let mut early = Vec::new();
        let found = loop {
            let notice = tokio::select! {
                notice = self.next() => notice?,
                _ = still.tick() => {
                    if begun.elapsed() > READY_WITHIN {
                        return Err(self.not_ready(who));
                    }
                    audience.progress(&format!("… still waiting for the {who} ({} s)", begun.elapsed().as_secs()));
                    continue;
                }
            };
            if notice.who == who {
                if let Some(found) = wanted(&notice.said) {
                    break found;
                }
            } else {
                early.push(notice);
            }
        };
        for notice in early {
            let _ = self.sender.try_send(notice);
        }
        Ok(found)
    }

    fn process(&self, who: Actor) -> Option<&Process> {
        self.lasting.iter().chain(&self.handset).find(|process| process.who() == who)
    }

    fn not_ready(&self, who: Actor) -> DemoError {
        let words = self.process(who).map(Process::last_words).unwrap_or_default();
        DemoError::NotReady { who, seconds: READY_WITHIN.as_secs(), words, log: self.folder.log(who) }
    }

    /// Why somebody is not there any more.
    async fn obituary(&mut self, who: Actor) -> DemoError {
        let Some(process) = self.lasting.iter_mut().find(|process| process.who() == who) else {
            return DemoError::Stopped;
        };
        let status = process.end().await.unwrap_or_default();
        DemoError::Ended { who, status, words: process.last_words(), log: process.log().to_owned() }
    }
}

fn site_address(said: &Said) -> Option<String> {
    match said {
        Said::Line(line) if line.starts_with("http://") => Some(line.trim().to_owned()),
        _ => None,
    }
}

fn told(said: &Said, what: What) -> Option<()> {
    matches!(said, Said::Event(event) if event.what == what).then_some(())
}
