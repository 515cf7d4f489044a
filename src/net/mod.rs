//! Sockets.

pub mod screen;
