//! From a finished call to its record.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::record::{Bearer, CallRecord, DeviceRecord, Direction, LegRecord, Party as RecordParty, Side as RecordSide};
use super::{Call, Plan, Side};
use crate::config::Config;
use crate::media::LegStats;

/// The record of a call that is over. `started_unix_ms` is the wall-clock time of its INVITE.
pub fn write(call: &Call, config: &Config, started_unix_ms: u64, now: Instant) -> CallRecord {
    let times = &call.times;
    let ended = times.ended.unwrap_or(now);
    let since = |from: Instant, to: Instant| millis(to.saturating_duration_since(from));
    let outcome = call.ending.map(|ending| ending.outcome);
    let queue = match call.plan {
        Plan::Queue { queue } => Some(config.queues[queue].name.clone()),
        Plan::Trunk { .. } | Plan::User { .. } | Plan::Nowhere => None,
    };
    CallRecord {
        id: call.id.clone(),
        started_unix_ms,
        ended_unix_ms: started_unix_ms + since(times.started, ended),
        bearer: call.bearer,
        direction: if call.bearer == Bearer::Pstn { Direction::Outbound } else { Direction::Inbound },
        queue,
        seat: call.seat.as_ref().map(|seat| config.users[config.seats[seat.seat].user].name.clone()),
        seat_id: call.seat.as_ref().map(|seat| seat.opaque_id.clone()),
        device: device(call),
        session_id: Some(call.session_id.clone()),
        legs: caller_first(&call.legs),
        wait_ms: since(times.started, times.connected.unwrap_or(ended)),
        talk_ms: times.connected.map_or(0, |at| since(at, ended)),
        setup_ms: times.answered.map(|at| since(times.started, at)),
        outcome: outcome.map_or("failed", |outcome| outcome.word()).to_owned(),
        sip_status: outcome.map(|outcome| outcome.status()),
        q850_cause: outcome.map(|outcome| outcome.q850()),
        hangup_by: Some(hung_up_by(call)),
        frames_to_seat: call.screen.counters.frames_to_seat,
        frames_to_phone: call.screen.counters.frames_to_phone,
        frames_refused: call.screen.counters.refused,
        confirmations: call.confirmations.clone(),
    }
}

/// The legs in the order in which they ended, but the caller's first: seats that did not take the call ended before it.
fn caller_first(legs: &[LegRecord]) -> Vec<LegRecord> {
    let mut legs = legs.to_vec();
    legs.sort_by_key(|leg| leg.side != RecordSide::Caller);
    legs
}

fn device(call: &Call) -> DeviceRecord {
    let context = call.device.context.as_ref();
    let text = |pick: fn(&crate::sync::context::DeviceContext) -> Option<String>| context.and_then(pick);
    DeviceRecord {
        imei: call.device.imei(),
        uuid: call.device.uuid(),
        number: call.device.number.clone(),
        model: text(|context| context.device.model.as_ref().map(ToString::to_string)),
        app_version: text(|context| context.app.version.as_ref().map(ToString::to_string)),
        carrier: text(|context| context.device.carrier.as_ref().map(ToString::to_string)),
    }
}

fn hung_up_by(call: &Call) -> RecordParty {
    match call.ending.and_then(|ending| ending.by) {
        Some(Side::Caller) => RecordParty::Caller,
        Some(Side::Callee) if matches!(call.plan, Plan::Trunk { .. }) => RecordParty::Trunk,
        Some(Side::Callee) => RecordParty::Seat,
        None => RecordParty::Gateway,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl LegRecord {
    /// A leg that has been let go; its media account comes later.
    pub fn new(side: RecordSide, call_id: &str, peer: SocketAddr, codec: Option<String>, answered: bool) -> LegRecord {
        LegRecord {
            side,
            call_id: call_id.to_owned(),
            peer: peer.to_string(),
            codec,
            packets_in: 0,
            packets_out: 0,
            octets_in: 0,
            octets_out: 0,
            answered,
        }
    }

    /// Enters the media account.
    pub fn count(&mut self, stats: &LegStats) {
        self.packets_in = stats.packets_in;
        self.packets_out = stats.packets_out;
        self.octets_in = stats.octets_in;
        self.octets_out = stats.octets_out;
    }
}

/// Whose leg it is, in the record's words.
pub fn record_side(plan: &Plan, side: Side) -> RecordSide {
    match (side, plan) {
        (Side::Caller, _) => RecordSide::Caller,
        (Side::Callee, Plan::Trunk { .. }) => RecordSide::Trunk,
        (Side::Callee, _) => RecordSide::Seat,
    }
}
