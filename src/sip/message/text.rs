//! A piece of text that shares the buffer it was cut from.

use std::fmt;
use std::ops::{Deref, Range};

use bytes::Bytes;

/// Immutable UTF-8 text in a shared buffer: cloning and slicing copy nothing.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Bytes);

impl Text {
    /// The text as `&str`.
    pub fn as_str(&self) -> &str {
        // Checked at construction; checking again keeps this free of `unsafe`, and the pieces are short.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Shares `range` of `buffer` when it is UTF-8.
    pub(super) fn slice(buffer: &Bytes, range: Range<usize>) -> Option<Text> {
        std::str::from_utf8(buffer.get(range.clone())?).ok()?;
        Some(Text(buffer.slice(range)))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text(Bytes::from(text))
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
