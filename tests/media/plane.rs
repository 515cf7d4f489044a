//! A running media plane with phones around it, for tests over real sockets.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use tandem::media::music::Prompt;
use tandem::media::rtcp::{SenderInfo, sender_report};
use tandem::media::rtp::Stream;
use tandem::media::{
    AudioCodec, LegStats, MediaCommand, MediaEvent, MediaHandle, MediaLegId, MediaSettings, MediaWorkers, g711,
};

const PATIENCE: Duration = Duration::from_secs(5);
/// A leg that cannot open on any machine: its failure marks a place in the order queue.
const NO_PORT: u16 = 1;

/// An even port that is free with its partner, below the range from which the kernel picks. Processes that run at once
/// begin at different places.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = std::process::id() as u16 % 97 * 200;
    for _ in 0..10_000 {
        let port = 12_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed) * 2) % 20_000;
        let free = |port| UdpSocket::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 1) {
            return port;
        }
    }
    panic!("no free port");
}

/// Polls until there is an answer.
fn within<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(found) = look() {
            return found;
        }
        std::thread::yield_now();
    }
    panic!("waited in vain for {what}");
}

/// An RTP packet of a fixed source.
pub fn packet(payload_type: u8, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 12 + payload.len()];
    Stream::new(0x7a4d, sequence, 160).packet(payload_type, payload, 160, &mut out).unwrap();
    out
}

/// An RTCP compound.
pub fn report(ssrc: u32) -> Vec<u8> {
    sender_report(ssrc, SenderInfo { ntp: 1, rtp_timestamp: 2, packets: 3, octets: 4 }, "phone")
}

/// What a payload sounds like.
pub fn listen(codec: AudioCodec, payload: &[u8]) -> Vec<i16> {
    let mut samples = vec![0; payload.len()];
    g711::decode(codec, payload, &mut samples);
    samples
}

/// The workers and their events.
pub struct Plane {
    workers: Option<MediaWorkers>,
    handle: MediaHandle,
    events: Receiver<MediaEvent>,
    count: usize,
}

impl Plane {
    pub fn start(workers: usize, music: Vec<Prompt>) -> Self {
        Self::with_dead_after(workers, music, Duration::from_secs(60))
    }

    pub fn with_dead_after(count: usize, music: Vec<Prompt>, dead_after: Duration) -> Self {
        let (sink, events) = sync_channel(4_096);
        let settings = MediaSettings { address: [127, 0, 0, 1].into(), workers: count, dead_after, music };
        let workers = MediaWorkers::start(settings, sink).unwrap();
        Self { handle: workers.handle(), workers: Some(workers), events, count }
    }

    pub fn handle(&self) -> MediaHandle {
        self.handle.clone()
    }

    pub fn order(&self, order: MediaCommand) {
        self.handle.send(order).unwrap();
    }

    /// The next event.
    pub fn event(&self) -> MediaEvent {
        self.events.recv_timeout(PATIENCE).expect("an event")
    }

    /// The next event that is not about a first packet.
    fn outcome(&self) -> MediaEvent {
        within("an outcome", || match self.event() {
            MediaEvent::FirstPacket { .. } => None,
            event => Some(event),
        })
    }

    /// Waits until every worker has carried out the orders given so far.
    pub fn settle(&self) {
        let marks: Vec<_> = (0..self.count as u64).map(|call| MediaLegId::new(1 << 40 | call, 0)).collect();
        marks.iter().for_each(|mark| self.order(MediaCommand::Open { leg: *mark, port: NO_PORT }));
        for _ in &marks {
            let event = self.outcome();
            assert!(matches!(&event, MediaEvent::OpenFailed { leg, .. } if marks.contains(leg)), "{event:?}");
        }
    }

    pub fn remote(&self, leg: MediaLegId, rtp: &UdpSocket, rtcp: &UdpSocket) {
        let (rtp, rtcp) = (rtp.local_addr().unwrap(), rtcp.local_addr().unwrap());
        self.order(MediaCommand::Remote { leg, rtp, rtcp });
        self.settle();
    }

    /// Opens a leg with a phone at its far side.
    pub fn phone(&self, leg: MediaLegId) -> Phone {
        let port = free_port();
        let [relay_rtp, relay_rtcp] = [port, port + 1].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let phone = Phone { leg, rtp: Phone::socket(), rtcp: Phone::socket(), relay_rtp, relay_rtcp };
        self.order(MediaCommand::Open { leg, port });
        self.remote(leg, &phone.rtp, &phone.rtcp);
        phone
    }

    /// Two phones that are bridged with each other.
    pub fn bridged_pair(&self, call: u64) -> (Phone, Phone) {
        let (a, b) = (self.phone(MediaLegId::new(call, 0)), self.phone(MediaLegId::new(call, 1)));
        self.order(MediaCommand::Bridge { a: a.leg, b: b.leg });
        self.settle();
        (a, b)
    }

    /// Closes a leg and gives its account.
    pub fn close(&self, leg: MediaLegId) -> LegStats {
        self.order(MediaCommand::Close { leg });
        match self.outcome() {
            MediaEvent::Closed { leg: closed, stats } if closed == leg => stats,
            event => panic!("{event:?}"),
        }
    }

    /// Shuts the workers down and gives the events that nobody has read.
    pub fn shutdown(&mut self) -> Vec<MediaEvent> {
        self.workers.take().expect("running").shutdown();
        self.events.try_iter().collect()
    }
}

/// The far side of a leg.
pub struct Phone {
    pub leg: MediaLegId,
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
    pub relay_rtp: SocketAddr,
    pub relay_rtcp: SocketAddr,
}

impl Phone {
    /// A socket whose reads give up after a while.
    pub fn socket() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    pub fn say(&self, packet: &[u8]) {
        self.rtp.send_to(packet, self.relay_rtp).unwrap();
    }

    pub fn report(&self, packet: &[u8]) {
        self.rtcp.send_to(packet, self.relay_rtcp).unwrap();
    }

    pub fn hear(&self) -> Vec<u8> {
        Self::take(&self.rtp, self.relay_rtp)
    }

    pub fn hear_report(&self) -> Vec<u8> {
        Self::take(&self.rtcp, self.relay_rtcp)
    }

    fn take(socket: &UdpSocket, from: SocketAddr) -> Vec<u8> {
        let mut buffer = [0; 4_096];
        let (len, source) = socket.recv_from(&mut buffer).expect("a packet");
        assert_eq!(source, from, "sent from the port that the leg owns");
        buffer[..len].to_vec()
    }
}
