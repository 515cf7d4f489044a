//! The files of a configuration, as text.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::ConfigErrors;

/// One file: its name as people should see it, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The path.
    pub name: String,
    /// The content.
    pub text: String,
}

/// `config.toml` and the profiles beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// `config.toml`.
    pub config: SourceFile,
    /// `sip-profiles/*.toml`, by name.
    pub profiles: Vec<SourceFile>,
    /// The directory that relative paths in them start from.
    pub base: PathBuf,
}

impl Sources {
    /// Reads `config.toml` at `path` and `sip-profiles/*.toml` in the same directory.
    pub fn read(path: &Path) -> Result<Sources, ConfigErrors> {
        let config = read_file(path)?;
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        let directory = base.join("sip-profiles");
        let unreadable = |error: std::io::Error| {
            let expected = "a directory with one .toml file for each profile, beside config.toml";
            ConfigErrors::file(directory.display().to_string(), format!("cannot be read: {error}"), expected)
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(&directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                paths.push(path);
            }
        }
        paths.sort();
        let profiles = paths.iter().map(|path| read_file(path)).collect::<Result<_, _>>()?;
        Ok(Sources { config, profiles, base })
    }

    /// The files that the project ships, compiled in: a gateway on loopback for the demonstration.
    pub fn shipped() -> Sources {
        let file = |name: &str, text: &str| SourceFile { name: name.to_owned(), text: text.to_owned() };
        Sources {
            config: file("config.toml", include_str!("../../config.toml")),
            profiles: vec![
                file("sip-profiles/app.toml", include_str!("../../sip-profiles/app.toml")),
                file("sip-profiles/carrier.toml", include_str!("../../sip-profiles/carrier.toml")),
                file("sip-profiles/seats.toml", include_str!("../../sip-profiles/seats.toml")),
            ],
            base: PathBuf::new(),
        }
    }
}

fn read_file(path: &Path) -> Result<SourceFile, ConfigErrors> {
    let name = path.display().to_string();
    match fs::read_to_string(path) {
        Ok(text) => Ok(SourceFile { name, text }),
        Err(error) => Err(ConfigErrors::file(name, format!("cannot be read: {error}"), "a text file in UTF-8")),
    }
}
