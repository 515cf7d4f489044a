//! The file that takes call records while the database cannot: one JSON object a line, append only, beside it.
//!
//! A thread of its own owns the file, so that nobody else ever waits for a disk. Records reach it through a bounded
//! queue; a disk that is away as well leaves them in a bounded backlog, and only beyond that they are counted as lost.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::error::StoreError;
use super::stats::Counters;
use crate::call::record::CallRecord;

/// Records between the callers and the thread.
const QUEUE: usize = 4_096;
/// Records kept in memory while the file cannot be written.
const BACKLOG: usize = 10_000;
/// Pause before the file is tried again.
const RETRY: Duration = Duration::from_secs(1);

enum Command {
    Append(Box<CallRecord>),
    /// Set aside what has been spilled, and name the file to replay, if any.
    Rotate(oneshot::Sender<Option<PathBuf>>),
    /// Answered once everything before it is on disk, or could not be brought there.
    Sync(oneshot::Sender<()>),
}

/// The door to the thread.
#[derive(Clone)]
pub(super) struct Spill {
    commands: SyncSender<Command>,
    counters: Arc<Counters>,
}

impl Spill {
    /// Starts the thread for the file beside `database`.
    pub(super) fn start(database: &Path, counters: Arc<Counters>) -> Result<Spill, StoreError> {
        let (commands, receiver) = sync_channel(QUEUE);
        let writer = Writer {
            path: beside(database, "spill.jsonl"),
            replaying: beside(database, "replay.jsonl"),
            backlog: VecDeque::new(),
            is_torn: false,
            counters: counters.clone(),
        };
        let started = thread::Builder::new().name("store-spill".into()).spawn(move || writer.run(&receiver));
        started.map_err(|source| StoreError::File { path: beside(database, "spill.jsonl"), source })?;
        Ok(Spill { commands, counters })
    }

    /// Hands a record over; never waits. Counted as lost when even this queue is full.
    pub(super) fn append(&self, record: CallRecord) {
        self.counters.spilled();
        if let Err(error) = self.commands.try_send(Command::Append(Box::new(record))) {
            self.counters.lost();
            tracing::error!(%error, "a call record is lost: neither database nor spill file take it");
        }
    }

    /// The file to replay now, if there is one.
    pub(super) async fn rotate(&self) -> Option<PathBuf> {
        self.ask(Command::Rotate).await.flatten()
    }

    /// Waits until what was appended is on disk, or cannot be.
    pub(super) async fn sync(&self) {
        self.ask(Command::Sync).await;
    }

    async fn ask<T: Send + 'static>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        let (commands, command) = (self.commands.clone(), command(reply));
        // The queue may be full of records, so the wait for a place in it is not made on a worker of the runtime.
        tokio::task::spawn_blocking(move || commands.send(command)).await.ok()?.ok()?;
        answer.await.ok()
    }
}

/// `tandem.db` → `tandem.db.spill.jsonl`.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

struct Writer {
    path: PathBuf,
    replaying: PathBuf,
    backlog: VecDeque<CallRecord>,
    /// The last append failed half way, so the file may end within a line.
    is_torn: bool,
    counters: Arc<Counters>,
}

impl Writer {
    fn run(mut self, commands: &Receiver<Command>) {
        loop {
            let mut next = if self.backlog.is_empty() {
                commands.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                commands.recv_timeout(RETRY)
            };
            // Records that wait already go out in one write.
            while let Ok(Command::Append(record)) = next {
                self.keep(*record);
                next = commands.try_recv().map_err(|_| RecvTimeoutError::Timeout);
            }
            self.write_out();
            match next {
                Ok(Command::Rotate(reply)) => drop(reply.send(self.rotate())),
                Ok(Command::Sync(reply)) => drop(reply.send(())),
                Err(RecvTimeoutError::Disconnected) => break,
                Ok(Command::Append(_)) | Err(RecvTimeoutError::Timeout) => {}
            }
        }
        for _ in &self.backlog {
            self.counters.lost();
        }
    }

    fn keep(&mut self, record: CallRecord) {
        if self.backlog.len() < BACKLOG {
            self.backlog.push_back(record);
        } else {
            self.counters.lost();
            tracing::error!(call = record.id, "a call record is lost: the spill file cannot be written either");
        }
    }

    fn write_out(&mut self) {
        if self.backlog.is_empty() {
            return;
        }
        match self.append_backlog() {
            Ok(()) => {
                self.backlog.clear();
                self.is_torn = false;
            }
            Err(error) => {
                self.is_torn = true;
                tracing::error!(path = %self.path.display(), %error, waiting = self.backlog.len(), "cannot write the spill file");
            }
        }
    }

    fn append_backlog(&self) -> io::Result<()> {
        let mut lines = Vec::new();
        if self.is_torn {
            lines.push(b'\n');
        }
        for record in &self.backlog {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        let mut file = append_to(&self.path)?;
        file.write_all(&lines)?;
        file.sync_data()
    }

    /// What an interrupted replay left goes first.
    fn rotate(&self) -> Option<PathBuf> {
        if self.replaying.exists() {
            return Some(self.replaying.clone());
        }
        fs::rename(&self.path, &self.replaying).ok().map(|()| self.replaying.clone())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Reads a spilled file in portions; a line that is no record (a crash tore it) is put aside, not dropped.
pub(super) struct Replay {
    lines: BufReader<File>,
    rejected: PathBuf,
}

impl Replay {
    pub(super) fn open(path: &Path, database: &Path) -> io::Result<Replay> {
        Ok(Replay { lines: BufReader::new(File::open(path)?), rejected: beside(database, "rejected.jsonl") })
    }

    /// The next records, at most `limit`; none at the end.
    pub(super) fn next_batch(&mut self, limit: usize) -> io::Result<Vec<CallRecord>> {
        let (mut records, mut line) = (Vec::new(), Vec::new());
        while records.len() < limit {
            line.clear();
            if self.lines.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice(&line) {
                Ok(record) => records.push(record),
                Err(error) => self.reject(&line, &error)?,
            }
        }
        Ok(records)
    }

    fn reject(&self, line: &[u8], error: &serde_json::Error) -> io::Result<()> {
        let at = self.rejected.display();
        tracing::error!(line = error.line(), column = error.column(), "a spilled line is no call record; kept in {at}");
        let mut file = append_to(&self.rejected)?;
        file.write_all(line.trim_ascii_end())?;
        file.write_all(b"\n")
    }
}
