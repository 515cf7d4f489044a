//! Dependencies point down only.

use std::collections::BTreeSet;

use super::{code, sources};

/// Each layer and what it may use. What is not listed is forbidden; a new layer must be entered here.
const ALLOWED: &[(&str, &[&str])] = &[
    // pure
    ("config", &["sip"]),
    ("sip", &[]),
    ("acd", &[]),
    ("registrar", &["sip"]),
    ("sync", &[]),
    ("call", &["acd", "config", "media", "sip", "sync"]),
    ("gateway", &["acd", "call", "config", "media", "registrar", "sip", "sync"]),
    // shells
    ("media", &[]),
    ("net", &["sip", "sync"]),
    ("simulator", &[]),
    ("store", &["call"]),
    ("observe", &[]),
    ("driver", &["config", "memory", "gateway", "media", "net", "sip", "store", "sync"]),
    ("console", &["app", "driver"]),
    ("app", &["config", "console", "driver", "gateway", "media", "net", "store", "sync"]),
    // around the gateway
    ("site", &[]),
    ("client", &["media", "net", "simulator", "sip", "sync"]),
    ("demo", &["call", "client", "config", "net", "site", "store"]),
    ("bench", &["app", "config", "gateway", "media", "net", "sip", "sync"]),
    ("memory", &[]),
    ("cli", &["app", "bench", "call", "client", "config", "demo", "net", "simulator", "sip", "site", "store"]),
];

/// Names that a pure layer never says: clocks and sockets are `clippy.toml`'s business, whole worlds are ours.
const PURE: &[&str] = &["config", "sip", "acd", "registrar", "sync", "call", "gateway"];
const WORLDS: &[&str] = &["tokio::", "sqlx::", "axum::", "std::net::UdpSocket", "std::net::TcpStream", "std::thread"];

fn layer(path: &std::path::Path) -> String {
    let first = path.components().next().expect("a path has a first part");
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The layers that a file names by `crate::`.
fn used(text: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for line in code(text) {
        for (at, _) in line.match_indices("crate::") {
            let name: String =
                line[at + 7..].chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
            used.insert(name);
        }
    }
    used
}

#[test]
fn dependencies_point_down_only() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let own = layer(&path);
        if own == "lib" || own == "main" {
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == own) else {
            faults.push(format!("src/{}: layer `{own}` is not in the table", path.display()));
            continue;
        };
        for name in used(&text) {
            let is_layer = ALLOWED.iter().any(|(layer, _)| *layer == name);
            if is_layer && name != own && !allowed.contains(&name.as_str()) {
                faults.push(format!("src/{}: `{own}` may not use `{name}`", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn pure_layers_name_no_runtime_no_socket_no_database() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        // Reading configuration files is configuration's own shell; tests may stand on anything.
        let is_test = path.components().any(|part| part.as_os_str().to_string_lossy().contains("test"));
        if !PURE.contains(&layer(&path).as_str()) || is_test {
            continue;
        }
        for world in WORLDS {
            if code(&text).any(|line| line.contains(world)) {
                faults.push(format!("src/{}: says `{world}`", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
