//! `[gateway]`, `[media]`, `[screen]`, `[store]`, `[console]`.

use std::net::{IpAddr, SocketAddr};

use crate::config::document::Section;
use crate::config::error::Findings;
use crate::config::raw::{RawConsole, RawGateway, RawMedia, RawScreen, RawStore, Text};
use crate::config::types::{
    AudioCodec, ConsoleConfig, GatewayConfig, Listener, MediaConfig, ScreenConfig, StoreConfig,
};

use super::keys::Keys;
use crate::sip::Transport;

const MEBIBYTE: u64 = 1 << 20;

pub(super) fn gateway(
    section: Section<RawGateway>,
    listeners: &[Listener],
    findings: &mut Findings<'_>,
) -> Option<GatewayConfig> {
    let (raw, mut keys) = section.open(findings);
    let name = match raw.name {
        Some(name) => token(&mut keys, "name", name)?,
        None => "Tandem".to_owned(),
    };
    let domain = keys.text("domain", raw.domain, "the SIP domain of the gateway, such as \"voice.example.com\"");
    let mut aliases: Vec<String> = keys.list(raw.aliases).into_iter().map(toml::Spanned::into_inner).collect();
    for listener in listeners {
        let own = listener.bind.ip().to_string();
        if !aliases.contains(&own) {
            aliases.push(own);
        }
    }
    let max_calls = keys.number("max_calls", raw.max_calls, 500, 1..=100_000, "calls");
    let domain = host(&mut keys, domain?)?;
    Some(GatewayConfig { name, domain, aliases, max_calls })
}

/// A product token (RFC 3261 §20.35 `server-val`).
fn token(keys: &mut Keys<'_, '_>, key: &str, value: toml::Spanned<String>) -> Option<String> {
    let text = value.get_ref();
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-.!%*_+`'~".contains(c)) {
        return Some(text.clone());
    }
    keys.fault(key, &value.span(), format!("found \"{text}\""), "one word of letters, digits and -.!%*_+`'~");
    None
}

fn host(keys: &mut Keys<'_, '_>, value: toml::Spanned<String>) -> Option<String> {
    let text = value.get_ref();
    let is_name = text.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
    if is_name || text.parse::<IpAddr>().is_ok() {
        return Some(text.to_ascii_lowercase());
    }
    keys.fault(
        "domain",
        &value.span(),
        format!("found \"{text}\""),
        "a host name or IP address, without sip: or a port",
    );
    None
}

pub(super) fn media(
    section: Option<Section<RawMedia>>,
    listeners: &[Listener],
    findings: &mut Findings<'_>,
) -> Option<MediaConfig> {
    let default = MediaConfig::default();
    let Some(section) = section else { return Some(default) };
    let (raw, mut keys) = section.open(findings);
    let range_at = raw.port_max.as_ref().or(raw.port_min.as_ref()).map(toml::Spanned::span);
    let address = media_address(&mut keys, raw.address, default.address);
    let port_min = keys.number("port_min", raw.port_min, default.port_min, 1_024..=65_532, "an even port");
    let port_max = keys.number("port_max", raw.port_max, default.port_max, 1_027..=65_535, "an odd port");
    if let Some(at) = range_at.clone()
        && (!port_min.is_multiple_of(2) || port_max.is_multiple_of(2) || port_max < port_min.saturating_add(3))
    {
        let expected = "an even port_min and an odd port_max at least 3 above it: RTP takes the even port of a pair, \
                        RTCP the odd one, and a call has two legs";
        keys.fault("port_max", &at, format!("found the range {port_min} to {port_max}"), expected);
    }
    let taken = listeners.iter().find(|listener| {
        listener.transport == Transport::Udp
            && Some(listener.bind.ip()) == address
            && (port_min..=port_max).contains(&listener.bind.port())
    });
    if let Some(listener) = taken {
        let at = range_at.unwrap_or_else(|| keys.place());
        let problem = format!("{} of listener {} is among the RTP ports", listener.bind, listener.name);
        keys.fault("port_min", &at, problem, "a range of ports without a listener in it");
    }
    let codecs = codecs(&mut keys, raw.codecs, default.codecs);
    Some(MediaConfig {
        address: address?,
        port_min,
        port_max,
        workers: keys.number("workers", raw.workers, default.workers, 1..=64, "threads"),
        port_rest_s: keys.number("port_rest_s", raw.port_rest_s, default.port_rest_s, 0..=600, "seconds"),
        dead_after_s: keys.number("dead_after_s", raw.dead_after_s, default.dead_after_s, 5..=3_600, "seconds"),
        codecs: codecs?,
    })
}

fn media_address(keys: &mut Keys<'_, '_>, value: Text, default: IpAddr) -> Option<IpAddr> {
    let Some(value) = value else { return Some(default) };
    let expected = "an IP address without a port: the one that phones and seats reach";
    match value.get_ref().parse::<IpAddr>() {
        Ok(address) if !address.is_unspecified() => Some(address),
        _ => {
            keys.fault("address", &value.span(), format!("found \"{}\"", value.get_ref()), expected);
            None
        }
    }
}

fn codecs(
    keys: &mut Keys<'_, '_>,
    values: crate::config::raw::Texts,
    default: Vec<AudioCodec>,
) -> Option<Vec<AudioCodec>> {
    let Some(values) = values else { return Some(default) };
    let at = values.span();
    let mut codecs = Vec::new();
    for value in values.into_inner() {
        let choices = [("PCMA", AudioCodec::Pcma), ("PCMU", AudioCodec::Pcmu)];
        let codec = keys.choice("codecs", &value, &choices)?;
        if codecs.contains(&codec) {
            keys.fault("codecs", &value.span(), format!("{} is there twice", codec.name()), "each codec once");
        }
        codecs.push(codec);
    }
    if codecs.is_empty() {
        keys.fault("codecs", &at, "an empty list", "\"PCMA\", \"PCMU\" or both, the preferred one first");
    }
    Some(codecs)
}

pub(super) fn screen(
    section: Option<Section<RawScreen>>,
    listeners: &[Listener],
    findings: &mut Findings<'_>,
) -> Option<ScreenConfig> {
    let default = ScreenConfig::default();
    let Some(section) = section else { return Some(default) };
    let (raw, mut keys) = section.open(findings);
    let at = raw.bind.as_ref().map_or_else(|| keys.place(), toml::Spanned::span);
    let bind = keys.address("bind", raw.bind, Some(default.bind), "127.0.0.1:2855");
    let taken = listeners.iter().find(|own| own.transport == Transport::Tcp && Some(own.bind) == bind);
    if let (Some(listener), Some(bind)) = (taken, bind) {
        let problem = format!("TCP {bind} is taken by listener {}", listener.name);
        keys.fault("bind", &at, problem, "an address and port of its own");
    }
    let (d, k) = (default, &mut keys);
    let frame = 1_024..=64 * MEBIBYTE;
    Some(ScreenConfig {
        max_frame_bytes: k.number("max_frame_bytes", raw.max_frame_bytes, d.max_frame_bytes, frame.clone(), "octets"),
        max_pixels: k.number("max_pixels", raw.max_pixels, d.max_pixels, 10_000..=100_000_000, "pixels"),
        chunk_bytes: k.number("chunk_bytes", raw.chunk_bytes, d.chunk_bytes, 256..=MEBIBYTE, "octets"),
        max_control_bytes: k.number(
            "max_control_bytes",
            raw.max_control_bytes,
            d.max_control_bytes,
            1_024..=MEBIBYTE,
            "octets",
        ),
        message_max_bytes: k.number("message_max_bytes", raw.message_max_bytes, d.message_max_bytes, frame, "octets"),
        sessions_max: k.number("sessions_max", raw.sessions_max, d.sessions_max, 2..=200_000, "connections"),
        bind: bind?,
    })
}

pub(super) fn store(section: Option<Section<RawStore>>, findings: &mut Findings<'_>) -> Option<StoreConfig> {
    let default = StoreConfig { url: "sqlite://var/tandem.db".to_owned() };
    let Some(section) = section else { return Some(default) };
    let (raw, mut keys) = section.open(findings);
    let Some(url) = raw.url else { return Some(default) };
    let path = url.get_ref().strip_prefix("sqlite://").filter(|path| !path.is_empty() && !path.contains('?'));
    if path.is_none() {
        let expected = "\"sqlite://\" and the path of a file, such as \"sqlite:///var/lib/tandem/tandem.db\"";
        keys.fault("url", &url.span(), format!("found \"{}\"", url.get_ref()), expected);
        return None;
    }
    Some(StoreConfig { url: url.into_inner() })
}

pub(super) fn console(
    section: Section<RawConsole>,
    screen: Option<&ScreenConfig>,
    findings: &mut Findings<'_>,
) -> Option<ConsoleConfig> {
    let (raw, mut keys) = section.open(findings);
    let at = raw.bind.as_ref().map_or_else(|| keys.place(), toml::Spanned::span);
    let bind = keys.address("bind", raw.bind, Some(SocketAddr::from(([127, 0, 0, 1], 8080))), "127.0.0.1:8080")?;
    if !bind.ip().is_loopback() {
        let expected = "a loopback address: the page has no log-in of its own, so put a proxy that has one before it";
        keys.fault("bind", &at, format!("{bind} is open to the network"), expected);
    }
    if screen.is_some_and(|screen| screen.bind == bind) {
        keys.fault("bind", &at, format!("TCP {bind} is taken by [screen]"), "an address and port of its own");
    }
    Some(ConsoleConfig { bind })
}
