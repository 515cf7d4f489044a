//! The resolved configuration: what the rest of the program reads. Everything in it has been checked; an index into
//! another list is always in range. The unit of a number is in its name.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::Secret;
use crate::sip::Transport;

/// A whole gateway, valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Who we are.
    pub gateway: GatewayConfig,
    /// Where SIP is heard; at least one.
    pub listeners: Vec<Listener>,
    /// How each kind of peer is treated; [`Listener::profile`] points in here.
    pub profiles: Vec<Profile>,
    /// Audio.
    pub media: MediaConfig,
    /// Screens.
    pub screen: ScreenConfig,
    /// Call records.
    pub store: StoreConfig,
    /// The live page; absent when there is none.
    pub console: Option<ConsoleConfig>,
    /// Everybody who may register or call with a password.
    pub users: Vec<User>,
    /// Where callers wait; at least one.
    pub queues: Vec<Queue>,
    /// Who answers.
    pub seats: Vec<Seat>,
    /// The carriers behind the 400 numbers.
    pub trunks: Vec<Trunk>,
    /// `[[route]]`, in the order of the file.
    pub routes: Vec<Route>,
    /// What the access network of a caller decides.
    pub access: AccessPolicy,
}

impl Config {
    /// The profile of a listener.
    pub fn profile_of(&self, listener: &Listener) -> &Profile {
        &self.profiles[listener.profile]
    }
}

/// Who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayConfig {
    /// The product in the `Server` and `User-Agent` headers (RFC 3261 §20.35).
    pub name: String,
    /// Our SIP domain, which is also the digest realm (RFC 3261 §22.1).
    pub domain: String,
    /// Further host names and addresses that are ours; the listeners' own addresses are among them.
    pub aliases: Vec<String>,
    /// Calls at once, queued ones included; the next one gets 503.
    pub max_calls: usize,
}

/// One SIP socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its name in logs and in `[[trunk]]`.
    pub name: String,
    /// The transport heard on it.
    pub transport: Transport,
    /// Where it listens; never the wildcard address, because it is written in `Via` and `Contact`.
    pub bind: SocketAddr,
    /// Index into [`Config::profiles`].
    pub profile: usize,
}

/// How the peers of a listener are treated: one file of `sip-profiles/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The file's name without `.toml`.
    pub name: String,
    /// Challenge every request that does not come from a trunk (RFC 3261 §22).
    pub authenticate: bool,
    /// The hash functions that the challenge offers.
    pub digest: Digest,
    /// Answer 403 to everything that does not come from a configured trunk peer.
    pub trunks_only: bool,
    /// RFC 3261 timer T1, milliseconds: the estimated round trip.
    pub t1_ms: u64,
    /// RFC 3261 timer T2, milliseconds: the longest retransmission interval.
    pub t2_ms: u64,
    /// RFC 3261 timer T4, milliseconds: how long a message stays in the network.
    pub t4_ms: u64,
    /// The largest SIP message read from a stream, octets.
    pub max_message_bytes: usize,
    /// Limits of REGISTER.
    pub registration: RegistrationLimits,
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            name: "default".into(),
            authenticate: true,
            digest: Digest::Md5,
            trunks_only: false,
            t1_ms: 500,
            t2_ms: 4_000,
            t4_ms: 5_000,
            max_message_bytes: 327_680,
            registration: RegistrationLimits::default(),
        }
    }
}

/// Which hash functions of digest authentication (RFC 7616, RFC 8760) peers are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// MD5 alone: what every phone knows. Many, baresip 1.0 and SIPp 3.6 among them, give up when they see a second
    /// challenge with an algorithm that they do not know, although RFC 8760 §2.4 has them ignore it.
    Md5,
    /// SHA-256 alone.
    Sha256,
    /// SHA-256 and, for those who do not know it, MD5.
    Both,
}

/// Limits of REGISTER (RFC 3261 §10.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistrationLimits {
    /// A shorter expiry is refused with 423, seconds.
    pub min_expires_s: u32,
    /// A longer expiry is shortened to this, seconds.
    pub max_expires_s: u32,
    /// When the client names none, seconds.
    pub default_expires_s: u32,
    /// Contacts of one user at once.
    pub max_bindings: usize,
}

impl Default for RegistrationLimits {
    fn default() -> Self {
        RegistrationLimits { min_expires_s: 60, max_expires_s: 3_600, default_expires_s: 600, max_bindings: 8 }
    }
}

/// Audio: addresses, ports, workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaConfig {
    /// The address that RTP uses and SDP names.
    pub address: IpAddr,
    /// First port of the range; even (RFC 3550 §11).
    pub port_min: u16,
    /// Last port of the range, inclusive; odd, the RTCP port of the last pair.
    pub port_max: u16,
    /// Threads that relay packets.
    pub workers: usize,
    /// How long a freed port rests before it is used again, seconds.
    pub port_rest_s: u64,
    /// A leg without a packet for this long is dead, seconds.
    pub dead_after_s: u64,
    /// Codecs we accept, best first.
    pub codecs: Vec<AudioCodec>,
}

impl Default for MediaConfig {
    fn default() -> Self {
        MediaConfig {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port_min: 40_000,
            port_max: 41_999,
            workers: 2,
            port_rest_s: 5,
            dead_after_s: 30,
            codecs: vec![AudioCodec::Pcma, AudioCodec::Pcmu],
        }
    }
}

/// A codec that can be named in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    /// G.711 A-law, static payload type 8 (RFC 3551 §4.5.14).
    Pcma,
    /// G.711 µ-law, static payload type 0 (RFC 3551 §4.5.14).
    Pcmu,
}

impl AudioCodec {
    /// The encoding name of `a=rtpmap`.
    pub fn name(self) -> &'static str {
        match self {
            AudioCodec::Pcma => "PCMA",
            AudioCodec::Pcmu => "PCMU",
        }
    }
}

/// Screens: the MSRP listener and the bounds of what it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenConfig {
    /// Where MSRP over TCP listens (RFC 4975); named in `a=path`, so never the wildcard address.
    pub bind: SocketAddr,
    /// The largest frame, octets, before it is decoded.
    pub max_frame_bytes: usize,
    /// The largest picture, pixels (width × height), read from its header before it is decoded.
    pub max_pixels: u64,
    /// The size of the MSRP chunks we send, octets (RFC 4975 §5.1 wants them interruptible above 2048).
    pub chunk_bytes: usize,
    /// The largest control message (JSON), octets.
    pub max_control_bytes: usize,
    /// The largest frame in one SIP MESSAGE over a stream transport, octets.
    pub message_max_bytes: usize,
    /// MSRP connections at once, both sides together.
    pub sessions_max: usize,
}

impl Default for ScreenConfig {
    fn default() -> Self {
        ScreenConfig {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 2855)),
            max_frame_bytes: 4 << 20,
            max_pixels: 8_000_000,
            chunk_bytes: 16 << 10,
            max_control_bytes: 64 << 10,
            message_max_bytes: 256 << 10,
            sessions_max: 1_000,
        }
    }
}

/// Where call records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// `sqlite://PATH`, already made absolute or relative to the working directory.
    pub url: String,
}

/// The live page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleConfig {
    /// Where HTTP listens.
    pub bind: SocketAddr,
}

/// Somebody with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user part of the address of record, and the digest username.
    pub name: String,
    /// The digest password.
    pub password: Secret,
    /// A name for people.
    pub display: Option<String>,
}

/// Where callers wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name in `[[seat]]`, logs and call records.
    pub name: String,
    /// User parts of the SIP addresses that reach it.
    pub addresses: Vec<String>,
    /// Numbers that reach it from a trunk.
    pub numbers: Vec<String>,
    /// Who is next.
    pub strategy: Strategy,
    /// What the caller hears.
    pub music: Music,
    /// A seat that has not answered by then is passed over, seconds.
    pub ring_timeout_s: u64,
    /// A caller who has waited this long overflows, seconds.
    pub max_wait_s: u64,
    /// Callers waiting at once; the next one overflows.
    pub max_callers: usize,
    /// Rest of a seat after each call, seconds, unless the seat says otherwise.
    pub wrap_up_s: u64,
}

/// Who is next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// The seat that has been idle longest.
    #[default]
    LongestIdle,
}

/// What a waiting caller hears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Music {
    /// The melody in the binary.
    #[default]
    Builtin,
    /// A WAV file.
    File(PathBuf),
}

/// Agent, audio endpoint and simulator as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// What the phone learns about the seat; opaque to it.
    pub id: String,
    /// Index into [`Config::users`]: who answers.
    pub user: usize,
    /// Indices into [`Config::queues`]; at least one.
    pub queues: Vec<usize>,
    /// Overrides the queue's rest after a call, seconds.
    pub wrap_up_s: Option<u64>,
}

/// A carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// Its name in logs and call records.
    pub name: String,
    /// Where it is, and the only source address that is believed to be it.
    pub peer: SocketAddr,
    /// Index into [`Config::listeners`]: the socket we send from; it gives the transport.
    pub listener: usize,
    /// Calls at once, both directions.
    pub max_calls: usize,
    /// The number we show to the carrier.
    pub caller_number: Option<String>,
    /// Whether the voice of calls out of it passes through us.
    pub media: TrunkMedia,
}

/// The way of the voice of calls out of a trunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrunkMedia {
    /// Through our media workers: the carrier sees only our address.
    #[default]
    Relay,
    /// Past us: descriptions are handed through, and carrier and caller see each other's addresses.
    Bypass,
}

/// Numbers that users may dial out. The longest matching prefix wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The first digits, as dialled.
    pub prefix: String,
    /// Index into the trunks.
    pub trunk: usize,
}

impl Route {
    /// Whether `number` starts as this route wants.
    pub fn matches(&self, number: &str) -> bool {
        number.starts_with(&self.prefix)
    }
}

/// What the access network of a caller decides (`P-Access-Network-Info`, RFC 7315 §5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPolicy {
    /// What happens to an app's call that is not on Wi-Fi.
    pub other: OffWifi,
}

/// What happens to an app's call that is not on Wi-Fi.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OffWifi {
    /// Voice only, out of a trunk.
    Bridge {
        /// Index into [`Config::trunks`].
        trunk: usize,
        /// The 400 number to dial there.
        number: String,
    },
    /// 302 to `tel:` this number; the phone dials it itself.
    Redirect {
        /// The 400 number.
        number: String,
    },
    /// Refused.
    Reject {
        /// The SIP status, 400–699.
        status: u16,
    },
}
