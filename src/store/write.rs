//! Records → rows.

use sqlx::sqlite::SqliteConnection;

use super::database::Store;
use super::error::StoreError;
use crate::call::record::CallRecord;

const INSERT_CALL: &str = "INSERT INTO calls (call_key, started_unix_ms, ended_unix_ms, bearer, direction, queue, \
     seat, seat_id, device_imei, device_uuid, device_number, device_model, device_app_version, device_carrier, \
     session_id, wait_ms, talk_ms, setup_ms, outcome, sip_status, q850_cause, hangup_by, frames_to_seat, \
     frames_to_phone, frames_refused) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
     ON CONFLICT (call_key) DO NOTHING";

const INSERT_LEG: &str = "INSERT INTO legs (call_key, leg, side, call_id, peer, codec, packets_in, packets_out, \
     octets_in, octets_out, answered) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const INSERT_CONFIRMATION: &str = "INSERT INTO confirmations (call_key, number, frame_hash, words, answer, \
     asked_unix_ms, answered_unix_ms) VALUES (?, ?, ?, ?, ?, ?, ?)";

impl Store {
    /// Writes the records in one transaction: all of them, or none and the error. A call that is there already is left
    /// as it is. Returns how many were new.
    pub async fn write(&self, records: &[CallRecord]) -> Result<u64, StoreError> {
        self.check_in_place()?;
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let mut written = 0;
        for record in records {
            if insert_call(&mut transaction, record).await? {
                insert_legs(&mut transaction, record).await?;
                insert_confirmations(&mut transaction, record).await?;
                written += 1;
            }
        }
        transaction.commit().await?;
        Ok(written)
    }
}

async fn insert_call(connection: &mut SqliteConnection, record: &CallRecord) -> Result<bool, StoreError> {
    let device = &record.device;
    let done = sqlx::query(INSERT_CALL)
        .bind(&record.id)
        .bind(signed(record.started_unix_ms))
        .bind(signed(record.ended_unix_ms))
        .bind(record.bearer.as_str())
        .bind(record.direction.as_str())
        .bind(&record.queue)
        .bind(&record.seat)
        .bind(&record.seat_id)
        .bind(&device.imei)
        .bind(&device.uuid)
        .bind(&device.number)
        .bind(&device.model)
        .bind(&device.app_version)
        .bind(&device.carrier)
        .bind(&record.session_id)
        .bind(signed(record.wait_ms))
        .bind(signed(record.talk_ms))
        .bind(record.setup_ms.map(signed))
        .bind(&record.outcome)
        .bind(record.sip_status)
        .bind(record.q850_cause)
        .bind(record.hangup_by.map(|party| party.as_str()))
        .bind(signed(record.frames_to_seat))
        .bind(signed(record.frames_to_phone))
        .bind(signed(record.frames_refused))
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

async fn insert_legs(connection: &mut SqliteConnection, record: &CallRecord) -> Result<(), StoreError> {
    for (number, leg) in (0i64..).zip(&record.legs) {
        sqlx::query(INSERT_LEG)
            .bind(&record.id)
            .bind(number)
            .bind(leg.side.as_str())
            .bind(&leg.call_id)
            .bind(&leg.peer)
            .bind(&leg.codec)
            .bind(signed(leg.packets_in))
            .bind(signed(leg.packets_out))
            .bind(signed(leg.octets_in))
            .bind(signed(leg.octets_out))
            .bind(leg.answered)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn insert_confirmations(connection: &mut SqliteConnection, record: &CallRecord) -> Result<(), StoreError> {
    for (number, confirmation) in (0i64..).zip(&record.confirmations) {
        sqlx::query(INSERT_CONFIRMATION)
            .bind(&record.id)
            .bind(number)
            .bind(&confirmation.frame_hash)
            .bind(&confirmation.words)
            .bind(confirmation.answer)
            .bind(signed(confirmation.asked_unix_ms))
            .bind(confirmation.answered_unix_ms.map(signed))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// SQLite's integers are signed; no count of ours comes near the limit, and one that did would stay there.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
