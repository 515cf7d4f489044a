//! Programs that nobody here wrote, through a running gateway: baresip and SIPp register, call, wait, answer, hang up.
//! What they hear is measured in baresip's own recordings.
//!
//! They come with the Debian packages `baresip-core` and `sip-tester` (`scripts/setup.sh test`).

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
#[path = "../support/records.rs"]
mod records;

mod baresip;
mod lab;
mod sipp;
mod sound;

mod carrier;
mod dialled;
mod queue;
mod waiting;
