//! SIPp, which nobody here wrote, as caller and callee.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::error::BenchError;

const CALLER: &str = include_str!("../../bench/uac.xml");
const CALLEE: &str = include_str!("../../bench/uas.xml");

/// Calls to make.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calls {
    /// How many.
    pub count: usize,
    /// New ones a second.
    pub rate: f64,
    /// How long each is held.
    pub hold: Duration,
}

/// What came of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub wanted: usize,
    pub succeeded: usize,
    pub retransmissions: usize,
    pub length: Duration,
    /// From INVITE to 200, milliseconds, sorted. SIPp's clock ticks once a millisecond.
    pub setup_ms: Vec<f64>,
}

impl Outcome {
    /// The fraction of calls that were complete, 0 to 1.
    pub fn success(&self) -> f64 {
        self.succeeded as f64 / self.wanted.max(1) as f64
    }

    /// Complete calls a second, the time for which they were held not counted.
    pub fn rate(&self, hold: Duration) -> f64 {
        self.succeeded as f64 / self.length.saturating_sub(hold).as_secs_f64().max(0.1)
    }
}

/// A callee that answers everything; ended when dropped.
pub(super) struct Callee<'a> {
    child: Child,
    directory: &'a Path,
}

impl<'a> Callee<'a> {
    /// Starts one at `address`.
    pub fn start(directory: &'a Path, address: SocketAddr) -> Result<Callee<'a>, BenchError> {
        fs::write(directory.join("uas.xml"), CALLEE).map_err(BenchError::system("writing SIPp's scenario"))?;
        let child = sipp(directory, "uas.xml", address.port())
            .args(["-aa", "-l", "100000", "-trace_stat", "-stf", "uas.csv"])
            .spawn()
            .map_err(BenchError::Sipp)?;
        // It binds its socket within some milliseconds; a call that comes earlier is sent again after 500 ms.
        std::thread::sleep(Duration::from_millis(300));
        Ok(Callee { child, directory })
    }

    /// Retransmissions so far, to a second ago.
    fn retransmissions(&self) -> usize {
        column(&self.directory.join("uas.csv"), "Retransmissions(C)")
    }
}

impl Drop for Callee<'_> {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes `calls` to `number` at `gateway`, answered by `callee`; `watch` is called ten times a second meanwhile.
pub(super) fn call(
    callee: &Callee<'_>,
    gateway: SocketAddr,
    number: &str,
    calls: Calls,
    mut watch: impl FnMut(),
) -> Result<Outcome, BenchError> {
    let directory = callee.directory;
    let prepared = clear_times(directory).and_then(|()| fs::write(directory.join("uac.xml"), CALLER));
    prepared.map_err(BenchError::system("writing SIPp's scenario"))?;
    let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
    let port = port.map_err(BenchError::system("choosing a free port"))?.port();
    let repeated_before = callee.retransmissions();
    let length = Duration::from_secs_f64(calls.count as f64 / calls.rate) + calls.hold;
    let started = Instant::now();
    let mut child = sipp(directory, "uac.xml", port)
        .args(["-trace_stat", "-stf", "uac.csv", "-trace_rtt", "-rtt_freq", "20", "-l", "100000", "-s", number])
        .args(["-r", &format!("{:.0}", calls.rate), "-rp", "1000", "-m", &calls.count.to_string()])
        .args(["-d", &calls.hold.as_millis().to_string(), "-recv_timeout", "12000"])
        .args(["-timeout", &format!("{}s", length.as_secs() + 12), &gateway.to_string()])
        .spawn()
        .map_err(BenchError::Sipp)?;
    let deadline = started + length + Duration::from_secs(15);
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(if length.as_secs() < 2 { 10 } else { 100 }));
        watch();
    }
    let length = started.elapsed();
    // Only one that outlasted its own time limit is still there.
    let _ = child.kill();
    let _ = child.wait();
    let statistics = directory.join("uac.csv");
    Ok(Outcome {
        wanted: calls.count,
        succeeded: column(&statistics, "SuccessfulCall(C)"),
        retransmissions: column(&statistics, "Retransmissions(C)")
            + callee.retransmissions().saturating_sub(repeated_before),
        length,
        setup_ms: times(directory),
    })
}

fn sipp(directory: &Path, scenario: &str, port: u16) -> Command {
    let mut command = Command::new("sipp");
    command
        .current_dir(directory)
        .args(["-sf", scenario, "-i", "127.0.0.1", "-p", &port.to_string(), "-nostdin", "-fd", "1"])
        .args(["-buff_size", "8388608"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// A total from the last line of a statistics file; 0 before there is any.
fn column(file: &Path, name: &str) -> usize {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut lines = text.lines();
    let place = lines.next().and_then(|titles| titles.split(';').position(|title| title == name));
    let cell = lines.last().zip(place).and_then(|(line, place)| line.split(';').nth(place));
    cell.and_then(|cell| cell.parse().ok()).unwrap_or(0)
}

fn time_files(directory: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    let files = fs::read_dir(directory).into_iter().flatten().flatten().map(|file| file.path());
    files.filter(|file| file.to_string_lossy().ends_with("_rtt.csv"))
}

fn clear_times(directory: &Path) -> std::io::Result<()> {
    time_files(directory).try_for_each(fs::remove_file)
}

/// The second cell of every line but the titles.
fn times(directory: &Path) -> Vec<f64> {
    let texts: Vec<String> = time_files(directory).filter_map(|file| fs::read_to_string(file).ok()).collect();
    let cells = texts.iter().flat_map(|text| text.lines()).filter_map(|line| line.split(';').nth(1));
    let mut times: Vec<f64> = cells.filter_map(|cell| cell.parse().ok()).collect();
    times.sort_by(f64::total_cmp);
    times
}
