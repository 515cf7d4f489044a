//! Configuration: `config.toml` and `sip-profiles/*.toml` → checked values, or errors that name file, line, key and
//! the expected form.
//!
//! ```text
//! source (files) ─► document (tables, one by one) ─► raw (serde types) ─► resolve (checks, references) ─► types
//! ```
//!
//! A gateway never starts on a configuration with a fault in it. `docs/configuration.md` is the manual.

mod document;
mod error;
mod raw;
mod resolve;
mod secret;
mod source;
mod suggest;
#[cfg(test)]
mod tests;
mod types;

use std::path::Path;

pub use error::{ConfigError, ConfigErrors};
pub use resolve::{DEMO_PASSWORD, resolve};
pub use secret::Secret;
pub use source::{SourceFile, Sources};
pub use types::{
    AccessPolicy, AudioCodec, Config, ConsoleConfig, Digest, GatewayConfig, Listener, MediaConfig, Music, OffWifi,
    Profile, Queue, RegistrationLimits, Route, ScreenConfig, Seat, StoreConfig, Strategy, Trunk, TrunkMedia, User,
};

impl Config {
    /// Reads and checks `config.toml` at `path` and the profiles beside it; secrets may come from the environment.
    pub fn load(path: &Path) -> Result<Config, ConfigErrors> {
        resolve(&Sources::read(path)?, &|name| std::env::var(name).ok())
    }

    /// The configuration that the project ships: loopback, demo passwords, a SQLite file under `var/`.
    pub fn shipped() -> Result<Config, ConfigErrors> {
        resolve(&Sources::shipped(), &|_| None)
    }
}
