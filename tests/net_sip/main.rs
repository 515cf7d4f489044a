//! The SIP sockets over real loopback sockets: what they deliver, what they close, and that both stay bounded.

mod connections;
mod datagrams;
mod harness;
mod patience;
mod streams;
