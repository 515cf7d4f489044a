//! Bindings of addresses of record to contacts (RFC 3261 §10.3, RFC 5626 §6), in memory and without I/O.
//!
//! The owner authenticates and types a REGISTER; [`Registrar::register`] applies it, all or nothing. Outputs tell
//! when an address of record gets its first binding and loses its last.

mod address;
mod binding;
mod contract;
mod machine;
mod record;

#[cfg(test)]
mod tests;

pub use address::{address_of_record, canonical_instance};
pub use binding::{Binding, Registered};
pub use contract::{ContactUpdate, RegisterError, RegistrarEvent, RegistrarLimits, Update};
pub use machine::Registrar;
