//! What leaves: into an envelope, onto the side's carrier, and what the carrier says of it.

use std::time::Instant;

use super::exchange::{Output, Progress};
use super::{Carrier, GATEWAY_URI, Leg, MAX_CONTROLS_IN_FLIGHT, Origin, ScreenSession};
use crate::sync::contract::{ScreenEvent, Side};
use crate::sync::control::{Control, KeyframeRequest, SeatAssigned};
use crate::sync::cpim::{self, Cpim};
use crate::sync::frame::{self, Frame};
use crate::sync::msrp::Class;
use crate::sync::text::Text;

impl ScreenSession {
    pub(super) fn assign(&mut self, seat_id: String, seat_name: String) {
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

    pub(super) fn send_position(&mut self) {
        if let Some(position) = self.position.clone() {
            self.send_control(Side::Phone, &Control::Position(position));
        }
    }

    pub(super) fn send_assigned(&mut self, side: Side) {
        let Some(mut assigned) = self.assigned.clone() else { return };
        if side == Side::Seat {
            assigned.phone = self.identity.primary().and_then(|name| Text::try_from(name.to_string()).ok());
        }
        self.send_control(side, &Control::SeatAssigned(assigned));
    }

    pub(super) fn ask_for_keyframe(&mut self, side: Side) {
        self.send_control(side, &Control::KeyframeRequest(KeyframeRequest {}));
    }

    /// A message of the gateway's own.
    pub(super) fn send_control(&mut self, side: Side, control: &Control) {
        let Some(leg) = self.leg(side) else { return };
        let cpim = frame::control_envelope(control, &leg.call_id, GATEWAY_URI, &self.uri_of(side));
        self.send_envelope(side, Class::Control, &cpim);
    }

    pub(super) fn send_frame(&mut self, side: Side, frame: &Frame, origin: Origin, now: Instant) {
        let Some(leg) = self.leg(side) else { return };
        let cpim = frame.envelope(&leg.call_id, &self.uri_of(side.other()), &self.uri_of(side));
        if let Some(ticket) = self.send_envelope(side, Class::Frame, &cpim) {
            self.lane_mut(side).sent(ticket, frame, origin, now);
        }
    }

    /// Hands a message to the side's carrier, if it can take it.
    pub(super) fn send_envelope(&mut self, side: Side, class: Class, cpim: &Cpim) -> Option<u64> {
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

    pub(super) fn progress(&mut self, side: Side, ticket: u64, progress: Progress, now: Instant) {
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
    pub(super) fn uri_of(&self, side: Side) -> String {
        let uri = match side {
            Side::Phone => self.identity.primary().map(ToString::to_string),
            Side::Seat => self.assigned.as_ref().map(|assigned| format!("urn:tandem:seat:{}", assigned.seat_id)),
        };
        uri.unwrap_or_else(|| "urn:tandem:unknown".to_owned())
    }
}
