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
    /// Reads a description. Lines end in CRLF or LF; `s=`, `t=` and the formats of a stream may be missing; text that
    /// is not UTF-8 is taken for ISO 8859-1.
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
        // A refused stream without formats is seen in the field; RFC 3264 §6 wants one all the same.
        if formats.len() > MAX_FORMATS {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nt=0 0\r\n";

    fn refused(text: &str) -> SdpError {
        SessionDescription::parse(text.as_bytes()).expect_err(text)
    }

    #[test]
    fn unknown_lines_are_kept_and_printed_in_the_order_of_the_grammar() {
        let text = "v=0\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\ns=Call\nc=IN IP4 198.51.100.1\ni=A talk\n\
                    b=AS:64\nt=0 0\nr=7d 1h 0 25h\nt=1 2\nx=odd\na=group:BUNDLE a\nm=audio 4000/2 RTP/AVP 0\n\
                    b=TIAS:64000\ni=left\nc=IN IP4 198.51.100.2\na=mid:a\n";
        let expected = "v=0\r\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\ns=Call\r\ni=A talk\r\n\
                        c=IN IP4 198.51.100.1\r\nb=AS:64\r\nt=0 0\r\nr=7d 1h 0 25h\r\nt=1 2\r\nx=odd\r\n\
                        a=group:BUNDLE a\r\nm=audio 4000/2 RTP/AVP 0\r\ni=left\r\nc=IN IP4 198.51.100.2\r\n\
                        b=TIAS:64000\r\na=mid:a\r\n";
        let description = SessionDescription::parse(text.as_bytes()).expect("a valid description");
        assert_eq!(description.to_string(), expected);
    }

    #[test]
    fn missing_name_and_time_and_latin1_are_forgiven() {
        let mut text = b"v=0\no=- 1 1 IN IP4 192.0.2.7\ni=caf\xe9\n".to_vec();
        let description = SessionDescription::parse(&text).expect("lenient");
        assert_eq!(description.session_name, "-");
        assert_eq!(description.extra[0].value, "caf\u{e9}");
        text.extend_from_slice("i=caf\u{e9}\n".as_bytes());
        let description = SessionDescription::parse(&text).expect("lenient");
        assert_eq!(description.extra[1].value, "caf\u{e9}");
    }

    #[test]
    fn malformed_lines_are_refused() {
        assert_eq!(refused(""), SdpError::Version);
        assert_eq!(refused("o=- 1 1 IN IP4 192.0.2.7\r\n"), SdpError::Version);
        assert_eq!(refused("v=1\r\n"), SdpError::Version);
        assert_eq!(refused("v=0\r\ns=-\r\n"), SdpError::Origin);
        assert_eq!(refused("v=0\r\no=- 1 IN IP4 192.0.2.7\r\n"), SdpError::Origin);
        assert_eq!(refused(&format!("{HEAD}nonsense\r\n")), SdpError::Line(5));
        assert_eq!(refused(&format!("{HEAD}a=x\rb\r\n")), SdpError::Line(5));
        assert_eq!(refused(&format!("{HEAD}a=x\0b\r\n")), SdpError::Line(5));
        assert_eq!(refused(&format!("{HEAD}c=IN IP4\r\n")), SdpError::Connection(5));
        assert_eq!(refused(&format!("{HEAD}m=audio 65536 RTP/AVP 0\r\n")), SdpError::Media(5));
        assert_eq!(refused(&format!("{HEAD}m=audio -1 RTP/AVP 0\r\n")), SdpError::Media(5));
        assert_eq!(refused(&format!("{HEAD}m=audio 4000/x RTP/AVP 0\r\n")), SdpError::Media(5));
        assert_eq!(refused(&format!("{HEAD}m=audio 4000\r\n")), SdpError::Media(5));
        assert_eq!(
            refused(&format!("{HEAD}m=audio 4000 RTP/AVP 0\r\no=- 1 1 IN IP4 192.0.2.7\r\n")),
            SdpError::Line(6)
        );
    }

    #[test]
    fn size_is_bounded() {
        let media = "m=audio 4000 RTP/AVP 0\r\n";
        assert!(SessionDescription::parse(format!("{HEAD}{}", media.repeat(MAX_MEDIA)).as_bytes()).is_ok());
        assert_eq!(refused(&format!("{HEAD}{}", media.repeat(MAX_MEDIA + 1))), SdpError::TooMany(5 + MAX_MEDIA));
        assert!(SessionDescription::parse(format!("{HEAD}{}", "a=x\r\n".repeat(MAX_ATTRIBUTES)).as_bytes()).is_ok());
        let too_many = SdpError::TooMany(5 + MAX_ATTRIBUTES);
        assert_eq!(refused(&format!("{HEAD}{}", "a=x\r\n".repeat(MAX_ATTRIBUTES + 1))), too_many);
        assert_eq!(
            refused(&format!("{HEAD}{}", "i=x\r\n".repeat(MAX_ATTRIBUTES + 1))),
            SdpError::TooMany(4 + MAX_ATTRIBUTES)
        );
        assert_eq!(refused(&format!("{HEAD}a={}\r\n", "x".repeat(MAX_BYTES))), SdpError::TooLong);
        assert_eq!(refused(&format!("{HEAD}m=audio 4000 RTP/AVP{}\r\n", " 0".repeat(129))), SdpError::Media(5));
    }

    fn line() -> impl Strategy<Value = String> {
        prop_oneof!["[a-z]=[ -~é]{0,20}", "m=audio [0-9]{1,4} RTP/AVP [0-9]{1,3}", "c=IN IP4 [0-9.]{7}",]
    }

    proptest! {
            #[test]
            fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
                let _ = SessionDescription::parse(&bytes);
            }

            #[test]
        fn what_is_read_prints_to_the_same(lines in proptest::collection::vec(line(), 0..20)) {
            let text = format!("{HEAD}{}", lines.join("\n"));
            if let Ok(description) = SessionDescription::parse(text.as_bytes()) {
                let printed = description.to_string();
                let again = SessionDescription::parse(printed.as_bytes()).map(|again| again.to_string());
                prop_assert_eq!(again, Ok(printed));
            }
        }
    }
}
