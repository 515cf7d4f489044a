//! Sockets.

pub mod sip;
