//! Control messages: versioned JSON, `application/vnd.tandem.control+json`.
//!
//! `{ "v": 1, "type": "…", … }`. Unknown types are ignored (a newer app may know more), unknown fields too; a known type
//! with a missing field or a wrong type of value is refused. `docs/protocol.md` has an example of each.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::context::DeviceContext;
use super::text::Text;

/// The media type.
pub const MEDIA_TYPE: &str = "application/vnd.tandem.control+json";
/// The version that is written and read.
pub const VERSION: u32 = 1;

/// SHA-256 of a frame's image octets, 64 lower-case hexadecimal digits.
pub type FrameHash = Text<64>;

/// Everything that is said besides frames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
#[allow(clippy::large_enum_variant, reason = "one lives at a time, on its way through")]
pub enum Control {
    /// Phone → seat: who and where the customer is.
    #[serde(rename = "context")]
    Context(DeviceContext),
    /// Gateway → phone: the place in the queue.
    #[serde(rename = "position")]
    Position(Position),
    /// Gateway → both: the seat that is unique to this call.
    #[serde(rename = "seat.assigned")]
    SeatAssigned(SeatAssigned),
    /// Either way: a finger on a frame of the other side's.
    #[serde(rename = "input.touch")]
    Touch(Touch),
    /// Either way: a key, or text.
    #[serde(rename = "input.key")]
    Key(Key),
    /// Seat → phone: may this be done?
    #[serde(rename = "confirm.request")]
    ConfirmRequest(ConfirmRequest),
    /// Phone → seat: yes or no.
    #[serde(rename = "confirm.answer")]
    ConfirmAnswer(ConfirmAnswer),
    /// Seat → phone: open this page on the customer's own phone.
    #[serde(rename = "handoff")]
    Handoff(Handoff),
    /// To whoever draws: the next frame shall be a whole one.
    #[serde(rename = "keyframe.request")]
    KeyframeRequest(KeyframeRequest),
    /// Either way: the screen session is over.
    #[serde(rename = "bye")]
    Bye(Bye),
}

/// The `type`s that are known.
const TYPES: [&str; 10] = [
    "context",
    "position",
    "seat.assigned",
    "input.touch",
    "input.key",
    "confirm.request",
    "confirm.answer",
    "handoff",
    "keyframe.request",
    "bye",
];

/// The place in the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// 1 is next.
    pub position: u32,
    /// Seconds, when there is an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_wait_s: Option<u32>,
}

/// The seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatAssigned {
    /// Opaque; the `ID` of `urn:tandem:seat:ID`.
    pub seat_id: Text<128>,
    /// What to show the customer.
    pub seat_name: Text<128>,
    /// To the seat only: the URI by which frames and confirmations are addressed to the phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Text<128>>,
}

/// A finger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// The sequence number of the frame that was touched.
    pub seq: u64,
    /// Pixels from the left edge of the whole screen.
    pub x: u32,
    /// Pixels from its top.
    pub y: u32,
    /// What the finger does.
    pub action: TouchAction,
}

/// What a finger does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TouchAction {
    /// Touches.
    Down,
    /// Moves while touching.
    Move,
    /// Lifts.
    Up,
    /// Touches and lifts.
    Tap,
}

/// A key or text: exactly one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// A key by its W3C UI Events name: `Enter`, `Backspace`, `5`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Text<32>>,
    /// Text for the field that has the focus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text<1024>>,
}

/// A question about a frame that the phone shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmRequest {
    /// Names the question; new for every question of a call.
    pub id: Text<64>,
    /// The words that the customer is asked to agree to.
    pub summary: Text<2048>,
    /// The price, e.g. `1280.00 CNY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Text<64>>,
    /// The sequence number of the frame.
    pub frame_seq: u64,
    /// Its hash.
    pub frame_hash: FrameHash,
}

/// The customer's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmAnswer {
    /// The question's.
    pub id: Text<64>,
    /// Yes or no.
    pub answer: YesNo,
    /// How it was given.
    pub by: AnswerBy,
    /// The hash of the frame that was on the screen: the question's.
    pub frame_hash: FrameHash,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum YesNo {
    /// Agreed.
    Yes,
    /// Not agreed.
    No,
}

/// How an answer was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerBy {
    /// By finger.
    Touch,
    /// By key.
    Key,
}

/// A page to open on the phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handoff {
    /// A link into the app, or `https`.
    pub url: Text<2048>,
}

/// A whole frame is wanted. It carries nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyframeRequest {}

/// The end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<256>>,
}

/// Why a control message is not taken. Always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No JSON, or not what the type says.
    #[error("the control message is malformed")]
    Malformed,
    /// `v` is not 1.
    #[error("the version is not supported")]
    Version,
    /// A type of the future; ignored.
    #[error("the type is unknown")]
    UnknownType,
}

#[derive(Deserialize)]
struct Opening<'a> {
    v: u32,
    #[serde(rename = "type", borrow, default)]
    kind: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct Versioned<'a> {
    v: u32,
    #[serde(flatten)]
    control: &'a Control,
}

/// Whether the object says `"v": 1`.
pub fn check_version(octets: &[u8]) -> Result<(), ControlError> {
    let opening: Opening = serde_json::from_slice(octets).map_err(|_| ControlError::Malformed)?;
    if opening.v == VERSION { Ok(()) } else { Err(ControlError::Version) }
}

impl Control {
    /// Reads a control message.
    pub fn parse(octets: &[u8]) -> Result<Control, ControlError> {
        let opening: Opening = serde_json::from_slice(octets).map_err(|_| ControlError::Malformed)?;
        if opening.v != VERSION {
            return Err(ControlError::Version);
        }
        let kind = opening.kind.ok_or(ControlError::Malformed)?;
        if !TYPES.contains(&kind.as_ref()) {
            return Err(ControlError::UnknownType);
        }
        let control: Control = serde_json::from_slice(octets).map_err(|_| ControlError::Malformed)?;
        if control.is_consistent() { Ok(control) } else { Err(ControlError::Malformed) }
    }

    /// What the types alone cannot say.
    fn is_consistent(&self) -> bool {
        match self {
            Control::Key(key) => key.key.is_some() != key.text.is_some(),
            Control::ConfirmRequest(request) => is_hash(&request.frame_hash) && !request.id.is_empty(),
            Control::ConfirmAnswer(answer) => is_hash(&answer.frame_hash) && !answer.id.is_empty(),
            Control::Handoff(handoff) => is_openable(&handoff.url),
            Control::Position(position) => position.position >= 1,
            _ => true,
        }
    }

    /// Prints it.
    pub fn to_json(&self) -> Bytes {
        // Maps with string keys and finite numbers only: there is nothing that could fail.
        serde_json::to_vec(&Versioned { v: VERSION, control: self }).unwrap_or_default().into()
    }

    /// The `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Control::Context(_) => "context",
            Control::Position(_) => "position",
            Control::SeatAssigned(_) => "seat.assigned",
            Control::Touch(_) => "input.touch",
            Control::Key(_) => "input.key",
            Control::ConfirmRequest(_) => "confirm.request",
            Control::ConfirmAnswer(_) => "confirm.answer",
            Control::Handoff(_) => "handoff",
            Control::KeyframeRequest(_) => "keyframe.request",
            Control::Bye(_) => "bye",
        }
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
}

/// A link that opens a page: has a scheme, and none that runs what it carries or reads the phone.
fn is_openable(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let legal = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let forbidden = ["file", "content", "javascript", "data"].iter().any(|bad| scheme.eq_ignore_ascii_case(bad));
    !scheme.is_empty() && legal && !forbidden && !rest.is_empty() && url.bytes().all(|b| b > b' ' && b != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Control, ControlError> {
        Control::parse(text.as_bytes())
    }

    #[test]
    fn every_type_is_read_again_as_it_was_printed() {
        let hash = "ab".repeat(32);
        for text in [
            r#"{"v":1,"type":"position","position":3,"expected_wait_s":40}"#.to_owned(),
            r#"{"v":1,"type":"seat.assigned","seat_id":"s-77","seat_name":"Lin"}"#.to_owned(),
            r#"{"v":1,"type":"input.touch","seq":7,"x":100,"y":230,"action":"tap"}"#.to_owned(),
            r#"{"v":1,"type":"input.key","key":"Enter"}"#.to_owned(),
            r#"{"v":1,"type":"input.key","text":"北京"}"#.to_owned(),
            format!(
                r#"{{"v":1,"type":"confirm.request","id":"c1","summary":"MU5101","amount":"1280.00 CNY","frame_seq":9,"frame_hash":"{hash}"}}"#
            ),
            format!(r#"{{"v":1,"type":"confirm.answer","id":"c1","answer":"yes","by":"touch","frame_hash":"{hash}"}}"#),
            r#"{"v":1,"type":"handoff","url":"https://travel.example/order/9"}"#.to_owned(),
            r#"{"v":1,"type":"keyframe.request"}"#.to_owned(),
            r#"{"v":1,"type":"bye"}"#.to_owned(),
        ] {
            let control = parse(&text).expect(&text);
            assert_eq!(control.to_json(), text);
            assert!(text.contains(&format!("\"type\":\"{}\"", control.kind())));
        }
        let text = r#"{"v":1,"type":"context","device":{"imei":"urn:gsma:imei:35209900-176148-0","model":"X1","future":[1]},"login":{"state":"logged_in"},"screen":{"name":"detail","link":"https://t.example/f/1"},"place":{"latitude":31.2,"longitude":121.5}}"#;
        let control = parse(text).expect("a context");
        assert_eq!(parse(std::str::from_utf8(&control.to_json()).expect("UTF-8")), Ok(control.clone()));
        let Control::Context(context) = control else { panic!("a context") };
        assert_eq!(context.login.state, crate::sync::context::LoginState::LoggedIn);
        assert!(!format!("{context:?}").contains("35209900"), "no personal data in Debug");
    }

    #[test]
    fn the_future_is_ignored_and_the_wrong_is_refused() {
        assert_eq!(parse(r#"{"v":1,"type":"hologram","x":1}"#), Err(ControlError::UnknownType));
        assert_eq!(parse(r#"{"v":2,"type":"bye"}"#), Err(ControlError::Version));
        assert!(parse(r#"{"v":1,"type":"bye","new":{"a":[1]}}"#).is_ok());
        for text in [
            "",
            "[]",
            "{}",
            r#"{"type":"bye"}"#,
            r#"{"v":1}"#,
            r#"{"v":"1","type":"bye"}"#,
            r#"{"v":1,"type":7}"#,
            r#"{"v":1,"type":"input.touch","seq":"7","x":1,"y":1,"action":"tap"}"#,
            r#"{"v":1,"type":"input.touch","seq":7,"x":-1,"y":1,"action":"tap"}"#,
            r#"{"v":1,"type":"input.touch","seq":7,"x":1,"y":1,"action":"stab"}"#,
            r#"{"v":1,"type":"input.touch","seq":7,"x":1,"y":1}"#,
            r#"{"v":1,"type":"input.key"}"#,
            r#"{"v":1,"type":"input.key","key":"a","text":"b"}"#,
            r#"{"v":1,"type":"confirm.request","id":"c","summary":"s","frame_seq":1,"frame_hash":"abc"}"#,
            r#"{"v":1,"type":"handoff","url":"javascript://%0aalert(1)"}"#,
            r#"{"v":1,"type":"handoff","url":"file:///etc/passwd"}"#,
            r#"{"v":1,"type":"handoff","url":"/relative"}"#,
            r#"{"v":1,"type":"position","position":0}"#,
        ] {
            assert_eq!(parse(text), Err(ControlError::Malformed), "{text}");
        }
        let long = format!(r#"{{"v":1,"type":"bye","reason":"{}"}}"#, "a".repeat(300));
        assert_eq!(parse(&long), Err(ControlError::Malformed));
        let deep = format!(r#"{{"v":1,"type":"bye","x":{}}}"#, "[".repeat(100_000));
        assert_eq!(parse(&deep), Err(ControlError::Malformed));
    }
}
