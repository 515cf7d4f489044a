//! Rows → records.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::database::Store;
use super::error::StoreError;
use crate::call::record::{Bearer, CallRecord, ConfirmationRecord, DeviceRecord, Direction, LegRecord, Party, Side};

/// The calls wanted: newest first.
const CALLS: &str = "SELECT * FROM calls \
     WHERE ?1 IS NULL OR call_key = ?1 OR (length(?1) >= 8 AND substr(call_key, 1, length(?1)) = ?1) \
     OR call_key IN (SELECT call_key FROM legs WHERE call_id = ?1) \
     ORDER BY started_unix_ms DESC, call_key LIMIT ?2";

const LEGS: &str = "SELECT * FROM legs WHERE call_key = ? ORDER BY leg";

const CONFIRMATIONS: &str = "SELECT * FROM confirmations WHERE call_key = ? ORDER BY number";

/// Which calls to read.
#[derive(Clone, Debug)]
pub struct CallFilter {
    /// At most so many, the newest.
    pub limit: u32,
    /// Only the call with this key (or its first 8 digits or more), or with this SIP `Call-ID` on any leg.
    pub call_id: Option<String>,
}

/// What one bearer carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Calls, unanswered ones included.
    pub calls: u64,
    /// Connected time, milliseconds.
    pub talk_ms: u64,
}

impl Store {
    /// Reads calls with their legs and confirmations, newest first; a snapshot, whatever is written meanwhile.
    pub async fn calls(&self, filter: &CallFilter) -> Result<Vec<CallRecord>, StoreError> {
        let mut snapshot = self.pool.begin().await?;
        let rows: Vec<CallRow> =
            sqlx::query_as(CALLS).bind(&filter.call_id).bind(filter.limit).fetch_all(&mut *snapshot).await?;
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            let legs: Vec<LegRow> = sqlx::query_as(LEGS).bind(&row.call_key).fetch_all(&mut *snapshot).await?;
            let confirmations: Vec<ConfirmationRow> =
                sqlx::query_as(CONFIRMATIONS).bind(&row.call_key).fetch_all(&mut *snapshot).await?;
            records.push(row.into_record(legs, confirmations)?);
        }
        Ok(records)
    }

    /// How many calls there are.
    pub async fn count(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM calls").fetch_one(&self.pool).await?;
        Ok(unsigned(count))
    }

    /// Calls and connected time of each bearer, over the whole database.
    pub async fn carried(&self) -> Result<BTreeMap<Bearer, Carried>, StoreError> {
        let rows: Vec<(String, i64, i64)> =
            sqlx::query_as("SELECT bearer, count(*), coalesce(sum(talk_ms), 0) FROM calls GROUP BY bearer")
                .fetch_all(&self.pool)
                .await?;
        let carried = rows.into_iter().map(|(word, calls, talk)| {
            let bearer = word_in("-", "bearer", &word, Bearer::from_word)?;
            Ok((bearer, Carried { calls: unsigned(calls), talk_ms: unsigned(talk) }))
        });
        carried.collect()
    }
}

#[derive(FromRow)]
struct CallRow {
    call_key: String,
    started_unix_ms: i64,
    ended_unix_ms: i64,
    bearer: String,
    direction: String,
    queue: Option<String>,
    seat: Option<String>,
    seat_id: Option<String>,
    device_imei: Option<String>,
    device_uuid: Option<String>,
    device_number: Option<String>,
    device_model: Option<String>,
    device_app_version: Option<String>,
    device_carrier: Option<String>,
    session_id: Option<String>,
    wait_ms: i64,
    talk_ms: i64,
    setup_ms: Option<i64>,
    outcome: String,
    sip_status: Option<u16>,
    q850_cause: Option<u8>,
    hangup_by: Option<String>,
    frames_to_seat: i64,
    frames_to_phone: i64,
    frames_refused: i64,
}

impl CallRow {
    fn into_record(self, legs: Vec<LegRow>, confirmations: Vec<ConfirmationRow>) -> Result<CallRecord, StoreError> {
        let key = &self.call_key;
        let bearer = word_in(key, "bearer", &self.bearer, Bearer::from_word)?;
        let direction = word_in(key, "direction", &self.direction, Direction::from_word)?;
        let hangup_by = match &self.hangup_by {
            Some(word) => Some(word_in(key, "hangup_by", word, Party::from_word)?),
            None => None,
        };
        let legs = legs.into_iter().map(|leg| leg.into_record(key)).collect::<Result<_, _>>()?;
        Ok(CallRecord {
            id: self.call_key,
            started_unix_ms: unsigned(self.started_unix_ms),
            ended_unix_ms: unsigned(self.ended_unix_ms),
            bearer,
            direction,
            queue: self.queue,
            seat: self.seat,
            seat_id: self.seat_id,
            device: DeviceRecord {
                imei: self.device_imei,
                uuid: self.device_uuid,
                number: self.device_number,
                model: self.device_model,
                app_version: self.device_app_version,
                carrier: self.device_carrier,
            },
            session_id: self.session_id,
            legs,
            wait_ms: unsigned(self.wait_ms),
            talk_ms: unsigned(self.talk_ms),
            setup_ms: self.setup_ms.map(unsigned),
            outcome: self.outcome,
            sip_status: self.sip_status,
            q850_cause: self.q850_cause,
            hangup_by,
            frames_to_seat: unsigned(self.frames_to_seat),
            frames_to_phone: unsigned(self.frames_to_phone),
            frames_refused: unsigned(self.frames_refused),
            confirmations: confirmations.into_iter().map(ConfirmationRow::into_record).collect(),
        })
    }
}

#[derive(FromRow)]
struct LegRow {
    side: String,
    call_id: String,
    peer: String,
    codec: Option<String>,
    packets_in: i64,
    packets_out: i64,
    octets_in: i64,
    octets_out: i64,
    answered: bool,
}

impl LegRow {
    fn into_record(self, call: &str) -> Result<LegRecord, StoreError> {
        Ok(LegRecord {
            side: word_in(call, "side", &self.side, Side::from_word)?,
            call_id: self.call_id,
            peer: self.peer,
            codec: self.codec,
            packets_in: unsigned(self.packets_in),
            packets_out: unsigned(self.packets_out),
            octets_in: unsigned(self.octets_in),
            octets_out: unsigned(self.octets_out),
            answered: self.answered,
        })
    }
}

#[derive(FromRow)]
struct ConfirmationRow {
    frame_hash: String,
    words: String,
    answer: Option<bool>,
    asked_unix_ms: i64,
    answered_unix_ms: Option<i64>,
}

impl ConfirmationRow {
    fn into_record(self) -> ConfirmationRecord {
        ConfirmationRecord {
            frame_hash: self.frame_hash,
            words: self.words,
            answer: self.answer,
            asked_unix_ms: unsigned(self.asked_unix_ms),
            answered_unix_ms: self.answered_unix_ms.map(unsigned),
        }
    }
}

fn word_in<T>(
    call: &str,
    column: &'static str,
    word: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, StoreError> {
    parse(word).ok_or_else(|| StoreError::Row { call: call.to_owned(), column, value: word.to_owned() })
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
