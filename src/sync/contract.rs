//! What the signalling loop and the screen shell say to each other. Plain values, no behaviour.

use bytes::Bytes;

use super::context::DeviceContext;
use super::control::AnswerBy;
use super::identity::DeviceIdentity;

/// The two ends of a screen session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The customer's phone.
    Phone,
    /// The agent's seat with its simulator.
    Seat,
}

impl Side {
    /// The opposite end.
    pub fn other(self) -> Side {
        match self {
            Side::Phone => Side::Seat,
            Side::Seat => Side::Phone,
        }
    }
}

/// Who opens the TCP connection (RFC 6135), from our point of view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The peer connects to us.
    Passive,
    /// We connect to the peer's path.
    Active,
}

/// From the signalling loop to the screen shell.
#[derive(Clone, Debug)]
pub enum ScreenCommand {
    /// A leg of a call has a screen session. The first command of a call; a later one for the same side replaces it.
    Open {
        /// The call.
        call: u64,
        /// Which leg.
        side: Side,
        /// SIP Call-ID of that leg.
        call_id: String,
        /// Ours, as in the `a=path` that we wrote: a secret of at least 80 bits.
        session_id: String,
        /// The peer's `a=path`; `None` when that leg has no MSRP and SIP MESSAGE carries everything.
        peer_path: Option<String>,
        /// Who connects.
        role: Role,
        /// The names of the phone. Only the phone side's are used.
        identity: DeviceIdentity,
        /// The largest body of a SIP MESSAGE on that leg, in octets; counts only without MSRP.
        message_limit: usize,
    },
    /// The context that came with the INVITE: `application/vnd.tandem.context+json`.
    InviteContext {
        /// The call.
        call: u64,
        /// The body part.
        body: Bytes,
    },
    /// A seat was leased to the call.
    Assign {
        /// The call.
        call: u64,
        /// Opaque; unique to this call.
        seat_id: String,
        /// What to show the customer.
        seat_name: String,
    },
    /// The caller's place in the queue changed.
    Position {
        /// The call.
        call: u64,
        /// 1 is next.
        position: u32,
        /// Seconds.
        expected_wait_s: Option<u32>,
    },
    /// A SIP MESSAGE arrived in the dialog of a leg. Answered by [`ScreenEvent::Verdict`].
    SipMessage {
        /// The call.
        call: u64,
        /// Which leg.
        side: Side,
        /// Names the message in the verdict.
        ticket: u64,
        /// Its Content-Type.
        content_type: String,
        /// Its body.
        body: Bytes,
    },
    /// What became of a [`ScreenEvent::SendMessage`].
    MessageResult {
        /// The call.
        call: u64,
        /// Which leg.
        side: Side,
        /// The event's.
        ticket: u64,
        /// The final SIP status; 408 when there was none.
        status: u16,
    },
    /// A leg ended, or its screen was taken out of the session description.
    CloseSide {
        /// The call.
        call: u64,
        /// Which leg.
        side: Side,
    },
    /// The call ended. Answered by [`ScreenEvent::Closed`].
    Close {
        /// The call.
        call: u64,
    },
}

impl ScreenCommand {
    /// The call that the command is about.
    pub fn call(&self) -> u64 {
        match *self {
            ScreenCommand::Open { call, .. }
            | ScreenCommand::InviteContext { call, .. }
            | ScreenCommand::Assign { call, .. }
            | ScreenCommand::Position { call, .. }
            | ScreenCommand::SipMessage { call, .. }
            | ScreenCommand::MessageResult { call, .. }
            | ScreenCommand::CloseSide { call, .. }
            | ScreenCommand::Close { call } => call,
        }
    }
}

/// From the screen shell to the signalling loop.
#[derive(Clone, Debug, PartialEq)]
pub enum ScreenEvent {
    /// A side's MSRP connection is bound to its session.
    Connected {
        /// The call.
        call: u64,
        /// Which side.
        side: Side,
    },
    /// The app told about the phone.
    Context {
        /// The call.
        call: u64,
        /// What it told.
        context: Box<DeviceContext>,
    },
    /// To be sent as SIP MESSAGE in the dialog of a leg. Answered by [`ScreenCommand::MessageResult`].
    SendMessage {
        /// The call.
        call: u64,
        /// Which leg.
        side: Side,
        /// Names the message in the result.
        ticket: u64,
        /// Its Content-Type.
        content_type: String,
        /// Its body.
        body: Bytes,
    },
    /// The SIP status for a [`ScreenCommand::SipMessage`]: 200, 400, 403, 413, 415 or 481.
    Verdict {
        /// The call.
        call: u64,
        /// The command's.
        ticket: u64,
        /// For the response.
        status: u16,
    },
    /// The customer answered a question about a frame.
    Confirmed {
        /// The call.
        call: u64,
        /// The question.
        confirm: Box<Confirmation>,
    },
    /// The seat asked the phone to open a page.
    Handoff {
        /// The call.
        call: u64,
        /// The page.
        url: String,
    },
    /// The frames towards a side changed their state.
    State {
        /// The call.
        call: u64,
        /// The side that receives these frames.
        toward: Side,
        /// The new state.
        state: LaneState,
    },
    /// The figures so far, at most once a second.
    Counters {
        /// The call.
        call: u64,
        /// The figures.
        counters: FrameCounters,
    },
    /// A side said `bye`: its screen session is over, its call is not.
    Bye {
        /// The call.
        call: u64,
        /// Which side.
        side: Side,
    },
    /// A side's connection ended. It may connect again until the call ends.
    SideClosed {
        /// The call.
        call: u64,
        /// Which side.
        side: Side,
        /// For the log; never personal.
        reason: String,
    },
    /// The screen session of a call ended.
    Closed {
        /// The call.
        call: u64,
        /// The final figures.
        counters: FrameCounters,
    },
}

/// A question and its answer, for the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// The question's id.
    pub id: String,
    /// The words.
    pub summary: String,
    /// The price.
    pub amount: Option<String>,
    /// The frame that was asked about.
    pub frame_seq: u64,
    /// Its SHA-256.
    pub frame_hash: String,
    /// The answer.
    pub answer: bool,
    /// How it was given.
    pub by: AnswerBy,
}

/// Figures of one screen session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounters {
    /// Frames of the phone that the seat took.
    pub frames_to_seat: u64,
    /// Frames of the seat that the phone took.
    pub frames_to_phone: u64,
    /// Messages that were refused, of any kind.
    pub refused: u64,
    /// Frames that made room for newer ones, on our side.
    pub superseded: u64,
    /// Control messages forwarded or originated to the seat.
    pub controls_to_seat: u64,
    /// Control messages forwarded or originated to the phone.
    pub controls_to_phone: u64,
    /// Control messages of an unknown type: taken and ignored.
    pub ignored: u64,
}

/// The state of the frames towards one side. `docs/screen-session.md` has the diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneState {
    /// Sender or receiver has not connected yet, and no frame is known.
    Negotiating,
    /// Both are there; no whole frame has arrived yet.
    AwaitingKeyframe,
    /// Frames flow.
    Live,
    /// The receiver has not taken a frame for the configured time.
    Stalled,
    /// A partial frame was lost; a whole one is asked for.
    Resyncing,
    /// The receiver is away; the last whole frame is kept for it.
    Parked,
    /// The call is over.
    Closed,
}
