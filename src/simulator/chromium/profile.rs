//! The browser's temporary profile.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::simulator::error::SimulatorError;

/// Distinguishes the profiles of one process.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A directory of one browser's own, readable by nobody else, that is removed when this value is dropped.
#[derive(Debug)]
pub(super) struct Profile {
    root: PathBuf,
}

impl Profile {
    pub fn create() -> Result<Self, SimulatorError> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let nanos = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |age| age.subsec_nanos());
        let name = format!("tandem-simulator-{}-{number}-{nanos:x}", std::process::id());
        let root = std::env::temp_dir().join(name);
        // `create` fails on a directory that exists: nobody else can have put one there for us.
        let made = DirBuilder::new().mode(0o700).create(&root);
        made.map_err(|source| SimulatorError::Profile { path: root.clone(), source })?;
        let profile = Self { root };
        std::fs::create_dir(profile.temporary())
            .map_err(|source| SimulatorError::Profile { path: profile.temporary(), source })?;
        Ok(profile)
    }

    /// The root: contains everything below.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What `--user-data-dir` names.
    pub fn user_data(&self) -> PathBuf {
        self.root.join("profile")
    }

    /// The browser's `TMPDIR`: it puts its singleton socket there, and leaves it behind when it is killed.
    pub fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        // The helpers of a killed browser may write for some milliseconds more: that makes a removal fail half-way, or
        // brings the directory back. So it must be seen to be gone twice.
        let mut absent = 0;
        for _ in 0..200 {
            match std::fs::remove_dir_all(&self.root) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => absent += 1,
                Ok(()) | Err(_) => absent = 0,
            }
            if absent == 2 {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        tracing::warn!(path = %self.root.display(), "the browser's temporary profile could not be removed");
    }
}
