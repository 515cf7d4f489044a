//! The directory of one demonstration: configuration, database, logs, and the frames of every call.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Zoned;

use super::actor::Actor;
use super::error::DemoError;
use super::settings::PROFILES;

/// Where everything of a demonstration is.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Makes `wanted`, or a new directory below `var/`.
    pub(super) fn create(wanted: Option<&Path>) -> Result<Folder, DemoError> {
        let root = match wanted {
            Some(path) => path.to_owned(),
            None => {
                let now = Zoned::now().strftime("%Y%m%d-%H%M%S");
                PathBuf::from(format!("var/demo-{now}-{}", std::process::id()))
            }
        };
        let failed = |source| DemoError::Folder { path: root.clone(), source };
        fs::create_dir_all(&root).map_err(failed)?;
        // Absolute, because it goes into a configuration that is read elsewhere.
        let absolute = root.canonicalize().map_err(failed)?;
        if absolute.read_dir().map_err(failed)?.next().is_some() {
            return Err(DemoError::NotEmpty(root));
        }
        let folder = Folder { root: absolute };
        folder.make(&folder.root.join("logs"))?;
        Ok(folder)
    }

    /// Writes the configuration and its profiles.
    pub(super) fn write_config(&self, text: &str) -> Result<(), DemoError> {
        let profiles = self.root.join("sip-profiles");
        self.make(&profiles)?;
        for (name, text) in PROFILES {
            self.write(&profiles.join(name), text)?;
        }
        self.write(&self.config(), text)
    }

    /// The directory itself.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The gateway's configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// The gateway's database.
    pub(super) fn database(&self) -> PathBuf {
        self.root.join("tandem.db")
    }

    /// What an actor writes to its standard error.
    pub(super) fn log(&self, who: Actor) -> PathBuf {
        self.root.join("logs").join(format!("{}.log", who.name()))
    }

    /// Where an actor puts the frames that it receives, until they are taken from there.
    pub(super) fn inbox(&self, who: Actor) -> PathBuf {
        self.root.join("inbox").join(who.name())
    }

    /// Where the frames of one call are kept.
    pub(super) fn frames(&self, call: u32) -> PathBuf {
        self.root.join("frames").join(format!("call{call:02}"))
    }

    /// Makes a directory below it.
    pub(super) fn make(&self, path: &Path) -> Result<(), DemoError> {
        fs::create_dir_all(path).map_err(|source| DemoError::Folder { path: path.to_owned(), source })
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), DemoError> {
        fs::write(path, text).map_err(|source| DemoError::Folder { path: path.to_owned(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_an_earlier_demonstration_are_never_mixed_in() {
        let parent = tempfile::tempdir().expect("a directory");
        let wanted = parent.path().join("here");
        let folder = Folder::create(Some(&wanted)).expect("a new directory");
        assert!(folder.root().is_absolute());
        assert!(matches!(Folder::create(Some(&wanted)), Err(DemoError::NotEmpty(path)) if path == wanted));
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let error = Folder::create(Some(Path::new("/proc/none/here"))).expect_err("no directories there").to_string();
        assert!(error.contains("/proc/none/here") && error.contains("--dir"), "{error}");
    }
}
