//! Relaying a packet allocates nothing once the call is set up.

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tandem::media::rtp::Stream;
use tandem::media::{MediaCommand, MediaEvent, MediaLegId, MediaSettings, MediaWorkers};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is handed to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

/// An even port that is free with its partner.
fn free_port() -> u16 {
    let free = |port: u16| UdpSocket::bind(("127.0.0.1", port)).is_ok();
    let start = 9_000 + (std::process::id() % 1_000) as u16 * 2;
    (start..).step_by(2).find(|port| free(*port) && free(*port + 1)).unwrap()
}

/// Everything in this process is counted, so it is the only test here, and it allocates nothing itself while it counts.
#[test]
fn a_relayed_packet_costs_no_allocation() {
    let (sink, events) = sync_channel(16);
    let address = [127, 0, 0, 1].into();
    let dead_after = Duration::from_secs(60);
    let workers = MediaWorkers::start(MediaSettings { address, workers: 1, dead_after, music: vec![] }, sink).unwrap();
    let handle = workers.handle();
    let legs = [MediaLegId::new(1, 0), MediaLegId::new(1, 1)];
    let phones = [socket(), socket()];
    let mut relays = [SocketAddr::from(([127, 0, 0, 1], 0)); 2];
    for ((leg, phone), relay) in legs.iter().zip(&phones).zip(&mut relays) {
        relay.set_port(free_port());
        let rtp = phone.local_addr().unwrap();
        handle.send(MediaCommand::Open { leg: *leg, port: relay.port() }).unwrap();
        handle.send(MediaCommand::Remote { leg: *leg, rtp, rtcp: rtp }).unwrap();
        // Bound before the next free port is looked for, and the failure marks the end of the orders.
        handle.send(MediaCommand::Open { leg: *leg, port: 1 }).unwrap();
        assert!(matches!(events.recv().unwrap(), MediaEvent::OpenFailed { .. }));
    }
    handle.send(MediaCommand::Bridge { a: legs[0], b: legs[1] }).unwrap();
    handle.send(MediaCommand::Open { leg: legs[0], port: 1 }).unwrap();
    assert!(matches!(events.recv().unwrap(), MediaEvent::OpenFailed { .. }));

    let (mut stream, mut out, mut inward) = (Stream::new(1, 1, 1), [0; 172], [0; 2_048]);
    let mut relayed = |packets: u32| {
        for index in 0..packets {
            let (from, to) = if index % 2 == 0 { (0, 1) } else { (1, 0) };
            let len = stream.packet(8, &[0xd5; 160], 160, &mut out).unwrap();
            phones[from].send_to(&out[..len], relays[from]).unwrap();
            assert_eq!(phones[to].recv(&mut inward).unwrap(), len);
        }
    };
    relayed(100);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    relayed(600); // below the rate at which a leg is cut
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0);
    drop(std::hint::black_box(Box::new(1)));
    assert!(ALLOCATIONS.load(Ordering::Relaxed) > before, "the counter counts");
}
