//! The script `booking` of the agent, without I/O: when he asks, orders and hands the order over.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::client::screens::SentFrame;
use crate::simulator::Screen;
use crate::sync::control::{ConfirmAnswer, ConfirmRequest, Handoff, YesNo};
use crate::sync::text::Text;

/// The pages of the demo site that the script knows.
const ORDER_FORM: &str = "order.form";
const ORDER_CONFIRMED: &str = "order.confirmed";
/// The button that places the order.
const PLACE: &str = "#place";
/// The form must stand still for so long before it is asked about.
const SETTLE: Duration = Duration::from_millis(800);
/// The customer may type into the form; without a key by then he will not.
const TYPES_WITHIN: Duration = Duration::from_secs(4);

/// Where the agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The customer leads; the form is not there, or not at rest.
    Watching,
    /// The question is asked.
    Asked,
    /// The customer agreed; the button is pressed.
    Ordering,
    /// The customer did not agree.
    Declined,
    /// The order's page was handed over.
    Done,
}

/// What the agent does.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Asks about a frame.
    Ask(ConfirmRequest),
    /// Presses an element of his own screen.
    Press(&'static str),
    /// Notes the order's number.
    Ordered(String),
    /// Hands a page over.
    HandOver(Handoff),
}

/// The script.
#[derive(Debug)]
pub struct Clerk {
    step: Step,
    questions: u32,
    page: Screen,
    /// When the form was first shown, and when anything last changed on it.
    on_form: Option<Instant>,
    changed_at: Instant,
    typed: bool,
    last_sent: u64,
    delivered: Option<SentFrame>,
    acts: VecDeque<Act>,
}

impl Clerk {
    /// An agent whose call begins.
    pub fn new(now: Instant) -> Clerk {
        Clerk {
            step: Step::Watching,
            questions: 0,
            page: Screen::default(),
            on_form: None,
            changed_at: now,
            typed: false,
            last_sent: 0,
            delivered: None,
            acts: VecDeque::new(),
        }
    }

    /// Where he is.
    pub fn step(&self) -> Step {
        self.step
    }

    /// The next thing he does.
    pub fn poll_act(&mut self) -> Option<Act> {
        self.acts.pop_front()
    }

    /// His own screen shows a page.
    pub fn shown(&mut self, page: &Screen, now: Instant) {
        self.page = page.clone();
        self.changed_at = now;
        match page.name.as_deref() {
            Some(ORDER_FORM) => drop(self.on_form.get_or_insert(now)),
            Some(ORDER_CONFIRMED) if self.step == Step::Ordering => self.hand_over(),
            _ => self.on_form = None,
        }
    }

    /// A picture of his screen was sent.
    pub fn sent(&mut self, seq: u64) {
        self.last_sent = seq;
    }

    /// The phone has it.
    pub fn delivered(&mut self, frame: SentFrame) {
        self.delivered = Some(frame);
    }

    /// A key of the customer's was applied.
    pub fn typed(&mut self, now: Instant) {
        self.typed |= self.on_form.is_some();
        self.changed_at = now;
    }

    /// The question was refused: the phone shows another frame by now.
    pub fn question_refused(&mut self, now: Instant) {
        if self.step == Step::Asked {
            self.step = Step::Watching;
            self.changed_at = now;
        }
    }

    /// The customer answered.
    pub fn answered(&mut self, answer: &ConfirmAnswer) {
        if self.step != Step::Asked || *answer.id != *self.question_id() {
            return;
        }
        if answer.answer == YesNo::Yes {
            self.step = Step::Ordering;
            self.acts.push_back(Act::Press(PLACE));
        } else {
            self.step = Step::Declined;
        }
    }

    /// When [`Clerk::handle_timeout`] may have something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.step != Step::Watching || !self.shows_the_form() {
            return None;
        }
        let rest = self.changed_at + SETTLE;
        let typed = self.on_form.filter(|_| !self.typed).map(|since| since + TYPES_WITHIN);
        Some(typed.map_or(rest, |typed| typed.max(rest)))
    }

    /// Asks when the form is at rest and the phone shows exactly that.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now)
            && let Some(frame) = self.delivered.clone()
            && let Some(question) = self.question(&frame)
        {
            self.step = Step::Asked;
            self.acts.push_back(Act::Ask(question));
        }
    }

    /// Whether the phone shows the last picture, and that is the form.
    fn shows_the_form(&self) -> bool {
        let on_phone = self.delivered.as_ref();
        self.on_form.is_some()
            && on_phone.is_some_and(|frame| frame.seq == self.last_sent && frame.screen.as_deref() == Some(ORDER_FORM))
    }

    fn question(&mut self, frame: &SentFrame) -> Option<ConfirmRequest> {
        self.questions += 1;
        let total = self.page.facts.get("total");
        Some(ConfirmRequest {
            id: Text::try_from(self.question_id()).ok()?,
            summary: Text::try_from(summary(&self.page)).ok()?,
            amount: total.and_then(|total| Text::try_from(format!("{total}.00 CNY")).ok()),
            frame_seq: frame.seq,
            frame_hash: Text::try_from(frame.hash.clone()).ok()?,
        })
    }

    fn question_id(&self) -> String {
        format!("question-{}", self.questions)
    }

    fn hand_over(&mut self) {
        self.step = Step::Done;
        self.acts.push_back(Act::Ordered(self.page.facts.get("order").cloned().unwrap_or_default()));
        if let Ok(url) = Text::try_from(self.page.url.clone()) {
            self.acts.push_back(Act::HandOver(Handoff { url }));
        }
    }
}

/// The words that the customer agrees to, from the facts of the order form.
fn summary(page: &Screen) -> String {
    let fact = |name: &str| page.facts.get(name).map_or("?", String::as_str);
    match fact("kind") {
        "hotel" => format!(
            "Book hotel {}, room {}, from {} for {} nights: {} CNY",
            fact("hotel"),
            fact("room"),
            fact("checkin"),
            fact("nights"),
            fact("total")
        ),
        _ => format!(
            "Book flight {} {} → {} on {}, {}: {} CNY",
            fact("flight"),
            fact("from"),
            fact("to"),
            fact("date"),
            fact("cabin"),
            fact("total")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::control::AnswerBy;

    fn page(name: &str) -> Screen {
        let facts = [("kind", "flight"), ("flight", "CA1307"), ("from", "PEK"), ("to", "SHA"), ("total", "1280")];
        Screen {
            url: format!("http://site/{name}"),
            name: Some(name.to_owned()),
            facts: facts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        }
    }

    fn frame(seq: u64, screen: &str) -> SentFrame {
        SentFrame { seq, hash: format!("{seq:064}"), screen: Some(screen.to_owned()), size: (390, 844) }
    }

    /// An agent whose form the phone shows, and when he will ask.
    fn ready(now: Instant) -> (Clerk, Instant) {
        let mut clerk = Clerk::new(now);
        clerk.shown(&page(ORDER_FORM), now);
        clerk.sent(3);
        assert_eq!(clerk.poll_timeout(), None, "the phone does not show it yet");
        clerk.delivered(frame(3, ORDER_FORM));
        let at = clerk.poll_timeout().expect("he waits for a key");
        (clerk, at)
    }

    fn answer(id: &str, answer: YesNo) -> ConfirmAnswer {
        let id = Text::try_from(id).expect("short");
        ConfirmAnswer { id, answer, by: AnswerBy::Touch, frame_hash: Text::default() }
    }

    #[test]
    fn he_asks_about_what_the_phone_shows_orders_and_hands_over() {
        let now = Instant::now();
        let (mut clerk, patience) = ready(now);
        assert_eq!(patience, now + TYPES_WITHIN);
        clerk.typed(now);
        let at = clerk.poll_timeout().expect("the form settles");
        assert_eq!(at, now + SETTLE);
        clerk.handle_timeout(at - Duration::from_millis(1));
        assert_eq!(clerk.poll_act(), None);
        clerk.handle_timeout(at);
        let Some(Act::Ask(question)) = clerk.poll_act() else { panic!("he asks") };
        assert_eq!((question.frame_seq, question.frame_hash.as_str()), (3, frame(3, "").hash.as_str()));
        assert_eq!(question.amount.as_deref(), Some("1280.00 CNY"));
        assert!(question.summary.starts_with("Book flight CA1307 PEK → SHA"));
        clerk.answered(&answer("question-9", YesNo::Yes));
        assert_eq!(clerk.poll_act(), None, "the answer to another question");
        clerk.answered(&answer("question-1", YesNo::Yes));
        assert_eq!(clerk.poll_act(), Some(Act::Press("#place")));
        let mut done = page(ORDER_CONFIRMED);
        done.facts.insert("order".into(), "TT260001".into());
        clerk.shown(&done, now);
        assert_eq!(clerk.poll_act(), Some(Act::Ordered("TT260001".into())));
        assert!(matches!(clerk.poll_act(), Some(Act::HandOver(handoff)) if handoff.url.ends_with(ORDER_CONFIRMED)));
        assert_eq!(clerk.step(), Step::Done);
    }

    #[test]
    fn a_refused_question_is_asked_again_about_the_next_frame() {
        let now = Instant::now();
        let (mut clerk, at) = ready(now);
        clerk.handle_timeout(at);
        assert!(matches!(clerk.poll_act(), Some(Act::Ask(_))));
        clerk.question_refused(at);
        clerk.shown(&page(ORDER_FORM), at);
        clerk.sent(4);
        assert_eq!(clerk.poll_timeout(), None);
        clerk.delivered(frame(4, ORDER_FORM));
        clerk.handle_timeout(clerk.poll_timeout().expect("again"));
        assert!(
            matches!(clerk.poll_act(), Some(Act::Ask(question)) if question.frame_seq == 4 && *question.id == *"question-2")
        );
    }

    #[test]
    fn without_a_yes_nothing_is_ordered() {
        let now = Instant::now();
        let (mut clerk, at) = ready(now);
        clerk.answered(&answer("question-1", YesNo::Yes));
        assert_eq!(clerk.step(), Step::Watching, "nobody asked");
        clerk.handle_timeout(at);
        clerk.poll_act();
        clerk.answered(&answer("question-1", YesNo::No));
        assert_eq!((clerk.step(), clerk.poll_act(), clerk.poll_timeout()), (Step::Declined, None, None));
    }
}
