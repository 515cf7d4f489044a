//! The gateway as a program: `tandem run` with a configuration of its own in a directory of its own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::patience::{PATIENCE, until, within};
use crate::program::Program;

/// What counts the living, by the names of the status page; all are zero when nobody calls.
const CENSUS: [&str; 11] = [
    "calls",
    "legs",
    "transactions",
    "pending_requests",
    "media_ports",
    "callers_waiting",
    "callers_in_queues",
    "seats_leased",
    "messages_in_flight",
    "media_legs",
    "media_listeners",
];

/// The last to go is a client transaction that was refused: timer D keeps it for 32 s (RFC 3261 §17.1.1.2).
const AFTERMATH: Duration = Duration::from_secs(45);

/// A running gateway.
pub struct Gateway {
    /// The process.
    pub program: Program,
    /// Its directory: configuration, database; removed with it.
    pub directory: tempfile::TempDir,
    console: SocketAddr,
}

impl Gateway {
    /// Starts a gateway and waits until it is ready. `config` is its `config.toml`, `profiles` are its
    /// `sip-profiles/NAME.toml`; `console` is the port that `config` gives to the console.
    pub fn start(config: &str, profiles: &[(&str, &str)], console: u16) -> Gateway {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join("sip-profiles")).expect("a directory");
        std::fs::write(directory.path().join("config.toml"), config).expect("a file");
        for (name, profile) in profiles {
            let path = directory.path().join("sip-profiles").join(name).with_extension("toml");
            std::fs::write(path, profile).expect("a file");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        command.args(["run", "--config", "config.toml"]).current_dir(directory.path()).env_remove("NOTIFY_SOCKET");
        if std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "info,tandem=debug,sqlx=warn");
        }
        let program = Program::start("the gateway", "tandem", &mut command);
        program.says("ready", 1);
        Gateway { program, directory, console: SocketAddr::from((Ipv4Addr::LOCALHOST, console)) }
    }

    /// Its configuration.
    pub fn config(&self) -> PathBuf {
        self.directory.path().join("config.toml")
    }

    /// The status page.
    pub fn status(&self) -> Value {
        let mut stream = TcpStream::connect(self.console).expect("the console listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        let request = format!("GET /status HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.console);
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).expect("JSON")
    }

    /// One figure of the status page.
    pub fn figure(&self, name: &str) -> u64 {
        let status = self.status();
        status[name].as_u64().unwrap_or_else(|| panic!("no figure {name} in {status}"))
    }

    /// Waits until a figure is what it should be.
    pub fn reaches(&self, name: &str, wanted: impl Fn(u64) -> bool) -> u64 {
        until(name, || Some(self.figure(name)).filter(|value| wanted(*value)))
    }

    /// Waits until nothing is alive, and checks that nothing panicked.
    pub fn is_left_clean(&self) {
        let mut left = Value::Null;
        let clean = within(AFTERMATH, || {
            left = self.status();
            CENSUS.iter().all(|name| left[name] == 0).then_some(())
        });
        assert!(clean.is_some() && left["panics_total"] == 0, "left behind: {left}");
    }
}
