//! One call of a seat: a loop over line, screens, glass and script.
#![allow(clippy::disallowed_methods)] // a shell: it reads the clock for its script

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::finger::Finger;
use super::script::{Act, Clerk, Step};
use super::{Script, SeatOptions, Warm};
use crate::client::error::ClientError;
use crate::client::glass::{self, Action, Glass, GlassEvent, Shown};
use crate::client::handset::frame_fields;
use crate::client::line::{Line, sleep_until};
use crate::client::phone::{CallEnd, PhoneEvent};
use crate::client::record::Recorder;
use crate::client::report::{CallReport, millis};
use crate::client::screens::{self, Names, News, Reach, Screens, screen_line};
use crate::client::story::{Story, What};
use crate::client::voice::{LISTEN_EVERY, Voice};
use crate::simulator::Simulator;
use crate::sip::sdp::{ScreenAgreement, ScreenLine};
use crate::sync::control::{Control, Key, Touch, YesNo};
use crate::sync::frame::Frame;

/// An action that the agent's script asked for, not the customer.
const OWN: u64 = 0;
/// Actions of the customer's that wait for the simulator.
const MAX_INPUTS: usize = 64;

/// Everything that one call needs.
pub(super) struct Call<'a> {
    options: &'a SeatOptions,
    line: &'a mut Line,
    story: &'a Story,
    recorder: &'a Recorder,
    voice: Voice,
    warm: Option<Warm>,
    glass: Option<Glass>,
    /// The customer's page, until there is a simulator to open it in.
    link: Option<String>,
    offered: Option<ScreenLine>,
    /// Agreed, and connected to when the caller has acknowledged our answer: then the gateway knows our path.
    agreed: Option<ScreenAgreement>,
    reach: Option<Reach>,
    screens: Option<Screens>,
    /// By what name frames reach the phone. Until it is known none is sent.
    phone: Option<String>,
    script: Option<Clerk>,
    finger: Finger,
    inputs: BTreeMap<u64, (What, Value)>,
    next_input: u64,
    pictures: HashSet<String>,
    latest: Option<Shown>,
    ring_until: Option<Instant>,
    answered: Option<Instant>,
    report: CallReport,
}

enum Happening {
    Phone(PhoneEvent),
    Screen(Result<News, ClientError>),
    Connect,
    Glass(GlassEvent),
    Warm(Result<Simulator, ClientError>),
    Listen,
    Script,
    Answer,
    Stop,
}

impl<'a> Call<'a> {
    /// Rings.
    pub async fn new(
        options: &'a SeatOptions,
        line: &'a mut Line,
        warm: Option<Warm>,
        recorder: &'a Recorder,
        story: &'a Story,
    ) -> Result<Self, ClientError> {
        let voice = Voice::bind(line.local().ip(), options.tones).await?;
        let offered = if warm.is_some() { Some(screen_line(line.local().ip())?) } else { None };
        let (phone, now) = line.phone();
        phone.ring(now)?;
        Ok(Call {
            options,
            line,
            story,
            recorder,
            voice,
            warm,
            glass: None,
            link: None,
            offered,
            agreed: None,
            reach: None,
            screens: None,
            phone: None,
            script: None,
            finger: Finger::default(),
            inputs: BTreeMap::new(),
            next_input: OWN + 1,
            pictures: HashSet::new(),
            latest: None,
            ring_until: Some(Instant::now() + options.ring_for),
            answered: None,
            report: CallReport::default(),
        })
    }

    /// Lives through the call and reports. The report is told also when something failed.
    /// What takes its time to close is left to `closing`.
    pub async fn run(mut self, stop: &CancellationToken, closing: &mut JoinSet<()>) -> Result<CallReport, ClientError> {
        let lived = self.live(stop).await;
        // Ended by the other side there is nothing to hang up.
        let (phone, now) = self.line.phone();
        let _ = phone.hang_up(480, now);
        let ended = match &lived {
            Ok(end) => end.to_string(),
            Err(error) => error.to_string(),
        };
        self.report.talk_ms = self.answered.map_or(0, |at| millis(at.into_std(), Instant::now().into_std()));
        self.report.end = Some(ended.clone());
        self.story.tell(What::CallEnded, ended, json!({"talk_ms": self.report.talk_ms}));
        self.line.settle().await;
        let heard = self.voice.stop().await;
        self.report.hear(&heard);
        let verdict = lived
            .and_then(|end| judge(&end, self.answered.is_some(), self.script.as_ref()))
            .and_then(|()| heard.verdict());
        self.report.ok = verdict.is_ok();
        self.report.failure = verdict.as_ref().err().map(ToString::to_string);
        self.report.tell(self.story);
        // The next customer does not wait for this one's browser to end.
        let (screens, glass) = (self.screens, self.glass);
        closing.spawn(async move {
            if let Some(screens) = screens {
                screens.close().await;
            }
            if let Some(glass) = glass {
                glass.close().await;
            }
        });
        verdict.map(|()| self.report)
    }

    async fn live(&mut self, stop: &CancellationToken) -> Result<CallEnd, ClientError> {
        let mut listen = tokio::time::interval(LISTEN_EVERY);
        loop {
            let script_at = self.script.as_ref().and_then(Clerk::poll_timeout).map(Instant::from_std);
            let happening = tokio::select! {
                event = self.line.next() => Happening::Phone(event),
                news = screens::next_of(self.screens.as_mut()) => Happening::Screen(news),
                () = sleep_until(self.reach.as_ref().and_then(Reach::due)) => Happening::Connect,
                event = glass::next_of(self.glass.as_mut()) => Happening::Glass(event),
                simulator = ready(self.warm.as_mut()) => Happening::Warm(simulator),
                _ = listen.tick() => Happening::Listen,
                () = sleep_until(script_at) => Happening::Script,
                () = sleep_until(self.ring_until) => Happening::Answer,
                () = stop.cancelled() => Happening::Stop,
            };
            match happening {
                Happening::Phone(PhoneEvent::Ended(end)) => return Ok(end),
                Happening::Phone(event) => self.phone_event(event)?,
                Happening::Screen(Ok(news)) => self.news(news).await?,
                Happening::Screen(Err(error)) => self.screen_ended(error)?,
                Happening::Connect => self.connect().await?,
                Happening::Glass(event) => self.glass_event(event)?,
                Happening::Warm(simulator) => self.simulator_is_up(simulator?),
                Happening::Listen => self.voice.listen(self.story),
                Happening::Script => {
                    let now = Instant::now().into_std();
                    self.script.iter_mut().for_each(|script| script.handle_timeout(now));
                }
                Happening::Answer => self.answer()?,
                Happening::Stop => return Err(ClientError::Stopped),
            }
            self.act()?;
        }
    }

    fn answer(&mut self) -> Result<(), ClientError> {
        self.ring_until = None;
        let mut media = self.voice.local_media();
        media.screen.clone_from(&self.offered);
        let (phone, now) = self.line.phone();
        Ok(phone.answer(media, now)?)
    }

    fn phone_event(&mut self, event: PhoneEvent) -> Result<(), ClientError> {
        match event {
            PhoneEvent::Media(agreement) => {
                self.voice.agree(&agreement.audio)?;
                self.agreed = agreement.screen;
            }
            PhoneEvent::Established { call_id } => {
                self.answered = Some(Instant::now());
                self.story.tell(What::CallAnswered, "the agent answers", json!({"call_id": call_id}));
                self.report.call_id = Some(call_id.clone());
                self.reach_out(call_id);
            }
            _ => {}
        }
        Ok(())
    }

    /// Both sides know that the call is up, so the gateway knows what we answered.
    fn reach_out(&mut self, call_id: String) {
        let (Some(own), Some(agreed)) = (&self.offered, self.agreed.take()) else { return };
        let names = Names {
            call_id,
            own: format!("sip:{}@{}", self.options.user, self.line.domain()),
            peer: "urn:tandem:unknown".into(),
            device: None,
        };
        self.reach = Some(Reach::new(own.clone(), agreed, names));
        if self.options.script == Script::Booking {
            self.script = Some(Clerk::new(Instant::now().into_std()));
        }
    }

    async fn connect(&mut self) -> Result<(), ClientError> {
        let Some(reach) = &mut self.reach else { return Ok(()) };
        let Some(screens) = reach.connect().await? else { return Ok(()) };
        self.screens = Some(screens);
        self.story.tell(What::ScreenConnected, "the screen session is connected", json!({}));
        self.show_again()
    }

    /// Once the script is done nothing depends on the session any more.
    fn screen_ended(&mut self, error: ClientError) -> Result<(), ClientError> {
        let screens = self.screens.take();
        let busy = self.script.as_ref().is_some_and(|script| script.step() != Step::Done);
        match &mut self.reach {
            Some(reach) if busy => reach.lost(screens, error),
            _ => Ok(()),
        }
    }

    fn simulator_is_up(&mut self, simulator: Simulator) {
        if let Some(warm) = self.warm.take() {
            self.glass = Some(Glass::start(simulator, &warm.config));
        }
        self.open_link();
    }

    /// Opens the customer's page as soon as there are both page and simulator.
    fn open_link(&mut self) {
        if let Some(glass) = &self.glass
            && let Some(link) = self.link.take()
        {
            self.story.tell(What::PageOpened, "the simulator opens the customer's page", json!({"url": link}));
            glass.act(OWN, Action::Open(link));
        }
    }

    async fn news(&mut self, news: News) -> Result<(), ClientError> {
        match news {
            News::Frame(frame) => self.frame(*frame).await?,
            News::Control(control) => self.control(*control)?,
            News::Delivered(frame) => {
                self.report.frames_delivered += 1;
                self.script.iter_mut().for_each(|script| script.delivered(frame.clone()));
            }
            News::Refused { status, what } => {
                self.report.refused += 1;
                tracing::debug!(status, what, "the screen session refused a message of ours");
                if what == "confirm.request" {
                    let now = Instant::now().into_std();
                    self.script.iter_mut().for_each(|script| script.question_refused(now));
                }
            }
            News::Foreign => self.report.cross_delivered += 1,
        }
        Ok(())
    }

    async fn frame(&mut self, frame: Frame) -> Result<(), ClientError> {
        self.report.frames_received += 1;
        self.pictures.insert(frame.hash.clone());
        self.report.distinct_frames = self.pictures.len() as u64;
        let mut fields = frame_fields(&frame);
        fields["file"] = json!(self.recorder.keep(&frame).await?);
        let page = frame.screen.as_deref().unwrap_or("a page");
        self.story.tell(What::FrameReceived, format!("sees the customer on {page} (frame {})", frame.seq), fields);
        Ok(())
    }

    fn control(&mut self, control: Control) -> Result<(), ClientError> {
        match control {
            Control::Context(context) => {
                self.link = context.screen.link.as_ref().map(ToString::to_string);
                self.open_link();
            }
            Control::SeatAssigned(assigned) => {
                let id = assigned.seat_id.to_string();
                self.story.tell(What::SeatAssigned, "the seat is the customer's", json!({"seat_id": id}));
                self.report.seat_id = Some(id);
                let phone = assigned.phone.as_ref().map(ToString::to_string);
                self.report.imei = phone.clone().filter(|phone| phone.starts_with("urn:gsma:imei:"));
                if let Some(phone) = &phone {
                    self.screens.iter_mut().for_each(|screens| screens.set_peer(phone));
                    self.reach.iter_mut().for_each(|reach| reach.set_peer(phone));
                }
                self.phone = phone;
                self.show_again()?;
            }
            Control::Touch(touch) => self.touch(touch),
            Control::Key(key) => self.key(&key),
            Control::ConfirmAnswer(answer) => {
                let yes = answer.answer == YesNo::Yes;
                self.report.confirmed |= yes;
                let fields = json!({"id": answer.id, "answer": answer.answer, "hash": answer.frame_hash});
                self.story.tell(
                    What::ConfirmAnswered,
                    if yes { "the customer agrees" } else { "the customer does not agree" },
                    fields,
                );
                self.script.iter_mut().for_each(|script| script.answered(&answer));
            }
            Control::KeyframeRequest(_) => self.show_again()?,
            _ => {}
        }
        Ok(())
    }

    /// The customer's finger. Only on a frame that we have sent it can have seen anything.
    fn touch(&mut self, touch: Touch) {
        let sent = self.screens.as_ref().and_then(|screens| screens.sent(touch.seq)).cloned();
        let (Some(sent), Some(glass)) = (sent, &self.glass) else {
            self.report.refused += 1;
            tracing::debug!(seq = touch.seq, "a touch on a frame that was never sent");
            return;
        };
        if let Some(action) = self.finger.touch(touch, sent.size, glass.size()) {
            let fields = json!({"seq": touch.seq, "x": touch.x, "y": touch.y, "screen": sent.screen});
            self.apply(What::TouchApplied, fields, action);
        }
    }

    fn key(&mut self, key: &Key) {
        match (&key.key, &key.text) {
            (Some(name), _) => self.apply(What::KeyApplied, json!({"key": name}), Action::Key(name.to_string())),
            (None, Some(text)) => self.apply(What::KeyApplied, json!({"text": true}), Action::Text(text.to_string())),
            (None, None) => {}
        }
    }

    /// Queues what the customer did, in order; its end is told when the simulator has done it.
    fn apply(&mut self, what: What, fields: Value, action: Action) {
        let tag = self.next_input;
        let queued = self.inputs.len() < MAX_INPUTS && self.glass.as_ref().is_some_and(|glass| glass.act(tag, action));
        if queued {
            self.next_input += 1;
            self.inputs.insert(tag, (what, fields));
        } else {
            self.report.refused += 1;
        }
    }

    fn glass_event(&mut self, event: GlassEvent) -> Result<(), ClientError> {
        let now = Instant::now().into_std();
        match event {
            // The empty page of a fresh browser is nobody's business.
            GlassEvent::Shown(shown) if shown.screen.url == "about:blank" => {}
            GlassEvent::Shown(shown) => {
                self.script.iter_mut().for_each(|script| script.shown(&shown.screen, now));
                self.send(&shown)?;
                self.latest = Some(*shown);
            }
            GlassEvent::Done { tag: OWN, outcome } => outcome?,
            GlassEvent::Done { tag, outcome } => self.applied(tag, outcome),
            GlassEvent::Ended(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn applied(&mut self, tag: u64, outcome: Result<(), ClientError>) {
        let Some((what, fields)) = self.inputs.remove(&tag) else { return };
        if let Err(error) = outcome {
            self.report.refused += 1;
            tracing::warn!(%error, "what the customer did could not be applied");
            return;
        }
        if what == What::KeyApplied {
            self.report.keys_applied += 1;
            let now = Instant::now().into_std();
            self.script.iter_mut().for_each(|script| script.typed(now));
            self.story.tell(what, "the customer's key reaches the simulator", fields);
        } else {
            self.report.touches_applied += 1;
            self.story.tell(what, "the customer's finger reaches the simulator", fields);
        }
    }

    fn show_again(&mut self) -> Result<(), ClientError> {
        match self.latest.clone() {
            Some(shown) => self.send(&shown),
            None => Ok(()),
        }
    }

    /// Sends a picture of the simulator to the phone, by its name and by nothing else.
    fn send(&mut self, shown: &Shown) -> Result<(), ClientError> {
        let (Some(screens), Some(_)) = (&mut self.screens, &self.phone) else { return Ok(()) };
        let sent = screens.send_frame(shown)?;
        self.report.frames_sent += 1;
        self.script.iter_mut().for_each(|script| script.sent(sent.seq));
        let page = sent.screen.clone().unwrap_or_else(|| "a page".into());
        let fields =
            json!({"seq": sent.seq, "screen": sent.screen, "hash": sent.hash, "bytes": shown.frame.bytes.len()});
        self.story.tell(What::FrameSent, format!("shows the customer {page} (frame {})", sent.seq), fields);
        Ok(())
    }

    /// Does what the script wants done.
    fn act(&mut self) -> Result<(), ClientError> {
        while let Some(act) = self.script.as_mut().and_then(Clerk::poll_act) {
            match act {
                Act::Ask(question) => {
                    let fields = json!({
                        "id": question.id, "seq": question.frame_seq, "hash": question.frame_hash, "amount": question.amount,
                    });
                    let text = format!("asks: {}", question.summary);
                    self.say(&Control::ConfirmRequest(question))?;
                    self.story.tell(What::ConfirmRequested, text, fields);
                }
                Act::Press(selector) => {
                    if let Some(glass) = &self.glass {
                        glass.act(OWN, Action::Press(selector));
                    }
                }
                Act::Ordered(order) => {
                    self.story.tell(What::OrderPlaced, format!("the order {order} is placed"), json!({"order": order}));
                    self.report.order = Some(order);
                }
                Act::HandOver(handoff) => {
                    let fields = json!({"url": handoff.url});
                    self.say(&Control::Handoff(handoff))?;
                    self.report.handed_off = true;
                    self.story.tell(What::Handoff, "hands the page of the order over", fields);
                }
            }
        }
        Ok(())
    }

    fn say(&mut self, control: &Control) -> Result<(), ClientError> {
        match &mut self.screens {
            Some(screens) => screens.send_control(control),
            None => Ok(()),
        }
    }
}

/// Waits for a browser that may not be wanted.
async fn ready(warm: Option<&mut Warm>) -> Result<Simulator, ClientError> {
    match warm {
        Some(warm) => warm.ready().await,
        None => std::future::pending().await,
    }
}

/// Whether the call itself went as it should.
fn judge(end: &CallEnd, answered: bool, script: Option<&Clerk>) -> Result<(), ClientError> {
    let done = script.is_none_or(|script| script.step() == Step::Done);
    match end {
        CallEnd::HungUp | CallEnd::PeerHungUp if answered && done => Ok(()),
        _ => Err(ClientError::Call { target: "the seat".into(), end: end.clone() }),
    }
}
