//! Messages over UDP.

use tandem::net::sip::Limits;
use tandem::sip::Transport;
use tokio::net::UdpSocket;

use crate::harness::{message, net, soon};

#[tokio::test]
async fn datagrams_go_both_ways() {
    let mut net = net(Transport::Udp, Limits::default()).await;
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    // The first thing sent on a fresh socket is not lost.
    let flow = net.flow_to(Transport::Udp, peer.local_addr().unwrap());
    net.sockets.send(flow, message(1, 5));
    let mut buffer = [0; 2048];
    let (octets, from) = soon(peer.recv_from(&mut buffer)).await.unwrap();
    assert_eq!((&buffer[..octets], from), (&message(1, 5)[..], net.local()));

    peer.send_to(&message(2, 0), net.local()).await.unwrap();
    assert_eq!(net.received().await, (flow, message(2, 0)));
    let counters = net.sockets.counters();
    assert_eq!((counters.datagrams_in, counters.datagrams_out), (1, 1));
}

#[tokio::test]
async fn blank_and_oversized_datagrams_are_dropped() {
    let mut net = net(Transport::Udp, Limits::default()).await;
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for datagram in [&b""[..], b"\r\n", b"\r\n\r\n", b"\0\0\0\0", &[b'x'; 4097], b"hello"] {
        peer.send_to(datagram, net.local()).await.unwrap();
    }
    assert_eq!(net.received().await.1, "hello");
    let counters = net.sockets.counters();
    assert_eq!((counters.keepalives, counters.oversize, counters.datagrams_in), (4, 1, 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_datagrams_keep_their_order() {
    let mut net = net(Transport::Udp, Limits::default()).await;
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    // In lots that fit into any kernel buffer: loss is not what is tested.
    for lot in 0..20 {
        for number in lot * 50..(lot + 1) * 50 {
            peer.send_to(&message(number, 200), net.local()).await.unwrap();
        }
        for number in lot * 50..(lot + 1) * 50 {
            assert_eq!(net.received().await.1, message(number, 200));
        }
    }
}

#[tokio::test]
async fn a_busy_driver_loses_datagrams_but_not_the_socket() {
    let mut net = net(Transport::Udp, Limits { inbound_queue: 4, ..Limits::default() }).await;
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for number in 0..20 {
        peer.send_to(&message(number, 0), net.local()).await.unwrap();
    }
    net.until(|counters| counters.datagrams_in == 20).await;
    assert_eq!(net.sockets.counters().datagrams_dropped_in, 16);
    for number in 0..4 {
        assert_eq!(net.received().await.1, message(number, 0));
    }
    peer.send_to(&message(99, 0), net.local()).await.unwrap();
    assert_eq!(net.received().await.1, message(99, 0));
}

#[tokio::test]
async fn an_unreachable_datagram_peer_does_not_end_the_socket() {
    let mut net = net(Transport::Udp, Limits::default()).await;
    let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for _ in 0..3 {
        net.sockets.send(net.flow_to(Transport::Udp, gone), message(1, 0));
    }
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    peer.send_to(b"still there?", net.local()).await.unwrap();
    assert_eq!(net.received().await.1, "still there?");
    // No IPv6 peer can be reached from an IPv4 socket.
    let flow = net.flow_to(Transport::Udp, "[::1]:5060".parse().unwrap());
    net.sockets.send(flow, message(1, 0));
    assert_eq!(net.failed().await, flow);
}
