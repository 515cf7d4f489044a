//! Bindings of addresses of record to contacts.
