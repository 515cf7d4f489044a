//! Messages over TCP: where one ends, and what a stream that cannot be read gets.

use tandem::net::sip::{Limits, NetEvent};
use tandem::sip::Transport;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{message, net, read_all, read_exactly, soon};

#[tokio::test]
async fn a_stream_may_be_split_at_every_octet() {
    let mut net = net(Transport::Tcp, Limits::default()).await;
    let mut peer = net.dial().await;
    let message = message(1, 10);
    for at in 1..message.len() {
        for part in [&message[..at], &message[at..]] {
            let before = net.sockets.counters().octets_in;
            peer.write_all(part).await.unwrap();
            net.until(|counters| counters.octets_in == before + part.len() as u64).await;
        }
        assert_eq!(net.received().await.1, message);
    }
}

#[tokio::test]
async fn one_segment_may_hold_several_messages() {
    let mut net = net(Transport::Tcp, Limits::default()).await;
    let mut peer = net.dial().await;
    let mut octets: Vec<u8> = (0..10).flat_map(|number| message(number, number * 7)).collect();
    let rest = octets.split_off(octets.len() - 30);
    peer.write_all(&octets).await.unwrap();
    for number in 0..9 {
        assert_eq!(net.received().await.1, message(number, number * 7));
    }
    peer.write_all(&rest).await.unwrap();
    let (flow, last) = net.received().await;
    assert_eq!(last, message(9, 63));
    assert_eq!((flow.local, flow.remote), (net.local(), peer.local_addr().unwrap()));
    // The answers leave in the order in which they were sent.
    for number in 0..50 {
        net.sockets.send(flow, message(number, 100));
    }
    for number in 0..50 {
        let expected = message(number, 100);
        assert_eq!(read_exactly(&mut peer, expected.len()).await, expected);
    }
}

#[tokio::test]
async fn a_driver_that_is_behind_slows_a_stream_down_and_loses_nothing() {
    let mut net = net(Transport::Tcp, Limits { inbound_queue: 2, ..Limits::default() }).await;
    let mut peer = net.dial().await;
    let writer = tokio::spawn(async move {
        for number in 0..2_000 {
            peer.write_all(&message(number, 1_000)).await.unwrap();
        }
        peer
    });
    net.until(|counters| counters.stream_messages_in == 3).await;
    for number in 0..2_000 {
        assert_eq!(net.received().await.1, message(number, 1_000));
    }
    drop(soon(writer).await.unwrap());
    net.closed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_connections_on_many_threads_lose_nothing() {
    const PEERS: usize = 40;
    const MESSAGES: usize = 100;
    let mut net = net(Transport::Tcp, Limits { inbound_queue: 8, ..Limits::default() }).await;
    let local = net.local();
    let peers: Vec<_> = (0..PEERS)
        .map(|peer| {
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(local).await.unwrap();
                for lot in 0..MESSAGES / 10 {
                    let said: Vec<u8> =
                        (0..10).flat_map(|number| message(peer * 1000 + lot * 10 + number, 50)).collect();
                    stream.write_all(&said).await.unwrap();
                    assert_eq!(read_exactly(&mut stream, said.len()).await, said);
                }
            })
        })
        .collect();
    let (mut echoed, mut closed) = (0, 0);
    while closed < PEERS {
        match net.next().await {
            NetEvent::Received { flow, bytes } => {
                net.sockets.send(flow, bytes);
                echoed += 1;
            }
            NetEvent::Closed { .. } => closed += 1,
            NetEvent::Failed { flow } => panic!("failed: {flow:?}"),
        }
    }
    for peer in peers {
        soon(peer).await.expect("a peer that heard its own words");
    }
    assert_eq!(echoed, PEERS * MESSAGES);
    net.until(|counters| counters.connections_now == 0).await;
}

#[tokio::test]
async fn a_burst_longer_than_the_queue_reaches_a_peer_that_reads() {
    let limits = Limits { write_queue_bytes: 64 * 1024, ..Limits::default() };
    let mut net = net(Transport::Tcp, limits).await;
    let mut peer = net.dial().await;
    peer.write_all(&message(1, 0)).await.unwrap();
    let (flow, _) = net.received().await;
    net.sockets.send(flow, message(0, 1_000));
    let octets = message(0, 1_000).len();
    read_exactly(&mut peer, octets).await;
    // No task runs between these, on this runtime.
    for _ in 0..100 {
        net.sockets.send(flow, message(0, 1_000));
    }
    read_exactly(&mut peer, 100 * octets).await;
    net.until(|counters| counters.octets_out == 101 * octets as u64).await;
}

#[tokio::test]
async fn a_ping_gets_a_pong() {
    let mut net = net(Transport::Tcp, Limits::default()).await;
    let mut peer = net.dial().await;
    peer.write_all(b"\r\n\r\n").await.unwrap();
    assert_eq!(read_exactly(&mut peer, 2).await, b"\r\n");
    peer.write_all(&[&b"\r\n\r\n"[..], &message(1, 0)].concat()).await.unwrap();
    assert_eq!(read_exactly(&mut peer, 2).await, b"\r\n");
    assert_eq!(net.received().await.1, message(1, 0), "pings are not the driver's business");
}

#[tokio::test]
async fn a_bad_content_length_is_answered_and_closed() {
    let mut net = net(Transport::Tcp, Limits::default()).await;
    for bad in ["Content-Length: -1", "Content-Length: 5\r\nContent-Length: 6", "l: many"] {
        let mut peer = net.dial().await;
        let text = String::from_utf8(message(1, 0).to_vec()).unwrap().replace("Content-Length: 0", bad);
        peer.write_all(&message(0, 3)).await.unwrap();
        // What follows is not read, and does not keep the answer from arriving.
        peer.write_all(format!("{text}{}", "x".repeat(10_000)).as_bytes()).await.unwrap();
        let (flow, whole) = net.received().await;
        assert_eq!(whole, message(0, 3), "what came before counts");
        let answer = String::from_utf8(read_all(&mut peer).await).unwrap();
        assert!(answer.starts_with("SIP/2.0 400 "), "{bad}: {answer:?}");
        assert!(answer.contains("z9hG4bK1") && answer.ends_with("\r\n\r\n"), "{bad}: {answer:?}");
        drop(peer);
        assert_eq!(net.closed().await, flow);
    }
    assert_eq!(net.sockets.counters().framing_errors, 3);
}

#[tokio::test]
async fn an_oversized_message_closes_its_connection() {
    let mut net = net(Transport::Tcp, Limits::default()).await;
    let mut peer = net.dial().await;
    peer.write_all(&message(1, 5_000)).await.unwrap();
    net.closed().await;
    assert_eq!(read_all(&mut peer).await, b"");
    assert_eq!(net.sockets.counters().oversize, 1);
}
