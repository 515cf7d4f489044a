//! Bytes in, heads and pieces of content out (RFC 4975 §7.3), one connection.
//!
//! A chunk is never held as a whole: content is handed out as it comes, all but the last few octets that could be the
//! beginning of the end-line. The end-line is CRLF, seven hyphens, the transaction's own identifier, a flag and CRLF;
//! anything short of that is content.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem::Finder;

use super::head::{self, Flag, HeadError, ParsedHead, StartLine};

/// What the stream contained.
#[derive(Clone, Debug)]
pub enum Item {
    /// A request or response begins.
    Head(ParsedHead),
    /// A piece of its content, in order.
    Body(Bytes),
    /// It ended.
    End(Flag),
}

/// Why the stream cannot be read any further. Always the peer's fault; the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The head breaks the grammar.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// A line that ends in LF alone.
    #[error("a line does not end in CRLF")]
    LineEnd,
    /// More octets of head than allowed.
    #[error("the head is longer than allowed")]
    HeadTooLong,
    /// More octets of content in one chunk than allowed: a chunk without end.
    #[error("the chunk is longer than allowed")]
    ChunkTooLong,
    /// The end-line has no legal flag.
    #[error("the end-line is malformed")]
    EndLine,
}

/// The bounds of a [`Decoder`], in octets.
#[derive(Clone, Copy, Debug)]
pub struct DecoderLimits {
    /// Of start line and header fields together.
    pub max_head_bytes: usize,
    /// Of the content of one chunk.
    pub max_chunk_bytes: u64,
}

enum State {
    /// Collecting lines; `scanned` octets of the buffer hold none that is unfinished.
    Head { scanned: usize, lines: Vec<(usize, usize)>, opening: Option<(Box<str>, StartLine)> },
    /// Handing out content.
    Body { marker: Box<Finder<'static>>, received: u64 },
    /// The head was also the end: the flag is still to be handed out.
    Ending(Flag),
    /// An error was reported.
    Failed,
}

impl State {
    const START: State = State::Head { scanned: 0, lines: Vec::new(), opening: None };
}

/// The chunk parser of one connection.
pub struct Decoder {
    buffer: BytesMut,
    state: State,
    limits: DecoderLimits,
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    pub fn new(limits: DecoderLimits) -> Self {
        Decoder { buffer: BytesMut::new(), state: State::START, limits }
    }

    /// Takes octets as they arrive. Call [`Decoder::next`] until it returns `None` before pushing again, so that the
    /// buffer never holds more than one push and one unfinished head.
    pub fn push(&mut self, octets: &[u8]) {
        if !matches!(self.state, State::Failed) {
            self.buffer.extend_from_slice(octets);
        }
    }

    /// Octets that are held back because their meaning is still open.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next item; `None` when more octets are needed. Not an iterator: `None` is not the end.
    #[allow(clippy::should_implement_trait, reason = "an iterator would promise that None is final or resumable")]
    pub fn next(&mut self) -> Option<Result<Item, DecodeError>> {
        let outcome = match &self.state {
            State::Head { .. } => self.next_head(),
            State::Body { .. } => self.next_body(),
            State::Ending(flag) => {
                let flag = *flag;
                self.state = State::START;
                Ok(Some(Item::End(flag)))
            }
            State::Failed => Ok(None),
        };
        if outcome.is_err() {
            self.state = State::Failed;
            self.buffer = BytesMut::new();
        }
        outcome.transpose()
    }

    fn next_head(&mut self) -> Result<Option<Item>, DecodeError> {
        let State::Head { scanned, lines, opening } = &mut self.state else { return Ok(None) };
        // A peer that speaks something else is told apart by its first octets, not after a whole line of it.
        let prefix = self.buffer.len().min(5);
        if self.buffer[..prefix] != b"MSRP "[..prefix] {
            return Err(HeadError::StartLine.into());
        }
        loop {
            let Some(length) = memchr::memchr(b'\n', &self.buffer[*scanned..]) else {
                let too_long = self.buffer.len() > self.limits.max_head_bytes;
                return if too_long { Err(DecodeError::HeadTooLong) } else { Ok(None) };
            };
            let (from, past) = (*scanned, *scanned + length + 1);
            if past > self.limits.max_head_bytes {
                return Err(DecodeError::HeadTooLong);
            }
            let line = self.buffer[from..past].strip_suffix(b"\r\n").ok_or(DecodeError::LineEnd)?;
            *scanned = past;
            let Some((transaction, _)) = opening else {
                *opening = Some(head::parse_start_line(line)?);
                continue;
            };
            if line.is_empty() {
                return self.finish_head(past, None).map(Some);
            }
            if let Some(rest) = line.strip_prefix(b"-------") {
                let flag = rest.strip_prefix(transaction.as_bytes()).filter(|flag| flag.len() == 1);
                let flag = flag.and_then(|flag| Flag::from_octet(flag[0])).ok_or(DecodeError::EndLine)?;
                return self.finish_head(past, Some(flag)).map(Some);
            }
            lines.push((from, from + line.len()));
        }
    }

    fn finish_head(&mut self, past: usize, ended: Option<Flag>) -> Result<Item, DecodeError> {
        let State::Head { lines, opening, .. } = std::mem::replace(&mut self.state, State::Failed) else {
            return Err(HeadError::StartLine.into());
        };
        let (transaction, start) = opening.ok_or(HeadError::StartLine)?;
        let octets = self.buffer.split_to(past);
        let marker = Box::new(Finder::new(format!("\r\n-------{transaction}").as_bytes()).into_owned());
        let lines = lines.iter().map(|&(from, to)| &octets[from..to]);
        let parsed = head::parse_headers(transaction, start, lines, ended.is_none())?;
        self.state = match ended {
            Some(flag) => State::Ending(flag),
            None => State::Body { marker, received: 0 },
        };
        Ok(Item::Head(parsed))
    }

    fn next_body(&mut self) -> Result<Option<Item>, DecodeError> {
        let State::Body { marker, received } = &mut self.state else { return Ok(None) };
        let needle = marker.needle();
        let ready = match marker.find(&self.buffer) {
            Some(at) => match end_line(&self.buffer[at..], needle) {
                Match::Flag(flag, past) if at == 0 => {
                    self.buffer.advance(past);
                    self.state = State::START;
                    return Ok(Some(Item::End(flag)));
                }
                // Nothing is ready in front of an end-line that is undecided at the very beginning.
                Match::Flag(..) | Match::Undecided => at,
                Match::Not => at + 2,
            },
            None => self.buffer.len().saturating_sub(needle.len() - 1),
        };
        if ready == 0 {
            return Ok(None);
        }
        *received += ready as u64;
        if *received > self.limits.max_chunk_bytes {
            return Err(DecodeError::ChunkTooLong);
        }
        Ok(Some(Item::Body(self.buffer.split_to(ready).freeze())))
    }
}

enum Match {
    Flag(Flag, usize),
    Undecided,
    Not,
}

/// Whether `buffer` begins with `needle`, a flag and CRLF.
fn end_line(buffer: &[u8], needle: &[u8]) -> Match {
    let common = buffer.len().min(needle.len());
    if buffer[..common] != needle[..common] {
        return Match::Not;
    }
    let tail = &buffer[common..];
    match (tail.first().map(|&octet| Flag::from_octet(octet)), tail.get(1), tail.get(2)) {
        (Some(None), _, _) => Match::Not,
        (_, Some(cr), _) if *cr != b'\r' => Match::Not,
        (_, _, Some(lf)) if *lf != b'\n' => Match::Not,
        (Some(Some(flag)), Some(_), Some(_)) => Match::Flag(flag, needle.len() + 3),
        _ => Match::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: DecoderLimits = DecoderLimits { max_head_bytes: 2048, max_chunk_bytes: 4096 };

    /// Everything a stream means, with the pieces of content joined.
    fn decode(pieces: &[&[u8]]) -> Result<Vec<(StartLine, Vec<u8>, Flag)>, DecodeError> {
        let mut decoder = Decoder::new(LIMITS);
        let (mut out, mut current) = (Vec::new(), None);
        for piece in pieces {
            decoder.push(piece);
            while let Some(item) = decoder.next() {
                match item? {
                    Item::Head(parsed) => current = Some((parsed.head.start, Vec::new())),
                    Item::Body(octets) => current.as_mut().expect("a head first").1.extend_from_slice(&octets),
                    Item::End(flag) => {
                        let (start, body) = current.take().expect("a head first");
                        out.push((start, body, flag));
                    }
                }
            }
            assert!(decoder.buffered() <= LIMITS.max_head_bytes, "holds back {} octets", decoder.buffered());
        }
        Ok(out)
    }

    fn send(transaction: &str, body: &[u8], flag: char) -> Vec<u8> {
        let mut out = format!(
            "MSRP {transaction} SEND\r\nTo-Path: msrp://a:1/x;tcp\r\nFrom-Path: msrp://b:2/y;tcp\r\n\
             Message-ID: mid-1\r\nContent-Type: image/png\r\n\r\n"
        )
        .into_bytes();
        out.extend_from_slice(body);
        out.extend_from_slice(format!("\r\n-------{transaction}{flag}\r\n").as_bytes());
        out
    }

    #[test]
    fn content_that_looks_like_an_end_line_is_content() {
        for body in [
            &b"\r\n-------tid0"[..],
            b"\r\n-------tid0$\r",
            b"\r\n-------tid0$\n",
            b"\r\n-------tid0$x\r\n",
            b"\r\n-------tid0?\r\n",
            b"\r\n-------tid1$\r\n",
            b"-------tid0$",
            b"a-------tid0$\r\n",
            b"\r\n\r\n",
            b"\r\n-------tid0\r\n-------tid0",
            b"",
        ] {
            let stream = send("tid0", body, '+');
            let items = decode(&[&stream]).expect("legal");
            assert_eq!(items, [(StartLine::Send, body.to_vec(), Flag::More)], "{:?}", String::from_utf8_lossy(body));
            let octets: Vec<&[u8]> = stream.chunks(1).collect();
            assert_eq!(decode(&octets).expect("legal"), items);
        }
    }

    #[test]
    fn no_content_and_empty_content_both_end() {
        let head =
            "MSRP tid0 SEND\r\nTo-Path: msrp://a:1/x;tcp\r\nFrom-Path: msrp://b:2/y;tcp\r\nMessage-ID: mid-1\r\n";
        let bare = format!("{head}-------tid0$\r\n");
        let empty = format!("{head}Content-Type: text/plain\r\n\r\n\r\n-------tid0$\r\n");
        for stream in [bare, empty] {
            assert_eq!(
                decode(&[stream.as_bytes()]).expect("legal"),
                [(StartLine::Send, Vec::new(), Flag::Complete)],
                "{stream}"
            );
        }
    }

    #[test]
    fn bounds_hold() {
        let head = format!("MSRP tid0 SEND\r\nX: {}", "a".repeat(3000));
        assert_eq!(decode(&[head.as_bytes()]), Err(DecodeError::HeadTooLong));
        let endless = send("tid0", &[7; 5000], '$');
        assert_eq!(decode(&endless.chunks(100).collect::<Vec<_>>()), Err(DecodeError::ChunkTooLong));
    }

    #[test]
    fn other_protocols_are_refused_at_once() {
        assert_eq!(decode(&[b"G"]), Err(DecodeError::Head(HeadError::StartLine)));
        assert_eq!(decode(&[b"MSRP a SEND\r\n"]), Err(DecodeError::Head(HeadError::StartLine)), "ident of one");
        assert_eq!(decode(&[b"MSRP abcd SEND\n"]), Err(DecodeError::LineEnd));
        assert_eq!(decode(&[b"MSRP abcd SEND\r\nno colon\r\n\r\n"]), Err(DecodeError::Head(HeadError::HeaderLine)));
        assert_eq!(decode(&[b"MSRP abcd SEND\r\nA: b\r\n\r\n"]), Err(DecodeError::Head(HeadError::Path)));
        assert_eq!(decode(&[b"MSRP abcd SEND\r\nA: b\r\n-------other$\r\n"]), Err(DecodeError::EndLine));
    }

    #[test]
    fn a_failed_decoder_stays_silent_and_empty() {
        let mut decoder = Decoder::new(LIMITS);
        decoder.push(b"GET / HTTP/1.1\r\n");
        assert!(decoder.next().is_some_and(|item| item.is_err()));
        decoder.push(&send("tid0", b"x", '$'));
        assert!(decoder.next().is_none());
        assert_eq!(decoder.buffered(), 0);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_items(
            bodies in proptest::collection::vec(proptest::collection::vec(
                prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b't'), any::<u8>()], 0..300), 1..4),
            cuts in proptest::collection::vec(1usize..70, 1..200),
        ) {
            let stream: Vec<u8> = bodies.iter().flat_map(|body| send("tttt", body, '$')).collect();
            let whole = decode(&[&stream]).expect("legal");
            prop_assert_eq!(whole.len(), bodies.len());
            for (item, body) in whole.iter().zip(&bodies) {
                prop_assert_eq!(&item.1, body);
            }
            let (mut pieces, mut rest) = (Vec::new(), &stream[..]);
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, tail) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = tail;
            }
            prop_assert_eq!(decode(&pieces).expect("legal"), whole);
        }

        #[test]
        fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..400), at in 0usize..200) {
            let mut stream = send("tid0", b"hello", '$');
            let at = at.min(stream.len());
            stream.splice(at..at, noise);
            let _ = decode(&stream.chunks(7).collect::<Vec<_>>());
        }
    }
}
