//! Torture by datagrams.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::given::{Given, header};
use crate::patience::{PATIENCE, within};
use crate::target::Target;

/// The port to which answers go when a Via names none (RFC 3261 §18.2.2).
const DEFAULT_PORT: u16 = 5060;

/// An INVITE without a final answer is answered with 100 after 200 ms (RFC 3261 §17.2.1).
const TRYING: Duration = Duration::from_millis(600);

/// A peer with a loopback address of its own, so that it has all the ports that messages name in their Via.
pub struct Peer<'a> {
    target: &'a Target,
    port: u16,
    host: Ipv4Addr,
    sockets: BTreeMap<u16, UdpSocket>,
    /// What was sent before: Call-IDs and top Vias.
    seen: BTreeSet<String>,
    markers: usize,
}

impl<'a> Peer<'a> {
    /// A peer that talks to this port of the gateway. `number` tells the peers of one test apart.
    pub fn new(target: &'a Target, port: u16, number: u8) -> Peer<'a> {
        let [high, low, ..] = std::process::id().to_le_bytes();
        let host = Ipv4Addr::new(127, 64 + number, high, low.max(1));
        let mut peer = Peer { target, port, host, sockets: BTreeMap::new(), seen: BTreeSet::new(), markers: 0 };
        peer.listen(DEFAULT_PORT);
        peer
    }

    fn listen(&mut self, port: u16) {
        if !self.sockets.contains_key(&port) {
            let socket = UdpSocket::bind((self.host, port)).expect("a port on an address of our own");
            socket.set_nonblocking(true).expect("an option");
            self.sockets.insert(port, socket);
        }
    }

    /// Sends without waiting for anything.
    pub fn send(&self, octets: &[u8]) {
        let gateway = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let socket = &self.sockets[&DEFAULT_PORT];
        while let Err(error) = socket.send_to(octets, gateway) {
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
            std::thread::yield_now();
        }
    }

    /// Sends a message and an OPTIONS behind it; the gateway takes one after the other, so that with the OPTIONS'
    /// answer the message's own has come, if there is one.
    pub fn ask(&mut self, message: &[u8]) -> Given {
        let text = String::from_utf8_lossy(message).into_owned();
        ports(&text).into_iter().for_each(|port| self.listen(port));
        let keys = [header(&text, ["Call-ID", "i"]), header(&text, ["Via", "v"])];
        let keys: Vec<String> = keys.into_iter().flatten().map(str::to_owned).collect();
        if keys.iter().any(|key| self.seen.contains(key)) {
            // A transaction of the same name must be over, or this is its retransmission.
            self.target.gateway.reaches("transactions", |transactions| transactions == 0);
        }
        self.seen.extend(keys);
        self.drain();
        self.send(message);
        let mut arrived = self.options();
        arrived.extend(self.drain());
        let call_id = header(&text, ["Call-ID", "i"]).filter(|value| !value.is_empty());
        let is_ours =
            |answer: &String| answer.starts_with("SIP/2.0 ") && call_id.is_none_or(|call_id| answer.contains(call_id));
        let mut answer = arrived.into_iter().find(is_ours);
        if answer.is_none() && message.starts_with(b"INVITE") {
            // A call that goes on to somebody: the first word about it is the 100.
            answer = within(TRYING, || self.drain().into_iter().find(is_ours));
        }
        Given { answer, closed: false, waits: false }
    }

    /// Sends OPTIONS and waits for its answer; returns what else came.
    pub fn options(&mut self) -> Vec<String> {
        self.markers += 1;
        let marker = format!("alive-{}-{}", self.port, self.markers);
        self.send(options("UDP", self.host, &marker).as_bytes());
        let socket = self.sockets[&DEFAULT_PORT].try_clone().expect("a socket");
        socket.set_nonblocking(false).expect("an option");
        socket.set_read_timeout(Some(PATIENCE)).expect("an option");
        let mut others = Vec::new();
        let mut buffer = [0; 65_535];
        loop {
            let octets = socket.recv(&mut buffer).expect("the gateway answers OPTIONS");
            let answer = String::from_utf8_lossy(&buffer[..octets]).into_owned();
            if answer.contains(&marker) {
                // A guarded door asks for a password, and is as much alive.
                assert!(["SIP/2.0 200 ", "SIP/2.0 401 "].iter().any(|line| answer.starts_with(line)), "{answer}");
                socket.set_nonblocking(true).expect("an option");
                return others;
            }
            others.push(answer);
        }
    }

    /// What has arrived.
    fn drain(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut buffer = [0; 65_535];
        for socket in self.sockets.values() {
            while let Ok(octets) = socket.recv(&mut buffer) {
                all.push(String::from_utf8_lossy(&buffer[..octets]).into_owned());
            }
        }
        all
    }
}

/// An OPTIONS that tells by its Call-ID which one it is.
pub fn options(transport: &str, host: Ipv4Addr, marker: &str) -> String {
    format!(
        "OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/{transport} {host}:{DEFAULT_PORT};branch=z9hG4bK{marker};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:torturer@example.com>;tag=1\r\nTo: <sip:example.com>\r\nCall-ID: {marker}\r\n\
         CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Every number behind a colon that could be the port of a Via.
fn ports(text: &str) -> BTreeSet<u16> {
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
    text.split(':').skip(1).filter_map(|rest| digits(rest).parse().ok()).filter(|port| *port >= 1_024).collect()
}
