//! The files as they are written: every key optional and with its place, nothing checked beyond its TOML type.
//! What a key means, its unit and its default are in `config.toml` and in [`super::types`].

use serde::Deserialize;
use toml::Spanned;

/// A string and its place.
pub(super) type Text = Option<Spanned<String>>;
/// A number and its place.
pub(super) type Number = Option<Spanned<u64>>;
/// A list of strings with their places.
pub(super) type Texts = Option<Spanned<Vec<Spanned<String>>>>;

/// The tables of `config.toml`.
pub(super) const TABLES: &[&str] = &[
    "gateway", "listener", "media", "screen", "store", "console", "user", "queue", "seat", "trunk", "route", "access",
];

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGateway {
    pub(super) name: Text,
    pub(super) domain: Text,
    pub(super) aliases: Texts,
    pub(super) max_calls: Number,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawListener {
    pub(super) name: Text,
    pub(super) transport: Text,
    pub(super) bind: Text,
    pub(super) profile: Text,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProfile {
    pub(super) authenticate: Option<Spanned<bool>>,
    pub(super) digest: Text,
    pub(super) trunks_only: Option<Spanned<bool>>,
    pub(super) t1_ms: Number,
    pub(super) t2_ms: Number,
    pub(super) t4_ms: Number,
    pub(super) max_message_bytes: Number,
    pub(super) min_expires_s: Number,
    pub(super) max_expires_s: Number,
    pub(super) default_expires_s: Number,
    pub(super) max_bindings: Number,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMedia {
    pub(super) address: Text,
    pub(super) port_min: Number,
    pub(super) port_max: Number,
    pub(super) workers: Number,
    pub(super) port_rest_s: Number,
    pub(super) dead_after_s: Number,
    pub(super) codecs: Texts,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScreen {
    pub(super) bind: Text,
    pub(super) max_frame_bytes: Number,
    pub(super) max_pixels: Number,
    pub(super) chunk_bytes: Number,
    pub(super) max_control_bytes: Number,
    pub(super) message_max_bytes: Number,
    pub(super) sessions_max: Number,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStore {
    pub(super) url: Text,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConsole {
    pub(super) bind: Text,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUser {
    pub(super) name: Text,
    pub(super) password: Text,
    pub(super) password_env: Text,
    pub(super) password_file: Text,
    pub(super) display: Text,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawQueue {
    pub(super) name: Text,
    pub(super) addresses: Texts,
    pub(super) numbers: Texts,
    pub(super) strategy: Text,
    pub(super) music: Text,
    pub(super) ring_timeout_s: Number,
    pub(super) max_wait_s: Number,
    pub(super) max_callers: Number,
    pub(super) wrap_up_s: Number,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSeat {
    pub(super) id: Text,
    pub(super) user: Text,
    pub(super) queues: Texts,
    pub(super) wrap_up_s: Number,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTrunk {
    pub(super) name: Text,
    pub(super) peer: Text,
    pub(super) listener: Text,
    pub(super) max_calls: Number,
    pub(super) caller_number: Text,
    pub(super) media: Text,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRoute {
    pub(super) prefix: Text,
    pub(super) trunk: Text,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAccess {
    pub(super) other: Text,
    pub(super) trunk: Text,
    pub(super) number: Text,
    pub(super) status: Number,
}
