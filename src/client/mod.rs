//! The reference clients: the customer's handset, the agent's seat and the carrier, as programs of their own.
//!
//! They stand on the same pure machines as the gateway, so that what passes between them and it over real sockets is what
//! the standards say and not what one program remembers of itself. From the inside out:
//!
//! - [`phone`], pure: a user agent (registration, one call, offers and answers).
//!
//! `docs/reference-clients.md` is their manual.

pub mod phone;
