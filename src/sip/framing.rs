//! Cutting a byte stream into SIP messages (RFC 3261 §18.3) and keep-alives (RFC 5626 §4.4.1).

use bytes::{Buf, Bytes, BytesMut};

use super::message::declared_length;

/// What came out of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamItem {
    /// The octets of one whole message, for [`Message::parse_frame`](super::message::Message::parse_frame).
    Message(Bytes),
    /// CRLF CRLF: answer with one CRLF (RFC 5626 §4.4.1).
    Ping,
    /// One CRLF: the answer to a ping, or the first half of a ping whose second half is still on its way.
    Pong,
}

/// Why a stream cannot be read any further: the peer's fault, and the connection has to be closed, since nobody knows
/// where the next message starts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// `Content-Length` missing, repeated, negative or no number (RFC 3261 §20.14, RFC 4475 §3.1.2.3, §3.3.9). `head` is the
    /// start line and the headers with their empty line: enough for a 400, which should precede the closing.
    #[error("no usable Content-Length")]
    BadLength {
        /// The message without its body.
        head: Bytes,
    },
    /// A message longer than the limit.
    #[error("message longer than the limit")]
    TooLarge,
}

/// Cuts one stream into messages. Memory is bounded by `max_message` plus the largest single push.
#[derive(Debug)]
pub struct StreamDecoder {
    buffer: BytesMut,
    max_message: usize,
    /// Up to here no end of the headers was found.
    searched: usize,
    /// Length of the message at the front, once its headers are known.
    message_len: Option<usize>,
    /// The last item was a lone CRLF: another one makes it a ping.
    half_ping: bool,
    failed: bool,
}

impl StreamDecoder {
    /// A decoder for a new connection; `max_message` is in octets, headers and body together.
    pub fn new(max_message: usize) -> Self {
        StreamDecoder {
            buffer: BytesMut::new(),
            max_message,
            searched: 0,
            message_len: None,
            half_ping: false,
            failed: false,
        }
    }

    /// Takes octets off the socket. Call [`StreamDecoder::next`] until it gives `None` before pushing more: with more than
    /// one message's worth waiting, this is `TooLarge`.
    pub fn push(&mut self, octets: &[u8]) -> Result<(), FramingError> {
        if self.failed || self.buffer.len() > self.max_message {
            self.fail();
            return Err(FramingError::TooLarge);
        }
        self.buffer.extend_from_slice(octets);
        Ok(())
    }

    /// The next item; `None` when more octets are needed, and for ever after an error.
    #[allow(clippy::should_implement_trait, reason = "an iterator would promise an end")]
    pub fn next(&mut self) -> Option<Result<StreamItem, FramingError>> {
        if self.failed {
            return None;
        }
        if self.searched == 0 && self.message_len.is_none() {
            match self.keep_alive() {
                KeepAlive::No => {}
                KeepAlive::Wait => return None,
                KeepAlive::Item(item) => return Some(Ok(item)),
            }
        }
        let item = self.message().transpose()?;
        if item.is_err() {
            self.fail();
        }
        Some(item.map(StreamItem::Message))
    }

    fn fail(&mut self) {
        self.failed = true;
        self.buffer = BytesMut::new();
    }

    fn keep_alive(&mut self) -> KeepAlive {
        let ends = self.buffer.iter().take(4).take_while(|b| matches!(b, b'\r' | b'\n')).count();
        match &self.buffer[..ends] {
            b"\r\n\r\n" => self.take(4, StreamItem::Ping),
            b"\r\n\r" if self.buffer.len() == 3 => KeepAlive::Wait,
            [b'\r', b'\n', ..] if self.half_ping => self.take(2, StreamItem::Ping),
            [b'\r', b'\n', ..] => {
                let half = self.take(2, StreamItem::Pong);
                self.half_ping = true;
                half
            }
            b"\r" if self.buffer.len() == 1 => KeepAlive::Wait,
            [] if self.buffer.is_empty() => KeepAlive::Wait,
            _ => {
                self.half_ping = false;
                KeepAlive::No
            }
        }
    }

    fn take(&mut self, octets: usize, item: StreamItem) -> KeepAlive {
        self.buffer.advance(octets);
        self.half_ping = false;
        KeepAlive::Item(item)
    }

    /// The message at the front, once it is whole.
    fn message(&mut self) -> Result<Option<Bytes>, FramingError> {
        let Some(len) = self.known_len()? else { return Ok(None) };
        if self.buffer.len() < len {
            return Ok(None);
        }
        self.searched = 0;
        self.message_len = None;
        Ok(Some(self.buffer.split_to(len).freeze()))
    }

    fn known_len(&mut self) -> Result<Option<usize>, FramingError> {
        if self.message_len.is_none() {
            let from = self.searched.saturating_sub(3);
            let found = memchr::memmem::find(&self.buffer[from..], b"\r\n\r\n");
            let head_len = found.map(|at| from + at + 4);
            if head_len.unwrap_or(self.buffer.len()) > self.max_message {
                return Err(FramingError::TooLarge);
            }
            self.searched = self.buffer.len();
            let Some(head_len) = head_len else { return Ok(None) };
            self.message_len = Some(self.whole_len(head_len)?);
        }
        Ok(self.message_len)
    }

    fn whole_len(&mut self, head_len: usize) -> Result<usize, FramingError> {
        let head = Bytes::copy_from_slice(&self.buffer[..head_len]);
        let body_len = declared_length(&head).map_err(|_| FramingError::BadLength { head })?;
        head_len.checked_add(body_len).filter(|len| *len <= self.max_message).ok_or(FramingError::TooLarge)
    }
}

enum KeepAlive {
    No,
    Wait,
    Item(StreamItem),
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"OPTIONS sip:h SIP/2.0\r\nl : 3\r\n\r\nabc";

    fn drain(decoder: &mut StreamDecoder) -> Vec<Result<StreamItem, FramingError>> {
        std::iter::from_fn(|| decoder.next()).collect()
    }

    fn feed(pieces: &[&[u8]]) -> Vec<Result<StreamItem, FramingError>> {
        let mut decoder = StreamDecoder::new(100);
        pieces
            .iter()
            .flat_map(|piece| decoder.push(piece).map_or_else(|e| vec![Err(e)], |()| drain(&mut decoder)))
            .collect()
    }

    fn message() -> Result<StreamItem, FramingError> {
        Ok(StreamItem::Message(Bytes::from_static(MESSAGE)))
    }

    #[test]
    fn pipelined_messages_and_keep_alives_come_out_in_order() {
        let stream = [MESSAGE, b"\r\n\r\n", MESSAGE, b"\r\n", MESSAGE].concat();
        let mut decoder = StreamDecoder::new(1000);
        decoder.push(&stream).expect("room");
        let items = drain(&mut decoder);
        assert_eq!(items, [message(), Ok(StreamItem::Ping), message(), Ok(StreamItem::Pong), message()]);
    }

    #[test]
    fn a_ping_in_two_pieces_is_still_a_ping() {
        assert_eq!(feed(&[b"\r\n\r", b"\n"]), [Ok(StreamItem::Ping)]);
        assert_eq!(feed(&[b"\r", b"\n\r\n"]), [Ok(StreamItem::Ping)]);
        assert_eq!(feed(&[b"\r\n", b"\r\n"]), [Ok(StreamItem::Pong), Ok(StreamItem::Ping)]);
        assert_eq!(feed(&[b"\r\n", MESSAGE, b"\r\n"]), [Ok(StreamItem::Pong), message(), Ok(StreamItem::Pong)]);
    }

    #[test]
    fn a_bad_length_hands_out_the_head_and_ends_the_stream() {
        for length in ["", "l: -1\r\n", "l: 1\r\nContent-Length: 1\r\n", "l: 1, 1\r\n", "l: 99999999999999999999\r\n"] {
            let head = format!("OPTIONS sip:h SIP/2.0\r\n{length}\r\n");
            let items = feed(&[head.as_bytes(), MESSAGE]);
            assert_eq!(items.first(), Some(&Err(FramingError::BadLength { head: head.into() })), "{length}");
            assert_eq!(items.get(1), Some(&Err(FramingError::TooLarge)), "nothing goes in any more");
        }
    }

    #[test]
    fn memory_is_bounded() {
        assert_eq!(feed(&[&[b'x'; 60], &[b'x'; 60]]), [Err(FramingError::TooLarge)], "headers without end");
        assert_eq!(feed(&[b"OPTIONS sip:h SIP/2.0\r\nl: 90\r\n\r\n"]), [Err(FramingError::TooLarge)], "announced body");
        let mut lazy = StreamDecoder::new(100);
        assert!(lazy.push(&[b'x'; 101]).is_ok());
        assert_eq!(lazy.push(b"x"), Err(FramingError::TooLarge), "pushed without taking out");
    }
}
