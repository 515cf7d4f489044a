//! Screen sessions over real loopback sockets: the shell in the middle, clients at both ends.

use std::io::Cursor;
use std::time::Duration;

use bytes::Bytes;
use tandem::net::screen::{self, ClientConfig, Received, ScreenClient, ScreenHandle, ScreenShellConfig};
use tandem::sync::context::DeviceContext;
use tandem::sync::contract::{FrameCounters, LaneState, Role, ScreenCommand, ScreenEvent, Side};
use tandem::sync::control::{AnswerBy, ConfirmAnswer, ConfirmRequest, Control, Key, YesNo};
use tandem::sync::frame::{Frame, FrameLimits};
use tandem::sync::identity::DeviceIdentity;
use tandem::sync::image::ImageType;
use tandem::sync::msrp::{Class, Limits, MsrpUri};
use tandem::sync::text::Text;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const FRAME_LIMITS: FrameLimits = FrameLimits { max_frame_bytes: 4 << 20, max_pixels: 8_000_000 };

fn imei(call: u64) -> String {
    format!("urn:gsma:imei:35209900-{call:06}-0")
}

/// A noisy picture: it does not compress, so that it takes many chunks.
fn frame(seq: u64, width: u32, height: u32, seed: u32) -> Frame {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let picture = image::GrayImage::from_fn(width, height, |_, _| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        image::Luma([state as u8])
    });
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Png).expect("a PNG");
    Frame::whole(seq, Some("detail".into()), ImageType::Png, out.into_inner().into(), &FRAME_LIMITS).expect("a frame")
}

fn text<const N: usize>(text: &str) -> Text<N> {
    Text::try_from(text).expect(text)
}

struct Gateway {
    handle: ScreenHandle,
    commands: mpsc::Sender<ScreenCommand>,
    events: mpsc::Receiver<ScreenEvent>,
    seen: Vec<ScreenEvent>,
}

impl Gateway {
    fn start() -> Self {
        let config = ScreenShellConfig::new("127.0.0.1:0".parse().expect("an address"), 100);
        let (commands, command_receiver) = mpsc::channel(64);
        let (event_sender, events) = mpsc::channel(64);
        let handle = screen::spawn(config, command_receiver, event_sender).expect("a shell");
        Gateway { handle, commands, events, seen: Vec::new() }
    }

    async fn command(&self, command: ScreenCommand) {
        self.commands.send(command).await.expect("a shell that listens");
    }

    fn session_id(call: u64, side: Side) -> String {
        format!("secret-{call}-{side:?}")
    }

    async fn open(&self, call: u64, side: Side, peer_path: Option<String>, role: Role) {
        let identity = DeviceIdentity::from_sip(Some(&imei(call)), None);
        let call_id = format!("{side:?}-leg-{call}");
        let session_id = Gateway::session_id(call, side);
        let message_limit = 100_000;
        self.command(ScreenCommand::Open { call, side, call_id, session_id, peer_path, role, identity, message_limit })
            .await;
    }

    async fn assign(&self, call: u64) {
        let (seat_id, seat_name) = (format!("s-{call}"), "Lin".to_owned());
        self.command(ScreenCommand::Assign { call, seat_id, seat_name }).await;
    }

    fn client_config(&self, call: u64, side: Side) -> ClientConfig {
        let own = MsrpUri::tcp("127.0.0.1", 9, &format!("client-{call}-{side:?}")).expect("a URI");
        let (from, to) = match side {
            Side::Phone => (imei(call), "urn:tandem:seat:any".to_owned()),
            Side::Seat => (format!("urn:tandem:seat:s-{call}"), imei(call)),
        };
        ClientConfig {
            own_path: own,
            peer_path: self.handle.path(&Gateway::session_id(call, side)).expect("a path"),
            call_id: format!("{side:?}-leg-{call}"),
            from,
            to,
            msrp: Limits::default(),
            frame: FRAME_LIMITS,
        }
    }

    async fn connect(&self, call: u64, side: Side) -> ScreenClient {
        let config = self.client_config(call, side);
        self.open(call, side, Some(config.own_path.to_string()), Role::Passive).await;
        ScreenClient::connect(config).await.expect("a connection")
    }

    /// Waits for an event; all that pass are kept in `seen`.
    async fn event<T>(&mut self, mut wanted: impl FnMut(&ScreenEvent) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let event = self.events.recv().await.expect("a shell that speaks");
                let found = wanted(&event);
                self.seen.push(event);
                if let Some(found) = found {
                    return found;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("the event")
    }

    async fn close(&mut self, call: u64) -> FrameCounters {
        self.command(ScreenCommand::Close { call }).await;
        self.event(|event| match event {
            ScreenEvent::Closed { call: closed, counters } if *closed == call => Some(*counters),
            _ => None,
        })
        .await
    }
}

/// Drives both clients until one hears what is wanted; gives who and what.
async fn until<T>(clients: &mut [&mut ScreenClient], mut wanted: impl FnMut(usize, Received) -> Option<T>) -> T {
    let waiting = async {
        loop {
            let (who, received) = {
                let turns = clients.iter_mut().enumerate().map(|(who, client)| {
                    Box::pin(async move { (who, client.recv().await.expect("a live connection")) })
                });
                futures_util::future::select_all(turns).await.0
            };
            if let Some(found) = wanted(who, received) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("what was wanted")
}

async fn frame_arrives(clients: &mut [&mut ScreenClient], to: usize, expected: &Frame) {
    let mut missing = [true, true];
    until(clients, |who, received| {
        match received {
            Received::Frame(got) => {
                assert_eq!((who, got.hash.as_str(), got.seq), (to, expected.hash.as_str(), expected.seq));
                missing[0] = false;
            }
            Received::Delivered(_) => {
                assert_eq!(who, 1 - to, "the report goes to the sender");
                missing[1] = false;
            }
            Received::Failed(ticket, status) => panic!("{ticket:?} failed: {status}"),
            _ => {}
        }
        (missing == [false, false]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn two_screens_one_call() {
    let mut gateway = Gateway::start();
    let mut phone = gateway.connect(1, Side::Phone).await;
    gateway.command(ScreenCommand::Position { call: 1, position: 1, expected_wait_s: Some(5) }).await;
    let mut context = DeviceContext::default();
    context.device.imei = Some(text(&imei(1)));
    context.screen.link = Some(text("https://travel.example/flight/MU5101"));
    phone.send_control(&Control::Context(context.clone())).expect("room");
    let early = frame(1, 300, 600, 1);
    phone.send_frame(&early).expect("room");
    let mut position = false;
    until(&mut [&mut phone], |_, received| match received {
        Received::Control(control) => {
            position |= matches!(*control, Control::Position(_));
            None
        }
        Received::Accepted(_) => position.then_some(()),
        _ => None,
    })
    .await;
    let told = gateway
        .event(|event| if let ScreenEvent::Context { context, .. } = event { Some(context.clone()) } else { None })
        .await;
    assert_eq!(*told, context);

    // The seat comes late and finds the context, its assignment and the phone's last frame, in this order.
    gateway.assign(1).await;
    let mut seat = gateway.connect(1, Side::Seat).await;
    let mut heard = Vec::new();
    let mut reported = false;
    until(&mut [&mut seat, &mut phone], |who, received| {
        match (who, received) {
            (0, Received::Control(control)) => heard.push(control.kind().to_owned()),
            (0, Received::Frame(got)) => heard.push(format!("frame {}", got.hash == early.hash)),
            (1, Received::Delivered(_)) => reported = true,
            _ => {}
        }
        (reported && heard.len() == 3).then_some(())
    })
    .await;
    assert_eq!(heard, ["context", "seat.assigned", "frame true"]);

    // Both ways, many chunks each, reported from end to end.
    let shot = frame(2, 400, 800, 2);
    assert!(shot.image.len() > 10 * 16 * 1024);
    phone.send_frame(&shot).expect("room");
    frame_arrives(&mut [&mut phone, &mut seat], 1, &shot).await;
    let offer = frame(1, 400, 800, 3);
    seat.send_frame(&offer).expect("room");
    frame_arrives(&mut [&mut phone, &mut seat], 0, &offer).await;

    confirm(&mut phone, &mut seat, &offer).await;
    let confirmation = gateway
        .event(|event| if let ScreenEvent::Confirmed { confirm, .. } = event { Some(confirm.clone()) } else { None })
        .await;
    assert!(confirmation.answer && confirmation.frame_hash == offer.hash);

    let counters = gateway.close(1).await;
    assert_eq!((counters.frames_to_seat, counters.frames_to_phone, counters.refused), (2, 1, 0));
    assert!(phone.recv().await.is_err() && seat.recv().await.is_err(), "closed with the call");
}

async fn confirm(phone: &mut ScreenClient, seat: &mut ScreenClient, about: &Frame) {
    let request = ConfirmRequest {
        id: text("c1"),
        summary: text("MU5101"),
        amount: None,
        frame_seq: about.seq,
        frame_hash: text(&about.hash),
    };
    seat.send_control(&Control::ConfirmRequest(request)).expect("room");
    let asked = until(&mut [&mut *phone, &mut *seat], |who, received| match received {
        Received::Control(control) if who == 0 => Some(*control),
        _ => None,
    })
    .await;
    let Control::ConfirmRequest(asked) = asked else { panic!("a question") };
    let (answer, by) = (YesNo::Yes, AnswerBy::Key);
    let answer = ConfirmAnswer { id: asked.id, answer, by, frame_hash: asked.frame_hash };
    phone.send_control(&Control::ConfirmAnswer(answer)).expect("room");
    until(&mut [phone, seat], |who, received| match received {
        Received::Control(control) => (who == 1 && control.kind() == "confirm.answer").then_some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn a_wrong_identity_is_refused_and_counted() {
    let mut gateway = Gateway::start();
    let mut phone = gateway.connect(1, Side::Phone).await;
    let mut seat = gateway.connect(1, Side::Seat).await;
    gateway.assign(1).await;
    let shot = frame(1, 50, 50, 1);
    let foreign = shot.envelope("Phone-leg-1", &imei(2), "urn:tandem:seat:any").to_bytes();
    phone.send(Class::Frame, "message/cpim", foreign).expect("room");
    seat.set_to(imei(2));
    seat.send_frame(&shot).expect("room");
    let mut failures = 0;
    until(&mut [&mut phone, &mut seat], |_, received| match received {
        Received::Failed(_, status) => {
            assert_eq!(status, 403);
            failures += 1;
            (failures == 2).then_some(())
        }
        Received::Frame(_) => panic!("a frame crossed"),
        _ => None,
    })
    .await;
    let counters = gateway.close(1).await;
    assert_eq!((counters.refused, counters.frames_to_phone, counters.frames_to_seat), (2, 0, 0));
}

#[tokio::test]
async fn two_calls_never_cross() {
    let mut gateway = Gateway::start();
    let mut ends = Vec::new();
    for call in [1, 2] {
        ends.push(gateway.connect(call, Side::Phone).await);
        ends.push(gateway.connect(call, Side::Seat).await);
        gateway.assign(call).await;
    }
    let wide: Vec<Vec<Frame>> = (0..4u32)
        .map(|end| (1..=20).map(|seq| frame(seq, 100 + end, 100, end * 1000 + seq as u32)).collect())
        .collect();
    let (mut next, mut last_heard) = ([0usize; 4], [0u64; 4]);
    while last_heard != [20; 4] {
        for (end, client) in ends.iter_mut().enumerate() {
            if let Some(shot) = wide[end].get(next[end]) {
                client.send_frame(shot).expect("room");
                next[end] += 1;
            }
        }
        let mut clients: Vec<&mut ScreenClient> = ends.iter_mut().collect();
        let (who, got) = until(&mut clients, |who, received| match received {
            Received::Frame(got) => Some((who, got)),
            Received::Failed(_, status) => panic!("failed: {status}"),
            _ => None,
        })
        .await;
        // Ends 0 and 1 are the first call, 2 and 3 the second; the width says whose frame it is.
        assert_eq!(got.full.width, 100 + (who as u32 ^ 1), "end {who} heard another call");
        assert!(got.seq > last_heard[who]);
        last_heard[who] = got.seq;
    }
    for call in [1, 2] {
        assert_eq!(gateway.close(call).await.refused, 0);
    }
}

#[tokio::test]
async fn a_broken_stream_ends_that_side_only() {
    let mut gateway = Gateway::start();
    let broken = gateway.client_config(1, Side::Phone);
    gateway.open(1, Side::Phone, Some(broken.own_path.to_string()), Role::Passive).await;
    let mut seat_one = gateway.connect(1, Side::Seat).await;
    let mut phone = gateway.connect(2, Side::Phone).await;
    let mut seat = gateway.connect(2, Side::Seat).await;
    gateway.assign(2).await;

    let mut raw = TcpStream::connect(gateway.handle.local_addr).await.expect("a connection");
    let head = format!(
        "MSRP tid1 SEND\r\nTo-Path: {}\r\nFrom-Path: {}\r\nMessage-ID: mid1\r\nByte-Range: 1-*/9000\r\n\
         Content-Type: message/cpim\r\n\r\ncut off in the mid",
        broken.peer_path, broken.own_path
    );
    raw.write_all(head.as_bytes()).await.expect("written");
    gateway.event(|event| matches!(event, ScreenEvent::Connected { call: 1, side: Side::Phone }).then_some(())).await;
    drop(raw);
    let closed = |event: &ScreenEvent| match event {
        ScreenEvent::SideClosed { call: 1, side: Side::Phone, reason } => Some(reason.clone()),
        _ => None,
    };
    assert_eq!(gateway.event(closed).await, "closed by the peer");

    // It may come back, and be worse.
    let mut raw = TcpStream::connect(gateway.handle.local_addr).await.expect("a connection");
    raw.write_all(head.as_bytes()).await.expect("written");
    raw.write_all(b"dle\r\n-------tid1$\r\nGET / HTTP/1.1\r\n\r\n").await.expect("written");
    let reason = gateway.event(closed).await;
    assert!(reason.contains("broken"), "{reason}");
    let mut answers = String::new();
    raw.read_to_string(&mut answers).await.expect("answers and the end");
    assert!(answers.starts_with("MSRP tid1 400 "), "a truncated message has its answer: {answers}");

    let shot = frame(1, 60, 60, 1);
    phone.send_frame(&shot).expect("room");
    frame_arrives(&mut [&mut phone, &mut seat], 1, &shot).await;
    assert!(
        tokio::time::timeout(Duration::from_millis(1), seat_one.recv()).await.is_err(),
        "the other side of that call stays"
    );
}

/// What the gateway answers to a first request, until it closes.
async fn knock(gateway: &Gateway, request: &str) -> String {
    let mut raw = TcpStream::connect(gateway.handle.local_addr).await.expect("a connection");
    raw.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    raw.read_to_string(&mut answer).await.expect("an answer and the end");
    answer
}

#[tokio::test(start_paused = true)]
async fn the_door_lets_in_who_names_a_live_session() {
    let gateway = Gateway::start();
    let request = |method: &str, session: &str| {
        format!(
            "MSRP tid1 {method}\r\nTo-Path: msrp://127.0.0.1:1/{session};tcp\r\nFrom-Path: msrp://h:1/x;tcp\r\n\
             Message-ID: mid1\r\n-------tid1$\r\n"
        )
    };
    assert!(knock(&gateway, &request("SEND", "nobody")).await.starts_with("MSRP tid1 481 "));
    assert!(knock(&gateway, &request("AUTH", "nobody")).await.starts_with("MSRP tid1 501 "));
    assert_eq!(knock(&gateway, &request("REPORT", "nobody")).await, "");
    assert_eq!(knock(&gateway, "GET / HTTP/1.1\r\n\r\n").await, "");
    // Half a request, and then nothing: the clock is paused, so ten seconds are none.
    let before = tokio::time::Instant::now();
    assert_eq!(knock(&gateway, "MSRP tid1 SEND\r\n").await, "");
    assert_eq!(before.elapsed().as_secs(), 10);

    let mut first = gateway.connect(1, Side::Phone).await;
    let session = Gateway::session_id(1, Side::Phone);
    first.send_control(&Control::Key(Key { key: Some(text("a")), text: None })).expect("room");
    until(&mut [&mut first], |_, received| matches!(received, Received::Failed(_, 481)).then_some(())).await;
    assert!(knock(&gateway, &request("SEND", &session)).await.starts_with("MSRP tid1 506 "), "bound already");
}

#[tokio::test]
async fn a_reader_that_sleeps_costs_a_bounded_amount_and_is_shown_the_newest() {
    let mut gateway = Gateway::start();
    let mut phone = gateway.connect(1, Side::Phone).await;
    let mut seat = gateway.connect(1, Side::Seat).await;
    gateway.assign(1).await;
    until(&mut [&mut seat], |_, received| matches!(received, Received::Control(_)).then_some(())).await;
    // The seat does not read any more; the phone sends, and each frame is taken by the gateway.
    let shots: Vec<Frame> = (1..=30).map(|seq| frame(seq, 500, 500, seq as u32)).collect();
    for shot in &shots {
        let ticket = phone.send_frame(shot).expect("frames always find room");
        until(&mut [&mut phone], |_, received| (received == Received::Accepted(ticket)).then_some(())).await;
    }
    // It wakes up, and hears little of what it missed, the newest surely.
    let mut heard = Vec::new();
    until(&mut [&mut phone, &mut seat], |_, received| {
        if let Received::Frame(got) = received {
            heard.push(got.seq);
        }
        (heard.last() == Some(&30)).then_some(())
    })
    .await;
    assert!(heard.len() <= 4, "{heard:?}");
    let counters = gateway.close(1).await;
    assert_eq!(counters.superseded + heard.len() as u64, 30);
}

#[tokio::test]
async fn the_gateway_connects_to_a_passive_peer() {
    let mut gateway = Gateway::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let mut config = gateway.client_config(1, Side::Phone);
    config.own_path = MsrpUri::tcp("127.0.0.1", listener.local_addr().expect("bound").port(), "mine").expect("a URI");
    gateway.open(1, Side::Phone, Some(config.own_path.to_string()), Role::Active).await;
    let mut phone = ScreenClient::accept(&listener, config).await.expect("a connection");
    let mut seat = gateway.connect(1, Side::Seat).await;
    gateway.assign(1).await;
    let shot = frame(1, 60, 60, 1);
    phone.send_frame(&shot).expect("room");
    frame_arrives(&mut [&mut phone, &mut seat], 1, &shot).await;

    gateway.open(2, Side::Phone, Some("msrp://127.0.0.1:1/closed;tcp".into()), Role::Active).await;
    let reason = gateway
        .event(|event| match event {
            ScreenEvent::SideClosed { call: 2, reason, .. } => Some(reason.clone()),
            _ => None,
        })
        .await;
    assert!(reason.starts_with("connect: "), "{reason}");
}

#[tokio::test]
async fn sip_message_carries_what_msrp_cannot() {
    let mut gateway = Gateway::start();
    gateway.open(1, Side::Phone, None, Role::Passive).await;
    let mut seat = gateway.connect(1, Side::Seat).await;
    gateway.assign(1).await;
    let shot = frame(1, 60, 60, 1);
    let message = |ticket, content_type: &str, body: Bytes| ScreenCommand::SipMessage {
        call: 1,
        side: Side::Phone,
        ticket,
        content_type: content_type.to_owned(),
        body,
    };
    let body = shot.envelope("Phone-leg-1", &imei(1), "urn:tandem:seat:any").to_bytes();
    gateway.command(message(1, "message/cpim", body.clone())).await;
    gateway.command(message(2, "message/cpim", body)).await;
    gateway.command(message(3, "text/plain", Bytes::new())).await;
    for (ticket, expected) in [(1, 200), (2, 400), (3, 415)] {
        let verdict = |event: &ScreenEvent| match event {
            ScreenEvent::Verdict { ticket: of, status, .. } => Some((*of, *status)),
            _ => None,
        };
        assert_eq!(gateway.event(verdict).await, (ticket, expected));
    }
    until(&mut [&mut seat], |_, received| match received {
        Received::Frame(got) => (got.hash == shot.hash).then_some(()),
        _ => None,
    })
    .await;

    let ticket = seat.send_frame(&shot).expect("room");
    until(&mut [&mut seat], |_, received| (received == Received::Accepted(ticket)).then_some(())).await;
    let (side, carried, body) = gateway
        .event(|event| match event {
            ScreenEvent::SendMessage { side, ticket, body, .. } if body.len() > 1000 => {
                Some((*side, *ticket, body.clone()))
            }
            _ => None,
        })
        .await;
    assert_eq!(side, Side::Phone);
    assert!(body.ends_with(&shot.image));
    gateway.command(ScreenCommand::MessageResult { call: 1, side, ticket: carried, status: 200 }).await;
    until(&mut [&mut seat], |_, received| (received == Received::Delivered(ticket)).then_some(())).await;
    assert_eq!(gateway.close(1).await.frames_to_phone, 1);
    let state =
        |event: &ScreenEvent| matches!(event, ScreenEvent::State { toward: Side::Phone, state: LaneState::Live, .. });
    assert!(gateway.seen.iter().any(state));
    gateway.command(message(9, "message/cpim", Bytes::new())).await;
    let late = |event: &ScreenEvent| matches!(event, ScreenEvent::Verdict { ticket: 9, status: 481, .. }).then_some(());
    gateway.event(late).await;
}
