//! The example trace of `docs/protocol.md` is what this code says: it is written by it and compared with it.
//!
//! `TANDEM_UPDATE_DOCS=1 cargo test --lib sync::trace` writes it anew.

use std::fmt::Write as _;
use std::io::Cursor;
use std::time::Instant;

use bytes::Bytes;

use super::context::{DeviceContext, LoginState};
use super::contract::Side;
use super::control::*;
use super::cpim;
use super::frame::{self, Frame};
use super::identity::DeviceIdentity;
use super::image::ImageType;
use super::msrp::{Class, Connection, ConnectionConfig, Event, Limits, MsrpUri, Outgoing};
use super::session::{Input, Origin, Output, Progress, ScreenSession, SessionConfig};
use super::text::Text;

const IMEI: &str = "urn:gsma:imei:35209900-176148-0";
const SEAT: &str = "urn:tandem:seat:7f3a9c";
const PHONE_LEG: &str = "a84b4c76e66710@handset.example";
const SEAT_LEG: &str = "5f1e2d3c4b5a6978@tandem.example";

fn text<const N: usize>(text: &str) -> Text<N> {
    Text::try_from(text).expect(text)
}

fn screenshot(seq: u64, shade: u8) -> Frame {
    let picture = image::GrayImage::from_fn(360, 640, |x, y| image::Luma([shade ^ ((x / 9) * (y / 40)) as u8]));
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Png).expect("a PNG");
    let limits = SessionConfig::default().frame;
    Frame::whole(seq, Some("flight-detail".into()), ImageType::Png, out.into_inner().into(), &limits).expect("a frame")
}

struct End {
    name: &'static str,
    client: Connection,
    gateway: Connection,
    connected: bool,
}

impl End {
    fn new(name: &'static str, own: &str, peer: &str, seed: u64) -> Self {
        let uri = |text: &str| text.parse::<MsrpUri>().expect(text);
        let connection = |own, peer, active, seed| {
            let (own, peer) = (uri(own), Some(uri(peer)));
            let limits = Limits { chunk_bytes: 3000, ..Limits::default() };
            Connection::new(ConnectionConfig { own, peer, active, limits, seed })
        };
        let (client, gateway) = (connection(own, peer, true, seed), connection(peer, own, false, seed + 1));
        End { name, client, gateway, connected: false }
    }
}

struct Trace {
    now: Instant,
    session: ScreenSession,
    ends: [End; 2],
    out: String,
}

impl Trace {
    fn new() -> Self {
        let gateway = |id: &str| format!("msrp://192.0.2.1:2855/{id};tcp");
        let phone = End::new("phone", "msrp://198.51.100.7:9/q7Zk2mX0;tcp", &gateway("p-4f0e5b1a9c27d8e3"), 10);
        let seat = End::new("seat", "msrp://192.0.2.20:9/w3Lr8nC5;tcp", &gateway("s-90b1c2d3e4f5a697"), 20);
        let session = ScreenSession::new(1, SessionConfig::default());
        Trace { now: Instant::now(), session, ends: [phone, seat], out: String::new() }
    }

    fn say(&mut self, heading: &str) {
        let _ = write!(self.out, "\n### {heading}\n");
    }

    fn open(&mut self, side: Side, call_id: &str) {
        let identity = DeviceIdentity::from_sip(Some(IMEI), None);
        self.input(Input::Open { side, call_id: call_id.to_owned(), identity, message_limit: None });
        self.ends[side as usize].connected = true;
        self.run();
    }

    fn input(&mut self, input: Input) {
        self.session.handle_input(input, self.now);
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Verdict { origin: Origin::Msrp { side, ticket, .. }, status, comment } => {
                    self.ends[side as usize].gateway.answer(ticket, status, comment);
                }
                Output::Report { origin: Origin::Msrp { side, ticket, .. } } => {
                    self.ends[side as usize].gateway.report(ticket);
                }
                Output::Send { side, class, body, .. } => send(&mut self.ends[side as usize].gateway, class, body),
                _ => {}
            }
        }
    }

    fn client(&mut self, side: Side, class: Class, cpim: &cpim::Cpim) {
        send(&mut self.ends[side as usize].client, class, cpim.to_bytes());
        self.run();
    }

    fn control(&mut self, side: Side, control: &Control) {
        let (call_id, from, to) = match side {
            Side::Phone => (PHONE_LEG, IMEI, SEAT),
            Side::Seat => (SEAT_LEG, SEAT, IMEI),
        };
        self.client(side, Class::Control, &frame::control_envelope(control, call_id, from, to));
    }

    /// Lets everything happen that can, and writes down what crosses.
    fn run(&mut self) {
        let mut quiet = false;
        while !quiet {
            quiet = true;
            for side in [Side::Phone, Side::Seat] {
                let end = &mut self.ends[side as usize];
                if !end.connected {
                    continue;
                }
                let now = self.now;
                let up: Vec<u8> = std::iter::from_fn(|| end.client.poll_transmit(now)).flatten().collect();
                let down: Vec<u8> = std::iter::from_fn(|| end.gateway.poll_transmit(now)).flatten().collect();
                end.gateway.handle_input(&up, now);
                end.client.handle_input(&down, now);
                for (from, to, octets) in [(end.name, "gateway", &up), ("gateway", end.name, &down)] {
                    if !octets.is_empty() {
                        quiet = false;
                        let _ = write!(self.out, "\n{from} → {to}\n\n```text\n{}```\n", printable(octets));
                    }
                }
                self.events(side);
            }
        }
    }

    fn events(&mut self, side: Side) {
        let end = &mut self.ends[side as usize];
        while let Some(event) = end.client.poll_event() {
            if let Event::Message(message) = event {
                end.client.answer(message.ticket, 200, "OK");
                end.client.report(message.ticket);
            }
        }
        // The session numbers what it sends per call, the connection per side: frames are told by their order.
        while let Some(event) = self.ends[side as usize].gateway.poll_event() {
            match event {
                Event::Bound => self.input(Input::Connected(side)),
                Event::Message(message) => {
                    let origin = Origin::Msrp { side, generation: 0, ticket: message.ticket };
                    let content_type = message.content_type.into();
                    self.input(Input::Message { side, origin, content_type, body: message.body });
                }
                Event::Delivered { .. } => {
                    for ticket in 1..100 {
                        self.input(Input::Progress { side, ticket, progress: Progress::Delivered });
                    }
                }
                _ => {}
            }
        }
    }
}

fn send(connection: &mut Connection, class: Class, body: Bytes) {
    let content_type = cpim::MEDIA_TYPE.to_owned();
    let message = Outgoing { class, content_type, body, success_report: class == Class::Frame };
    connection.send(message).expect("room");
}

/// Text as it is, images (also the parts of one in later chunks) by their size.
fn printable(octets: &[u8]) -> String {
    const CONTENT: &[u8] = b"Content-Type: message/cpim\r\n\r\n";
    let mut out = String::new();
    let mut rest = octets;
    while let Some(at) = memchr::memmem::find(rest, CONTENT) {
        let (head, content) = rest.split_at(at + CONTENT.len());
        let end = memchr::memmem::find(content, b"\r\n-------").expect("an end-line");
        let (content, tail) = content.split_at(end);
        let continued = !content.starts_with(b"From:");
        let image = if continued { Some(0) } else { memchr::memmem::find(content, b"\x89PNG") };
        let (text, image) = content.split_at(image.unwrap_or(content.len()));
        out.push_str(&String::from_utf8_lossy(head));
        out.push_str(&String::from_utf8_lossy(text));
        if !image.is_empty() {
            let _ = write!(out, "[{} octets of the image]", image.len());
        }
        rest = tail;
    }
    out.push_str(&String::from_utf8_lossy(rest));
    out.replace("\r\n", "\n")
}

fn context() -> DeviceContext {
    let mut context = DeviceContext::default();
    context.device.imei = Some(text(IMEI));
    context.device.model = Some(text("Pixel 9"));
    context.app.name = Some(text("Lark Travel"));
    context.app.version = Some(text("8.4.1"));
    context.login.state = LoginState::LoggedIn;
    context.screen.name = Some(text("flight-detail"));
    context.screen.link = Some(text("https://travel.example/flight/MU5101?date=2026-05-01"));
    context
}

fn example() -> String {
    let mut trace = Trace::new();
    trace.say("The phone connects, is bound, and hears its place in the queue");
    trace.open(Side::Phone, PHONE_LEG);
    trace.input(Input::Position { position: 2, expected_wait_s: Some(40) });
    trace.run();
    trace.say("It tells its context and shows its screen");
    trace.control(Side::Phone, &Control::Context(context()));
    let shown = screenshot(1, 0);
    trace.client(Side::Phone, Class::Frame, &shown.envelope(PHONE_LEG, IMEI, SEAT));
    trace.say("A seat is assigned; it comes late and finds everything; the phone's frame is reported now");
    trace.input(Input::Assign { seat_id: "7f3a9c".into(), seat_name: "Lin".into() });
    trace.run();
    trace.open(Side::Seat, SEAT_LEG);
    trace.say("The customer touches; the seat acts and shows its own screen");
    let offer = screenshot(1, 128);
    trace.client(Side::Seat, Class::Frame, &offer.envelope(SEAT_LEG, SEAT, IMEI));
    trace.control(Side::Phone, &Control::Touch(Touch { seq: 1, x: 180, y: 610, action: TouchAction::Tap }));
    trace.say("The seat asks about the frame that the phone reported; the customer agrees");
    let (id, hash): (Text<64>, Text<64>) = (text("c1"), text(&offer.hash));
    trace.control(
        Side::Seat,
        &Control::ConfirmRequest(ConfirmRequest {
            id: id.clone(),
            summary: text("MU5101 on 1 May, 1 adult"),
            amount: Some(text("1280.00 CNY")),
            frame_seq: offer.seq,
            frame_hash: hash.clone(),
        }),
    );
    let answer = ConfirmAnswer { id, answer: YesNo::Yes, by: AnswerBy::Touch, frame_hash: hash };
    trace.control(Side::Phone, &Control::ConfirmAnswer(answer));
    trace.say("A frame addressed to another phone is refused, and not guessed at");
    let stray = screenshot(2, 64);
    trace.client(Side::Seat, Class::Frame, &stray.envelope(SEAT_LEG, SEAT, "urn:gsma:imei:35209900-999999-0"));
    trace.out
}

#[test]
fn the_documented_trace_is_what_the_code_says() {
    const BEGIN: &str = "<!-- trace: written by src/sync/trace.rs -->\n";
    const END: &str = "<!-- end of trace -->\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol.md");
    let document = std::fs::read_to_string(path).expect("docs/protocol.md");
    let (before, rest) = document.split_once(BEGIN).expect("the trace's beginning");
    let (written, after) = rest.split_once(END).expect("the trace's end");
    let trace = example();
    for step in ["position", "context", "seat.assigned", "input.touch", "confirm.answer", " 403 ", "REPORT"] {
        assert!(trace.contains(step), "{step}");
    }
    if std::env::var_os("TANDEM_UPDATE_DOCS").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{trace}\n{END}{after}")).expect("written");
    } else {
        let written = written.trim_end();
        assert_eq!(written, trace.trim_end(), "run with TANDEM_UPDATE_DOCS=1 to write it anew");
    }
}
