//! Screen sync.

pub mod msrp;
