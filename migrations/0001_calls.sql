-- One row for every call, however it ended. Times are Unix milliseconds, durations milliseconds.
CREATE TABLE calls (
    call_key           TEXT    NOT NULL PRIMARY KEY, -- ours: 128 random bits in hex, so a replayed row is known again
    started_unix_ms    INTEGER NOT NULL,
    ended_unix_ms      INTEGER NOT NULL,
    bearer             TEXT    NOT NULL CHECK (bearer IN ('wifi', 'pstn', 'trunk')),
    direction          TEXT    NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    queue              TEXT,
    seat               TEXT,
    seat_id            TEXT,
    device_imei        TEXT,
    device_uuid        TEXT,
    device_number      TEXT,
    device_model       TEXT,
    device_app_version TEXT,
    device_carrier     TEXT,
    session_id         TEXT, -- RFC 7989, the same on every leg
    wait_ms            INTEGER NOT NULL,
    talk_ms            INTEGER NOT NULL,
    setup_ms           INTEGER,
    outcome            TEXT    NOT NULL,
    sip_status         INTEGER,
    q850_cause         INTEGER,
    hangup_by          TEXT CHECK (hangup_by IN ('caller', 'seat', 'trunk', 'gateway')),
    frames_to_seat     INTEGER NOT NULL,
    frames_to_phone    INTEGER NOT NULL,
    frames_refused     INTEGER NOT NULL
) STRICT;

CREATE INDEX calls_by_start ON calls (started_unix_ms);

CREATE TABLE legs (
    call_key    TEXT    NOT NULL REFERENCES calls (call_key) ON DELETE CASCADE,
    leg         INTEGER NOT NULL, -- 0 is the caller's
    side        TEXT    NOT NULL CHECK (side IN ('caller', 'seat', 'trunk')),
    call_id     TEXT    NOT NULL, -- the SIP Call-ID of this leg
    peer        TEXT    NOT NULL,
    codec       TEXT,
    packets_in  INTEGER NOT NULL,
    packets_out INTEGER NOT NULL,
    octets_in   INTEGER NOT NULL,
    octets_out  INTEGER NOT NULL,
    answered    INTEGER NOT NULL CHECK (answered IN (0, 1)),
    PRIMARY KEY (call_key, leg)
) STRICT, WITHOUT ROWID;

CREATE INDEX legs_by_call_id ON legs (call_id);

-- What the customer was asked, on which picture, and what he answered.
CREATE TABLE confirmations (
    call_key         TEXT    NOT NULL REFERENCES calls (call_key) ON DELETE CASCADE,
    number           INTEGER NOT NULL,
    frame_hash       TEXT    NOT NULL, -- SHA-256 of the frame shown, hex
    words            TEXT    NOT NULL,
    answer           INTEGER CHECK (answer IN (0, 1)), -- NULL: never answered
    asked_unix_ms    INTEGER NOT NULL,
    answered_unix_ms INTEGER,
    PRIMARY KEY (call_key, number)
) STRICT, WITHOUT ROWID;
