//! The sound of a reference endpoint: it plays one tone without end, listens for another, and presses keys.
//!
//! That makes "audio works" a measurement: each side of a call plays its own tone and reports how long, and how purely,
//! it heard the other's. A tokio task on tokio's clock; it knows nothing of SIP.
#![allow(clippy::disallowed_methods)] // a shell: it spawns the task that owns its sockets

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::rngs::{StdRng, SysRng};
use rand::{RngExt, SeedableRng};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior};

use super::contract::AudioCodec;
use super::dtmf::{DigitReceiver, DigitSender};
use super::rtcp::{SenderInfo, sender_report};
use super::rtp::{self, Kind, Packet, Stream};
use super::tone::{Tone, ToneDetector};
use super::{FRAME_MS, FRAME_SAMPLES, g711};

/// Peak of the tone, of 32,767: about −12 dB.
const LOUDNESS: i16 = 8_000;
/// A key is pressed for five packets (100 ms), and as long a pause follows.
const PRESS_FRAMES: u8 = 5;
/// Packets between two sender reports: 5 s (RFC 3550 §6.2), and the first with the first packet.
const REPORT_EVERY: u64 = 250;
/// Digits that may wait to be pressed.
const KEYS: usize = 64;
const MAX_PACKET: usize = 2_048;

/// What an endpoint plays and listens for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AudioSettings {
    /// The codec in both directions.
    pub codec: AudioCodec,
    /// The payload type that the two sides agreed on for it.
    pub payload_type: u8,
    /// The payload type of `telephone-event`, if agreed.
    pub event_payload_type: Option<u8>,
    /// The tone that it plays, in Hz.
    pub play_hz: f64,
    /// The tone that it listens for, in Hz.
    pub want_hz: f64,
}

/// What an endpoint has sent and heard so far.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct AudioReport {
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP packets received, of any payload type.
    pub packets_received: u64,
    /// RTCP packets received.
    pub reports_received: u64,
    /// Datagrams that were neither.
    pub malformed: u64,
    /// Seconds during which the wanted tone was clearly heard.
    pub heard_s: f64,
    /// Seconds during which anything but silence was heard.
    pub loud_s: f64,
    /// Share of the energy of what was heard, 0 to 1, that lay around the wanted frequency.
    pub share: f64,
    /// The digits that the other side pressed.
    pub digits: String,
}

/// A pair of bound sockets whose port can be put into a session description before the far side is known.
#[derive(Debug)]
pub struct AudioEndpoint {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    local: SocketAddr,
}

impl AudioEndpoint {
    /// Binds an even port that the kernel has free, and the one above it.
    pub async fn bind(address: IpAddr) -> io::Result<Self> {
        const ATTEMPTS: usize = 200;
        for _ in 0..ATTEMPTS {
            let rtp = UdpSocket::bind((address, 0)).await?;
            let local = rtp.local_addr()?;
            if local.port() % 2 != 0 {
                continue;
            }
            if let Ok(rtcp) = UdpSocket::bind((address, local.port() + 1)).await {
                return Ok(Self { rtp, rtcp, local });
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "no even port is free with its partner"))
    }

    /// The RTP address; RTCP is one port above.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Begins to listen, and to play once [`AudioHandle::set_remote`] has said where to. Ends when the handle is
    /// stopped or dropped. Must be called within a tokio runtime.
    pub fn start(self, settings: AudioSettings) -> io::Result<AudioHandle> {
        let mut rng = StdRng::try_from_rng(&mut SysRng).map_err(io::Error::other)?;
        let (ssrc, sequence, timestamp) = rng.random();
        let (remote, remote_rx) = watch::channel(None);
        let (report_tx, report) = watch::channel(AudioReport::default());
        let (keys, keys_rx) = mpsc::channel(KEYS);
        let speaker = Speaker {
            settings,
            stream: Stream::new(ssrc, sequence, timestamp),
            tone: Tone::new(settings.play_hz, LOUDNESS),
            press: None,
            pause: 0,
        };
        let ear = Ear { settings, tone: ToneDetector::new(settings.want_hz), digits: DigitReceiver::default() };
        let session = Session { endpoint: self, speaker, ear, remote: remote_rx, keys: keys_rx, report: report_tx };
        Ok(AudioHandle { remote, keys, report, task: tokio::spawn(session.run()) })
    }
}

/// Steers a playing endpoint. Dropping it ends the endpoint.
#[derive(Debug)]
pub struct AudioHandle {
    remote: watch::Sender<Option<SocketAddr>>,
    keys: mpsc::Sender<char>,
    report: watch::Receiver<AudioReport>,
    task: JoinHandle<()>,
}

impl AudioHandle {
    /// Where to send, RTCP one port above; `None` stops sending.
    pub fn set_remote(&self, rtp: Option<SocketAddr>) {
        self.remote.send_replace(rtp);
    }

    /// Presses keys one after the other (RFC 4733). Gives back how many were taken: fewer when too many are waiting.
    /// They are sent only if the two sides agreed on `telephone-event`.
    pub fn press(&self, digits: &str) -> usize {
        digits.chars().take_while(|digit| self.keys.try_send(*digit).is_ok()).count()
    }

    /// What has been sent and heard so far.
    pub fn report(&self) -> AudioReport {
        self.report.borrow().clone()
    }

    /// A receiver that is told of every change of the report, for waiting until something was heard.
    pub fn watch(&self) -> watch::Receiver<AudioReport> {
        self.report.clone()
    }

    /// Ends the endpoint, frees its ports and gives the last report.
    pub async fn stop(self) -> AudioReport {
        let Self { remote, keys, report, task } = self;
        drop((remote, keys));
        // The task ends by itself once nobody can steer it; it has nothing to fail with.
        let _ = task.await;
        report.borrow().clone()
    }
}

struct Session {
    endpoint: AudioEndpoint,
    speaker: Speaker,
    ear: Ear,
    remote: watch::Receiver<Option<SocketAddr>>,
    keys: mpsc::Receiver<char>,
    report: watch::Sender<AudioReport>,
}

impl Session {
    async fn run(mut self) {
        let mut clock = clock();
        let (mut sound, mut control) = ([0; MAX_PACKET], [0; MAX_PACKET]);
        loop {
            tokio::select! {
                _ = clock.tick() => {
                    // An error means that the handle is gone.
                    if self.remote.has_changed().is_err() {
                        return;
                    }
                    self.speak().await;
                }
                Ok((len, _)) = self.endpoint.rtp.recv_from(&mut sound) => {
                    self.report.send_modify(|report| self.ear.hear(&sound[..len], report));
                }
                Ok((len, _)) = self.endpoint.rtcp.recv_from(&mut control) => {
                    self.report.send_modify(|report| self.ear.hear(&control[..len], report));
                }
            }
        }
    }

    async fn speak(&mut self) {
        let remote = *self.remote.borrow();
        let Some(remote) = remote else {
            self.speaker.stream.advance(FRAME_SAMPLES as u32);
            return;
        };
        let mut packet = [0; rtp::HEADER_LEN + FRAME_SAMPLES];
        let Some(len) = self.speaker.next_packet(&mut self.keys, &mut packet) else { return };
        // A packet that the network does not take is lost, as packets are.
        if self.endpoint.rtp.send_to(&packet[..len], remote).await.is_err() {
            return;
        }
        let sent = self.report.borrow().packets_sent;
        self.report.send_modify(|report| report.packets_sent += 1);
        if sent.is_multiple_of(REPORT_EVERY) {
            let rtcp = SocketAddr::new(remote.ip(), remote.port().saturating_add(1));
            let _ = self.endpoint.rtcp.send_to(&self.speaker.report(sent), rtcp).await;
        }
    }
}

fn clock() -> Interval {
    let mut clock = tokio::time::interval(Duration::from_millis(FRAME_MS));
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    clock
}

struct Speaker {
    settings: AudioSettings,
    stream: Stream,
    tone: Tone,
    /// The press under way and the timestamp at which it began.
    press: Option<(DigitSender, u32)>,
    pause: u8,
}

impl Speaker {
    /// The packet for the next 20 ms: a piece of a key press, or of the tone.
    fn next_packet(&mut self, keys: &mut mpsc::Receiver<char>, out: &mut [u8]) -> Option<usize> {
        if self.pause > 0 {
            self.pause -= 1;
        } else if self.press.is_none() && self.settings.event_payload_type.is_some() {
            let digit = keys.try_recv().ok().and_then(|digit| DigitSender::new(digit, PRESS_FRAMES));
            self.press = digit.map(|digit| (digit, self.stream.timestamp()));
        }
        if let (Some((press, began)), Some(payload_type)) = (&mut self.press, self.settings.event_payload_type) {
            if let Some(packet) = press.next_packet() {
                self.stream.advance(FRAME_SAMPLES as u32);
                return self.stream.packet_at(payload_type, packet.marker, *began, &packet.payload, out);
            }
            self.press = None;
            self.pause = PRESS_FRAMES;
        }
        let (mut samples, mut octets) = ([0; FRAME_SAMPLES], [0; FRAME_SAMPLES]);
        self.tone.fill(&mut samples);
        g711::encode(self.settings.codec, &samples, &mut octets);
        self.stream.packet(self.settings.payload_type, &octets, FRAME_SAMPLES as u32, out)
    }

    /// A sender report. This endpoint has no wall clock to share, so its NTP time is 0 (RFC 3550 §6.4.1).
    fn report(&self, packets: u64) -> Vec<u8> {
        let (packets, rtp_timestamp) = (packets as u32, self.stream.timestamp());
        let octets = packets.wrapping_mul(FRAME_SAMPLES as u32);
        let info = SenderInfo { ntp: 0, rtp_timestamp, packets, octets };
        sender_report(self.stream.ssrc(), info, &format!("{:08x}", self.stream.ssrc()))
    }
}

struct Ear {
    settings: AudioSettings,
    tone: ToneDetector,
    digits: DigitReceiver,
}

impl Ear {
    fn hear(&mut self, datagram: &[u8], report: &mut AudioReport) {
        match rtp::classify(datagram) {
            Ok(Kind::Rtcp) => report.reports_received += 1,
            Ok(Kind::Rtp) => {
                if let Ok(packet) = Packet::parse(datagram) {
                    report.packets_received += 1;
                    self.take(&packet, report);
                }
            }
            Err(_) => report.malformed += 1,
        }
    }

    fn take(&mut self, packet: &Packet<'_>, report: &mut AudioReport) {
        if Some(packet.payload_type()) == self.settings.event_payload_type {
            report.digits.extend(self.digits.receive(packet.ssrc(), packet.timestamp(), packet.payload()));
        } else if packet.payload_type() == self.settings.payload_type {
            let mut samples = [0; MAX_PACKET];
            let heard = g711::decode(self.settings.codec, packet.payload(), &mut samples);
            self.tone.push(&samples[..heard]);
            report.heard_s = self.tone.heard_s();
            report.loud_s = self.tone.loud_s();
            report.share = self.tone.share();
        }
    }
}
