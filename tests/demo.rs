//! `tandem demo` as somebody runs it: the program itself, its processes, real browsers.
//!
//! Without Chromium these tests fail, naming the package: `scripts/setup.sh` installs it.
#![allow(clippy::disallowed_methods)] // other programs' ends cannot be awaited, only looked for

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Processes may take a moment to be reaped by whoever inherited them.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// The keys of the verdict of a good call, in their order.
const KEYS: [&str; 14] = [
    "ok",
    "bearer",
    "call_id",
    "imei",
    "seat_id",
    "frames_to_seat",
    "frames_to_phone",
    "cross_delivered",
    "setup_ms",
    "first_frame_ms",
    "audio_to_seat_ok",
    "audio_to_phone_ok",
    "confirmed",
    "cdr_rows",
];

fn demo(folder: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.arg("demo").arg("--once").arg("--json").arg("--dir").arg(folder).args(more).stdin(Stdio::null());
    command
}

fn play(folder: &Path, more: &[&str]) -> (Output, Value) {
    let output = demo(folder, more).output().expect("the program starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let last = stdout.lines().last().unwrap_or_else(|| panic!("no line: {}", words(&output)));
    let verdict = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}"));
    (output, verdict)
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Processes whose command line or environment names `folder`: ours, and the browsers of ours.
fn processes(folder: &Path) -> Vec<String> {
    let name = folder.to_str().expect("a plain path");
    let all = fs::read_dir("/proc").expect("there is /proc").flatten();
    let lines = all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.contains(name)).collect()
}

/// Asserts that no process is left that was started for `folder`, and no port of its gateway taken.
fn nothing_is_left(folder: &Path) {
    let deadline = Instant::now() + GONE_WITHIN;
    while !processes(folder).is_empty() && Instant::now() < deadline {
        sleep(Duration::from_millis(50));
    }
    assert_eq!(processes(folder), Vec::<String>::new());
    let config: toml::Table = fs::read_to_string(folder.join("config.toml")).expect("a file").parse().expect("TOML");
    for listener in config["listener"].as_array().expect("listeners") {
        let bind = listener["bind"].as_str().expect("an address");
        match listener["transport"].as_str() {
            Some("tcp") => drop(TcpListener::bind(bind).unwrap_or_else(|error| panic!("{bind}: {error}"))),
            _ => drop(UdpSocket::bind(bind).unwrap_or_else(|error| panic!("{bind}: {error}"))),
        }
    }
    for table in ["screen", "console"] {
        let bind = config[table]["bind"].as_str().expect("an address");
        drop(TcpListener::bind(bind).unwrap_or_else(|error| panic!("{bind}: {error}")));
    }
}

fn files(folder: &Path, screen: &str) -> u64 {
    let Ok(entries) = fs::read_dir(folder.join("frames/call01")) else { return 0 };
    entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(screen)).count() as u64
}

#[test]
fn a_call_over_wifi_is_seen_through_by_its_endpoints() {
    let folder = tempfile::tempdir().expect("a directory");
    let (output, verdict) = play(folder.path(), &[]);
    assert_eq!(verdict["ok"], true, "{verdict:#}\n{}", words(&output));
    assert!(output.status.success());
    let stdout = String::from_utf8_lossy(&output.stdout);
    let places: Vec<usize> = KEYS.iter().filter_map(|key| stdout.find(&format!("\"{key}\":"))).collect();
    assert!(places.len() == KEYS.len() && places.is_sorted(), "{stdout}");
    assert_eq!(verdict.as_object().map(|keys| keys.len()), Some(KEYS.len()), "{verdict}");
    assert_eq!(verdict["bearer"], "wifi");
    assert_eq!(verdict["cross_delivered"], 0);
    assert_eq!(verdict["cdr_rows"], 1);
    assert_eq!((&verdict["confirmed"], &verdict["audio_to_seat_ok"]), (&true.into(), &true.into()));
    assert_eq!(verdict["audio_to_phone_ok"], true);
    assert!(verdict["seat_id"].is_string() && verdict["call_id"].is_string() && verdict["imei"].is_string());
    assert!(verdict["first_frame_ms"].as_u64() >= verdict["setup_ms"].as_u64(), "{verdict}");
    assert_eq!(verdict["frames_to_seat"], files(folder.path(), "customer"));
    assert_eq!(verdict["frames_to_phone"], files(folder.path(), "simulator"));
    assert!(verdict["frames_to_phone"].as_u64() >= Some(2), "{verdict}");
    nothing_is_left(folder.path());
}

#[test]
fn a_call_over_the_mobile_network_goes_to_the_carrier_and_has_no_screen() {
    let folder = tempfile::tempdir().expect("a directory");
    let (output, verdict) = play(folder.path(), &["--network", "cellular", "--seats", "0"]);
    assert_eq!(verdict["ok"], true, "{verdict:#}\n{}", words(&output));
    assert!(output.status.success());
    assert_eq!(verdict.as_object().map(|keys| keys.len()), Some(KEYS.len()), "{verdict}");
    assert_eq!(verdict["bearer"], "pstn");
    assert_eq!((&verdict["frames_to_seat"], &verdict["frames_to_phone"]), (&0.into(), &0.into()));
    assert_eq!((&verdict["seat_id"], &verdict["first_frame_ms"]), (&Value::Null, &Value::Null));
    assert_eq!((&verdict["confirmed"], &verdict["cdr_rows"]), (&false.into(), &1.into()));
    assert_eq!((&verdict["audio_to_seat_ok"], &verdict["audio_to_phone_ok"]), (&true.into(), &true.into()));
    assert!(verdict["setup_ms"].is_u64(), "{verdict}");
    nothing_is_left(folder.path());
}

#[test]
fn without_a_seat_it_fails_and_says_why() {
    let folder = tempfile::tempdir().expect("a directory");
    let begun = Instant::now();
    let (output, verdict) = play(folder.path(), &["--seats", "0", "--patience", "15"]);
    assert_eq!(output.status.code(), Some(1), "{verdict:#}");
    assert_eq!(verdict["ok"], false);
    assert_eq!((&verdict["confirmed"], &verdict["frames_to_phone"]), (&false.into(), &0.into()));
    let failed: Vec<&str> = verdict["failed"].as_array().expect("reasons").iter().filter_map(Value::as_str).collect();
    assert!(failed.iter().any(|reason| reason.contains("the call took too long")), "{failed:?}");
    assert!(failed.contains(&"the seat reported no call"), "{failed:?}");
    assert!(begun.elapsed() < Duration::from_secs(90), "{:?}", begun.elapsed());
    nothing_is_left(folder.path());
}

#[test]
fn a_demonstration_that_is_killed_leaves_no_orphan() {
    let folder = tempfile::tempdir().expect("a directory");
    let mut child = demo(folder.path(), &["--network", "cellular", "--seats", "0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    // As soon as the gateway runs there is somebody to leave behind.
    let deadline = Instant::now() + GONE_WITHIN;
    while processes(folder.path()).len() < 2 && Instant::now() < deadline {
        sleep(Duration::from_millis(20));
    }
    assert!(processes(folder.path()).len() >= 2, "the gateway has started");
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
    nothing_is_left(folder.path());
}

#[test]
fn a_directory_with_files_in_it_is_refused_in_json_too() {
    let folder = tempfile::tempdir().expect("a directory");
    fs::write(folder.path().join("old.png"), "of another call").expect("a file");
    let (output, verdict) = play(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(verdict["failed"][0].as_str().is_some_and(|reason| reason.contains("--dir")), "{verdict}");
}
