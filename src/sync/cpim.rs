//! `message/cpim` (RFC 3862): the envelope around every frame and control message.
//!
//! Message headers, an empty line, MIME headers, an empty line, content. Header names are case-sensitive; names with a
//! dot belong to a namespace that an `NS` header declares.

use std::fmt::Write as _;

use bytes::Bytes;

/// The media type of the envelope.
pub const MEDIA_TYPE: &str = "message/cpim";
/// Octets of both header blocks together.
const MAX_HEADER_BYTES: usize = 8 * 1024;
/// Headers in one block.
const MAX_HEADERS: usize = 48;

/// Why octets are no `message/cpim`. Always the sender's fault; answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CpimError {
    /// The empty line behind a header block is missing, or comes too late.
    #[error("a header block has no end within {MAX_HEADER_BYTES} octets")]
    NoEnd,
    /// More headers than allowed.
    #[error("more than {MAX_HEADERS} headers")]
    TooMany,
    /// A line without a name and a colon, not UTF-8, or with a control character.
    #[error("a header line is malformed")]
    Line,
    /// A bad escape (RFC 3862 §2.3).
    #[error("a character escape is malformed")]
    Escape,
    /// `From` or `To` without `<URI>`.
    #[error("an address has no URI in angle brackets")]
    Address,
    /// A header that may occur only once occurs again.
    #[error("a header is repeated")]
    Repeated,
    /// The content has no `Content-Type`.
    #[error("the content has no Content-Type")]
    NoContentType,
}

/// A message with its envelope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cpim {
    /// The URI of `From`.
    pub from: Option<String>,
    /// The URIs of the `To` headers.
    pub to: Vec<String>,
    /// `DateTime` (RFC 3339), as written.
    pub date_time: Option<String>,
    /// `Subject`, of any language, unescaped.
    pub subjects: Vec<String>,
    /// The names in `Require`.
    pub require: Vec<String>,
    /// Declared namespaces: prefix and URI. The empty prefix is the default namespace.
    pub namespaces: Vec<(String, String)>,
    /// Every other message header, by its name as written.
    pub extensions: Vec<(String, String)>,
    /// The MIME headers of the content.
    pub content_headers: Vec<(String, String)>,
    /// The content.
    pub body: Bytes,
}

impl Cpim {
    /// Reads an envelope; the content shares the octets.
    pub fn parse(octets: &Bytes) -> Result<Cpim, CpimError> {
        let mut cpim = Cpim::default();
        let (headers, at) = block(octets, 0)?;
        for line in lines(headers)? {
            let (name, value) = split(line)?;
            cpim.set(name, value)?;
        }
        let (headers, at) = block(octets, at)?;
        for line in lines(headers)? {
            let (name, value) = split(line)?;
            cpim.content_headers.push((name.to_owned(), value.to_owned()));
        }
        if cpim.content_type().is_none() {
            return Err(CpimError::NoContentType);
        }
        cpim.body = octets.slice(at..);
        Ok(cpim)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), CpimError> {
        match name {
            "From" => once(&mut self.from, address(value)?)?,
            "To" => self.to.push(address(value)?),
            "DateTime" => once(&mut self.date_time, value.to_owned())?,
            "Subject" => self.subjects.push(unescape(value)?),
            "Require" => self.require.extend(value.split(',').map(|name| name.trim().to_owned())),
            "NS" => {
                let (prefix, rest) = value.split_once('<').ok_or(CpimError::Address)?;
                let uri = rest.strip_suffix('>').ok_or(CpimError::Address)?;
                self.namespaces.push((prefix.trim().to_owned(), uri.to_owned()));
            }
            _ => self.extensions.push((name.to_owned(), unescape(value)?)),
        }
        Ok(())
    }

    /// The value of header `name` of the namespace `uri`, whatever prefix the sender chose for it.
    pub fn extension(&self, uri: &str, name: &str) -> Option<&str> {
        let of_namespace = |header: &str| match header.split_once('.') {
            Some((prefix, local)) => local == name && self.namespace_of(prefix) == Some(uri),
            None => header == name && self.namespace_of("") == Some(uri),
        };
        self.extensions.iter().find(|(header, _)| of_namespace(header)).map(|(_, value)| value.as_str())
    }

    fn namespace_of(&self, prefix: &str) -> Option<&str> {
        self.namespaces.iter().rev().find(|(known, _)| known == prefix).map(|(_, uri)| uri.as_str())
    }

    /// The first name in `Require` that is neither of RFC 3862 nor in the namespace `uri`: such a message must not be
    /// processed (RFC 3862 §4.7).
    pub fn unknown_requirement(&self, uri: &str) -> Option<&str> {
        const STANDARD: [&str; 7] = ["From", "To", "cc", "DateTime", "Subject", "NS", "Require"];
        let known = |name: &str| {
            STANDARD.contains(&name)
                || name.split_once('.').is_some_and(|(prefix, _)| self.namespace_of(prefix) == Some(uri))
        };
        self.require.iter().map(String::as_str).find(|name| !known(name))
    }

    /// The content's media type in lower case, without parameters.
    pub fn content_type(&self) -> Option<String> {
        let value = self.content_headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Content-Type"));
        value.map(|(_, value)| media_type(value))
    }

    /// Prints the envelope and the content.
    pub fn to_bytes(&self) -> Bytes {
        let mut head = String::with_capacity(512);
        for (name, uri) in self.from.iter().map(|uri| ("From", uri)).chain(self.to.iter().map(|uri| ("To", uri))) {
            let _ = write!(head, "{name}: <{}>\r\n", one_line(uri));
        }
        if let Some(date_time) = &self.date_time {
            let _ = write!(head, "DateTime: {}\r\n", one_line(date_time));
        }
        for subject in &self.subjects {
            let _ = write!(head, "Subject: {}\r\n", escape(subject));
        }
        for (prefix, uri) in &self.namespaces {
            let space = if prefix.is_empty() { "" } else { " " };
            let _ = write!(head, "NS: {}{space}<{}>\r\n", one_line(prefix), one_line(uri));
        }
        if !self.require.is_empty() {
            let _ = write!(head, "Require: {}\r\n", one_line(&self.require.join(",")));
        }
        for (name, value) in &self.extensions {
            let _ = write!(head, "{}: {}\r\n", one_line(name), escape(value));
        }
        head.push_str("\r\n");
        for (name, value) in &self.content_headers {
            let _ = write!(head, "{}: {}\r\n", one_line(name), one_line(value));
        }
        head.push_str("\r\n");
        let mut out = Vec::with_capacity(head.len() + self.body.len());
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&self.body);
        out.into()
    }
}

/// `Type/Subtype; parameters` → `type/subtype`.
pub fn media_type(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The header block that starts at `from`, and where what follows it starts.
fn block(octets: &Bytes, from: usize) -> Result<(&[u8], usize), CpimError> {
    let window = &octets[from..octets.len().min(from + MAX_HEADER_BYTES)];
    if window.starts_with(b"\r\n") {
        return Ok((&[], from + 2));
    }
    let end = memchr::memmem::find(window, b"\r\n\r\n").ok_or(CpimError::NoEnd)?;
    Ok((&window[..end], from + end + 4))
}

fn lines(block: &[u8]) -> Result<impl Iterator<Item = &str>, CpimError> {
    let text = std::str::from_utf8(block).map_err(|_| CpimError::Line)?;
    if text.split("\r\n").count() > MAX_HEADERS {
        return Err(CpimError::TooMany);
    }
    Ok(text.split("\r\n").filter(|line| !line.is_empty()))
}

/// `Name: value`, or `Name:;lang=fr value` whose parameters nobody here needs.
fn split(line: &str) -> Result<(&str, &str), CpimError> {
    if line.chars().any(|c| c.is_control() && c != '\t') {
        return Err(CpimError::Line);
    }
    let (name, rest) = line.split_once(':').ok_or(CpimError::Line)?;
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(CpimError::Line);
    }
    let value = if rest.starts_with(';') { rest.split_once(' ').map_or("", |(_, value)| value) } else { rest };
    Ok((name, value.trim()))
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), CpimError> {
    if slot.replace(value).is_some() { Err(CpimError::Repeated) } else { Ok(()) }
}

/// `Formal name <URI>` → `URI`.
fn address(value: &str) -> Result<String, CpimError> {
    let inside = value.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')).ok_or(CpimError::Address)?.1;
    if inside.is_empty() || !inside.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(CpimError::Address);
    }
    Ok(inside.to_owned())
}

/// RFC 3862 §2.3: `\uXXXX` and the C-like escapes.
fn unescape(value: &str) -> Result<String, CpimError> {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next().ok_or(CpimError::Escape)? {
            'u' => {
                let digits: String = chars.by_ref().take(4).collect();
                let complete = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
                let code = complete.then(|| u32::from_str_radix(&digits, 16).ok()).flatten();
                out.push(code.and_then(char::from_u32).ok_or(CpimError::Escape)?);
            }
            'b' => out.push('\u{8}'),
            't' => out.push('\t'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            c @ ('"' | '\'' | '\\') => out.push(c),
            _ => return Err(CpimError::Escape),
        }
    }
    Ok(out)
}

fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// What cannot be escaped must not break the line.
fn one_line(value: &str) -> String {
    value.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RFC_LIKE: &str = "From: MR SANDERS <im:piglet@100akerwood.com>\r\nTo: \"A B\" <im:eeyore@100akerwood.com>\r\n\
        DateTime: 2000-12-13T13:40:00-08:00\r\nSubject: fine\\u0020weather \\\"today\\\"\r\n\
        Subject:;lang=fr beau temps\r\nNS: Mine <urn:x:features>\r\nRequire: Mine.Vital,From\r\n\
        Mine.Vital: yes\r\nOther.Vital: no\r\n\r\nContent-type: text/xml; charset=utf-8\r\nContent-ID: <1@foo>\r\n\r\n\
        <body>\r\n\r\n</body>";

    #[test]
    fn reads_every_part() {
        let cpim = Cpim::parse(&Bytes::from_static(RFC_LIKE.as_bytes())).expect("legal");
        assert_eq!(cpim.from.as_deref(), Some("im:piglet@100akerwood.com"));
        assert_eq!(cpim.to, ["im:eeyore@100akerwood.com"]);
        assert_eq!(cpim.subjects, ["fine weather \"today\"", "beau temps"]);
        assert_eq!(cpim.extension("urn:x:features", "Vital"), Some("yes"));
        assert_eq!(cpim.extension("urn:x:features", "vital"), None, "names are case-sensitive");
        assert_eq!(cpim.extension("urn:other", "Vital"), None, "undeclared prefixes mean nothing");
        assert_eq!(cpim.content_type().as_deref(), Some("text/xml"));
        assert_eq!(cpim.body, "<body>\r\n\r\n</body>");
        assert_eq!(cpim.unknown_requirement("urn:x:features"), None);
        assert_eq!(cpim.unknown_requirement("urn:tandem"), Some("Mine.Vital"));
    }

    #[test]
    fn refuses_what_is_none() {
        let long = format!("From: <a:b>\r\nX: {}\r\n\r\n", "a".repeat(9000));
        let many = format!("{}\r\nContent-Type: a/b\r\n\r\n", "X: y\r\n".repeat(60));
        for (text, error) in [
            ("", CpimError::NoEnd),
            ("From: <a:b>\r\n", CpimError::NoEnd),
            ("From: <a:b>\r\n\r\nContent-Type: a/b\r\n", CpimError::NoEnd),
            ("From: <a:b>\n\nContent-Type: a/b\n\n", CpimError::NoEnd),
            ("From: <a:b>\r\n\r\n\r\nbody", CpimError::NoContentType),
            ("From: a:b\r\n\r\nContent-Type: a/b\r\n\r\n", CpimError::Address),
            ("From: <a b>\r\n\r\nContent-Type: a/b\r\n\r\n", CpimError::Address),
            ("From: <a:b>\r\nFrom: <a:c>\r\n\r\nContent-Type: a/b\r\n\r\n", CpimError::Repeated),
            ("no colon\r\n\r\nContent-Type: a/b\r\n\r\n", CpimError::Line),
            ("A: b\u{1}\r\n\r\nContent-Type: a/b\r\n\r\n", CpimError::Line),
            ("A: \\x\r\n\r\nContent-Type: a/b\r\n\r\n", CpimError::Escape),
            ("A: \\ud800\r\n\r\nContent-Type: a/b\r\n\r\n", CpimError::Escape),
            ("A: \\u+041\r\n\r\nContent-Type: a/b\r\n\r\n", CpimError::Escape),
            (&long, CpimError::NoEnd),
            (&many, CpimError::TooMany),
        ] {
            assert_eq!(Cpim::parse(&Bytes::copy_from_slice(text.as_bytes())), Err(error), "{text:.60}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(value in "[ -~\\p{Han}\\\\]{0,40}", line in "\\PC*", body in proptest::collection::vec(any::<u8>(), 0..99)) {
            let cpim = Cpim {
                from: Some("urn:x:y".into()),
                to: vec!["tel:+8613800138000".into()],
                subjects: vec![format!("a\r\n{}", line.trim())],
                namespaces: vec![("n".into(), "urn:n".into())],
                extensions: vec![("n.V".into(), value.trim().into())],
                content_headers: vec![("Content-Type".into(), "image/png".into())],
                body: body.into(),
                ..Cpim::default()
            };
            prop_assert_eq!(Cpim::parse(&cpim.to_bytes()).expect("our own"), cpim);
        }

        #[test]
        fn noise_never_panics(noise in "\\PC{0,30}(\r\n)?\\PC{0,30}(\r\n\r\n)?\\PC{0,30}(\r\n\r\n)?") {
            let _ = Cpim::parse(&Bytes::from(noise.into_bytes()));
        }
    }
}
