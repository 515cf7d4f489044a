//! Text → [`SessionDescription`]: lenient about what is said, strict about how much.

use std::borrow::Cow;
use std::str::FromStr;

use super::{Attribute, Attributes, Connection, ExtraLine, Media, Origin, SessionDescription};

/// The longest description that is read.
pub const MAX_BYTES: usize = 64 * 1024;
/// The most `m=` sections that are read.
pub const MAX_MEDIA: usize = 64;
/// The most `a=` lines of one section; other lines of a section are held to the same number.
pub const MAX_ATTRIBUTES: usize = 256;
/// The most formats of one `m=` line: there are 128 RTP payload types.
const MAX_FORMATS: usize = 128;

/// Why a description cannot be read. The writer's fault, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Longer than [`MAX_BYTES`].
    #[error("the session description is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// A line that is not `x=…`, or carries a control character (RFC 8866 §5, §9 `byte-string`).
    #[error("line {0} of the session description is not of the form x=value")]
    Line(usize),
    /// It does not begin with `v=0` (RFC 8866 §5.1).
    #[error("the session description does not begin with v=0")]
    Version,
    /// `o=` is missing, comes twice, or lacks a field (RFC 8866 §5.2).
    #[error("the o= line of the session description is missing or malformed")]
    Origin,
    /// A malformed `c=` line (RFC 8866 §5.7).
    #[error("line {0}: malformed c= line")]
    Connection(usize),
    /// A malformed `m=` line (RFC 8866 §5.14).
    #[error("line {0}: malformed m= line")]
    Media(usize),
    /// More streams than [`MAX_MEDIA`], or more lines in one section than [`MAX_ATTRIBUTES`].
    #[error("line {0}: too many lines of this kind")]
    TooMany(usize),
}

impl SessionDescription {
    /// Reads a description. Lines end in CRLF or LF; `s=` and `t=` may be missing; text that is not UTF-8 is taken
    /// for ISO 8859-1.
    pub fn parse(body: &[u8]) -> Result<Self, SdpError> {
        if body.len() > MAX_BYTES {
            return Err(SdpError::TooLong);
        }
        let mut reader = Reader::default();
        for (index, line) in body.split(|b| *b == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() {
                reader.line(index + 1, line)?;
            }
        }
        reader.finish()
    }
}

impl FromStr for SessionDescription {
    type Err = SdpError;

    fn from_str(text: &str) -> Result<Self, SdpError> {
        SessionDescription::parse(text.as_bytes())
    }
}

/// What was read so far: session lines until the first `m=`, then that section's.
#[derive(Default)]
struct Reader {
    version: bool,
    origin: Option<Origin>,
    session_name: Option<String>,
    connection: Option<Connection>,
    extra: Vec<ExtraLine>,
    attributes: Attributes,
    media: Vec<Media>,
}

impl Reader {
    fn line(&mut self, number: usize, line: &[u8]) -> Result<(), SdpError> {
        let [kind, b'=', value @ ..] = line else { return Err(SdpError::Line(number)) };
        if !kind.is_ascii_alphabetic() || value.iter().any(|b| matches!(b, 0 | b'\r')) {
            return Err(SdpError::Line(number));
        }
        let value = text(value);
        if !self.version {
            self.version = *kind == b'v' && value.trim() == "0";
            return if self.version { Ok(()) } else { Err(SdpError::Version) };
        }
        match kind {
            b'm' => self.media_line(number, &value),
            b'a' => self.attribute(number, &value),
            b'c' => self.connection(number, &value),
            b'o' if self.media.is_empty() => self.origin(&value),
            b's' if self.media.is_empty() && self.session_name.is_none() => {
                self.session_name = Some(value.into_owned());
                Ok(())
            }
            b'v' | b'o' | b's' => Err(SdpError::Line(number)),
            other => self.extra(number, char::from(*other), value.into_owned()),
        }
    }

    fn origin(&mut self, value: &str) -> Result<(), SdpError> {
        let fields: Vec<&str> = value.split_ascii_whitespace().collect();
        let [username, session_id, version, net_type, addr_type, address] = fields[..] else {
            return Err(SdpError::Origin);
        };
        let origin = Origin {
            username: username.to_owned(),
            session_id: session_id.to_owned(),
            version: version.to_owned(),
            net_type: net_type.to_owned(),
            addr_type: addr_type.to_owned(),
            address: address.to_owned(),
        };
        if self.origin.replace(origin).is_some() { Err(SdpError::Origin) } else { Ok(()) }
    }

    fn connection(&mut self, number: usize, value: &str) -> Result<(), SdpError> {
        let mut fields = value.split_ascii_whitespace();
        let (Some(net_type), Some(addr_type), Some(address), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(SdpError::Connection(number));
        };
        let connection =
            Connection { net_type: net_type.to_owned(), addr_type: addr_type.to_owned(), address: address.to_owned() };
        let slot = match self.media.last_mut() {
            Some(media) => &mut media.connection,
            None => &mut self.connection,
        };
        // Further `c=` lines are for layered multicast (RFC 8866 §5.7): carried, not used.
        if slot.is_some() {
            return self.extra(number, 'c', value.to_owned());
        }
        *slot = Some(connection);
        Ok(())
    }

    fn media_line(&mut self, number: usize, value: &str) -> Result<(), SdpError> {
        if self.media.len() == MAX_MEDIA {
            return Err(SdpError::TooMany(number));
        }
        let mut fields = value.split_ascii_whitespace();
        let (Some(kind), Some(port), Some(proto)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(SdpError::Media(number));
        };
        let (port, count) = match port.split_once('/') {
            Some((port, count)) => (port, Some(count.parse().map_err(|_| SdpError::Media(number))?)),
            None => (port, None),
        };
        let port = port.parse().map_err(|_| SdpError::Media(number))?;
        let formats: Vec<String> = fields.take(MAX_FORMATS + 1).map(str::to_owned).collect();
        if formats.is_empty() || formats.len() > MAX_FORMATS {
            return Err(SdpError::Media(number));
        }
        self.media.push(Media { port_count: count, ..Media::new(kind, port, proto, formats) });
        Ok(())
    }

    fn attribute(&mut self, number: usize, value: &str) -> Result<(), SdpError> {
        let attributes = match self.media.last_mut() {
            Some(media) => &mut media.attributes,
            None => &mut self.attributes,
        };
        if attributes.len() == MAX_ATTRIBUTES {
            return Err(SdpError::TooMany(number));
        }
        attributes.push(match value.split_once(':') {
            Some((name, value)) => Attribute::new(name, value),
            None => Attribute::flag(value),
        });
        Ok(())
    }

    fn extra(&mut self, number: usize, kind: char, value: String) -> Result<(), SdpError> {
        let extra = match self.media.last_mut() {
            Some(media) => &mut media.extra,
            None => &mut self.extra,
        };
        if extra.len() == MAX_ATTRIBUTES {
            return Err(SdpError::TooMany(number));
        }
        extra.push(ExtraLine { kind, value });
        Ok(())
    }

    fn finish(self) -> Result<SessionDescription, SdpError> {
        if !self.version {
            return Err(SdpError::Version);
        }
        Ok(SessionDescription {
            origin: self.origin.ok_or(SdpError::Origin)?,
            session_name: self.session_name.unwrap_or_else(|| "-".to_owned()),
            connection: self.connection,
            extra: self.extra,
            attributes: self.attributes,
            media: self.media,
        })
    }
}

/// UTF-8, or else ISO 8859-1, in which every octet is a character.
fn text(value: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(value) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(value.iter().copied().map(char::from).collect()),
    }
}
