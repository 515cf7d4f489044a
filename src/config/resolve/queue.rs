//! `[[queue]]` and `[[seat]]`.

use std::collections::BTreeSet;

use toml::Spanned;

use crate::config::document::Section;
use crate::config::error::Findings;
use crate::config::raw::{RawQueue, RawSeat, Text};
use crate::config::types::{Music, Queue, Seat, Strategy};

use super::Surroundings;
use super::keys::Keys;

/// What has been used by the queues before this one.
#[derive(Default)]
struct Used {
    names: BTreeSet<String>,
    addresses: BTreeSet<String>,
    numbers: BTreeSet<String>,
}

pub(super) fn queues(
    sections: Vec<Section<RawQueue>>,
    users: &[String],
    surroundings: &Surroundings<'_>,
    findings: &mut Findings<'_>,
) -> Vec<Queue> {
    if sections.is_empty() {
        findings.report(&(0..0), "queue", "there is none", "at least one [[queue]]");
    }
    let mut used = Used::default();
    sections.into_iter().filter_map(|section| queue(section, users, &mut used, surroundings, findings)).collect()
}

fn queue(
    section: Section<RawQueue>,
    users: &[String],
    used: &mut Used,
    surroundings: &Surroundings<'_>,
    findings: &mut Findings<'_>,
) -> Option<Queue> {
    let (raw, mut keys) = section.open(findings);
    let name = keys.text("name", raw.name, "a name such as \"flights\"");
    if let Some(name) = &name {
        keys.unique("name", name, &mut used.names, "queue name");
    }
    let addresses = keys.list(raw.addresses);
    for address in &addresses {
        keys.unique("addresses", address, &mut used.addresses, "address in one queue only,");
        if users.contains(address.get_ref()) {
            let problem = format!("\"{}\" is a user", address.get_ref());
            keys.fault("addresses", &address.span(), problem, "an address that is no [[user]]");
        }
    }
    let numbers = keys.list(raw.numbers);
    for number in &numbers {
        keys.unique("numbers", number, &mut used.numbers, "number in one queue only,");
        check_number(&mut keys, "numbers", number);
    }
    if addresses.is_empty() && numbers.is_empty() {
        keys.missing("addresses", "at least one address or number that reaches the queue");
    }
    let strategy = match raw.strategy {
        Some(word) => keys.choice("strategy", &word, &[("longest-idle", Strategy::LongestIdle)])?,
        None => Strategy::default(),
    };
    let music = music(&mut keys, raw.music, surroundings)?;
    Some(Queue {
        ring_timeout_s: keys.number("ring_timeout_s", raw.ring_timeout_s, 20, 3..=180, "seconds"),
        max_wait_s: keys.number("max_wait_s", raw.max_wait_s, 600, 5..=86_400, "seconds"),
        max_callers: keys.number("max_callers", raw.max_callers, 100, 1..=100_000, "callers"),
        wrap_up_s: keys.number("wrap_up_s", raw.wrap_up_s, 0, 0..=3_600, "seconds"),
        name: name?.into_inner(),
        addresses: addresses.into_iter().map(Spanned::into_inner).collect(),
        numbers: numbers.into_iter().map(Spanned::into_inner).collect(),
        strategy,
        music,
    })
}

/// Reports what cannot be dialled.
pub(super) fn check_number(keys: &mut Keys<'_, '_>, key: &str, number: &Spanned<String>) -> bool {
    let digits = number.get_ref().strip_prefix('+').unwrap_or(number.get_ref());
    let is_number = (3..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number {
        keys.fault(
            key,
            &number.span(),
            format!("found \"{}\"", number.get_ref()),
            "3 to 20 digits, with + before an international number",
        );
    }
    is_number
}

fn music(keys: &mut Keys<'_, '_>, value: Text, surroundings: &Surroundings<'_>) -> Option<Music> {
    let Some(value) = value else { return Some(Music::Builtin) };
    if value.get_ref() == "builtin" {
        return Some(Music::Builtin);
    }
    let path = surroundings.base.join(value.get_ref());
    if path.is_file() {
        return Some(Music::File(path));
    }
    let problem = format!("there is no file {}", path.display());
    keys.fault("music", &value.span(), problem, "\"builtin\" or the path of a WAV file, beside config.toml");
    None
}

pub(super) fn seats(
    sections: Vec<Section<RawSeat>>,
    users: &[String],
    queues: &[String],
    findings: &mut Findings<'_>,
) -> Vec<Seat> {
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    sections.into_iter().filter_map(|section| seat(section, users, queues, &mut ids, &mut taken, findings)).collect()
}

fn seat(
    section: Section<RawSeat>,
    users: &[String],
    queues: &[String],
    ids: &mut BTreeSet<String>,
    taken: &mut BTreeSet<String>,
    findings: &mut Findings<'_>,
) -> Option<Seat> {
    let (raw, mut keys) = section.open(findings);
    let id = keys.text("id", raw.id, "an id that tells the customer nothing, such as \"seat-7f3a\"");
    if let Some(id) = &id {
        keys.unique("id", id, ids, "seat id");
    }
    let user = keys.text("user", raw.user, "the name of the [[user]] who answers");
    let user = user.and_then(|value| {
        keys.unique("user", &value, taken, "user in one seat only,");
        keys.reference("user", &value, "[[user]]", users)
    });
    let at = raw.queues.as_ref().map(Spanned::span);
    let mut served = Vec::new();
    for value in keys.list(raw.queues) {
        if let Some(queue) = keys.reference("queues", &value, "[[queue]]", queues)
            && !served.contains(&queue)
        {
            served.push(queue);
        }
    }
    match at {
        None => keys.missing("queues", "the names of the queues it serves, such as [\"flights\"]"),
        Some(at) if served.is_empty() => keys.fault("queues", &at, "serves no queue", "at least one queue's name"),
        Some(_) => {}
    }
    let wrap_up_s = raw.wrap_up_s.map(|value| keys.number("wrap_up_s", Some(value), 0, 0..=3_600, "seconds"));
    Some(Seat { id: id?.into_inner(), user: user?, queues: served, wrap_up_s })
}
