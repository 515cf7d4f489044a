use super::*;
use crate::store::{ConfirmationRecord, DeviceRecord, Direction, LegRecord, Party, Side};

fn call(id: &str, bearer: Bearer) -> CallRecord {
    CallRecord {
        id: id.into(),
        started_unix_ms: 1_800_000_000_000,
        ended_unix_ms: 1_800_000_065_000,
        bearer,
        direction: Direction::Inbound,
        queue: Some("flights".into()),
        seat: Some("agent1".into()),
        seat_id: Some("seat-7f3a".into()),
        device: DeviceRecord {
            imei: Some("490154203237518".into()),
            number: Some("13812345678".into()),
            ..DeviceRecord::default()
        },
        session_id: None,
        legs: vec![LegRecord {
            side: Side::Caller,
            call_id: format!("{id}@phone"),
            peer: "192.0.2.7:5060".into(),
            codec: Some("PCMA".into()),
            packets_in: 1,
            packets_out: 1,
            octets_in: 172,
            octets_out: 172,
            answered: true,
        }],
        wait_ms: 4_400,
        talk_ms: 60_600,
        setup_ms: Some(87),
        outcome: "answered".into(),
        sip_status: Some(200),
        q850_cause: Some(16),
        hangup_by: Some(Party::Caller),
        frames_to_seat: 12,
        frames_to_phone: 15,
        frames_refused: 0,
        confirmations: vec![ConfirmationRecord {
            frame_hash: "00".repeat(32),
            words: "Order?".into(),
            answer: Some(true),
            asked_unix_ms: 1,
            answered_unix_ms: Some(2),
        }],
    }
}

async fn printed(calls: &[CallRecord], change: impl FnOnce(&mut CdrOptions)) -> String {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/tandem.db", directory.path().display());
    Store::open(&url).await.unwrap().write(calls).await.unwrap();
    let mut options = CdrOptions { url, limit: 20, json: false, call_id: None, reveal: false };
    change(&mut options);
    text(&options, usize::MAX).await.unwrap()
}

#[test]
fn a_row_says_what_happened() {
    let text = table(&[call("0123456789abcdef", Bearer::Wifi)], &TimeZone::UTC, usize::MAX);
    let mut lines = text.lines();
    let words: Vec<&str> = lines.next().unwrap().split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
    let row = lines.next().unwrap();
    let cells: Vec<&str> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    let pairs: Vec<(&str, &str)> = words.into_iter().zip(cells).collect();
    for wanted in [
        ("STARTED", "2027-01-15 08:00:00"),
        ("BEARER", "wifi"),
        ("WAIT", "0:04"),
        ("TALK", "1:01"),
        ("SETUP", "87 ms"),
        ("TO PHONE", "15"),
        ("CONFIRMED", "yes"),
        ("ENDED BY", "caller"),
        ("CALL", "01234567"),
    ] {
        assert!(pairs.contains(&wanted), "{wanted:?} is not in {pairs:?}");
    }
}

#[test]
fn a_narrow_terminal_gets_narrow_lines() {
    let text = table(&[call("0123456789abcdef", Bearer::Wifi)], &TimeZone::UTC, 80);
    assert!(text.lines().all(|line| line.len() <= 80) && text.contains("TALK"), "{text}");
}

#[tokio::test]
async fn numbers_are_masked_unless_revealed_in_both_forms() {
    let calls = [call("0123456789abcdef", Bearer::Wifi)];
    for json in [false, true] {
        let masked = printed(&calls, |options| options.json = json).await;
        assert!(masked.contains("138******78"), "{masked}");
        assert!(!masked.contains("13812345678") && !masked.contains("490154203237518"), "{masked}");
        let full = printed(&calls, |options| (options.json, options.reveal) = (json, true)).await;
        assert!(full.contains("13812345678"), "{full}");
    }
}

#[test]
fn a_short_number_is_covered_as_a_whole() {
    assert_eq!(masked("10086", 3, 2), "*****");
    assert_eq!(masked("490154203237518", 8, 0), "49015420*******");
}

#[tokio::test]
async fn json_is_one_complete_record_a_line() {
    let calls = [call("0123456789abcdef", Bearer::Wifi), call("fedcba9876543210", Bearer::Pstn)];
    let text = printed(&calls, |options| (options.json, options.reveal) = (true, true)).await;
    let read: Vec<CallRecord> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, calls);
}

#[tokio::test]
async fn one_call_is_found_by_what_the_table_shows_of_it() {
    let calls = [call("0123456789abcdef", Bearer::Wifi), call("fedcba9876543210", Bearer::Pstn)];
    for wanted in ["fedcba98", "fedcba9876543210", "fedcba9876543210@phone"] {
        let text = printed(&calls, |options| options.call_id = Some(wanted.to_owned())).await;
        assert!(text.contains("pstn") && !text.contains("wifi"), "{wanted}: {text}");
    }
    let text = printed(&calls, |options| options.call_id = Some("fed".to_owned())).await;
    assert!(text.starts_with("no calls\n"), "three digits are no key: {text}");
}

#[tokio::test]
async fn the_toll_line_sets_wifi_minutes_against_400_minutes() {
    let minute = |id: &str, bearer, minutes: u64| CallRecord { talk_ms: minutes * 60_000, ..call(id, bearer) };
    let calls = [minute("a", Bearer::Wifi, 6), minute("b", Bearer::Pstn, 1), minute("c", Bearer::Trunk, 1)];
    let text = printed(&calls, |_| ()).await;
    let toll = text.lines().last().unwrap();
    assert_eq!(
        toll,
        "toll: Wi-Fi 6.0 min in 1 calls, 400 number 2.0 min in 2 calls; 75 % of the minutes needed no 400 number"
    );
    assert!(printed(&[], |_| ()).await.ends_with("toll: Wi-Fi 0.0 min in 0 calls, 400 number 0.0 min in 0 calls\n"));
}

#[tokio::test]
async fn a_database_that_is_not_there_is_an_error_and_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tandem.db");
    let options =
        CdrOptions { url: format!("sqlite://{}", path.display()), limit: 1, json: false, call_id: None, reveal: false };
    let error = text(&options, 80).await.unwrap_err().to_string();
    assert!(error.contains("tandem.db"), "{error}");
    assert!(!path.exists());
}
