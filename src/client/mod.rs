//! The reference clients: the customer's handset, the agent's seat and the carrier, as programs of their own.
//!
//! They stand on the same pure machines as the gateway, so that what passes between them and it over real sockets is what
//! the standards say and not what one program remembers of itself. From the inside out:
//!
//! - [`phone`], pure: a user agent (registration, one call, offers and answers).
//! - [`line`], [`voice`], [`screens`], [`glass`]: its SIP sockets, its tones, its screen session, its own screen.
//! - [`handset`], [`seat`], [`carrier`]: what each program does with them.
//! - [`story`], [`report`], [`record`]: what it tells, and the frames that it keeps.
//!
//! `docs/reference-clients.md` is their manual.

pub mod carrier;
pub mod error;
pub mod glass;
pub mod handset;
pub mod line;
pub mod phone;
pub mod record;
pub mod report;
pub mod screens;
pub mod seat;
pub mod story;
pub mod voice;

pub use error::ClientError;
pub use story::{Story, StoryEvent, What, Who};
