//! A call arrives: who calls, from where, and what for.

use super::Gateway;
use super::admit::Sender;
use crate::call::body::Body;
use crate::call::route::{self, Origin};
use crate::call::{AccessNetwork, Bearer, Call, CallKey, Destination, Device, Outcome, Party, Plan, Side};
use crate::sip::Flow;
use crate::sip::endpoint::{LegId, Refusal, Routing};
use crate::sip::message::{HeaderName, Request};
use crate::sync::context::DeviceContext;

impl Gateway {
    /// A new INVITE.
    pub(super) fn incoming(&mut self, leg: LegId, request: Request, flow: Flow) {
        let admitted = match self.admit(&request, &flow) {
            Ok(sender) => self.acceptable(&request, sender).map(|()| sender),
            Err(refusal) => Err(refusal),
        };
        let sender = match admitted {
            Ok(sender) => sender,
            Err(refusal) => return self.endpoint.reject(leg, refusal.status, &refusal.headers, self.now),
        };
        if matches!(sender, Sender::Trunk(_)) {
            self.endpoint.set_routing(leg, Routing::Target);
        }
        let key = self.open_call(leg, &request, flow, sender);
        self.start(key, &request, sender);
    }

    /// What is wrong with a call before anybody asks where it goes.
    fn acceptable(&self, request: &Request, sender: Sender) -> Result<(), Refusal> {
        if let Some(refusal) = self.endpoint.inspect(request) {
            return Err(refusal);
        }
        // A B2BUA forwards, so Max-Forwards binds it as it binds a proxy (RFC 3261 §16.3).
        if request.max_forwards().ok().flatten() == Some(0) {
            return Err(Refusal::status(483));
        }
        let trunk_is_full = matches!(sender, Sender::Trunk(trunk) if self.is_trunk_full(trunk));
        if self.draining || trunk_is_full || self.calls.len() >= self.config.gateway.max_calls {
            return Err(Refusal::status(503).with(HeaderName::RetryAfter, "5"));
        }
        Ok(())
    }

    fn open_call(&mut self, leg: LegId, request: &Request, flow: Flow, sender: Sender) -> CallKey {
        self.next_key += 1;
        let key = CallKey(self.next_key);
        let session_id = session_id(request).unwrap_or_else(|| self.token());
        self.endpoint.set_standing_header(leg, HeaderName::SessionId, session_id.clone());
        let call_id = request.call_id().unwrap_or_default().to_owned();
        let id = self.token();
        let mut call = Call::new(key, id, session_id, Party::new(leg, call_id, flow), self.now);
        call.device = Device::from_invite(request, !matches!(sender, Sender::Anyone));
        if let Some(context) = read_context(request) {
            call.device.context = Some(context);
        }
        call.user = self.user_name(sender).map(str::to_owned);
        call.bearer = if matches!(sender, Sender::Trunk(_)) { Bearer::Trunk } else { Bearer::Wifi };
        self.by_leg.insert(leg, (key, Side::Caller));
        self.calls.insert(key, Box::new(call));
        key
    }

    fn start(&mut self, key: CallKey, request: &Request, sender: Sender) {
        let (origin, access) = match sender {
            Sender::Trunk(trunk) => {
                if let Err(outcome) = self.take_trunk_slot(key, trunk) {
                    return self.conclude(key, outcome, None);
                }
                (Origin::Trunk(trunk), AccessNetwork::Unstated)
            }
            // A P-header is believed only from an authenticated peer.
            Sender::User(_) => {
                (Origin::User, AccessNetwork::parse(request.headers.text(&HeaderName::PAccessNetworkInfo)))
            }
            Sender::Anyone => (Origin::User, AccessNetwork::Unstated),
        };
        let Ok(target) = request.uri() else { return self.conclude(key, Outcome::Rejected(400), None) };
        let destination = route::route(&self.config, &target, origin, access);
        self.announce(key, &destination, access);
        match destination {
            Err(rejection) => self.conclude(key, Outcome::Rejected(rejection.status()), None),
            Ok(Destination::Redirect(number)) => self.redirect(key, &number),
            Ok(Destination::Queue(queue)) => {
                self.plan(key, Plan::Queue { queue });
                self.enqueue(key, queue, request);
            }
            Ok(Destination::Trunk(trunk, number)) => {
                if let Some(call) = self.calls.get_mut(&key) {
                    call.bearer = Bearer::Pstn;
                }
                self.plan(key, Plan::Trunk { trunk, number });
                self.dial(key, request);
            }
            Ok(Destination::User(user)) => {
                self.plan(key, Plan::User { user });
                self.dial(key, request);
            }
        }
    }

    fn plan(&mut self, key: CallKey, plan: Plan) {
        if let Some(call) = self.calls.get_mut(&key) {
            call.plan = plan;
        }
    }

    /// 302 with the number to ring instead (RFC 3261 §21.3.3).
    fn redirect(&mut self, key: CallKey, number: &str) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        if let Some(leg) = call.caller.leg.take() {
            self.by_leg.remove(&leg);
            let contact = vec![(HeaderName::Contact, format!("<tel:{number}>"))];
            self.endpoint.reject(leg, 302, &contact, self.now);
        }
        self.conclude(key, Outcome::Redirected, None);
    }

    fn announce(&self, key: CallKey, destination: &Result<Destination, route::Rejection>, access: AccessNetwork) {
        let Some(call) = self.calls.get(&key) else { return };
        let (kind, name) = match destination {
            Ok(Destination::Queue(queue)) => ("queue", self.config.queues[*queue].name.as_str()),
            Ok(Destination::Trunk(trunk, _)) => ("trunk", self.config.trunks[*trunk].name.as_str()),
            Ok(Destination::User(_)) => ("user", "-"),
            Ok(Destination::Redirect(_)) => ("redirect", "-"),
            Err(_) => ("nowhere", "-"),
        };
        tracing::info!(call = %call.id, to = kind, name, access = ?access, from = %call.caller.flow.transport, "call arrived");
    }
}

/// The session identifier the caller brought (RFC 7989 §5: 32 hexadecimal digits).
fn session_id(request: &Request) -> Option<String> {
    let header = request.headers.text(&HeaderName::SessionId)?;
    let id = header.split(';').next()?.trim();
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_ascii_lowercase())
}

/// The app's account of the device, when the INVITE carries one.
fn read_context(request: &Request) -> Option<DeviceContext> {
    let body = Body::of(request).context?;
    match DeviceContext::parse_part(&body) {
        Ok(context) => Some(context),
        Err(error) => {
            tracing::debug!(%error, "ignored an unreadable device context");
            None
        }
    }
}
