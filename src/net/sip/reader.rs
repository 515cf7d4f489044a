//! The reading half of a stream connection.

use std::io;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::connection::Connection;
use super::ending::Ending;
use super::event::NetEvent;
use crate::sip::framing::{FramingError, StreamDecoder, StreamItem};

/// Octets taken from the kernel in one go; they live on the stack, so that an idle connection holds no buffer.
const CHUNK: usize = 16 * 1024;

/// Cuts one stream into messages and hands them to the driver, as fast as the driver takes them.
pub(super) struct Reader<'a> {
    connection: &'a Connection,
    decoder: StreamDecoder,
    /// Closed if nothing comes until then.
    idle_by: Instant,
    /// A message has begun, or the first one is awaited: it has to be whole by then.
    whole_by: Option<Instant>,
    /// A whole message came: the peer speaks SIP.
    greeted: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(connection: &'a Connection, first_message_by: Option<Instant>) -> Self {
        Reader {
            connection,
            decoder: StreamDecoder::new(connection.max_message_bytes),
            idle_by: Instant::now() + connection.shared.limits.idle_timeout,
            whole_by: first_message_by,
            greeted: first_message_by.is_none(),
        }
    }

    /// Reads until the connection ends.
    pub(super) async fn read(mut self, stream: &TcpStream) -> Ending {
        loop {
            let pushed = match self.read_chunk(stream).await {
                Ok(pushed) => pushed,
                Err(ending) => return ending,
            };
            let mut items = 0;
            while let Some(item) = self.decoder.next() {
                items += 1;
                if let Err(ending) = self.take(item).await {
                    return ending;
                }
            }
            if let Err(error) = pushed {
                return error.into();
            }
            self.keep_time(items);
        }
    }

    /// Waits for octets and gives them to the decoder.
    async fn read_chunk(&mut self, stream: &TcpStream) -> Result<Result<(), FramingError>, Ending> {
        loop {
            let deadline = self.whole_by.map_or(self.idle_by, |whole_by| whole_by.min(self.idle_by));
            match timeout_at(deadline, stream.readable()).await {
                Ok(ready) => ready.map_err(Ending::Broken)?,
                Err(_) if self.whole_by == Some(deadline) => return Err(Ending::Unfinished),
                Err(_) => return Err(Ending::Idle),
            }
            match self.pull(stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(Ending::Broken(error)),
                Ok(None) => return Err(Ending::Eof),
                Ok(Some(pushed)) => return Ok(pushed),
            }
        }
    }

    /// `None` at the end of the stream. No async function, so that the buffer is not part of the task.
    fn pull(&mut self, stream: &TcpStream) -> io::Result<Option<Result<(), FramingError>>> {
        let mut chunk = [0; CHUNK];
        let octets = stream.try_read(&mut chunk)?;
        self.connection.shared.counters.octets_in.add(octets);
        Ok((octets > 0).then(|| self.decoder.push(&chunk[..octets])))
    }

    async fn take(&mut self, item: Result<StreamItem, FramingError>) -> Result<(), Ending> {
        let shared = &self.connection.shared;
        match item? {
            StreamItem::Message(bytes) => {
                self.greeted = true;
                shared.counters.stream_messages_in.one();
                // Waiting here stops the reading, and TCP slows the peer down.
                let told = shared.events.tell(NetEvent::Received { flow: self.connection.flow, bytes }).await;
                if told { Ok(()) } else { Err(Ending::Unwanted) }
            }
            StreamItem::Ping => {
                shared.counters.keepalives.one();
                // RFC 5626 §3.5.1, §4.4.1.
                self.connection.say(Bytes::from_static(b"\r\n"));
                Ok(())
            }
            StreamItem::Pong => Ok(()),
        }
    }

    /// After octets that gave so many items. Pings do not put off the first message.
    fn keep_time(&mut self, items: usize) {
        let limits = &self.connection.shared.limits;
        let now = Instant::now();
        self.idle_by = now + limits.idle_timeout;
        if items == 0 {
            self.whole_by.get_or_insert(now + limits.first_message_timeout);
        } else if self.greeted {
            self.whole_by = None;
        }
    }
}

impl From<FramingError> for Ending {
    fn from(error: FramingError) -> Self {
        match error {
            FramingError::BadLength { head } => Ending::BadLength(head),
            FramingError::TooLarge => Ending::TooLarge,
        }
    }
}
