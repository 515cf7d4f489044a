//! What the figures were measured on.

use std::fmt;
use std::fs;

/// A machine, as far as its figures depend on it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor's name.
    pub cpu: String,
    /// The kernel's release.
    pub kernel: String,
    /// Memory, MiB.
    pub memory_mib: u64,
}

impl Machine {
    /// This one; "unknown" where `/proc` does not say.
    pub fn read() -> Machine {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            line.split_once(':').map(|(_, value)| value.trim().to_owned())
        };
        let memory = field(&text("/proc/meminfo"), "MemTotal").unwrap_or_default();
        let kib: u64 = memory.split_ascii_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0);
        Machine {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            cpu: field(&text("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            memory_mib: kib / 1024,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}, {} MiB, Linux {}", self.cores, self.cpu, self.memory_mib, self.kernel)
    }
}
