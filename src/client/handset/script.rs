//! The script `booking` of the customer, without I/O: when he touches, types, agrees and hangs up.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::sync::control::{AnswerBy, ConfirmAnswer, ConfirmRequest, Key, Touch, TouchAction, YesNo};
use crate::sync::frame::Frame;
use crate::sync::text::Text;

/// How long one step may take before the script is stuck.
const STEP_WITHIN: Duration = Duration::from_secs(40);
/// A touch that changed nothing is repeated after this, as people do.
const TOUCH_AGAIN: Duration = Duration::from_secs(4);
/// Hashes of received frames that are remembered.
const REMEMBERED: usize = 256;
/// The pages of the demo site that the script knows.
const ORDER_FORM: &str = "order.form";
const ORDER_CONFIRMED: &str = "order.confirmed";
/// What the customer presses on the form: the next field gets the focus.
const KEY: &str = "Tab";
/// What he dials.
const DIGIT: char = '5';

/// Where the customer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// He waits for the seat to show the page that he is on.
    SamePage,
    /// He touched the book button and waits for the order form.
    OrderForm,
    /// He waits to be asked.
    Question,
    /// He agreed and waits for the page of his order.
    Handoff,
    /// He waits for his own screen to show it.
    OwnPage,
    /// He has seen everything.
    Done,
}

impl Step {
    /// What is waited for, in words.
    pub fn waits_for(self) -> &'static str {
        match self {
            Step::SamePage => "the seat's simulator showing the customer's page",
            Step::OrderForm => "a frame of the order form after the touch",
            Step::Question => "the question about the order",
            Step::Handoff => "the hand-over of the order's page",
            Step::OwnPage => "the order's page on the phone",
            Step::Done => "the end",
        }
    }
}

/// What the customer does.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Touches the seat's screen as he sees it.
    Touch(Touch),
    /// Presses a key for the seat's screen.
    Key(Key),
    /// Dials a digit.
    Dial(char),
    /// Answers a question.
    Answer(ConfirmAnswer),
    /// Opens a page on his own screen.
    Open(String),
}

/// The book button as the customer's eyes found it on his own screen: the seat's shows the same app.
#[derive(Clone, Copy, Debug)]
pub struct Button {
    /// Its middle, in CSS pixels.
    pub at: (f64, f64),
    /// The screen, in CSS pixels.
    pub screen: (u32, u32),
}

/// The script.
#[derive(Debug)]
pub struct Booking {
    step: Step,
    since: Instant,
    touched_at: Instant,
    page: String,
    button: Button,
    seen: BTreeMap<u64, String>,
    last: Option<(u64, (u32, u32))>,
    acts: VecDeque<Act>,
}

impl Booking {
    /// A customer on `page` who sees its book button.
    pub fn new(page: String, button: Button, now: Instant) -> Booking {
        Booking {
            step: Step::SamePage,
            since: now,
            touched_at: now,
            page,
            button,
            seen: BTreeMap::new(),
            last: None,
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

    /// When [`Booking::is_stuck`] or [`Booking::handle_timeout`] may have something to say.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.step {
            Step::Done => None,
            Step::OrderForm => Some((self.touched_at + TOUCH_AGAIN).min(self.since + STEP_WITHIN)),
            _ => Some(self.since + STEP_WITHIN),
        }
    }

    /// What he has waited for too long, and for how many seconds.
    pub fn is_stuck(&self, now: Instant) -> Option<(&'static str, u64)> {
        let late = self.step != Step::Done && now >= self.since + STEP_WITHIN;
        late.then(|| (self.step.waits_for(), STEP_WITHIN.as_secs()))
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.step == Step::OrderForm && now >= self.touched_at + TOUCH_AGAIN {
            self.touch(now);
        }
    }

    /// A frame of the seat's arrived.
    pub fn frame(&mut self, frame: &Frame, now: Instant) {
        if self.seen.len() >= REMEMBERED {
            self.seen.pop_first();
        }
        self.seen.insert(frame.seq, frame.hash.clone());
        self.last = Some((frame.seq, (frame.full.width, frame.full.height)));
        match (self.step, frame.screen.as_deref()) {
            (Step::SamePage, Some(page)) if page == self.page => {
                self.go(Step::OrderForm, now);
                self.touch(now);
            }
            (Step::OrderForm, Some(ORDER_FORM)) => {
                self.go(Step::Question, now);
                if let Ok(key) = Text::try_from(KEY) {
                    self.acts.push_back(Act::Key(Key { key: Some(key), text: None }));
                }
                self.acts.push_back(Act::Dial(DIGIT));
            }
            _ => {}
        }
    }

    /// The seat asks. He agrees only to a frame that he has really seen.
    pub fn question(&mut self, request: &ConfirmRequest, now: Instant) {
        let has_seen = self.seen.get(&request.frame_seq).is_some_and(|hash| **hash == *request.frame_hash);
        let answer = if has_seen { YesNo::Yes } else { YesNo::No };
        self.acts.push_back(Act::Answer(ConfirmAnswer {
            id: request.id.clone(),
            answer,
            by: AnswerBy::Touch,
            frame_hash: request.frame_hash.clone(),
        }));
        if has_seen && self.step <= Step::Question {
            self.go(Step::Handoff, now);
        }
    }

    /// The seat hands a page over. Before he agreed to anything there is no order whose page it could be.
    pub fn handoff(&mut self, url: &str, now: Instant) {
        if self.step == Step::Handoff {
            self.acts.push_back(Act::Open(url.to_owned()));
            self.go(Step::OwnPage, now);
        }
    }

    /// His own screen shows a page.
    pub fn own_page(&mut self, name: Option<&str>, now: Instant) {
        if self.step == Step::OwnPage && name == Some(ORDER_CONFIRMED) {
            self.go(Step::Done, now);
        }
    }

    fn go(&mut self, step: Step, now: Instant) {
        self.step = step;
        self.since = now;
    }

    /// Touches the button where the last frame shows it.
    fn touch(&mut self, now: Instant) {
        self.touched_at = now;
        let Some((seq, (width, height))) = self.last else { return };
        let scaled = |at: f64, from: u32, to: u32| (at * f64::from(to) / f64::from(from.max(1))).round() as u32;
        let Button { at, screen } = self.button;
        let x = scaled(at.0, screen.0, width).min(width.saturating_sub(1));
        let y = scaled(at.1, screen.1, height).min(height.saturating_sub(1));
        self.acts.push_back(Act::Touch(Touch { seq, x, y, action: TouchAction::Tap }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::frame::{Rect, Size, hash};
    use crate::sync::image::ImageType;

    fn frame(seq: u64, screen: &str) -> Frame {
        let size = Size { width: 780, height: 1688 };
        let image = bytes::Bytes::from(format!("{seq}{screen}"));
        Frame {
            seq,
            screen: Some(screen.to_owned()),
            full: size,
            rect: Rect { x: 0, y: 0, size },
            key: true,
            image_type: ImageType::Png,
            hash: hash(&image),
            image,
        }
    }

    fn question(frame: &Frame) -> ConfirmRequest {
        ConfirmRequest {
            id: Text::try_from("q1").expect("short"),
            summary: Text::try_from("MU5101").expect("short"),
            amount: None,
            frame_seq: frame.seq,
            frame_hash: Text::try_from(frame.hash.as_str()).expect("a hash"),
        }
    }

    fn start(now: Instant) -> Booking {
        Booking::new("flight.detail".into(), Button { at: (300.0, 800.0), screen: (390, 844) }, now)
    }

    fn acts(booking: &mut Booking) -> Vec<Act> {
        std::iter::from_fn(|| booking.poll_act()).collect()
    }

    #[test]
    fn the_customer_books_what_he_saw() {
        let now = Instant::now();
        let mut booking = start(now);
        booking.frame(&frame(1, "flight.search"), now);
        assert_eq!(acts(&mut booking), [], "another page than his own is not touched");
        booking.frame(&frame(4, "flight.detail"), now);
        let touch = Touch { seq: 4, x: 600, y: 1600, action: TouchAction::Tap };
        assert_eq!(acts(&mut booking), [Act::Touch(touch)], "scaled to the frame, bound to it");
        let form = frame(5, "order.form");
        booking.frame(&form, now);
        assert!(matches!(acts(&mut booking)[..], [Act::Key(_), Act::Dial('5')]));
        booking.question(&question(&form), now);
        assert!(matches!(&acts(&mut booking)[..], [Act::Answer(answer)] if answer.answer == YesNo::Yes));
        booking.handoff("http://site/order/confirmed?id=1", now);
        assert_eq!(acts(&mut booking), [Act::Open("http://site/order/confirmed?id=1".into())]);
        booking.own_page(Some("flight.detail"), now);
        assert_eq!(booking.step(), Step::OwnPage);
        booking.own_page(Some("order.confirmed"), now);
        assert_eq!((booking.step(), booking.poll_timeout()), (Step::Done, None));
    }

    #[test]
    fn nobody_agrees_to_a_frame_he_has_not_seen() {
        let now = Instant::now();
        let mut booking = start(now);
        booking.frame(&frame(4, "flight.detail"), now);
        acts(&mut booking);
        let mut forged = question(&frame(4, "flight.detail"));
        forged.frame_hash = Text::try_from("0".repeat(64)).expect("a hash");
        booking.question(&forged, now);
        assert!(matches!(&acts(&mut booking)[..], [Act::Answer(answer)] if answer.answer == YesNo::No));
        booking.handoff("http://site/order/confirmed?id=1", now);
        assert_eq!(acts(&mut booking), [], "nothing was ordered, so nothing is opened");
    }

    #[test]
    fn a_touch_without_effect_is_repeated_and_a_stuck_step_is_named() {
        let now = Instant::now();
        let mut booking = start(now);
        booking.frame(&frame(4, "flight.detail"), now);
        booking.frame(&frame(6, "flight.detail"), now);
        acts(&mut booking);
        let later = booking.poll_timeout().expect("a touch to repeat");
        booking.handle_timeout(later);
        assert!(matches!(acts(&mut booking)[..], [Act::Touch(Touch { seq: 6, .. })]), "on the newest frame");
        assert_eq!(booking.is_stuck(now + STEP_WITHIN - Duration::from_millis(1)), None);
        assert_eq!(booking.is_stuck(now + STEP_WITHIN), Some((Step::OrderForm.waits_for(), 40)));
    }
}
