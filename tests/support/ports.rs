//! Ports that nobody else uses, below the range from which the kernel gives out its own.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

/// Ports in a block; its first one is the guard.
const BLOCK: u16 = 128;
const FIRST: u16 = 20_000;
const BLOCKS: u16 = 99;

/// A block of free ports. While it lives its first port stays bound, so that a test beside this one takes another block.
pub struct Ports {
    _guard: UdpSocket,
    next: u16,
    end: u16,
}

impl Ports {
    /// Finds a block. Where the search starts depends on the process, so that tests seldom get in each other's way.
    pub fn claim() -> Ports {
        let start = u16::try_from(std::process::id() % u32::from(BLOCKS)).expect("below the number of blocks");
        (0..BLOCKS)
            .map(|step| FIRST + (start + step * 7) % BLOCKS * BLOCK)
            .find_map(Ports::try_block)
            .expect("a block of free ports between 20000 and 32672")
    }

    fn try_block(base: u16) -> Option<Ports> {
        let guard = UdpSocket::bind((Ipv4Addr::LOCALHOST, base)).ok()?;
        let free = |port| {
            UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
                && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        };
        // The guard's neighbour is left out, so that what is handed out starts even.
        (base + 1..base + BLOCK).all(free).then(|| Ports { _guard: guard, next: base + 2, end: base + BLOCK })
    }

    /// The first of `count` consecutive ports, for datagrams and streams; even.
    pub fn take(&mut self, count: u16) -> u16 {
        let first = self.next;
        self.next += count + count % 2;
        assert!(self.next <= self.end, "the test wants more ports than a block has");
        first
    }
}
