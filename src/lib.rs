//! Tandem: a SIP telephony gateway that carries one voice call and two screens.
//!
//! The layers, from the top down; an arrow never points up (`tests/architecture.rs` reads the `use` lines and fails
//! on one that does):
//!
//! ```text
//! app ─► driver, net, store, console, simulator, observe, media workers      shells: clocks, sockets, threads
//!          └─► gateway ─► call, acd, registrar ─► sip ─► config types        pure: input, now → outputs
//!              sync, media::rtp are leaves
//! client, demo, site: the reference handset and seat on the same machines, and the show around them
//! ```
//!
//! `docs/architecture.md` tells the same story at length.

pub mod acd;
pub mod app;
pub mod bench;
pub mod call;
pub mod cli;
pub mod client;
pub mod config;
pub mod console;
pub mod demo;
pub mod driver;
pub mod gateway;
pub mod media;
pub mod memory;
pub mod net;
pub mod observe;
pub mod registrar;
pub mod simulator;
pub mod sip;
pub mod site;
pub mod store;
pub mod sync;
