//! `[[trunk]]` and `[access]`.

use std::collections::BTreeSet;

use toml::Spanned;

use crate::config::document::Section;
use crate::config::error::Findings;
use crate::config::raw::{RawAccess, RawListener, RawRoute, RawTrunk};
use crate::config::types::{AccessPolicy, Listener, OffWifi, Route, Trunk, TrunkMedia};

use super::keys::Keys;
use super::queue::check_number;

pub(super) fn trunks(
    sections: Vec<Section<RawTrunk>>,
    listener_names: &[String],
    listeners: &[Listener],
    findings: &mut Findings<'_>,
) -> Vec<Trunk> {
    let (mut names, mut peers) = (BTreeSet::new(), BTreeSet::new());
    sections
        .into_iter()
        .filter_map(|section| trunk(section, listener_names, listeners, &mut names, &mut peers, findings))
        .collect()
}

fn trunk(
    section: Section<RawTrunk>,
    listener_names: &[String],
    listeners: &[Listener],
    names: &mut BTreeSet<String>,
    peers: &mut BTreeSet<String>,
    findings: &mut Findings<'_>,
) -> Option<Trunk> {
    let (raw, mut keys) = section.open(findings);
    let peer_at = raw.peer.as_ref().map(Spanned::span);
    let name = keys.text("name", raw.name, "a name such as \"carrier\"");
    if let Some(name) = &name {
        keys.unique("name", name, names, "trunk name");
    }
    let peer = keys.address("peer", raw.peer, None, "192.0.2.10:5060");
    let via = keys.text("listener", raw.listener, "the name of the [[listener]] to send from");
    let listener = via.and_then(|value| keys.reference("listener", &value, "[[listener]]", listener_names));
    let socket = listener.and_then(|index| listeners.iter().find(|own| own.name == listener_names[index]));
    if let (Some(peer), Some(at), Some(socket)) = (peer, &peer_at, socket) {
        if peer.is_ipv4() != socket.bind.is_ipv4() {
            let problem = format!("{peer} cannot be reached from the listener's {}", socket.bind);
            keys.fault("peer", at, problem, "both addresses IPv4 or both IPv6");
        }
        if !peers.insert(format!("{} {peer}", socket.transport)) {
            keys.fault("peer", at, format!("{peer} is another trunk's peer"), "one trunk for each peer");
        }
    }
    let media = raw
        .media
        .and_then(|value| keys.choice("media", &value, &[("relay", TrunkMedia::Relay), ("bypass", TrunkMedia::Bypass)]))
        .unwrap_or_default();
    let caller_number = raw.caller_number.filter(|number| check_number(&mut keys, "caller_number", number));
    Some(Trunk {
        max_calls: keys.number("max_calls", raw.max_calls, 30, 1..=100_000, "calls"),
        name: name?.into_inner(),
        peer: peer?,
        listener: listener?,
        caller_number: caller_number.map(Spanned::into_inner),
        media,
    })
}

pub(super) fn routes(
    sections: Vec<Section<RawRoute>>,
    trunk_names: &[String],
    findings: &mut Findings<'_>,
) -> Vec<Route> {
    let mut prefixes = BTreeSet::new();
    sections.into_iter().filter_map(|section| route(section, trunk_names, &mut prefixes, findings)).collect()
}

fn route(
    section: Section<RawRoute>,
    trunk_names: &[String],
    prefixes: &mut BTreeSet<String>,
    findings: &mut Findings<'_>,
) -> Option<Route> {
    let (raw, mut keys) = section.open(findings);
    let prefix = keys.text("prefix", raw.prefix, "the first digits of the numbers, such as \"0\" or \"+86\"");
    if let Some(prefix) = &prefix {
        keys.unique("prefix", prefix, prefixes, "route prefix");
    }
    let trunk = keys.text("trunk", raw.trunk, "the name of the [[trunk]] to call out of");
    let trunk = trunk.and_then(|name| keys.reference("trunk", &name, "[[trunk]]", trunk_names));
    Some(Route { prefix: prefix?.into_inner(), trunk: trunk? })
}

/// The three answers to a call that is not on Wi-Fi.
#[derive(Clone, Copy)]
enum Answer {
    Bridge,
    Redirect,
    Reject,
}

pub(super) fn access(
    section: Option<Section<RawAccess>>,
    trunk_names: &[String],
    findings: &mut Findings<'_>,
) -> Option<AccessPolicy> {
    let Some(section) = section else { return Some(AccessPolicy { other: OffWifi::Reject { status: 403 } }) };
    let (raw, mut keys) = section.open(findings);
    let word = keys.text("other", raw.other, "\"bridge\", \"redirect\" or \"reject\"")?;
    let choices = [("bridge", Answer::Bridge), ("redirect", Answer::Redirect), ("reject", Answer::Reject)];
    let answer = keys.choice("other", &word, &choices)?;
    let trunk = only_with(&mut keys, "trunk", raw.trunk, matches!(answer, Answer::Bridge), "bridge");
    let number =
        only_with(&mut keys, "number", raw.number, !matches!(answer, Answer::Reject), "bridge\" or \"redirect");
    let status = only_with(&mut keys, "status", raw.status, matches!(answer, Answer::Reject), "reject");
    let number = match answer {
        Answer::Reject => None,
        _ => keys.text("number", number, "the 400 number to reach, such as \"4008001234\""),
    };
    let number = number.filter(|number| check_number(&mut keys, "number", number)).map(Spanned::into_inner);
    let other = match answer {
        Answer::Bridge => {
            let name = keys.text("trunk", trunk, "the name of the [[trunk]] to call out of")?;
            OffWifi::Bridge { trunk: keys.reference("trunk", &name, "[[trunk]]", trunk_names)?, number: number? }
        }
        Answer::Redirect => OffWifi::Redirect { number: number? },
        Answer::Reject => {
            OffWifi::Reject { status: keys.number("status", status, 403, 400..=699, "a SIP failure status") }
        }
    };
    Some(AccessPolicy { other })
}

/// Reports a key that has no meaning beside the chosen answer, rather than ignoring it silently.
fn only_with<T>(
    keys: &mut Keys<'_, '_>,
    key: &str,
    value: Option<Spanned<T>>,
    is_meant: bool,
    word: &str,
) -> Option<Spanned<T>> {
    if let Some(value) = value.as_ref().filter(|_| !is_meant) {
        keys.fault(key, &value.span(), "has no meaning here", format!("only with other = \"{word}\""));
        return None;
    }
    value
}

/// The names of the listeners as written, faulty ones included, so that a fault there is reported once and there.
pub(super) fn written_names(sections: &[Section<RawListener>]) -> Vec<String> {
    sections
        .iter()
        .map(|section| section.raw.name.as_ref().map_or(String::new(), |name| name.get_ref().clone()))
        .collect()
}
