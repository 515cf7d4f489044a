//! Chunks in, messages out: reassembly by Message-ID and Byte-Range (RFC 4975 §7.3.1), bounded.
//!
//! One TCP connection without relays keeps the order of what it carries, so chunks of a message are taken in order only:
//! a gap or an overlap is a defect of the sender and refused with 400, never guessed around. Chunks of *different*
//! messages may interleave. A message in one chunk ends where its end-line is, whatever its Byte-Range promised: the
//! first example of RFC 4975 §4 counts wrongly, and stacks do. With several chunks every range must be right.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::head::{ByteRange, Flag, Head};
use super::status;

/// Messages that may be underway at once on one connection.
const MAX_PARTIAL: usize = 4;
/// Refused or aborted messages that are remembered, so that their late chunks get the same answer.
const MAX_REFUSED: usize = 16;

/// A status for the peer and a comment that says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// RFC 4975 §10.
    pub status: u16,
    /// For the response's comment; never personal.
    pub comment: &'static str,
}

const fn refuse(status: u16, comment: &'static str) -> Refusal {
    Refusal { status, comment }
}

/// A message that arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complete {
    /// Its Message-ID.
    pub message_id: Box<str>,
    /// Its Content-Type as written in the first chunk.
    pub content_type: Box<str>,
    /// Its content.
    pub body: Bytes,
    /// Whether the sender wants a success report.
    pub success_report: bool,
}

struct Partial {
    message_id: Box<str>,
    content_type: Box<str>,
    body: BytesMut,
    total: Option<u64>,
    chunks: u32,
    success_report: bool,
}

struct OpenChunk {
    message_id: Box<str>,
    /// The last octet that the chunk may reach, counted from 1.
    end: Option<u64>,
    refused: bool,
}

/// The messages underway towards us on one connection.
pub struct Inbox {
    partial: Vec<Partial>,
    refused: VecDeque<(Box<str>, Refusal)>,
    chunk: Option<OpenChunk>,
    max_message_bytes: usize,
}

impl Inbox {
    /// An inbox that takes messages of at most `max_message_bytes` octets and holds twice that at most.
    pub fn new(max_message_bytes: usize) -> Self {
        Inbox { partial: Vec::new(), refused: VecDeque::new(), chunk: None, max_message_bytes }
    }

    /// Octets held for messages that are underway.
    pub fn held_bytes(&self) -> usize {
        self.partial.iter().map(|partial| partial.body.len()).sum()
    }

    /// A SEND with content begins. On refusal the rest of its chunk is swallowed.
    pub fn begin(&mut self, head: &Head) -> Result<(), Refusal> {
        let message_id = head.message_id.clone().unwrap_or_default();
        let range = head.byte_range.unwrap_or(ByteRange::WHOLE);
        let outcome = self.admit(head, &message_id, range);
        self.chunk = Some(OpenChunk { message_id, end: range.end, refused: false });
        outcome.map_err(|refusal| self.drop_message(refusal))
    }

    fn admit(&mut self, head: &Head, message_id: &str, range: ByteRange) -> Result<(), Refusal> {
        if let Some((_, refusal)) = self.refused.iter().find(|(id, _)| **id == *message_id) {
            return Err(*refusal);
        }
        if range.total.is_some_and(|total| total > self.max_message_bytes as u64) {
            return Err(refuse(status::STOP_SENDING, "Message Too Large"));
        }
        if let Some(partial) = self.partial.iter_mut().find(|partial| *partial.message_id == *message_id) {
            if range.start != partial.body.len() as u64 + 1 {
                return Err(refuse(status::BAD_REQUEST, "Chunk Overlaps Or Leaves A Gap"));
            }
            if partial.total.is_some() && range.total.is_some() && partial.total != range.total {
                return Err(refuse(status::BAD_REQUEST, "Total Changed"));
            }
            partial.total = partial.total.or(range.total);
            partial.chunks += 1;
            partial.success_report |= head.success_report;
            return Ok(());
        }
        if range.start != 1 {
            return Err(refuse(status::BAD_REQUEST, "First Chunk Missing"));
        }
        if self.partial.len() == MAX_PARTIAL {
            return Err(refuse(status::STOP_SENDING, "Too Many Messages At Once"));
        }
        self.partial.push(Partial {
            message_id: message_id.into(),
            content_type: head.content_type.clone().unwrap_or_default(),
            body: BytesMut::new(),
            total: range.total,
            chunks: 1,
            success_report: head.success_report,
        });
        Ok(())
    }

    /// Content of the chunk that began. A refusal is reported once; later content of the chunk is swallowed.
    pub fn content(&mut self, octets: &[u8]) -> Result<(), Refusal> {
        let held = self.held_bytes();
        let Some(chunk) = self.chunk.as_ref().filter(|chunk| !chunk.refused) else { return Ok(()) };
        let Some(partial) = self.partial.iter_mut().find(|partial| partial.message_id == chunk.message_id) else {
            return Ok(());
        };
        let length = (partial.body.len() + octets.len()) as u64;
        if length > self.max_message_bytes as u64 || held + octets.len() > 2 * self.max_message_bytes {
            return Err(self.drop_message(refuse(status::STOP_SENDING, "Message Too Large")));
        }
        partial.body.extend_from_slice(octets);
        Ok(())
    }

    /// The chunk ended. `Ok(Some(_))` when the message is whole.
    pub fn end(&mut self, flag: Flag) -> Result<Option<Complete>, Refusal> {
        let Some(chunk) = self.chunk.take().filter(|chunk| !chunk.refused) else { return Ok(None) };
        let Some(at) = self.partial.iter().position(|partial| partial.message_id == chunk.message_id) else {
            return Ok(None);
        };
        let partial = &self.partial[at];
        let length = partial.body.len() as u64;
        let wrong = chunk.end.is_some_and(|end| length != end)
            || partial.total.is_some_and(|total| length > total || (flag == Flag::Complete && length != total));
        let whole_in_one = flag == Flag::Complete && partial.chunks == 1;
        if flag == Flag::Aborted {
            let partial = self.partial.swap_remove(at);
            self.remember(partial.message_id, refuse(status::BAD_REQUEST, "Message Was Aborted"));
            return Ok(None);
        }
        if wrong && !whole_in_one {
            let partial = self.partial.swap_remove(at);
            let refusal = refuse(status::BAD_REQUEST, "Content And Byte-Range Differ");
            self.remember(partial.message_id, refusal);
            return Err(refusal);
        }
        if flag == Flag::More {
            return Ok(None);
        }
        let partial = self.partial.swap_remove(at);
        Ok(Some(Complete {
            message_id: partial.message_id,
            content_type: partial.content_type,
            body: partial.body.freeze(),
            success_report: partial.success_report,
        }))
    }

    /// Forgets the message of the open chunk and marks both refused.
    fn drop_message(&mut self, refusal: Refusal) -> Refusal {
        if let Some(chunk) = &mut self.chunk {
            chunk.refused = true;
            let id = chunk.message_id.clone();
            self.partial.retain(|partial| partial.message_id != id);
            if !self.refused.iter().any(|(refused, _)| *refused == id) {
                self.remember(id, refusal);
            }
        }
        refusal
    }

    fn remember(&mut self, message_id: Box<str>, refusal: Refusal) {
        if self.refused.len() == MAX_REFUSED {
            self.refused.pop_front();
        }
        self.refused.push_back((message_id, refusal));
    }
}

#[cfg(test)]
mod tests {
    use super::super::head::{FailureReport, StartLine};
    use super::*;

    fn head(id: &str, range: (u64, Option<u64>, Option<u64>)) -> Head {
        Head {
            transaction: "tttt".into(),
            start: StartLine::Send,
            to_path: Vec::new(),
            from_path: Vec::new(),
            message_id: Some(id.into()),
            byte_range: Some(ByteRange { start: range.0, end: range.1, total: range.2 }),
            success_report: false,
            failure_report: FailureReport::Yes,
            report_status: None,
            content_type: Some("text/plain".into()),
            has_body: true,
        }
    }

    type Range = (u64, Option<u64>, Option<u64>);

    fn chunk(inbox: &mut Inbox, id: &str, range: Range, body: &[u8], flag: Flag) -> Result<Option<Vec<u8>>, u16> {
        let mut refusal = inbox.begin(&head(id, range)).err();
        for octet in body.chunks(3) {
            refusal = refusal.or(inbox.content(octet).err());
        }
        let end = inbox.end(flag);
        match refusal {
            Some(refusal) => {
                assert_eq!(end, Ok(None), "a refused chunk is refused once");
                Err(refusal.status)
            }
            None => end.map(|done| done.map(|done| done.body.to_vec())).map_err(|refusal| refusal.status),
        }
    }

    #[test]
    fn interleaved_messages_are_told_apart() {
        let mut inbox = Inbox::new(100);
        assert_eq!(chunk(&mut inbox, "aaaa", (1, None, Some(8)), b"abcd", Flag::More), Ok(None));
        assert_eq!(chunk(&mut inbox, "bbbb", (1, Some(2), Some(2)), b"xy", Flag::Complete), Ok(Some(b"xy".to_vec())));
        assert_eq!(
            chunk(&mut inbox, "aaaa", (5, Some(8), Some(8)), b"EFGH", Flag::Complete),
            Ok(Some(b"abcdEFGH".to_vec()))
        );
        assert_eq!(inbox.held_bytes(), 0);
    }

    #[test]
    fn gaps_overlaps_and_wrong_totals_are_refused_for_good() {
        for (second, body) in [
            ((3, None, Some(8)), &b"EFGH"[..]),
            ((6, None, Some(8)), b"FGH"),
            ((5, None, Some(9)), b"EFGH"),
            ((5, Some(8), Some(8)), b"EFG"),
            ((5, None, Some(8)), b"EFG"),
            ((5, None, Some(8)), b"EFGHI"),
        ] {
            let mut inbox = Inbox::new(100);
            assert_eq!(chunk(&mut inbox, "aaaa", (1, None, Some(8)), b"abcd", Flag::More), Ok(None));
            assert_eq!(chunk(&mut inbox, "aaaa", second, body, Flag::Complete), Err(400), "{second:?}");
            assert_eq!(
                chunk(&mut inbox, "aaaa", (5, None, Some(8)), b"EFGH", Flag::Complete),
                Err(400),
                "once refused"
            );
            assert_eq!(inbox.held_bytes(), 0);
        }
    }

    #[test]
    fn one_chunk_ends_at_its_end_line_and_of_several_each_keeps_its_range() {
        let mut inbox = Inbox::new(100);
        for (id, range) in [("aaaa", (1, Some(25), Some(25))), ("bbbb", (1, Some(3), Some(3)))] {
            assert_eq!(chunk(&mut inbox, id, range, b"short", Flag::Complete), Ok(Some(b"short".to_vec())));
        }
        assert_eq!(chunk(&mut inbox, "cccc", (1, Some(9), Some(20)), b"short", Flag::More), Err(400));
        assert_eq!(chunk(&mut inbox, "dddd", (1, None, Some(3)), b"longer", Flag::More), Err(400));
        assert_eq!(inbox.held_bytes(), 0);
    }

    #[test]
    fn too_much_is_stopped_before_it_is_stored() {
        let mut inbox = Inbox::new(10);
        assert_eq!(chunk(&mut inbox, "aaaa", (1, None, Some(11)), b"", Flag::More), Err(413), "announced");
        assert_eq!(chunk(&mut inbox, "bbbb", (1, None, None), &[0; 11], Flag::More), Err(413), "delivered");
        assert_eq!(chunk(&mut inbox, "bbbb", (12, None, None), b"x", Flag::Complete), Err(413), "and stays stopped");
        for id in ["cccc", "dddd", "eeee", "ffff"] {
            assert_eq!(chunk(&mut inbox, id, (1, None, None), b"12", Flag::More), Ok(None));
        }
        assert_eq!(chunk(&mut inbox, "gggg", (1, None, None), b"1", Flag::More), Err(413), "too many at once");
        assert_eq!(inbox.held_bytes(), 8);
    }

    #[test]
    fn an_aborted_message_takes_no_more() {
        let mut inbox = Inbox::new(100);
        assert_eq!(chunk(&mut inbox, "aaaa", (1, None, Some(8)), b"abcd", Flag::Aborted), Ok(None));
        assert_eq!(inbox.held_bytes(), 0);
        assert_eq!(chunk(&mut inbox, "aaaa", (5, None, Some(8)), b"EFGH", Flag::Complete), Err(400));
        assert_eq!(chunk(&mut inbox, "bbbb", (5, None, Some(8)), b"EFGH", Flag::Complete), Err(400), "never began");
    }
}
