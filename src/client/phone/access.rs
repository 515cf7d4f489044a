//! What a phone says of the network it is on (RFC 7315 §5.4, RFC 7913).

/// The access network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessNetwork {
    /// A wireless LAN: the call may carry screens.
    Wifi,
    /// LTE: voice only.
    Cellular,
}

impl AccessNetwork {
    /// The value of `P-Access-Network-Info`: the access type, and the cell as a phone reports it.
    pub fn header(self) -> &'static str {
        match self {
            AccessNetwork::Wifi => "IEEE-802.11ac;i-wlan-node-id=0a1b2c3d4e5f",
            AccessNetwork::Cellular => "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=460000123456789a",
        }
    }
}
