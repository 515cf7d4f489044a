use super::*;
use crate::media::latch::LOCK_AFTER;
use crate::media::rtcp::{SenderInfo, sender_report};
use crate::media::rtp::Stream;
use proptest::prelude::*;

const DEAD_AFTER: Duration = Duration::from_secs(30);

fn at(host: u8, port: u16) -> SocketAddr {
    ([192, 0, 2, host], port).into()
}

fn id(leg: u8) -> MediaLegId {
    MediaLegId::new(1, leg)
}

fn sound() -> Vec<u8> {
    let mut out = vec![0; 172];
    Stream::new(1, 1, 1).packet(8, &[0xd5; 160], 160, &mut out).unwrap();
    out
}

fn report() -> Vec<u8> {
    sender_report(1, SenderInfo { ntp: 1, rtp_timestamp: 1, packets: 1, octets: 1 }, "a")
}

/// Two bridged legs, a's far side at host 1 and b's at host 2.
fn bridged(now: Instant) -> (Relay, LegKey, LegKey) {
    let mut relay = Relay::new(DEAD_AFTER);
    let (a, b) = (relay.open(id(0), now).unwrap(), relay.open(id(1), now).unwrap());
    relay.remote(a, at(1, 4_000), at(1, 4_001), now);
    relay.remote(b, at(2, 4_000), at(2, 4_001), now);
    relay.bridge(a, b);
    (relay, a, b)
}

fn forward(to: LegKey, flow: Flow, address: SocketAddr) -> Action {
    Action::Forward { to, flow, address }
}

#[test]
fn sound_and_reports_cross_over_to_the_matching_port() {
    let now = Instant::now();
    let (mut relay, a, b) = bridged(now);
    let received = relay.receive(a, Flow::Rtp, &sound(), at(1, 4_000), now);
    assert_eq!(received, Received { action: forward(b, Flow::Rtp, at(2, 4_000)), first: true });
    let received = relay.receive(b, Flow::Rtcp, &report(), at(2, 4_001), now);
    assert_eq!(received, Received { action: forward(a, Flow::Rtcp, at(1, 4_001)), first: false });
    relay.sent(b, Flow::Rtp, 172);
    relay.sent(a, Flow::Rtcp, 40);
    let expected = LegStats { packets_in: 1, octets_in: 172, rtcp_out: 1, ..LegStats::default() };
    assert_eq!(relay.stats(a), expected);
    let expected = LegStats { packets_out: 1, octets_out: 172, rtcp_in: 1, ..LegStats::default() };
    assert_eq!(relay.stats(b), expected);
}

#[test]
fn the_first_packet_is_told_once() {
    let now = Instant::now();
    let (mut relay, a, _) = bridged(now);
    let firsts = (0..3).filter(|_| relay.receive(a, Flow::Rtp, &sound(), at(1, 4_000), now).first).count();
    assert_eq!(firsts, 1);
}

#[test]
fn a_stranger_is_dropped_and_counted_after_the_lock() {
    let now = Instant::now();
    let (mut relay, a, b) = bridged(now);
    for _ in 0..LOCK_AFTER {
        relay.receive(a, Flow::Rtp, &sound(), at(9, 7_777), now);
    }
    assert_eq!(relay.receive(a, Flow::Rtp, &sound(), at(1, 4_000), now).action, Action::Drop);
    assert_eq!(relay.stats(a).dropped_source, 1);
    // What goes back follows the source, not the session description.
    let back = relay.receive(b, Flow::Rtp, &sound(), at(2, 4_000), now).action;
    assert_eq!(back, forward(a, Flow::Rtp, at(9, 7_777)));
}

#[test]
fn reports_must_come_from_the_host_that_sends_the_sound() {
    let now = Instant::now();
    let (mut relay, a, b) = bridged(now);
    // Before any sound a report from elsewhere is believed, and forgotten once the sound shows the true host.
    assert_ne!(relay.receive(a, Flow::Rtcp, &report(), at(9, 1), now).action, Action::Drop);
    relay.receive(a, Flow::Rtp, &sound(), at(1, 4_000), now);
    assert_eq!(relay.receive(a, Flow::Rtcp, &report(), at(9, 1), now).action, Action::Drop);
    assert_eq!(
        relay.receive(a, Flow::Rtcp, &report(), at(1, 62_001), now).action,
        forward(b, Flow::Rtcp, at(2, 4_001))
    );
    let back = relay.receive(b, Flow::Rtcp, &report(), at(2, 4_001), now).action;
    assert_eq!(back, forward(a, Flow::Rtcp, at(1, 62_001)));
    assert_eq!(relay.stats(a).dropped_source, 1);
}

#[test]
fn reports_on_the_sound_port_leave_by_the_report_port() {
    let now = Instant::now();
    let (mut relay, a, b) = bridged(now);
    let received = relay.receive(a, Flow::Rtp, &report(), at(1, 4_000), now);
    assert_eq!(received, Received { action: forward(b, Flow::Rtcp, at(2, 4_001)), first: false });
}

#[test]
fn a_flood_is_cut_and_counted_second_by_second() {
    let now = Instant::now();
    let (mut relay, a, _) = bridged(now);
    for second in 0..3 {
        let now = now + Duration::from_secs(second);
        let passed = (0..MAX_RATE + 100)
            .filter(|_| relay.receive(a, Flow::Rtp, &sound(), at(1, 4_000), now).action != Action::Drop)
            .count();
        assert_eq!(passed, MAX_RATE as usize);
    }
    assert_eq!(relay.stats(a).dropped_source, 300);
}

#[test]
fn noise_is_counted_and_latches_nothing() {
    let now = Instant::now();
    let (mut relay, a, b) = bridged(now);
    let mut huge = sound();
    huge.resize(MAX_PACKET + 1, 0);
    for (flow, datagram) in [(Flow::Rtp, &b"noise"[..]), (Flow::Rtp, &huge), (Flow::Rtcp, &sound())] {
        assert_eq!(relay.receive(a, flow, datagram, at(9, 9), now), Received { action: Action::Drop, first: false });
    }
    assert_eq!(relay.stats(a), LegStats { dropped_malformed: 3, ..LegStats::default() });
    let back = relay.receive(b, Flow::Rtp, &sound(), at(2, 4_000), now).action;
    assert_eq!(back, forward(a, Flow::Rtp, at(1, 4_000)));
}

#[test]
fn a_held_side_gets_nothing_but_is_heard() {
    let now = Instant::now();
    let (mut relay, a, b) = bridged(now);
    relay.remote(b, at(2, 0), at(2, 1), now);
    assert_eq!(relay.receive(a, Flow::Rtp, &sound(), at(1, 4_000), now).action, Action::Keep);
    let heard = relay.receive(b, Flow::Rtp, &sound(), at(2, 4_000), now).action;
    assert_eq!(heard, forward(a, Flow::Rtp, at(1, 4_000)));
}

#[test]
fn bridging_elsewhere_and_closing_leave_nobody_behind() {
    let now = Instant::now();
    let (mut relay, a, b) = bridged(now);
    let c = relay.open(id(2), now).unwrap();
    relay.bridge(a, c);
    assert!(!relay.is_bridged(b));
    relay.unbridge(a, b);
    assert!(relay.is_bridged(a), "a and b were not bridged any more");
    relay.bridge(c, c);
    assert!(relay.is_bridged(a));
    assert!(relay.close(id(2)).is_some());
    assert!(!relay.is_bridged(a));
    assert_eq!(relay.close(id(2)), None);
    relay.bridge(a, b);
    relay.unbridge(b, a);
    assert!(!relay.is_bridged(a) && !relay.is_bridged(b));
    assert!(relay.close(id(0)).is_some() && relay.close(id(1)).is_some());
    assert!(relay.is_empty());
}

#[test]
fn an_id_is_open_once() {
    let now = Instant::now();
    let (mut relay, ..) = bridged(now);
    assert_eq!(relay.open(id(0), now), None);
    assert_eq!(relay.len(), 2);
}

#[test]
fn silence_is_told_once_and_again_after_sound() {
    let now = Instant::now();
    let (mut relay, a, b) = bridged(now);
    let dead = |relay: &mut Relay, after: u64| {
        let mut dead = Vec::new();
        relay.watch(now + Duration::from_secs(after), |leg| dead.push(leg));
        dead
    };
    assert_eq!(dead(&mut relay, 29), []);
    relay.receive(b, Flow::Rtcp, &report(), at(2, 4_001), now + Duration::from_secs(20));
    assert_eq!(dead(&mut relay, 30), [id(0)], "a report is a sign of life");
    assert_eq!(dead(&mut relay, 31), []);
    relay.receive(a, Flow::Rtp, &sound(), at(1, 4_000), now + Duration::from_secs(32));
    assert_eq!(dead(&mut relay, 50), [id(1)]);
    assert_eq!(dead(&mut relay, 62), [id(0)]);
}

#[test]
fn nobody_is_dead_who_need_not_speak() {
    let now = Instant::now();
    let mut relay = Relay::new(DEAD_AFTER);
    relay.open(id(0), now).unwrap();
    let held = relay.open(id(1), now).unwrap();
    relay.remote(held, at(1, 4_000), at(1, 4_001), now);
    relay.remote(held, at(1, 0), at(1, 1), now);
    relay.watch(now + DEAD_AFTER * 3, |leg| panic!("{leg:?}"));
    relay.remote(held, at(1, 4_000), at(1, 4_001), now + DEAD_AFTER * 3);
    relay.watch(now + DEAD_AFTER * 3, |leg| panic!("{leg:?}: the wait begins anew"));
}

proptest! {
    /// Whatever is opened, bridged and closed in whatever order: a bridge has two ends that agree, and a packet is
    /// never forwarded to anybody else.
    #[test]
    fn bridges_have_two_ends(steps in proptest::collection::vec((0u8..5, 0u8..6, 0u8..6), 1..120)) {
        let now = Instant::now();
        let mut relay = Relay::new(DEAD_AFTER);
        for (action, one, other) in steps {
            match (action, relay.key(id(one)), relay.key(id(other))) {
                (0, None, _) => {
                    let key = relay.open(id(one), now).unwrap();
                    relay.remote(key, at(one, 4_000), at(one, 4_001), now);
                }
                (1, ..) => drop(relay.close(id(one))),
                (2, Some(a), Some(b)) => relay.unbridge(a, b),
                (_, Some(a), Some(b)) => relay.bridge(a, b),
                _ => {}
            }
            for leg in 0..6 {
                let Some(key) = relay.key(id(leg)) else { continue };
                if let Some(peer) = relay.legs[key.0].peer {
                    prop_assert_eq!(relay.legs[peer.0].peer, Some(key));
                    prop_assert_ne!(peer, key);
                }
            }
            prop_assert_eq!(relay.keys.len(), relay.legs.len());
        }
    }
}
