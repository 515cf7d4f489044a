//! Arguments that several commands share.

use std::path::PathBuf;

/// Which configuration.
#[derive(Clone, Debug, clap::Args)]
pub struct ConfigFile {
    /// The configuration; profiles are read from sip-profiles/ beside it.
    #[arg(long, short, value_name = "FILE", default_value = "config.toml")]
    pub config: PathBuf,
}
