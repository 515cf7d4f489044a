//! The reference clients from outside: the phone in virtual time against a bare endpoint, and two programs' worth of
//! client over real sockets.
#![allow(clippy::disallowed_methods)] // tests choose their first moment, and await what they spawn

#[path = "client/network.rs"]
mod network;
#[path = "client/phone.rs"]
mod phone;
#[path = "client/sockets.rs"]
mod sockets;
