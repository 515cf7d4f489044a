//! What is kept of a call.

use serde::{Deserialize, Serialize};

/// One call, complete: written once, when its last leg has gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Ours: 128 random bits in hex. The primary key, so that writing a record twice writes it once.
    pub id: String,
    /// First INVITE, Unix milliseconds.
    pub started_unix_ms: u64,
    /// Last leg gone, Unix milliseconds.
    pub ended_unix_ms: u64,
    /// What carried the caller's voice.
    pub bearer: Bearer,
    /// Who called whom.
    pub direction: Direction,
    /// The queue's name, once there was one.
    pub queue: Option<String>,
    /// The user who answered or was rung last.
    pub seat: Option<String>,
    /// The opaque id that the phone was told.
    pub seat_id: Option<String>,
    /// The customer's device.
    pub device: DeviceRecord,
    /// `Session-ID` (RFC 7989), the same on every leg.
    pub session_id: Option<String>,
    /// Every leg, the caller's first.
    pub legs: Vec<LegRecord>,
    /// Waiting, milliseconds.
    pub wait_ms: u64,
    /// Both sides connected, milliseconds.
    pub talk_ms: u64,
    /// From INVITE to our 200, milliseconds; `None` when there was none.
    pub setup_ms: Option<u64>,
    /// `answered`, `abandoned`, `overflowed`, `rejected`, `redirected`, `failed`, …: the call layer's word.
    pub outcome: String,
    /// The final SIP status of the caller's leg.
    pub sip_status: Option<u16>,
    /// The cause in Q.850 (RFC 6432).
    pub q850_cause: Option<u8>,
    /// Who ended it.
    pub hangup_by: Option<Party>,
    /// Frames delivered from the phone to the seat.
    pub frames_to_seat: u64,
    /// Frames delivered from the seat's simulator to the phone.
    pub frames_to_phone: u64,
    /// Frames refused, either way.
    pub frames_refused: u64,
    /// What the customer was asked and answered.
    pub confirmations: Vec<ConfirmationRecord>,
}

/// The customer's device, as far as it told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRecord {
    /// IMEI (RFC 7254), digits.
    pub imei: Option<String>,
    /// The instance where the platform hides the IMEI.
    pub uuid: Option<String>,
    /// Telephone number.
    pub number: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Version of the app.
    pub app_version: Option<String>,
    /// Mobile carrier.
    pub carrier: Option<String>,
}

/// One SIP leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegRecord {
    /// Whose leg.
    pub side: Side,
    /// The SIP `Call-ID` of this leg.
    pub call_id: String,
    /// The peer's address and port.
    pub peer: String,
    /// The codec in use, once there was one.
    pub codec: Option<String>,
    /// RTP packets received from the peer.
    pub packets_in: u64,
    /// RTP packets sent to the peer.
    pub packets_out: u64,
    /// RTP payload and header octets received.
    pub octets_in: u64,
    /// RTP payload and header octets sent.
    pub octets_out: u64,
    /// Whether it was answered with 2xx.
    pub answered: bool,
}

/// One question to the customer, tied to the picture he saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmationRecord {
    /// SHA-256 of the frame shown, hex.
    pub frame_hash: String,
    /// The question.
    pub words: String,
    /// Yes or no; `None` when he never answered.
    pub answer: Option<bool>,
    /// When it was asked, Unix milliseconds.
    pub asked_unix_ms: u64,
    /// When it was answered, Unix milliseconds.
    pub answered_unix_ms: Option<u64>,
}

/// An enum that is a short word in the database, in JSON and on the screen.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// The word for it.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }

            /// What the word means.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some($name::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// What carried the caller's voice.
    Bearer {
        /// The app over Wi-Fi, with screens.
        Wifi => "wifi",
        /// The app's call went to the 400 trunk, voice only.
        Pstn => "pstn",
        /// The call came in from a trunk, voice only.
        Trunk => "trunk",
    }
}

words! {
    /// Who called whom, seen from the contact centre.
    Direction {
        /// A customer called us.
        Inbound => "inbound",
        /// We called.
        Outbound => "outbound",
    }
}

words! {
    /// Whose leg.
    Side {
        /// The customer's.
        Caller => "caller",
        /// The seat's.
        Seat => "seat",
        /// The carrier's.
        Trunk => "trunk",
    }
}

words! {
    /// Who ended a call.
    Party {
        /// The customer.
        Caller => "caller",
        /// The seat.
        Seat => "seat",
        /// The carrier.
        Trunk => "trunk",
        /// We did.
        Gateway => "gateway",
    }
}
