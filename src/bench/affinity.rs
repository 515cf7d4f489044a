//! Who runs where: the gateway on one core, the load on another, so that neither slows the other unseen.

use std::fmt;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    /// The gateway's and the load's; `None` where there is only one core, or none may be chosen.
    pinned: Option<(usize, usize)>,
}

impl Cores {
    /// The first two cores that this process may use.
    pub fn choose() -> Cores {
        let Ok(allowed) = sched_getaffinity(None) else { return Cores { pinned: None } };
        let mut usable = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        Cores { pinned: usable.next().zip(usable.next()) }
    }

    /// Whether the gateway has a core of its own.
    pub fn are_pinned(self) -> bool {
        self.pinned.is_some()
    }

    /// Moves the calling thread, and what it starts from now on, to the gateway's core.
    pub fn enter_gateway(self) {
        self.enter(|(gateway, _)| gateway);
    }

    /// Moves the calling thread, and what it starts from now on, to the load's core.
    pub fn enter_load(self) {
        self.enter(|(_, load)| load);
    }

    fn enter(self, pick: fn((usize, usize)) -> usize) {
        let Some(cores) = self.pinned else { return };
        let mut set = CpuSet::new();
        set.set(pick(cores));
        // Best effort: the report says what was asked for, and an unpinned run measures the same costs less steadily.
        let _ = sched_setaffinity(None, &set);
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pinned {
            Some((gateway, load)) => write!(f, "gateway on core {gateway}, load on core {load}"),
            None => f.write_str("nothing pinned"),
        }
    }
}
