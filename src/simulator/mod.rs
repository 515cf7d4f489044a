//! The seat's app simulator.
