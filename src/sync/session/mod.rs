//! One call's screen session as a pure machine: two sides, whatever carries them.
//!
//! Nothing can cross to another call by construction: a session knows only its own two legs, every message that it takes
//! must name one of them by SIP Call-ID, and everything that it sends goes to its own other leg under that leg's Call-ID.
//! There is no table from which a wrong receiver could be chosen.

mod controls;
mod exchange;
mod lane;
mod messages;
mod sending;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::context::DeviceContext;
use super::contract::{FrameCounters, LaneState, ScreenEvent, Side};
use super::control::{self, Control, Position, SeatAssigned};
use super::frame::FrameLimits;
use super::identity::DeviceIdentity;
use super::msrp::status;
pub use exchange::{Input, Origin, Output, Progress};
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
