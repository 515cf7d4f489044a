//! `tandem check`: is the configuration sound, and what would it run?

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use crate::config::{Config, ConfigErrors, OffWifi};

use super::table::{Column, render, terminal_width};

/// Prints what the configuration would run and succeeds, or prints every fault on stderr and fails.
pub fn run(config: &Path) -> ExitCode {
    match Config::load(config) {
        Ok(config) => super::print(&summary(&config, terminal_width())),
        Err(errors) => {
            eprintln!("{}", report(&errors));
            ExitCode::FAILURE
        }
    }
}

/// Every fault on a line, and how many there are.
fn report(errors: &ConfigErrors) -> String {
    let count = errors.0.len();
    let plural = if count == 1 { "fault" } else { "faults" };
    format!("{errors}\n{count} {plural}; a gateway does not start on this configuration")
}

/// What would run, for people: a table of the parts, then what is odd without being wrong.
pub fn summary(config: &Config, width: usize) -> String {
    const COLUMNS: &[Column] = &[
        Column { title: "PART", is_right: false, rank: 0 },
        Column { title: "NAME", is_right: false, rank: 0 },
        Column { title: "WHERE", is_right: false, rank: 1 },
        Column { title: "HOW", is_right: false, rank: 2 },
    ];
    let mut rows = Vec::new();
    let mut row = |part: &str, name: &str, at: String, how: String| rows.push(vec![part.into(), name.into(), at, how]);
    for listener in &config.listeners {
        let profile = config.profile_of(listener);
        let who = match (profile.trunks_only, profile.authenticate) {
            (true, _) => "trunks only",
            (false, true) => "password",
            (false, false) => "everybody",
        };
        row(
            "sip",
            &listener.name,
            format!("{} {}", listener.transport, listener.bind),
            format!("{}: {who}", profile.name),
        );
    }
    let media = &config.media;
    let codecs: Vec<&str> = media.codecs.iter().map(|codec| codec.name()).collect();
    let ports = format!("UDP {} {}-{}", media.address, media.port_min, media.port_max);
    row("audio", "rtp", ports, format!("{} on {} threads", codecs.join(", "), media.workers));
    row("screen", "msrp", format!("TCP {}", config.screen.bind), format!("{} connections", config.screen.sessions_max));
    if let Some(console) = &config.console {
        row("page", "console", format!("http://{}/", console.bind), String::new());
    }
    row("store", "calls", config.store.url.clone(), String::new());
    for (index, queue) in config.queues.iter().enumerate() {
        let reached: Vec<&str> = queue.addresses.iter().chain(&queue.numbers).map(String::as_str).collect();
        let seats = config.seats.iter().filter(|seat| seat.queues.contains(&index));
        let seats: Vec<&str> = seats.map(|seat| config.users[seat.user].name.as_str()).collect();
        row("queue", &queue.name, reached.join(", "), format!("seats: {}", seats.join(", ")));
    }
    for trunk in &config.trunks {
        let via = &config.listeners[trunk.listener].name;
        row("trunk", &trunk.name, trunk.peer.to_string(), format!("{} calls by {via}", trunk.max_calls));
    }
    row("access", "not Wi-Fi", String::new(), off_wifi(config));
    let mut text = render(COLUMNS, &rows, width);
    for note in notes(config) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "note: {note}");
    }
    text
}

fn off_wifi(config: &Config) -> String {
    match &config.access.other {
        OffWifi::Bridge { trunk, number } => format!("bridge to {number} by {}", config.trunks[*trunk].name),
        OffWifi::Redirect { number } => format!("redirect to tel:{number}"),
        OffWifi::Reject { status } => format!("reject with {status}"),
    }
}

/// What is allowed and yet hardly meant.
fn notes(config: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    for (index, queue) in config.queues.iter().enumerate() {
        if !config.seats.iter().any(|seat| seat.queues.contains(&index)) {
            notes.push(format!("queue {} has no seats: its callers wait until they overflow", queue.name));
        }
    }
    let open = config.listeners.iter().find(|listener| !listener.bind.ip().is_loopback());
    if let Some(listener) = open {
        for (key, address) in [("media.address", config.media.address), ("screen.bind", config.screen.bind.ip())] {
            if address.is_loopback() {
                notes.push(format!(
                    "listener {} is on the network, but {key} is {address}: its peers cannot reach that",
                    listener.name
                ));
            }
        }
    }
    for profile in &config.profiles {
        if !config.listeners.iter().any(|listener| config.profile_of(listener).name == profile.name) {
            notes.push(format!("profile {} is used by no listener", profile.name));
        }
    }
    let pairs = usize::from(config.media.port_max - config.media.port_min).div_ceil(2);
    if config.gateway.max_calls > pairs / 2 {
        notes.push(format!(
            "max_calls is {}, but the RTP ports last for {} calls",
            config.gateway.max_calls,
            pairs / 2
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_configuration_is_shown_without_notes_and_without_passwords() {
        let text = summary(&Config::shipped().unwrap(), usize::MAX);
        assert!(text.lines().any(|line| line.starts_with("sip") && line.contains("carrier: trunks only")), "{text}");
        assert!(
            text.lines().any(|line| line.starts_with("queue") && line.ends_with("seats: agent1, agent2")),
            "{text}"
        );
        assert!(text.contains("bridge to 4008001234 by carrier"), "{text}");
        assert!(!text.contains("note:") && !text.contains(crate::config::DEMO_PASSWORD), "{text}");
    }

    #[test]
    fn what_is_odd_without_being_wrong_is_noted() {
        let mut config = Config::shipped().unwrap();
        config.seats.retain(|seat| !seat.queues.contains(&1));
        config.gateway.max_calls = 501;
        config.listeners[0].bind.set_ip([192, 0, 2, 1].into());
        let text = summary(&config, usize::MAX);
        assert!(text.contains("note: queue hotels has no seats"), "{text}");
        assert!(text.contains("note: max_calls is 501, but the RTP ports last for 500 calls"), "{text}");
        assert!(text.contains("but media.address is 127.0.0.1"), "{text}");
    }

    #[test]
    fn a_faulty_file_fails_and_a_sound_one_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        std::fs::create_dir(directory.path().join("sip-profiles")).unwrap();
        std::fs::write(&path, "[gateway]\n").unwrap();
        assert_eq!(format!("{:?}", run(&path)), format!("{:?}", ExitCode::FAILURE));
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
        assert_eq!(format!("{:?}", run(&shipped)), format!("{:?}", ExitCode::SUCCESS));
        let errors = Config::load(&path).unwrap_err();
        assert!(report(&errors).ends_with("3 faults; a gateway does not start on this configuration"), "{errors}");
    }
}
