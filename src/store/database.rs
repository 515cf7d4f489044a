//! The SQLite file: opening, migrating, and noticing that it is not there any more.

use std::fs;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::error::StoreError;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// How long a statement waits for another writer's lock unless told otherwise.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections of one [`Store`]: one writes, the others read while it does.
const CONNECTIONS: u32 = 4;

/// An open database of call records.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) pool: SqlitePool,
    path: PathBuf,
    identity: (u64, u64),
    busy_timeout: Duration,
}

impl Store {
    /// Opens `sqlite://PATH`, creating directory and file where they are missing, and brings the tables up to date.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        Store::open_patiently(url, BUSY_TIMEOUT).await
    }

    /// [`Store::open`] with another patience for locks.
    pub async fn open_patiently(url: &str, busy_timeout: Duration) -> Result<Store, StoreError> {
        let path = path_of(url)?;
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            fs::create_dir_all(directory).map_err(|source| StoreError::File { path: directory.to_owned(), source })?;
        }
        Store::open_with(path, busy_timeout).await
    }

    /// Opens an existing database for reading only; nothing is created or migrated.
    pub async fn open_existing(url: &str) -> Result<Store, StoreError> {
        let path = path_of(url)?;
        let identity = identity_of(&path)?;
        let options = options(&path, BUSY_TIMEOUT).read_only(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        Ok(Store { pool, path, identity, busy_timeout: BUSY_TIMEOUT })
    }

    async fn open_with(path: PathBuf, busy_timeout: Duration) -> Result<Store, StoreError> {
        create(&path)?;
        let identity = identity_of(&path)?;
        let options =
            options(&path, busy_timeout).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Normal);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(busy_timeout.max(Duration::from_secs(1)))
            .connect_with(options)
            .await?;
        MIGRATIONS.run(&pool).await?;
        Ok(Store { pool, path, identity, busy_timeout })
    }

    /// The database's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fails when the path does not lead to the opened file any more. SQLite would go on writing to a file that nobody
    /// can find again, so this is asked before every batch.
    pub(super) fn check_in_place(&self) -> Result<(), StoreError> {
        match identity_of(&self.path) {
            Ok(identity) if identity == self.identity => Ok(()),
            _ => Err(StoreError::Replaced(self.path.clone())),
        }
    }

    /// Opens the same path again, after it was away. The directory is not made anew: when a disk is not mounted, what
    /// is under its mount point is the wrong place.
    pub(super) async fn reopen(&self) -> Result<Store, StoreError> {
        let store = Store::open_with(self.path.clone(), self.busy_timeout).await?;
        self.pool.close().await;
        Ok(store)
    }

    /// Closes every connection, which also folds the write-ahead log into the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn options(path: &Path, busy_timeout: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).busy_timeout(busy_timeout).foreign_keys(true)
}

fn path_of(url: &str) -> Result<PathBuf, StoreError> {
    match url.strip_prefix("sqlite://") {
        Some(path) if !path.is_empty() && !path.contains('?') => Ok(PathBuf::from(path)),
        _ => Err(StoreError::Url(url.to_owned())),
    }
}

/// Creates the file for its owner only: it holds telephone numbers. SQLite gives its log the same mode.
fn create(path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::File { path: path.to_owned(), source };
    fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(failed)?;
    Ok(())
}

/// Device and inode: what a path leads to.
fn identity_of(path: &Path) -> Result<(u64, u64), StoreError> {
    let metadata = fs::metadata(path).map_err(|source| StoreError::File { path: path.to_owned(), source })?;
    Ok((metadata.dev(), metadata.ino()))
}
