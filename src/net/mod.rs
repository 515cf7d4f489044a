//! Sockets: bytes in and out, nothing decided.
#![allow(clippy::disallowed_methods)] // shells: they read tokio's clock and spawn the tasks that own sockets

pub mod screen;
pub mod sip;
