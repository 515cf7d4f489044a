//! The floor under every relay: a loop that receives and sends on as many sockets and does nothing else.
//!
//! Level-triggered `epoll`, one `recvfrom` and one `sendto` per packet: the system calls that any relay without
//! batching must make. Half of the registered sockets are silent, as a relay's RTCP sockets are.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use rustix::event::{Timespec, epoll};

/// The name of the loop's thread, for its account.
pub const THREAD: &str = "bare-loop";

/// A running loop; ended by [`BareLoop::stop`].
pub struct BareLoop {
    /// Where each phone sends.
    pub relays: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    forwarded: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl BareLoop {
    /// Forwards between phone 2n and phone 2n + 1. `enter` is called first on the loop's thread.
    pub fn start(phones: Vec<SocketAddr>, enter: impl FnOnce() + Send + 'static) -> io::Result<BareLoop> {
        let (sockets, spare) = (sockets(phones.len())?, sockets(phones.len())?);
        let relays = sockets.iter().map(UdpSocket::local_addr).collect::<io::Result<_>>()?;
        let (stop, forwarded) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (index, socket) in sockets.iter().chain(&spare).enumerate() {
            epoll::add(&epoll, socket, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
        }
        let thread = {
            let (stop, forwarded) = (Arc::clone(&stop), Arc::clone(&forwarded));
            std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
                enter();
                let _spare = spare; // open as long as the loop runs
                forward(&epoll, &sockets, &phones, &stop, &forwarded);
            })?
        };
        Ok(BareLoop { relays, stop, forwarded, thread })
    }

    /// Packets forwarded so far.
    pub fn forwarded(&self) -> u64 {
        self.forwarded.load(Ordering::Relaxed)
    }

    /// Ends it.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        // It cannot panic but for an index that it made itself.
        let _ = self.thread.join();
    }
}

fn sockets(count: usize) -> io::Result<Vec<UdpSocket>> {
    let socket = || {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    std::iter::repeat_with(socket).take(count).collect()
}

fn forward(
    epoll: &std::os::fd::OwnedFd,
    sockets: &[UdpSocket],
    phones: &[SocketAddr],
    stop: &AtomicBool,
    forwarded: &AtomicU64,
) {
    let mut events = Vec::with_capacity(256);
    let mut buffer = [0; 2_048];
    let patience = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    while !stop.load(Ordering::Relaxed) {
        // An interrupted wait is a short one.
        let _ = epoll::wait(epoll, rustix::buffer::spare_capacity(&mut events), Some(&patience));
        for event in events.drain(..) {
            let leg = event.data.u64() as usize;
            let Ok((len, _source)) = sockets[leg].recv_from(&mut buffer) else { continue };
            let _ = sockets[leg ^ 1].send_to(&buffer[..len], phones[leg ^ 1]);
            forwarded.fetch_add(1, Ordering::Relaxed);
        }
    }
}
