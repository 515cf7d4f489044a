//! One process of the demonstration: started, listened to, and ended without a trace.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::actor::Actor;
use crate::client::StoryEvent;

/// How long a process may take to end when asked: a phone says goodbye to a registrar and ends a browser, a gateway gives
/// its calls 5 s and writes their records.
const GRACE: Duration = Duration::from_secs(12);

/// The longest last words in an error message, characters.
const LAST_WORDS: usize = 400;

/// What a process lets us know.
#[derive(Debug)]
pub(super) struct Notice {
    /// Who.
    pub who: Actor,
    /// Its process id, which tells this call's handset from the last one's.
    pub pid: u32,
    /// What.
    pub said: Said,
}

/// See [`Notice`].
#[derive(Debug)]
pub(super) enum Said {
    /// An event of its story.
    Event(Box<StoryEvent>),
    /// Another line on its standard output.
    Line(String),
    /// Its standard output closed: it ends.
    Closed,
}

/// A running process. Dropping it kills it; [`Process::end`] is the polite way.
pub(super) struct Process {
    who: Actor,
    pid: u32,
    child: Child,
    /// The child ends when this closes, which the kernel sees to even when we are killed.
    lifeline: Option<ChildStdin>,
    listener: JoinHandle<()>,
    log: PathBuf,
}

impl Process {
    /// Starts this same program with other arguments. Its standard error goes to `log`.
    pub(super) fn start(
        who: Actor,
        arguments: &[String],
        environment: &[(&str, &str)],
        log: PathBuf,
        notices: mpsc::Sender<Notice>,
    ) -> io::Result<Process> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--end-with-stdin")
            .args(arguments)
            .envs(environment.iter().copied())
            // Ours is for us: systemd's readiness and the terminal's Ctrl-C.
            .env_remove("NOTIFY_SOCKET")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(File::create(&log)?))
            .kill_on_drop(true)
            .spawn()?;
        let gone = || io::Error::other("it ended at once");
        let pid = child.id().ok_or_else(gone)?;
        let stdout = child.stdout.take().ok_or_else(gone)?;
        let lifeline = child.stdin.take();
        let listener = tokio::spawn(listen(who, pid, stdout, notices));
        Ok(Process { who, pid, child, lifeline, listener, log })
    }

    pub(super) fn who(&self) -> Actor {
        self.who
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Asks it to end; [`Process::end`] waits for that.
    pub(super) fn ask_to_end(&mut self) {
        // After it was reaped the number may be somebody else's; `Child::id` is `None` then.
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself, which is as good.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Waits until it has ended by itself, for at most `limit`.
    pub(super) async fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        timeout(limit, self.child.wait()).await.ok()?.ok()
    }

    /// Ends it, by asking and then by force, and reaps it. `None` when the kernel does not tell how it ended.
    pub(super) async fn end(&mut self) -> Option<ExitStatus> {
        self.ask_to_end();
        drop(self.lifeline.take());
        let status = match self.ended_within(GRACE).await {
            Some(status) => Some(status),
            None => {
                tracing::warn!(who = %self.who, "did not end when asked and is killed");
                let _ = self.child.start_kill();
                self.child.wait().await.ok()
            }
        };
        self.listener.abort();
        status
    }

    /// Why it ended, by its log: what it said under its own name at last, or its last line.
    pub(super) fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        last_words(&String::from_utf8_lossy(&text))
    }
}

fn last_words(text: &str) -> String {
    let last = match text.rfind("tandem: ") {
        Some(at) if at == 0 || text[..at].ends_with('\n') => &text[at + "tandem: ".len()..],
        _ => text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it wrote nothing"),
    };
    last.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LAST_WORDS).collect()
}

/// Passes on what it writes, line by line, until it closes its standard output.
async fn listen(who: Actor, pid: u32, stdout: ChildStdout, notices: mpsc::Sender<Notice>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let said = match serde_json::from_str(&line) {
            Ok(event) => Said::Event(Box::new(event)),
            Err(_) => Said::Line(line),
        };
        if notices.send(Notice { who, pid, said }).await.is_err() {
            return;
        }
    }
    // When nobody listens any more, nobody needs to know.
    let _ = notices.send(Notice { who, pid, said: Said::Closed }).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_those_of_the_program_itself() {
        assert_eq!(
            last_words("INFO ready\ntandem: no such port:\n  details; try another\n"),
            "no such port: details; try another"
        );
        assert_eq!(last_words("INFO ready\nthread panicked\n\n"), "thread panicked");
        assert_eq!(last_words(""), "it wrote nothing");
        assert_eq!(last_words(&"x".repeat(5_000)).len(), LAST_WORDS);
    }
}
