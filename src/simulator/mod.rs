//! The seat's app simulator: the same mobile pages the customer has in his hand, driven by the agent.
//!
//! A simulator opens the customer's deep link, applies touches and keys, says which screen it shows and emits a picture
//! whenever that screen changes. There is one implementation, [`chromium`]: headless Chromium in phone emulation over the
//! Chrome DevTools Protocol (`docs/adr/0003-chromium-over-cdp.md`).
#![allow(clippy::disallowed_methods)] // a shell: it owns a browser process, its tasks and its deadlines

pub mod chromium;
pub mod error;
pub mod frame;
pub mod screen;

pub use chromium::{Simulator, SimulatorConfig};
pub use error::SimulatorError;
pub use frame::{Frame, Frames, ImageFormat};
pub use screen::Screen;
