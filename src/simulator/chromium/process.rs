//! The browser process: started with its flags, watched, and always reaped.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use super::config::SimulatorConfig;
use super::profile::Profile;
use crate::simulator::error::SimulatorError;

/// How long a browser that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// How much of the browser's standard error is kept for error messages, octets.
const STDERR_TAIL: usize = 4096;

/// Flags every simulator has. See `docs/simulator.md` for each one's reason.
const FLAGS: [&str; 16] = [
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-breakpad",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-proxy-server",
    "--remote-debugging-port=0",
    "--remote-debugging-pipe",
];

/// The browser reads its second debugging channel from descriptor 3, which is our pipe: when the last holder of its
/// other end is gone, even by SIGKILL, the browser ends by itself. Nothing is ever sent over it.
const LAUNCHER: &str = r#"exec "$0" "$@" 3<&0 4>/dev/null </dev/null"#;

/// A running browser and its profile.
#[derive(Debug)]
pub(super) struct ChromiumProcess {
    child: Child,
    /// The lifeline: closing it ends the browser.
    lifeline: Option<ChildStdin>,
    // Declared last: dropped, and so removed, after the process is gone.
    profile: Profile,
}

impl ChromiumProcess {
    /// Starts the browser and waits for the address of its debugging socket.
    pub async fn start(config: &SimulatorConfig) -> Result<(Self, String), SimulatorError> {
        let path = config.executable()?;
        let profile = Profile::create()?;
        let failed = |reason: String| SimulatorError::Launch { path: path.clone(), reason };
        let mut child = command(&path, config, &profile).spawn().map_err(|error| failed(error.to_string()))?;
        let lifeline = child.stdin.take();
        let stderr = child.stderr.take().ok_or_else(|| failed("its standard error is not readable".to_owned()))?;
        let (sender, mut said) = watch::channel(Said::default());
        tokio::spawn(listen(stderr, sender));
        let mut process = Self { child, lifeline, profile };

        let address = async {
            // The channel closes when the browser closes its standard error, that is, when it ends.
            let found = said.wait_for(|said| said.address.is_some()).await.ok()?;
            found.address.clone()
        };
        match timeout(config.launch_timeout, address).await {
            Ok(Some(address)) => Ok((process, address)),
            Ok(None) => {
                let status = process.end().await;
                Err(failed(format!("it ended at once ({status}), saying: {}", said.borrow().text())))
            }
            Err(_) => {
                process.end().await;
                let seconds = config.launch_timeout.as_secs();
                Err(failed(format!("it was not ready after {seconds} s, saying: {}", said.borrow().text())))
            }
        }
    }

    /// The browser's process id while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until the browser ends by itself. Cancel-safe.
    pub async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends the browser, by asking and then by force, and reaps it. Says how it ended.
    pub async fn end(&mut self) -> String {
        drop(self.lifeline.take());
        let status = match timeout(GRACE, self.child.wait()).await {
            Ok(status) => status,
            Err(_) => {
                tracing::warn!("Chromium did not end when asked and is killed");
                match self.child.kill().await {
                    Ok(()) => self.child.wait().await,
                    Err(error) => Err(error),
                }
            }
        };
        status.map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    /// Waits, blocking, until the browser is reaped; false if it is not after `limit`.
    fn reaped_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// Ends the browser and removes its profile.
    pub async fn finish(mut self) {
        self.end().await;
        let Self { profile, .. } = &self;
        tracing::debug!(profile = %profile.root().display(), "simulator ended");
        // Removing a profile is file work that may wait for the disk.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

impl Drop for ChromiumProcess {
    /// The way out when nobody could await [`Self::finish`]: a runtime that shuts down, or a panic. A browser that ends
    /// by itself takes its helpers with it, so it gets its grace here too.
    fn drop(&mut self) {
        drop(self.lifeline.take());
        if self.reaped_within(GRACE) {
            return;
        }
        let _ = self.child.start_kill();
        self.reaped_within(GRACE);
    }
}

/// The browser's command line.
fn command(path: &Path, config: &SimulatorConfig, profile: &Profile) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(LAUNCHER).arg(path).args(FLAGS);
    if running_as_root() {
        tracing::warn!(
            "running as root: Chromium is started with --no-sandbox, so a hostile page has this process's rights; \
             run Tandem as a user of its own (see systemd/tandem.service)"
        );
        command.arg("--no-sandbox");
    }
    if !config.allowed_hosts.is_empty() {
        let mut rules = "--host-resolver-rules=MAP * ~NOTFOUND".to_owned();
        for host in &config.allowed_hosts {
            rules.push_str(", EXCLUDE ");
            rules.push_str(host);
        }
        command.arg(rules);
    }
    command
        .arg(format!("--window-size={},{}", config.width, config.height))
        .arg(format!("--force-device-scale-factor={}", config.scale))
        .arg(format!("--user-data-dir={}", profile.user_data().display()))
        .arg("about:blank")
        .env("TMPDIR", profile.temporary())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Whether this process is root: Chromium's sandbox refuses to work for root.
fn running_as_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// What the browser wrote to its standard error.
#[derive(Debug, Default)]
struct Said {
    /// The address of its debugging socket, once it said it.
    address: Option<String>,
    /// The last [`STDERR_TAIL`] octets.
    tail: Vec<u8>,
}

impl Said {
    fn hear(&mut self, chunk: &[u8]) {
        self.tail.extend_from_slice(chunk);
        if self.address.is_none() {
            self.address = debugging_address(&self.text());
        }
        let excess = self.tail.len().saturating_sub(STDERR_TAIL);
        self.tail.drain(..excess);
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.tail).into_owned()
    }
}

/// Reads the browser's standard error to its end: a full pipe would block the browser.
async fn listen(mut stderr: ChildStderr, said: watch::Sender<Said>) {
    let mut chunk = [0; 1024];
    while let Ok(length @ 1..) = stderr.read(&mut chunk).await {
        said.send_modify(|said| said.hear(&chunk[..length]));
    }
}

/// The debugging socket's address in what the browser wrote so far.
fn debugging_address(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("DevTools listening on ")?;
    let (address, _) = rest.split_once('\n')?;
    address.starts_with("ws://").then(|| address.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debugging_address_is_read_once_its_line_is_whole() {
        assert_eq!(debugging_address("ERROR:dbus\n\nDevTools listening on ws://127.0.0.1:4"), None);
        let whole = "ERROR:dbus\n\nDevTools listening on ws://127.0.0.1:41957/devtools/browser/e12e\nmore";
        assert_eq!(debugging_address(whole).as_deref(), Some("ws://127.0.0.1:41957/devtools/browser/e12e"));
    }

    #[tokio::test]
    async fn a_browser_that_ends_at_once_is_a_launch_error_with_its_words() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("chromium");
        std::fs::write(&path, "#!/bin/sh\necho 'no display, no luck' >&2\nexit 7\n").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let config = SimulatorConfig { chromium: Some(path), ..Default::default() };
        let error = ChromiumProcess::start(&config).await.map(|_| ()).expect_err("it exits with 7").to_string();
        assert!(error.contains("no display, no luck") && error.contains("exit status: 7"), "{error}");
    }
}
