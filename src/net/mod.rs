//! Sockets.

<<<<<<< HEAD
pub mod sip;
=======
pub mod screen;
>>>>>>> sync
