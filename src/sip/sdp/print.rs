//! [`SessionDescription`] → text, in the order of RFC 8866 §5 and with CRLF.

use std::fmt::{self, Display, Formatter};

use super::{Attribute, Attributes, Connection, ExtraLine, Media, Origin, SessionDescription};

impl Display for SessionDescription {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "v=0\r\no={}\r\ns={}\r\n", self.origin, self.session_name)?;
        section(f, &self.extra, self.connection.as_ref(), &self.attributes)?;
        self.media.iter().try_for_each(|media| media.fmt(f))
    }
}

impl Display for Media {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "m={} {}", self.kind, self.port)?;
        if let Some(count) = self.port_count {
            write!(f, "/{count}")?;
        }
        write!(f, " {}", self.proto)?;
        self.formats.iter().try_for_each(|format| write!(f, " {format}"))?;
        f.write_str("\r\n")?;
        section(f, &self.extra, self.connection.as_ref(), &self.attributes)
    }
}

impl Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Origin { username, session_id, version, net_type, addr_type, address } = self;
        write!(f, "{username} {session_id} {version} {net_type} {addr_type} {address}")
    }
}

impl Display for Connection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.net_type, self.addr_type, self.address)
    }
}

impl Display for Attribute {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}:{value}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The lines that follow `s=` or `m=`. The order of letters is the RFC's; lines of one letter keep theirs, and `t`,
/// `r` and letters nobody knows keep theirs among themselves because their order carries meaning.
fn section(
    f: &mut Formatter<'_>,
    extra: &[ExtraLine],
    connection: Option<&Connection>,
    attributes: &Attributes,
) -> fmt::Result {
    let rank = |kind: char| "iuepcb".find(kind).unwrap_or(6);
    for place in 0..=6 {
        if place == rank('c')
            && let Some(connection) = connection
        {
            write!(f, "c={connection}\r\n")?;
        }
        for line in extra.iter().filter(|line| rank(line.kind) == place) {
            write!(f, "{}={}\r\n", line.kind, line.value)?;
        }
    }
    attributes.iter().try_for_each(|attribute| write!(f, "a={attribute}\r\n"))
}
