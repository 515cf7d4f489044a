//! Scripts in virtual time: what happens, and what the session wants done.

use std::io::Cursor;

use bytes::Bytes;

use super::*;
use crate::sync::control::{AnswerBy, ConfirmAnswer, ConfirmRequest, Key, Touch, TouchAction, YesNo};
use crate::sync::cpim::Cpim;
use crate::sync::frame::{self, Frame};
use crate::sync::image::ImageType;
use crate::sync::text::Text;

const IMEI: &str = "urn:gsma:imei:35209900-176148-0";
const OTHER_IMEI: &str = "urn:gsma:imei:35209900-176149-0";
const NUMBER: &str = "tel:+8613800138000";
const PHONE_LEG: &str = "phone-leg@app";
const SEAT_LEG: &str = "seat-leg@tandem";

fn frame(seq: u64, width: u32) -> Frame {
    let mut out = Cursor::new(Vec::new());
    ::image::GrayImage::new(width, 30).write_to(&mut out, ::image::ImageFormat::Png).expect("a PNG");
    let limits = SessionConfig::default().frame;
    Frame::whole(seq, Some("detail".into()), ImageType::Png, out.into_inner().into(), &limits).expect("a frame")
}

fn partial(seq: u64) -> Frame {
    let mut frame = frame(seq, 10);
    frame.full.width = 40;
    frame.key = false;
    frame
}

/// A session, and what it wanted.
struct Rig {
    session: ScreenSession,
    now: Instant,
    tickets: u64,
}

impl Rig {
    fn new() -> Self {
        Rig { session: ScreenSession::new(7, SessionConfig::default()), now: Instant::now(), tickets: 0 }
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.session.handle_input(input, self.now);
        std::iter::from_fn(|| self.session.poll_output()).collect()
    }

    fn open(&mut self, side: Side, message_limit: Option<usize>) -> Vec<Output> {
        let call_id = if side == Side::Phone { PHONE_LEG } else { SEAT_LEG }.to_owned();
        let identity = DeviceIdentity::new([IMEI, NUMBER].map(|name| name.parse().expect(name)));
        self.input(Input::Open { side, call_id, identity, message_limit })
    }

    /// Both sides connected and a seat assigned.
    fn live() -> Self {
        let mut rig = Rig::new();
        for side in [Side::Phone, Side::Seat] {
            rig.open(side, None);
            rig.input(Input::Connected(side));
        }
        rig.input(Input::Assign { seat_id: "s-77".into(), seat_name: "Lin".into() });
        rig
    }

    fn message(&mut self, side: Side, cpim: &Cpim) -> (u16, Vec<Output>) {
        self.tickets += 1;
        let origin = Origin::Msrp { side, generation: 1, ticket: self.tickets };
        let content_type = "message/cpim".to_owned();
        let mut outputs = self.input(Input::Message { side, origin, content_type, body: cpim.to_bytes() });
        let verdicts = outputs.extract_if(.., |output| matches!(output, Output::Verdict { .. })).collect::<Vec<_>>();
        let [Output::Verdict { status, origin: of, .. }] = verdicts[..] else { panic!("one verdict: {verdicts:?}") };
        assert_eq!(of, origin);
        (status, outputs)
    }

    fn frame(&mut self, side: Side, frame: &Frame) -> (u16, Vec<Output>) {
        let cpim = match side {
            Side::Phone => frame.envelope(PHONE_LEG, IMEI, "urn:tandem:seat:s-77"),
            Side::Seat => frame.envelope(SEAT_LEG, "urn:tandem:seat:s-77", NUMBER),
        };
        self.message(side, &cpim)
    }

    fn control(&mut self, side: Side, control: &Control) -> (u16, Vec<Output>) {
        let cpim = match side {
            Side::Phone => frame::control_envelope(control, PHONE_LEG, NUMBER, "urn:tandem:seat:s-77"),
            Side::Seat => frame::control_envelope(control, SEAT_LEG, "urn:tandem:seat:s-77", IMEI),
        };
        self.message(side, &cpim)
    }

    fn progress(&mut self, side: Side, ticket: u64, progress: Progress) -> Vec<Output> {
        self.input(Input::Progress { side, ticket, progress })
    }

    /// The seat's frame, shown by the phone.
    fn show(&mut self, shown: &Frame) {
        let (status, outputs) = self.frame(Side::Seat, shown);
        assert_eq!(status, 200);
        let (ticket, _) = sent(&outputs, Side::Phone);
        self.progress(Side::Phone, ticket, Progress::Delivered);
    }
}

/// The one message that is sent to a side.
fn sent(outputs: &[Output], to: Side) -> (u64, Cpim) {
    let all = all_sent(outputs, to);
    assert_eq!(all.len(), 1, "{outputs:?}");
    all.into_iter().next().expect("one")
}

fn all_sent(outputs: &[Output], to: Side) -> Vec<(u64, Cpim)> {
    let message = |output: &Output| match output {
        Output::Send { side, ticket, body, .. } if *side == to => Some((*ticket, Cpim::parse(body).expect("ours"))),
        Output::Event(ScreenEvent::SendMessage { side, ticket, body, .. }) if *side == to => {
            Some((*ticket, Cpim::parse(body).expect("ours")))
        }
        _ => None,
    };
    outputs.iter().filter_map(message).collect()
}

fn kinds(outputs: &[Output], to: Side) -> Vec<String> {
    let kind = |(_, cpim): (u64, Cpim)| match Control::parse(&cpim.body) {
        Ok(control) => control.kind().to_owned(),
        Err(_) => format!("frame {}", cpim.extension(frame::NAMESPACE, "Seq").unwrap_or("?")),
    };
    all_sent(outputs, to).into_iter().map(kind).collect()
}

fn events(outputs: &[Output]) -> Vec<&ScreenEvent> {
    outputs.iter().filter_map(|output| if let Output::Event(event) = output { Some(event) } else { None }).collect()
}

fn text<const N: usize>(text: &str) -> Text<N> {
    Text::try_from(text).expect(text)
}

fn question(id: &str, about: &Frame) -> Control {
    Control::ConfirmRequest(ConfirmRequest {
        id: text(id),
        summary: text("MU5101, 1 adult"),
        amount: Some(text("1280.00 CNY")),
        frame_seq: about.seq,
        frame_hash: text(&about.hash),
    })
}

fn answer(id: &str, about: &Frame) -> Control {
    let (answer, by) = (YesNo::Yes, AnswerBy::Touch);
    Control::ConfirmAnswer(ConfirmAnswer { id: text(id), answer, by, frame_hash: text(&about.hash) })
}

#[test]
fn a_frame_goes_over_under_the_other_legs_names_and_its_report_comes_back() {
    let mut rig = Rig::live();
    let shot = frame(1, 40);
    let (status, outputs) = rig.frame(Side::Phone, &shot);
    assert_eq!(status, 200);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Report { .. })), "not before the seat has it");
    let (ticket, cpim) = sent(&outputs, Side::Seat);
    assert_eq!(frame::call_id(&cpim), Some(SEAT_LEG));
    assert_eq!((cpim.from.as_deref(), cpim.to[0].as_str()), (Some(IMEI), "urn:tandem:seat:s-77"));
    assert_eq!(Frame::parse(&cpim, &SessionConfig::default().frame), Ok(shot));
    assert!(!String::from_utf8_lossy(&cpim.to_bytes()).contains(PHONE_LEG), "the phone's leg stays hidden");

    let outputs = rig.progress(Side::Seat, ticket, Progress::Delivered);
    let origin = Origin::Msrp { side: Side::Phone, generation: 1, ticket: 1 };
    assert!(outputs.contains(&Output::Report { origin }));
    assert_eq!(rig.session.counters().frames_to_seat, 1);
    assert_eq!(rig.session.state(Side::Seat), LaneState::Live);

    let (_, outputs) = rig.frame(Side::Seat, &frame(1, 40));
    let (_, cpim) = sent(&outputs, Side::Phone);
    assert_eq!((cpim.from.as_deref(), cpim.to[0].as_str()), (Some("urn:tandem:seat:s-77"), IMEI));
    assert_eq!(frame::call_id(&cpim), Some(PHONE_LEG));
}

#[test]
fn what_does_not_name_this_call_and_this_phone_is_refused_and_counted() {
    let mut rig = Rig::live();
    let shot = frame(1, 40);
    let seat = "urn:tandem:seat:s-77";
    let mut no_call_id = shot.envelope(PHONE_LEG, IMEI, seat);
    no_call_id.extensions.retain(|(name, _)| name != "tandem.Call-ID");
    let mut no_from = shot.envelope(PHONE_LEG, IMEI, seat);
    no_from.from = None;
    let mut no_to = shot.envelope(SEAT_LEG, seat, IMEI);
    no_to.to.clear();
    let mut two = shot.envelope(SEAT_LEG, seat, IMEI);
    two.to.push(OTHER_IMEI.to_owned());
    for (count, (side, cpim, expected)) in (1u64..).zip([
        (Side::Phone, shot.envelope("another@app", IMEI, seat), 481),
        (Side::Phone, shot.envelope(SEAT_LEG, IMEI, seat), 481),
        (Side::Phone, shot.envelope(PHONE_LEG, OTHER_IMEI, seat), 403),
        (Side::Phone, shot.envelope(PHONE_LEG, "tel:+8613800138001", seat), 403),
        (Side::Phone, no_call_id, 403),
        (Side::Phone, no_from, 403),
        (Side::Seat, shot.envelope(PHONE_LEG, seat, IMEI), 481),
        (Side::Seat, shot.envelope(SEAT_LEG, seat, OTHER_IMEI), 403),
        (Side::Seat, shot.envelope(SEAT_LEG, seat, "sip:phone@example.com"), 403),
        (Side::Seat, no_to, 403),
        (Side::Seat, two, 403),
    ]) {
        let (status, outputs) = rig.message(side, &cpim);
        assert_eq!(status, expected, "{:?}", cpim.extensions);
        assert!(all_sent(&outputs, Side::Phone).is_empty() && all_sent(&outputs, Side::Seat).is_empty());
        assert_eq!(rig.session.counters().refused, count);
    }
    rig.input(Input::Close);
    assert_eq!(rig.frame(Side::Phone, &shot).0, 481, "no live call");
    assert_eq!(rig.session.state(Side::Seat), LaneState::Closed);
}

#[test]
fn defective_frames_get_their_status() {
    let mut rig = Rig::live();
    assert_eq!(rig.frame(Side::Phone, &frame(5, 40)).0, 200);
    assert_eq!(rig.frame(Side::Phone, &frame(5, 40)).0, 400, "a sequence number twice");
    assert_eq!(rig.frame(Side::Phone, &frame(4, 40)).0, 400);
    let mut cpim = frame(6, 40).envelope(PHONE_LEG, IMEI, "a:b");
    cpim.body = Bytes::from_static(b"no image at all");
    assert_eq!(rig.message(Side::Phone, &cpim).0, 415);
    cpim.content_headers = vec![("Content-Type".into(), "text/plain".into())];
    assert_eq!(rig.message(Side::Phone, &cpim).0, 415);
    let mut cpim = frame(6, 40).envelope(PHONE_LEG, IMEI, "a:b");
    cpim.require.push("x.Unheard".into());
    assert_eq!(rig.message(Side::Phone, &cpim).0, 415);
    let wide = Frame { full: frame::Size { width: 5000, height: 5000 }, ..partial(6) };
    assert_eq!(rig.frame(Side::Phone, &wide).0, 400);
    assert_eq!(rig.session.counters().refused, 6);
    let origin = Origin::Sip { ticket: 1 };
    let content_type = "text/plain".to_owned();
    let raw = rig.input(Input::Message { side: Side::Phone, origin, content_type, body: Bytes::new() });
    assert!(matches!(raw[0], Output::Verdict { status: 415, .. }));
}

#[test]
fn a_late_seat_hears_context_assignment_and_the_last_whole_frame() {
    let mut rig = Rig::new();
    rig.open(Side::Phone, None);
    rig.input(Input::Connected(Side::Phone));
    let outputs = rig.input(Input::Position { position: 2, expected_wait_s: Some(30) });
    assert_eq!(kinds(&outputs, Side::Phone), ["position"]);
    let mut context = DeviceContext::default();
    context.device.imei = Some(text(IMEI));
    assert_eq!(rig.control(Side::Phone, &Control::Context(context.clone())).0, 200);
    for seq in 1..4 {
        assert_eq!(rig.frame(Side::Phone, &frame(seq, 40)).0, 200);
    }
    assert_eq!(rig.session.state(Side::Seat), LaneState::Parked);
    assert_eq!(rig.session.counters().superseded, 2);
    let outputs = rig.input(Input::Assign { seat_id: "s-77".into(), seat_name: "Lin".into() });
    assert_eq!(kinds(&outputs, Side::Phone), ["seat.assigned"]);

    rig.open(Side::Seat, None);
    let outputs = rig.input(Input::Connected(Side::Seat));
    assert_eq!(kinds(&outputs, Side::Seat), ["context", "seat.assigned", "frame 3"]);
    let (_, cpim) = &all_sent(&outputs, Side::Seat)[1];
    let Ok(Control::SeatAssigned(assigned)) = Control::parse(&cpim.body) else { panic!("seat.assigned") };
    assert_eq!(assigned.phone.as_deref(), Some(IMEI), "the seat learns how to address the phone");

    let (ticket, _) = all_sent(&outputs, Side::Seat).remove(2);
    let outputs = rig.progress(Side::Seat, ticket, Progress::Delivered);
    let origin = Origin::Msrp { side: Side::Phone, generation: 1, ticket: 4 };
    assert!(outputs.contains(&Output::Report { origin }), "the phone's third frame is reported now");
}

#[test]
fn the_next_seat_sees_nothing_of_the_former_ones() {
    let mut rig = Rig::live();
    rig.show(&frame(9, 40));
    rig.input(Input::CloseSide(Side::Seat));
    assert_eq!(rig.frame(Side::Seat, &frame(10, 40)).0, 481);
    let (status, _) = rig.control(Side::Phone, &Control::Key(Key { key: Some(text("a")), text: None }));
    assert_eq!(status, 481, "nobody is there");
    rig.input(Input::Assign { seat_id: "s-78".into(), seat_name: "Wu".into() });
    rig.open(Side::Seat, None);
    rig.input(Input::Connected(Side::Seat));
    let first = frame(1, 40);
    assert_eq!(rig.control(Side::Seat, &question("c", &frame(9, 40))).0, 403);
    let (status, outputs) = rig.frame(Side::Seat, &first);
    assert_eq!(status, 200, "it counts from anew");
    assert_eq!(sent(&outputs, Side::Phone).1.from.as_deref(), Some("urn:tandem:seat:s-78"));
}

#[test]
fn a_lost_partial_frame_asks_for_a_whole_one() {
    let mut rig = Rig::live();
    let (status, outputs) = rig.frame(Side::Phone, &partial(1));
    assert_eq!((status, kinds(&outputs, Side::Phone)), (200, vec!["keyframe.request".to_owned()]));
    let (_, outputs) = rig.frame(Side::Phone, &partial(2));
    assert!(kinds(&outputs, Side::Phone).is_empty(), "asked once");
    let (_, outputs) = rig.frame(Side::Phone, &frame(3, 40));
    let (ticket, _) = sent(&outputs, Side::Seat);
    assert_eq!(rig.session.state(Side::Seat), LaneState::Live);
    let (_, outputs) = rig.frame(Side::Phone, &partial(4));
    assert_eq!(kinds(&outputs, Side::Phone), ["keyframe.request"], "the whole frame is still on its way");
    assert_eq!(rig.session.state(Side::Seat), LaneState::Resyncing);
    rig.progress(Side::Seat, ticket, Progress::Accepted);
    let (_, outputs) = rig.frame(Side::Phone, &frame(5, 40));
    rig.progress(Side::Seat, sent(&outputs, Side::Seat).0, Progress::Accepted);
    let (_, outputs) = rig.frame(Side::Phone, &partial(6));
    assert_eq!(kinds(&outputs, Side::Seat), ["frame 6"]);
    assert_eq!(rig.session.counters().superseded, 3);
}

#[test]
fn consent_is_bound_to_the_frame_that_the_phone_shows() {
    let mut rig = Rig::live();
    let (old, shown) = (frame(1, 40), frame(2, 41));
    rig.show(&old);
    let (_, outputs) = rig.frame(Side::Seat, &shown);
    let (ticket, _) = sent(&outputs, Side::Phone);
    assert_eq!(rig.control(Side::Seat, &question("c1", &shown)).0, 403, "not reported yet");
    rig.progress(Side::Phone, ticket, Progress::Accepted);
    assert_eq!(rig.control(Side::Seat, &question("c1", &shown)).0, 403, "taken is not shown");
    rig.progress(Side::Phone, ticket, Progress::Delivered);
    assert_eq!(rig.control(Side::Seat, &question("c1", &old)).0, 403, "no longer shown");
    let (status, outputs) = rig.control(Side::Seat, &question("c1", &shown));
    assert_eq!((status, kinds(&outputs, Side::Phone)), (200, vec!["confirm.request".to_owned()]));

    assert_eq!(rig.control(Side::Phone, &answer("c2", &shown)).0, 403, "another question");
    assert_eq!(rig.control(Side::Phone, &answer("c1", &old)).0, 403, "another frame");
    assert_eq!(rig.control(Side::Seat, &answer("c1", &shown)).0, 403, "not the seat's to answer");
    let (status, outputs) = rig.control(Side::Phone, &answer("c1", &shown));
    assert_eq!((status, kinds(&outputs, Side::Seat)), (200, vec!["confirm.answer".to_owned()]));
    let confirmed = events(&outputs).into_iter().find_map(|event| match event {
        ScreenEvent::Confirmed { confirm, .. } => Some(confirm),
        _ => None,
    });
    let confirmed = confirmed.expect("a confirmation");
    assert!(confirmed.answer && confirmed.frame_hash == shown.hash && confirmed.id == "c1");
    assert_eq!(rig.control(Side::Phone, &answer("c1", &shown)).0, 403, "an answer counts once");
}

#[test]
fn controls_are_for_those_who_may_say_them() {
    let mut rig = Rig::live();
    let position = Control::Position(Position { position: 1, expected_wait_s: None });
    let assigned = SeatAssigned { seat_id: text("x"), seat_name: text("y"), phone: None };
    let handoff = Control::Handoff(control::Handoff { url: text("https://t.example/o/1") });
    let context = Control::Context(DeviceContext::default());
    for (side, control, expected) in [
        (Side::Phone, &position, 403),
        (Side::Seat, &position, 403),
        (Side::Seat, &Control::SeatAssigned(assigned), 403),
        (Side::Seat, &context, 403),
        (Side::Phone, &handoff, 403),
        (Side::Phone, &question("c", &frame(1, 40)), 403),
        (Side::Phone, &context, 200),
        (Side::Seat, &handoff, 200),
        (Side::Seat, &Control::Key(Key { key: None, text: Some(text("hi")) }), 200),
        (Side::Phone, &Control::Bye(control::Bye::default()), 200),
    ] {
        assert_eq!(rig.control(side, control).0, expected, "{side:?} {}", control.kind());
    }
    let mut context = DeviceContext::default();
    context.device.number = Some(text("+8613800138001"));
    assert_eq!(rig.control(Side::Phone, &Control::Context(context)).0, 403, "another number than declared");
    let mut future = frame::control_envelope(&position, PHONE_LEG, IMEI, "a:b");
    future.body = Bytes::from_static(b"{\"v\":1,\"type\":\"hologram\"}");
    assert_eq!(rig.message(Side::Phone, &future).0, 200);
    assert_eq!(rig.session.counters().ignored, 1);
    future.body = Bytes::from_static(b"{\"v\":9,\"type\":\"bye\"}");
    assert_eq!(rig.message(Side::Phone, &future).0, 415);
    future.body = vec![b' '; 70_000].into();
    assert_eq!(rig.message(Side::Phone, &future).0, 413);
}

#[test]
fn a_finger_must_be_on_a_frame_that_was_sent() {
    let mut rig = Rig::live();
    let touch = |seq, x, y| Control::Touch(Touch { seq, x, y, action: TouchAction::Tap });
    assert_eq!(rig.control(Side::Phone, &touch(1, 0, 0)).0, 403, "no frame yet");
    rig.show(&frame(3, 40));
    for (control, expected) in [
        (touch(3, 39, 29), 200),
        (touch(2, 0, 0), 200),
        (touch(4, 0, 0), 403),
        (touch(3, 40, 0), 403),
        (touch(3, 0, 30), 403),
    ] {
        assert_eq!(rig.control(Side::Phone, &control).0, expected, "{control:?}");
    }
}

#[test]
fn sip_message_carries_one_frame_at_a_time_and_nothing_too_large() {
    let mut rig = Rig::new();
    rig.open(Side::Phone, Some(4000));
    rig.open(Side::Seat, None);
    rig.input(Input::Connected(Side::Seat));
    let outputs = rig.input(Input::Assign { seat_id: "s-77".into(), seat_name: "Lin".into() });
    assert_eq!(kinds(&outputs, Side::Phone), ["seat.assigned"]);
    let (_, outputs) = rig.frame(Side::Seat, &frame(1, 40));
    let (ticket, _) = sent(&outputs, Side::Phone);
    let (_, outputs) = rig.frame(Side::Seat, &frame(2, 40));
    assert!(all_sent(&outputs, Side::Phone).is_empty(), "the first is on its way");
    rig.frame(Side::Seat, &frame(3, 40));
    let outputs = rig.progress(Side::Phone, ticket, Progress::Delivered);
    assert_eq!(kinds(&outputs, Side::Phone), ["frame 3"]);
    assert_eq!(rig.session.counters().superseded, 1);
    let large = Frame { image: vec![0; 5000].into(), ..frame(4, 40) };
    let mut cpim = large.envelope(SEAT_LEG, "a:b", IMEI);
    cpim.extensions.retain(|(name, _)| name != "tandem.Hash");
    let mut image = frame(4, 40).image.to_vec();
    image.resize(5000, 0);
    cpim.body = image.into();
    assert_eq!(rig.message(Side::Seat, &cpim).0, 413);
}

#[test]
fn a_receiver_that_stops_taking_is_stalled_until_it_takes() {
    let mut rig = Rig::live();
    let (_, outputs) = rig.frame(Side::Phone, &frame(1, 40));
    let (ticket, _) = sent(&outputs, Side::Seat);
    let due = rig.now + SessionConfig::default().stall_after;
    while let Some(at) = rig.session.poll_timeout().filter(|at| *at < due) {
        rig.session.handle_timeout(at);
    }
    assert_eq!(rig.session.poll_timeout(), Some(due));
    assert_eq!(rig.session.state(Side::Seat), LaneState::Live);
    rig.now = due;
    rig.session.handle_timeout(due);
    assert_eq!(rig.session.state(Side::Seat), LaneState::Stalled);
    rig.progress(Side::Seat, ticket, Progress::Accepted);
    assert_eq!(rig.session.state(Side::Seat), LaneState::Live);
    rig.input(Input::Disconnected(Side::Seat));
    assert_eq!(rig.session.state(Side::Seat), LaneState::Parked);
}

#[test]
fn a_receiver_that_never_reports_costs_a_bounded_amount() {
    let mut rig = Rig::live();
    let mut shot = frame(1, 40);
    for seq in 1..500 {
        shot.seq = seq;
        let (_, outputs) = rig.frame(Side::Phone, &shot);
        rig.progress(Side::Seat, sent(&outputs, Side::Seat).0, Progress::Accepted);
    }
    assert_eq!(rig.session.counters().frames_to_seat, 499);
    let (_, outputs) = rig.frame(Side::Phone, &Frame { seq: 500, ..shot });
    assert_eq!(sent(&outputs, Side::Seat).0, rig.session.next_ticket);
}

#[test]
fn figures_are_told_once_a_second_and_at_the_end() {
    let mut rig = Rig::live();
    let told = |session: &mut ScreenSession| {
        let outputs: Vec<Output> = std::iter::from_fn(|| session.poll_output()).collect();
        outputs.iter().filter(|o| matches!(o, Output::Event(ScreenEvent::Counters { .. }))).count()
    };
    let at = rig.session.poll_timeout().expect("seat.assigned was counted");
    rig.session.handle_timeout(at);
    assert_eq!(told(&mut rig.session), 1);
    assert_eq!(rig.session.poll_timeout(), None, "nothing new, nothing due");
    let outputs = rig.input(Input::Close);
    let counters = rig.session.counters();
    assert!(events(&outputs).contains(&&ScreenEvent::Closed { call: 7, counters }));
}
