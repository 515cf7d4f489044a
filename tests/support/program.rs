//! A program under test or beside it: started, listened to, ended with its owner.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::patience::{PATIENCE, until};

/// Lines that are kept of each program.
const KEPT: usize = 20_000;

#[derive(Default)]
struct Log {
    lines: Mutex<VecDeque<String>>,
    grown: Condvar,
}

impl Log {
    /// False when `condition` still held after `patience`.
    fn wait_while(&self, patience: Duration, condition: impl FnMut(&mut VecDeque<String>) -> bool) -> bool {
        let lines = self.lines.lock().expect("a lock");
        let (_lines, waited) = self.grown.wait_timeout_while(lines, patience, condition).expect("a lock");
        !waited.timed_out()
    }
}

/// A child process. Dropping it ends it; when that happens because the test fails, what it said is printed.
pub struct Program {
    name: String,
    child: Child,
    log: Arc<Log>,
    /// More that belongs in a failure's report: files it writes.
    pub traces: Vec<std::path::PathBuf>,
}

impl Program {
    /// Starts it. `package` is what to install when it is not there.
    pub fn start(name: &str, package: &str, command: &mut Command) -> Program {
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| {
            panic!("{name} does not start ({error}); it is in the package {package}: scripts/setup.sh test installs it")
        });
        let log = Arc::new(Log::default());
        listen(&log, child.stdout.take().expect("a pipe"));
        listen(&log, child.stderr.take().expect("a pipe"));
        Program { name: name.to_owned(), child, log, traces: Vec::new() }
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has said `text` at least `times` times.
    pub fn says(&self, text: &str, times: usize) {
        let few = |lines: &mut VecDeque<String>| lines.iter().filter(|line| line.contains(text)).count() < times;
        let in_time = self.log.wait_while(PATIENCE, few);
        assert!(in_time, "{} did not say \"{text}\" {times} times within {PATIENCE:?}", self.name);
    }

    /// Waits until it has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let what = format!("{} to end", self.name);
        until(&what, || self.child.try_wait().expect("a child"))
    }

    fn report(&self) {
        println!("---- {} said:", self.name);
        // What is still in the pipe comes as well.
        self.log.wait_while(Duration::from_millis(200), |_| true);
        self.log.lines.lock().expect("a lock").iter().for_each(|line| println!("{line}"));
        for trace in &self.traces {
            println!("---- {}:\n{}", trace.display(), std::fs::read_to_string(trace).unwrap_or_default());
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            self.report();
        }
    }
}

/// Reads a pipe to its end, line by line.
fn listen(log: &Arc<Log>, pipe: impl Read + Send + 'static) {
    let log = Arc::clone(log);
    let listen = move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while matches!(pipe.read_until(b'\n', &mut line), Ok(1..)) {
            let mut lines = log.lines.lock().expect("a lock");
            lines.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
            if lines.len() > KEPT {
                lines.pop_front();
            }
            log.grown.notify_all();
            line.clear();
        }
    };
    std::thread::Builder::new().name("listener".to_owned()).spawn(listen).expect("a thread");
}
