//! Torture through the public door: a running gateway gets every message of RFC 4475 and RFC 5118, our own bad ones, and
//! noise; it must give each its verdict, answer the next OPTIONS, and be left clean.

#[allow(dead_code, reason = "another test program uses the rest")]
#[path = "../support/gateway.rs"]
mod gateway;
#[path = "../support/patience.rs"]
mod patience;
#[path = "../support/ports.rs"]
mod ports;
#[allow(dead_code, reason = "another test program uses the rest")]
#[path = "../support/program.rs"]
mod program;

mod cases;
mod corpus;
mod datagrams;
mod given;
mod noise;
mod streams;
mod target;
mod verdicts;
