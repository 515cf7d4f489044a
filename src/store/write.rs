//! Records → rows.

use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{AssertSqlSafe, Sqlite};

use super::database::Store;
use super::error::StoreError;
use crate::call::record::{CallRecord, ConfirmationRecord, LegRecord};

/// A statement that inserts as many rows as it is told. One statement costs two changes of thread, whatever it does.
struct Insert {
    head: &'static str,
    columns: usize,
    tail: &'static str,
}

const CALLS: Insert = Insert {
    head: "INSERT INTO calls (call_key, started_unix_ms, ended_unix_ms, bearer, direction, queue, seat, seat_id, \
           device_imei, device_uuid, device_number, device_model, device_app_version, device_carrier, session_id, \
           wait_ms, talk_ms, setup_ms, outcome, sip_status, q850_cause, hangup_by, frames_to_seat, frames_to_phone, \
           frames_refused) VALUES ",
    columns: 25,
    tail: " ON CONFLICT (call_key) DO NOTHING",
};

// A call that is there already has its legs and confirmations: they were written in one transaction with it.
const LEGS: Insert = Insert {
    head: "INSERT INTO legs (call_key, leg, side, call_id, peer, codec, packets_in, packets_out, octets_in, \
           octets_out, answered) VALUES ",
    columns: 11,
    tail: " ON CONFLICT (call_key, leg) DO NOTHING",
};

const CONFIRMATIONS: Insert = Insert {
    head: "INSERT INTO confirmations (call_key, number, frame_hash, words, answer, asked_unix_ms, answered_unix_ms) \
           VALUES ",
    columns: 7,
    tail: " ON CONFLICT (call_key, number) DO NOTHING",
};

/// Rows of one statement: a few sizes only, so that each is compiled once and kept.
const ROWS: [usize; 4] = [64, 16, 4, 1];

type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

impl Insert {
    fn statement(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(", "));
        format!("{}{}{}", self.head, vec![row.as_str(); rows].join(", "), self.tail)
    }

    /// Inserts all rows; returns how many were new.
    async fn run<'a, T>(
        &self,
        connection: &mut SqliteConnection,
        mut rows: &'a [T],
        bind: impl Fn(Query<'static>, &'a T) -> Query<'static>,
    ) -> Result<u64, StoreError> {
        let mut new = 0;
        while let Some(size) = ROWS.into_iter().find(|size| *size <= rows.len()) {
            let (now, later) = rows.split_at(size);
            // The text is made of constants and question marks.
            let query = now.iter().fold(sqlx::query(AssertSqlSafe(self.statement(size))), &bind);
            new += query.execute(&mut *connection).await?.rows_affected();
            rows = later;
        }
        Ok(new)
    }
}

impl Store {
    /// Writes the records in one transaction: all of them, or none and the error. A call that is there already is left
    /// as it is. Returns how many were new.
    pub async fn write(&self, records: &[CallRecord]) -> Result<u64, StoreError> {
        self.check_in_place()?;
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let written = CALLS.run(&mut transaction, records, bind_call).await?;
        let legs: Vec<_> = records.iter().flat_map(|record| numbered(record, &record.legs)).collect();
        LEGS.run(&mut transaction, &legs, bind_leg).await?;
        let confirmations: Vec<_> = records.iter().flat_map(|record| numbered(record, &record.confirmations)).collect();
        CONFIRMATIONS.run(&mut transaction, &confirmations, bind_confirmation).await?;
        transaction.commit().await?;
        Ok(written)
    }
}

/// A part of a record with the record's key and its own number.
type Part<'a, T> = (&'a str, i64, &'a T);

fn numbered<'a, T>(record: &'a CallRecord, parts: &'a [T]) -> impl Iterator<Item = Part<'a, T>> {
    (0i64..).zip(parts).map(|(number, part)| (record.id.as_str(), number, part))
}

fn bind_call(query: Query<'static>, record: &CallRecord) -> Query<'static> {
    let device = &record.device;
    query
        .bind(record.id.clone())
        .bind(signed(record.started_unix_ms))
        .bind(signed(record.ended_unix_ms))
        .bind(record.bearer.as_str())
        .bind(record.direction.as_str())
        .bind(record.queue.clone())
        .bind(record.seat.clone())
        .bind(record.seat_id.clone())
        .bind(device.imei.clone())
        .bind(device.uuid.clone())
        .bind(device.number.clone())
        .bind(device.model.clone())
        .bind(device.app_version.clone())
        .bind(device.carrier.clone())
        .bind(record.session_id.clone())
        .bind(signed(record.wait_ms))
        .bind(signed(record.talk_ms))
        .bind(record.setup_ms.map(signed))
        .bind(record.outcome.clone())
        .bind(record.sip_status)
        .bind(record.q850_cause)
        .bind(record.hangup_by.map(|party| party.as_str()))
        .bind(signed(record.frames_to_seat))
        .bind(signed(record.frames_to_phone))
        .bind(signed(record.frames_refused))
}

fn bind_leg(query: Query<'static>, (id, number, leg): &Part<'_, LegRecord>) -> Query<'static> {
    query
        .bind((*id).to_owned())
        .bind(*number)
        .bind(leg.side.as_str())
        .bind(leg.call_id.clone())
        .bind(leg.peer.clone())
        .bind(leg.codec.clone())
        .bind(signed(leg.packets_in))
        .bind(signed(leg.packets_out))
        .bind(signed(leg.octets_in))
        .bind(signed(leg.octets_out))
        .bind(leg.answered)
}

fn bind_confirmation(query: Query<'static>, (id, number, part): &Part<'_, ConfirmationRecord>) -> Query<'static> {
    query
        .bind((*id).to_owned())
        .bind(*number)
        .bind(part.frame_hash.clone())
        .bind(part.words.clone())
        .bind(part.answer)
        .bind(signed(part.asked_unix_ms))
        .bind(part.answered_unix_ms.map(signed))
}

/// SQLite's integers are signed; no count of ours comes near the limit, and one that did would stay there.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
