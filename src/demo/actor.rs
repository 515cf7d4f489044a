//! Who plays in the demonstration: one process each.

use std::fmt;

use serde::Serialize;

/// A process of the demonstration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// `tandem run`.
    Gateway,
    /// `tandem site`: the pages of the customer's app.
    Site,
    /// `tandem carrier`: the far end of the 400 trunk.
    Carrier,
    /// `tandem seat`: an agent. The number counts from 1.
    Seat(u8),
    /// `tandem handset`: the customer's phone. A new one for every call.
    Handset,
}

impl Actor {
    /// The name of its files.
    pub(super) fn name(self) -> String {
        match self {
            Actor::Gateway => "gateway".to_owned(),
            Actor::Site => "site".to_owned(),
            Actor::Carrier => "carrier".to_owned(),
            Actor::Seat(number) => format!("seat{number}"),
            Actor::Handset => "handset".to_owned(),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Gateway => f.write_str("gateway"),
            Actor::Site => f.write_str("travel site"),
            Actor::Carrier => f.write_str("carrier"),
            Actor::Seat(number) => write!(f, "seat {number}"),
            Actor::Handset => f.write_str("customer's phone"),
        }
    }
}
