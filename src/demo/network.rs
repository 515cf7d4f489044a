//! The access network of a call.

use serde::{Deserialize, Serialize};

/// What the customer's phone is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// Wi-Fi: the call is VoIP, with both screens.
    Wifi,
    /// A mobile network: the call goes out of the 400 trunk, voice only.
    Cellular,
}

impl Network {
    /// As in options.
    pub fn as_str(self) -> &'static str {
        match self {
            Network::Wifi => "wifi",
            Network::Cellular => "cellular",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Network::Wifi => "Wi-Fi",
            Network::Cellular => "the mobile network",
        }
    }

    /// What should carry it.
    pub fn bearer(self) -> &'static str {
        match self {
            Network::Wifi => "wifi",
            Network::Cellular => "pstn",
        }
    }
}
