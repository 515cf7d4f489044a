//! How a simulator's browser is set up, and where it is found.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::simulator::error::SimulatorError;
use crate::simulator::frame::ImageFormat;

/// The names Chromium goes by on the systems we run on, best first.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A phone of today: the site may look at it to serve its mobile pages.
const PHONE_USER_AGENT: &str = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) \
                                Chrome/150.0.0.0 Mobile Safari/537.36 TandemTravel/1.0";

/// Settings of one simulator. `Default` is a 390×844 phone at scale 1 showing any host.
#[derive(Clone, Debug)]
pub struct SimulatorConfig {
    /// The browser's executable; `None` looks for Chromium on `PATH`.
    pub chromium: Option<PathBuf>,
    /// Screen width, CSS pixels.
    pub width: u32,
    /// Screen height, CSS pixels.
    pub height: u32,
    /// Picture pixels per CSS pixel: 1 or 2.
    pub scale: u8,
    /// The phone's `User-Agent`.
    pub user_agent: String,
    /// The phone's `Accept-Language`.
    pub accept_language: String,
    /// The encoding of the pictures.
    pub format: ImageFormat,
    /// Host names and addresses the browser may reach; empty allows every host. A deep link comes from the customer's
    /// device, so a gateway that serves strangers names its app's hosts here.
    pub allowed_hosts: Vec<String>,
    /// How long the browser may take to come up.
    pub launch_timeout: Duration,
    /// How long one command, or loading one page, may take.
    pub command_timeout: Duration,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            chromium: None,
            width: 390,
            height: 844,
            scale: 1,
            user_agent: PHONE_USER_AGENT.to_owned(),
            accept_language: "zh-CN,zh;q=0.9,en;q=0.8".to_owned(),
            format: ImageFormat::default(),
            allowed_hosts: Vec::new(),
            launch_timeout: Duration::from_secs(30),
            command_timeout: Duration::from_secs(15),
        }
    }
}

impl SimulatorConfig {
    /// Refuses settings that no browser accepts, naming the setting.
    pub(super) fn check(&self) -> Result<(), SimulatorError> {
        let bad = |what, value: String, expected| Err(SimulatorError::Config { what, value, expected });
        match self {
            Self { scale, .. } if !(1..=2).contains(scale) => bad("scale", scale.to_string(), "1 or 2"),
            Self { width, .. } if !(200..=2000).contains(width) => bad("width", width.to_string(), "200 to 2000"),
            Self { height, .. } if !(200..=4000).contains(height) => bad("height", height.to_string(), "200 to 4000"),
            Self { format: ImageFormat::Jpeg(q), .. } if !(1..=100).contains(q) => {
                bad("JPEG quality", q.to_string(), "1 to 100")
            }
            Self { allowed_hosts, .. } => match allowed_hosts.iter().find(|host| !is_host(host)) {
                Some(host) => bad("allowed host", host.clone(), "a host name or an IP address, without port"),
                None => Ok(()),
            },
        }
    }

    /// The executable to run.
    pub(super) fn executable(&self) -> Result<PathBuf, SimulatorError> {
        match &self.chromium {
            Some(path) if is_executable(path) => Ok(path.clone()),
            Some(path) => Err(SimulatorError::NotFound { looked_for: path.display().to_string() }),
            None => std::env::var_os("PATH")
                .and_then(|path| find_on_path(&path))
                .ok_or_else(|| SimulatorError::NotFound { looked_for: format!("{} on PATH", NAMES.join(", ")) }),
        }
    }
}

/// The first of [`NAMES`] that a directory of `path` holds.
fn find_on_path(path: &OsStr) -> Option<PathBuf> {
    let directories: Vec<PathBuf> = std::env::split_paths(path).collect();
    NAMES
        .iter()
        .flat_map(|name| directories.iter().map(move |directory| directory.join(name)))
        .find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Host names and literals only: the value goes into a comma-separated browser flag.
fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_browser_is_named_with_its_remedy() {
        let config = SimulatorConfig { chromium: Some("/nonexistent/chromium".into()), ..Default::default() };
        let error = config.executable().expect_err("there is no such file").to_string();
        assert!(error.contains("/nonexistent/chromium"), "{error}");
        assert!(error.contains("install Debian's package `chromium`"), "{error}");
    }

    #[test]
    fn path_is_searched_by_name_before_directory() {
        use std::os::unix::fs::PermissionsExt;
        let first = tempfile::tempdir().unwrap();
        let second = tempfile::tempdir().unwrap();
        for file in [first.path().join("google-chrome"), second.path().join("chromium")] {
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::fs::write(first.path().join("chromium"), "not executable").unwrap();
        let path = std::env::join_paths([first.path(), second.path()]).unwrap();
        assert_eq!(find_on_path(&path), Some(second.path().join("chromium")));
        assert_eq!(find_on_path(OsStr::new("/nonexistent")), None);
    }

    #[test]
    fn settings_no_browser_accepts_are_refused_by_name() {
        let default = SimulatorConfig::default;
        assert!(default().check().is_ok());
        let refused = [
            (SimulatorConfig { scale: 3, ..default() }, "scale"),
            (SimulatorConfig { width: 0, ..default() }, "width"),
            (SimulatorConfig { height: 100_000, ..default() }, "height"),
            (SimulatorConfig { format: ImageFormat::Jpeg(0), ..default() }, "JPEG quality"),
            (SimulatorConfig { allowed_hosts: vec!["a, MAP * evil".into()], ..default() }, "allowed host"),
        ];
        for (config, setting) in refused {
            let error = config.check().expect_err(setting).to_string();
            assert!(error.contains(setting), "{error}");
        }
    }
}
