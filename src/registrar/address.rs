//! The keys by which bindings are found.

use std::net::IpAddr;

use crate::sip::message::{Scheme, Uri};

/// The canonical form of an address of record: `user@host`, the user decoded, the host in lower case, without port and
/// parameters (RFC 3261 §10.3 step 5). `None` for anything but sip and sips.
pub fn address_of_record(uri: &Uri) -> Option<String> {
    if !matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) {
        return None;
    }
    let host = uri.host()?;
    let host = match host.ip() {
        Some(IpAddr::V6(ip)) => format!("[{ip}]"),
        Some(IpAddr::V4(ip)) => ip.to_string(),
        None => host.to_string().to_ascii_lowercase(),
    };
    Some(match uri.user_decoded() {
        Some(user) => format!("{user}@{host}"),
        None => host,
    })
}

/// An instance id as it is compared: without quotes and brackets, in lower case (the URNs in use, `urn:uuid` and
/// `urn:gsma:imei`, are not case-sensitive: RFC 9562 §4, RFC 7254 §4.2).
pub fn canonical_instance(written: &str) -> String {
    written.trim().trim_matches('"').trim_start_matches('<').trim_end_matches('>').to_ascii_lowercase()
}
