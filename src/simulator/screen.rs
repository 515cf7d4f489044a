//! Which screen of the app a simulator shows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The screen a simulator is on, as its page declares it in `<body data-screen="…" data-…="…">`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screen {
    /// The page's address: a deep link that leads to the same screen.
    pub url: String,
    /// The screen's name, such as `flight.detail`; `None` for a page that declares none.
    pub name: Option<String>,
    /// The page's other data attributes, camel-cased as the DOM does (`data-unit-price` is `unitPrice`).
    pub facts: BTreeMap<String, String>,
}
