//! The message layer.
