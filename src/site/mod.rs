//! The demo travel site.
