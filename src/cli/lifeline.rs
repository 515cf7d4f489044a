//! A process that ends when the one that started it does, however that one ended.
#![allow(clippy::disallowed_methods)] // a shell: a thread of its own waits and sleeps

use std::io::Read;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

/// How long an orderly end may take before it is cut short.
const GRACE: Duration = Duration::from_secs(12);

/// Reads standard input until it closes, and then ends this process as SIGTERM would. The kernel closes the other end
/// of a pipe also when its holder was killed, so a starter that keeps one leaves no orphans behind.
pub fn end_with_stdin() {
    let watch = || {
        let mut stdin = std::io::stdin().lock();
        let mut ignored = [0; 256];
        loop {
            match stdin.read(&mut ignored) {
                Ok(0) => break,
                Err(error) if error.kind() != std::io::ErrorKind::Interrupted => break,
                Ok(_) | Err(_) => {}
            }
        }
        // A process may always signal itself.
        let _ = kill_process(getpid(), Signal::TERM);
        std::thread::sleep(GRACE);
        eprintln!("tandem: still there {} s after its starter has gone; ending at once", GRACE.as_secs());
        std::process::exit(1);
    };
    if let Err(error) = std::thread::Builder::new().name("lifeline".to_owned()).spawn(watch) {
        eprintln!("tandem: no thread to watch standard input: {error}");
        std::process::exit(1);
    }
}
