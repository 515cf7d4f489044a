//! The ordered multimap of header fields (RFC 3261 §7.3).

use std::borrow::Cow;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use super::{HeaderName, lex};

/// One header line. Parsed ones keep their octets: name as spelled, blanks, folding.
#[derive(Clone)]
pub struct Header {
    name: HeaderName,
    /// The whole line without its final CRLF; of one that we made, only the value.
    line: Bytes,
    /// Where in `line` the trimmed value is; 0 means that we made it.
    start: u32,
    end: u32,
    /// The value with every fold replaced by a blank, if there was any.
    unfolded: Option<Bytes>,
}

impl Header {
    /// A header of our own. CR, LF and NUL in the value become blanks, so that no value can start another line.
    fn new(name: HeaderName, value: Bytes) -> Header {
        let forbidden = |b: &u8| matches!(b, b'\r' | b'\n' | 0);
        let value = match memchr::memchr3(b'\r', b'\n', 0, &value) {
            Some(_) => value.iter().map(|b| if forbidden(b) { b' ' } else { *b }).collect::<Vec<u8>>().into(),
            None => value,
        };
        let inner = lex::trimmed(&value);
        // A slice of a fresh vector would cost an allocation to share it.
        let line = if inner.len() == value.len() { value } else { value.slice(inner) };
        Header { name: name.sanitised(), start: 0, end: line.len() as u32, line, unfolded: None }
    }

    /// A line as received: `value` is the range after the colon. Lines are no longer than
    /// [`limits::MAX_LINE`](super::limits::MAX_LINE).
    pub(super) fn received(name: HeaderName, line: Bytes, value: Range<usize>, folded: bool) -> Header {
        let inner = lex::trimmed(&line[value.clone()]);
        let inner = value.start + inner.start..value.start + inner.end;
        let unfolded = folded.then(|| unfold(&line[inner.clone()]));
        Header { name, line, start: inner.start as u32, end: inner.end as u32, unfolded }
    }

    /// The name.
    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The value: unfolded, without blanks around it.
    pub fn value(&self) -> &[u8] {
        match &self.unfolded {
            Some(value) => value,
            None => &self.line[self.start as usize..self.end as usize],
        }
    }

    /// The value as text, octets that are not UTF-8 replaced.
    pub fn lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.value())
    }

    /// The value in its shared buffer.
    pub(super) fn shared(&self) -> Bytes {
        match &self.unfolded {
            Some(value) => value.clone(),
            None => self.line.slice(self.start as usize..self.end as usize),
        }
    }

    /// Its values: the elements of a list header, else the one value.
    fn elements(&self) -> Elements<'_> {
        Elements { value: self.value(), at: 0, split: self.name.is_list() }
    }

    pub(super) fn write(&self, out: &mut BytesMut) {
        if self.start == 0 {
            out.put_slice(self.name.as_str().as_bytes());
            out.put_slice(b": ");
        }
        out.put_slice(&self.line);
        out.put_slice(b"\r\n");
    }

    fn written_len(&self) -> usize {
        self.line.len() + 2 + if self.start == 0 { self.name.as_str().len() + 2 } else { 0 }
    }
}

/// RFC 3261 §7.3.1: a fold and the blanks around it are one blank.
fn unfold(value: &[u8]) -> Bytes {
    let mut out: Vec<u8> = Vec::with_capacity(value.len());
    let mut folding = false;
    for &b in value {
        if matches!(b, b'\r' | b'\n') {
            let kept = out.iter().rposition(|b| !matches!(b, b' ' | b'\t')).map_or(0, |last| last + 1);
            out.truncate(kept);
            folding = true;
        } else if !(folding && matches!(b, b' ' | b'\t')) {
            if folding {
                out.push(b' ');
            }
            folding = false;
            out.push(b);
        }
    }
    out.into()
}

struct Elements<'a> {
    value: &'a [u8],
    at: usize,
    split: bool,
}

impl<'a> Elements<'a> {
    fn next_range(&mut self) -> Option<Range<usize>> {
        if self.split {
            let (range, next) = lex::next_element(self.value, self.at)?;
            self.at = next;
            return Some(range);
        }
        let first = self.at == 0;
        self.at = 1;
        first.then_some(0..self.value.len())
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        self.next_range().map(|range| &self.value[range])
    }
}

/// The header fields of a message, in order.
#[derive(Clone, Default)]
pub struct Headers {
    list: Vec<Header>,
    /// Whether a setter ran since the message was parsed.
    changed: bool,
}

impl Headers {
    /// No header fields.
    pub fn new() -> Self {
        Headers::default()
    }

    pub(super) fn with_capacity(lines: usize) -> Self {
        Headers { list: Vec::with_capacity(lines), changed: false }
    }

    /// Adds a line while parsing: not a change.
    pub(super) fn add_received(&mut self, header: Header) {
        self.list.push(header);
    }

    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    /// The first header of that name.
    pub fn get(&self, name: &HeaderName) -> Option<&Header> {
        self.list.iter().find(|header| header.name == *name)
    }

    /// All headers of that name, in order.
    pub fn all(&self, name: &HeaderName) -> impl Iterator<Item = &Header> {
        self.list.iter().filter(move |header| header.name == *name)
    }

    /// All values of that name over all its lines; a list header is split at commas outside quotes and brackets
    /// (RFC 3261 §7.3.1). Empty list elements are left out.
    pub fn values(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        self.all(name).flat_map(Header::elements)
    }

    /// The same, each in the shared buffer.
    pub(super) fn shared_values(&self, name: &HeaderName) -> impl Iterator<Item = Bytes> {
        self.all(name).flat_map(|header| {
            let value = header.shared();
            let mut elements = header.elements();
            std::iter::from_fn(move || elements.next_range().map(|range| value.slice(range)))
        })
    }

    /// The first value of that name as text: whole line, unfolded, trimmed. `None` also when it is not UTF-8.
    pub fn text(&self, name: &HeaderName) -> Option<&str> {
        std::str::from_utf8(self.get(name)?.value()).ok()
    }

    /// Whether a list header has `token` among its values, in any case (`Supported`, `Require`, `Allow` …).
    pub fn has_token(&self, name: &HeaderName, token: &str) -> bool {
        self.values(name).any(|value| value.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// All headers in order.
    pub fn iter(&self) -> impl Iterator<Item = &Header> {
        self.list.iter()
    }

    /// Appends a header. CR, LF and NUL in the value become blanks: no value can start another line.
    pub fn push(&mut self, name: HeaderName, value: impl Into<Bytes>) {
        self.changed = true;
        self.list.push(Header::new(name, value.into()));
    }

    /// Puts a header before all others (a `Via` or `Record-Route` of our own).
    pub fn push_front(&mut self, name: HeaderName, value: impl Into<Bytes>) {
        self.changed = true;
        self.list.insert(0, Header::new(name, value.into()));
    }

    /// Appends a header of another message. A line that was folded, or that holds a stray line end, is written anew.
    pub fn push_header(&mut self, header: &Header) {
        self.changed = true;
        let clean = header.unfolded.is_none() && memchr::memchr2(b'\r', b'\n', &header.line).is_none();
        self.list.push(if clean { header.clone() } else { Header::new(header.name.clone(), header.shared()) });
    }

    /// Replaces all headers of that name by one, at the place of the first of them, else at the end.
    pub fn set(&mut self, name: HeaderName, value: impl Into<Bytes>) {
        self.changed = true;
        let header = Header::new(name, value.into());
        let Some(at) = self.list.iter().position(|old| old.name == header.name) else {
            return self.list.push(header);
        };
        let name = header.name.clone();
        self.list[at] = header;
        let mut index = 0;
        self.list.retain(|old| {
            index += 1;
            index - 1 <= at || old.name != name
        });
    }

    /// Takes all headers of that name out; how many there were.
    pub fn remove(&mut self, name: &HeaderName) -> usize {
        let before = self.list.len();
        self.list.retain(|header| header.name != *name);
        self.changed |= self.list.len() != before;
        before - self.list.len()
    }

    /// Takes the first value of that name out — one list element, not the line — and returns it: how a hop pops its `Via`.
    pub fn remove_first_value(&mut self, name: &HeaderName) -> Option<Bytes> {
        let at = self.list.iter().position(|header| header.name == *name && header.elements().next().is_some())?;
        let header = &self.list[at];
        let mut elements = header.elements();
        let value = header.shared();
        let first = value.slice(elements.next_range()?);
        self.changed = true;
        match elements.next_range() {
            Some(rest) => self.list[at] = Header::new(name.clone(), value.slice(rest.start..)),
            None => drop(self.list.remove(at)),
        }
        Some(first)
    }

    /// How many header lines there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn written_len(&self) -> usize {
        self.list.iter().map(Header::written_len).sum()
    }
}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.lossy())
    }
}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.list).finish()
    }
}
