//! The gateway under test: a child process with a configuration of its own in a directory of its own.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::account::Account;
use super::affinity::Cores;
use super::error::BenchError;
use crate::config::Config;

/// Seats of the queue, as many as the peers were measured with.
pub(super) const SEATS: usize = 50;

/// Time to come up, and to go down.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running gateway; ended when dropped.
pub(super) struct Gateway {
    child: Child,
    directory: PathBuf,
    /// Where callers and seats reach it.
    pub listener: SocketAddr,
    /// The peer of the trunk whose voice goes past the gateway: numbers that begin with 1.
    pub bypass_peer: SocketAddr,
    /// The peer of the trunk whose voice is relayed: numbers that begin with 2.
    pub relay_peer: SocketAddr,
    /// Resident memory before the first call, KiB.
    pub idle_kib: u64,
}

impl Gateway {
    /// Starts one on free ports of the loopback interface and waits until it answers.
    pub fn start(cores: Cores) -> Result<Gateway, BenchError> {
        let directory = fresh_directory();
        let failed = BenchError::system("preparing the gateway's directory");
        let ports = Ports::choose().map_err(BenchError::system("choosing free ports"))?;
        let log = write_files(&directory, &ports).map_err(failed)?;
        cores.enter_gateway();
        let child = std::env::current_exe().and_then(|program| {
            Command::new(program)
                .args(["run", "--config"])
                .arg(directory.join("config.toml"))
                .env_remove("RUST_LOG")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
        });
        cores.enter_load();
        let child = child.map_err(BenchError::system("starting the gateway"))?;
        let mut gateway = Gateway {
            child,
            directory,
            listener: ports.listener,
            bypass_peer: ports.bypass_peer,
            relay_peer: ports.relay_peer,
            idle_kib: 0,
        };
        gateway.wait_until_it_answers()?;
        gateway.idle_kib = gateway.account().rss_kib();
        Ok(gateway)
    }

    /// What it has used.
    pub fn account(&self) -> Account {
        Account::of(self.child.id())
    }

    /// Where others may keep files while it runs.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.directory.join("gateway.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Asks it to end, and waits.
    pub fn stop(mut self) -> Result<(), BenchError> {
        self.terminate();
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(self.fault(format!("ended with {status}"))),
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                Err(source) => return Err(BenchError::System { what: "waiting for the gateway", source }),
            }
        }
        Err(self.fault("did not stop when asked".to_owned()))
    }

    /// Any answer to OPTIONS will do.
    fn wait_until_it_answers(&mut self) -> Result<(), BenchError> {
        let probe = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| {
            socket.set_read_timeout(Some(Duration::from_millis(100)))?;
            Ok((socket.local_addr()?, socket))
        });
        let (local, socket) = probe.map_err(BenchError::system("opening a socket"))?;
        let deadline = Instant::now() + PATIENCE;
        let mut attempt = 0;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.fault(format!("ended at once with {status}")));
            }
            attempt += 1;
            // Nobody listens yet: the error of an earlier attempt shows up here.
            let _ = socket.send_to(options(self.listener, local, attempt).as_bytes(), self.listener);
            if socket.recv(&mut [0; 2_048]).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(self.fault("does not answer".to_owned()))
    }

    fn fault(&self, what: String) -> BenchError {
        BenchError::Gateway { what, log: self.log_tail() }
    }

    fn terminate(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // It may have ended by itself.
        let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Best effort in both: there is nobody left to tell.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn options(to: SocketAddr, from: SocketAddr, number: u32) -> String {
    format!(
        "OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKprobe{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:probe@{from}>;tag=probe\r\nTo: <sip:{to}>\r\nCall-ID: probe{number}@{from}\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// The addresses of a run.
struct Ports {
    listener: SocketAddr,
    carrier: SocketAddr,
    screen: SocketAddr,
    bypass_peer: SocketAddr,
    relay_peer: SocketAddr,
}

impl Ports {
    /// Free ones; held until all are known, so that none comes twice.
    fn choose() -> std::io::Result<Ports> {
        let mut held = Vec::new();
        let mut datagram = || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            let address = socket.local_addr()?;
            held.push(socket);
            Ok::<_, std::io::Error>(address)
        };
        let [listener, carrier, bypass_peer, relay_peer] = [datagram()?, datagram()?, datagram()?, datagram()?];
        let screen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        Ok(Ports { listener, carrier, screen, bypass_peer, relay_peer })
    }
}

/// Writes the configuration; gives the log file.
fn write_files(directory: &Path, ports: &Ports) -> std::io::Result<File> {
    // A run that was killed may have left one with our process number.
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory.join("sip-profiles"))?;
    fs::write(directory.join("sip-profiles/open.toml"), "authenticate = false\nmax_expires_s = 3600\n")?;
    fs::write(directory.join("sip-profiles/carrier.toml"), "authenticate = false\ntrunks_only = true\n")?;
    fs::write(directory.join("config.toml"), configuration(directory, ports))?;
    File::create(directory.join("gateway.log"))
}

fn configuration(directory: &Path, ports: &Ports) -> String {
    let Ports { listener, carrier, screen, bypass_peer, relay_peer } = ports;
    let database = directory.join("tandem.db").display().to_string();
    let seats: String = (0..SEATS)
        .map(|seat| {
            format!(
                "[[user]]\nname = \"agent{seat}\"\npassword = \"tandem-demo\"\n\
                 [[seat]]\nid = \"seat-{seat}\"\nuser = \"agent{seat}\"\nqueues = [\"bench\"]\n"
            )
        })
        .collect();
    // RTP ports below those that Linux gives to whoever asks for any.
    format!(
        "[gateway]\ndomain = \"bench.localhost\"\nmax_calls = 60000\n\
         [[listener]]\nname = \"callers\"\ntransport = \"udp\"\nbind = \"{listener}\"\nprofile = \"open\"\n\
         [[listener]]\nname = \"carriers\"\ntransport = \"udp\"\nbind = \"{carrier}\"\nprofile = \"carrier\"\n\
         [media]\nport_min = 10000\nport_max = 29999\nworkers = 1\nport_rest_s = 1\n\
         [screen]\nbind = \"{screen}\"\n\
         [store]\nurl = \"sqlite://{database}\"\n\
         [[queue]]\nname = \"bench\"\naddresses = [\"queue\"]\nmax_callers = 10000\n\
         {seats}\
         [[trunk]]\nname = \"bypass\"\npeer = \"{bypass_peer}\"\nlistener = \"carriers\"\nmax_calls = 60000\n\
         media = \"bypass\"\n\
         [[trunk]]\nname = \"relay\"\npeer = \"{relay_peer}\"\nlistener = \"carriers\"\nmax_calls = 60000\n\
         media = \"relay\"\n\
         [[route]]\nprefix = \"1\"\ntrunk = \"bypass\"\n[[route]]\nprefix = \"2\"\ntrunk = \"relay\"\n\
         [access]\nother = \"reject\"\n"
    )
}

/// The configuration that a gateway under test has, for a measurement without sockets.
pub(super) fn any_config() -> Result<Arc<Config>, BenchError> {
    let directory = fresh_directory();
    let written = Ports::choose().and_then(|ports| write_files(&directory, &ports));
    let config = Config::load(&directory.join("config.toml"));
    // Best effort: what is left is a few kilobytes in the directory for temporary files.
    let _ = fs::remove_dir_all(&directory);
    written.map_err(BenchError::system("preparing a configuration"))?;
    Ok(Arc::new(config?))
}

fn fresh_directory() -> PathBuf {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("tandem-bench-{}-{number}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_one_that_a_gateway_starts_with() {
        let config = any_config().unwrap();
        assert_eq!((config.seats.len(), config.trunks.len(), config.routes.len()), (SEATS, 2, 2));
    }
}
