//! The pages, as HTML.

pub(super) mod art;
pub(super) mod flights;
pub(super) mod hotels;
pub(super) mod icon;
pub(super) mod orders;
pub(super) mod page;
pub(super) mod search;
