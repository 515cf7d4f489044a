//! The two sockets of a leg.

use std::io;
use std::net::{IpAddr, UdpSocket};

use socket2::SockRef;

use crate::media::relay::Flow;

/// Expedited forwarding, DSCP 46 (RFC 3246, RFC 4594 §4.1: telephony), in the upper six bits of the octet.
const EXPEDITED: u32 = 46 << 2;

#[derive(Debug)]
pub(super) struct LegSockets {
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
}

impl LegSockets {
    /// Binds the even `port` for RTP and the next one for RTCP (RFC 3550 §11), neither ever blocking.
    pub(super) fn bind(address: IpAddr, port: u16) -> io::Result<Self> {
        if port == 0 || !port.is_multiple_of(2) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{port} is no even port")));
        }
        Ok(Self { rtp: bind(address, port)?, rtcp: bind(address, port + 1)? })
    }

    pub(super) fn flow(&self, flow: Flow) -> &UdpSocket {
        match flow {
            Flow::Rtp => &self.rtp,
            Flow::Rtcp => &self.rtcp,
        }
    }
}

fn bind(address: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((address, port))?;
    socket.set_nonblocking(true)?;
    let marking = match address {
        IpAddr::V4(_) => SockRef::from(&socket).set_tos_v4(EXPEDITED),
        IpAddr::V6(_) => SockRef::from(&socket).set_tclass_v6(EXPEDITED),
    };
    if let Err(error) = marking {
        tracing::debug!(%error, "media packets go out unmarked");
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_port_is_refused() {
        for port in [0, 4_001, u16::MAX] {
            let error = LegSockets::bind(IpAddr::from([127, 0, 0, 1]), port).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
