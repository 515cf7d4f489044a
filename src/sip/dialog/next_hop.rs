//! Where a request goes next when it follows its URIs instead of the flow it belongs to (RFC 3261 §8.1.2).

use std::net::{IpAddr, SocketAddr};

use crate::sip::message::{Host, Uri};

/// The default SIP port of UDP and TCP (RFC 3261 §19.1.2).
const DEFAULT_PORT: u16 = 5060;

/// The socket address a URI names, when its host is an IP literal. Host names need a resolver (RFC 3263), which a pure
/// machine has not: `None`.
pub fn next_hop(uri: &Uri) -> Option<SocketAddr> {
    let ip = match uri.host()? {
        Host::V4(v4) => IpAddr::V4(*v4),
        Host::V6(v6) => IpAddr::V6(*v6),
        Host::Domain(_) => return None,
    };
    Some(SocketAddr::new(ip, uri.port().unwrap_or(DEFAULT_PORT)))
}
