//! The media workers over real loopback sockets.
//!
//! No test sleeps: a round trip through the order queue ([`Plane::settle`]) says that orders have been carried out,
//! and packets on one socket are taken in the order in which they came.

use std::net::UdpSocket;
use std::time::Duration;

use crate::plane::{Phone, Plane, free_port, listen, packet, report};
use tandem::media::music::Prompt;
use tandem::media::rtp::Packet;
use tandem::media::tone::{Tone, ToneDetector};
use tandem::media::{AudioCodec, LegStats, MediaCommand, MediaEvent, MediaLegId, PromptId, SendError};

const TONE: PromptId = PromptId(5);

fn tone_prompt(hz: f64) -> Prompt {
    let mut samples = vec![0; 8_000];
    Tone::new(hz, 8_000).fill(&mut samples);
    Prompt::from_samples(TONE, &samples)
}

fn play(leg: MediaLegId, prompt: PromptId) -> MediaCommand {
    MediaCommand::Play { leg, prompt, codec: AudioCodec::Pcma, payload_type: 8 }
}

#[test]
fn sound_events_and_reports_pass_unmodified_both_ways() {
    let plane = Plane::start(2, vec![]);
    let (a, b) = plane.bridged_pair(1);
    let digit = packet(101, 7, &[5, 0x8a, 0, 160]);
    let dynamic = packet(96, 8, b"unknown to us");
    for (from, to) in [(&a, &b), (&b, &a)] {
        for sent in [&packet(8, 1, &[0xd5; 160]), &digit, &dynamic] {
            from.say(sent);
            assert_eq!(&to.hear(), sent);
        }
        let sent = report(77);
        from.report(&sent);
        assert_eq!(to.hear_report(), sent);
    }
    let stats = plane.close(a.leg);
    let octets = 172 + 16 + 25;
    let expected = LegStats {
        packets_in: 3,
        packets_out: 3,
        octets_in: octets,
        octets_out: octets,
        rtcp_in: 1,
        rtcp_out: 1,
        ..LegStats::default()
    };
    assert_eq!(stats, expected);
    assert_eq!(plane.close(b.leg), expected);
}

#[test]
fn a_phone_behind_nat_is_found_and_an_injector_is_not() {
    let plane = Plane::start(1, vec![]);
    let (mut a, b) = plane.bridged_pair(1);
    // The phone's packets come from elsewhere than its session description says.
    a.rtp = Phone::socket();
    for sequence in 0..5 {
        a.say(&packet(8, sequence, b"phone"));
        b.hear();
    }
    let injector = Phone::socket();
    injector.send_to(&packet(8, 6, b"injected"), a.relay_rtp).unwrap();
    a.say(&packet(8, 7, b"after it"));
    assert_eq!(b.hear(), packet(8, 7, b"after it"));
    b.say(&packet(8, 1, b"back"));
    assert_eq!(a.hear(), packet(8, 1, b"back"));

    // A new remote opens the lock.
    plane.remote(a.leg, &injector, &a.rtcp);
    injector.send_to(&packet(8, 8, b"invited"), a.relay_rtp).unwrap();
    assert_eq!(b.hear(), packet(8, 8, b"invited"));
    let stats = plane.close(a.leg);
    assert_eq!((stats.packets_in, stats.dropped_source, stats.dropped_malformed), (7, 1, 0));
}

#[test]
fn noise_is_counted_and_goes_nowhere() {
    let plane = Plane::start(1, vec![]);
    let (a, b) = plane.bridged_pair(1);
    for noise in [&b""[..], b"x", b"INVITE sip:noise SIP/2.0\r\n\r\n", &[0x80; 4_000], &[0x80, 8, 0]] {
        a.say(noise);
    }
    a.say(&packet(8, 1, b"sound"));
    assert_eq!(b.hear(), packet(8, 1, b"sound"));
    assert_eq!(plane.close(a.leg).dropped_malformed, 5);
}

#[test]
fn the_first_packet_and_a_long_silence_are_told() {
    let plane = Plane::with_dead_after(1, vec![], Duration::from_millis(300));
    let (a, _b) = plane.bridged_pair(1);
    a.say(&packet(8, 1, b"hello"));
    assert_eq!(plane.event(), MediaEvent::FirstPacket { leg: a.leg });
    let dead = [plane.event(), plane.event()];
    for leg in [MediaLegId::new(1, 0), MediaLegId::new(1, 1)] {
        assert!(dead.contains(&MediaEvent::Dead { leg }), "{dead:?}");
    }
}

#[test]
fn the_prompt_is_heard_by_everybody() {
    let plane = Plane::start(2, vec![tone_prompt(440.0)]);
    let phones: Vec<Phone> = (0..20).map(|call| plane.phone(MediaLegId::new(call, 0))).collect();
    phones.iter().for_each(|phone| plane.order(play(phone.leg, TONE)));
    for phone in &phones {
        let mut ear = ToneDetector::new(440.0);
        for index in 0..25 {
            let heard = phone.hear();
            let read = Packet::parse(&heard).unwrap();
            assert_eq!((read.marker(), read.payload_type(), read.payload().len()), (index == 0, 8, 160));
            ear.push(&listen(AudioCodec::Pcma, read.payload()));
        }
        assert!(ear.share() > 0.95 && ear.heard_s() > 0.45, "{} {}", ear.share(), ear.heard_s());
    }
    assert_eq!(plane.handle().listeners(), 20);
}

#[test]
fn the_builtin_melody_is_played_from_its_beginning_without_a_gap() {
    let melody = Prompt::melody();
    let plane = Plane::start(1, vec![melody.clone()]);
    let phone = plane.phone(MediaLegId::new(1, 0));
    plane.order(play(phone.leg, PromptId::MUSIC));
    let packets: Vec<_> = (0..50).map(|_| phone.hear()).collect();
    let first = Packet::parse(&packets[0]).unwrap();
    let (sequence, timestamp) = (first.sequence(), first.timestamp());
    for (index, octets) in packets.iter().enumerate() {
        let read = Packet::parse(octets).unwrap();
        assert_eq!(read.sequence(), sequence.wrapping_add(index as u16));
        assert_eq!(read.timestamp(), timestamp.wrapping_add(160 * index as u32));
        assert_eq!((read.ssrc(), read.payload()), (first.ssrc(), &melody.frames(AudioCodec::Pcma)[index][..]));
    }
}

#[test]
fn a_bridge_ends_the_music_and_hold_brings_another_stream() {
    let plane = Plane::start(1, vec![tone_prompt(440.0)]);
    let (caller, seat) = (plane.phone(MediaLegId::new(1, 0)), plane.phone(MediaLegId::new(1, 1)));
    plane.order(play(caller.leg, TONE));
    let music = Packet::parse(&caller.hear()).unwrap().ssrc();
    plane.order(MediaCommand::Bridge { a: caller.leg, b: seat.leg });
    plane.settle();
    assert_eq!(plane.handle().listeners(), 0);
    let spoken = packet(8, 9, b"the seat");
    seat.say(&spoken);
    let is_spoken = |heard: &Vec<u8>| Packet::parse(heard).unwrap().payload() == b"the seat";
    let heard = std::iter::repeat_with(|| caller.hear()).take(50).find(is_spoken).expect("the seat is heard");
    assert_eq!(Packet::parse(&heard).unwrap().ssrc(), music, "one stream goes on for the caller");
    seat.say(&packet(8, 10, b"still it"));
    assert_eq!(Packet::parse(&caller.hear()).unwrap().payload(), b"still it", "no music in between");

    plane.order(play(caller.leg, TONE));
    plane.settle();
    assert_eq!(plane.handle().listeners(), 0, "a bridged leg is not played to");

    plane.order(MediaCommand::Unbridge { a: seat.leg, b: caller.leg });
    plane.order(play(caller.leg, TONE));
    let held = caller.hear();
    let held = Packet::parse(&held).unwrap();
    assert!(held.marker() && held.payload() != b"still it");
    seat.say(&packet(8, 11, b"unheard"));
    plane.order(MediaCommand::StopPlay { leg: caller.leg });
    plane.settle();
    assert_eq!(plane.handle().listeners(), 0);
    let stats = plane.close(seat.leg);
    assert_eq!((stats.packets_in, stats.packets_out), (3, 0));
}

#[test]
fn a_leg_without_a_remote_is_played_nothing() {
    let plane = Plane::start(1, vec![tone_prompt(440.0)]);
    let leg = MediaLegId::new(1, 0);
    let port = free_port();
    plane.order(MediaCommand::Open { leg, port });
    plane.order(play(leg, TONE));
    plane.settle();
    // A stranger's packet draws nothing out of it either.
    let stranger = Phone::socket();
    stranger.send_to(&packet(8, 1, b"?"), ("127.0.0.1", port)).unwrap();
    assert_eq!(plane.event(), MediaEvent::FirstPacket { leg });
    // A listener's first frame is due at once, so by now at least one has been.
    assert_eq!(plane.handle().listeners(), 1);
    assert_eq!(plane.close(leg).packets_out, 0);
}

#[test]
fn a_port_in_use_fails_the_leg_and_leaves_nothing() {
    let plane = Plane::start(1, vec![]);
    for taken in [0, 1] {
        let port = free_port();
        let holder = UdpSocket::bind(("127.0.0.1", port + taken)).unwrap();
        let leg = MediaLegId::new(3, 0);
        plane.order(MediaCommand::Open { leg, port });
        let event = plane.event();
        assert!(matches!(&event, MediaEvent::OpenFailed { leg: failed, .. } if *failed == leg), "{event:?}");
        drop(holder);
        UdpSocket::bind(("127.0.0.1", port)).unwrap();
        UdpSocket::bind(("127.0.0.1", port + 1)).unwrap();
    }
    assert_eq!(plane.handle().open_legs(), 0);
}

#[test]
fn closing_frees_ports_and_peers() {
    let plane = Plane::start(1, vec![tone_prompt(440.0)]);
    let (a, b) = plane.bridged_pair(1);
    assert_eq!(plane.handle().open_legs(), 2);
    plane.close(a.leg);
    for address in [a.relay_rtp, a.relay_rtcp] {
        UdpSocket::bind(address).unwrap();
    }
    b.say(&packet(8, 1, b"to nobody"));
    assert_eq!(plane.event(), MediaEvent::FirstPacket { leg: b.leg });
    plane.order(play(b.leg, TONE));
    assert!(Packet::parse(&b.hear()).unwrap().marker(), "b is free to listen");
    plane.close(b.leg);
    assert_eq!((plane.handle().open_legs(), plane.handle().listeners()), (0, 0));
    // Orders about legs that are gone are void.
    plane.order(MediaCommand::Close { leg: a.leg });
    plane.order(MediaCommand::Bridge { a: a.leg, b: b.leg });
    plane.order(play(a.leg, TONE));
    plane.settle();
    assert_eq!((plane.handle().open_legs(), plane.handle().listeners()), (0, 0));
}

#[test]
fn shutdown_closes_everything_and_refuses_orders() {
    let mut plane = Plane::start(2, vec![]);
    let phones: Vec<Phone> = (0..6).map(|call| plane.phone(MediaLegId::new(call, 0))).collect();
    let handle = plane.handle();
    let events = plane.shutdown();
    for phone in &phones {
        assert!(events.contains(&MediaEvent::Closed { leg: phone.leg, stats: LegStats::default() }));
        UdpSocket::bind(phone.relay_rtp).unwrap();
    }
    assert_eq!(handle.open_legs(), 0);
    assert_eq!(handle.send(MediaCommand::Close { leg: phones[0].leg }), Err(SendError::Stopped));
}

#[test]
fn legs_of_different_calls_are_not_bridged() {
    let plane = Plane::start(2, vec![]);
    let order = MediaCommand::Bridge { a: MediaLegId::new(1, 0), b: MediaLegId::new(2, 0) };
    assert_eq!(plane.handle().send(order), Err(SendError::Apart));
}

#[test]
fn two_hundred_legs_hear_their_peer_and_nobody_else() {
    const ROUNDS: u16 = 20;
    let plane = Plane::start(2, vec![]);
    let pairs: Vec<(Phone, Phone)> = (0..100).map(|call| plane.bridged_pair(call)).collect();
    assert_eq!(plane.handle().open_legs(), 200);
    for round in 0..ROUNDS {
        for (call, (a, b)) in pairs.iter().enumerate() {
            a.say(&packet(8, round, format!("{call} to b").as_bytes()));
            b.say(&packet(8, round, format!("{call} to a").as_bytes()));
        }
        for (call, (a, b)) in pairs.iter().enumerate() {
            assert_eq!(a.hear(), packet(8, round, format!("{call} to a").as_bytes()));
            assert_eq!(b.hear(), packet(8, round, format!("{call} to b").as_bytes()));
        }
    }
    for (a, b) in &pairs {
        for leg in [a.leg, b.leg] {
            let stats = plane.close(leg);
            assert_eq!((stats.packets_in, stats.packets_out), (u64::from(ROUNDS), u64::from(ROUNDS)));
        }
    }
    assert_eq!((plane.handle().open_legs(), plane.handle().events_lost()), (0, 0));
}
