//! The task that owns the writing side: takes records from a bounded queue, writes them in batches, and spills them
//! while the database is away.
#![allow(clippy::disallowed_methods)] // a shell: it spawns its own task

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::database::Store;
use super::error::StoreError;
use super::spill::{Replay, Spill};
use super::stats::{Counters, StoreStats};
use crate::call::record::CallRecord;

/// How the actor behaves.
#[derive(Clone, Copy, Debug)]
pub struct StoreSettings {
    /// Records between the signalling task and the actor; beyond them they take the way through the spill file.
    pub queue: usize,
    /// Records in one transaction.
    pub batch: usize,
    /// How long the first record of a batch waits for others: a transaction costs as much as many rows.
    pub gather: Duration,
    /// Pause before a database that was away is tried again.
    pub retry: Duration,
}

impl Default for StoreSettings {
    fn default() -> Self {
        StoreSettings { queue: 4_096, batch: 256, gather: Duration::from_millis(100), retry: Duration::from_secs(5) }
    }
}

enum Command {
    Record(Box<CallRecord>),
    Flush(oneshot::Sender<()>),
    Shutdown(oneshot::Sender<()>),
}

/// The way to the store; cheap to clone.
#[derive(Clone)]
pub struct StoreHandle {
    commands: mpsc::Sender<Command>,
    spill: Spill,
    counters: Arc<Counters>,
    hurry: Arc<Notify>,
}

/// Starts the actor. What an earlier run spilled is replayed first.
pub fn spawn(store: Store, settings: StoreSettings) -> Result<StoreHandle, StoreError> {
    let counters = Arc::new(Counters::default());
    let spill = Spill::start(store.path(), counters.clone())?;
    let (commands, receiver) = mpsc::channel(settings.queue.max(1));
    let hurry = Arc::new(Notify::new());
    let actor = Actor { store, settings, spill: spill.clone(), counters: counters.clone(), hurry: Arc::clone(&hurry) };
    tokio::spawn(actor.run(receiver));
    Ok(StoreHandle { commands, spill, counters, hurry })
}

impl StoreHandle {
    /// Takes a record; never waits, neither for the database nor for a disk.
    pub fn record(&self, record: CallRecord) {
        use mpsc::error::TrySendError::{Closed, Full};
        let Err(Full(refused) | Closed(refused)) = self.commands.try_send(Command::Record(Box::new(record))) else {
            return;
        };
        if let Command::Record(record) = refused {
            self.spill.append(*record);
        }
    }

    /// Waits until every record taken before is in the database, or, while that is away, in the spill file.
    pub async fn flush(&self) -> StoreStats {
        self.ask(Command::Flush).await
    }

    /// [`StoreHandle::flush`], then closes the database. A record that comes later is spilled for the next start.
    pub async fn shutdown(&self) -> StoreStats {
        self.ask(Command::Shutdown).await
    }

    /// What has been done so far.
    pub fn stats(&self) -> StoreStats {
        self.counters.snapshot()
    }

    async fn ask(&self, command: fn(oneshot::Sender<()>) -> Command) -> StoreStats {
        let (reply, answer) = oneshot::channel();
        let asked = self.commands.send(command(reply)).await;
        self.hurry.notify_one();
        if asked.is_err() || answer.await.is_err() {
            // The actor has ended, so whatever came since is on its way to the spill file.
            self.spill.sync().await;
        }
        self.stats()
    }
}

struct Actor {
    store: Store,
    settings: StoreSettings,
    spill: Spill,
    counters: Arc<Counters>,
    /// Somebody waits for what is in the queue.
    hurry: Arc<Notify>,
}

impl Actor {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        // An earlier run may have left a spill file.
        self.recover().await;
        let mut retry = every(self.settings.retry);
        let mut taken = Vec::new();
        let limit = self.settings.batch.max(1);
        loop {
            tokio::select! {
                count = commands.recv_many(&mut taken, limit) => {
                    if count == 0 {
                        break;
                    }
                    self.gather(&mut commands, &mut taken, limit).await;
                    if let Some(done) = self.handle(&mut taken).await {
                        self.close().await;
                        // Whoever asked may have gone meanwhile.
                        let _ = done.send(());
                        return;
                    }
                }
                _ = retry.tick(), if self.counters.is_away() || self.counters.is_behind() => self.recover().await,
            }
        }
        self.close().await;
    }

    /// Lets a batch grow for a moment, unless somebody waits for it. The queue is not looked at meanwhile, so that a
    /// record does not cost a wake-up.
    async fn gather(&self, commands: &mut mpsc::Receiver<Command>, taken: &mut Vec<Command>, limit: usize) {
        if taken.len() >= limit || taken.iter().any(|command| !matches!(command, Command::Record(_))) {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(self.settings.gather) => {}
            () = self.hurry.notified() => {}
        }
        while taken.len() < limit
            && let Ok(command) = commands.try_recv()
        {
            taken.push(command);
        }
    }

    /// Returns the reply of a shutdown.
    async fn handle(&mut self, taken: &mut Vec<Command>) -> Option<oneshot::Sender<()>> {
        let mut batch = Vec::with_capacity(taken.len());
        let mut shutdown = None;
        for command in taken.drain(..) {
            match command {
                Command::Record(record) => batch.push(*record),
                Command::Flush(reply) => {
                    self.write(std::mem::take(&mut batch)).await;
                    self.settle().await;
                    // Whoever asked may have gone meanwhile.
                    let _ = reply.send(());
                }
                Command::Shutdown(reply) => shutdown = Some(reply),
            }
        }
        self.write(batch).await;
        shutdown
    }

    async fn close(&mut self) {
        self.settle().await;
        self.store.close().await;
    }

    async fn settle(&mut self) {
        if self.counters.is_away() || self.counters.is_behind() {
            self.recover().await;
        }
        self.spill.sync().await;
    }

    async fn write(&mut self, batch: Vec<CallRecord>) {
        if batch.is_empty() {
            return;
        }
        if !self.counters.is_away() {
            match self.store.write(&batch).await {
                Ok(written) => return self.counters.written(written),
                Err(error) => self.lose(&error),
            }
        }
        for record in batch {
            self.spill.append(record);
        }
    }

    fn lose(&self, error: &StoreError) {
        if !self.counters.set_away(true) {
            tracing::error!(%error, "the database is away; call records go to the spill file");
        }
    }

    /// Tries to come back: reopens a file that was moved away, then replays what was spilled.
    async fn recover(&mut self) {
        if self.store.check_in_place().is_err() {
            match self.store.reopen().await {
                Ok(store) => self.store = store,
                Err(error) => return self.lose(&error),
            }
        }
        self.counters.clear_behind();
        match self.replay().await {
            Ok(replayed) => {
                if self.counters.set_away(false) {
                    tracing::warn!(replayed, "the database is back");
                } else if replayed > 0 {
                    tracing::info!(replayed, "spilled call records are in the database now");
                }
            }
            Err(error) => {
                self.counters.stay_behind();
                self.lose(&error);
            }
        }
    }

    async fn replay(&self) -> Result<u64, StoreError> {
        // Nothing to write still proves that writing is possible.
        self.store.write(&[]).await?;
        let mut replayed = 0;
        while let Some(path) = self.spill.rotate().await {
            let failed = |source| StoreError::File { path: path.clone(), source };
            let mut replay = Replay::open(&path, self.store.path()).map_err(failed)?;
            loop {
                let limit = self.settings.batch.max(1);
                let read = tokio::task::spawn_blocking(move || {
                    let batch = replay.next_batch(limit);
                    (replay, batch)
                });
                let Ok((rest, batch)) = read.await else { return Err(StoreError::Interrupted) };
                let batch = batch.map_err(failed)?;
                replay = rest;
                if batch.is_empty() {
                    break;
                }
                let written = self.store.write(&batch).await?;
                self.counters.written(written);
                replayed += written;
            }
            std::fs::remove_file(&path).map_err(failed)?;
        }
        Ok(replayed)
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period.max(Duration::from_millis(1)));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
