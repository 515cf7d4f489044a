//! The call of a handset: one loop over line, screens, glass and script.
#![allow(clippy::disallowed_methods)] // a shell: it reads the clock for its script

use std::collections::HashSet;

use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::context::{context, part};
use super::options::HandsetOptions;
use super::script::{Act, Booking, Step};
use crate::client::error::ClientError;
use crate::client::glass::{self, Action, Glass, GlassEvent, Shown};
use crate::client::line::{Line, sleep_until};
use crate::client::phone::{AccessNetwork, CallEnd, PhoneEvent, Placing};
use crate::client::record::Recorder;
use crate::client::report::{CallReport, millis};
use crate::client::screens::{self, Names, News, Reach, Screens, screen_line};
use crate::client::story::{Story, What};
use crate::client::voice::{LISTEN_EVERY, Voice};
use crate::simulator::Screen;
use crate::sip::sdp::{Agreement, ScreenLine};
use crate::sync::control::{Control, YesNo};
use crate::sync::frame::Frame;
use crate::sync::identity::DeviceIdentity;

/// How long the customer listens on for the tone once the script is done, before he hangs up in any case.
const LISTEN_ON: std::time::Duration = std::time::Duration::from_secs(10);

/// How long he says goodbye: what he has heard by now, the other side has heard a little later.
const GOODBYE: std::time::Duration = std::time::Duration::from_millis(1500);

/// Everything that one call needs.
pub(super) struct Call<'a> {
    options: &'a HandsetOptions,
    line: &'a mut Line,
    story: &'a Story,
    recorder: Recorder,
    voice: Voice,
    glass: Option<Glass>,
    /// Our end of the screen stream, as offered.
    offered: Option<ScreenLine>,
    reach: Option<Reach>,
    screens: Option<Screens>,
    script: Option<Booking>,
    latest: Option<Shown>,
    pictures: HashSet<String>,
    begun: Instant,
    answered: Option<Instant>,
    hang_up_at: Option<Instant>,
    says_goodbye: bool,
    report: CallReport,
}

enum Happening {
    Phone(PhoneEvent),
    Screen(Result<News, ClientError>),
    Connect,
    Glass(GlassEvent),
    Listen,
    Script,
    HangUp,
    Stop,
}

impl<'a> Call<'a> {
    /// Sends the INVITE.
    #[allow(clippy::too_many_arguments)] // the parts of a handset, put together in one place
    pub fn place(
        options: &'a HandsetOptions,
        line: &'a mut Line,
        voice: Voice,
        glass: Option<Glass>,
        page: Option<Screen>,
        script: Option<Booking>,
        recorder: Recorder,
        story: &'a Story,
    ) -> Result<Self, ClientError> {
        let mut media = voice.local_media();
        if glass.is_some() {
            media.screen = Some(screen_line(line.local().ip())?);
        }
        let offered = media.screen.clone();
        let parts = vec![part(&context(options, page.as_ref()))];
        let (phone, now) = line.phone();
        let call_id = phone.call(Placing { target: options.to.clone(), media, parts }, now)?;
        let network = match options.network {
            AccessNetwork::Wifi => "Wi-Fi",
            AccessNetwork::Cellular => "the mobile network",
        };
        story.tell(
            What::CallPlaced,
            format!("calls {} over {network}", options.to),
            json!({"call_id": call_id, "to": options.to.to_string(), "screen": offered.is_some()}),
        );
        let bearer = if options.network == AccessNetwork::Wifi { "wifi" } else { "pstn" };
        let report = CallReport {
            call_id: Some(call_id),
            imei: options.imei.as_ref().map(ToString::to_string),
            bearer: Some(bearer.to_owned()),
            ..CallReport::default()
        };
        Ok(Call {
            options,
            line,
            story,
            recorder,
            voice,
            glass,
            offered,
            reach: None,
            screens: None,
            script,
            latest: None,
            pictures: HashSet::new(),
            begun: Instant::now(),
            answered: None,
            hang_up_at: None,
            says_goodbye: false,
            report,
        })
    }

    /// Lives through the call and reports. The report is told also when something failed.
    pub async fn run(mut self, stop: &CancellationToken) -> Result<CallReport, ClientError> {
        let lived = self.live(stop).await;
        // Ended by the other side there is nothing to hang up.
        let (phone, now) = self.line.phone();
        let _ = phone.hang_up(480, now);
        let ended = match &lived {
            Ok(end) => end.to_string(),
            Err(error) => error.to_string(),
        };
        self.report.talk_ms = self.answered.map_or(0, span_ms);
        self.report.end = Some(ended.clone());
        self.story.tell(What::CallEnded, ended, json!({"talk_ms": self.report.talk_ms}));
        self.line.settle().await;
        let heard = self.voice.stop().await;
        self.report.hear(&heard);
        let verdict = lived
            .and_then(|end| judge(&end, self.answered.is_some(), self.script.as_ref(), &self.options.to.to_string()))
            .and_then(|()| crossed(self.report.cross_delivered))
            .and_then(|()| heard.verdict());
        self.report.ok = verdict.is_ok();
        self.report.failure = verdict.as_ref().err().map(ToString::to_string);
        self.report.tell(self.story);
        if let Some(screens) = self.screens {
            screens.close().await;
        }
        if let Some(glass) = self.glass {
            glass.close().await;
        }
        verdict.map(|()| self.report)
    }

    async fn live(&mut self, stop: &CancellationToken) -> Result<CallEnd, ClientError> {
        let mut listen = tokio::time::interval(LISTEN_EVERY);
        loop {
            let script_at = self.answered.and(self.script.as_ref()).and_then(Booking::poll_timeout);
            let happening = tokio::select! {
                event = self.line.next() => Happening::Phone(event),
                news = screens::next_of(self.screens.as_mut()) => Happening::Screen(news),
                () = sleep_until(self.reach.as_ref().and_then(Reach::due)) => Happening::Connect,
                event = glass::next_of(self.glass.as_mut()) => Happening::Glass(event),
                _ = listen.tick() => Happening::Listen,
                () = sleep_until(script_at.map(Instant::from_std)) => Happening::Script,
                () = sleep_until(self.hang_up_at) => Happening::HangUp,
                () = stop.cancelled() => Happening::Stop,
            };
            match happening {
                Happening::Phone(PhoneEvent::Ended(end)) => return Ok(end),
                Happening::Phone(event) => self.phone_event(event)?,
                Happening::Screen(Ok(news)) => self.news(news).await?,
                Happening::Screen(Err(error)) => self.screen_ended(error)?,
                Happening::Connect => self.connect().await?,
                Happening::Glass(event) => self.glass_event(event)?,
                Happening::Listen => self.voice.listen(self.story),
                Happening::Script => self.script_timeout()?,
                Happening::HangUp => return Ok(CallEnd::HungUp),
                Happening::Stop => return Err(ClientError::Stopped),
            }
            self.act()?;
            self.finish_in_time();
        }
    }

    fn phone_event(&mut self, event: PhoneEvent) -> Result<(), ClientError> {
        match event {
            PhoneEvent::Ringing { status } => {
                self.story.tell(What::CallRinging, "it rings", json!({"status": status}));
            }
            PhoneEvent::Media(agreement) => self.agreed(&agreement)?,
            PhoneEvent::Established { call_id } => {
                let setup_ms = span_ms(self.begun);
                self.answered = Some(Instant::now());
                self.report.setup_ms = Some(setup_ms);
                let fields = json!({"call_id": call_id, "setup_ms": setup_ms});
                self.story.tell(What::CallAnswered, format!("answered after {setup_ms} ms"), fields);
            }
            _ => {}
        }
        Ok(())
    }

    fn agreed(&mut self, agreement: &Agreement) -> Result<(), ClientError> {
        self.voice.agree(&agreement.audio)?;
        let (Some(own), None) = (&self.offered, &self.reach) else { return Ok(()) };
        let Some(agreed) = &agreement.screen else {
            if self.script.is_some() {
                let reason = "the gateway refused the screen stream of this call".to_owned();
                return Err(ClientError::Screen { path: own.path.clone(), reason });
            }
            return Ok(());
        };
        let device = DeviceIdentity::new(self.options.imei.clone());
        let names = Names {
            call_id: self.report.call_id.clone().unwrap_or_default(),
            own: device.primary().map(ToString::to_string).unwrap_or_default(),
            peer: "urn:tandem:seat:unknown".into(),
            device: Some(device),
        };
        self.reach = Some(Reach::new(own.clone(), agreed.clone(), names));
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), ClientError> {
        let Some(reach) = &mut self.reach else { return Ok(()) };
        let Some(screens) = reach.connect().await? else { return Ok(()) };
        self.screens = Some(screens);
        self.story.tell(What::ScreenConnected, "the screen session is connected", json!({}));
        match self.latest.clone() {
            Some(shown) => self.send(&shown),
            None => Ok(()),
        }
    }

    fn screen_ended(&mut self, error: ClientError) -> Result<(), ClientError> {
        let screens = self.screens.take();
        match &mut self.reach {
            Some(reach) => reach.lost(screens, error),
            None => Err(error),
        }
    }

    async fn news(&mut self, news: News) -> Result<(), ClientError> {
        match news {
            News::Frame(frame) => self.frame(*frame).await?,
            News::Control(control) => self.control(*control),
            News::Delivered(_) => self.report.frames_delivered += 1,
            News::Refused { status, what } => {
                self.report.refused += 1;
                tracing::debug!(status, what, "the screen session refused a message of ours");
            }
            News::Foreign => self.report.cross_delivered += 1,
        }
        Ok(())
    }

    async fn frame(&mut self, frame: Frame) -> Result<(), ClientError> {
        self.report.frames_received += 1;
        self.pictures.insert(frame.hash.clone());
        self.report.distinct_frames = self.pictures.len() as u64;
        let first = self.report.first_frame_ms.is_none();
        let first_frame_ms = *self.report.first_frame_ms.get_or_insert_with(|| span_ms(self.begun));
        let file = self.recorder.keep(&frame).await?;
        let mut fields = frame_fields(&frame);
        fields["file"] = json!(file);
        if first {
            fields["first_frame_ms"] = json!(first_frame_ms);
        }
        let page = frame.screen.as_deref().unwrap_or("a page");
        self.story.tell(What::FrameReceived, format!("sees the seat on {page} (frame {})", frame.seq), fields);
        if let Some(script) = &mut self.script {
            script.frame(&frame, Instant::now().into_std());
        }
        Ok(())
    }

    fn control(&mut self, control: Control) {
        let now = Instant::now().into_std();
        match control {
            Control::Position(position) => {
                let text = format!("is number {} in the queue", position.position);
                let fields = json!({"position": position.position, "expected_wait_s": position.expected_wait_s});
                self.story.tell(What::QueuePosition, text, fields);
            }
            Control::SeatAssigned(assigned) => {
                let (id, name) = (assigned.seat_id.to_string(), assigned.seat_name.to_string());
                let peer = format!("urn:tandem:seat:{id}");
                self.screens.iter_mut().for_each(|screens| screens.set_peer(&peer));
                self.reach.iter_mut().for_each(|reach| reach.set_peer(&peer));
                self.story.tell(
                    What::SeatAssigned,
                    format!("seat {name} is his"),
                    json!({"seat_id": id, "seat_name": name}),
                );
                self.report.seat_id = Some(id);
            }
            Control::ConfirmRequest(request) => {
                let fields = json!({"id": request.id, "seq": request.frame_seq, "hash": request.frame_hash, "amount": request.amount});
                self.story.tell(What::ConfirmRequested, format!("is asked: {}", request.summary), fields);
                if let Some(script) = &mut self.script {
                    script.question(&request, now);
                }
            }
            Control::Handoff(handoff) => {
                self.report.handed_off = true;
                self.story.tell(What::Handoff, "is handed the page of his order", json!({"url": handoff.url}));
                if let Some(script) = &mut self.script {
                    script.handoff(&handoff.url, now);
                }
            }
            Control::KeyframeRequest(_) => {
                if let Some(shown) = self.latest.clone() {
                    // A frame that cannot be sent now is asked for again.
                    let _ = self.send(&shown);
                }
            }
            _ => {}
        }
    }

    fn glass_event(&mut self, event: GlassEvent) -> Result<(), ClientError> {
        match event {
            GlassEvent::Shown(shown) => {
                if let Some(script) = &mut self.script {
                    script.own_page(shown.screen.name.as_deref(), Instant::now().into_std());
                }
                if self.report.order.is_none() && shown.screen.name.as_deref() == Some("order.confirmed") {
                    self.report.order = shown.screen.facts.get("order").cloned();
                }
                self.send(&shown)?;
                self.latest = Some(*shown);
                Ok(())
            }
            GlassEvent::Done { outcome, .. } => outcome,
            GlassEvent::Ended(error) => Err(error.into()),
        }
    }

    /// Sends a picture of our screen, if the session is there.
    fn send(&mut self, shown: &Shown) -> Result<(), ClientError> {
        let Some(screens) = &mut self.screens else { return Ok(()) };
        let sent = screens.send_frame(shown)?;
        self.report.frames_sent += 1;
        let page = sent.screen.clone().unwrap_or_else(|| "a page".into());
        let fields =
            json!({"seq": sent.seq, "screen": sent.screen, "hash": sent.hash, "bytes": shown.frame.bytes.len()});
        self.story.tell(What::FrameSent, format!("shows the seat {page} (frame {})", sent.seq), fields);
        Ok(())
    }

    /// Does what the script wants done.
    fn act(&mut self) -> Result<(), ClientError> {
        while let Some(act) = self.script.as_mut().and_then(Booking::poll_act) {
            match act {
                Act::Touch(touch) => {
                    self.say(&Control::Touch(touch))?;
                    self.report.touches_sent += 1;
                    let text = format!("touches the book button on frame {}", touch.seq);
                    self.story.tell(What::TouchSent, text, json!({"seq": touch.seq, "x": touch.x, "y": touch.y}));
                }
                Act::Key(key) => {
                    let name = key.key.as_deref().or(key.text.as_deref()).unwrap_or_default().to_owned();
                    self.say(&Control::Key(key))?;
                    self.report.keys_sent += 1;
                    self.story.tell(What::KeySent, format!("presses {name}"), json!({"key": name}));
                }
                Act::Dial(digit) => self.voice.press(&digit.to_string(), self.story),
                Act::Answer(answer) => {
                    let yes = answer.answer == YesNo::Yes;
                    let fields = json!({"id": answer.id, "answer": answer.answer, "hash": answer.frame_hash});
                    self.say(&Control::ConfirmAnswer(answer))?;
                    self.report.confirmed |= yes;
                    let text =
                        if yes { "agrees to the frame that he sees" } else { "refuses a frame that he has not seen" };
                    self.story.tell(What::ConfirmAnswered, text, fields);
                }
                Act::Open(url) => {
                    let queued = self.glass.as_ref().is_some_and(|glass| glass.act(0, Action::Open(url.clone())));
                    if queued {
                        self.story.tell(What::PageOpened, "opens the page of his order", json!({"url": url}));
                    }
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

    fn script_timeout(&mut self) -> Result<(), ClientError> {
        let now = Instant::now().into_std();
        let Some(script) = &mut self.script else { return Ok(()) };
        script.handle_timeout(now);
        match script.is_stuck(now) {
            Some((step, seconds)) => Err(ClientError::Stuck { step, seconds }),
            None => Ok(()),
        }
    }

    /// Without script the call has its time; with one it ends when all is done and the tone was heard.
    fn finish_in_time(&mut self) {
        let Some(answered) = self.answered else { return };
        match &self.script {
            None => self.hang_up_at = Some(answered + self.options.call_for),
            Some(script) if script.step() == Step::Done => {
                let patience = *self.hang_up_at.get_or_insert_with(|| Instant::now() + LISTEN_ON);
                if self.voice.is_heard() && !self.says_goodbye {
                    self.says_goodbye = true;
                    self.hang_up_at = Some(patience.min(Instant::now() + GOODBYE));
                }
            }
            Some(_) => {}
        }
    }
}

/// Milliseconds since then.
fn span_ms(since: Instant) -> u64 {
    millis(since.into_std(), Instant::now().into_std())
}

/// What a frame's event says.
pub(in crate::client) fn frame_fields(frame: &Frame) -> serde_json::Value {
    json!({
        "seq": frame.seq, "screen": frame.screen, "hash": frame.hash, "bytes": frame.image.len(),
        "width": frame.full.width, "height": frame.full.height,
    })
}

/// Whether the call itself went as it should.
fn judge(end: &CallEnd, answered: bool, script: Option<&Booking>, target: &str) -> Result<(), ClientError> {
    let failed = || Err(ClientError::Call { target: target.to_owned(), end: end.clone() });
    match script {
        Some(script) if script.step() != Step::Done => failed(),
        _ if !answered => failed(),
        _ if matches!(end, CallEnd::HungUp | CallEnd::PeerHungUp) => Ok(()),
        _ => failed(),
    }
}

fn crossed(count: u64) -> Result<(), ClientError> {
    if count == 0 { Ok(()) } else { Err(ClientError::CrossDelivered { count }) }
}
