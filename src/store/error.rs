//! What can go wrong with the database, and whose fault it is.

use std::path::PathBuf;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operator's: the URL is none of ours.
    #[error("store.url {0:?} is not of the form sqlite://PATH")]
    Url(String),
    /// The machine's: the file or its directory cannot be used.
    #[error("cannot use {path}: {source}", path = path.display())]
    File {
        /// What was to be used.
        path: PathBuf,
        /// Why it cannot be.
        source: std::io::Error,
    },
    /// The database was moved or removed under us.
    #[error("{} is not the file that was opened", .0.display())]
    Replaced(PathBuf),
    /// The operator's: the file is of another version or of another program.
    #[error("the database cannot be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database's own.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A row that this program did not write.
    #[error("call {call}: {column} holds {value:?}")]
    Row {
        /// The call's key.
        call: String,
        /// The column.
        column: &'static str,
        /// What is in it.
        value: String,
    },
    /// The process is ending.
    #[error("a replay was interrupted; the next start resumes it")]
    Interrupted,
}
