//! Screen sync.

pub mod context;
pub mod control;
pub mod cpim;
pub mod frame;
pub mod identity;
pub mod image;
pub mod msrp;
pub mod text;
