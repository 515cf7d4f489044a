//! The phone's shell: its sockets and its clock.
#![allow(clippy::disallowed_methods)] // a shell: it reads the clock for its machine

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rand::Rng;
use rand::SeedableRng;
use rand::rngs::{StdRng, SysRng};
use tokio::sync::mpsc;

use super::error::ClientError;
use super::phone::{AccessNetwork, Input, Output, Phone, PhoneConfig, PhoneEvent};
use crate::net::sip::{Limits, ListenerSpec, NetEvent, SipSockets};
use crate::sip::endpoint::Login;
use crate::sip::transaction::TimerConfig;
use crate::sip::{Flow, Transport};

/// The longest message: a description, a context, and room.
const MAX_MESSAGE_BYTES: usize = 65_535;
/// How long taking leave may take: a BYE and a REGISTER, each with some retransmissions.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// Who uses the line, and where it leads.
#[derive(Clone, Debug)]
pub struct LineSettings {
    /// HOST:PORT of the gateway, or of the peer itself; `None` for a line that only answers.
    pub server: Option<String>,
    /// How to get there.
    pub transport: Transport,
    /// Where to listen; `None`: any port of the address that faces the server.
    pub bind: Option<SocketAddr>,
    /// `User-Agent`.
    pub product: String,
    /// The SIP domain; `None`: the server's address.
    pub domain: Option<String>,
    /// The user.
    pub user: String,
    /// For challenges.
    pub password: Option<String>,
    /// `urn:gsma:imei:…` or `urn:uuid:…`.
    pub instance: Option<String>,
    /// The number.
    pub number: Option<String>,
    /// The access network.
    pub access: Option<AccessNetwork>,
    /// The lifetime of registrations, in seconds.
    pub register_expires_s: u32,
}

/// A phone that is plugged in.
pub struct Line {
    phone: Phone,
    sockets: SipSockets,
    network: mpsc::Receiver<NetEvent>,
    local: SocketAddr,
    domain: String,
}

impl Line {
    /// Opens the socket. Nothing is sent yet.
    pub async fn open(settings: LineSettings) -> Result<Line, ClientError> {
        let remote = match &settings.server {
            Some(server) => Some(resolve(server).await?),
            None => None,
        };
        let bind = match (settings.bind, remote) {
            (Some(bind), _) => bind,
            (None, Some(remote)) => SocketAddr::new(facing(remote)?, 0),
            (None, None) => SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let transport = settings.transport;
        let spec = ListenerSpec { name: "phone".into(), transport, bind, max_message_bytes: MAX_MESSAGE_BYTES };
        let (sockets, network) = SipSockets::bind(vec![spec], Limits::default()).await?;
        let local = sockets.local(0);
        // A line that only answers sends nothing by itself.
        let remote = remote.unwrap_or(local);
        let domain = settings.domain.unwrap_or_else(|| remote.to_string());
        let login = settings.password.map(|password| Login { username: settings.user.clone(), password });
        let config = PhoneConfig {
            product: settings.product,
            domain: domain.clone(),
            user: settings.user,
            login,
            server: Flow { transport, local, remote, connection: None },
            instance: settings.instance,
            number: settings.number,
            access: settings.access,
            register_expires_s: settings.register_expires_s,
            timers: TimerConfig::default(),
        };
        let phone = Phone::new(config, seed()?, now());
        Ok(Line { phone, sockets, network, local, domain })
    }

    /// The phone, to be told what to do at the given time.
    pub fn phone(&mut self) -> (&mut Phone, Instant) {
        (&mut self.phone, now())
    }

    /// The address that peers reach us at; the audio socket shares its IP.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The SIP domain of our addresses.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Does the phone's work until there is something to tell. Cancel-safe: nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> PhoneEvent {
        loop {
            while let Some(output) = self.phone.poll_output() {
                match output {
                    Output::Transmit(flow, bytes) => self.sockets.send(flow, bytes),
                    Output::Event(event) => return event,
                }
            }
            let due = self.phone.poll_timeout().map(tokio::time::Instant::from_std);
            tokio::select! {
                happened = self.network.recv() => match happened {
                    Some(happened) => self.phone.handle_input(input(happened), now()),
                    // The sockets live as long as we do, so this is the runtime going down.
                    None => std::future::pending().await,
                },
                () = sleep_until(due) => self.phone.handle_timeout(now()),
            }
        }
    }

    /// Hangs up, gives the registration up, and waits until both are done, for three seconds at most.
    pub async fn leave(mut self) {
        let (phone, at) = self.phone();
        // Without a call there is nothing to hang up.
        let _ = phone.hang_up(480, at);
        phone.unregister(at);
        let registered = phone.is_registering();
        let work = async {
            let mut waits = registered;
            while waits {
                match self.next().await {
                    PhoneEvent::Unregistered | PhoneEvent::RegistrationFailed { .. } => waits = false,
                    _ => {}
                }
            }
            // What the phone still says goes out with this; nobody waits for answers any more.
            self.settle().await;
        };
        // Who does not answer in time finds out by himself that we are gone.
        let _ = tokio::time::timeout(LEAVE_WITHIN, work).await;
    }

    /// Works on until a hang-up is answered.
    pub async fn settle(&mut self) {
        let quiet = Duration::from_millis(200);
        while tokio::time::timeout(quiet, self.next()).await.is_ok() {}
    }
}

/// The phone's view of a socket event.
fn input(event: NetEvent) -> Input {
    match event {
        NetEvent::Received { flow, bytes } => Input::Received(flow, bytes),
        NetEvent::Closed { flow } => Input::Closed(flow),
        NetEvent::Failed { flow } => Input::Undeliverable(flow),
    }
}

async fn resolve(server: &str) -> Result<SocketAddr, ClientError> {
    let failed = |source| ClientError::Resolve { server: server.to_owned(), source };
    let mut found = tokio::net::lookup_host(server).await.map_err(failed)?;
    found.next().ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))
}

/// The address of ours from which the server is reached. Nothing is sent.
fn facing(server: SocketAddr) -> Result<IpAddr, ClientError> {
    let unspecified: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let ask = || {
        let socket = UdpSocket::bind(unspecified)?;
        socket.connect(server)?;
        socket.local_addr()
    };
    ask().map(|local| local.ip()).map_err(|source| ClientError::Route { server, source })
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Sleeps until then, or for ever.
pub(super) async fn sleep_until(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Octets from the system's generator.
pub(super) fn seed() -> Result<[u8; 32], ClientError> {
    let mut rng =
        StdRng::try_from_rng(&mut SysRng).map_err(|error| ClientError::Audio(std::io::Error::other(error)))?;
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    Ok(seed)
}
