//! Call records in SQLite: one row for every call, however it ended.
//!
//! The signalling task hands a [`CallRecord`] to a [`StoreHandle`] and goes on; an actor writes batches. While the
//! database cannot be written the records go to an append-only file of JSON lines beside it, and come back from there by
//! themselves; the call's key makes a row that is written twice the same row. Why so: `docs/adr/0004-store.md`.
//!
//! ```text
//! record() ─► queue (bounded) ─► actor ─► transaction ─► calls, legs, confirmations
//!      └─ full ─► spill thread ◄─ away ┘        ▲
//!                     └─► DATABASE.spill.jsonl ─┘ replayed at the start and when the database is back
//! ```

mod actor;
mod database;
mod error;
mod read;
mod spill;
mod stats;
#[cfg(test)]
mod tests;
mod write;

pub use crate::call::record::{
    Bearer, CallRecord, ConfirmationRecord, DeviceRecord, Direction, LegRecord, Party, Side,
};
pub use actor::{StoreHandle, StoreSettings, spawn};
pub use database::Store;
pub use error::StoreError;
pub use read::{CallFilter, Carried};
pub use stats::StoreStats;
