//! Torture through the public door: a running gateway gets every message of RFC 4475 and RFC 5118, our own bad ones, and
//! noise; it must give each its verdict, answer the next OPTIONS, and be left clean.

#[path = "../support/gateway.rs"]
mod gateway;
#[path = "../support/patience.rs"]
mod patience;
#[path = "../support/ports.rs"]
mod ports;
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
