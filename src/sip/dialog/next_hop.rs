//! Where a request goes next when it follows its URIs instead of the flow it belongs to (RFC 3261 §8.1.2).

use std::net::SocketAddr;

use crate::sip::message::Uri;

/// The default SIP port of UDP and TCP (RFC 3261 §19.1.2).
const DEFAULT_PORT: u16 = 5060;

/// The socket address a URI names, when its host is an IP literal. Host names need a resolver (RFC 3263), which a pure
/// machine has not: `None`.
pub fn next_hop(uri: &Uri) -> Option<SocketAddr> {
    let ip = uri.host()?.ip()?;
    Some(SocketAddr::new(ip, uri.port().unwrap_or(DEFAULT_PORT)))
}
