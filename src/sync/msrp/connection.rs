//! One MSRP connection as a pure machine: octets in, messages out, and back (RFC 4975; RFC 6135 for who connects).
//!
//! The owner reads from the socket while [`Connection::wants_input`], writes what [`Connection::poll_transmit`] gives
//! *when the socket takes it* (so that the choice what to send next is made late), answers every [`Event::Message`], and
//! calls [`Connection::handle_timeout`] when [`Connection::poll_timeout`] is due.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Instant;

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::decoder::{DecodeError, Decoder, DecoderLimits, Item};
use super::head::{ByteRange, FailureReport, Flag, Head, ParsedHead, StartLine, write_end_line, write_opening};
use super::inbox::{Complete, Inbox, Refusal};
use super::outbox::{Outbox, Outgoing, SendError, Ticket};
use super::status;
use super::uri::MsrpUri;

/// Responses and reports that wait for the socket before we stop reading, in octets.
const MAX_REPLIES_BYTES: usize = 64 * 1024;
/// Messages whose success report may still be asked for.
const MAX_REPORTABLE: usize = 32;

/// The bounds of a connection, in octets.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Content of the chunks that we send.
    pub chunk_bytes: usize,
    /// The largest message that we take.
    pub max_message_bytes: usize,
    /// The largest head that we take.
    pub max_head_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { chunk_bytes: 16 * 1024, max_message_bytes: 4 * 1024 * 1024 + 64 * 1024, max_head_bytes: 8 * 1024 }
    }
}

/// What a connection needs to know.
#[derive(Clone, Debug)]
pub struct ConnectionConfig {
    /// Our URI, as our SDP's `a=path` has it.
    pub own: MsrpUri,
    /// The peer's path, from its SDP. When `None`, the first good request tells.
    pub peer: Option<MsrpUri>,
    /// Whether we opened the connection and so must send first (RFC 4975 §5.4).
    pub active: bool,
    /// The bounds.
    pub limits: Limits,
    /// Draws message and transaction identifiers.
    pub seed: u64,
}

/// A message from the peer. It must be answered: [`Connection::answer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Names it towards [`Connection::answer`] and [`Connection::report`].
    pub ticket: u64,
    /// Its `Content-Type` as written.
    pub content_type: Box<str>,
    /// Its content.
    pub body: Bytes,
    /// Whether the sender wants a success report.
    pub success_report: bool,
}

/// What a connection has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The first good request named our session.
    Bound,
    /// A whole message.
    Message(Incoming),
    /// The peer answered every chunk of a message with 200.
    Accepted {
        /// The message.
        ticket: Ticket,
    },
    /// The peer reported success.
    Delivered {
        /// The message.
        ticket: Ticket,
    },
    /// The peer refused a message, or did not answer (408).
    Failed {
        /// The message.
        ticket: Ticket,
        /// RFC 4975 §10.
        status: u16,
    },
    /// A newer frame took its place.
    Superseded {
        /// The frame that is not sent, or not to its end.
        ticket: Ticket,
    },
    /// Nothing more comes or goes; what is queued may still be written, then the socket is closed.
    Closed(Fault),
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The stream is out of step.
    #[error("the peer's stream is broken: {0}")]
    Decode(#[from] DecodeError),
    /// The peer says that the session does not exist, or is bound elsewhere (481, 506).
    #[error("the peer refused the session: {0}")]
    Refused(u16),
    /// The peer answered nothing for [`RESPONSE_TIMEOUT`](super::outbox::RESPONSE_TIMEOUT).
    #[error("the peer is silent")]
    Silent,
}

/// The response to a request, straight back to its last hop (RFC 4975 §7.2). Also for who has no session to answer from.
pub fn response(head: &Head, code: u16, comment: &str) -> String {
    let mut out = String::with_capacity(256);
    if let (Some(to), Some(from)) = (head.from_path.first(), head.to_path.first()) {
        write_opening(&mut out, &head.transaction, &format!("{code} {comment}"), std::slice::from_ref(to), from);
        write_end_line(&mut out, &head.transaction, Flag::Complete);
    }
    out
}

struct Open {
    head: Head,
    answered: bool,
    foreign: bool,
}

struct Unanswered {
    ticket: u64,
    head: Head,
}

struct Reportable {
    ticket: u64,
    message_id: Box<str>,
    to_path: Vec<MsrpUri>,
    length: u64,
}

/// One connection. See the module's text for how to drive it.
pub struct Connection {
    config: ConnectionConfig,
    peer: Vec<MsrpUri>,
    decoder: Decoder,
    inbox: Inbox,
    outbox: Outbox,
    open: Option<Open>,
    unanswered: VecDeque<Unanswered>,
    reportable: VecDeque<Reportable>,
    replies: VecDeque<Bytes>,
    replies_bytes: usize,
    chunk: VecDeque<Bytes>,
    events: VecDeque<Event>,
    bound: bool,
    greeting_due: bool,
    closed: bool,
    last_input: Option<Instant>,
    next_incoming: u64,
}

impl Connection {
    /// A machine for a connection that was just accepted or opened.
    pub fn new(config: ConnectionConfig) -> Self {
        let limits = config.limits;
        let decoder = Decoder::new(DecoderLimits {
            max_head_bytes: limits.max_head_bytes,
            // A sender that is told 413 may have a good deal in flight; beyond twice the limit it is not listening.
            max_chunk_bytes: 2 * limits.max_message_bytes as u64,
        });
        Connection {
            peer: config.peer.iter().cloned().collect(),
            decoder,
            inbox: Inbox::new(limits.max_message_bytes),
            outbox: Outbox::new(limits.chunk_bytes, StdRng::seed_from_u64(config.seed)),
            open: None,
            unanswered: VecDeque::new(),
            reportable: VecDeque::new(),
            replies: VecDeque::new(),
            replies_bytes: 0,
            chunk: VecDeque::new(),
            events: VecDeque::new(),
            bound: false,
            greeting_due: config.active,
            closed: false,
            last_input: None,
            next_incoming: 0,
            config,
        }
    }

    /// Queues a message. Frames never fail for lack of room: the latest wins.
    pub fn send(&mut self, message: Outgoing) -> Result<Ticket, SendError> {
        if self.closed {
            return Err(SendError::Closed);
        }
        if self.peer.is_empty() {
            return Err(SendError::Unbound);
        }
        self.outbox.send(message, &mut self.events)
    }

    /// Whether the owner should read: false while the peer does not take our replies, and after the end.
    pub fn wants_input(&self) -> bool {
        !self.closed && self.replies_bytes < MAX_REPLIES_BYTES
    }

    /// Octets held for the peer and from the peer; bounded whatever the peer does.
    pub fn held_bytes(&self) -> usize {
        self.replies_bytes + self.outbox.queued_bytes() + self.inbox.held_bytes() + self.decoder.buffered()
    }

    /// Takes octets from the peer.
    pub fn handle_input(&mut self, octets: &[u8], now: Instant) {
        if self.closed || octets.is_empty() {
            return;
        }
        self.last_input = Some(now);
        self.decoder.push(octets);
        while let Some(item) = self.decoder.next() {
            match item {
                Ok(Item::Head(parsed)) => self.head(parsed),
                Ok(Item::Body(octets)) => self.content(&octets),
                Ok(Item::End(flag)) => self.end(flag),
                Err(error) => self.close(Fault::Decode(error)),
            }
            if self.closed {
                return;
            }
        }
    }

    fn head(&mut self, parsed: ParsedHead) {
        let ParsedHead { head, fault } = parsed;
        let foreign = !self.is_for_us(&head);
        let mut open = Open { foreign, answered: false, head };
        if matches!(open.head.start, StartLine::Response(_) | StartLine::Report) {
            // Neither is ever answered (RFC 4975 §7.1.3, §7.2); a defective one says nothing.
            open.answered = true;
            open.foreign |= fault.is_some();
        } else if foreign {
            self.refuse(&mut open, Refusal { status: status::NO_SESSION, comment: "Session Does Not Exist" });
        } else if matches!(open.head.start, StartLine::OtherMethod(_)) {
            self.refuse(&mut open, Refusal { status: status::UNKNOWN_METHOD, comment: "Unknown Method" });
        } else if let Some(comment) = fault {
            self.refuse(&mut open, Refusal { status: status::BAD_REQUEST, comment });
        } else {
            self.bind(&open.head);
            if open.head.has_body
                && let Err(refusal) = self.inbox.begin(&open.head)
            {
                self.refuse(&mut open, refusal);
            }
        }
        self.open = Some(open);
    }

    /// The session id is the secret that names the session. Host and port are not compared: middleboxes and CEMA
    /// (RFC 6714) make them differ from what we wrote in our SDP.
    fn is_for_us(&self, head: &Head) -> bool {
        matches!(&head.to_path[..], [uri] if uri.session_id() == self.config.own.session_id())
    }

    fn bind(&mut self, head: &Head) {
        if !self.bound {
            self.bound = true;
            if self.peer.is_empty() {
                self.peer = head.from_path.clone();
            }
            self.events.push_back(Event::Bound);
        }
    }

    fn content(&mut self, octets: &[u8]) {
        let Some(mut open) = self.open.take() else { return };
        if !open.answered
            && let Err(refusal) = self.inbox.content(octets)
        {
            // RFC 4975 §7.2: a 413 may be sent before the request ended, and saves the peer the rest.
            self.refuse(&mut open, refusal);
        }
        self.open = Some(open);
    }

    fn end(&mut self, flag: Flag) {
        let Some(mut open) = self.open.take() else { return };
        match open.head.start {
            StartLine::Response(code) if !open.foreign => return self.response(&open.head, code),
            StartLine::Report if !open.foreign => return self.report_arrived(&open.head),
            StartLine::Response(_) | StartLine::Report => return,
            StartLine::Send | StartLine::OtherMethod(_) => {}
        }
        if open.answered {
            // Its refusal is out already; the inbox only closes the chunk.
            let _ = self.inbox.end(flag);
            return;
        }
        if !open.head.has_body {
            return self.reply(&open.head, status::OK, "OK");
        }
        match self.inbox.end(flag) {
            Ok(None) => self.reply(&open.head, status::OK, "OK"),
            Ok(Some(complete)) => self.deliver(open.head, complete),
            Err(refusal) => self.refuse(&mut open, refusal),
        }
    }

    fn response(&mut self, head: &Head, code: u16) {
        self.outbox.response(&head.transaction, code, &mut self.events);
        if matches!(code, status::NO_SESSION | status::SESSION_IN_USE) {
            self.close(Fault::Refused(code));
        }
    }

    fn report_arrived(&mut self, head: &Head) {
        if let (Some(id), Some(code)) = (&head.message_id, head.report_status) {
            let range = head.byte_range.unwrap_or(ByteRange::WHOLE);
            self.outbox.report(id, range, code, &mut self.events);
        }
    }

    fn deliver(&mut self, head: Head, complete: Complete) {
        self.next_incoming += 1;
        let ticket = self.next_incoming;
        if complete.success_report {
            if self.reportable.len() == MAX_REPORTABLE {
                self.reportable.pop_front();
            }
            self.reportable.push_back(Reportable {
                ticket,
                message_id: complete.message_id,
                to_path: head.from_path.clone(),
                length: complete.body.len() as u64,
            });
        }
        self.unanswered.push_back(Unanswered { ticket, head });
        self.events.push_back(Event::Message(Incoming {
            ticket,
            content_type: complete.content_type,
            body: complete.body,
            success_report: complete.success_report,
        }));
    }

    /// Answers a message: the response to its last chunk. A refused message is not reported any more.
    pub fn answer(&mut self, ticket: u64, code: u16, comment: &str) {
        let Some(at) = self.unanswered.iter().position(|message| message.ticket == ticket) else { return };
        let Some(message) = self.unanswered.remove(at) else { return };
        if code != status::OK {
            self.reportable.retain(|reportable| reportable.ticket != ticket);
        }
        self.reply(&message.head, code, comment);
    }

    /// Sends the success report of a message, if its sender asked for one (RFC 4975 §7.1.3).
    pub fn report(&mut self, ticket: u64) {
        let Some(at) = self.reportable.iter().position(|message| message.ticket == ticket) else { return };
        let Some(message) = self.reportable.remove(at) else { return };
        let transaction = self.outbox.draw_ident();
        let mut out = String::with_capacity(256);
        write_opening(&mut out, &transaction, "REPORT", &message.to_path, &self.config.own);
        let _ = write!(
            out,
            "Message-ID: {}\r\nByte-Range: 1-{length}/{length}\r\nStatus: 000 200 OK\r\n",
            message.message_id,
            length = message.length
        );
        write_end_line(&mut out, &transaction, Flag::Complete);
        self.queue_reply(out);
    }

    fn refuse(&mut self, open: &mut Open, refusal: Refusal) {
        open.answered = true;
        self.reply(&open.head, refusal.status, refusal.comment);
    }

    /// RFC 4975 §7.2: nothing for `Failure-Report: no`, failures only for `partial`.
    fn reply(&mut self, head: &Head, code: u16, comment: &str) {
        let wanted = match head.failure_report {
            FailureReport::Yes => true,
            FailureReport::Partial => code != status::OK,
            FailureReport::No => false,
        };
        if wanted {
            self.queue_reply(response(head, code, comment));
        }
    }

    fn queue_reply(&mut self, text: String) {
        self.replies_bytes += text.len();
        self.replies.push_back(text.into());
    }

    /// The next octets for the socket: replies first, then control messages, then frames.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
        if let Some(piece) = self.chunk.pop_front() {
            return Some(piece);
        }
        if let Some(reply) = self.replies.pop_front() {
            self.replies_bytes -= reply.len();
            return Some(reply);
        }
        if self.closed || self.peer.is_empty() {
            return None;
        }
        if std::mem::take(&mut self.greeting_due) && self.outbox.is_empty() {
            return Some(self.greeting());
        }
        let pieces = self.outbox.next_chunk(&self.config.own, &self.peer, now)?;
        self.chunk.extend(pieces.into_iter().filter(|piece| !piece.is_empty()));
        self.chunk.pop_front()
    }

    /// RFC 4975 §5.4: the active side sends at once, a SEND without content when it has nothing to say.
    fn greeting(&mut self) -> Bytes {
        let (transaction, message_id) = (self.outbox.draw_ident(), self.outbox.draw_ident());
        let mut out = String::with_capacity(256);
        write_opening(&mut out, &transaction, "SEND", &self.peer, &self.config.own);
        let _ = write!(out, "Message-ID: {message_id}\r\nByte-Range: 1-0/0\r\n");
        write_end_line(&mut out, &transaction, Flag::Complete);
        out.into()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Fails what was not answered in time. A peer that has said nothing at all since is gone.
    pub fn handle_timeout(&mut self, now: Instant) {
        let unanswered_since = self.outbox.handle_timeout(now, &mut self.events);
        if let Some(since) = unanswered_since
            && self.last_input.is_none_or(|heard| heard < since)
        {
            self.close(Fault::Silent);
        }
    }

    /// When [`Connection::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.closed { None } else { self.outbox.poll_timeout() }
    }

    /// Whether the machine is at its end.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    fn close(&mut self, fault: Fault) {
        if !self.closed {
            self.closed = true;
            self.events.push_back(Event::Closed(fault));
        }
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
