//! What was seen of one call, by whom.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::actor::Actor;
use super::network::Network;
use crate::client::report::CallReport;
use crate::client::{StoryEvent, What};
use crate::store::CallRecord;

/// Whose screen a recorded frame shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Screen {
    /// The customer's own, as the seat received it.
    Customer,
    /// The seat's simulator, as the customer's phone received it.
    Simulator,
}

impl Screen {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Screen::Customer => "customer",
            Screen::Simulator => "simulator",
        }
    }
}

/// A frame as its receiver wrote it down.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub screen: Screen,
    pub seq: u64,
    /// SHA-256 of the file, hex: computed here, not taken from anybody's word.
    pub hash: String,
    pub path: PathBuf,
}

impl Recorded {
    /// Takes a frame out of a receiver's inbox, where the next call would write over it.
    pub(super) fn take(screen: Screen, seq: u64, from: &Path, into: &Path) -> io::Result<Recorded> {
        let extension = from.extension().and_then(|extension| extension.to_str()).unwrap_or("bin");
        let path = into.join(format!("{}-{seq:04}.{extension}", screen.as_str()));
        fs::create_dir_all(into)?;
        fs::rename(from, &path)?;
        let hash = hex::encode(Sha256::digest(fs::read(&path)?));
        Ok(Recorded { screen, seq, hash, path })
    }
}

/// Everything that a verdict is made from.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub network: Network,
    /// All events of the call, in the order of their time.
    pub events: Vec<(Actor, StoryEvent)>,
    /// Every frame that was written down.
    pub frames: Vec<Recorded>,
    /// The rows of the call records that name the handset's Call-ID.
    pub rows: Vec<CallRecord>,
    /// Rows of all calls that were added since this one began.
    pub rows_added: u64,
    /// What went wrong around the call: a process that died, a time that ran out.
    pub troubles: Vec<String>,
    /// Whether the demonstration cannot go on: a process that should last has ended.
    pub is_broken: bool,
}

impl Evidence {
    pub(super) fn new(network: Network) -> Evidence {
        let (events, frames, rows, troubles) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Evidence { network, events, frames, rows, rows_added: 0, troubles, is_broken: false }
    }

    /// The handset's own summary.
    pub(super) fn handset(&self) -> Option<CallReport> {
        self.report(|who| who == Actor::Handset)
    }

    /// The summary of whoever answered: a seat, or the carrier.
    pub(super) fn peer(&self) -> Option<CallReport> {
        match self.network {
            Network::Wifi => self.report(|who| matches!(who, Actor::Seat(_))),
            Network::Cellular => self.report(|who| who == Actor::Carrier),
        }
    }

    /// The Call-ID of the handset's leg, as it said it when it called.
    pub(super) fn call_id(&self) -> Option<String> {
        let placed = self.event(Actor::Handset, What::CallPlaced)?;
        placed.fields.get("call_id").and_then(Value::as_str).map(str::to_owned)
    }

    /// The first event of this kind that `who` told.
    pub(super) fn event(&self, who: Actor, what: What) -> Option<&StoryEvent> {
        self.events.iter().find(|(teller, event)| *teller == who && event.what == what).map(|(_, event)| event)
    }

    /// Whether any seat told this.
    pub(super) fn seat_told(&self, what: What) -> bool {
        self.events.iter().any(|(who, event)| matches!(who, Actor::Seat(_)) && event.what == what)
    }

    /// Frames that were written down, of one screen.
    pub(super) fn recorded(&self, screen: Screen) -> u64 {
        self.frames.iter().filter(|frame| frame.screen == screen).count() as u64
    }

    fn report(&self, is_teller: impl Fn(Actor) -> bool) -> Option<CallReport> {
        let told = |(who, event): &&(Actor, StoryEvent)| is_teller(*who) && event.what == What::Report;
        let (_, event) = self.events.iter().rev().find(told)?;
        serde_json::from_value(Value::Object(event.fields.clone())).ok()
    }
}
