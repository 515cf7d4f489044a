//! The direction of a stream (RFC 8866 §6.7, RFC 3264 §5.1 and §6.1).

use super::{Attribute, Attributes, Media, SessionDescription};

/// Which way a stream flows, as seen by whoever wrote the description.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both ways; what holds when nothing is said (RFC 8866 §6.7).
    #[default]
    SendRecv,
    /// The writer only sends: how a peer is put on hold (RFC 3264 §8.4).
    SendOnly,
    /// The writer only receives.
    RecvOnly,
    /// Neither way; RTCP still flows.
    Inactive,
}

impl Direction {
    const ALL: [Direction; 4] = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];

    /// From the two facts it states.
    pub fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// Whether the writer sends.
    pub fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether the writer receives.
    pub fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The same stream seen from the other end.
    pub fn reversed(self) -> Self {
        Direction::new(self.receives(), self.sends())
    }

    /// What both allow, both seen from the same end.
    pub fn and(self, other: Direction) -> Self {
        Direction::new(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// The attribute's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// The attribute.
    pub fn to_attribute(self) -> Attribute {
        Attribute::flag(self.as_str())
    }

    /// The direction of `media` within `session`: its own attribute, else the session's, else `sendrecv`. A
    /// connection address of `0.0.0.0` means that the writer does not receive, the hold of RFC 2543 that
    /// RFC 3264 §8.4 keeps alive.
    pub fn of(media: &Media, session: &SessionDescription) -> Self {
        let said = Self::stated(&media.attributes).or_else(|| Self::stated(&session.attributes)).unwrap_or_default();
        match media.connection_in(session) {
            Some(connection) if connection.is_unspecified() => Direction::new(said.sends(), false),
            _ => said,
        }
    }

    fn stated(attributes: &Attributes) -> Option<Self> {
        Self::ALL.into_iter().find(|direction| attributes.contains(direction.as_str()))
    }
}
