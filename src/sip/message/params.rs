//! The `;name=value` parameters of a header value (RFC 3261 §25.1, `generic-param`).

use std::fmt;

use bytes::Bytes;

use super::lex::{self, Scanner};
use super::{ParseError, Text, limits};

/// Parameters in the order they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<Param>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Param {
    name: Text,
    value: Option<Text>,
    quoted: bool,
}

impl Params {
    /// No parameters.
    pub fn new() -> Self {
        Params::default()
    }

    /// `None`: absent. `Some(None)`: present without a value (`;lr`). `Some(Some(v))`: its value, quotes and escapes
    /// taken off. Names are compared without regard to case.
    pub fn get(&self, name: &str) -> Option<Option<&str>> {
        let param = self.0.iter().find(|param| param.name.eq_ignore_ascii_case(name))?;
        Some(param.value.as_deref())
    }

    /// The value of a parameter that has one.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.get(name).flatten()
    }

    /// Replaces the parameter, or appends it. A value that is no token is quoted, and line ends in it become blanks.
    /// A name that is no token is ignored: there is no way to write it.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        if !lex::is_token(name.as_bytes()) {
            return;
        }
        let quoted = value.is_some_and(|value| value.is_empty() || !value.bytes().all(is_plain_value));
        let param = Param { name: name.into(), value: value.map(Text::from), quoted };
        match self.0.iter_mut().find(|old| old.name.eq_ignore_ascii_case(name)) {
            Some(old) => *old = param,
            None => self.0.push(param),
        }
    }

    /// Takes the parameter out; whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|param| !param.name.eq_ignore_ascii_case(name));
        self.0.len() != before
    }

    /// All parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|param| (param.name.as_str(), param.value.as_deref()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes `*( ";" param )` up to the end of `scanner`, which runs over `source`. An empty parameter (`;;`) is an error
    /// (RFC 4475 §3.1.2.1).
    pub(super) fn scan(source: &Bytes, scanner: &mut Scanner<'_>) -> Result<Params, ParseError> {
        let mut params = Params::new();
        while scanner.separator(b';') {
            if params.len() == limits::MAX_PARAMS {
                return Err(ParseError::Malformed("parameters: too many"));
            }
            let param = Param::scan(source, scanner)?;
            // RFC 3261 §7.3.1: no name twice; two elements could each believe another one.
            if params.get(&param.name).is_some() {
                return Err(ParseError::Malformed("parameters: repeated"));
            }
            params.0.push(param);
        }
        scanner.skip_blanks();
        if scanner.is_done() { Ok(params) } else { Err(ParseError::Malformed("parameter")) }
    }
}

impl Param {
    fn scan(source: &Bytes, scanner: &mut Scanner<'_>) -> Result<Param, ParseError> {
        let bad = ParseError::Malformed("parameter");
        let name = Text::slice(source, scanner.token("parameter")?).ok_or(bad.clone())?;
        if !scanner.separator(b'=') {
            return Ok(Param { name, value: None, quoted: false });
        }
        let quoted = scanner.peek() == Some(b'"');
        let value = if quoted {
            let inside = scanner.quoted("parameter")?;
            if source[inside.clone()].contains(&b'\\') {
                String::from_utf8(lex::unescape(&source[inside])).ok().map(Text::from)
            } else {
                Text::slice(source, inside)
            }
        } else {
            let range = scanner.take_while(is_plain_value);
            Text::slice(source, range).filter(|value| !value.is_empty())
        };
        Ok(Param { name, value: Some(value.ok_or(bad)?), quoted })
    }
}

/// What may stand in an unquoted value: `token / host`, and generously any visible ASCII that separates nothing
/// (RFC 5118 §4.5 has `received=2001:db8::9:255` without brackets).
fn is_plain_value(b: u8) -> bool {
    b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b';' | b'<' | b'>' | b'=' | b'\\')
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for param in &self.0 {
            write!(f, ";{}", param.name)?;
            match &param.value {
                Some(value) if param.quoted => {
                    f.write_str("=")?;
                    lex::write_quoted(f, value)?;
                }
                Some(value) => write!(f, "={value}")?,
                None => {}
            }
        }
        Ok(())
    }
}
