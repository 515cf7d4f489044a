//! The screen stream: MSRP over TCP (RFC 4975 §8, RFC 6135).

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;

use super::{Attribute, Connection, Media, SessionDescription};

/// Who opens the TCP connection: the value of `a=setup` (RFC 4145 §4, RFC 6135 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setup {
    /// The writer connects.
    Active,
    /// The writer listens.
    Passive,
    /// The writer can do either and leaves the choice to the answer.
    ActPass,
}

impl Setup {
    /// The attribute's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Setup::Active => "active",
            Setup::Passive => "passive",
            Setup::ActPass => "actpass",
        }
    }

    fn of(media: &Media, session: &SessionDescription) -> Option<Self> {
        let value = media.attributes.value("setup").or_else(|| session.attributes.value("setup"))?.trim();
        [Setup::Active, Setup::Passive, Setup::ActPass].into_iter().find(|s| value.eq_ignore_ascii_case(s.as_str()))
    }
}

impl Display for Setup {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One `m=message … TCP/MSRP *` section, ours or a peer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenLine {
    /// Where the writer listens; for a peer, what its `m=` and `c=` lines say. The path is what counts
    /// (RFC 4975 §8.1).
    pub address: Option<SocketAddr>,
    /// The MSRP URIs of `a=path`, as written; more than one when relays are used.
    pub path: String,
    /// Who connects. `None`: nothing was said, so the offerer does (RFC 4975 §5.4).
    pub setup: Option<Setup>,
    /// Media types the writer takes as a whole message (RFC 4975 §8.6).
    pub accept_types: Vec<String>,
    /// Media types the writer takes inside an envelope such as `message/cpim`.
    pub accept_wrapped_types: Vec<String>,
    /// The largest message the writer takes, in octets.
    pub max_size: Option<u64>,
}

impl ScreenLine {
    /// What the envelope is.
    pub const ENVELOPE: &'static str = "message/cpim";
    /// What the envelope carries: screens and control messages.
    pub const CONTENT: [&'static str; 4] =
        ["image/png", "image/jpeg", "image/webp", "application/vnd.tandem.control+json"];

    /// Our stream: listening at `address`, with the session id that names it there, taking messages up to `max_size`
    /// octets.
    pub fn new(address: SocketAddr, session: &str, setup: Setup, max_size: u64) -> Self {
        ScreenLine {
            address: Some(address),
            path: format!("msrp://{address}/{session};tcp"),
            setup: Some(setup),
            accept_types: vec![Self::ENVELOPE.to_owned()],
            accept_wrapped_types: Self::CONTENT.map(str::to_owned).to_vec(),
            max_size: Some(max_size),
        }
    }

    /// Reads a peer's section; `None` when it is refused, no MSRP over TCP, or has no path (RFC 4975 §8.2: MUST).
    pub fn read(media: &Media, session: &SessionDescription) -> Option<Self> {
        let path = media.attributes.value("path")?.trim();
        if media.port == 0 || !media.is_msrp() || path.is_empty() {
            return None;
        }
        let types = |name: &str| -> Vec<String> {
            media.attributes.values(name).flat_map(str::split_ascii_whitespace).map(str::to_owned).collect()
        };
        Some(ScreenLine {
            address: media.rtp_address(session),
            path: path.to_owned(),
            setup: Setup::of(media, session),
            accept_types: types("accept-types"),
            accept_wrapped_types: types("accept-wrapped-types"),
            max_size: media.attributes.value("max-size").and_then(|size| size.trim().parse().ok()),
        })
    }

    /// The section, inside `session`.
    pub fn to_media(&self, session: &SessionDescription) -> Media {
        let port = self.address.map_or(0, |address| address.port());
        let mut media = Media::new("message", port, "TCP/MSRP", vec!["*".to_owned()]);
        let own = self.address.map(|address| Connection::new(address.ip()));
        media.connection = own.filter(|own| session.connection.as_ref() != Some(own));
        let mut say = |name: &str, value: String| media.attributes.push(Attribute::new(name, value));
        say("path", self.path.clone());
        say("accept-types", self.accept_types.join(" "));
        if !self.accept_wrapped_types.is_empty() {
            say("accept-wrapped-types", self.accept_wrapped_types.join(" "));
        }
        if let Some(max_size) = self.max_size {
            say("max-size", max_size.to_string());
        }
        if let Some(setup) = self.setup {
            say("setup", setup.to_string());
        }
        media
    }

    /// Whether the writer takes our envelope, by name or by wildcard (RFC 4975 §8.6).
    pub fn accepts_envelope(&self) -> bool {
        self.accept_types
            .iter()
            .any(|t| t == "*" || t.eq_ignore_ascii_case("message/*") || t.eq_ignore_ascii_case(Self::ENVELOPE))
    }

    /// The role of whoever answers this offer, who would rather have `preferred` when it may choose, and whether the
    /// answer says so: silence is answered with silence (RFC 6135 §5).
    pub(super) fn answering_role(&self, preferred: Option<Setup>) -> (Setup, Option<Setup>) {
        let role = match self.setup {
            None | Some(Setup::Active) => Setup::Passive,
            Some(Setup::Passive) => Setup::Active,
            Some(Setup::ActPass) if preferred == Some(Setup::Active) => Setup::Active,
            Some(Setup::ActPass) => Setup::Passive,
        };
        (role, self.setup.map(|_| role))
    }
}
