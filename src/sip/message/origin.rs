//! Where a message came from, and how one is written.

use bytes::{BufMut, Bytes, BytesMut};

use super::frame::Defect;
use super::{HeaderName, Headers, lex};

/// What a parsed message remembers of its octets. As long as nobody changed it, writing it is handing them out again.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) raw: Bytes,
    pub(super) start_len: usize,
    pub(super) version: Bytes,
    pub(super) defect: Option<Defect>,
}

impl Origin {
    /// The octets, when `headers` and `body` are still those that were parsed.
    pub(super) fn untouched(&self, headers: &Headers, body: &Bytes) -> Option<&Bytes> {
        let body_at = self.raw.len().checked_sub(body.len())?;
        let same_body = body.is_empty() || std::ptr::eq(self.raw[body_at..].as_ptr(), body.as_ptr());
        // A shorter body that is the tail of the old one starts later than the empty line.
        let follows = body_at >= 4 && self.raw[..body_at].ends_with(b"\r\n\r\n");
        (!headers.is_changed() && same_body && follows && self.declared(headers, body)).then_some(&self.raw)
    }

    /// The start line as received.
    pub(super) fn start(&self) -> &[u8] {
        &self.raw[..self.start_len]
    }

    fn declared(&self, headers: &Headers, body: &Bytes) -> bool {
        length_is(headers, body.len()).unwrap_or(true)
    }
}

/// Whether `Content-Length` says `len`; `None` without one.
fn length_is(headers: &Headers, len: usize) -> Option<bool> {
    headers.get(&HeaderName::ContentLength).map(|header| lex::number(header.value()) == Some(len as u64))
}

/// Writes a message. `Content-Length` is always there once and always right: a wrong one is replaced at its place, a
/// missing one comes last.
pub(super) fn write(start: &[&[u8]], headers: &Headers, body: &Bytes) -> Bytes {
    let start_len: usize = start.iter().map(|piece| piece.len()).sum();
    let mut out = BytesMut::with_capacity(start_len + headers.written_len() + body.len() + 32);
    start.iter().for_each(|piece| out.put_slice(piece));
    out.put_slice(b"\r\n");
    let mut length_written = false;
    for header in headers.iter() {
        if *header.name() != HeaderName::ContentLength {
            header.write(&mut out);
        } else if !length_written {
            length_written = true;
            match lex::number(header.value()) == Some(body.len() as u64) {
                true => header.write(&mut out),
                false => write_length(&mut out, body.len()),
            }
        }
    }
    if !length_written {
        write_length(&mut out, body.len());
    }
    out.put_slice(b"\r\n");
    out.put_slice(body);
    out.freeze()
}

fn write_length(out: &mut BytesMut, len: usize) {
    use std::fmt::Write;
    // It grows as needed, so writing cannot fail.
    let _ = write!(out, "Content-Length: {len}\r\n");
}
