//! One call's screen session as a pure machine: two sides, whatever carries them.
//!
//! Nothing can cross to another call by construction: a session knows only its own two legs, every message that it takes
//! must name one of them by SIP Call-ID, and everything that it sends goes to its own other leg under that leg's Call-ID.
//! There is no table from which a wrong receiver could be chosen.

mod controls;
mod lane;
mod messages;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::context::DeviceContext;
use super::contract::{FrameCounters, LaneState, ScreenEvent, Side};
use super::control::{self, Control, Position, SeatAssigned};
use super::cpim::{self, Cpim};
use super::frame::{self, Frame, FrameLimits};
use super::identity::DeviceIdentity;
use super::msrp::{Class, status};
use super::text::Text;
use lane::Lane;

/// The sender of what the gateway itself says.
const GATEWAY_URI: &str = "urn:tandem:gateway";
/// How often figures are told.
const COUNTERS_EVERY: Duration = Duration::from_secs(1);
/// Control messages on their way over SIP MESSAGE.
const MAX_CONTROLS_IN_FLIGHT: usize = 16;

/// The bounds of a session.
#[derive(Clone, Copy, Debug)]
pub struct SessionConfig {
    /// Of frames.
    pub frame: FrameLimits,
    /// Octets of a control message's JSON.
    pub max_control_bytes: usize,
    /// How long a frame may be on its way before the lane counts as stalled.
    pub stall_after: Duration,
}

impl Default for SessionConfig {
    fn default() -> Self {
        SessionConfig {
            frame: FrameLimits { max_frame_bytes: 4 * 1024 * 1024, max_pixels: 8_000_000 },
            max_control_bytes: 64 * 1024,
            stall_after: Duration::from_secs(5),
        }
    }
}

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

/// How a side is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carrier {
    Msrp { connected: bool },
    Message { limit: usize, controls_in_flight: usize },
}

struct Leg {
    call_id: String,
    carrier: Carrier,
}

impl Leg {
    fn is_there(&self) -> bool {
        !matches!(self.carrier, Carrier::Msrp { connected: false })
    }
}

/// A status and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refusal(u16, &'static str);

/// The question that the phone has to answer.
struct Question {
    request: control::ConfirmRequest,
}

/// One call's screen session.
pub struct ScreenSession {
    call: u64,
    config: SessionConfig,
    phone: Option<Leg>,
    seat: Option<Leg>,
    identity: DeviceIdentity,
    assigned: Option<SeatAssigned>,
    position: Option<Position>,
    context: Option<DeviceContext>,
    to_phone: Lane,
    to_seat: Lane,
    question: Option<Question>,
    counters: FrameCounters,
    told_counters: FrameCounters,
    tell_counters_at: Option<Instant>,
    outputs: VecDeque<Output>,
    next_ticket: u64,
    closed: bool,
}

impl ScreenSession {
    /// A session without legs.
    pub fn new(call: u64, config: SessionConfig) -> Self {
        ScreenSession {
            call,
            config,
            phone: None,
            seat: None,
            identity: DeviceIdentity::default(),
            assigned: None,
            position: None,
            context: None,
            to_phone: Lane::default(),
            to_seat: Lane::default(),
            question: None,
            counters: FrameCounters::default(),
            told_counters: FrameCounters::default(),
            tell_counters_at: None,
            outputs: VecDeque::new(),
            next_ticket: 0,
            closed: false,
        }
    }

    /// Takes one input. Drain the outputs before the next.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        match input {
            Input::Message { side, origin, content_type, body } => {
                self.message(side, origin, &content_type, &body, now);
            }
            _ if self.closed => {}
            Input::Open { side, call_id, identity, message_limit } => {
                self.open(side, call_id, identity, message_limit, now);
            }
            Input::Connected(side) => self.connected(side, now),
            Input::Disconnected(side) => self.disconnected(side),
            Input::Progress { side, ticket, progress } => self.progress(side, ticket, progress, now),
            Input::InviteContext(body) => self.invite_context(&body),
            Input::Assign { seat_id, seat_name } => self.assign(seat_id, seat_name),
            Input::Position { position, expected_wait_s } => {
                self.position = Some(Position { position: position.max(1), expected_wait_s });
                self.send_position();
            }
            Input::CloseSide(side) => self.close_side(side),
            Input::Close => self.close(),
        }
        self.after(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let after = self.config.stall_after;
        self.to_phone.handle_timeout(after, now);
        self.to_seat.handle_timeout(after, now);
        if self.tell_counters_at.is_some_and(|at| at <= now) {
            self.tell_counters_at = None;
            self.told_counters = self.counters;
            self.event(ScreenEvent::Counters { call: self.call, counters: self.counters });
        }
        self.after(now);
    }

    /// The next thing to be done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`ScreenSession::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.closed {
            return None;
        }
        let after = self.config.stall_after;
        let stalls = [&self.to_phone, &self.to_seat].into_iter().filter_map(|lane| lane.stall_at(after));
        stalls.chain(self.tell_counters_at).min()
    }

    /// The figures so far.
    pub fn counters(&self) -> FrameCounters {
        self.counters
    }

    /// The state of the frames towards a side.
    pub fn state(&self, toward: Side) -> LaneState {
        if self.closed {
            return LaneState::Closed;
        }
        let there = |side| self.leg(side).is_some_and(Leg::is_there);
        self.lane(toward).state(there(toward.other()), there(toward))
    }

    /// Derives what follows from any change: state changes, and figures that are due.
    fn after(&mut self, now: Instant) {
        for side in [Side::Phone, Side::Seat] {
            let state = self.state(side);
            if let Some(state) = self.lane_mut(side).state_change(state) {
                self.event(ScreenEvent::State { call: self.call, toward: side, state });
            }
        }
        if !self.closed && self.counters != self.told_counters && self.tell_counters_at.is_none() {
            self.tell_counters_at = Some(now + COUNTERS_EVERY);
        }
    }

    fn open(
        &mut self,
        side: Side,
        call_id: String,
        identity: DeviceIdentity,
        message_limit: Option<usize>,
        now: Instant,
    ) {
        self.drop_leg(side);
        let carrier = match message_limit {
            Some(limit) => Carrier::Message { limit, controls_in_flight: 0 },
            None => Carrier::Msrp { connected: false },
        };
        *self.leg_mut(side) = Some(Leg { call_id, carrier });
        if side == Side::Phone {
            self.identity = identity;
        }
        if message_limit.is_some() {
            self.welcome(side, now);
        }
    }

    fn connected(&mut self, side: Side, now: Instant) {
        let Some(Leg { carrier: Carrier::Msrp { connected }, .. }) = self.leg_mut(side) else { return };
        *connected = true;
        self.event(ScreenEvent::Connected { call: self.call, side });
        self.welcome(side, now);
    }

    /// What somebody who just came has to know, in the order in which it makes sense.
    fn welcome(&mut self, side: Side, now: Instant) {
        if side == Side::Seat {
            if let Some(context) = self.context.clone() {
                self.send_control(side, &Control::Context(context));
            }
        } else if self.assigned.is_none() {
            self.send_position();
        }
        self.send_assigned(side);
        if let Some((frame, origin)) = self.lane_mut(side).replay() {
            self.send_frame(side, &frame, origin, now);
        }
        if self.lane(side).is_broken() {
            self.ask_for_keyframe(side.other());
        }
    }

    fn disconnected(&mut self, side: Side) {
        if let Some(Leg { carrier: Carrier::Msrp { connected }, .. }) = self.leg_mut(side) {
            *connected = false;
            self.lane_mut(side).receiver_left();
        }
    }

    fn close_side(&mut self, side: Side) {
        self.drop_leg(side);
        match side {
            Side::Phone => self.identity = DeviceIdentity::default(),
            // The next seat is another one.
            Side::Seat => self.assigned = None,
        }
    }

    fn drop_leg(&mut self, side: Side) {
        if self.leg_mut(side).take().is_some() {
            self.lane_mut(side).receiver_left();
            self.lane_mut(side.other()).sender_left();
            self.question = None;
        }
    }

    fn close(&mut self) {
        self.closed = true;
        self.phone = None;
        self.seat = None;
        self.event(ScreenEvent::Closed { call: self.call, counters: self.counters });
    }

    fn assign(&mut self, seat_id: String, seat_name: String) {
        let (Ok(seat_id), Ok(seat_name)) = (Text::try_from(seat_id), Text::try_from(seat_name)) else {
            // Both come from our own configuration, which bounds them.
            tracing::warn!(call = self.call, "seat id or name too long for the screen session");
            return;
        };
        self.assigned = Some(SeatAssigned { seat_id, seat_name, phone: None });
        self.position = None;
        self.send_assigned(Side::Phone);
        self.send_assigned(Side::Seat);
    }

    fn send_position(&mut self) {
        if let Some(position) = self.position.clone() {
            self.send_control(Side::Phone, &Control::Position(position));
        }
    }

    fn send_assigned(&mut self, side: Side) {
        let Some(mut assigned) = self.assigned.clone() else { return };
        if side == Side::Seat {
            assigned.phone = self.identity.primary().and_then(|name| Text::try_from(name.to_string()).ok());
        }
        self.send_control(side, &Control::SeatAssigned(assigned));
    }

    fn ask_for_keyframe(&mut self, side: Side) {
        self.send_control(side, &Control::KeyframeRequest(control::KeyframeRequest {}));
    }

    /// A message of the gateway's own.
    fn send_control(&mut self, side: Side, control: &Control) {
        let Some(leg) = self.leg(side) else { return };
        let cpim = frame::control_envelope(control, &leg.call_id, GATEWAY_URI, &self.uri_of(side));
        self.send_envelope(side, Class::Control, &cpim);
    }

    fn send_frame(&mut self, side: Side, frame: &Frame, origin: Origin, now: Instant) {
        let Some(leg) = self.leg(side) else { return };
        let cpim = frame.envelope(&leg.call_id, &self.uri_of(side.other()), &self.uri_of(side));
        if let Some(ticket) = self.send_envelope(side, Class::Frame, &cpim) {
            self.lane_mut(side).sent(ticket, frame, origin, now);
        }
    }

    /// Hands a message to the side's carrier, if it can take it.
    fn send_envelope(&mut self, side: Side, class: Class, cpim: &Cpim) -> Option<u64> {
        let call = self.call;
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        let leg = self.leg_mut(side).as_mut()?;
        let body = cpim.to_bytes();
        let output = match &mut leg.carrier {
            Carrier::Msrp { connected: false } => return None,
            Carrier::Msrp { connected: true } => Output::Send { side, ticket, class, body },
            Carrier::Message { limit, .. } if body.len() > *limit => return None,
            Carrier::Message { controls_in_flight, .. } => {
                if class == Class::Control {
                    if *controls_in_flight == MAX_CONTROLS_IN_FLIGHT {
                        return None;
                    }
                    *controls_in_flight += 1;
                }
                let content_type = cpim::MEDIA_TYPE.to_owned();
                Output::Event(ScreenEvent::SendMessage { call, side, ticket, content_type, body })
            }
        };
        if class == Class::Control {
            match side {
                Side::Phone => self.counters.controls_to_phone += 1,
                Side::Seat => self.counters.controls_to_seat += 1,
            }
        }
        self.outputs.push_back(output);
        Some(ticket)
    }

    fn progress(&mut self, side: Side, ticket: u64, progress: Progress, now: Instant) {
        let lane = self.lane_mut(side);
        let accepted = matches!(progress, Progress::Accepted | Progress::Delivered) && lane.accepted(ticket);
        let reported = if progress == Progress::Delivered { lane.delivered(ticket) } else { None };
        let lost = matches!(progress, Progress::Superseded | Progress::Failed(_)) && lane.lost(ticket);
        let is_frame = accepted || reported.is_some() || lost;
        if accepted {
            match side {
                Side::Phone => self.counters.frames_to_phone += 1,
                Side::Seat => self.counters.frames_to_seat += 1,
            }
        }
        if let Some(origin) = reported {
            self.outputs.push_back(Output::Report { origin });
        }
        match progress {
            Progress::Superseded if lost => self.counters.superseded += 1,
            Progress::Failed(_) => self.counters.refused += 1,
            _ => {}
        }
        if let Some(Leg { carrier: Carrier::Message { controls_in_flight, .. }, .. }) = self.leg_mut(side)
            && !is_frame
        {
            *controls_in_flight = controls_in_flight.saturating_sub(1);
        }
        if let Some((frame, origin)) = self.lane_mut(side).take_owed() {
            self.send_frame(side, &frame, origin, now);
        }
    }

    /// How a side is addressed towards the other.
    fn uri_of(&self, side: Side) -> String {
        let uri = match side {
            Side::Phone => self.identity.primary().map(ToString::to_string),
            Side::Seat => self.assigned.as_ref().map(|assigned| format!("urn:tandem:seat:{}", assigned.seat_id)),
        };
        uri.unwrap_or_else(|| "urn:tandem:unknown".to_owned())
    }

    fn event(&mut self, event: ScreenEvent) {
        self.outputs.push_back(Output::Event(event));
    }

    fn leg(&self, side: Side) -> Option<&Leg> {
        match side {
            Side::Phone => self.phone.as_ref(),
            Side::Seat => self.seat.as_ref(),
        }
    }

    fn leg_mut(&mut self, side: Side) -> &mut Option<Leg> {
        match side {
            Side::Phone => &mut self.phone,
            Side::Seat => &mut self.seat,
        }
    }

    /// The frames towards a side.
    fn lane(&self, toward: Side) -> &Lane {
        match toward {
            Side::Phone => &self.to_phone,
            Side::Seat => &self.to_seat,
        }
    }

    fn lane_mut(&mut self, toward: Side) -> &mut Lane {
        match toward {
            Side::Phone => &mut self.to_phone,
            Side::Seat => &mut self.to_seat,
        }
    }

    fn refuse_if(condition: bool, code: u16, comment: &'static str) -> Result<(), Refusal> {
        if condition { Err(Refusal(code, comment)) } else { Ok(()) }
    }

    /// What is said when a message names no live leg of this call.
    const NO_CALL: Refusal = Refusal(status::NO_SESSION, "No Such Live Call");
}
