//! `sip-profiles/*.toml` and `[[listener]]`.

use std::collections::BTreeSet;

use crate::config::document::Section;
use crate::config::error::Findings;
use crate::config::raw::{RawListener, RawProfile};
use crate::config::types::{Digest, Listener, Profile, RegistrationLimits};
use crate::sip::Transport;

pub(super) fn profile(name: &str, section: Section<RawProfile>, findings: &mut Findings<'_>) -> Profile {
    let d = Profile { name: name.to_owned(), ..Profile::default() };
    let (raw, mut keys) = section.open(findings);
    let k = &mut keys;
    let t2_at = raw.t2_ms.as_ref().or(raw.t1_ms.as_ref()).map(toml::Spanned::span);
    let both_at = raw.trunks_only.as_ref().map(toml::Spanned::span);
    let expires_at = raw
        .default_expires_s
        .as_ref()
        .or(raw.max_expires_s.as_ref())
        .or(raw.min_expires_s.as_ref())
        .map(toml::Spanned::span);
    let r = d.registration;
    let digests = [("MD5", Digest::Md5), ("SHA-256", Digest::Sha256), ("both", Digest::Both)];
    let digest = raw.digest.and_then(|word| k.choice("digest", &word, &digests));
    let profile = Profile {
        name: d.name,
        authenticate: raw.authenticate.map_or(d.authenticate, toml::Spanned::into_inner),
        digest: digest.unwrap_or(d.digest),
        trunks_only: raw.trunks_only.map_or(d.trunks_only, toml::Spanned::into_inner),
        t1_ms: k.number("t1_ms", raw.t1_ms, d.t1_ms, 10..=5_000, "milliseconds"),
        t2_ms: k.number("t2_ms", raw.t2_ms, d.t2_ms, 10..=32_000, "milliseconds"),
        t4_ms: k.number("t4_ms", raw.t4_ms, d.t4_ms, 10..=32_000, "milliseconds"),
        max_message_bytes: k.number(
            "max_message_bytes",
            raw.max_message_bytes,
            d.max_message_bytes,
            4_096..=8 << 20,
            "octets",
        ),
        registration: RegistrationLimits {
            min_expires_s: k.number("min_expires_s", raw.min_expires_s, r.min_expires_s, 1..=86_400, "seconds"),
            max_expires_s: k.number("max_expires_s", raw.max_expires_s, r.max_expires_s, 1..=604_800, "seconds"),
            default_expires_s: k.number(
                "default_expires_s",
                raw.default_expires_s,
                r.default_expires_s,
                1..=604_800,
                "seconds",
            ),
            max_bindings: k.number("max_bindings", raw.max_bindings, r.max_bindings, 1..=100, "contacts"),
        },
    };
    if let Some(at) = t2_at.filter(|_| profile.t2_ms < profile.t1_ms) {
        let problem = format!("{} is less than t1_ms, {}", profile.t2_ms, profile.t1_ms);
        k.fault("t2_ms", &at, problem, "t1_ms or more: retransmissions double from T1 up to T2 (RFC 3261 §17.1.2.1)");
    }
    let RegistrationLimits { min_expires_s: min, max_expires_s: max, default_expires_s: usual, .. } =
        profile.registration;
    if let Some(at) = expires_at.filter(|_| !(min <= usual && usual <= max)) {
        let problem = format!("found {min}, {usual} and {max} as the least, usual and longest expiry");
        k.fault("default_expires_s", &at, problem, "min_expires_s ≤ default_expires_s ≤ max_expires_s");
    }
    if let Some(at) = both_at.filter(|_| profile.trunks_only && profile.authenticate) {
        let expected = "authenticate = false beside it: a trunk is known by its address and never challenged";
        k.fault("trunks_only", &at, "there is nobody left to challenge", expected);
    }
    profile
}

pub(super) fn listeners(
    sections: Vec<Section<RawListener>>,
    profiles: &[Profile],
    findings: &mut Findings<'_>,
) -> Vec<Listener> {
    let names: Vec<String> = profiles.iter().map(|profile| profile.name.clone()).collect();
    let (mut seen, mut binds) = (BTreeSet::new(), BTreeSet::new());
    if sections.is_empty() {
        findings.report(&(0..0), "listener", "there is none", "at least one [[listener]]");
    }
    sections
        .into_iter()
        .filter_map(|section| listener(section, profiles, &names, &mut seen, &mut binds, findings))
        .collect()
}

fn listener(
    section: Section<RawListener>,
    profiles: &[Profile],
    names: &[String],
    seen: &mut BTreeSet<String>,
    binds: &mut BTreeSet<String>,
    findings: &mut Findings<'_>,
) -> Option<Listener> {
    let (raw, mut keys) = section.open(findings);
    let bind_at = raw.bind.as_ref().map(toml::Spanned::span);
    let name = keys.text("name", raw.name, "a name for logs and trunks, such as \"app-udp\"");
    let transport = keys.text("transport", raw.transport, "\"udp\" or \"tcp\"");
    let bind = keys.address("bind", raw.bind, None, "127.0.0.1:5060");
    let profile = keys.text("profile", raw.profile, "the name of a file in sip-profiles/, without .toml");
    if let Some(name) = &name {
        keys.unique("name", name, seen, "listener name");
    }
    let transport =
        transport.and_then(|word| keys.choice("transport", &word, &[("udp", Transport::Udp), ("tcp", Transport::Tcp)]));
    let index = profile.as_ref().and_then(|value| keys.reference("profile", value, "profile in sip-profiles/", names));
    if let (Some(transport), Some(bind), Some(at)) = (transport, bind, &bind_at)
        && !binds.insert(format!("{transport} {bind}"))
    {
        keys.fault("bind", at, format!("{transport} {bind} is taken by another listener"), "an address of its own");
    }
    if let (Some(bind), Some(index), Some(value)) = (bind, index, &profile)
        && !bind.ip().is_loopback()
        && !profiles[index].authenticate
        && !profiles[index].trunks_only
    {
        let problem = format!("\"{}\" lets anybody on the network of {} call and register", value.get_ref(), bind.ip());
        let expected = "a profile with authenticate = true or trunks_only = true on any but a loopback address";
        keys.fault("profile", &value.span(), problem, expected);
    }
    Some(Listener { name: name?.into_inner(), transport: transport?, bind: bind?, profile: index? })
}
