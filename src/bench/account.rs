//! What the kernel says a process has used: `/proc/PID/…`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// A process, our own included.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    pid: u32,
}

impl Account {
    /// The account of that process.
    pub fn of(pid: u32) -> Account {
        Account { pid }
    }

    /// Processor time of all its living threads, to the nanosecond (`schedstat`; user and system time in
    /// `/proc/PID/stat` come in hundredths of a second).
    pub fn cpu(self) -> Duration {
        self.tasks().map(|task| task_cpu(&task)).sum()
    }

    /// Processor time of its threads whose name begins so.
    pub fn cpu_of(self, name: &str) -> Duration {
        let named = |task: &PathBuf| fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.starts_with(name));
        self.tasks().filter(named).map(|task| task_cpu(&task)).sum()
    }

    /// Resident memory, KiB.
    pub fn rss_kib(self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    fn tasks(self) -> impl Iterator<Item = PathBuf> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid));
        tasks.into_iter().flatten().flatten().map(|task| task.path())
    }
}

fn task_cpu(task: &std::path::Path) -> Duration {
    let schedstat = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
    let nanoseconds = schedstat.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}
