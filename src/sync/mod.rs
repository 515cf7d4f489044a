//! Screen sync.
