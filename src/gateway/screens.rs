//! The screen session of a call, as far as signalling is concerned: who takes part, who he is, what came of it.
//! Frames never pass through here.

use super::{Gateway, Output};
use crate::call::record::ConfirmationRecord;
use crate::call::{Bearer, CallKey, Side};
use crate::sip::Transport;
use crate::sip::message::Method;
use crate::sip::sdp::{LocalMedia, ScreenLine, SessionDescription, Setup};
use crate::sync::contract::{Confirmation, Role, ScreenCommand, ScreenEvent, Side as ScreenSide};

/// What is left for the body of a MESSAGE over UDP: 1300 bytes (RFC 3428 §8) less our headers.
const UDP_BODY_LIMIT: usize = 700;

impl Gateway {
    /// Our end of a screen stream.
    pub(super) fn screen_line(&self, session: &str) -> ScreenLine {
        let limit = self.config.screen.max_frame_bytes as u64;
        ScreenLine::new(self.config.screen.bind, session, Setup::Passive, limit)
    }

    /// Whether this caller gets a screen session, and by which carrier: MSRP when he offers it, SIP MESSAGE when he is
    /// an app that does not.
    pub(super) fn plan_caller_screen(&mut self, key: CallKey, offer: &SessionDescription, local: &mut LocalMedia) {
        let offers_msrp = offer.media.iter().any(|media| ScreenLine::read(media, offer).is_some());
        let session = self.token();
        let line = self.screen_line(&session);
        let Some(call) = self.calls.get_mut(&key) else { return };
        // Voice only without a name to address frames to; a softphone has neither stream nor context.
        let is_named = !call.device.identity().names().is_empty();
        let is_app = offers_msrp || call.device.context.is_some();
        if call.bearer == Bearer::Wifi && is_named && is_app {
            call.caller.screen = Some(session);
            local.screen = offers_msrp.then_some(line);
        }
    }

    /// Opens a party's side of the screen session, by what was agreed with it.
    pub(super) fn open_screen(&mut self, key: CallKey, side: Side) {
        let message_limit = self.message_limit(key, side);
        let Some(call) = self.calls.get_mut(&key) else { return };
        let Some(party) = call.party(side) else { return };
        let Some(session_id) = party.screen.clone() else { return };
        let agreed = party.agreement().and_then(|agreement| agreement.screen.as_ref());
        let role = match agreed.map(|screen| screen.role) {
            Some(Setup::Active) => Role::Active,
            Some(Setup::Passive | Setup::ActPass) | None => Role::Passive,
        };
        let command = ScreenCommand::Open {
            call: key.0,
            side: if side == Side::Caller { ScreenSide::Phone } else { ScreenSide::Seat },
            call_id: party.call_id.clone(),
            session_id,
            peer_path: agreed.map(|screen| screen.peer.path.clone()),
            role,
            identity: call.device.identity(),
            message_limit,
        };
        call.screen.open = true;
        self.out(Output::Screen(command));
    }

    /// How much one SIP MESSAGE may carry to a party (RFC 3428 §8).
    fn message_limit(&self, key: CallKey, side: Side) -> usize {
        match self.calls.get(&key).and_then(|call| call.party(side)).map(|party| party.flow.transport) {
            Some(Transport::Tcp) => self.config.screen.message_max_bytes,
            Some(Transport::Udp) | None => UDP_BODY_LIMIT,
        }
    }

    /// The seat has answered: the app learns its opaque id, and the screens meet.
    pub(super) fn seat_joins_screen(&mut self, key: CallKey) {
        let Some(call) = self.calls.get(&key).filter(|call| call.screen.open) else { return };
        let agreed = call.callee.as_ref().and_then(|callee| callee.agreement()).is_some_and(|a| a.screen.is_some());
        let Some(seat) = call.seat.as_ref().filter(|_| agreed) else { return };
        let seat_name = self.config.seats[seat.seat].id.clone();
        let (call, seat_id) = (key.0, seat.opaque_id.clone());
        self.open_screen(key, Side::Callee);
        self.out(Output::Screen(ScreenCommand::Assign { call, seat_id, seat_name }));
    }

    /// What the screen session reports.
    pub(super) fn screen_event(&mut self, event: ScreenEvent) {
        match event {
            ScreenEvent::Connected { call, side } => self.note(call, "screen connected", side),
            ScreenEvent::SideClosed { call, side, reason } => {
                tracing::debug!(%reason, "screen side closed");
                self.note(call, "screen side closed", side);
            }
            ScreenEvent::Context { call, context } => {
                if let Some(call) = self.calls.get_mut(&CallKey(call)) {
                    call.device.context = Some(*context);
                }
            }
            ScreenEvent::SendMessage { call, side, ticket, content_type, body } => {
                self.send_screen_message(CallKey(call), side, ticket, (content_type, body));
            }
            ScreenEvent::Verdict { ticket, status, .. } => self.verdict(ticket, status),
            ScreenEvent::Confirmed { call, confirm } => self.confirmed(CallKey(call), *confirm),
            ScreenEvent::Handoff { call, .. } => self.note(call, "handed off", ScreenSide::Phone),
            ScreenEvent::State { call, toward, state } => {
                tracing::debug!(?state, "screen state");
                self.note(call, "screen state changed", toward);
            }
            ScreenEvent::Counters { call, counters } => {
                if let Some(call) = self.calls.get_mut(&CallKey(call)) {
                    call.screen.counters = counters;
                }
            }
            ScreenEvent::Bye { call, side } => self.note(call, "screen left", side),
            ScreenEvent::Closed { call, counters } => {
                let key = CallKey(call);
                if let Some(call) = self.calls.get_mut(&key) {
                    call.screen.open = false;
                    call.screen.counters = counters;
                }
                self.finish_if_settled(key);
            }
        }
    }

    /// A screen message that goes as SIP MESSAGE in a leg's dialog.
    fn send_screen_message(&mut self, key: CallKey, side: ScreenSide, ticket: u64, body: (String, bytes::Bytes)) {
        let party = if side == ScreenSide::Phone { Side::Caller } else { Side::Callee };
        let leg = self.calls.get(&key).and_then(|call| call.party(party)).and_then(|party| party.leg);
        let sent = leg.and_then(|leg| self.endpoint.request_in_dialog(leg, Method::Message, &[], Some(body), self.now));
        match sent {
            Some(sent) => self.expect_message_result(sent, key, side, ticket),
            None => self.message_result(key, side, ticket, 481),
        }
    }

    /// Tells the screen session what became of a SIP MESSAGE of its.
    pub(super) fn message_result(&mut self, key: CallKey, side: ScreenSide, ticket: u64, status: u16) {
        if self.calls.get(&key).is_some_and(|call| call.has_live_screen()) {
            self.out(Output::Screen(ScreenCommand::MessageResult { call: key.0, side, ticket, status }));
        }
    }

    fn confirmed(&mut self, key: CallKey, confirm: Confirmation) {
        let at = self.clock.unix_ms(self.now);
        let Some(call) = self.calls.get_mut(&key) else { return };
        tracing::info!(call = %call.id, answer = confirm.answer, "confirmation answered");
        call.confirmations.push(ConfirmationRecord {
            frame_hash: confirm.frame_hash,
            words: confirm.summary,
            answer: Some(confirm.answer),
            asked_unix_ms: at,
            answered_unix_ms: Some(at),
        });
    }

    fn note(&self, call: u64, what: &str, side: ScreenSide) {
        if let Some(call) = self.calls.get(&CallKey(call)) {
            tracing::debug!(call = %call.id, ?side, "{what}");
        }
    }
}
