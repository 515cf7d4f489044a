//! REGISTER (RFC 3261 §10.3).

use super::Gateway;
use super::admit::Sender;
use crate::config::Config;
use crate::registrar::{ContactUpdate, RegisterError, Registered, RegistrarLimits, Update};
use crate::sip::Flow;
use crate::sip::endpoint::IncomingId;
use crate::sip::message::{ContactList, HeaderName, NameAddr, Request};

/// The widest limits of all profiles; each request is then held to its own listener's.
pub(super) fn limits(config: &Config) -> RegistrarLimits {
    let all = || config.profiles.iter().map(|profile| &profile.registration);
    RegistrarLimits {
        min_expires_s: all().map(|limits| limits.min_expires_s).min().unwrap_or(60),
        max_expires_s: all().map(|limits| limits.max_expires_s).max().unwrap_or(3600),
        default_expires_s: all().map(|limits| limits.default_expires_s).max().unwrap_or(600),
        max_bindings: all().map(|limits| limits.max_bindings).max().unwrap_or(8),
        max_addresses: config.users.len(),
    }
}

impl Gateway {
    /// Handles an authenticated REGISTER.
    pub(super) fn register(&mut self, id: IncomingId, sender: Sender, request: Request, flow: Flow) {
        let aor = request.to().ok().and_then(|to| to.uri.user().map(str::to_owned));
        let allowed = match (&aor, self.user_name(sender)) {
            (Some(aor), Some(user)) => aor == user,
            // Without authentication (a loopback laboratory) any configured user may be registered.
            (Some(aor), None) => {
                matches!(sender, Sender::Anyone) && self.config.users.iter().any(|user| user.name == *aor)
            }
            (None, _) => false,
        };
        let Some(aor) = aor.filter(|_| allowed) else {
            return self.respond(id, &request, 403); // RFC 3261 §10.3 step 4
        };
        let Some(update) = read_update(&request, flow) else {
            return self.respond(id, &request, 400);
        };
        match self.registrar.register(&aor, update, self.now) {
            Ok(bindings) => {
                let mut response = self.endpoint.response_to(&request, 200);
                for binding in &bindings {
                    response.headers.push(HeaderName::Contact, contact(binding));
                }
                self.endpoint.respond(id, response, self.now);
                tracing::debug!(%aor, bindings = bindings.len(), "registered");
            }
            Err(error) => self.refuse_registration(id, &request, &error),
        }
    }

    fn refuse_registration(&mut self, id: IncomingId, request: &Request, error: &RegisterError) {
        let status = match error {
            RegisterError::TooBrief { .. } => 423,
            RegisterError::OutOfOrder => 500,
            RegisterError::TooMany => 403,
            RegisterError::StarNeedsZero => 400,
        };
        let mut response = self.endpoint.response_to(request, status);
        if let RegisterError::TooBrief { min_s } = error {
            response.headers.push(HeaderName::MinExpires, min_s.to_string());
        }
        self.endpoint.respond(id, response, self.now);
    }
}

fn read_update(request: &Request, flow: Flow) -> Option<Update> {
    let default_expires_s = request.expires().ok()?;
    let (star, contacts) = match request.contacts().ok()? {
        ContactList::Star => (true, Vec::new()),
        ContactList::List(contacts) => (false, contacts.iter().map(read_contact).collect()),
    };
    Some(Update {
        contacts,
        star,
        default_expires_s,
        call_id: request.call_id().ok()?.to_owned(),
        cseq: request.cseq().ok()?.seq,
        flow,
        user_agent: request.headers.text(&HeaderName::UserAgent).map(str::to_owned),
        path: Vec::new(),
    })
}

fn read_contact(contact: &NameAddr) -> ContactUpdate {
    let value = |name: &str| contact.params.get(name).flatten();
    ContactUpdate {
        uri: contact.uri.clone(),
        instance: value("+sip.instance").map(|instance| instance.trim_matches(['"', '<', '>']).to_owned()),
        reg_id: value("reg-id").and_then(|id| id.parse().ok()),
        q: value("q").and_then(|q| q.parse::<f32>().ok()).map_or(1000, |q| (q.clamp(0.0, 1.0) * 1000.0) as u16),
        expires_s: value("expires").and_then(|seconds| seconds.parse().ok()),
    }
}

fn contact(registered: &Registered) -> String {
    let mut contact = format!("<{}>;expires={}", registered.binding.uri, registered.remaining_s);
    if let Some(instance) = &registered.binding.instance {
        contact.push_str(&format!(";+sip.instance=\"<{instance}>\""));
    }
    contact
}
