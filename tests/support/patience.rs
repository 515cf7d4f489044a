//! Bounded waiting for something that only asking can tell: another program's port, file or status page.

use std::time::{Duration, Instant};

/// How long anything that another program does may take before a test gives up. Generous: the machine is shared.
pub const PATIENCE: Duration = Duration::from_secs(25);

/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(15);

/// Asks until there is an answer, and panics with `what` when there was none within [`PATIENCE`].
pub fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, ask).unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain: {what}"))
}

/// Asks until there is an answer or `patience` is over.
#[allow(clippy::disallowed_methods)] // it waits for other programs, so the clock is real
pub fn within<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::park_timeout(PAUSE);
    }
}
