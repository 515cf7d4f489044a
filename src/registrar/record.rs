//! The bindings of one address of record, and what one REGISTER makes of them.

use std::time::{Duration, Instant};

use super::{Binding, ContactUpdate, RegisterError, RegistrarLimits, Update, canonical_instance};
use crate::sip::message::Uri;

/// One hour: the least expiry that may not be refused as too brief (RFC 3261 §10.3 step 7).
const HOUR_S: u32 = 3600;

/// What `update` makes of `bindings` (none of them lapsed), or why it is refused. Nothing is changed in place, so a
/// refusal half-way leaves no trace (RFC 3261 §10.3 step 7: all or nothing).
pub(super) fn updated(
    bindings: &[Binding],
    update: &Update,
    limits: &RegistrarLimits,
    revision: u64,
    now: Instant,
) -> Result<Vec<Binding>, RegisterError> {
    if update.star {
        return cleared(bindings, update);
    }
    let mut kept: Vec<Binding> = bindings.to_vec();
    let mut fresh: Vec<Binding> = Vec::new();
    for (position, contact) in (0u64..).zip(&update.contacts) {
        let expires_s = granted_s(contact, update, limits)?;
        if kept.iter().any(|binding| binding.is_meant_by(contact) && !is_newer(update, binding)) {
            return Err(RegisterError::OutOfOrder);
        }
        kept.retain(|binding| !binding.is_meant_by(contact));
        fresh.retain(|binding| !binding.is_meant_by(contact));
        if expires_s > 0 {
            let expires_at = now + Duration::from_secs(u64::from(expires_s));
            fresh.push(bound(contact, update, expires_at, revision + position));
        }
        if kept.len() + fresh.len() > limits.max_bindings {
            return Err(RegisterError::TooMany);
        }
    }
    kept.append(&mut fresh);
    Ok(kept)
}

/// `Contact: *` (RFC 3261 §10.3 step 6).
fn cleared(bindings: &[Binding], update: &Update) -> Result<Vec<Binding>, RegisterError> {
    if !update.contacts.is_empty() || update.default_expires_s != Some(0) {
        return Err(RegisterError::StarNeedsZero);
    }
    if bindings.iter().all(|binding| is_newer(update, binding)) {
        Ok(Vec::new())
    } else {
        Err(RegisterError::OutOfOrder)
    }
}

/// Requests of one Call-ID are ordered by `CSeq`; those of different ones by arrival.
fn is_newer(update: &Update, binding: &Binding) -> bool {
    binding.call_id != update.call_id || update.cseq > binding.cseq
}

/// The contact's own wish, else the request's, else the default; cut to the most, refused below the least.
fn granted_s(contact: &ContactUpdate, update: &Update, limits: &RegistrarLimits) -> Result<u32, RegisterError> {
    let wanted = contact.expires_s.or(update.default_expires_s).unwrap_or(limits.default_expires_s);
    if (1..limits.min_expires_s.min(HOUR_S)).contains(&wanted) {
        return Err(RegisterError::TooBrief { min_s: limits.min_expires_s });
    }
    Ok(wanted.min(limits.max_expires_s))
}

fn bound(contact: &ContactUpdate, update: &Update, expires_at: Instant, revision: u64) -> Binding {
    Binding {
        uri: detached(&contact.uri),
        instance: contact.instance.as_deref().map(canonical_instance),
        reg_id: contact.reg_id,
        q: contact.q.min(1000),
        call_id: update.call_id.clone(),
        cseq: update.cseq,
        flow: update.flow,
        user_agent: update.user_agent.clone(),
        path: update.path.clone(),
        expires_at,
        revision,
    }
}

/// A typed URI is a slice of the message it came in; a binding outlives that message and must not keep all of it.
fn detached(uri: &Uri) -> Uri {
    Uri::parse(uri.as_str().as_bytes()).unwrap_or_else(|_| uri.clone())
}
