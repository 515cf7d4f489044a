//! The session section of a description (RFC 8866 §5).

use std::net::IpAddr;

use super::{Attributes, Media};

/// A whole session description. What Tandem has no name for is kept in [`ExtraLine`]s and printed back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDescription {
    /// `o=`: who wrote it, and which version of it this is.
    pub origin: Origin,
    /// `s=`; `-` when there is nothing to say.
    pub session_name: String,
    /// `c=` for every stream that has none of its own.
    pub connection: Option<Connection>,
    /// Every other line of this section: `i u e p b t r z k`, and letters nobody knows.
    pub extra: Vec<ExtraLine>,
    /// `a=` lines that hold for all streams.
    pub attributes: Attributes,
    /// The streams. Offer and answer are matched by position (RFC 3264 §6).
    pub media: Vec<Media>,
}

impl SessionDescription {
    /// A description without streams: `s=-`, `t=0 0`, and `c=` with `address`.
    pub fn new(origin: Origin, address: IpAddr) -> Self {
        SessionDescription {
            origin,
            session_name: "-".to_owned(),
            connection: Some(Connection::new(address)),
            extra: vec![ExtraLine { kind: 't', value: "0 0".to_owned() }],
            attributes: Attributes::default(),
            media: Vec::new(),
        }
    }

    /// Whether `other` says the same, whatever its version (RFC 3264 §8: the version rises when anything changes).
    pub fn same_session(&self, other: &SessionDescription) -> bool {
        self.session_name == other.session_name
            && self.connection == other.connection
            && self.extra == other.extra
            && self.attributes == other.attributes
            && self.media == other.media
    }
}

/// The `o=` line (RFC 8866 §5.2). Numbers stay text: they are only ever compared, and deployed devices write
/// some that fit no integer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The writer's user name; `-` when it has none.
    pub username: String,
    /// Unique to the writer's session.
    pub session_id: String,
    /// Rises by one with each change (RFC 3264 §8).
    pub version: String,
    /// `IN` everywhere.
    pub net_type: String,
    /// `IP4` or `IP6`.
    pub addr_type: String,
    /// The writer's address or host name; an identifier only, never a destination.
    pub address: String,
}

impl Origin {
    /// Our own origin.
    pub fn new(username: &str, session_id: u64, version: u64, address: IpAddr) -> Self {
        Origin {
            username: username.to_owned(),
            session_id: session_id.to_string(),
            version: version.to_string(),
            net_type: "IN".to_owned(),
            addr_type: addr_type(address).to_owned(),
            address: address.to_string(),
        }
    }
}

/// A `c=` line (RFC 8866 §5.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// `IN` everywhere.
    pub net_type: String,
    /// `IP4` or `IP6`.
    pub addr_type: String,
    /// A unicast address, a host name, or a multicast address with its scope.
    pub address: String,
}

impl Connection {
    /// `c=IN IP4 …` or `c=IN IP6 …`.
    pub fn new(address: IpAddr) -> Self {
        Connection { net_type: "IN".to_owned(), addr_type: addr_type(address).to_owned(), address: address.to_string() }
    }

    /// The address when it is a literal one; a host name gives `None`.
    pub fn ip(&self) -> Option<IpAddr> {
        let literal = self.address.split('/').next().unwrap_or_default();
        literal.parse().ok()
    }

    /// Whether it is `0.0.0.0` or `::`, the hold of RFC 2543 (RFC 3264 §8.4).
    pub fn is_unspecified(&self) -> bool {
        self.ip().is_some_and(|ip| ip.is_unspecified())
    }
}

/// A line that is carried but not interpreted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraLine {
    /// The letter before `=`.
    pub kind: char,
    /// What follows it.
    pub value: String,
}

pub(super) fn addr_type(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "IP4",
        IpAddr::V6(_) => "IP6",
    }
}
