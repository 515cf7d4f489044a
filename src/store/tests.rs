use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::spill::beside;
use super::*;

fn call(number: u64) -> CallRecord {
    CallRecord {
        id: format!("{number:032x}"),
        started_unix_ms: 1_800_000_000_000 + number,
        ended_unix_ms: 1_800_000_060_000 + number,
        bearer: if number.is_multiple_of(2) { Bearer::Wifi } else { Bearer::Trunk },
        direction: Direction::Inbound,
        queue: Some("flights".into()),
        seat: Some("agent1".into()),
        seat_id: Some("seat-7f3a".into()),
        device: DeviceRecord { imei: Some("490154203237518".into()), ..DeviceRecord::default() },
        session_id: None,
        legs: vec![leg(Side::Caller, number), leg(Side::Seat, number)],
        wait_ms: 1_500,
        talk_ms: 58_000,
        setup_ms: Some(120),
        outcome: "answered".into(),
        sip_status: Some(200),
        q850_cause: Some(16),
        hangup_by: Some(Party::Seat),
        frames_to_seat: 7,
        frames_to_phone: 9,
        frames_refused: 1,
        confirmations: vec![ConfirmationRecord {
            frame_hash: "ab".repeat(32),
            words: "Order CA1307 for ¥1,280?".into(),
            answer: Some(true),
            asked_unix_ms: 1_800_000_030_000,
            answered_unix_ms: Some(1_800_000_034_000),
        }],
    }
}

fn leg(side: Side, number: u64) -> LegRecord {
    LegRecord {
        side,
        call_id: format!("{}-{number}@example", side.as_str()),
        peer: "127.0.0.1:5080".into(),
        codec: Some("PCMA".into()),
        packets_in: 2_900,
        packets_out: 2_901,
        octets_in: 498_800,
        octets_out: 498_972,
        answered: true,
    }
}

/// A database in a directory of its own.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Place { directory: tempfile::tempdir().unwrap() }
    }

    fn database(&self) -> PathBuf {
        self.directory.path().join("var/tandem.db")
    }

    fn url(&self) -> String {
        format!("sqlite://{}", self.database().display())
    }

    async fn open(&self) -> Store {
        Store::open(&self.url()).await.unwrap()
    }

    /// Opens with little patience for locks, for tests that lock.
    async fn open_impatiently(&self) -> Store {
        Store::open_patiently(&self.url(), Duration::from_millis(20)).await.unwrap()
    }

    async fn ids(&self) -> Vec<String> {
        let store = Store::open_existing(&self.url()).await.unwrap();
        let calls = store.calls(&CallFilter { limit: 100_000, call_id: None }).await.unwrap();
        let mut ids: Vec<String> = calls.into_iter().map(|call| call.id).collect();
        ids.sort();
        ids
    }
}

fn ids(numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(|number| call(number).id).collect()
}

/// Retries come only when a test asks for one with `flush`.
fn settings() -> StoreSettings {
    StoreSettings { retry: Duration::from_secs(3_600), ..StoreSettings::default() }
}

#[tokio::test]
async fn a_record_is_read_as_it_was_written() {
    let place = Place::new();
    let store = place.open().await;
    let mut bare = call(2);
    bare.legs.truncate(1);
    (bare.queue, bare.seat, bare.setup_ms, bare.hangup_by) = (None, None, None, None);
    bare.confirmations[0].answer = None;
    assert_eq!(store.write(&[call(1), bare.clone()]).await.unwrap(), 2);
    let read = store.calls(&CallFilter { limit: 10, call_id: None }).await.unwrap();
    assert_eq!(read, [bare, call(1)], "newest first, complete");
}

#[tokio::test]
async fn the_database_is_made_from_nothing_and_opened_again_unchanged() {
    let place = Place::new();
    assert!(Store::open_existing(&place.url()).await.is_err(), "reading creates nothing");
    let first = place.open().await;
    first.write(&[call(1)]).await.unwrap();
    first.close().await;
    let again = place.open().await;
    assert_eq!(again.count().await.unwrap(), 1);
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(place.database()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds telephone numbers");
}

#[tokio::test]
async fn one_call_is_one_row_however_often_it_is_written() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(store.write(&[call(1), call(2), call(1)]).await.unwrap(), 2);
    let changed = CallRecord { outcome: "failed".into(), ..call(1) };
    assert_eq!(store.write(&[changed]).await.unwrap(), 0);
    let legs: i64 = sqlx::query_scalar("SELECT count(*) FROM legs").fetch_one(&store.pool).await.unwrap();
    assert_eq!((store.count().await.unwrap(), legs), (2, 4));
}

#[tokio::test]
async fn calls_are_found_by_key_and_by_the_call_id_of_any_leg() {
    let place = Place::new();
    let store = place.open().await;
    store.write(&[call(1), call(2), call(3)]).await.unwrap();
    for wanted in [call(2).id, "seat-2@example".into(), "caller-2@example".into()] {
        let found = store.calls(&CallFilter { limit: 10, call_id: Some(wanted) }).await.unwrap();
        assert_eq!(found, [call(2)]);
    }
    let none = store.calls(&CallFilter { limit: 10, call_id: Some("seat-9@example".into()) }).await.unwrap();
    assert_eq!(none, []);
}

#[tokio::test]
async fn minutes_are_summed_by_bearer() {
    let place = Place::new();
    let store = place.open().await;
    store.write(&[call(1), call(2), call(4)]).await.unwrap();
    let carried = store.carried().await.unwrap();
    assert_eq!(carried[&Bearer::Wifi], Carried { calls: 2, talk_ms: 116_000 });
    assert_eq!(carried[&Bearer::Trunk], Carried { calls: 1, talk_ms: 58_000 });
    assert_eq!(carried.get(&Bearer::Pstn), None);
}

#[tokio::test]
async fn records_reach_the_database_by_the_actor() {
    let place = Place::new();
    let handle = spawn(place.open().await, settings()).unwrap();
    (0..1_000).for_each(|number| handle.record(call(number)));
    let stats = handle.shutdown().await;
    assert_eq!((stats.written, stats.lost, stats.is_away), (1_000, 0, false));
    assert_eq!(place.ids().await, ids(0..1_000));
}

#[tokio::test]
async fn a_full_queue_takes_the_way_through_the_spill_file_and_loses_nothing() {
    let place = Place::new();
    let handle = spawn(place.open().await, StoreSettings { queue: 4, ..settings() }).unwrap();
    // Nothing runs between these on a single-threaded runtime, so all but four find the queue full.
    (0..100).for_each(|number| handle.record(call(number)));
    assert_eq!(handle.stats().spilled, 96);
    let stats = handle.flush().await;
    assert_eq!((stats.written, stats.lost), (100, 0));
    assert_eq!(place.ids().await, ids(0..100));
    assert!(!beside(&place.database(), "spill.jsonl").exists(), "the spill file is gone once it is replayed");
}

#[tokio::test]
async fn while_another_process_holds_the_database_records_spill_and_come_back() {
    let place = Place::new();
    let handle = spawn(place.open_impatiently().await, settings()).unwrap();
    handle.record(call(0));
    handle.flush().await;
    let other = place.open().await;
    let mut lock = other.pool.acquire().await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut *lock).await.unwrap();
    handle.record(call(1));
    let stats = handle.flush().await;
    assert!(stats.is_away);
    assert_eq!((stats.written, stats.spilled), (1, 1));
    sqlx::query("ROLLBACK").execute(&mut *lock).await.unwrap();
    let stats = handle.flush().await;
    assert_eq!((stats.written, stats.lost, stats.is_away), (2, 0, false));
    assert_eq!(place.ids().await, ids(0..2));
}

#[tokio::test]
async fn when_the_directory_is_removed_records_are_kept_until_it_is_there_again() {
    let place = Place::new();
    let handle = spawn(place.open().await, settings()).unwrap();
    handle.record(call(0));
    handle.flush().await;
    let directory = place.database().parent().unwrap().to_owned();
    std::fs::remove_dir_all(&directory).unwrap();
    handle.record(call(1));
    handle.record(call(2));
    assert!(handle.flush().await.is_away, "SQLite would go on writing into the void");
    std::fs::create_dir(&directory).unwrap();
    let stats = handle.shutdown().await;
    assert_eq!((stats.lost, stats.is_away), (0, false));
    assert_eq!(place.ids().await, ids(1..3), "a new database; the one that was deleted stays deleted");
}

#[tokio::test]
async fn what_a_run_could_not_write_is_replayed_by_the_next_one() {
    let place = Place::new();
    let handle = spawn(place.open_impatiently().await, settings()).unwrap();
    handle.record(call(0));
    handle.flush().await;
    let other = place.open().await;
    let mut lock = other.pool.acquire().await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut *lock).await.unwrap();
    (0..300).for_each(|number| handle.record(call(number)));
    assert!(handle.shutdown().await.is_away);
    handle.record(call(300));
    assert_eq!(handle.flush().await.spilled, 301);
    sqlx::query("ROLLBACK").execute(&mut *lock).await.unwrap();

    let next = spawn(place.open().await, settings()).unwrap();
    next.flush().await;
    assert_eq!(place.ids().await, ids(0..301), "once each, although call 0 was there already");
    assert!(!beside(&place.database(), "replay.jsonl").exists());
}

#[tokio::test]
async fn a_line_torn_by_a_crash_is_put_aside_and_the_rest_is_replayed() {
    let place = Place::new();
    let store = place.open().await;
    let line = |number| serde_json::to_string(&call(number)).unwrap();
    let torn = &line(2)[..40];
    std::fs::write(beside(&place.database(), "replay.jsonl"), format!("{}\n", line(0))).unwrap();
    std::fs::write(beside(&place.database(), "spill.jsonl"), format!("{}\n{torn}\n\n{}", line(1), line(3))).unwrap();
    let handle = spawn(store, settings()).unwrap();
    assert_eq!(handle.flush().await.written, 3);
    assert_eq!(place.ids().await, [call(0).id, call(1).id, call(3).id]);
    let rejected = std::fs::read_to_string(beside(&place.database(), "rejected.jsonl")).unwrap();
    assert_eq!(rejected, format!("{torn}\n"));
}

#[tokio::test]
async fn readers_see_whole_batches_while_the_actor_writes() {
    let place = Place::new();
    let store = place.open().await;
    let reader = Store::open_existing(&place.url()).await.unwrap();
    let handle = spawn(store, StoreSettings { batch: 10, ..settings() }).unwrap();
    let mut seen = 0;
    for round in 0..20 {
        (round * 10..round * 10 + 10).for_each(|number| handle.record(call(number)));
        let calls = reader.calls(&CallFilter { limit: 1_000, call_id: None }).await.unwrap();
        assert!(calls.len() >= seen && calls.iter().all(|call| call.legs.len() == 2), "a call without its legs");
        seen = calls.len();
    }
    handle.shutdown().await;
    assert_eq!(reader.count().await.unwrap(), 200);
}

#[tokio::test]
async fn addresses_that_are_no_sqlite_file_are_refused() {
    for url in ["postgres://localhost/x", "sqlite://", "sqlite://a?mode=memory", "/var/x.db"] {
        assert!(matches!(Store::open(url).await, Err(StoreError::Url(_))), "{url}");
    }
    let place = Place::new();
    std::fs::create_dir(place.directory.path().join("var")).unwrap();
    std::fs::write(place.database(), "this is no database, and long enough to be seen as none\n".repeat(40)).unwrap();
    assert!(matches!(Store::open(&place.url()).await, Err(StoreError::Database(_) | StoreError::Migrate(_))));
}

#[test]
fn every_word_leads_back_to_its_meaning() {
    for bearer in [Bearer::Wifi, Bearer::Pstn, Bearer::Trunk] {
        assert_eq!(Bearer::from_word(bearer.as_str()), Some(bearer));
    }
    for party in [Party::Caller, Party::Seat, Party::Trunk, Party::Gateway] {
        assert_eq!(Party::from_word(party.as_str()), Some(party));
    }
    assert_eq!(Side::from_word("phone"), None);
}
