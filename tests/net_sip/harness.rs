//! One set of sockets under test, and what a peer needs.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tandem::net::sip::{Limits, ListenerSpec, NetCounters, NetEvent, SipSockets};
use tandem::sip::{Flow, Transport};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Net {
    pub sockets: SipSockets,
    pub events: mpsc::Receiver<NetEvent>,
}

pub fn spec(transport: Transport, bind: &str) -> ListenerSpec {
    let bind = bind.parse().expect("an address");
    ListenerSpec { name: "test".into(), transport, bind, max_message_bytes: 4096 }
}

pub async fn net(transport: Transport, limits: Limits) -> Net {
    open(spec(transport, "127.0.0.1:0"), limits).await
}

pub async fn open(spec: ListenerSpec, limits: Limits) -> Net {
    let (sockets, events) = SipSockets::bind(vec![spec], limits).await.expect("loopback can be bound");
    Net { sockets, events }
}

pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("in time")
}

impl Net {
    pub async fn next(&mut self) -> NetEvent {
        soon(self.events.recv()).await.expect("an event")
    }

    pub async fn received(&mut self) -> (Flow, Bytes) {
        match self.next().await {
            NetEvent::Received { flow, bytes } => (flow, bytes),
            other => panic!("expected a message, got {other:?}"),
        }
    }

    pub async fn closed(&mut self) -> Flow {
        match self.next().await {
            NetEvent::Closed { flow } => flow,
            other => panic!("expected the end of a connection, got {other:?}"),
        }
    }

    pub async fn failed(&mut self) -> Flow {
        match self.next().await {
            NetEvent::Failed { flow } => flow,
            other => panic!("expected a failure, got {other:?}"),
        }
    }

    pub async fn until(&self, reached: impl Fn(&NetCounters) -> bool) {
        soon(async {
            while !reached(&self.sockets.counters()) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    pub fn local(&self) -> SocketAddr {
        self.sockets.local(0)
    }

    pub fn flow_to(&self, transport: Transport, remote: SocketAddr) -> Flow {
        Flow { transport, local: self.local(), remote, connection: None }
    }

    pub async fn dial(&self) -> TcpStream {
        let stream = soon(TcpStream::connect(self.local())).await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        stream
    }
}

pub fn message(number: usize, body: usize) -> Bytes {
    let mut text = format!(
        "MESSAGE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK{number}\r\n\
         From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: {number}\r\nCSeq: 1 MESSAGE\r\n\
         Content-Length: {body}\r\n\r\n"
    );
    text.extend(std::iter::repeat_n('x', body));
    text.into()
}

pub async fn read_exactly(stream: &mut TcpStream, octets: usize) -> Vec<u8> {
    let mut buffer = vec![0; octets];
    soon(stream.read_exact(&mut buffer)).await.expect("octets");
    buffer
}

/// Everything until the end of the stream, be it a close or a reset.
pub async fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = soon(stream.read_to_end(&mut all)).await;
    all
}
