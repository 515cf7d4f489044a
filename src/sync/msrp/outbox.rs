//! Messages in, chunks out: cutting, priorities, transactions and reports (RFC 4975 §7.1).
//!
//! Control messages overtake a frame at every chunk boundary. Of frames the latest wins: one may be underway and one may
//! wait. A newer frame replaces the waiting one, and aborts the one underway (`#`) unless the frame before that was
//! aborted too: on a slow path at least every second frame arrives, instead of none.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::Rng;
use rand::rngs::StdRng;

use super::head::{ByteRange, Flag, write_end_line, write_opening};
use super::uri::MsrpUri;
use super::{Event, status};

/// Control messages that may wait.
pub const MAX_CONTROLS: usize = 8;
/// Chunks of frames without an answer: the window that keeps the kernel's buffers from filling with stale pixels.
const FRAME_WINDOW: usize = 8;
/// Chunks of any kind without an answer.
const MAX_TRANSACTIONS: usize = 32;
/// Messages whose answers or reports are awaited.
const MAX_TRACKED: usize = 64;
/// RFC 4975 §7.1.1: chunks longer than this must be interruptible, that is end in `*`.
const MAX_FIXED_CHUNK: usize = 2048;
/// RFC 4975 §7.1: how long a response may take after the request left.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// Names an outgoing message to its sender. Counted up per connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// How a message competes for the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Small, never dropped, goes first.
    Control,
    /// Large, the latest wins.
    Frame,
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// How it competes.
    pub class: Class,
    /// Its `Content-Type`; must hold no line break.
    pub content_type: String,
    /// Its content.
    pub body: Bytes,
    /// Whether the peer shall report success.
    pub success_report: bool,
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The peer reads slower than controls are made.
    #[error("too many control messages are waiting")]
    Full,
    /// The peer's path is not known yet.
    #[error("the session is not bound to a peer yet")]
    Unbound,
    /// The connection failed or was closed.
    #[error("the connection is closed")]
    Closed,
}

struct Message {
    ticket: Ticket,
    message_id: String,
    content: Outgoing,
    offset: usize,
    abort: bool,
}

struct Tracked {
    message_id: String,
    total: u64,
    unanswered: u32,
    sent: bool,
    report_due: bool,
}

struct Transaction {
    id: String,
    ticket: Ticket,
    class: Class,
    deadline: Instant,
}

/// The messages underway from us on one connection.
pub struct Outbox {
    controls: VecDeque<Message>,
    frame: Option<Message>,
    next_frame: Option<Message>,
    aborted_last: bool,
    tracked: BTreeMap<Ticket, Tracked>,
    transactions: VecDeque<Transaction>,
    next_ticket: u64,
    chunk_bytes: usize,
    rng: StdRng,
}

impl Outbox {
    /// An outbox that cuts messages into chunks of `chunk_bytes`; `rng` draws the identifiers.
    pub fn new(chunk_bytes: usize, rng: StdRng) -> Self {
        Outbox {
            controls: VecDeque::new(),
            frame: None,
            next_frame: None,
            aborted_last: false,
            tracked: BTreeMap::new(),
            transactions: VecDeque::new(),
            next_ticket: 0,
            chunk_bytes: chunk_bytes.max(1),
            rng,
        }
    }

    /// Takes a message; a frame that it supersedes is told of in `events`.
    pub fn send(&mut self, content: Outgoing, events: &mut VecDeque<Event>) -> Result<Ticket, SendError> {
        if content.class == Class::Control && self.controls.len() == MAX_CONTROLS {
            return Err(SendError::Full);
        }
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        let message = Message { ticket, message_id: self.draw_ident(), content, offset: 0, abort: false };
        match message.content.class {
            Class::Control => self.controls.push_back(message),
            Class::Frame => self.send_frame(message, events),
        }
        Ok(ticket)
    }

    fn send_frame(&mut self, message: Message, events: &mut VecDeque<Event>) {
        let superseded = match &mut self.frame {
            None => {
                self.frame = Some(message);
                return;
            }
            Some(frame) if frame.offset == 0 => Some(std::mem::replace(frame, message).ticket),
            Some(frame) => {
                if let Some(waiting) = self.next_frame.replace(message) {
                    Some(waiting.ticket)
                } else if self.aborted_last {
                    None
                } else {
                    frame.abort = true;
                    Some(frame.ticket)
                }
            }
        };
        if let Some(ticket) = superseded {
            self.tracked.remove(&ticket);
            events.push_back(Event::Superseded { ticket });
        }
    }

    /// Octets of messages that are not cut yet.
    pub fn queued_bytes(&self) -> usize {
        let messages = self.controls.iter().chain(&self.frame).chain(&self.next_frame);
        messages.map(|message| message.content.body.len() - message.offset).sum()
    }

    /// Whether everything was handed out.
    pub fn is_empty(&self) -> bool {
        self.controls.is_empty() && self.frame.is_none() && self.next_frame.is_none()
    }

    /// The next chunk, in pieces to be written one after the other.
    pub fn next_chunk(&mut self, own: &MsrpUri, peer: &[MsrpUri], now: Instant) -> Option<[Bytes; 3]> {
        if self.transactions.len() >= MAX_TRANSACTIONS {
            return None;
        }
        if let Some(message) = self.controls.pop_front() {
            let (message, pieces) = self.cut(message, own, peer, now);
            if let Some(message) = message {
                self.controls.push_front(message);
            }
            return Some(pieces);
        }
        let open = self.transactions.iter().filter(|transaction| transaction.class == Class::Frame).count();
        if open >= FRAME_WINDOW {
            return None;
        }
        let message = self.frame.take().or_else(|| self.next_frame.take())?;
        let (rest, pieces) = self.cut(message, own, peer, now);
        self.frame = rest.or_else(|| self.next_frame.take());
        Some(pieces)
    }

    /// Cuts one chunk off a message; gives the message back unless that was its last.
    fn cut(
        &mut self,
        mut message: Message,
        own: &MsrpUri,
        peer: &[MsrpUri],
        now: Instant,
    ) -> (Option<Message>, [Bytes; 3]) {
        let total = message.content.body.len();
        let until = if message.abort { message.offset } else { total.min(message.offset + self.chunk_bytes) };
        let octets = message.content.body.slice(message.offset..until);
        let flag = match (message.abort, until == total) {
            (true, _) => Flag::Aborted,
            (false, true) => Flag::Complete,
            (false, false) => Flag::More,
        };
        let id = self.draw_transaction(&octets);
        let mut head = String::with_capacity(320);
        write_opening(&mut head, &id, "SEND", peer, own);
        let fixed = octets.len() <= MAX_FIXED_CHUNK && !message.abort;
        let range = ByteRange {
            start: message.offset as u64 + 1,
            end: fixed.then_some(until as u64),
            total: Some(total as u64),
        };
        let _ = write!(head, "Message-ID: {}\r\nByte-Range: {range}\r\n", message.message_id);
        if message.content.success_report {
            head.push_str("Success-Report: yes\r\n");
        }
        let _ = write!(head, "Failure-Report: yes\r\nContent-Type: {}\r\n\r\n", message.content.content_type);
        let mut tail = String::from("\r\n");
        write_end_line(&mut tail, &id, flag);
        message.offset = until;
        self.follow(&message, id, flag, now);
        if message.content.class == Class::Frame && flag != Flag::More {
            self.aborted_last = message.abort;
        }
        let rest = (flag == Flag::More).then_some(message);
        (rest, [head.into(), octets, tail.into()])
    }

    fn follow(&mut self, message: &Message, id: String, flag: Flag, now: Instant) {
        let (ticket, class) = (message.ticket, message.content.class);
        self.transactions.push_back(Transaction { id, ticket, class, deadline: now + RESPONSE_TIMEOUT });
        if flag == Flag::Aborted {
            return;
        }
        let tracked = self.tracked.entry(ticket).or_insert_with(|| Tracked {
            message_id: message.message_id.clone(),
            total: message.content.body.len() as u64,
            unanswered: 0,
            sent: false,
            report_due: message.content.success_report,
        });
        tracked.unanswered += 1;
        tracked.sent = flag == Flag::Complete;
        if self.tracked.len() > MAX_TRACKED {
            // The oldest was fully sent long ago and its peer never reported: it is forgotten without a word.
            self.tracked.pop_first();
        }
    }

    /// A response arrived. Unknown transactions are ignored: their message failed or was given up before.
    pub fn response(&mut self, transaction: &str, code: u16, events: &mut VecDeque<Event>) {
        let Some(at) = self.transactions.iter().position(|open| open.id == transaction) else { return };
        let Some(open) = self.transactions.remove(at) else { return };
        if code != status::OK {
            return self.fail(open.ticket, code, events);
        }
        let Some(tracked) = self.tracked.get_mut(&open.ticket) else { return };
        tracked.unanswered -= 1;
        if tracked.sent && tracked.unanswered == 0 {
            events.push_back(Event::Accepted { ticket: open.ticket });
            if !tracked.report_due {
                self.tracked.remove(&open.ticket);
            }
        }
    }

    /// A report arrived (RFC 4975 §7.1.3). A success report of a part only is not success yet.
    pub fn report(&mut self, message_id: &str, range: ByteRange, code: u16, events: &mut VecDeque<Event>) {
        let found = self.tracked.iter().find(|(_, tracked)| tracked.message_id == message_id);
        let Some((&ticket, tracked)) = found else { return };
        if code != status::OK {
            return self.fail(ticket, code, events);
        }
        let whole = range.start == 1 && range.end.is_none_or(|end| end >= tracked.total);
        if whole && tracked.report_due && tracked.sent {
            let accepted = tracked.unanswered == 0;
            self.tracked.remove(&ticket);
            if !accepted {
                events.push_back(Event::Accepted { ticket });
            }
            events.push_back(Event::Delivered { ticket });
        }
    }

    /// Stops a message that the peer does not want (RFC 4975 §10: after any failure no further chunk of it is sent).
    fn fail(&mut self, ticket: Ticket, code: u16, events: &mut VecDeque<Event>) {
        let known = self.tracked.remove(&ticket).is_some();
        self.controls.retain(|message| message.ticket != ticket);
        if self.frame.as_ref().is_some_and(|frame| frame.ticket == ticket) {
            self.frame = self.next_frame.take();
        }
        if known {
            events.push_back(Event::Failed { ticket, status: code });
        }
    }

    /// Gives up the transactions whose time is over. When the last of them was sent.
    pub fn handle_timeout(&mut self, now: Instant, events: &mut VecDeque<Event>) -> Option<Instant> {
        let mut since = None;
        while self.transactions.front().is_some_and(|open| open.deadline <= now) {
            if let Some(open) = self.transactions.pop_front() {
                since = open.deadline.checked_sub(RESPONSE_TIMEOUT);
                self.fail(open.ticket, status::TIMEOUT, events);
            }
        }
        since
    }

    /// When the next transaction times out; they all take equally long, so the first is the oldest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.transactions.front().map(|open| open.deadline)
    }

    /// A transaction identifier that does not occur behind seven hyphens in the content (RFC 4975 §7.1).
    fn draw_transaction(&mut self, content: &[u8]) -> String {
        loop {
            let id = self.draw_ident();
            if memchr::memmem::find(content, format!("-------{id}").as_bytes()).is_none() {
                return id;
            }
        }
    }

    /// 64 random bits: unguessable, and unique within the connection.
    pub fn draw_ident(&mut self) -> String {
        format!("{:016x}", self.rng.next_u64())
    }
}
