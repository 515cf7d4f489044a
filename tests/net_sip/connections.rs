//! Which connection a message takes, how many there may be, and how they end.

use tandem::net::sip::{Limits, SipSockets};
use tandem::sip::{Flow, Transport};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{message, net, read_all, read_exactly, soon, spec};

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
