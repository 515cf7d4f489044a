//! The character classes and the small scanner that every typed value is read with (RFC 3261 §25.1).

use std::ops::Range;

use super::ParseError;

/// `token` characters.
pub(super) fn is_token_char(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// Whether `bytes` is a non-empty `token`.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().copied().all(is_token_char)
}

/// `unreserved` characters of a URI.
pub(super) fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
}

fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

/// The range of `bytes` without surrounding blanks and line ends.
pub(super) fn trimmed(bytes: &[u8]) -> Range<usize> {
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let start = bytes.iter().position(|b| !blank(b)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|b| !blank(b)).map_or(start, |last| last + 1);
    start..end
}

/// `1*DIGIT` with any number of leading zeros; `None` when it is something else or does not fit.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0u64, |sum, b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// `1*DIGIT` where a number too large counts as `u32::MAX` (delta-seconds, RFC 3261 §20.10).
pub(super) fn saturating_u32(bytes: &[u8]) -> Option<u32> {
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(number(bytes).and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX))
}

/// Cuts the next element off a comma-separated list that starts at `at`, not looking into quotes or `<>`; returns its
/// trimmed range and where the following one starts. Empty elements are passed over.
pub(super) fn next_element(list: &[u8], mut at: usize) -> Option<(Range<usize>, usize)> {
    while at < list.len() {
        let end = element_end(list, at);
        let inner = trimmed(&list[at..end]);
        let element = at + inner.start..at + inner.end;
        at = end + 1;
        if !element.is_empty() {
            return Some((element, at));
        }
    }
    None
}

fn element_end(list: &[u8], start: usize) -> usize {
    let (mut quoted, mut angle, mut at) = (false, false, start);
    while let Some(&b) = list.get(at) {
        match b {
            b'\\' if quoted => at += 1,
            b'"' if !angle => quoted = !quoted,
            b'<' if !quoted => angle = true,
            b'>' if !quoted => angle = false,
            b',' if !quoted && !angle => return at,
            _ => {}
        }
        at += 1;
    }
    list.len()
}

/// Reads one unfolded header value from left to right.
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Scanner { bytes, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rewind(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn skip_blanks(&mut self) {
        self.take_while(is_blank);
    }

    /// Takes `b` with blanks around it, if it comes next.
    pub(super) fn separator(&mut self, b: u8) -> bool {
        let start = self.at;
        self.skip_blanks();
        if self.peek() != Some(b) {
            self.at = start;
            return false;
        }
        self.at += 1;
        self.skip_blanks();
        true
    }

    /// Takes exactly `b`, if it comes next.
    pub(super) fn byte(&mut self, b: u8) -> bool {
        let found = self.peek() == Some(b);
        self.at += usize::from(found);
        found
    }

    pub(super) fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> Range<usize> {
        let start = self.at;
        while self.peek().is_some_and(&accept) {
            self.at += 1;
        }
        start..self.at
    }

    pub(super) fn token(&mut self, what: &'static str) -> Result<Range<usize>, ParseError> {
        let range = self.take_while(is_token_char);
        if range.is_empty() { Err(ParseError::Malformed(what)) } else { Ok(range) }
    }

    /// Takes a `quoted-string` whose opening quote comes next; the range is what is between the quotes, escapes kept.
    pub(super) fn quoted(&mut self, what: &'static str) -> Result<Range<usize>, ParseError> {
        if !self.byte(b'"') {
            return Err(ParseError::Malformed(what));
        }
        let start = self.at;
        while let Some(b) = self.peek() {
            match b {
                b'"' => {
                    self.at += 1;
                    return Ok(start..self.at - 1);
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        Err(ParseError::Malformed(what))
    }
}

/// Takes the backslashes off the inside of a `quoted-string`.
pub(super) fn unescape(quoted: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(quoted.len());
    let mut escaped = false;
    for &b in quoted {
        if b == b'\\' && !escaped {
            escaped = true;
        } else {
            out.push(b);
            escaped = false;
        }
    }
    out
}

/// Writes `text` as a `quoted-string`; line ends become blanks, so that no value can start a new header line.
pub(super) fn write_quoted(out: &mut impl std::fmt::Write, text: &str) -> std::fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.write_char('\\')?;
                out.write_char(c)?;
            }
            '\r' | '\n' => out.write_char(' ')?,
            _ => out.write_char(c)?,
        }
    }
    out.write_char('"')
}
