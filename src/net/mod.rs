//! Sockets: bytes in and out, nothing decided.

pub mod screen;
pub mod sip;
