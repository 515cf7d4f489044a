//! `Content-Type` (RFC 3261 §20.15) and the types in `Accept`.

use std::fmt;

use bytes::Bytes;

use super::lex::Scanner;
use super::{Params, ParseError, Text};

/// `type/subtype` with parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    essence: Text,
    /// `boundary`, `charset`, `q` …
    pub params: Params,
}

impl MediaType {
    /// Reads an unfolded value.
    pub fn parse(value: &[u8]) -> Result<MediaType, ParseError> {
        let source = Bytes::copy_from_slice(value);
        let mut scanner = Scanner::new(&source);
        scanner.skip_blanks();
        let kind = scanner.token("media type")?;
        if !scanner.separator(b'/') {
            return Err(ParseError::Malformed("media type"));
        }
        let subtype = scanner.token("media type")?;
        let essence = [&source[kind], b"/", &source[subtype]].concat().to_ascii_lowercase();
        let essence = String::from_utf8(essence).map_err(|_| ParseError::Malformed("media type"))?;
        Ok(MediaType { essence: essence.into(), params: Params::scan(&source, &mut scanner)? })
    }

    /// `type/subtype` in lower case.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// Whether it is this `type/subtype`, written in any case.
    pub fn is(&self, essence: &str) -> bool {
        self.essence.eq_ignore_ascii_case(essence)
    }

    /// The type in lower case.
    pub fn kind(&self) -> &str {
        self.essence.split_once('/').map_or("", |(kind, _)| kind)
    }

    /// The subtype in lower case.
    pub fn subtype(&self) -> &str {
        self.essence.split_once('/').map_or("", |(_, subtype)| subtype)
    }

    /// A parameter's value, unquoted.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.value(name)
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.essence, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_type_and_boundary() {
        let media = MediaType::parse(br#"Multipart / Mixed ; boundary="a b\"c" ;charset=UTF-8"#).unwrap();
        assert_eq!((media.essence(), media.kind(), media.subtype()), ("multipart/mixed", "multipart", "mixed"));
        assert_eq!(media.param("BOUNDARY"), Some("a b\"c"));
        assert_eq!(media.to_string(), r#"multipart/mixed;boundary="a b\"c";charset=UTF-8"#);
    }

    #[test]
    fn refuses_half_a_type() {
        for bad in [&b""[..], b"text", b"text/", b"/plain", b"text/plain;;", b"text/plain x"] {
            assert!(MediaType::parse(bad).is_err(), "{bad:?}");
        }
    }
}
