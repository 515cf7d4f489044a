//! Scripts in virtual time, through the gateway's door: at t, this input, exactly these outputs.

mod access;
mod admission;
mod dial;
mod ending;
mod hiding;
mod media;
mod messages;
mod peer;
mod queue;
mod stage;
