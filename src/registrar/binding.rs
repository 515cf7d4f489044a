//! One binding.

use std::time::{Duration, Instant};

use super::{ContactUpdate, canonical_instance};
use crate::sip::Flow;
use crate::sip::message::Uri;

/// One device of an address of record.
#[derive(Clone, Debug)]
pub struct Binding {
    /// Where the device says it is: the Request-URI of requests to it.
    pub uri: Uri,
    /// Its instance id in canonical form.
    pub instance: Option<String>,
    /// Which of its flows this is (RFC 5626 §4.2).
    pub reg_id: Option<u32>,
    /// The device's preference in thousandths.
    pub q: u16,
    /// `Call-ID` and `CSeq` of the request that last changed it: they order requests.
    pub call_id: String,
    /// See `call_id`.
    pub cseq: u32,
    /// The way to the device.
    pub flow: Flow,
    /// What the device is.
    pub user_agent: Option<String>,
    /// Proxies on the way (RFC 3327), top first.
    pub path: Vec<String>,
    /// When it lapses.
    pub expires_at: Instant,
    /// Rises with each change over all bindings: the newer is the more recent.
    pub revision: u64,
}

impl Binding {
    /// Whether a contact of a request means this binding. A device with an instance id replaces itself, wherever it
    /// moved (RFC 5626 §6); with `reg-id` only the same flow is replaced, even when its URI is another flow's.
    /// Otherwise the URIs decide (RFC 3261 §10.3 step 7, §19.1.4).
    pub(super) fn is_meant_by(&self, contact: &ContactUpdate) -> bool {
        let same_instance = match (&self.instance, &contact.instance) {
            (Some(ours), Some(theirs)) => *ours == canonical_instance(theirs),
            _ => return self.uri.equivalent(&contact.uri),
        };
        match (self.reg_id, contact.reg_id) {
            (Some(ours), Some(theirs)) => same_instance && ours == theirs,
            (None, None) => same_instance || self.uri.equivalent(&contact.uri),
            _ => self.uri.equivalent(&contact.uri),
        }
    }

    /// Seconds until it lapses, rounded up.
    pub fn remaining_s(&self, now: Instant) -> u32 {
        let remaining = self.expires_at.saturating_duration_since(now) + Duration::from_nanos(999_999_999);
        u32::try_from(remaining.as_secs()).unwrap_or(u32::MAX)
    }
}

/// A binding as the answer to a REGISTER lists it (RFC 3261 §10.3 step 8).
#[derive(Clone, Debug)]
pub struct Registered {
    /// The binding.
    pub binding: Binding,
    /// Its `expires` parameter.
    pub remaining_s: u32,
}
