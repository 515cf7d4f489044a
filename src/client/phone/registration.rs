//! Keeping a binding at the registrar (RFC 3261 §10.2): ask, refresh in time, try again, take leave.

use std::time::{Duration, Instant};

use super::Phone;
use super::contract::{PhoneConfig, PhoneEvent, RegistrationFailure};
use crate::sip::Transport;
use crate::sip::endpoint::{NoResponse, Outgoing, RequestId};
use crate::sip::message::{HeaderName, Method, NameAddr, Response, Uri};

/// The first pause after a failure; it doubles up to [`LONGEST_PAUSE`]. Shorter than RFC 5626 §4.5 has it for millions
/// of phones: this is one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Where our binding stands.
#[derive(Debug)]
pub(super) struct Registration {
    state: State,
    call_id: String,
    /// Of the next REGISTER; a registration keeps its Call-ID and counts (RFC 3261 §10.2).
    next_seq: u32,
    /// What we ask for; 423 may raise it.
    expires_s: u32,
    failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nobody wants a binding.
    Off,
    /// A REGISTER is under way.
    Asking { request: RequestId, leaving: bool },
    /// We have a binding.
    Bound { refresh_at: Instant },
    /// The last attempt failed.
    Pausing { until: Instant },
}

impl Registration {
    pub fn new(call_id: String, expires_s: u32) -> Self {
        Registration { state: State::Off, call_id, next_seq: 1, expires_s, failures: 0 }
    }

    /// When the next REGISTER is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Bound { refresh_at } => Some(refresh_at),
            State::Pausing { until } => Some(until),
            State::Off | State::Asking { .. } => None,
        }
    }

    pub fn is_asking(&self, id: RequestId) -> bool {
        matches!(self.state, State::Asking { request, .. } if request == id)
    }

    pub fn is_under_way(&self) -> bool {
        matches!(self.state, State::Asking { .. })
    }

    /// Whether we have a binding as far as we know.
    pub fn is_bound(&self) -> bool {
        matches!(self.state, State::Bound { .. })
    }

    /// How long to wait after another failure.
    fn pause(&mut self) -> Duration {
        let doubled = FIRST_PAUSE * 2u32.saturating_pow(self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        doubled.min(LONGEST_PAUSE)
    }
}

impl Phone {
    /// Asks the registrar for a binding, and keeps it until [`Phone::unregister`].
    pub fn register(&mut self, now: Instant) {
        self.registration.failures = 0;
        self.send_register(false, now);
        self.drain(now);
    }

    /// Gives the binding up (RFC 3261 §10.2.2). Without one there is nothing to do.
    pub fn unregister(&mut self, now: Instant) {
        match self.registration.state {
            State::Bound { .. } | State::Asking { leaving: false, .. } => self.send_register(true, now),
            State::Pausing { .. } => self.registration.state = State::Off,
            State::Off | State::Asking { leaving: true, .. } => {}
        }
        self.drain(now);
    }

    pub(super) fn registration_timeout(&mut self, now: Instant) {
        if self.registration.poll_timeout().is_some_and(|at| at <= now) {
            self.send_register(false, now);
        }
    }

    fn send_register(&mut self, leaving: bool, now: Instant) {
        let expires_s = if leaving { 0 } else { self.registration.expires_s };
        let address = self.address_of_record();
        let outgoing = Outgoing {
            method: Method::Register,
            target: Uri::sip(None, &self.config.domain, None),
            flow: self.config.server,
            from: address.clone(),
            to: address,
            call_id: Some((self.registration.call_id.clone(), self.registration.next_seq)),
            headers: vec![(HeaderName::Contact, contact(&self.config)), (HeaderName::Expires, expires_s.to_string())],
            body: None,
            credentials: self.config.login.clone(),
        };
        // A challenge takes one more number, a stale nonce another.
        self.registration.next_seq += 4;
        let request = self.endpoint.request(outgoing, now);
        self.registration.state = State::Asking { request, leaving };
    }

    pub(super) fn register_response(&mut self, response: &Response, now: Instant) {
        if response.status < 200 {
            return;
        }
        let State::Asking { leaving, .. } = self.registration.state else { return };
        match response.status {
            200..=299 if leaving => {
                self.registration.state = State::Off;
                self.event(PhoneEvent::Unregistered);
            }
            200..=299 => self.bound(response, now),
            423 if !leaving && self.raise_expiry(response) => self.send_register(false, now),
            status => {
                let failure = RegistrationFailure::Refused { status, reason: response.reason().into_owned() };
                self.register_failed(failure, leaving, now);
            }
        }
    }

    pub(super) fn register_unanswered(&mut self, why: NoResponse, now: Instant) {
        let State::Asking { leaving, .. } = self.registration.state else { return };
        let failure = match why {
            NoResponse::Timeout => RegistrationFailure::Silence,
            NoResponse::Transport => RegistrationFailure::Unreachable,
        };
        self.register_failed(failure, leaving, now);
    }

    /// The connection on which we were reachable is gone: we ask again over a new one (RFC 5626 §4.4).
    pub(super) fn registration_flow_lost(&mut self, now: Instant) {
        if self.registration.is_bound() {
            let until = now + self.registration.pause();
            self.registration.state = State::Pausing { until };
        }
    }

    fn bound(&mut self, response: &Response, now: Instant) {
        let expires_s = granted(response, &self.config).unwrap_or(self.registration.expires_s);
        self.registration.failures = 0;
        // Well before the end, so that two retransmitted attempts still come in time.
        let refresh_at = now + Duration::from_secs(u64::from(expires_s)) * 3 / 4;
        self.registration.state = State::Bound { refresh_at: refresh_at.max(now + FIRST_PAUSE) };
        self.event(PhoneEvent::Registered { expires_s });
    }

    /// RFC 3261 §10.2.8: 423 names the least lifetime. False when we asked for that much already.
    fn raise_expiry(&mut self, response: &Response) -> bool {
        let least = response.headers.text(&HeaderName::MinExpires).and_then(|text| text.trim().parse().ok());
        match least {
            Some(least) if least > self.registration.expires_s => {
                self.registration.expires_s = least;
                true
            }
            _ => false,
        }
    }

    fn register_failed(&mut self, failure: RegistrationFailure, leaving: bool, now: Instant) {
        let retry_in = match failure {
            _ if leaving => None,
            // What a person must put right: password, user name, domain.
            RegistrationFailure::Refused { status: 401 | 403 | 404 | 407, .. } => None,
            _ => Some(self.registration.pause()),
        };
        self.registration.state = match retry_in {
            Some(pause) => State::Pausing { until: now + pause },
            None => State::Off,
        };
        self.event(PhoneEvent::RegistrationFailed { failure, retry_in });
    }

    pub(super) fn address_of_record(&self) -> String {
        format!("<sip:{}@{}>", self.config.user, self.config.domain)
    }
}

/// Our Contact (RFC 3261 §8.1.1.8).
fn contact(config: &PhoneConfig) -> String {
    let PhoneConfig { user, server, .. } = config;
    let transport = match server.transport {
        Transport::Udp => String::new(),
        stream => format!(";transport={}", stream.uri_param()),
    };
    format!("<sip:{user}@{}{transport}>{}", server.local, contact_params(config))
}

/// The parameters that name the device in a Contact (RFC 5626 §4.1).
pub(super) fn contact_params(config: &PhoneConfig) -> String {
    config.instance.as_ref().map(|instance| format!(";+sip.instance=\"<{instance}>\"")).unwrap_or_default()
}

/// The lifetime of our own binding among those that the registrar lists (RFC 3261 §10.2.4).
fn granted(response: &Response, config: &PhoneConfig) -> Option<u32> {
    let contacts = response.contacts().ok()?;
    let local = config.server.local;
    let ours = contacts.list().iter().find(|contact| {
        let host = contact.uri.host().and_then(|host| host.ip());
        contact.uri.user() == Some(config.user.as_str())
            && host == Some(local.ip())
            && contact.uri.port() == Some(local.port())
    });
    let stated = ours.and_then(NameAddr::expires);
    stated.or_else(|| response.expires().ok().flatten())
}
