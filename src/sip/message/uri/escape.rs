//! `%HH` escapes (RFC 3261 §19.1.2).

use super::super::lex;

/// `%HH` decoded.
pub(super) fn unescaped(text: &str) -> Vec<u8> {
    decoded(text, |_| true)
}

/// The form in which two spellings of a component are equal: escapes of unreserved characters decoded (RFC 3261 §19.1.4).
pub(super) fn normal(text: &str) -> Vec<u8> {
    decoded(text, lex::is_unreserved)
}

fn decoded(text: &str, wanted: impl Fn(u8) -> bool) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&b) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let value = hex.filter(|_| b == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match value {
            Some(value) if wanted(value) => out.push(value),
            // Kept, but hexadecimal digits have no case.
            Some(_) => out.extend(bytes[at..at + 3].to_ascii_uppercase()),
            None => out.push(b),
        }
        at += if value.is_some() { 3 } else { 1 };
    }
    out
}

pub(super) fn escape(text: &str, also: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if lex::is_unreserved(b) || also.contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}
