//! Peers that do not speak, or do not listen.

use std::time::Duration;

use bytes::Bytes;
use tandem::net::sip::{Limits, ListenerSpec, NetEvent};
use tandem::sip::Transport;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{message, net, open, read_all, spec};

fn hasty() -> Limits {
    Limits { first_message_timeout: Duration::from_millis(100), ..Limits::default() }
}

#[tokio::test]
async fn a_peer_that_says_nothing_whole_is_closed() {
    let spec = ListenerSpec { max_message_bytes: 1 << 30, ..spec(Transport::Tcp, "127.0.0.1:0") };
    let mut net = open(spec, hasty()).await;
    let mut silent = net.dial().await;
    net.closed().await;
    assert_eq!(read_all(&mut silent).await, b"");

    // Neither single octets nor pings put it off.
    for drop in [&b"x"[..], b"\r\n\r\n"] {
        let (mut answers, mut dripping) = net.dial().await.into_split();
        let drip = async { while dripping.write_all(drop).await.is_ok() {} };
        let drain = async { while answers.read(&mut [0; 256]).await.is_ok_and(|octets| octets > 0) {} };
        tokio::join!(drip, drain, net.closed());
    }
    assert_eq!(net.sockets.counters().unfinished, 3);
    net.until(|counters| counters.connections_now == 0).await;
}

#[tokio::test]
async fn a_later_message_has_to_become_whole_too() {
    let mut net = net(Transport::Tcp, hasty()).await;
    let mut peer = net.dial().await;
    peer.write_all(&message(1, 0)).await.unwrap();
    net.received().await;
    peer.write_all(&message(2, 100)[..50]).await.unwrap();
    net.closed().await;
    assert_eq!(net.sockets.counters().unfinished, 1);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let limits = Limits { idle_timeout: Duration::from_millis(100), ..Limits::default() };
    let mut net = net(Transport::Tcp, limits).await;
    let mut peer = net.dial().await;
    peer.write_all(&message(1, 0)).await.unwrap();
    let (flow, _) = net.received().await;
    // What we send proves nothing about the peer.
    net.sockets.send(flow, message(2, 0));
    assert_eq!(net.closed().await, flow);
    assert_eq!(read_all(&mut peer).await, message(2, 0));
    assert_eq!(net.sockets.counters().idle, 1);
}

#[tokio::test]
async fn a_reader_that_stops_is_closed_when_the_queue_is_full() {
    let limits = Limits { write_queue_bytes: 16 * 1024, ..Limits::default() };
    let mut net = net(Transport::Tcp, limits).await;
    let mut peer = net.dial().await;
    peer.write_all(&message(1, 0)).await.unwrap();
    let (flow, _) = net.received().await;
    let big = message(2, 3_000);
    let mut sent = 0;
    // Far more than the kernel holds for a connection.
    while net.sockets.counters().stalled == 0 && sent < 64 * 1024 * 1024 {
        net.sockets.send(flow, big.clone());
        sent += big.len();
        tokio::task::yield_now().await;
    }
    assert_eq!(net.sockets.counters().stalled, 1);
    // The message that did not fit, and the connection with all that waited.
    let ends = [net.next().await, net.next().await];
    assert!(ends.contains(&NetEvent::Failed { flow }) && ends.contains(&NetEvent::Closed { flow }), "{ends:?}");
    net.until(|counters| counters.connections_now == 0).await;
}

#[tokio::test]
async fn a_reader_that_stops_is_closed_in_time() {
    let limits = Limits {
        write_queue_bytes: 64 * 1024 * 1024,
        write_stall_timeout: Duration::from_millis(100),
        ..Limits::default()
    };
    let mut net = net(Transport::Tcp, limits).await;
    let mut peer = net.dial().await;
    peer.write_all(&message(1, 0)).await.unwrap();
    let (flow, _) = net.received().await;
    let big = Bytes::from(vec![b'x'; 1024 * 1024]);
    for _ in 0..32 {
        net.sockets.send(flow, big.clone());
    }
    assert_eq!(net.closed().await, flow);
    assert_eq!(net.sockets.counters().stalled, 1);
}
