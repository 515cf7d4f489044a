//! What goes into a session and what comes out.

use bytes::Bytes;

use crate::sync::contract::{ScreenEvent, Side};
use crate::sync::identity::DeviceIdentity;
use crate::sync::msrp::Class;

/// How a message came in, and so how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Over the side's MSRP connection.
    Msrp {
        /// The side.
        side: Side,
        /// Which of its connections: a side may have connected again since.
        generation: u64,
        /// The connection's.
        ticket: u64,
    },
    /// As a SIP MESSAGE.
    Sip {
        /// The driver's.
        ticket: u64,
    },
}

/// What a carrier has to say about a message that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The receiver has taken it.
    Accepted,
    /// The receiver reports that it has it whole. Implies accepted.
    Delivered,
    /// It made room for a newer frame.
    Superseded,
    /// It was refused, or there was no answer.
    Failed(u16),
}

/// What happens to a session.
#[derive(Clone, Debug)]
pub enum Input {
    /// A leg has a screen session.
    Open {
        /// Which.
        side: Side,
        /// Its SIP Call-ID.
        call_id: String,
        /// The phone's names; ignored for the seat.
        identity: DeviceIdentity,
        /// The largest SIP MESSAGE when there is no MSRP.
        message_limit: Option<usize>,
    },
    /// A side's MSRP connection is bound.
    Connected(Side),
    /// It ended.
    Disconnected(Side),
    /// A message arrived. Answered by exactly one [`Output::Verdict`].
    Message {
        /// From which side.
        side: Side,
        /// How.
        origin: Origin,
        /// Its Content-Type.
        content_type: String,
        /// Its content.
        body: Bytes,
    },
    /// A carrier tells about a message that we sent.
    Progress {
        /// The receiver.
        side: Side,
        /// [`Output::Send`]'s.
        ticket: u64,
        /// What.
        progress: Progress,
    },
    /// The context of the INVITE.
    InviteContext(Bytes),
    /// A seat was leased.
    Assign {
        /// Opaque.
        seat_id: String,
        /// For the customer's eyes.
        seat_name: String,
    },
    /// The place in the queue.
    Position {
        /// 1 is next.
        position: u32,
        /// Seconds.
        expected_wait_s: Option<u32>,
    },
    /// A leg's screen session ended.
    CloseSide(Side),
    /// The call ended.
    Close,
}

/// What a session wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Answer a message.
    Verdict {
        /// The message.
        origin: Origin,
        /// RFC 4975 §10, also legal in SIP.
        status: u16,
        /// For the response's comment.
        comment: &'static str,
    },
    /// Send the success report of a message that was answered with 200.
    Report {
        /// The message.
        origin: Origin,
    },
    /// Send a message to a side over its MSRP connection.
    Send {
        /// To whom.
        side: Side,
        /// For [`Input::Progress`].
        ticket: u64,
        /// How it competes.
        class: Class,
        /// A whole `message/cpim`.
        body: Bytes,
    },
    /// Tell the driver.
    Event(ScreenEvent),
}
