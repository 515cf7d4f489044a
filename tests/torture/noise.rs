//! Noise: octets that are no messages, pieces of messages, messages without end.

use std::io::Write;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use crate::cases::INVITE;
use crate::datagrams::Peer;
use crate::streams;
use crate::target::{MAX_MESSAGE, Target};

const SEED: u64 = 4475;
const DATAGRAMS: usize = 20_000;
/// So many at a time, so that the kernel's buffer holds them all until the gateway has had its turn.
const BURST: usize = 40;
/// Memory that noise may cost, octets: buffers grow once to what a burst needs, and then no more.
const MEMORY: u64 = 24 << 20;

/// Resident memory of the gateway, octets.
fn memory(target: &Target) -> u64 {
    let path = format!("/proc/{}/status", target.gateway.program.id());
    let status = std::fs::read_to_string(path).expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("resident memory");
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
    kib << 10
}

/// Noise of three kinds: any octets; a message with octets changed; the beginning of a message.
fn noise(rng: &mut StdRng) -> Vec<u8> {
    let mut message = INVITE.as_bytes().to_vec();
    match rng.random_range(0..3) {
        0 => {
            let mut octets = vec![0; rng.random_range(5..1_400)];
            rng.fill_bytes(&mut octets);
            octets
        }
        1 => {
            for _ in 0..rng.random_range(1..12) {
                let at = rng.random_range(0..message.len());
                message[at] = rng.random();
            }
            message
        }
        _ => {
            message.truncate(rng.random_range(1..message.len()));
            message
        }
    }
}

#[test]
fn twenty_thousand_datagrams_of_noise_are_counted_and_dropped() {
    let target = Target::start();
    let mut peer = Peer::new(&target, target.udp, 4);
    let mut rng = StdRng::seed_from_u64(SEED);
    peer.options();
    let (before, received) = (memory(&target), target.gateway.figure("sip_messages_received_total"));
    for number in 0..DATAGRAMS {
        peer.send(&noise(&mut rng));
        if number % BURST == BURST - 1 {
            peer.options();
        }
    }
    let received = target.gateway.figure("sip_messages_received_total") - received;
    let dropped = target.gateway.figure("sip_datagrams_dropped_total");
    // One OPTIONS a burst; what is short and blank counts as a keep-alive and not as a message.
    let expected = (DATAGRAMS + DATAGRAMS / BURST) as u64;
    assert!(received + dropped > expected * 9 / 10 && received <= expected, "{received} of {expected} received");
    let (unparseable, malformed) =
        (target.gateway.figure("sip_unparseable_total"), target.gateway.figure("sip_malformed_total"));
    assert!(unparseable > received / 3, "any octets at least: {unparseable}");
    assert!(malformed > received / 5, "every beginning of a message at least: {malformed}");
    let grown = memory(&target).saturating_sub(before);
    assert!(grown < MEMORY, "noise cost {grown} octets");
    target.gateway.is_left_clean();
}

#[test]
fn the_beginning_of_a_message_is_refused_or_dropped_wherever_it_ends() {
    let target = Target::start();
    let mut peer = Peer::new(&target, target.udp, 5);
    for end in 1..INVITE.len() {
        peer.send(&INVITE.as_bytes()[..end]);
        if end % BURST == 0 {
            peer.options();
        }
    }
    peer.options();
    target.gateway.is_left_clean();
}

#[test]
fn a_message_without_end_is_dropped() {
    let target = Target::start();
    let mut peer = Peer::new(&target, target.udp, 6);
    let oversize = target.gateway.figure("sip_oversize_total");
    let huge = INVITE.replacen("one", &"x".repeat(MAX_MESSAGE), 1);
    peer.send(huge.as_bytes());
    peer.options();
    assert_eq!(target.gateway.figure("sip_oversize_total"), oversize + 1);
    // A stream that never comes to an end of its headers, and one that announces more than fits.
    let before = memory(&target);
    let announced = INVITE.replacen("Content-Length: 4", "Content-Length: 2000000000", 1);
    for endless in [INVITE.replacen("one", &"x".repeat(MAX_MESSAGE * 20), 1), announced] {
        let mut stream = streams::connect(target.tcp);
        // It is closed somewhere on the way.
        let _ = stream.write_all(endless.as_bytes());
        peer.options();
        assert!(streams::is_closed(&mut stream), "nobody reads on for ever");
    }
    let grown = memory(&target).saturating_sub(before);
    assert!(grown < MEMORY, "messages without end cost {grown} octets");
    target.gateway.is_left_clean();
}

#[test]
fn noise_on_streams_ends_those_streams_only() {
    let target = Target::start();
    let mut peer = Peer::new(&target, target.udp, 7);
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut witness = streams::connect(target.tcp);
    for _ in 0..200 {
        let mut stream = streams::connect(target.tcp);
        for _ in 0..20 {
            if stream.write_all(&noise(&mut rng)).is_err() {
                break;
            }
        }
    }
    peer.options();
    assert!(streams::answers_options(&mut witness), "a connection beside the noise lives on");
    drop(witness);
    target.gateway.reaches("sip_connections", |connections| connections == 0);
    target.gateway.is_left_clean();
}
