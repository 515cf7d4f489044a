//! A user agent with one line: it registers, places and takes one call at a time, and negotiates audio and screen.
//!
//! A pure machine on [`Endpoint`]: the network comes in by [`Phone::handle_input`], wishes by methods such as
//! [`Phone::call`], and everything that is to be done or told comes out of [`Phone::poll_output`].

mod access;
mod contract;
mod in_call;
mod placing;
mod registration;
mod session;
mod taking;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub use access::AccessNetwork;
pub use contract::{CallEnd, Input, Output, PhoneConfig, PhoneError, PhoneEvent, RegistrationFailure};
pub use placing::Placing;
pub use session::MediaError;

use crate::sip::endpoint::{self, Endpoint, EndpointConfig, Event, LegEvent, LegId};
use crate::sip::message::Method;
use in_call::Texts;
use registration::Registration;
use session::MediaSession;

/// Methods that a phone takes.
const ALLOW: [Method; 7] =
    [Method::Invite, Method::Ack, Method::Bye, Method::Cancel, Method::Options, Method::Info, Method::Message];
/// Body types of an INVITE that a phone takes.
const ACCEPT: [&str; 2] = ["application/sdp", "multipart/mixed"];
/// Bounds for one call and its requests; a flood is refused with 503.
const MAX_TRANSACTIONS: usize = 256;
const MAX_LEGS: usize = 16;

/// See the module documentation.
pub struct Phone {
    config: PhoneConfig,
    endpoint: Endpoint,
    rng: StdRng,
    registration: Registration,
    call: Option<Call>,
    /// The offer of the call that rings.
    offered: Option<Bytes>,
    texts: Texts,
    outputs: VecDeque<Output>,
}

/// The one call.
struct Call {
    leg: LegId,
    call_id: String,
    stage: Stage,
    /// The exchange of descriptions; `None` for an incoming call until we know our own media.
    media: Option<MediaSession>,
}

/// Where the call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Our INVITE is under way.
    Calling,
    /// The peer's INVITE waits for us.
    Ringing,
    /// We answered, the ACK is still to come.
    Answered,
    /// Both sides know that the call is up.
    Established,
}

impl Phone {
    /// A phone that does nothing yet; `seed` feeds its tags, branches and identifiers.
    pub fn new(config: PhoneConfig, seed: [u8; 32], now: Instant) -> Phone {
        let mut rng = StdRng::from_seed(seed);
        let mut endpoint_seed = [0; 32];
        rng.fill_bytes(&mut endpoint_seed);
        let endpoint = Endpoint::new(
            EndpointConfig {
                product: config.product.clone(),
                allow: ALLOW.to_vec(),
                supported: Vec::new(),
                accept: ACCEPT.to_vec(),
                timers: config.timers,
                max_transactions: MAX_TRANSACTIONS,
                max_legs: MAX_LEGS,
            },
            endpoint_seed,
            now,
        );
        let registration = Registration::new(token(&mut rng), config.register_expires_s);
        Phone {
            config,
            endpoint,
            rng,
            registration,
            call: None,
            offered: None,
            texts: Texts::default(),
            outputs: VecDeque::new(),
        }
    }

    /// The network did something.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        match input {
            Input::Received(flow, bytes) => self.endpoint.receive(flow, bytes, now),
            Input::Undeliverable(flow) => self.endpoint.transport_error(&flow, now),
            Input::Closed(flow) => {
                self.endpoint.transport_error(&flow, now);
                if flow.transport == self.config.server.transport && flow.remote == self.config.server.remote {
                    self.registration_flow_lost(now);
                }
            }
        }
        self.drain(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
        self.registration_timeout(now);
        self.drain(now);
    }

    /// The next thing to be done or told.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Phone::handle_timeout`] wants to be called.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        [self.endpoint.poll_timeout(), self.registration.poll_timeout()].into_iter().flatten().min()
    }

    /// Whether no call, transaction or request is alive: what the leak tests ask.
    pub fn is_idle(&self) -> bool {
        self.call.is_none() && self.texts.is_empty() && self.endpoint.is_idle()
    }

    /// The Call-ID of the call, if there is one.
    pub fn call_id(&self) -> Option<&str> {
        self.call.as_ref().map(|call| call.call_id.as_str())
    }

    /// Whether there is a call in any stage.
    pub fn is_busy(&self) -> bool {
        self.call.is_some()
    }

    /// Whether a REGISTER waits for its answer.
    pub fn is_registering(&self) -> bool {
        self.registration.is_under_way()
    }

    /// Whether the registrar knows us, as far as we know.
    pub fn is_registered(&self) -> bool {
        self.registration.is_bound()
    }

    /// Acts on everything that the endpoint has to say. Ends every public method.
    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                endpoint::Output::Transmit(flow, bytes) => self.outputs.push_back(Output::Transmit(flow, bytes)),
                endpoint::Output::Event(event) => self.endpoint_event(event, now),
            }
        }
    }

    fn endpoint_event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Incoming { leg, request, .. } => self.incoming(leg, &request, now),
            Event::Leg { leg, event } if self.is_current(leg) => self.leg_event(leg, event, now),
            Event::Leg { .. } => {}
            Event::Request { id, leg, request, .. } => self.request(id, leg, &request, now),
            Event::Response { id, response, .. } if self.registration.is_asking(id) => {
                self.register_response(&response, now);
            }
            Event::Response { id, response, .. } => self.text_answered(id, response.status),
            Event::NoResponse { id, why, .. } if self.registration.is_asking(id) => self.register_unanswered(why, now),
            Event::NoResponse { id, why, .. } => self.text_unanswered(id, why),
        }
    }

    fn leg_event(&mut self, leg: LegId, event: LegEvent, now: Instant) {
        match event {
            LegEvent::Progress(response) => self.progress(leg, &response, now),
            LegEvent::Answered(response) => self.answered(leg, &response, now),
            LegEvent::Acknowledged(ack) => self.acknowledged(leg, &ack, now),
            LegEvent::Reinvite(request) => self.reinvited(leg, &request, now),
            LegEvent::ReinviteDone(response) => self.reinvite_done(leg, &response, now),
            LegEvent::Ended(cause) => self.ended(cause),
        }
    }

    fn is_current(&self, leg: LegId) -> bool {
        self.call.as_ref().is_some_and(|call| call.leg == leg)
    }

    /// Ends the call from our side and tells why.
    fn end_call(&mut self, end: CallEnd, status: u16, reason: Option<&str>, now: Instant) {
        let Some(call) = self.call.take() else { return };
        self.endpoint.hang_up(call.leg, status, reason, now);
        self.event(PhoneEvent::Ended(end));
    }

    fn event(&mut self, event: PhoneEvent) {
        self.outputs.push_back(Output::Event(event));
    }
}

/// 128 random bits in hexadecimal.
fn token(rng: &mut StdRng) -> String {
    format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64())
}
