//! What a client tells while it runs: one event a line, as JSON for programs or as words for people.
#![allow(clippy::disallowed_methods)] // a shell: it reads the wall clock for its lines

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// The customer's phone.
    Handset,
    /// The agent's seat.
    Seat,
    /// The carrier's end of a trunk.
    Carrier,
}

impl Who {
    /// As in the event.
    pub fn as_str(self) -> &'static str {
        match self {
            Who::Handset => "handset",
            Who::Seat => "seat",
            Who::Carrier => "carrier",
        }
    }
}

macro_rules! vocabulary {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Everything that a client may tell. `docs/reference-clients.md` lists the fields of each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum What { $($(#[$doc])* #[serde(rename = $text)] $name,)* }

        impl What {
            /// As in the event.
            pub fn as_str(self) -> &'static str {
                match self { $(What::$name => $text,)* }
            }
        }
    };
}

vocabulary! {
    /// The registrar has our binding.
    Registered = "registered",
    /// A page is open on our own screen.
    PageOpened = "page.opened",
    /// The INVITE is on its way.
    CallPlaced = "call.placed",
    /// A phone rings.
    CallRinging = "call.ringing",
    /// The call is up.
    CallAnswered = "call.answered",
    /// The place in the queue.
    QueuePosition = "queue.position",
    /// A seat was leased to the call.
    SeatAssigned = "seat.assigned",
    /// Our end of the screen session is connected.
    ScreenConnected = "screen.connected",
    /// A frame of ours was handed to the screen session.
    FrameSent = "frame.sent",
    /// A frame of the other side's arrived whole.
    FrameReceived = "frame.received",
    /// We touched a frame of the other side's.
    TouchSent = "touch.sent",
    /// The other side's touch was applied to our screen.
    TouchApplied = "touch.applied",
    /// We pressed a key for the other side's screen.
    KeySent = "key.sent",
    /// The other side's key was applied to our screen.
    KeyApplied = "key.applied",
    /// A question about a frame.
    ConfirmRequested = "confirm.requested",
    /// Its answer.
    ConfirmAnswered = "confirm.answered",
    /// The order was placed.
    OrderPlaced = "order.placed",
    /// A page was handed over to the phone.
    Handoff = "handoff",
    /// A DTMF digit was sent (RFC 4733).
    DtmfSent = "dtmf.sent",
    /// DTMF digits were heard.
    DtmfHeard = "dtmf.heard",
    /// The other side's tone was clearly heard.
    AudioHeard = "audio.heard",
    /// The call is over.
    CallEnded = "call.ended",
    /// All that was seen; the last line of a call.
    Report = "report",
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoryEvent {
    /// Unix time in milliseconds.
    pub at_ms: u64,
    /// Who tells.
    pub who: Who,
    /// What happened.
    pub what: What,
    /// The same for people.
    pub text: String,
    /// What belongs to this kind of event.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl fmt::Display for StoryEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.at_ms / 1000 % 86_400, self.at_ms % 1000);
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        let (who, what) = (self.who.as_str(), self.what.as_str());
        write!(f, "{hours:02}:{minutes:02}:{:02}.{millis:03} {who:<7} {what:<17} {}", seconds % 60, self.text)
    }
}

/// Tells the events of one client. Clones write to the same place.
#[derive(Clone)]
pub struct Story {
    who: Who,
    json: bool,
    out: Arc<Mutex<dyn Write + Send>>,
}

impl Story {
    /// Lines for `out`; JSON when `json` says so.
    pub fn new(who: Who, json: bool, out: impl Write + Send + 'static) -> Story {
        Story { who, json, out: Arc::new(Mutex::new(out)) }
    }

    /// Who tells.
    pub fn who(&self) -> Who {
        self.who
    }

    /// Tells one event. `fields` is a JSON object or null.
    pub fn tell(&self, what: What, text: impl Into<String>, fields: Value) {
        let fields = match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        let event = StoryEvent { at_ms: unix_ms(), who: self.who, what, text: text.into(), fields };
        let line = if self.json { serde_json::to_string(&event).unwrap_or_default() } else { event.to_string() };
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader that went away does not stop the call.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Story").field("who", &self.who).field("json", &self.json).finish_non_exhaustive()
    }
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_read_again_as_it_was_told() {
        let event = StoryEvent {
            at_ms: 45_296_007,
            who: Who::Seat,
            what: What::FrameSent,
            text: "frame 3".into(),
            fields: json!({"seq": 3}).as_object().cloned().unwrap_or_default(),
        };
        let line = serde_json::to_string(&event).expect("JSON");
        assert_eq!(line, r#"{"at_ms":45296007,"who":"seat","what":"frame.sent","text":"frame 3","seq":3}"#);
        assert_eq!(serde_json::from_str::<StoryEvent>(&line).expect("the same"), event);
        assert_eq!(event.to_string(), "12:34:56.007 seat    frame.sent        frame 3");
    }
}
