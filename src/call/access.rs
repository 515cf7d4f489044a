//! Which access network a call came over (RFC 7315 §5.4, RFC 7913), and so which bearer it rides.

/// The access network as the caller's device or its network states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessNetwork {
    /// `IEEE-802.11` and its letters: Wi-Fi.
    Wifi,
    /// Anything else that was named: cellular, mostly.
    Other,
    /// Nothing was stated: a desk phone or softphone.
    Unstated,
}

impl AccessNetwork {
    /// Reads `P-Access-Network-Info`. Only the first value counts; its access type is a token that ends at the first
    /// semicolon (RFC 7315 §5.4).
    pub fn parse(header: Option<&str>) -> AccessNetwork {
        let Some(header) = header else { return AccessNetwork::Unstated };
        let access_type = header.split([';', ',']).next().unwrap_or_default().trim();
        let wifi = access_type.get(..11).is_some_and(|head| head.eq_ignore_ascii_case("IEEE-802.11"));
        // RFC 7315 §5.4 lists the suffixes as letters: `IEEE-802.11a`, `b`, `g`, `n`, and RFC 7913 `ac`, so `.110` is no Wi-Fi.
        let letters = access_type.get(11..).unwrap_or_default();
        if wifi && letters.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            AccessNetwork::Wifi
        } else {
            AccessNetwork::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wifi_is_recognised_in_all_its_letters() {
        for value in ["IEEE-802.11", "IEEE-802.11b", "ieee-802.11AC;i-wlan-node-id=0a1b2c", " IEEE-802.11n ; np"] {
            assert_eq!(AccessNetwork::parse(Some(value)), AccessNetwork::Wifi, "{value}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        for value in
            ["3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=x", "IEEE-802.3", "IEEE-802.110", "", "Wi-Fi", "3GPP-NR;IEEE-802.11"]
        {
            assert_eq!(AccessNetwork::parse(Some(value)), AccessNetwork::Other, "{value}");
        }
        assert_eq!(AccessNetwork::parse(None), AccessNetwork::Unstated);
    }
}
