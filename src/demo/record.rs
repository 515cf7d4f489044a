//! The call record, read back through the store, and as a table for people.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::settings::url_of;
use crate::store::{CallFilter, CallRecord, Store, StoreError};

/// A row is written when the last leg has gone and the media workers gave their counts.
const WRITTEN_WITHIN: Duration = Duration::from_secs(8);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How many calls the database knows.
pub(super) async fn count(database: &Path) -> Result<u64, StoreError> {
    let store = Store::open_existing(&url_of(database)).await?;
    let count = store.count().await;
    store.close().await;
    count
}

/// Waits for the rows that name a SIP Call-ID, and gives them with the number of all rows.
pub(super) async fn rows(database: &Path, call_id: &str) -> Result<(Vec<CallRecord>, u64), StoreError> {
    let store = Store::open_existing(&url_of(database)).await?;
    let filter = CallFilter { limit: 10, call_id: Some(call_id.to_owned()) };
    let deadline = Instant::now() + WRITTEN_WITHIN;
    let found = loop {
        match store.calls(&filter).await {
            Ok(rows) if rows.is_empty() && Instant::now() < deadline => sleep(LOOK_EVERY).await,
            Ok(rows) => break store.count().await.map(|count| (rows, count)),
            Err(error) => break Err(error),
        }
    };
    store.close().await;
    found
}

/// A row for people: names and values.
pub(super) fn describe(row: &CallRecord) -> Vec<(&'static str, String)> {
    let seconds = |ms: u64| format!("{:.1} s", ms as f64 / 1000.0);
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
    let legs: Vec<String> = row
        .legs
        .iter()
        .map(|leg| {
            let codec = leg.codec.as_deref().unwrap_or("no codec");
            format!("{} ({codec}, {} packets in, {} out)", leg.side.as_str(), leg.packets_in, leg.packets_out)
        })
        .collect();
    let answers: Vec<String> = row
        .confirmations
        .iter()
        .map(|asked| {
            let answer = match asked.answer {
                Some(true) => "yes",
                Some(false) => "no",
                None => "no answer",
            };
            let hash: String = asked.frame_hash.chars().take(16).collect();
            format!("“{}” → {answer} (frame {hash}…)", asked.words)
        })
        .collect();
    let confirmed = if answers.is_empty() { "–".to_owned() } else { answers.join("; ") };
    vec![
        ("call", row.id.clone()),
        ("bearer", row.bearer.as_str().to_owned()),
        ("outcome", row.outcome.clone()),
        ("queue", or_none(&row.queue)),
        ("seat", row.seat_id.clone().map_or_else(|| "–".to_owned(), |id| format!("{} ({id})", or_none(&row.seat)))),
        ("device", format!("{}, IMEI {}", or_none(&row.device.model), or_none(&row.device.imei))),
        ("setup", row.setup_ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms} ms"))),
        ("wait", seconds(row.wait_ms)),
        ("talk", seconds(row.talk_ms)),
        ("frames", format!("{} to the seat, {} to the phone", row.frames_to_seat, row.frames_to_phone)),
        ("confirmed", confirmed),
        ("legs", legs.join(", ")),
        ("ended by", row.hangup_by.map_or("–", crate::store::Party::as_str).to_owned()),
    ]
}
