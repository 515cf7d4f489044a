//! The common grammar of challenges and credentials: `scheme name=value, name="value"` (RFC 7235 §2.1).

use std::fmt::{self, Write};

/// One challenge, or one set of credentials, of whatever scheme.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scheme<'a> {
    pub name: &'a str,
    params: Vec<(&'a str, String)>,
}

/// More parameters than any scheme has; the rest of such a value is not worth reading.
const MAX_PARAMS: usize = 32;

impl<'a> Scheme<'a> {
    /// Reads one header value, which may hold several challenges joined by commas (RFC 7235 §4.1). Unknown schemes come
    /// out like known ones (RFC 4475 §3.3.7); reading stops where the grammar does.
    pub fn parse_all(value: &'a str) -> Vec<Scheme<'a>> {
        let mut schemes: Vec<Scheme<'a>> = Vec::new();
        for element in Elements(value) {
            let (word, rest) = take_token(element);
            let rest = rest.trim_start();
            if let Some(param) = parse_param(word, rest) {
                match schemes.last_mut() {
                    Some(scheme) if scheme.params.len() < MAX_PARAMS => scheme.params.push(param),
                    Some(_) | None => break,
                }
            } else if word.is_empty() {
                break;
            } else {
                // `Digest realm="…"`, `Basic dG9rZW42OA==`, `Negotiate`.
                let (name, first) = take_token(rest);
                let params = parse_param(name, first.trim_start()).into_iter().collect();
                schemes.push(Scheme { name: word, params });
            }
        }
        schemes
    }

    /// The value of a parameter, quotes and escapes taken off; the first, if it is there twice.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether this is the digest scheme.
    pub fn is_digest(&self) -> bool {
        self.name.eq_ignore_ascii_case("Digest")
    }
}

/// `name` was taken already; `rest` is what follows it: `= value`, or this is no parameter.
fn parse_param<'a>(name: &'a str, rest: &str) -> Option<(&'a str, String)> {
    let value = rest.strip_prefix('=')?.trim();
    let unquoted = match value.strip_prefix('"') {
        Some(inside) => unescape(inside.strip_suffix('"')?),
        // `Basic abc==` is no parameter: token68 may end in `=`, a value is never empty and has none.
        None if value.is_empty() || value.starts_with('=') => return None,
        None => value.to_owned(),
    };
    (!name.is_empty()).then_some((name, unquoted))
}

fn take_token(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !is_token_char(c)).unwrap_or(text.len());
    text.split_at(end)
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-.!%*_+`'~".contains(c)
}

fn unescape(quoted: &str) -> String {
    let mut out = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

/// The trimmed pieces between commas that stand outside quotes; empty pieces are left out.
struct Elements<'a>(&'a str);

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        while !self.0.is_empty() {
            let end = unquoted_comma(self.0);
            let element = self.0[..end].trim();
            self.0 = self.0.get(end + 1..).unwrap_or_default();
            if !element.is_empty() {
                return Some(element);
            }
        }
        None
    }
}

fn unquoted_comma(text: &str) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (at, b) in text.bytes().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

/// Writes `Digest name=value, …`.
pub(super) struct Writer<'a, 'b> {
    out: &'a mut fmt::Formatter<'b>,
    first: bool,
}

impl<'a, 'b> Writer<'a, 'b> {
    pub fn digest(out: &'a mut fmt::Formatter<'b>) -> Result<Self, fmt::Error> {
        out.write_str("Digest ")?;
        Ok(Writer { out, first: true })
    }

    /// A parameter that the grammar wants bare (RFC 7616 §3.4: `algorithm`, `nc`, and `qop` in credentials).
    pub fn token(&mut self, name: &str, value: &str) -> fmt::Result {
        self.name(name)?;
        self.out.write_str(value)
    }

    /// A parameter that the grammar wants in quotes. Control characters become blanks: they cannot be written.
    pub fn quoted(&mut self, name: &str, value: &str) -> fmt::Result {
        self.name(name)?;
        self.out.write_char('"')?;
        for c in value.chars() {
            match c {
                '"' | '\\' => write!(self.out, "\\{c}")?,
                c if c.is_control() => self.out.write_char(' ')?,
                c => self.out.write_char(c)?,
            }
        }
        self.out.write_char('"')
    }

    fn name(&mut self, name: &str) -> fmt::Result {
        if !self.first {
            self.out.write_str(", ")?;
        }
        self.first = false;
        write!(self.out, "{name}=")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_value_may_hold_several_challenges() {
        let value =
            r#"Basic realm="a, b", Digest realm="x\"y", qop="auth,auth-int" ,nonce = "n", Negotiate, NewAuth dG9rZW4="#;
        let schemes = Scheme::parse_all(value);
        assert_eq!(schemes.iter().map(|s| s.name).collect::<Vec<_>>(), ["Basic", "Digest", "Negotiate", "NewAuth"]);
        assert_eq!(schemes[0].get("REALM"), Some("a, b"));
        assert_eq!(schemes[1].get("realm"), Some("x\"y"));
        assert_eq!(schemes[1].get("qop"), Some("auth,auth-int"));
        assert_eq!(schemes[1].get("nonce"), Some("n"));
        assert_eq!(schemes[3].params, []);
    }

    #[test]
    fn values_that_break_off_are_not_invented() {
        for broken in [r#"Digest realm="x"#, "Digest realm=", "=", "", ",,,", "Digest ="] {
            assert!(Scheme::parse_all(broken).iter().all(|scheme| scheme.params.is_empty()), "{broken}");
        }
        assert_eq!(Scheme::parse_all(r#"realm="x", Digest realm="y""#), []);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,200}") {
            Scheme::parse_all(&text);
        }

        #[test]
        fn quoted_values_come_back(value in "[ -~]{0,40}") {
            struct One<'a>(&'a str);
            impl fmt::Display for One<'_> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    Writer::digest(f)?.quoted("realm", self.0)
                }
            }
            let written = One(&value).to_string();
            let schemes = Scheme::parse_all(&written);
            prop_assert_eq!(schemes.len(), 1);
            prop_assert_eq!(schemes[0].get("realm"), Some(value.as_str()));
        }
    }
}
