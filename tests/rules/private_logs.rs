//! Above DEBUG a log tells a call's life and nothing about the customer.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tandem::config::Config;
use tandem::gateway::{Gateway, Input, Output, WallClock};
use tandem::sip::{Flow, Transport};
use tracing_subscriber::filter::LevelFilter;

const IMEI: &str = "35209900-176148-0";
const NUMBER: &str = "+8613800138000";
const BODY: &str = "v=0\r\no=zhang-wei-private 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8\r\n";

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics holding it").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One call into a queue and its end, logged at `level`.
fn log_of_a_call(level: LevelFilter) -> String {
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(level).with_writer(move || writer.clone()).with_ansi(false).finish();
    tracing::subscriber::with_default(subscriber, a_call);
    let bytes = sink.0.lock().expect("nobody panics holding it").clone();
    String::from_utf8(bytes).expect("a log is text")
}

fn a_call() {
    let mut config = Config::shipped().expect("the shipped configuration is right");
    for profile in &mut config.profiles {
        profile.authenticate = false;
    }
    let local = config.listeners[0].bind;
    let now = Instant::now();
    let mut gateway = Gateway::new(Arc::new(config), [7; 32], WallClock::new(now, Duration::from_secs(1)), now);
    let remote = std::net::SocketAddr::from(([127, 0, 0, 1], 40_404));
    let flow = Flow { transport: Transport::Udp, local, remote, connection: None };
    let message = |method: &str, to_tag: &str, seq: u32, body: &str| {
        let text = format!(
            "{method} sip:flights@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:40404;branch=z9hG4bK{method}{seq}\r\n\
             From: \"Zhang Wei\" <sip:{NUMBER}@tandem.localhost>;tag=a\r\nTo: <sip:flights@127.0.0.1>{to_tag}\r\n\
             Call-ID: private\r\nCSeq: {seq} {method}\r\nMax-Forwards: 70\r\n\
             Contact: <sip:{NUMBER}@127.0.0.1:40404>;+sip.instance=\"<urn:gsma:imei:{IMEI}>\"\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Bytes::from(text)
    };
    gateway.handle_input(Input::Sip(flow, message("INVITE", "", 1, BODY)), now);
    let mut to_tag = None;
    while let Some(output) = gateway.poll_output() {
        if let Output::Sip(_, bytes) = output {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let to = text.lines().find(|line| line.starts_with("To:")).unwrap_or_default().to_owned();
            to_tag = to.split("tag=").nth(1).map(|tag| format!(";tag={tag}")).or(to_tag);
        }
    }
    let to_tag = to_tag.expect("the queue answers");
    gateway.handle_input(Input::Sip(flow, message("ACK", &to_tag, 1, "")), now);
    gateway.handle_input(Input::Sip(flow, message("BYE", &to_tag, 2, "")), now);
    // Something that cannot be read is logged too.
    gateway.handle_input(Input::Sip(flow, Bytes::from(format!("MESSAGE {NUMBER} {IMEI}\r\n\r\n{BODY}"))), now);
}

#[test]
fn the_customer_stays_out_of_the_log() {
    let log = log_of_a_call(LevelFilter::INFO);
    for line in ["call arrived", "call ended"] {
        assert!(log.contains(line), "the call's life is told:\n{log}");
    }
    let lines = log.lines().count();
    assert!(lines <= 6, "a handful of lines, not {lines}:\n{log}");
    for secret in [IMEI, "35209900", NUMBER, "13800138000", "zhang-wei", "Zhang Wei"] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}
