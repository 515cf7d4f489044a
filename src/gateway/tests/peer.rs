//! The other end of a flow, spelling its messages out.

use crate::sip::Flow;
use crate::sip::auth::{self, Attempt, Secret};

use super::stage::{Stage, flow, header, tag};

/// What a caller offers: µ-law, A-law and telephone events.
pub const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\nm=audio 7000 RTP/AVP 0 8 96\r\n\
                         a=rtpmap:96 telephone-event/8000\r\na=sendrecv\r\n";
/// What a callee answers to an offer of µ-law.
pub const ANSWER: &str = "v=0\r\no=- 2 2 IN IP4 127.0.0.8\r\ns=-\r\nc=IN IP4 127.0.0.8\r\nt=0 0\r\nm=audio 8000 RTP/AVP 0 96\r\n\
                          a=rtpmap:96 telephone-event/8000\r\na=sendrecv\r\n";
const WIFI: &str = "P-Access-Network-Info: IEEE-802.11ac;i-wlan-node-id=0a1b2c\r\n";

/// A user agent and, once it has one, its dialog.
#[derive(Clone, Debug)]
pub struct Peer {
    pub flow: Flow,
    pub user: String,
    pub number: String,
    pub call_id: String,
    pub cseq: u32,
    /// Our side and the gateway's side of the dialog, as written in From and To.
    pub local: String,
    pub remote: String,
    /// Where requests go.
    pub target: String,
    /// Further header lines of every request.
    pub extra: String,
    branches: u32,
}

impl Peer {
    pub fn new(flow: Flow, user: &str, number: &str) -> Peer {
        Peer {
            flow,
            user: user.into(),
            number: number.into(),
            call_id: format!("call-of-{number}"),
            cseq: 0,
            local: format!("<sip:{number}@{}>;tag=t{number}", flow.remote.ip()),
            remote: String::new(),
            target: String::new(),
            extra: String::new(),
            branches: 0,
        }
    }

    /// The customer's app, on Wi-Fi.
    pub fn app() -> Peer {
        let mut peer = Peer::new(flow(5060, "127.0.0.9:5999"), "traveller", "13800138000");
        peer.extra = WIFI.into();
        peer
    }

    /// The carrier behind the trunk.
    pub fn carrier() -> Peer {
        Peer::new(flow(5064, "127.0.0.1:5080"), "carrier", "13911112222")
    }

    /// Starts a call to `target`.
    pub fn towards(mut self, target: &str) -> Peer {
        self.target = format!("sip:{target}");
        self.remote = format!("<sip:{target}>");
        self
    }

    /// The next request of the dialog.
    pub fn request(&mut self, method: &str, kind: &str, body: &str) -> String {
        self.cseq += 1;
        self.numbered(method, kind, body)
    }

    /// A request with the same number: ACK, CANCEL.
    pub fn numbered(&mut self, method: &str, kind: &str, body: &str) -> String {
        if method != "CANCEL" {
            self.branches += 1;
        }
        let content = if body.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
        format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/{} {};branch=z9hG4bK{}x{};rport\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\n\
             Call-ID: {}\r\nCSeq: {} {method}\r\nContact: <sip:{}@{}>\r\n{}{content}Content-Length: {}\r\n\r\n{body}",
            self.target,
            self.flow.transport,
            self.flow.remote,
            self.call_id.replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
            self.branches,
            self.local,
            self.remote,
            self.call_id,
            self.cseq,
            self.number,
            self.flow.remote,
            self.extra,
            body.len(),
        )
    }

    pub fn invite(&mut self, body: &str) -> String {
        self.request("INVITE", "application/sdp", body)
    }

    /// The request again, with an answer to the challenge.
    pub fn login(&mut self, challenge: &str, method: &str, kind: &str, body: &str, password: &str) -> String {
        let secret = Secret::password(password);
        let attempt = Attempt {
            method,
            uri: &self.target,
            username: &self.user,
            secret: &secret,
            body: body.as_bytes(),
            cnonce: "0a4f113b",
            nc: 1,
        };
        let challenges = challenge.split("\r\n").filter_map(|line| line.strip_prefix("WWW-Authenticate: "));
        let credentials = auth::respond(challenges, &attempt).unwrap();
        let extra = self.extra.clone();
        self.extra.push_str(&format!("Authorization: {credentials}\r\n"));
        let request = self.request(method, kind, body);
        self.extra = extra;
        request
    }

    /// Takes the dialog from a response.
    pub fn join(&mut self, response: &str) {
        self.remote = header(response, "To").to_owned();
        let contact = header(response, "Contact");
        self.target = contact.split(['<', '>']).nth(1).unwrap().to_owned();
    }

    /// Takes the dialog from a request that called us.
    pub fn joined_by(&mut self, request: &str) {
        self.call_id = header(request, "Call-ID").to_owned();
        self.local = format!("{};tag=callee", header(request, "To"));
        self.remote = header(request, "From").to_owned();
        self.target = header(request, "Contact").split(['<', '>']).nth(1).unwrap().to_owned();
    }

    /// A response to a request of the gateway.
    pub fn response(&self, request: &str, status: &str, body: &str) -> String {
        let to = header(request, "To");
        let to = if tag(to).is_some() { to.to_owned() } else { format!("{to};tag=callee") };
        let content = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Contact: <sip:{}@{}>\r\n{content}Content-Length: {}\r\n\r\n{body}",
            header(request, "Via"),
            header(request, "From"),
            header(request, "Call-ID"),
            header(request, "CSeq"),
            self.user,
            self.flow.remote,
            body.len(),
        )
    }

    /// Sends an INVITE and answers its challenge.
    #[track_caller]
    pub fn call(&mut self, stage: &mut Stage, body: &str) {
        let invite = self.invite(body);
        stage.send(self.flow, invite);
        let challenge = stage.expect(self.flow, "SIP/2.0 401");
        // RFC 3261 §17.1.1.3: the ACK of a refusal has its INVITE's branch.
        self.branches -= 1;
        let ack = self.numbered("ACK", "", "");
        stage.send(self.flow, ack);
        let invite = self.login(&challenge, "INVITE", "application/sdp", body, "tandem-demo");
        stage.send(self.flow, invite);
    }

    /// Takes a 200 and acknowledges it.
    #[track_caller]
    pub fn answered(&mut self, stage: &mut Stage) -> String {
        let ok = stage.find(self.flow, "SIP/2.0 200");
        self.join(&ok);
        let ack = self.numbered("ACK", "", "");
        stage.send(self.flow, ack);
        ok
    }

    #[track_caller]
    pub fn hang_up(&mut self, stage: &mut Stage) {
        let bye = self.request("BYE", "", "");
        stage.send(self.flow, bye);
        stage.find(self.flow, "SIP/2.0 200");
    }

    /// Answers a BYE or CANCEL of the gateway.
    #[track_caller]
    pub fn confirm(&self, stage: &mut Stage, method: &str) -> String {
        let request = stage.find(self.flow, method);
        stage.send(self.flow, self.response(&request, "200 OK", ""));
        request
    }

    /// Takes an INVITE of the gateway.
    #[track_caller]
    pub fn called(&mut self, stage: &mut Stage) -> String {
        let invite = stage.find(self.flow, "INVITE ");
        self.joined_by(&invite);
        invite
    }

    /// Sends a REGISTER and answers its challenge.
    #[track_caller]
    pub fn register(&mut self, stage: &mut Stage) -> String {
        self.target = "sip:tandem.localhost".into();
        self.remote = format!("<sip:{}@tandem.localhost>", self.user);
        let register = self.request("REGISTER", "", "");
        stage.send(self.flow, register);
        let challenge = stage.expect(self.flow, "SIP/2.0 401");
        let register = self.login(&challenge, "REGISTER", "", "", "tandem-demo");
        stage.send(self.flow, register);
        stage.expect(self.flow, "SIP/2.0 200")
    }
}

/// A registered seat.
#[track_caller]
pub fn seat(stage: &mut Stage, n: u8) -> Peer {
    let user = format!("agent{n}");
    let mut seat = Peer::new(flow(5062, &format!("127.0.0.8{n}:5060")), &user, &format!("seat{n}"));
    seat.register(stage);
    seat
}

/// The app's call, answered with music.
#[track_caller]
pub fn waiting_app(stage: &mut Stage) -> Peer {
    let mut app = Peer::app().towards("flights@tandem.localhost");
    app.call(stage, OFFER);
    app.answered(stage);
    app
}

/// The app and a seat, talking.
#[track_caller]
pub fn connected(stage: &mut Stage) -> (Peer, Peer) {
    let mut seat = seat(stage, 1);
    let app = waiting_app(stage);
    let invite = seat.called(stage);
    stage.send(seat.flow, seat.response(&invite, "200 OK", ANSWER));
    stage.find(seat.flow, "ACK ");
    (app, seat)
}
