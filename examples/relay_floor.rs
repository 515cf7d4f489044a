//! What a relayed packet costs, beside a bare loop that receives and sends on as many sockets and does nothing else.
//!
//! ```text
//! cargo run --release --example relay_floor -- [legs] [packets per second] [seconds] [rounds]
//! ```
//!
//! Both run in turn, several rounds, on one thread each under the same load: every leg gets 172-octet packets, spread
//! evenly in time. The processor time of that thread, from the kernel's own account (`/proc/self/task/…/schedstat`,
//! nanoseconds), is divided by the packets it forwarded. The last line of output is one JSON object.
//!
//! The bare loop is level-triggered `epoll`, one `recvfrom` and one `sendto` per readiness report, with the same number
//! of registered sockets: the same system calls that any relay without batching must make.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use rustix::event::epoll;
use tandem::media::rtp::Stream;
use tandem::media::{MediaCommand, MediaEvent, MediaLegId, MediaSettings, MediaWorkers};

const FIRST_PORT: u16 = 10_000;

#[derive(Clone, Copy)]
struct Load {
    legs: usize,
    packets_per_second: f64,
    length: Duration,
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>().expect("a number"));
    let legs = arguments.next().unwrap_or(200) as usize & !1;
    let packets_per_second = arguments.next().unwrap_or(legs as u64 * 50) as f64;
    let length = Duration::from_secs(arguments.next().unwrap_or(4));
    let load = Load { legs, packets_per_second, length };
    let (mut bare, mut relay) = (Vec::new(), Vec::new());
    for round in 0..arguments.next().unwrap_or(5) {
        bare.push(measure_bare(load));
        relay.push(measure_workers(load));
        println!(
            "round {round}: bare {:.2} µs, relay {:.2} µs per packet",
            bare[bare.len() - 1],
            relay[relay.len() - 1]
        );
    }
    let (bare, relay) = (median(bare), median(relay));
    println!(
        "{{\"legs\":{legs},\"packets_per_second\":{packets_per_second},\"bare_us_per_packet\":{bare:.3},\
         \"cpu_us_per_packet\":{relay:.3},\"ratio\":{:.3}}}",
        relay / bare
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Processor time in seconds that the thread of this process with this name has used.
fn thread_cpu(name: &str) -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("procfs").flatten();
    let nanoseconds = tasks
        .filter(|task| std::fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name))
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|schedstat| schedstat.split(' ').next()?.parse::<u64>().ok())
        .sum::<u64>();
    nanoseconds as f64 * 1e-9
}

fn phones(count: usize) -> Vec<UdpSocket> {
    let socket = || {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a phone's socket");
        socket.set_nonblocking(true).expect("non-blocking");
        socket
    };
    std::iter::repeat_with(socket).take(count).collect()
}

/// Speaks on every phone in turn, evenly spread, and reads what comes back.
fn drive(phones: &[UdpSocket], relays: &[SocketAddr], load: Load) {
    let (mut stream, mut packet, mut inward) = (Stream::new(1, 1, 1), [0; 172], [0; 2_048]);
    let start = Instant::now();
    let mut sent = 0;
    while start.elapsed() < load.length {
        let due = (start.elapsed().as_secs_f64() * load.packets_per_second) as usize;
        while sent < due {
            let leg = sent % phones.len();
            stream.packet(8, &[0xd5; 160], 160, &mut packet).expect("it fits");
            let _ = phones[leg].send_to(&packet, relays[leg]);
            while phones[leg].recv(&mut inward).is_ok() {}
            sent += 1;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn measure_bare(load: Load) -> f64 {
    let phones = phones(load.legs);
    let addresses: Vec<SocketAddr> = phones.iter().map(|phone| phone.local_addr().expect("bound")).collect();
    let sockets = self::phones(load.legs);
    let spare = self::phones(load.legs); // as many as a relay has for RTCP
    let relays: Vec<SocketAddr> = sockets.iter().map(|socket| socket.local_addr().expect("bound")).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let forwarded = Arc::new(AtomicU64::new(0));
    let thread = {
        let (stop, forwarded) = (Arc::clone(&stop), Arc::clone(&forwarded));
        let bare = std::thread::Builder::new().name("bare".into());
        bare.spawn(move || bare_loop(&sockets, &spare, &addresses, &stop, &forwarded)).expect("a thread")
    };
    let before = thread_cpu("bare");
    drive(&phones, &relays, load);
    let cpu = thread_cpu("bare") - before;
    stop.store(true, Ordering::Relaxed);
    thread.join().expect("no panic");
    cpu * 1e6 / forwarded.load(Ordering::Relaxed) as f64
}

fn bare_loop(
    sockets: &[UdpSocket],
    spare: &[UdpSocket],
    addresses: &[SocketAddr],
    stop: &AtomicBool,
    forwarded: &AtomicU64,
) {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll");
    for (index, socket) in sockets.iter().chain(spare).enumerate() {
        epoll::add(&epoll, socket, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN).expect("epoll_ctl");
    }
    let mut events = Vec::with_capacity(256);
    let mut buffer = [0; 2_048];
    let patience = rustix::event::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    while !stop.load(Ordering::Relaxed) {
        let _ = epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), Some(&patience));
        for event in events.drain(..) {
            let leg = event.data.u64() as usize;
            let Ok((len, _source)) = sockets[leg].recv_from(&mut buffer) else { continue };
            let _ = sockets[leg ^ 1].send_to(&buffer[..len], addresses[leg ^ 1]);
            forwarded.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn measure_workers(load: Load) -> f64 {
    let phones = phones(load.legs);
    let (sink, events) = sync_channel(4 * load.legs);
    let settings = MediaSettings {
        address: Ipv4Addr::LOCALHOST.into(),
        workers: 1,
        dead_after: Duration::from_secs(60),
        music: Vec::new(),
    };
    let workers = MediaWorkers::start(settings, sink).expect("workers");
    let handle = workers.handle();
    let order = |order| handle.send(order).expect("room for orders");
    let leg = |index: usize| MediaLegId::new(index as u64 / 2, (index % 2) as u8);
    let mut relays = Vec::new();
    for (index, phone) in phones.iter().enumerate() {
        let port = FIRST_PORT + 2 * index as u16;
        relays.push(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let rtp = phone.local_addr().expect("bound");
        order(MediaCommand::Open { leg: leg(index), port });
        order(MediaCommand::Remote { leg: leg(index), rtp, rtcp: rtp });
        if index % 2 == 1 {
            order(MediaCommand::Bridge { a: leg(index - 1), b: leg(index) });
        }
    }
    while handle.open_legs() < load.legs {
        std::thread::yield_now();
    }
    let before = thread_cpu("media-0");
    drive(&phones, &relays, load);
    let cpu = thread_cpu("media-0") - before;
    workers.shutdown();
    let forwarded: u64 = events.try_iter().map(|event| forwarded_by(&event)).sum();
    cpu * 1e6 / forwarded as f64
}

fn forwarded_by(event: &MediaEvent) -> u64 {
    match event {
        MediaEvent::Closed { stats, .. } => stats.packets_out,
        MediaEvent::FirstPacket { .. } | MediaEvent::Dead { .. } => 0,
        MediaEvent::OpenFailed { reason, .. } => panic!("{reason}"),
    }
}
