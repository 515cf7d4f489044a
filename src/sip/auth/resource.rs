//! Whether the `uri` of credentials means the resource that the request asks for (RFC 7616 §3.4.6).

use crate::sip::message::Uri;

/// Compares as real clients need it: baresip and JsSIP repeat the Request-URI, some softphones drop its port or its
/// parameters, REGISTER often names the bare domain, and SIPp names the next hop by its address. The digest covers `uri`
/// whatever it says, and the nonce count forbids using it twice; this check only keeps credentials from one server or user
/// from serving for another.
pub(super) fn is_meant(claimed: &str, asked: &Uri) -> bool {
    if claimed == asked.as_str() {
        return true;
    }
    let Ok(claimed) = Uri::parse(claimed.as_bytes()) else { return false };
    if claimed.equivalent(asked) {
        return true;
    }
    let (Some(claimed_host), Some(asked_host)) = (claimed.host(), asked.host()) else { return false };
    if claimed.user().is_none() && claimed_host.ip().is_some() {
        return true;
    }
    let same_user = match (claimed.user(), asked.user()) {
        (Some(claimed), Some(asked)) => claimed == asked,
        (None, _) | (_, None) => true,
    };
    same_user && claimed_host.to_string().eq_ignore_ascii_case(&asked_host.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_clients_are_understood_and_others_resources_are_not() {
        let asked = Uri::parse(b"sip:flights@agency.example:5060;transport=tcp").unwrap();
        for meant in [
            "sip:flights@agency.example:5060;transport=tcp",
            "sip:flights@AGENCY.example;transport=tcp",
            "sip:flights@agency.example",
            "sip:agency.example",
            "sip:192.0.2.7:5060",
        ] {
            assert!(is_meant(meant, &asked), "{meant}");
        }
        for other in
            ["sip:hotels@agency.example", "sip:flights@other.example", "sip:other.example", "tel:+4912", "", "x"]
        {
            assert!(!is_meant(other, &asked), "{other}");
        }
    }
}
