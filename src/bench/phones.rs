//! Callers and callees in this process: our own endpoint on two sockets, with a media socket for each call and side.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::sip::endpoint::{Endpoint, EndpointConfig, Event, Invitation, LegEvent, LegId, Outgoing, Output, Routing};
use crate::sip::message::{HeaderName, Method, Request, Uri};
use crate::sip::sdp::SessionDescription;
use crate::sip::transaction::TimerConfig;
use crate::sip::{Flow, Transport};

/// A user agent on a socket of its own.
pub(super) struct Line {
    endpoint: Endpoint,
    socket: UdpSocket,
    local: SocketAddr,
    buffer: Vec<u8>,
    /// What happened and was not asked for yet, each with the moment at which it was heard.
    events: Vec<(Instant, Event)>,
}

impl Line {
    /// One at that address; port 0 takes a free one.
    pub fn bind(address: SocketAddr, seed: u8) -> io::Result<Line> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok(Line {
            endpoint: Endpoint::new(endpoint_config(), [seed; 32], Instant::now()),
            local: socket.local_addr()?,
            socket,
            buffer: vec![0; 65_536],
            events: Vec::new(),
        })
    }

    /// Takes what came, sends what is due, and gives what happened, each with the moment at which it was heard.
    pub fn turn(&mut self) -> Vec<(Instant, Event)> {
        while let Ok((len, remote)) = self.socket.recv_from(&mut self.buffer) {
            let now = Instant::now();
            self.endpoint.receive(self.flow_to(remote), Bytes::copy_from_slice(&self.buffer[..len]), now);
            self.flush(now);
        }
        let now = Instant::now();
        if self.endpoint.poll_timeout().is_some_and(|due| due <= now) {
            self.endpoint.handle_timeout(now);
        }
        self.flush(now);
        std::mem::take(&mut self.events)
    }

    fn flush(&mut self, now: Instant) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                // A datagram that is lost is sent again.
                Output::Transmit(flow, bytes) => drop(self.socket.send_to(&bytes, flow.remote)),
                Output::Event(event) => self.events.push((now, event)),
            }
        }
    }

    fn flow_to(&self, remote: SocketAddr) -> Flow {
        Flow { transport: Transport::Udp, local: self.local, remote, connection: None }
    }

    /// Calls `user` at the gateway, offering PCMA at `media`.
    pub fn call(&mut self, gateway: SocketAddr, user: &str, media: SocketAddr) -> LegId {
        let invitation = invitation(self.flow_to(gateway), user, description(media));
        let now = Instant::now();
        let leg = self.endpoint.invite(invitation, now);
        self.flush(now);
        leg
    }

    /// Registers `user` with this line as contact; 0 seconds end it.
    pub fn register(&mut self, gateway: SocketAddr, user: &str, expires_s: u32) {
        let address = format!("<sip:{user}@{gateway}>");
        let contact = format!("<sip:{user}@{}>", self.local);
        let outgoing = Outgoing {
            method: Method::Register,
            target: Uri::sip(None, &gateway.ip().to_string(), Some(gateway.port())),
            flow: self.flow_to(gateway),
            from: address.clone(),
            to: address,
            call_id: None,
            headers: vec![(HeaderName::Contact, contact), (HeaderName::Expires, expires_s.to_string())],
            body: None,
            credentials: None,
        };
        let now = Instant::now();
        self.endpoint.request(outgoing, now);
        self.flush(now);
    }

    /// Answers a call with PCMA at `media`.
    pub fn answer(&mut self, leg: LegId, media: SocketAddr) {
        let now = Instant::now();
        self.endpoint.answer(leg, &[], description(media), now);
        self.flush(now);
    }

    /// Ends a call.
    pub fn hang_up(&mut self, leg: LegId) {
        let now = Instant::now();
        self.endpoint.hang_up(leg, 486, None, now);
        self.flush(now);
    }
}

/// What a line is and may.
pub(super) fn endpoint_config() -> EndpointConfig {
    EndpointConfig {
        product: "tandem-bench".to_owned(),
        allow: vec![Method::Invite, Method::Ack, Method::Bye, Method::Cancel, Method::Options],
        supported: Vec::new(),
        accept: vec!["application/sdp"],
        timers: TimerConfig::default(),
        max_transactions: 100_000,
        max_legs: 100_000,
    }
}

/// A call to `user` at the far end of `flow`.
pub(super) fn invitation(flow: Flow, user: &str, body: (String, Bytes)) -> Invitation {
    let target = Uri::sip(Some(user), &flow.remote.ip().to_string(), Some(flow.remote.port()));
    Invitation {
        to: format!("<{target}>"),
        target,
        flow,
        routing: Routing::Flow,
        from: format!("<sip:caller@{}>", flow.local),
        contact_user: "caller".to_owned(),
        contact_params: String::new(),
        call_id: String::new(),
        max_forwards: 70,
        headers: Vec::new(),
        body: Some(body),
        credentials: None,
    }
}

/// A body that offers or accepts PCMA at `media`.
pub(super) fn description(media: SocketAddr) -> (String, Bytes) {
    let (ip, port) = (media.ip(), media.port());
    let text = format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n\
         a=rtpmap:8 PCMA/8000\r\na=ptime:20\r\n"
    );
    ("application/sdp".to_owned(), text.into())
}

/// Where a description says that its writer receives.
fn rtp_address(body: &[u8]) -> Option<SocketAddr> {
    let session = SessionDescription::parse(body).ok()?;
    session.media.first()?.rtp_address(&session)
}

/// The user part of a request's URI.
pub(super) fn dialled(request: &Request) -> Option<String> {
    request.uri().ok()?.user().map(str::to_owned)
}

/// Two lines and the calls between them, through the gateway's relay.
pub(super) struct Phones {
    callers: Line,
    callees: Line,
    /// The media sockets: of call n, 2n is the caller's and 2n + 1 the callee's.
    pub sockets: Vec<UdpSocket>,
    /// Where each of them sends: the gateway's ports, once known.
    pub relays: Vec<Option<SocketAddr>>,
    legs: BTreeMap<LegId, usize>,
    /// From INVITE to 200 as the caller saw it, milliseconds.
    pub setup_ms: Vec<f64>,
}

impl Phones {
    /// Connects `count` calls, twenty at a time; stops trying after some seconds.
    pub fn connect(gateway: SocketAddr, callee: SocketAddr, count: usize) -> io::Result<Phones> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut phones = Phones {
            callers: Line::bind(any, 1)?,
            callees: Line::bind(callee, 2)?,
            sockets: Vec::new(),
            relays: vec![None; 2 * count],
            legs: BTreeMap::new(),
            setup_ms: Vec::new(),
        };
        for _ in 0..2 * count {
            let socket = UdpSocket::bind(any)?;
            socket.set_nonblocking(true)?;
            phones.sockets.push(socket);
        }
        let mut sent = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(10) + Duration::from_millis(10) * count as u32;
        while phones.setup_ms.len() < count && Instant::now() < deadline {
            if sent.len() < count && sent.len() < phones.setup_ms.len() + 20 {
                let media = phones.sockets[2 * sent.len()].local_addr()?;
                let number = format!("2{:06}", sent.len());
                sent.push(Instant::now());
                let leg = phones.callers.call(gateway, &number, media);
                phones.legs.insert(leg, sent.len() - 1);
            }
            phones.turn(&sent)?;
            std::thread::sleep(Duration::from_micros(200));
        }
        phones.setup_ms.sort_by(f64::total_cmp);
        Ok(phones)
    }

    fn turn(&mut self, sent: &[Instant]) -> io::Result<()> {
        for (_, event) in self.callees.turn() {
            if let Event::Incoming { leg, request, .. } = event
                && let Some(call) = dialled(&request).and_then(|number| number[1..].parse::<usize>().ok())
                && let Some(socket) = self.sockets.get(2 * call + 1)
            {
                self.relays[2 * call + 1] = rtp_address(&request.body);
                let media = socket.local_addr()?;
                self.callees.answer(leg, media);
            }
        }
        for (at, event) in self.callers.turn() {
            if let Event::Leg { leg, event: LegEvent::Answered(response) } = event
                && let Some(&call) = self.legs.get(&leg)
            {
                self.relays[2 * call] = rtp_address(&response.body);
                self.setup_ms.push(at.duration_since(sent[call]).as_secs_f64() * 1e3);
            }
        }
        Ok(())
    }

    /// Ends the calls and hears their endings.
    pub fn hang_up(mut self) {
        for leg in std::mem::take(&mut self.legs).into_keys() {
            self.callers.hang_up(leg);
            let _ = self.callers.turn();
            let _ = self.callees.turn();
        }
        let end = Instant::now() + Duration::from_millis(500);
        while Instant::now() < end {
            let _ = (self.callers.turn(), self.callees.turn());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
