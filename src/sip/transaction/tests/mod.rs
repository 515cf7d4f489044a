//! Scripts in virtual time: at t, input → exact outputs.

mod client_invite;
mod client_non_invite;
mod server_invite;
mod server_non_invite;
mod simulation;
mod table;

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{ClientTx, Received, ServerTx, TimerConfig, Transactions, TxOutput};
use crate::sip::message::{HeaderName, Message, Request, Response};
use crate::sip::{ConnectionId, Flow, Transport};

pub(super) fn udp() -> Flow {
    flow(Transport::Udp, 5060, None)
}

pub(super) fn tcp() -> Flow {
    flow(Transport::Tcp, 5060, Some(1))
}

pub(super) fn flow(transport: Transport, remote_port: u16, connection: Option<u64>) -> Flow {
    Flow {
        transport,
        local: ([192, 0, 2, 1], 5060).into(),
        remote: ([192, 0, 2, 2], remote_port).into(),
        connection: connection.map(ConnectionId),
    }
}

/// A request with this branch; Call-ID and From tag follow the branch.
pub(super) fn request(method: &str, branch: &str) -> Request {
    let text = format!(
        "{method} sip:flights@example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.9:5070;branch={branch}\r\n\
         Max-Forwards: 68\r\n\
         Route: <sip:edge.example.com;lr>\r\n\
         From: <sip:ann@example.com>;tag=f-{branch}\r\n\
         To: <sip:flights@example.com>\r\n\
         Call-ID: c-{branch}\r\n\
         CSeq: 7 {method}\r\n\
         Content-Length: 0\r\n\r\n"
    );
    parse_request(&text)
}

pub(super) fn parse_request(text: &str) -> Request {
    match parse(Bytes::copy_from_slice(text.as_bytes())) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("not a request: {text}"),
    }
}

pub(super) fn parse(bytes: Bytes) -> Message {
    Message::parse_datagram(bytes).expect("a message")
}

/// A response to `request` with a tag.
pub(super) fn answer(request: &Request, status: u16) -> Response {
    let mut response = Response::for_request(request, status);
    if status > 100 {
        response.headers.set(HeaderName::To, "<sip:flights@example.com>;tag=t");
    }
    response
}

/// A table under a script. Its log has one line for each thing that came out: `500 send INVITE`.
pub(super) struct Script {
    pub table: Transactions,
    pub flow: Flow,
    start: Instant,
    pub now: Instant,
    log: Vec<String>,
    /// The last message sent.
    pub sent: Option<Message>,
}

impl Script {
    pub fn over(flow: Flow) -> Self {
        Script::with(Transactions::new(TimerConfig::default(), 1000), flow)
    }

    pub fn with(table: Transactions, flow: Flow) -> Self {
        let start = Instant::now();
        Script { table, flow, start, now: start, log: Vec::new(), sent: None }
    }

    /// Sends a request.
    pub fn request(&mut self, request: &Request) -> ClientTx {
        let tx = self.table.request(request.clone(), self.flow, self.now);
        self.drain();
        tx
    }

    /// Lets the TU answer.
    pub fn respond(&mut self, tx: ServerTx, response: Response) {
        self.table.respond(tx, response, self.now);
        self.drain();
    }

    /// A message from the wire; logs what the TU gets to see.
    pub fn receive(&mut self, message: Message) -> Received {
        let received = self.table.receive(message, self.flow, self.now);
        let line = match &received {
            Received::Absorbed => None,
            Received::NewRequest { request, .. } => Some(format!("new {}", request.method.as_str())),
            Received::Ack { .. } => Some("ack".to_owned()),
            Received::Cancel { invite, .. } => Some(format!("cancel {}", invite.is_some())),
            Received::Response { response, .. } => Some(format!("response {}", response.status)),
            Received::StrayResponse { response, .. } => Some(format!("stray {}", response.status)),
        };
        if let Some(line) = line {
            self.note(&line);
        }
        self.drain();
        received
    }

    pub fn receive_request(&mut self, request: &Request) -> Received {
        self.receive(Message::Request(request.clone()))
    }

    pub fn receive_response(&mut self, response: Response) -> Received {
        self.receive(Message::Response(response))
    }

    /// A request that must be new.
    pub fn open(&mut self, request: &Request) -> ServerTx {
        match self.receive_request(request) {
            Received::NewRequest { tx, .. } => tx,
            other => panic!("not new: {other:?}"),
        }
    }

    /// Lets time pass up to `ms` after the start, timers firing on the way.
    pub fn until(&mut self, ms: u64) {
        let end = self.start + Duration::from_millis(ms);
        while let Some(at) = self.table.poll_timeout().filter(|at| *at <= end) {
            assert!(at >= self.now, "the past cannot be due");
            self.now = at;
            self.table.handle_timeout(at);
            self.drain();
        }
        self.now = end;
    }

    /// Compares what came out since the last look.
    #[track_caller]
    pub fn expect(&mut self, lines: &[&str]) {
        assert_eq!(self.log, lines, "got (left) and expected (right)");
        self.log.clear();
    }

    /// Everything must be over, and nothing left.
    #[track_caller]
    pub fn expect_empty(&mut self) {
        self.expect(&[]);
        assert!(self.table.is_empty(), "{:?}", self.table);
        assert_eq!(self.table.poll_timeout(), None);
    }

    /// What was sent last, as text.
    pub fn sent_text(&self) -> String {
        let message = self.sent.as_ref().expect("something was sent");
        String::from_utf8_lossy(&message.to_bytes()).into_owned()
    }

    pub fn drain(&mut self) {
        while let Some(output) = self.table.poll_output() {
            let line = match output {
                TxOutput::Transmit { flow, bytes } => {
                    assert_eq!(flow, self.flow);
                    let message = parse(bytes);
                    let line = match &message {
                        Message::Request(request) => format!("send {}", request.method.as_str()),
                        Message::Response(response) => format!("send {}", response.status),
                    };
                    self.sent = Some(message);
                    line
                }
                TxOutput::Timeout { .. } => "timeout".to_owned(),
                TxOutput::TransportError { .. } => "transport error".to_owned(),
                TxOutput::Terminated { .. } | TxOutput::ServerTerminated { .. } => "end".to_owned(),
                TxOutput::AckTimeout { .. } => "no ack".to_owned(),
            };
            self.note(&line);
        }
    }

    fn note(&mut self, line: &str) {
        self.log.push(format!("{} {line}", self.now.duration_since(self.start).as_millis()));
    }
}
