//! Two reference endpoints that hear each other, straight and through a running media plane.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::plane::{Plane, free_port};
use tandem::media::client::{AudioEndpoint, AudioHandle, AudioReport, AudioSettings};
use tandem::media::{AudioCodec, MediaCommand, MediaLegId};

const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn settings(codec: AudioCodec, play_hz: f64, want_hz: f64) -> AudioSettings {
    AudioSettings { codec, payload_type: codec.payload_type(), event_payload_type: Some(101), play_hz, want_hz }
}

async fn until(endpoint: &AudioHandle, enough: impl FnMut(&AudioReport) -> bool) {
    let mut report = endpoint.watch();
    let heard = tokio::time::timeout(Duration::from_secs(10), report.wait_for(enough)).await;
    assert!(heard.is_ok(), "in vain: {:?}", endpoint.report());
}

fn is_clear(report: &AudioReport) -> bool {
    report.heard_s >= 0.5 && report.reports_received >= 1
}

#[tokio::test]
async fn each_hears_the_others_tone_and_keys() {
    for codec in AudioCodec::ALL {
        let (a, b) = (AudioEndpoint::bind(LOCAL).await.unwrap(), AudioEndpoint::bind(LOCAL).await.unwrap());
        let (at_a, at_b) = (a.local_addr(), b.local_addr());
        assert_eq!(at_a.port() % 2, 0);
        let a = a.start(settings(codec, 440.0, 1_000.0)).unwrap();
        let b = b.start(settings(codec, 1_000.0, 440.0)).unwrap();
        a.set_remote(Some(at_b));
        b.set_remote(Some(at_a));
        assert_eq!(a.press("15#"), 3);
        until(&a, is_clear).await;
        until(&b, |report| is_clear(report) && report.digits == "15#").await;
        let (a, b) = (a.stop().await, b.stop().await);
        assert!(a.share > 0.95 && b.share > 0.9, "{a:?} {b:?}");
        assert_eq!((a.malformed, b.malformed, a.digits.as_str()), (0, 0, ""));
        assert!(std::net::UdpSocket::bind(at_a).is_ok(), "the port is free again");
    }
}

#[tokio::test]
async fn an_endpoint_that_hears_another_tone_says_so() {
    let (a, b) = (AudioEndpoint::bind(LOCAL).await.unwrap(), AudioEndpoint::bind(LOCAL).await.unwrap());
    let at_b = b.local_addr();
    let a = a.start(settings(AudioCodec::Pcma, 620.0, 440.0)).unwrap();
    let b = b.start(settings(AudioCodec::Pcma, 1_000.0, 440.0)).unwrap();
    a.set_remote(Some(at_b));
    until(&b, |report| report.loud_s >= 0.3).await;
    let report = b.stop().await;
    assert!(report.share < 0.05 && report.heard_s == 0.0, "{report:?}");
    assert_eq!(report.packets_sent, 0, "it was never told where to");
    assert!(a.stop().await.packets_sent > 10);
}

#[tokio::test]
async fn they_hear_each_other_through_the_relay() {
    let plane = Plane::start(1, vec![]);
    let mut sides = Vec::new();
    for (leg, play, want) in [(0, 440.0, 1_000.0), (1, 1_000.0, 440.0)] {
        let (leg, port) = (MediaLegId::new(9, leg), free_port());
        let endpoint = AudioEndpoint::bind(LOCAL).await.unwrap();
        let rtp = endpoint.local_addr();
        plane.order(MediaCommand::Open { leg, port });
        plane.order(MediaCommand::Remote { leg, rtp, rtcp: SocketAddr::new(LOCAL, rtp.port() + 1) });
        plane.settle();
        let handle = endpoint.start(settings(AudioCodec::Pcmu, play, want)).unwrap();
        sides.push((leg, SocketAddr::new(LOCAL, port), handle));
    }
    plane.order(MediaCommand::Bridge { a: sides[0].0, b: sides[1].0 });
    plane.settle();
    sides.iter().for_each(|(_, relay, handle)| handle.set_remote(Some(*relay)));
    sides[1].2.press("42");
    until(&sides[0].2, |report| is_clear(report) && report.digits == "42").await;
    until(&sides[1].2, is_clear).await;
    for (leg, _, handle) in sides {
        assert!(handle.stop().await.share > 0.9);
        let stats = plane.close(leg);
        assert!(stats.packets_in > 25 && stats.dropped_source + stats.dropped_malformed == 0, "{stats:?}");
    }
}
