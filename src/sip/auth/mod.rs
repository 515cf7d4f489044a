//! Digest authentication (RFC 3261 §22, RFC 7616) with MD5 and SHA-256 (RFC 8760), both ways.
//!
//! A server asks with [`Authenticator::challenge`] and judges with [`Authenticator::verify`]; it remembers nothing of a
//! challenge, only which nonce counts were used. A client answers with [`respond`]. Time comes in as seconds, client
//! nonces as values: nothing here has a clock or a source of randomness.
//!
//! ```text
//! authenticator ─► nonce, replay, resource ─┐
//! client ──────────────────────────────────┴─► challenge, credentials ─► scheme
//!                                                digest ─► algorithm
//! ```

mod algorithm;
mod authenticator;
mod challenge;
mod client;
mod credentials;
mod digest;
mod nonce;
mod replay;
mod resource;
mod scheme;
mod secret;
#[cfg(test)]
mod tests;

pub use algorithm::Algorithm;
pub use authenticator::{Authenticator, Verdict};
pub use challenge::Challenge;
pub use client::{Attempt, respond};
pub use credentials::Credentials;
pub use digest::Qop;
pub use secret::Secret;
