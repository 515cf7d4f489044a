//! The media plane over real loopback sockets, and its parsers over other projects' packets.

mod client;
mod corpus;
mod plane;
mod workers;
