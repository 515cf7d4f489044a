//! The customer in the app before he calls: he searches flights and opens one.
#![allow(clippy::disallowed_methods)] // a shell: it waits for pages

use std::time::Duration;

use tokio::time::Instant;

use super::script::Button;
use crate::client::error::ClientError;
use crate::client::glass::{config_for, press};
use crate::simulator::{Screen, Simulator, SimulatorConfig};

/// How long a page may take.
const PAGE_WITHIN: Duration = Duration::from_secs(20);
/// How often the page is asked what it is.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The book button of the demo site's page of a flight.
const BOOK: &str = "#book";

/// A phone with the app open on a flight.
pub struct Journey {
    /// The phone's screen.
    pub simulator: Simulator,
    /// How it is set up.
    pub config: SimulatorConfig,
    /// The page.
    pub screen: Screen,
    /// Where the customer sees its book button.
    pub button: Button,
}

/// Opens the app and walks to the page of a flight, calling `opened` for every page.
pub async fn to_a_flight(site: &str, mut opened: impl FnMut(&Screen)) -> Result<Journey, ClientError> {
    let config = config_for(site)?;
    let mut simulator = Simulator::launch(config.clone()).await?;
    simulator.open(&format!("{}/", site.trim_end_matches('/'))).await?;
    opened(&page(&simulator, "flight.search").await?);
    press(&mut simulator, "#search").await?;
    opened(&page(&simulator, "flight.list").await?);
    press(&mut simulator, "a.card.flight").await?;
    let screen = page(&simulator, "flight.detail").await?;
    opened(&screen);
    let at = simulator.locate(BOOK).await?;
    let at = at.ok_or_else(|| ClientError::NoElement { url: screen.url.clone(), selector: BOOK })?;
    let button = Button { at, screen: (config.width, config.height) };
    Ok(Journey { simulator, config, screen, button })
}

/// Waits until the screen shows the page of that name.
async fn page(simulator: &Simulator, name: &'static str) -> Result<Screen, ClientError> {
    let until = Instant::now() + PAGE_WITHIN;
    loop {
        let screen = simulator.current().await?;
        if screen.name.as_deref() == Some(name) {
            return Ok(screen);
        }
        if Instant::now() >= until {
            return Err(ClientError::Stuck { step: name, seconds: PAGE_WITHIN.as_secs() });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
