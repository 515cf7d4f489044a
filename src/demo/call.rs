//! One call, from the start of the phone to the row in the call records.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, interval, sleep_until};

use super::actor::Actor;
use super::audience::Audience;
use super::error::DemoError;
use super::evidence::{Evidence, Recorded, Screen};
use super::network::Network;
use super::process::{Notice, Said};
use super::record;
use super::stage::Stage;
use super::timeline;
use super::unix_ms;
use crate::client::{StoryEvent, What};

/// Lines of several processes arrive in some disorder; they are told in the order of their time after this long.
const SETTLE_MS: u64 = 150;
const SETTLE_EVERY: Duration = Duration::from_millis(50);

/// How long the others may take to tell of a call after the phone has ended.
const LAST_REPORTS: Duration = Duration::from_secs(10);

/// How long a phone that was told to hang up may take.
const HANG_UP: Duration = Duration::from_secs(6);

/// A call that is being played.
pub(super) struct Play<'s> {
    stage: &'s mut Stage,
    audience: &'s mut Audience,
    number: u32,
    evidence: Evidence,
    /// Events by their time, until they are told.
    waiting: BTreeMap<(u64, u64), Told>,
    arrived: u64,
    placed_ms: Option<u64>,
}

/// An event on its way to the audience.
struct Told {
    who: Actor,
    event: StoryEvent,
    frame: Option<Recorded>,
}

impl<'s> Play<'s> {
    pub(super) fn new(stage: &'s mut Stage, audience: &'s mut Audience, number: u32, network: Network) -> Play<'s> {
        let (waiting, evidence) = (BTreeMap::new(), Evidence::new(network));
        Play { stage, audience, number, evidence, waiting, arrived: 0, placed_ms: None }
    }

    /// Plays it, in `patience` at most. What goes wrong in the call is in the evidence; an error ends the whole
    /// demonstration.
    pub(super) async fn run(mut self, patience: Duration) -> Result<Evidence, DemoError> {
        self.audience.begin(self.number, self.evidence.network);
        let before = record::count(&self.stage.folder.database()).await;
        let words = match self.evidence.network {
            Network::Wifi => "starting the customer's phone and its screen (Chromium)",
            Network::Cellular => "starting the customer's phone",
        };
        self.audience.progress(words);
        self.stage.start_handset(self.number, self.evidence.network)?;
        let outcome = self.follow(Instant::now() + patience).await;
        self.tell(u64::MAX);
        if let Err(error) = outcome {
            self.evidence.troubles.push(error.to_string());
            self.evidence.is_broken = true;
            return Ok(self.evidence);
        }
        match before {
            Ok(before) => self.read_record(before).await,
            Err(error) => self.evidence.troubles.push(format!("the call records cannot be read: {error}")),
        }
        Ok(self.evidence)
    }

    /// Follows the call until the phone has ended and the other end has reported.
    async fn follow(&mut self, deadline: Instant) -> Result<(), DemoError> {
        let mut settle = interval(SETTLE_EVERY);
        let mut deadline = deadline;
        let mut phone = Phone::Running;
        while phone != Phone::Ended || !(self.is_reported() || self.is_hopeless()) {
            let notice = tokio::select! {
                notice = self.stage.next() => notice?,
                _ = settle.tick() => {
                    self.tell(unix_ms().saturating_sub(SETTLE_MS));
                    continue;
                }
                () = sleep_until(deadline) => {
                    match phone {
                        Phone::Running => {
                            self.evidence.troubles.push(format!("the call took too long: {}", self.last_seen()));
                            self.stage.handset.iter_mut().for_each(super::process::Process::ask_to_end);
                            (phone, deadline) = (Phone::ToldToEnd, Instant::now() + HANG_UP);
                            continue;
                        }
                        Phone::ToldToEnd | Phone::Ended => break,
                    }
                }
            };
            if self.take(notice) && phone != Phone::Ended {
                (phone, deadline) = (Phone::Ended, Instant::now() + LAST_REPORTS);
            }
        }
        if let Some(mut handset) = self.stage.handset.take() {
            // It said its last word, so this only reaps it.
            handset.end().await;
            if !self.has_told(Actor::Handset, What::Report) {
                self.evidence.troubles.push(format!("the customer's phone gave up: {}", handset.last_words()));
            }
        }
        Ok(())
    }

    /// True when the phone of this call has ended.
    fn take(&mut self, notice: Notice) -> bool {
        let is_ours = self.stage.handset.as_ref().is_some_and(|handset| handset.pid() == notice.pid);
        if notice.who == Actor::Handset && !is_ours {
            return false;
        }
        match notice.said {
            Said::Closed => return true,
            Said::Line(_) => {}
            Said::Event(event) => self.hear(notice.who, *event),
        }
        false
    }

    fn hear(&mut self, who: Actor, event: StoryEvent) {
        if who == Actor::Handset && event.what == What::CallPlaced {
            self.placed_ms.get_or_insert(event.at_ms);
        }
        let frame = if event.what == What::FrameReceived { self.keep(who, &event) } else { None };
        self.arrived += 1;
        self.waiting.insert((event.at_ms, self.arrived), Told { who, event, frame });
    }

    /// Takes a frame that somebody received out of his inbox.
    fn keep(&mut self, who: Actor, event: &StoryEvent) -> Option<Recorded> {
        let screen = if who == Actor::Handset { Screen::Simulator } else { Screen::Customer };
        let name = event.fields.get("file").and_then(Value::as_str)?;
        let seq = event.fields.get("seq").and_then(Value::as_u64)?;
        let from = self.stage.inbox_of(who, self.number).join(name);
        match Recorded::take(screen, seq, &from, &self.stage.folder.frames(self.number)) {
            Ok(frame) => {
                self.evidence.frames.push(frame.clone());
                Some(frame)
            }
            Err(error) => {
                self.evidence.troubles.push(format!("the frame {} cannot be kept: {error}", from.display()));
                None
            }
        }
    }

    /// Tells what happened up to a moment.
    fn tell(&mut self, until_ms: u64) {
        while let Some(first) = self.waiting.first_entry() {
            if first.key().0 > until_ms {
                return;
            }
            let Told { who, event, frame } = first.remove();
            if let Some(line) = timeline::line(who, &event, self.evidence.network, self.placed_ms) {
                if let Some(frame) = &frame {
                    self.audience.frame(frame, line.ms);
                }
                self.audience.line(&line);
            }
            self.evidence.events.push((who, event));
        }
    }

    /// A phone that never called has nobody who could report.
    fn is_hopeless(&self) -> bool {
        self.placed_ms.is_none()
    }

    /// Whether the other end has told all that it saw.
    fn is_reported(&self) -> bool {
        match self.evidence.network {
            Network::Wifi => (1..=super::SEATS).any(|number| self.has_told(Actor::Seat(number), What::Report)),
            Network::Cellular => self.has_told(Actor::Carrier, What::Report),
        }
    }

    fn has_told(&self, who: Actor, what: What) -> bool {
        let waiting = self.waiting.values().map(|told| (told.who, told.event.what));
        let told = self.evidence.events.iter().map(|(who, event)| (*who, event.what));
        told.chain(waiting).any(|told| told == (who, what))
    }

    fn last_seen(&self) -> String {
        let waiting = self.waiting.values().map(|told| &told.event);
        let last = self.evidence.events.iter().map(|(_, event)| event).chain(waiting).last();
        last.map_or_else(|| "nothing happened at all".to_owned(), |event| format!("last seen: {}", event.text))
    }

    /// Reads the row of this call.
    async fn read_record(&mut self, before: u64) {
        let Some(call_id) = self.evidence.call_id() else {
            self.evidence.troubles.push("the phone never placed its call".to_owned());
            return;
        };
        match record::rows(&self.stage.folder.database(), &call_id).await {
            Ok((rows, all)) => {
                if let Some(row) = rows.first() {
                    let line = timeline::written(row, unix_ms(), self.placed_ms);
                    self.audience.line(&line);
                }
                self.evidence.rows = rows;
                self.evidence.rows_added = all.saturating_sub(before);
            }
            Err(error) => self.evidence.troubles.push(format!("the call records cannot be read: {error}")),
        }
    }
}

/// The phone's process.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phone {
    Running,
    ToldToEnd,
    Ended,
}
