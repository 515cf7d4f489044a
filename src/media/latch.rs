//! Which address a leg's packets come from, and so where its own go: symmetric RTP (RFC 4961) with a lock.
//!
//! A phone behind NAT writes an address into its session description that nobody can reach; the source of its packets
//! is the one that works. But the media port is open to the world, so learning ends early: after [`LOCK_AFTER`]
//! packets from one source every other source is a stranger until signalling gives a new remote address.

use std::net::SocketAddr;

/// Packets from one source that lock it.
pub const LOCK_AFTER: u8 = 5;

/// The address of one flow (RTP or RTCP) of one leg.
#[derive(Clone, Copy, Default, Debug)]
pub struct Latch {
    signalled: Option<SocketAddr>,
    held: bool,
    source: Option<SocketAddr>,
    seen: u8,
}

impl Latch {
    /// Takes the address of a session description. An address that has not changed keeps the source as destination
    /// (a session refresh must not interrupt a phone behind NAT); either way the lock opens.
    pub fn signal(&mut self, address: SocketAddr) {
        self.held = address.ip().is_unspecified() || address.port() == 0;
        if self.held {
            // Held the old way (c=0.0.0.0): the far side sends from where it did before.
            return;
        }
        if self.signalled != Some(address) {
            self.source = None;
        }
        self.signalled = Some(address);
        self.seen = 0;
    }

    /// Whether signalling has named an address at all and it is not on hold.
    pub fn is_expected(&self) -> bool {
        self.signalled.is_some() && !self.held
    }

    /// A valid packet came from `source`: is it to be believed?
    ///
    /// Until the lock the newest source wins, except that nobody displaces the very address that signalling named.
    #[inline]
    pub fn accept(&mut self, source: SocketAddr) -> bool {
        if self.source == Some(source) {
            self.seen = self.seen.saturating_add(1);
            return true;
        }
        if self.source.is_some() && (self.is_locked() || self.source == self.signalled) {
            return false;
        }
        self.source = Some(source);
        self.seen = 1;
        true
    }

    /// Whether only the present source is believed.
    pub fn is_locked(&self) -> bool {
        self.seen >= LOCK_AFTER
    }

    /// The source learnt so far.
    pub fn source(&self) -> Option<SocketAddr> {
        self.source
    }

    /// Forgets the source, not what was signalled.
    pub fn forget(&mut self) {
        self.source = None;
        self.seen = 0;
    }

    /// Where to send: the source if one is known, else the signalled address. Nowhere before signalling has named a
    /// remote address (a stranger's packet must not make us send), and nowhere on hold.
    #[inline]
    pub fn destination(&self) -> Option<SocketAddr> {
        if self.held { None } else { self.signalled.map(|signalled| self.source.unwrap_or(signalled)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: u8) -> SocketAddr {
        ([192, 0, 2, host], 4_000).into()
    }

    fn locked_on(host: u8) -> Latch {
        let mut latch = Latch::default();
        latch.signal(address(1));
        (0..LOCK_AFTER).for_each(|_| assert!(latch.accept(address(host))));
        latch
    }

    #[test]
    fn sends_to_the_signalled_address_until_a_packet_shows_a_better_one() {
        let mut latch = Latch::default();
        assert_eq!(latch.destination(), None);
        latch.signal(address(1));
        assert_eq!(latch.destination(), Some(address(1)));
        assert!(latch.accept(address(2)));
        assert_eq!(latch.destination(), Some(address(2)));
    }

    #[test]
    fn a_packet_before_signalling_draws_nothing_out() {
        let mut latch = Latch::default();
        assert!(latch.accept(address(9)));
        assert_eq!(latch.destination(), None);
        latch.signal(address(1));
        assert_eq!(latch.destination(), Some(address(1)), "what came before the remote was known proves nothing");
    }

    #[test]
    fn five_packets_lock() {
        let mut latch = Latch::default();
        latch.signal(address(1));
        (1..LOCK_AFTER).for_each(|_| assert!(latch.accept(address(2))));
        assert!(!latch.is_locked());
        assert!(latch.accept(address(3)), "not locked yet: the newest source wins");
        (1..LOCK_AFTER).for_each(|_| assert!(latch.accept(address(3))));
        assert!(latch.is_locked());
        assert!(!latch.accept(address(2)));
        assert_eq!(latch.destination(), Some(address(3)));
    }

    #[test]
    fn nobody_displaces_the_signalled_address() {
        let mut latch = Latch::default();
        latch.signal(address(1));
        assert!(latch.accept(address(2)), "an early stranger");
        assert!(latch.accept(address(1)), "the far side itself");
        assert!(!latch.accept(address(2)));
        assert_eq!(latch.destination(), Some(address(1)));
    }

    #[test]
    fn a_new_remote_opens_the_lock_and_an_unchanged_one_keeps_the_destination() {
        let mut latch = locked_on(2);
        latch.signal(address(1));
        assert_eq!((latch.is_locked(), latch.destination()), (false, Some(address(2))));
        latch.signal(address(7));
        assert_eq!(latch.destination(), Some(address(7)));
        assert!(latch.accept(address(8)));
    }

    #[test]
    fn hold_the_old_way_sends_nothing_and_comes_back() {
        let mut latch = locked_on(2);
        latch.signal(([0, 0, 0, 0], 4_000).into());
        assert_eq!((latch.destination(), latch.is_expected()), (None, false));
        assert!(!latch.accept(address(3)), "a hold opens no lock");
        latch.signal(address(1));
        assert_eq!(latch.destination(), Some(address(2)));
        latch.signal(([192, 0, 2, 1], 0).into());
        assert_eq!(latch.destination(), None);
    }
}
