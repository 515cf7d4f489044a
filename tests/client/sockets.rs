//! Two clients over real sockets, without a gateway between them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tandem::client::carrier::{self, CarrierOptions};
use tandem::client::handset::{self, HandsetOptions, Script};
use tandem::client::phone::AccessNetwork;
use tandem::client::voice::Tones;
use tandem::client::{ClientError, Story, StoryEvent, What, Who};
use tandem::sip::Transport;
use tokio_util::sync::CancellationToken;

/// Lines as a reader of stdout would get them.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn events(&self) -> Vec<StoryEvent> {
        let octets = self.0.lock().expect("not poisoned").clone();
        let text = String::from_utf8(octets).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("one event a line")).collect()
    }
}

fn free_port(transport: Transport) -> std::net::SocketAddr {
    let bound = match transport {
        Transport::Udp => std::net::UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()),
        Transport::Tcp => std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()),
    };
    bound.expect("a free port")
}

fn caller(to: std::net::SocketAddr, transport: Transport) -> HandsetOptions {
    HandsetOptions {
        server: None,
        transport,
        domain: None,
        user: "traveller".into(),
        password: None,
        imei: handset::imei("352099001761481").ok(),
        number: Some("+8613800138000".into()),
        network: AccessNetwork::Cellular,
        to: format!("sip:4008001234@{to}").parse().expect("an address"),
        site: None,
        tones: Tones { play_hz: 700, expect_hz: Some(1100) },
        script: Script::None,
        record: None,
        call_for: Duration::from_secs(4),
    }
}

fn answerer(bind: std::net::SocketAddr, transport: Transport) -> CarrierOptions {
    CarrierOptions {
        bind,
        transport,
        tones: Tones { play_hz: 1100, expect_hz: Some(700) },
        call: None,
        number: None,
        seconds: None,
        calls: Some(1),
    }
}

async fn both_hear_each_other(transport: Transport) {
    let address = free_port(transport);
    let (handset_lines, carrier_lines) = (Lines::default(), Lines::default());
    let stop = CancellationToken::new();
    let answering = tokio::spawn(carrier::run(
        answerer(address, transport),
        Story::new(Who::Carrier, true, carrier_lines.clone()),
        stop.clone(),
    ));
    // Its socket is open once somebody else cannot have it.
    for _ in 0..200 {
        let taken = match transport {
            Transport::Udp => std::net::UdpSocket::bind(address).is_err(),
            Transport::Tcp => std::net::TcpStream::connect(address).is_ok(),
        };
        if taken {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let story = Story::new(Who::Handset, true, handset_lines.clone());
    let called = handset::run(caller(address, transport), story, stop.clone()).await.expect("a good call");
    let answered = answering.await.expect("no panic").expect("a good call");

    for (report, played) in [(&called, "the carrier's"), (&answered, "the handset's")] {
        assert!(report.audio_ok && report.audio_heard_s >= 2.0, "{played} tone: {report:?}");
        assert!(report.audio_share > 0.9, "{played} tone is pure: {report:?}");
    }
    assert_eq!(called.call_id, answered.call_id);
    assert_eq!((called.bearer.as_deref(), called.frames_sent, called.frames_received), (Some("pstn"), 0, 0));
    assert!(called.setup_ms.is_some());
    let told: Vec<What> = handset_lines.events().iter().map(|event| event.what).collect();
    assert_eq!(
        told,
        [What::CallPlaced, What::CallRinging, What::CallAnswered, What::AudioHeard, What::CallEnded, What::Report]
    );
    let last = carrier_lines.events().pop().expect("a report");
    assert_eq!((last.who, last.what, last.fields["ok"].as_bool()), (Who::Carrier, What::Report, Some(true)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handset_and_carrier_hear_each_other_over_udp() {
    both_hear_each_other(Transport::Udp).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handset_and_carrier_hear_each_other_over_tcp() {
    both_hear_each_other(Transport::Tcp).await;
}

#[tokio::test]
async fn a_tone_that_is_not_played_fails_the_call() {
    let address = free_port(Transport::Udp);
    let stop = CancellationToken::new();
    let mut options = answerer(address, Transport::Udp);
    options.tones = Tones { play_hz: 400, expect_hz: None };
    let answering = tokio::spawn(carrier::run(options, Story::new(Who::Carrier, true, Lines::default()), stop.clone()));
    let lines = Lines::default();
    let mut options = caller(address, Transport::Udp);
    options.call_for = Duration::from_secs(3);
    let outcome = handset::run(options, Story::new(Who::Handset, true, lines.clone()), stop.clone()).await;
    assert!(matches!(outcome, Err(ClientError::NotHeard { hz: 1100, .. })), "{outcome:?}");
    let report = lines.events().pop().expect("a report");
    assert_eq!((report.what, report.fields["ok"].as_bool()), (What::Report, Some(false)));
    answering.await.expect("no panic").expect("the carrier expected nothing");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_a_remedy() {
    let address = free_port(Transport::Tcp);
    let lines = Lines::default();
    let story = Story::new(Who::Handset, true, lines.clone());
    let error =
        handset::run(caller(address, Transport::Tcp), story, CancellationToken::new()).await.expect_err("nobody");
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("--server"), "{text}");
}
