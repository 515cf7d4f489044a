//! Voice packets with their time of departure inside: every socket speaks fifty times a second, the packets of all
//! sockets spread evenly in time as those of independent callers are.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

use super::quantile;
use crate::media::rtp::Stream;

/// Packets a second from one speaker: 20 ms each.
pub const PACKETS_PER_SECOND: f64 = 50.0;

/// Where in a packet its time of departure is: after the RTP header (RFC 3550 §5.1).
const STAMP: std::ops::Range<usize> = 12..20;

/// What became of the packets.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// Packets sent.
    pub sent: u64,
    /// Packets that came out at the other end of their call.
    pub received: u64,
    /// Departure to arrival, microseconds, the median. It includes the wake-ups of sender and receiver here.
    pub latency_us_p50: f64,
    /// The 99th percentile of it.
    pub latency_us_p99: f64,
}

impl Traffic {
    /// The fraction that was lost, 0 to 1.
    pub fn loss(&self) -> f64 {
        1.0 - self.received as f64 / self.sent.max(1) as f64
    }
}

/// Speaks from every socket to its relay for `length`, while another thread listens on all of them.
pub fn drive(sockets: &[UdpSocket], relays: &[SocketAddr], length: Duration) -> Traffic {
    let origin = Instant::now();
    let stop = AtomicBool::new(false);
    let (sent, mut latencies) = std::thread::scope(|scope| {
        let listener = scope.spawn(|| listen(sockets, origin, &stop));
        let sent = speak(sockets, relays, origin, length);
        // What is still under way arrives within milliseconds.
        std::thread::sleep(Duration::from_millis(50));
        stop.store(true, Ordering::Relaxed);
        (sent, listener.join().unwrap_or_default())
    });
    latencies.sort_by(f64::total_cmp);
    Traffic {
        sent,
        received: latencies.len() as u64,
        latency_us_p50: quantile(&latencies, 0.5),
        latency_us_p99: quantile(&latencies, 0.99),
    }
}

fn speak(sockets: &[UdpSocket], relays: &[SocketAddr], origin: Instant, length: Duration) -> u64 {
    let mut streams: Vec<Stream> = (0..sockets.len() as u32).map(|ssrc| Stream::new(ssrc, 1, 1)).collect();
    let mut packet = [0; 172];
    let rate = sockets.len() as f64 * PACKETS_PER_SECOND;
    let mut sent = 0;
    while origin.elapsed() < length {
        let due = (origin.elapsed().as_secs_f64() * rate) as u64;
        while sent < due {
            let leg = sent as usize % sockets.len();
            if streams[leg].packet(8, &[0xd5; 160], 160, &mut packet).is_some() {
                packet[STAMP].copy_from_slice(&(origin.elapsed().as_nanos() as u64).to_be_bytes());
                // A packet that the kernel does not take counts as lost.
                let _ = sockets[leg].send_to(&packet, relays[leg]);
            }
            sent += 1;
        }
        std::thread::sleep(Duration::from_secs_f64(
            ((sent + 1) as f64 / rate - origin.elapsed().as_secs_f64()).max(0.0),
        ));
    }
    sent
}

/// Microseconds of each packet that came.
fn listen(sockets: &[UdpSocket], origin: Instant, stop: &AtomicBool) -> Vec<f64> {
    let mut latencies = Vec::new();
    let Ok(epoll) = epoll::create(epoll::CreateFlags::CLOEXEC) else { return latencies };
    for (index, socket) in sockets.iter().enumerate() {
        if epoll::add(&epoll, socket, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN).is_err() {
            return latencies;
        }
    }
    let mut events = Vec::with_capacity(64);
    let mut packet = [0; 2_048];
    let patience = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
    while !stop.load(Ordering::Relaxed) {
        // An interrupted wait is a short one.
        let _ = epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), Some(&patience));
        for event in events.drain(..) {
            while let Ok(len) = sockets[event.data.u64() as usize].recv(&mut packet) {
                let now = origin.elapsed().as_nanos() as u64;
                let Some(stamp) = packet[..len].get(STAMP).and_then(|stamp| stamp.try_into().ok()) else { continue };
                latencies.push(now.saturating_sub(u64::from_be_bytes(stamp)) as f64 / 1e3);
            }
        }
    }
    latencies
}
