//! Queues and seats.
