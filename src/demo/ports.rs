//! Free ports for a gateway of its own, so that a demonstration disturbs nothing that runs already.

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

/// RTP ports of the demonstration: enough for a few calls at once.
pub(super) const RTP_PORTS: u16 = 64;

/// Where RTP ranges are looked for: below the ports that the kernel gives to outgoing connections.
const RTP_FROM: u16 = 16_384;
const RTP_TO: u16 = 32_704;

/// One port for each of the gateway's sockets and its neighbours'.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    /// SIP for apps, UDP and TCP.
    pub app: u16,
    /// SIP for seats, UDP.
    pub seats: u16,
    /// SIP for the carrier, UDP: ours.
    pub trunk: u16,
    /// SIP, UDP: the carrier's own.
    pub carrier: u16,
    /// MSRP.
    pub screen: u16,
    /// The gateway's console.
    pub console: u16,
    /// The first of [`RTP_PORTS`] RTP ports; even.
    pub rtp: u16,
}

impl Ports {
    /// Finds ports that are free now. All are held while the others are looked for, so they differ; another program may
    /// still take one before the gateway does, and then the gateway says so.
    pub(super) fn find(seed: u32) -> io::Result<Ports> {
        let mut udp = Vec::new();
        let mut any_udp = || -> io::Result<u16> {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            let port = socket.local_addr()?.port();
            udp.push(socket);
            Ok(port)
        };
        let (seats, trunk, carrier) = (any_udp()?, any_udp()?, any_udp()?);
        let (_tcp, _datagrams, app) = both()?;
        let (screen, console) = (any_tcp()?, any_tcp()?);
        let port_of = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
        Ok(Ports {
            app,
            seats,
            trunk,
            carrier,
            screen: port_of(&screen)?,
            console: port_of(&console)?,
            rtp: rtp_range(seed)?,
        })
    }
}

fn any_tcp() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// A port that is free for UDP and for TCP.
fn both() -> io::Result<(TcpListener, UdpSocket, u16)> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..50 {
        let tcp = any_tcp()?;
        let port = tcp.local_addr()?.port();
        match UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(udp) => return Ok((tcp, udp, port)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A run of [`RTP_PORTS`] free UDP ports. `seed` spreads demonstrations that start at the same time.
fn rtp_range(seed: u32) -> io::Result<u16> {
    let slots = u32::from((RTP_TO - RTP_FROM) / RTP_PORTS);
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for attempt in 0..slots {
        // The product stays below the range, which fits.
        let slot = u16::try_from(seed.wrapping_mul(31).wrapping_add(attempt) % slots).unwrap_or_default();
        let first = RTP_FROM + slot * RTP_PORTS;
        let held: io::Result<Vec<UdpSocket>> =
            (first..first + RTP_PORTS).map(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port))).collect();
        match held {
            Ok(_) => return Ok(first),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_rtp_begins_even() {
        let ports = Ports::find(7).expect("there are free ports");
        assert_eq!(ports.rtp % 2, 0);
        assert!((RTP_FROM..RTP_TO).contains(&ports.rtp));
        let mut all = [ports.app, ports.seats, ports.trunk, ports.carrier];
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{ports:?}");
        assert_ne!(ports.screen, ports.console);
    }

    #[test]
    fn a_range_with_a_taken_port_is_passed_over() {
        let first = rtp_range(3).expect("a free range");
        let _taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, first + 5)).expect("it was free");
        assert_ne!(rtp_range(3).expect("another free range"), first);
    }
}
