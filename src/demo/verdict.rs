//! Whether a call went as it should: only by what the endpoints report, what their files hold, and what the store
//! gives back.

use serde::Serialize;

use super::actor::Actor;
use super::evidence::{Evidence, Screen};
use super::network::Network;
use crate::client::What;
use crate::client::report::CallReport;
use crate::store::{CallRecord, Side};

/// Digits of an IMEI that identify a device; the fifteenth is a check digit or a spare 0 (RFC 7254 §4).
const IMEI_DIGITS: usize = 14;

/// The summary of a call: the JSON object that `--json` prints.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether every step was seen.
    pub ok: bool,
    /// What carried the voice, by the call record: `wifi` or `pstn`.
    pub bearer: Option<String>,
    /// The Call-ID of the handset's leg.
    pub call_id: Option<String>,
    /// The handset's IMEI, digits.
    pub imei: Option<String>,
    /// The seat id that the handset was told.
    pub seat_id: Option<String>,
    /// Frames that the seat received.
    pub frames_to_seat: u64,
    /// Frames that the handset received.
    pub frames_to_phone: u64,
    /// Frames and controls that reached an end which they were not for.
    pub cross_delivered: u64,
    /// From INVITE to 200 at the handset, milliseconds.
    pub setup_ms: Option<u64>,
    /// From INVITE to the first frame at the handset, milliseconds.
    pub first_frame_ms: Option<u64>,
    /// Whether the seat, or the carrier, heard the handset's tone.
    pub audio_to_seat_ok: bool,
    /// Whether the handset heard the other's tone.
    pub audio_to_phone_ok: bool,
    /// Whether the customer agreed to a frame that he had seen.
    pub confirmed: bool,
    /// Rows of the call records that name this call.
    pub cdr_rows: u64,
    /// What is missing, for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
}

impl Verdict {
    /// A call that could not even be played.
    pub fn failure(reason: String) -> Verdict {
        Verdict { failed: vec![reason], ..Verdict::default() }
    }

    /// Weighs what was seen.
    pub(super) fn of(evidence: &Evidence) -> Verdict {
        let handset = evidence.handset();
        let peer = evidence.peer();
        let row = evidence.rows.first();
        let (phone, other) = (handset.clone().unwrap_or_default(), peer.clone().unwrap_or_default());
        let mut verdict = Verdict {
            ok: false,
            bearer: row.map(|row| row.bearer.as_str().to_owned()),
            call_id: phone.call_id.clone().or_else(|| evidence.call_id()),
            imei: phone.imei.as_deref().map(digits),
            seat_id: phone.seat_id.clone(),
            frames_to_seat: if evidence.network == Network::Wifi { other.frames_received } else { 0 },
            frames_to_phone: phone.frames_received,
            cross_delivered: phone.cross_delivered + other.cross_delivered,
            setup_ms: phone.setup_ms,
            first_frame_ms: phone.first_frame_ms,
            audio_to_seat_ok: heard(&other),
            audio_to_phone_ok: heard(&phone),
            confirmed: phone.confirmed,
            cdr_rows: evidence.rows.len() as u64,
            failed: evidence.troubles.clone(),
        };
        let mut checks = Checks { failed: &mut verdict.failed };
        checks.common(evidence, handset.as_ref(), peer.as_ref(), row);
        if let (Some(phone), Some(peer), Some(row)) = (&handset, &peer, row) {
            match evidence.network {
                Network::Wifi => checks.screens(evidence, phone, peer, row),
                Network::Cellular => checks.voice_only(evidence, phone, row),
            }
        }
        verdict.ok = verdict.failed.is_empty();
        verdict
    }
}

/// Collects what is missing.
struct Checks<'v> {
    failed: &'v mut Vec<String>,
}

impl Checks<'_> {
    fn need(&mut self, is_so: bool, otherwise: impl FnOnce() -> String) {
        if !is_so {
            self.failed.push(otherwise());
        }
    }

    /// What both branches have in common: two ends, two voices, one row.
    fn common(
        &mut self,
        evidence: &Evidence,
        handset: Option<&CallReport>,
        peer: Option<&CallReport>,
        row: Option<&CallRecord>,
    ) {
        let (name, side) = match evidence.network {
            Network::Wifi => ("seat", Side::Seat),
            Network::Cellular => ("carrier", Side::Trunk),
        };
        self.ending("phone", handset);
        self.ending(name, peer);
        let bearer = evidence.network.bearer();
        self.need(evidence.rows.len() == 1, || format!("{} call records name the call, not 1", evidence.rows.len()));
        self.need(evidence.rows_added == 1, || format!("{} call records were added, not 1", evidence.rows_added));
        let Some(row) = row else { return };
        let carried = row.bearer.as_str();
        self.need(carried == bearer, || format!("the call record says that {carried} carried the call, not {bearer}"));
        self.need(row.outcome == "answered", || format!("the call record says \"{}\", not \"answered\"", row.outcome));
        if let Some(handset) = handset {
            let said = handset.bearer.as_deref().unwrap_or("nothing");
            self.need(said == bearer, || format!("the phone believes that {said} carried the call, not {bearer}"));
            self.need(on_leg(row, Side::Caller, handset), || "the phone's leg is not in the call record".to_owned());
            let (told, own) = (row.device.imei.as_deref().map(digits), handset.imei.as_deref().map(digits));
            let same = matches!((&told, &own), (Some(told), Some(own)) if same_device(told, own));
            self.need(same, || "the call record names another device than the phone is".to_owned());
        }
        if let Some(peer) = peer {
            self.need(on_leg(row, side, peer), || format!("the {name}'s leg is not in the call record"));
        }
    }

    /// One end of the call by its own account.
    fn ending(&mut self, name: &str, report: Option<&CallReport>) {
        let Some(report) = report else {
            self.failed.push(format!("the {name} reported no call"));
            return;
        };
        if !report.ok {
            let why = report.failure.as_deref().unwrap_or("it does not say why");
            self.failed.push(format!("the {name} is not content: {why}"));
        }
        self.need(heard(report), || {
            format!("the {name} heard the other's tone for {:.1} s only", report.audio_heard_s)
        });
        self.need(report.cross_delivered == 0, || {
            format!("{} messages of other calls reached the {name}", report.cross_delivered)
        });
    }

    /// The method on Wi-Fi, S3 to confirm.
    fn screens(&mut self, evidence: &Evidence, phone: &CallReport, seat: &CallReport, row: &CallRecord) {
        self.need(phone.setup_ms.is_some(), || "the phone saw no answer".to_owned());
        self.need(evidence.event(Actor::Handset, What::SeatAssigned).is_some(), || {
            "S5: the phone was not told its seat".to_owned()
        });
        self.need(phone.seat_id.is_some() && phone.seat_id == row.seat_id, || {
            format!("S5: the phone was told seat {:?}, the record says {:?}", phone.seat_id, row.seat_id)
        });
        let told = seat.imei.as_deref().map(digits).zip(phone.imei.as_deref().map(digits));
        self.need(told.is_some_and(|(told, own)| same_device(&told, &own)), || {
            "S3: the seat was not told the phone's identity".to_owned()
        });
        self.frames("S4", "to the seat", seat.frames_received, evidence.recorded(Screen::Customer), row.frames_to_seat);
        let shown = evidence.recorded(Screen::Simulator);
        self.frames("S6", "to the phone", phone.frames_received, shown, row.frames_to_phone);
        self.need(phone.first_frame_ms.is_some(), || "S6: the phone measured no first frame".to_owned());
        self.need(phone.distinct_frames >= 2, || "S6: the seat's screen never changed on the phone".to_owned());
        let (sent, done) = (phone.touches_sent, seat.touches_applied);
        self.need(done >= 1 && done <= sent, || format!("S6: {sent} touches were sent, {done} applied"));
        let (sent, done) = (phone.keys_sent, seat.keys_applied);
        self.need(done >= 1 && done == sent, || format!("S6: {sent} keys were sent, {done} applied"));
        let dialled = evidence.event(Actor::Handset, What::DtmfSent).is_some();
        self.need(dialled && !seat.digits_heard.is_empty(), || "S6: the seat heard no digit".to_owned());
        self.consent(evidence, phone, seat, row);
    }

    /// Frames in one direction: the receiver's count, its files, and the gateway's record of what it delivered.
    fn frames(&mut self, step: &str, to: &str, received: u64, files: u64, recorded: u64) {
        self.need(received > 0, || format!("{step}: no frame came {to}"));
        self.need(received == files, || format!("{step}: {received} frames came {to}, {files} are on disk"));
        self.need(received == recorded, || {
            format!("{step}: {received} frames came {to}, the call record says {recorded}")
        });
    }

    /// What was agreed to must be a picture that the phone really had.
    fn consent(&mut self, evidence: &Evidence, phone: &CallReport, seat: &CallReport, row: &CallRecord) {
        self.need(phone.confirmed && seat.confirmed, || "confirm: the two ends do not both say yes".to_owned());
        let agreed = row.confirmations.iter().find(|confirmation| confirmation.answer == Some(true));
        self.need(agreed.is_some(), || "confirm: the call record holds no yes".to_owned());
        if let Some(agreed) = agreed {
            let shown = |frame: &super::evidence::Recorded| {
                frame.screen == Screen::Simulator && frame.hash.eq_ignore_ascii_case(&agreed.frame_hash)
            };
            self.need(evidence.frames.iter().any(shown), || {
                format!("confirm: no picture on the phone has the hash {}", agreed.frame_hash)
            });
        }
        self.need(seat.order.is_some(), || "confirm: the seat placed no order".to_owned());
        self.need(phone.handed_off && seat.handed_off, || {
            "confirm: the order's page did not come to the phone".to_owned()
        });
        self.need(phone.order.is_none() || phone.order == seat.order, || {
            format!("confirm: the phone shows order {:?}, the seat placed {:?}", phone.order, seat.order)
        });
    }

    /// The other branch: nothing of a screen may have existed.
    fn voice_only(&mut self, evidence: &Evidence, phone: &CallReport, row: &CallRecord) {
        self.need(phone.setup_ms.is_some(), || "the phone saw no answer".to_owned());
        let frames = phone.frames_sent + phone.frames_received + row.frames_to_seat + row.frames_to_phone;
        self.need(frames == 0 && evidence.frames.is_empty(), || {
            format!("S2: a voice call carried frames: {frames} counted, {} on disk", evidence.frames.len())
        });
        let session = [What::ScreenConnected, What::SeatAssigned, What::FrameReceived, What::Handoff]
            .into_iter()
            .find(|&what| evidence.event(Actor::Handset, what).is_some() || evidence.seat_told(what));
        self.need(session.is_none(), || format!("S2: a voice call had a screen session: {session:?}"));
        let seat = evidence.seat_told(What::CallRinging) || evidence.seat_told(What::CallAnswered);
        self.need(!seat && row.seat_id.is_none(), || "S2: a seat took part in a call to the carrier".to_owned());
        self.need(!phone.confirmed && row.confirmations.is_empty(), || {
            "S2: a voice call has a confirmation".to_owned()
        });
    }
}

/// Whether the other side's tone was there for long enough. An end that expected none has heard nothing.
fn heard(report: &CallReport) -> bool {
    report.audio_ok && report.audio_heard_s > 0.0
}

fn on_leg(row: &CallRecord, side: Side, report: &CallReport) -> bool {
    let call_id = report.call_id.as_deref();
    row.legs.iter().any(|leg| leg.side == side && leg.answered && Some(leg.call_id.as_str()) == call_id)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn same_device(a: &str, b: &str) -> bool {
    a.len() >= IMEI_DIGITS && b.len() >= IMEI_DIGITS && a.bytes().take(IMEI_DIGITS).eq(b.bytes().take(IMEI_DIGITS))
}

#[cfg(test)]
mod tests;
