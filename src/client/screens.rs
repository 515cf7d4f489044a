//! One end of a call's screen session: frames of our screen out, the other side's in, controls both ways.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::error::ClientError;
use super::glass::Shown;
use super::line::seed;
use crate::net::screen::{ClientConfig, Received, ScreenClient};
use crate::sip::sdp::{ScreenAgreement, ScreenLine, Setup};
use crate::sync::control::Control;
use crate::sync::frame::{Frame, FrameLimits};
use crate::sync::identity::DeviceIdentity;
use crate::sync::image::ImageType;
use crate::sync::msrp::{Limits, MsrpUri, Ticket};
use crate::sync::session::SessionConfig;

/// The port that an active end writes: it listens nowhere (RFC 4145 §4.1 says 9, the discard port).
const NO_PORT: u16 = 9;
/// The largest message that we take, in octets.
const MAX_SIZE: u64 = 4 * 1024 * 1024;
/// Frames of ours that are remembered, for touches on them and for the question about one.
const REMEMBERED: usize = 64;
/// Connecting, and saying the last words, may take so long.
const PATIENCE: Duration = Duration::from_secs(5);
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Our line in the session description: we connect, the gateway listens.
pub fn screen_line(address: IpAddr) -> Result<ScreenLine, ClientError> {
    // A secret of more than 80 bits (RFC 4975 §14.1).
    let session = hex::encode(&seed()?[..16]);
    Ok(ScreenLine::new(SocketAddr::new(address, NO_PORT), &session, Setup::Active, MAX_SIZE))
}

/// Whom the two ends of the session call each other.
#[derive(Clone, Debug)]
pub struct Names {
    /// The SIP Call-ID of our leg.
    pub call_id: String,
    /// Our own name, as a URI.
    pub own: String,
    /// The other side's.
    pub peer: String,
    /// For a phone: messages to any other device are refused and counted.
    pub device: Option<DeviceIdentity>,
}

/// A frame that we sent.
#[derive(Clone, Debug)]
pub struct SentFrame {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
    /// Its page.
    pub screen: Option<String>,
    /// Its size in pixels.
    pub size: (u32, u32),
}

/// What arrives.
#[derive(Debug)]
pub enum News {
    /// A frame of the other side's.
    Frame(Box<Frame>),
    /// A control message.
    Control(Box<Control>),
    /// The other side has this frame of ours, whole.
    Delivered(SentFrame),
    /// A message of ours was refused.
    Refused {
        /// The status.
        status: u16,
        /// What it was: the control's type, or `frame`.
        what: &'static str,
    },
    /// A message named another call or device.
    Foreign,
}

/// A connected end.
pub struct Screens {
    client: ScreenClient,
    limits: FrameLimits,
    path: String,
    next_seq: u64,
    sent: VecDeque<SentFrame>,
    on_the_way: BTreeMap<u64, (&'static str, Option<u64>)>,
}

impl Screens {
    /// Connects as agreed.
    pub async fn connect(own: &ScreenLine, agreed: &ScreenAgreement, names: Names) -> Result<Screens, ClientError> {
        let path = shown_path(&agreed.peer.path);
        let failed = |reason: String| ClientError::Screen { path: path.clone(), reason };
        if agreed.role != Setup::Active {
            return Err(failed("the gateway wants to connect to us, and we listen nowhere".into()));
        }
        let uri = |text: &str| text.parse::<MsrpUri>().map_err(|error| failed(error.to_string()));
        // Of several URIs the first is the next hop (RFC 4975 §6).
        let first = agreed.peer.path.split_ascii_whitespace().next().unwrap_or_default();
        let limits = SessionConfig::default().frame;
        let config = ClientConfig {
            own_path: uri(&own.path)?,
            peer_path: uri(first)?,
            call_id: names.call_id,
            from: names.own,
            to: names.peer,
            msrp: Limits::default(),
            frame: limits,
        };
        let connected = tokio::time::timeout(PATIENCE, ScreenClient::connect(config)).await;
        let connected = connected.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
        let mut client = connected.map_err(|error| failed(error.to_string()))?;
        if let Some(device) = names.device {
            client.accept_only(device);
        }
        Ok(Screens { client, limits, path, next_seq: 1, sent: VecDeque::new(), on_the_way: BTreeMap::new() })
    }

    /// Addresses what follows to another name.
    pub fn set_peer(&mut self, name: &str) {
        self.client.set_to(name);
    }

    /// Sends a picture of our screen. The latest wins: one that is still waiting makes room for it.
    pub fn send_frame(&mut self, shown: &Shown) -> Result<SentFrame, ClientError> {
        let picture = &shown.frame;
        let kind = ImageType::from_media_type(picture.mime).unwrap_or(ImageType::Png);
        let frame = Frame::whole(self.next_seq, shown.screen.name.clone(), kind, picture.bytes.clone(), &self.limits)
            .map_err(|error| self.failed(error.to_string()))?;
        self.next_seq += 1;
        let ticket = self.client.send_frame(&frame).map_err(|error| self.failed(error.to_string()))?;
        self.on_the_way.insert(ticket.0, ("frame", Some(frame.seq)));
        let size = (frame.full.width, frame.full.height);
        let sent = SentFrame { seq: frame.seq, hash: frame.hash, screen: frame.screen, size };
        if self.sent.len() == REMEMBERED {
            self.sent.pop_front();
        }
        self.sent.push_back(sent.clone());
        Ok(sent)
    }

    /// Sends a control message.
    pub fn send_control(&mut self, control: &Control) -> Result<(), ClientError> {
        let ticket = self.client.send_control(control).map_err(|error| self.failed(error.to_string()))?;
        self.on_the_way.insert(ticket.0, (control.kind(), None));
        Ok(())
    }

    /// A frame that we sent, if it is not too long ago.
    pub fn sent(&self, seq: u64) -> Option<&SentFrame> {
        self.sent.iter().find(|sent| sent.seq == seq)
    }

    /// The last frame that we sent.
    pub fn last_sent(&self) -> Option<&SentFrame> {
        self.sent.back()
    }

    /// Reads and writes until there is news. Cancel-safe.
    pub async fn next(&mut self) -> Result<News, ClientError> {
        loop {
            let received = self.client.recv().await.map_err(|ended| self.failed(ended.to_string()))?;
            match received {
                Received::Frame(frame) => return Ok(News::Frame(frame)),
                Received::Control(control) => return Ok(News::Control(control)),
                Received::Foreign => return Ok(News::Foreign),
                Received::Accepted(ticket) => self.accepted(ticket),
                Received::Superseded(ticket) => drop(self.on_the_way.remove(&ticket.0)),
                Received::Delivered(ticket) => {
                    let seq = self.on_the_way.remove(&ticket.0).and_then(|(_, seq)| seq);
                    if let Some(sent) = seq.and_then(|seq| self.sent(seq)) {
                        return Ok(News::Delivered(sent.clone()));
                    }
                }
                Received::Failed(ticket, status) => {
                    let what = self.on_the_way.remove(&ticket.0).map_or("message", |(what, _)| what);
                    return Ok(News::Refused { status, what });
                }
            }
        }
    }

    /// Says the last words and closes.
    pub async fn close(self) {
        self.client.close(LAST_WORDS).await;
    }

    /// A control message is done with when the gateway took it; a frame when the other side has it.
    fn accepted(&mut self, ticket: Ticket) {
        if self.on_the_way.get(&ticket.0).is_some_and(|(_, seq)| seq.is_none()) {
            self.on_the_way.remove(&ticket.0);
        }
    }

    fn failed(&self, reason: String) -> ClientError {
        ClientError::Screen { path: self.path.clone(), reason }
    }
}

/// Waits for a session that may not be there.
pub async fn next_of(screens: Option<&mut Screens>) -> Result<News, ClientError> {
    match screens {
        Some(screens) => screens.next().await,
        None => std::future::pending().await,
    }
}

/// A path without its session, which is a secret.
fn shown_path(path: &str) -> String {
    path.rsplit_once('/').map_or(path, |(address, _)| address).to_owned()
}
