//! The user agents around the gateway: who they are and what they mean to do.

use std::net::SocketAddr;

use bytes::Bytes;
use rand::RngExt;
use rand::rngs::StdRng;
use tandem::call::Bearer;
use tandem::config::OffWifi;
use tandem::sip::endpoint::Login;
use tandem::sip::message::HeaderName;
use tandem::sip::{ConnectionId, Flow};

use super::screens::CONTROL;
use super::setting::{self, DOMAIN, Door, NUMBER, PASSWORD};

/// One user agent: an address, perhaps a connection, and a part to play.
#[derive(Debug)]
pub struct Agent {
    pub address: SocketAddr,
    /// The gateway's socket that it talks to.
    pub door: Door,
    /// Its stream connection, while there is one.
    pub connection: Option<u64>,
    /// It has left the network for good or for a while: nothing reaches it, nothing comes from it.
    pub gone: bool,
    /// It will leave in mid-call, so the other party will not.
    pub part: Part,
    /// Calls it is in, as it believes.
    pub busy: usize,
}

#[derive(Debug)]
pub enum Part {
    Caller(Caller),
    Seat(Registration),
    Desk(Registration),
    Carrier,
}

/// Where a seat's or desk phone's registration stands.
#[derive(Debug)]
pub struct Registration {
    pub user: String,
    pub cseq: u32,
}

/// One call as its caller wants it.
#[derive(Debug)]
pub struct Caller {
    pub kind: Kind,
    pub login: Option<Login>,
    pub target: String,
    pub number: String,
    pub call_id: String,
    /// Set when the app brings its own.
    pub session_id: Option<String>,
    pub screen: Screen,
    /// He vanishes in mid-call instead of hanging up.
    pub vanishes: bool,
}

/// What a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The app on Wi-Fi.
    App,
    /// The app on a cellular network.
    Cellular,
    /// A softphone that says nothing of its access network.
    Softphone,
    /// Anybody at the door without authentication, claiming a cellular network.
    Lab,
    /// A customer who dialled the 400 number, by way of a carrier.
    Trunk,
    /// A user calls another.
    Desk,
    /// A user dials a number: by carrier 0, by carrier 1.
    Relayed,
    Bypassed,
    /// Nobody has that name.
    Unknown,
    /// Another domain.
    Foreign,
    /// No session description.
    NoOffer,
    /// No codec in common.
    Opus,
    /// A wrong password.
    Intruder,
    /// Wants an extension nobody has.
    Demanding,
}

/// What an app offers for its screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    None,
    /// MSRP in the description.
    Msrp,
    /// A context only: SIP MESSAGE carries the screen.
    Message,
}

const KINDS: [(Kind, u32); 14] = [
    (Kind::App, 40),
    (Kind::Cellular, 10),
    (Kind::Softphone, 8),
    (Kind::Lab, 5),
    (Kind::Trunk, 15),
    (Kind::Desk, 6),
    (Kind::Relayed, 6),
    (Kind::Bypassed, 5),
    (Kind::Unknown, 1),
    (Kind::Foreign, 1),
    (Kind::NoOffer, 1),
    (Kind::Opus, 1),
    (Kind::Intruder, 1),
    (Kind::Demanding, 1),
];

impl Kind {
    fn draw(rng: &mut StdRng) -> Kind {
        let total: u32 = KINDS.iter().map(|(_, weight)| weight).sum();
        let mut dice = rng.random_range(0..total);
        for (kind, weight) in KINDS {
            if dice < weight {
                return kind;
            }
            dice -= weight;
        }
        Kind::App
    }

    /// The bearer that the record of such a call names.
    pub fn bearer(self, policy: &OffWifi) -> Bearer {
        match self {
            Kind::Trunk => Bearer::Trunk,
            Kind::Cellular if matches!(policy, OffWifi::Bridge { .. }) => Bearer::Pstn,
            Kind::Relayed | Kind::Bypassed => Bearer::Pstn,
            _ => Bearer::Wifi,
        }
    }
}

/// Call `n` of the schedule `seed`.
pub fn caller(rng: &mut StdRng, n: usize) -> Agent {
    let kind = Kind::draw(rng);
    let door = match kind {
        Kind::Trunk => Door::Carriers,
        Kind::Lab => Door::Lab,
        _ if rng.random_bool(0.25) => Door::AppTcp,
        _ => Door::AppUdp,
    };
    let number = format!("1380{n:07}");
    let local = match kind {
        Kind::Trunk | Kind::Unknown => NUMBER.to_owned() + if kind == Kind::Unknown { "9" } else { "" },
        Kind::Desk => format!("desk{}", rng.random_range(0..setting::DESKS)),
        Kind::Relayed => format!("021{n:08}"),
        Kind::Bypassed => format!("010{n:08}"),
        _ => "flights".to_owned(),
    };
    let host = if kind == Kind::Foreign { "elsewhere.test" } else { DOMAIN };
    let password = if kind == Kind::Intruder { "guess" } else { PASSWORD };
    let user = format!("traveller{}", rng.random_range(0..setting::TRAVELLERS));
    let has_login = !matches!(kind, Kind::Trunk | Kind::Lab);
    let screen = match kind {
        Kind::App | Kind::Cellular => {
            [Screen::None, Screen::Msrp, Screen::Msrp, Screen::Message][rng.random_range(0..4)]
        }
        _ => Screen::None,
    };
    let address = if kind == Kind::Trunk {
        SocketAddr::new(setting::carrier(0).ip(), 10_000 + n as u16)
    } else {
        SocketAddr::from(([10, 1, (n >> 8) as u8, n as u8], 5060))
    };
    Agent {
        address,
        door,
        connection: None,
        gone: false,
        busy: 0,
        part: Part::Caller(Caller {
            kind,
            login: has_login.then(|| Login { username: user, password: password.into() }),
            target: format!("sip:{local}@{host}"),
            number,
            call_id: format!("caller-{n}"),
            session_id: rng.random_bool(0.5).then(|| format!("{:032x}", rng.random::<u128>())),
            screen,
            vanishes: rng.random_bool(0.03),
        }),
    }
}

/// A seat or a desk phone.
pub fn phone(rng: &mut StdRng, n: usize, is_seat: bool) -> Agent {
    let net = if is_seat { 2 } else { 4 };
    let registration = Registration { user: format!("{}{n}", if is_seat { "agent" } else { "desk" }), cseq: 1 };
    Agent {
        address: SocketAddr::from(([10, net, 0, n as u8], 5060)),
        door: if rng.random_bool(0.25) { Door::SeatsTcp } else { Door::SeatsUdp },
        connection: None,
        gone: false,
        busy: 0,
        part: if is_seat { Part::Seat(registration) } else { Part::Desk(registration) },
    }
}

/// A carrier's gateway.
pub fn carrier(index: usize) -> Agent {
    Agent {
        address: setting::carrier(index),
        door: Door::Carriers,
        connection: None,
        gone: false,
        busy: 0,
        part: Part::Carrier,
    }
}

impl Agent {
    /// The way to the gateway as the agent sees it.
    pub fn flow(&self) -> Flow {
        Flow { transport: self.door.transport(), local: self.address, remote: self.door.address(), connection: None }
    }

    /// The same way as the gateway sees it.
    pub fn gateway_flow(&self, connection: Option<u64>) -> Flow {
        let connection = connection.map(ConnectionId);
        Flow { transport: self.door.transport(), local: self.door.address(), remote: self.address, connection }
    }

    /// Where it receives RTP. Trunk callers share an address, so the port tells them apart.
    pub fn rtp(&self) -> SocketAddr {
        SocketAddr::new(self.address.ip(), self.address.port() + 40_000)
    }

    pub fn caller(&self) -> Option<&Caller> {
        match &self.part {
            Part::Caller(caller) => Some(caller),
            Part::Seat(_) | Part::Desk(_) | Part::Carrier => None,
        }
    }
}

impl Caller {
    /// The headers of his INVITE.
    pub fn headers(&self) -> Vec<(HeaderName, String)> {
        let mut headers = Vec::new();
        let access = match self.kind {
            Kind::App => Some("IEEE-802.11ac;i-wlan-node-id=0a1b2c"),
            Kind::Cellular | Kind::Lab => Some("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=x"),
            _ => None,
        };
        if let Some(access) = access {
            headers.push((HeaderName::PAccessNetworkInfo, access.to_owned()));
        }
        headers.push((HeaderName::PAssertedIdentity, format!("<tel:{}>", self.number)));
        headers.push((HeaderName::Other("X-Private".into()), "inside".to_owned()));
        if let Some(session) = &self.session_id {
            headers.push((HeaderName::SessionId, session.clone()));
        }
        if self.kind == Kind::Demanding {
            headers.push((HeaderName::Require, "teleportation".to_owned()));
        }
        headers
    }

    /// The body of his INVITE.
    pub fn body(&self, rtp: SocketAddr) -> Option<(String, Bytes)> {
        let mut offer = match self.kind {
            Kind::NoOffer => return None,
            Kind::Opus => offer(rtp, 1, "sendrecv")
                .replace("0 8 101", "96")
                .replace("a=rtpmap:0 PCMU/8000", "a=rtpmap:96 opus/48000/2"),
            _ => offer(rtp, 1, "sendrecv"),
        };
        if self.screen == Screen::Msrp {
            offer.push_str("m=message 9 TCP/MSRP *\r\na=accept-types:message/cpim\r\na=accept-wrapped-types:*\r\n");
            offer.push_str(&format!("a=setup:actpass\r\na=path:msrp://{}:9/{};tcp\r\n", rtp.ip(), self.number));
        }
        if self.screen == Screen::None {
            return Some(("application/sdp".into(), offer.into()));
        }
        let context = r#"{"v":1,"device":{"model":"P1"},"app":{"version":"9.1"}}"#;
        let mixed = format!(
            "--b\r\nContent-Type: application/sdp\r\n\r\n{offer}\r\n--b\r\nContent-Type: \
             application/vnd.tandem.context+json\r\n\r\n{context}\r\n--b--\r\n"
        );
        Some(("multipart/mixed;boundary=b".into(), mixed.into()))
    }
}

/// The content of a control message, small enough for a datagram.
pub fn control() -> (String, Bytes) {
    (CONTROL.to_owned(), Bytes::from_static(br#"{"v":1,"type":"input.key","key":"Enter"}"#))
}

/// A user agent's own description.
pub fn offer(rtp: SocketAddr, version: u32, direction: &str) -> String {
    let (ip, port) = (rtp.ip(), rtp.port());
    format!(
        "v=0\r\no=- 1 {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 8 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    )
}

/// The answer to `offer`: every stream taken as it is, from `rtp`.
pub fn answer(offer: &str, rtp: SocketAddr) -> String {
    let ip = rtp.ip();
    let mut answer = String::with_capacity(offer.len());
    for line in offer.split_terminator("\r\n") {
        let line = match line.split_at_checked(2) {
            Some(("o=", _)) => format!("o=- 2 2 IN IP4 {ip}"),
            Some(("c=", _)) => format!("c=IN IP4 {ip}"),
            Some(("m=", rest)) => match rest.split_once(" RTP/AVP ") {
                Some((_, formats)) => format!("m=audio {} RTP/AVP {formats}", rtp.port()),
                None => line.to_owned(),
            },
            Some(("a=", "sendonly")) => "a=recvonly".to_owned(),
            Some(("a=", "setup:passive")) => "a=setup:active".to_owned(),
            Some(("a=", path)) if path.starts_with("path:") => format!("a=path:msrp://{ip}:9/seat;tcp"),
            _ => line.to_owned(),
        };
        answer.push_str(&line);
        answer.push_str("\r\n");
    }
    answer
}
