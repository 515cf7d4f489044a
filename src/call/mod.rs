//! One call through the gateway: two legs, their media, what is known of the caller, and how it ended.
//!
//! Plain data and decisions; [`crate::gateway`] moves a call along by what SIP, the ACD, the media workers and the
//! screen session report. A call lives from its first INVITE until the last of these has let go of it
//! (`docs/call.md` has the diagram).

pub mod access;
pub mod body;
pub mod device;
pub mod ledger;
pub mod outcome;
pub mod record;
pub mod route;

mod party;

use std::collections::BTreeMap;
use std::time::Instant;

pub use access::AccessNetwork;
pub use device::Device;
pub use outcome::{Failure, Outcome};
pub use party::{MediaPart, Party};
pub use record::{Bearer, CallRecord, ConfirmationRecord, LegRecord};
pub use route::{Destination, Rejection};

use crate::acd::Lease;
use crate::media::MediaLegId;
use crate::sync::contract::FrameCounters;

/// Names one call inside the gateway. Never reused. (`CallId` is the SIP header.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallKey(pub u64);

/// Which of a call's two parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// Who called us.
    Caller,
    /// Whom we called: a seat, a carrier, another user.
    Callee,
}

impl Side {
    /// The other party.
    pub fn other(self) -> Side {
        match self {
            Side::Caller => Side::Callee,
            Side::Callee => Side::Caller,
        }
    }
}

/// What the call is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// It waits in a queue for a seat.
    Queue { queue: usize },
    /// It goes out over a trunk.
    Trunk { trunk: usize, number: String },
    /// It goes to a registered user.
    User { user: usize },
    /// It goes nowhere: refused or redirected at once.
    Nowhere,
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The caller hears music (queue) or nothing yet (dialled); no callee rings.
    Waiting,
    /// A callee's INVITE is under way.
    Ringing,
    /// The two talk.
    Connected,
    /// Both legs are let go; media and screen accounts are still to come.
    Closing,
}

/// A seat lent to this call by the ACD.
#[derive(Clone, Debug)]
pub struct SeatLease {
    /// The ACD's handle.
    pub lease: Lease,
    /// Index into the configured seats.
    pub seat: usize,
    /// What the app is told: says nothing about the agent and changes with each call.
    pub opaque_id: String,
}

/// One call.
#[derive(Debug)]
pub struct Call {
    /// Its name in here.
    pub key: CallKey,
    /// Its name in the record: 128 random bits in hexadecimal.
    pub id: String,
    /// Session-ID (RFC 7989): the same on both legs.
    pub session_id: String,
    /// Where it stands.
    pub stage: Stage,
    /// Where it goes.
    pub plan: Plan,
    /// What carries the voice.
    pub bearer: Bearer,
    /// Who called.
    pub caller: Party,
    /// Who is called now; a queued call may try several seats, one after another.
    pub callee: Option<Party>,
    /// The seat lent to it.
    pub seat: Option<SeatLease>,
    /// What is known of the caller's device.
    pub device: Device,
    /// Whether a screen session is open for this call.
    pub screen: ScreenPart,
    /// When things happened.
    pub times: Times,
    /// How it ended, once it has.
    pub ending: Option<Ending>,
    /// The configured user who called, when he proved who he is.
    pub user: Option<String>,
    /// The description that passes through unread, when the voice goes past us.
    pub bypass: Option<bytes::Bytes>,
    /// Media opened for a callee before his leg exists.
    pub callee_media: Option<MediaPart>,
    /// Media legs that were closed and have not reported their account yet: port, index of the leg's record.
    pub closing_media: BTreeMap<MediaLegId, (u16, usize)>,
    /// The next number for a media leg of this call.
    pub media_legs: u8,
    /// Legs that are over, for the record.
    pub legs: Vec<LegRecord>,
    /// What was confirmed, for the record.
    pub confirmations: Vec<ConfirmationRecord>,
}

/// The screen session of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScreenPart {
    /// It was opened and has not reported its account yet.
    pub open: bool,
    /// Its account.
    pub counters: FrameCounters,
}

/// When things happened to a call.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The INVITE came.
    pub started: Instant,
    /// The caller was answered: by music, or by the callee.
    pub answered: Option<Instant>,
    /// The two were connected.
    pub connected: Option<Instant>,
    /// It ended.
    pub ended: Option<Instant>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What became of it.
    pub outcome: Outcome,
    /// Who ended it; `None` when the gateway did.
    pub by: Option<Side>,
}

impl Call {
    /// A call that has just arrived.
    pub fn new(key: CallKey, id: String, session_id: String, caller: Party, now: Instant) -> Call {
        Call {
            key,
            id,
            session_id,
            stage: Stage::Waiting,
            plan: Plan::Nowhere,
            bearer: Bearer::Wifi,
            caller,
            callee: None,
            seat: None,
            device: Device::default(),
            screen: ScreenPart::default(),
            times: Times { started: now, answered: None, connected: None, ended: None },
            ending: None,
            user: None,
            bypass: None,
            callee_media: None,
            closing_media: BTreeMap::new(),
            media_legs: 0,
            legs: Vec::new(),
            confirmations: Vec::new(),
        }
    }

    /// One of the parties.
    pub fn party(&self, side: Side) -> Option<&Party> {
        match side {
            Side::Caller => Some(&self.caller),
            Side::Callee => self.callee.as_ref(),
        }
    }

    /// One of the parties, to change it.
    pub fn party_mut(&mut self, side: Side) -> Option<&mut Party> {
        match side {
            Side::Caller => Some(&mut self.caller),
            Side::Callee => self.callee.as_mut(),
        }
    }

    /// Whether packets may pass between the two parties untouched; we do not transcode.
    pub fn passes_through(&self) -> bool {
        let agreement = |side| self.party(side).and_then(Party::agreement);
        match (agreement(Side::Caller), agreement(Side::Callee)) {
            (Some(caller), Some(callee)) => caller.audio.passes_through(&callee.audio),
            _ => false,
        }
    }

    /// Whether the screen session takes orders: it is open and was not told to close.
    pub fn has_live_screen(&self) -> bool {
        self.screen.open && self.stage != Stage::Closing
    }

    /// Whether nothing is left to wait for, so that the record can be written and the call forgotten.
    pub fn is_settled(&self) -> bool {
        self.stage == Stage::Closing && self.closing_media.is_empty() && !self.screen.open
    }
}
