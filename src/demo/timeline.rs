//! Events of several processes as one story: when, who → whom, what.

use serde::Serialize;
use serde_json::{Map, Value};

use super::actor::Actor;
use super::network::Network;
use crate::client::{StoryEvent, What};
use crate::store::CallRecord;

/// A step of the method; see `docs/demo.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Step {
    /// The app is on the phone, its simulator at the seat.
    S1,
    /// The app calls; the access network decides.
    S2,
    /// The phone's identity.
    S3,
    /// The customer's screen.
    S4,
    /// One seat, unique to this phone.
    S5,
    /// What the customer does, the seat's screen shows.
    S6,
    /// What is bought is confirmed.
    Confirm,
    /// The minutes are written down.
    Toll,
}

/// A line of the timeline.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Milliseconds since the call was placed; negative before.
    pub ms: i64,
    /// Who.
    pub from: &'static str,
    /// To whom; `None` for what somebody does by himself.
    pub to: Option<&'static str>,
    /// What kind of event.
    pub what: &'static str,
    /// For people.
    pub text: String,
    /// The step that it proves.
    pub step: Option<Step>,
    /// What belongs to it.
    pub fields: Map<String, Value>,
}

/// Puts an event into the story. `None` when it is noise to a reader: what was sent is seen when it arrives.
pub(super) fn line(who: Actor, event: &StoryEvent, network: Network, placed_ms: Option<u64>) -> Option<Line> {
    let (from, to) = direction(who, event.what, network)?;
    let moment = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    Some(Line {
        ms: placed_ms.map_or(-1, |placed| moment(event.at_ms).saturating_sub(moment(placed))),
        from,
        to,
        what: event.what.as_str(),
        text: event.text.clone(),
        step: step(who, event.what, placed_ms.is_some()),
        fields: event.fields.clone(),
    })
}

/// The line for a call record that was read back.
pub(super) fn written(row: &CallRecord, now_ms: u64, placed_ms: Option<u64>) -> Line {
    let seconds = row.talk_ms as f64 / 1000.0;
    Line {
        ms: placed_ms.map_or(-1, |placed| i64::try_from(now_ms.saturating_sub(placed)).unwrap_or(i64::MAX)),
        from: "gateway",
        to: None,
        what: "record.written",
        text: format!("wrote the call record: {} by {}, {seconds:.1} s of talk", row.outcome, row.bearer.as_str()),
        step: Some(Step::Toll),
        fields: Map::new(),
    }
}

fn part(who: Actor) -> &'static str {
    match who {
        Actor::Gateway => "gateway",
        Actor::Site => "site",
        Actor::Carrier => "carrier",
        Actor::Seat(_) => "seat",
        Actor::Handset => "phone",
    }
}

/// Who did it, to whom. An event is told by the end that saw it, which may be the receiving one.
fn direction(who: Actor, what: What, network: Network) -> Option<(&'static str, Option<&'static str>)> {
    let me = part(who);
    let other = match (who, network) {
        (Actor::Handset, Network::Wifi) => "seat",
        (Actor::Handset, Network::Cellular) => "carrier",
        _ => "phone",
    };
    match what {
        What::FrameSent | What::Report => None,
        What::Registered | What::CallPlaced => Some((me, Some("gateway"))),
        What::QueuePosition | What::SeatAssigned | What::CallRinging => Some(("gateway", Some(me))),
        What::CallAnswered if who == Actor::Handset => Some(("gateway", Some(me))),
        What::CallAnswered => Some((me, Some("gateway"))),
        What::ScreenConnected => Some((me, Some("gateway"))),
        What::FrameReceived | What::AudioHeard | What::DtmfHeard => Some((other, Some(me))),
        What::TouchSent | What::KeySent | What::DtmfSent => Some((me, Some(other))),
        // The one who answers tells it; what he asked or answered travels to the other.
        What::ConfirmRequested if who == Actor::Handset => Some((other, Some(me))),
        What::ConfirmAnswered if who != Actor::Handset => Some((other, Some(me))),
        What::Handoff if who == Actor::Handset => Some((other, Some(me))),
        What::ConfirmRequested | What::ConfirmAnswered | What::Handoff => Some((me, Some(other))),
        What::PageOpened | What::TouchApplied | What::KeyApplied | What::OrderPlaced | What::CallEnded => {
            Some((me, None))
        }
    }
}

/// The step that is proven when this end tells this.
fn step(who: Actor, what: What, is_calling: bool) -> Option<Step> {
    match (who, what) {
        (Actor::Handset, What::PageOpened) => Some(if is_calling { Step::Confirm } else { Step::S1 }),
        (Actor::Handset, What::CallPlaced) => Some(Step::S2),
        (Actor::Carrier, What::CallRinging | What::CallAnswered) => Some(Step::S2),
        (Actor::Seat(_), What::CallRinging | What::CallAnswered | What::PageOpened) => Some(Step::S3),
        (Actor::Seat(_), What::FrameReceived) => Some(Step::S4),
        (Actor::Handset, What::SeatAssigned) => Some(Step::S5),
        (Actor::Seat(_), What::TouchApplied | What::KeyApplied | What::DtmfHeard) => Some(Step::S6),
        (Actor::Handset, What::FrameReceived) => Some(Step::S6),
        (_, What::ConfirmRequested | What::ConfirmAnswered | What::OrderPlaced | What::Handoff) => Some(Step::Confirm),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at_ms: u64, what: &str) -> StoryEvent {
        let text = format!(r#"{{"at_ms":{at_ms},"who":"seat","what":"{what}","text":"words","seq":4}}"#);
        serde_json::from_str(&text).expect("an event")
    }

    #[test]
    fn what_was_received_came_from_the_other_side() {
        let told = line(Actor::Seat(1), &event(1_250, "frame.received"), Network::Wifi, Some(1_000)).expect("a line");
        assert_eq!((told.ms, told.from, told.to), (250, "phone", Some("seat")));
        assert_eq!(told.step, Some(Step::S4));
        let heard = line(Actor::Handset, &event(1_250, "audio.heard"), Network::Cellular, Some(1_000)).expect("a line");
        assert_eq!((heard.from, heard.to), ("carrier", Some("phone")));
    }

    #[test]
    fn what_happens_before_the_call_has_no_time_in_it() {
        let told = line(Actor::Handset, &event(900, "registered"), Network::Wifi, Some(1_000)).expect("a line");
        assert_eq!(told.ms, -100);
        assert_eq!(line(Actor::Handset, &event(900, "registered"), Network::Wifi, None).expect("a line").ms, -1);
    }

    #[test]
    fn what_was_sent_is_told_when_it_arrives() {
        assert!(line(Actor::Handset, &event(1, "frame.sent"), Network::Wifi, None).is_none());
    }
}
