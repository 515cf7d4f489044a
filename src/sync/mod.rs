//! Screen sync: two screens beside one voice call, without I/O.
//!
//! A leaf: nothing here knows SIP messages, queues or sockets. From the wire inwards: [`msrp`] carries messages, [`cpim`]
//! is the envelope around each, [`frame`] and [`control`] are the two kinds of content, [`session`] decides what passes
//! between the two sides of one call. [`contract`] is how the signalling loop talks to all of it. `docs/protocol.md` is
//! the same from an app developer's point of view.

pub mod context;
pub mod contract;
pub mod control;
pub mod cpim;
pub mod frame;
pub mod identity;
pub mod image;
pub mod msrp;
pub mod session;
pub mod text;
#[cfg(test)]
mod trace;
