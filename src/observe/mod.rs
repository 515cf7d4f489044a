//! What operators see: logs now; metrics are the console's.

mod logs;

pub use logs::start_logs;
