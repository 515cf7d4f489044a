//! The SIP sockets over real loopback sockets: what they deliver, what they close, and that both stay bounded.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tandem::net::sip::{Limits, ListenerSpec, NetCounters, NetEvent, SipSockets};
use tandem::sip::{Flow, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

struct Net {
    sockets: SipSockets,
    events: mpsc::Receiver<NetEvent>,
}

fn spec(transport: Transport, bind: &str) -> ListenerSpec {
    let bind = bind.parse().expect("an address");
    ListenerSpec { name: "test".into(), transport, bind, max_message_bytes: 4096 }
}

async fn net(transport: Transport, limits: Limits) -> Net {
    let (sockets, events) =
        SipSockets::bind(vec![spec(transport, "127.0.0.1:0")], limits).await.expect("loopback can be bound");
    Net { sockets, events }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("in time")
}

impl Net {
    async fn next(&mut self) -> NetEvent {
        soon(self.events.recv()).await.expect("an event")
    }

    async fn received(&mut self) -> (Flow, Bytes) {
        match self.next().await {
            NetEvent::Received { flow, bytes } => (flow, bytes),
            other => panic!("expected a message, got {other:?}"),
        }
    }

    async fn closed(&mut self) -> Flow {
        match self.next().await {
            NetEvent::Closed { flow } => flow,
            other => panic!("expected the end of a connection, got {other:?}"),
        }
    }

    async fn failed(&mut self) -> Flow {
        match self.next().await {
            NetEvent::Failed { flow } => flow,
            other => panic!("expected a failure, got {other:?}"),
        }
    }

    async fn until(&self, reached: impl Fn(&NetCounters) -> bool) {
        soon(async {
            while !reached(&self.sockets.counters()) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    fn local(&self) -> SocketAddr {
        self.sockets.local(0)
    }

    fn flow_to(&self, transport: Transport, remote: SocketAddr) -> Flow {
        Flow { transport, local: self.local(), remote, connection: None }
    }

    async fn dial(&self) -> TcpStream {
        let stream = soon(TcpStream::connect(self.local())).await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        stream
    }
}

fn message(number: usize, body: usize) -> Bytes {
    let mut text = format!(
        "MESSAGE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK{number}\r\n\
         From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: {number}\r\nCSeq: 1 MESSAGE\r\n\
         Content-Length: {body}\r\n\r\n"
    );
    text.extend(std::iter::repeat_n('x', body));
    text.into()
}

async fn read_exactly(stream: &mut TcpStream, octets: usize) -> Vec<u8> {
    let mut buffer = vec![0; octets];
    soon(stream.read_exact(&mut buffer)).await.expect("octets");
    buffer
}

/// Everything until the end of the stream, be it a close or a reset.
async fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = soon(stream.read_to_end(&mut all)).await;
    all
}

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

#[tokio::test]
async fn an_opened_connection_is_used_again() {
    let mut net = net(Transport::Tcp, Limits::default()).await;
    let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let flow = net.flow_to(Transport::Tcp, peer.local_addr().unwrap());
    // Both wait for the same connection.
    net.sockets.send(flow, message(1, 0));
    net.sockets.send(flow, message(2, 0));
    let (mut stream, from) = soon(peer.accept()).await.unwrap();
    assert_eq!(from.ip(), net.local().ip());
    read_exactly(&mut stream, 2 * message(1, 0).len()).await;

    stream.write_all(&message(3, 0)).await.unwrap();
    let (back, _) = net.received().await;
    assert!(back.connection.is_some());
    assert_eq!(Flow { connection: None, ..back }, flow, "the listener's address speaks for the connection");
    net.sockets.send(flow, message(4, 0));
    net.sockets.send(back, message(5, 0));
    let both = read_exactly(&mut stream, 2 * message(4, 0).len()).await;
    assert_eq!(both, [message(4, 0), message(5, 0)].concat());
    assert_eq!(net.sockets.counters().connections_total, 1);

    // After its end there is another one, with another number.
    drop(stream);
    assert_eq!(net.closed().await, back);
    net.sockets.send(flow, message(6, 0));
    let (mut stream, _) = soon(peer.accept()).await.unwrap();
    assert_eq!(read_exactly(&mut stream, message(6, 0).len()).await, message(6, 0));
    stream.write_all(&message(7, 0)).await.unwrap();
    assert_ne!(net.received().await.0.connection, back.connection);
    net.sockets.send(back, message(8, 0));
    assert_eq!(net.failed().await, back, "the old number is never used again");
}

#[tokio::test]
async fn an_accepted_connection_is_used_for_its_address() {
    let mut net = net(Transport::Tcp, Limits::default()).await;
    let mut peer = net.dial().await;
    peer.write_all(&message(1, 0)).await.unwrap();
    let (flow, _) = net.received().await;
    net.sockets.send(Flow { connection: None, ..flow }, message(2, 0));
    assert_eq!(read_exactly(&mut peer, message(2, 0).len()).await, message(2, 0));
    assert_eq!(net.sockets.counters().connections_total, 1);
}

#[tokio::test]
async fn a_closed_port_fails_once() {
    let mut net = net(Transport::Tcp, Limits::default()).await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let flow = net.flow_to(Transport::Tcp, gone);
    net.sockets.send(flow, message(1, 0));
    net.sockets.send(flow, message(2, 0));
    assert_eq!(net.failed().await, flow);
    net.until(|counters| counters.connections_now == 0).await;
    assert_eq!(net.sockets.counters().connects_failed, 1);
    assert!(net.events.try_recv().is_err());
}

#[tokio::test]
async fn an_unknown_listener_fails() {
    let mut net = net(Transport::Tcp, Limits::default()).await;
    let flow = net.flow_to(Transport::Udp, "127.0.0.1:5060".parse().unwrap());
    net.sockets.send(flow, message(1, 0));
    assert_eq!(net.failed().await, flow);
}

fn hasty() -> Limits {
    Limits { first_message_timeout: Duration::from_millis(100), ..Limits::default() }
}

#[tokio::test]
async fn a_peer_that_says_nothing_whole_is_closed() {
    let mut net = net(Transport::Tcp, hasty()).await;
    let mut silent = net.dial().await;
    net.closed().await;
    assert_eq!(read_all(&mut silent).await, b"");

    // Neither single octets nor pings put it off.
    for drop in [&b"x"[..], b"\r\n\r\n"] {
        let (mut answers, mut dripping) = net.dial().await.into_split();
        let drip = async { while dripping.write_all(drop).await.is_ok() {} };
        let drain = async { while answers.read(&mut [0; 256]).await.is_ok_and(|octets| octets > 0) {} };
        tokio::select! {
            _ = net.closed() => {}
            () = async { tokio::join!(drip, drain); } => {net.closed().await;}
        }
    }
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
async fn an_oversized_message_closes_its_connection() {
    let mut net = net(Transport::Tcp, Limits::default()).await;
    let mut peer = net.dial().await;
    peer.write_all(&message(1, 5_000)).await.unwrap();
    net.closed().await;
    assert_eq!(read_all(&mut peer).await, b"");
    assert_eq!(net.sockets.counters().oversize, 1);
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
async fn connections_are_limited() {
    let limits = Limits { max_connections: 3, connections_per_source: 2, ..Limits::default() };
    let mut net = net(Transport::Tcp, limits).await;
    let mut held = Vec::new();
    for number in 0..2 {
        let mut peer = net.dial().await;
        peer.write_all(&message(number, 0)).await.unwrap();
        net.received().await;
        held.push(peer);
    }
    let mut third = net.dial().await;
    assert_eq!(read_all(&mut third).await, b"");
    // We may still open one, which takes the last place, and no more.
    let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    net.sockets.send(net.flow_to(Transport::Tcp, peer.local_addr().unwrap()), message(3, 0));
    let (_stream, _) = soon(peer.accept()).await.unwrap();
    let other = net.flow_to(Transport::Tcp, "127.0.0.1:9".parse().unwrap());
    net.sockets.send(other, message(4, 0));
    assert_eq!(net.failed().await, other);
    assert_eq!(net.sockets.counters().connections_refused, 2);

    // A place that is given back can be taken again.
    held.pop();
    net.closed().await;
    net.until(|counters| counters.connections_now == 2).await;
    let mut again = net.dial().await;
    again.write_all(&message(5, 0)).await.unwrap();
    assert_eq!(net.received().await.1, message(5, 0));
}

#[tokio::test]
async fn dropping_closes_everything() {
    let mut net = net(Transport::Tcp, Limits::default()).await;
    let local = net.local();
    let mut peer = net.dial().await;
    peer.write_all(&message(1, 0)).await.unwrap();
    net.received().await;
    drop(net.sockets);
    assert_eq!(read_all(&mut peer).await, b"");
    assert_eq!(soon(net.events.recv()).await, None);
    assert!(soon(TcpStream::connect(local)).await.is_err());
}

#[tokio::test]
async fn an_address_in_use_is_explained() {
    let first = net(Transport::Udp, Limits::default()).await;
    let second = spec(Transport::Udp, &first.local().to_string());
    let error = SipSockets::bind(vec![second], Limits::default()).await.map(|_| ()).unwrap_err();
    assert_eq!((&*error.name, error.address), ("test", first.local()));
    let text = error.to_string();
    assert!(text.contains("`test`") && text.contains(&first.local().to_string()) && text.contains("`bind`"), "{text}");
}
