//! What goes in and out of the [`super::Registrar`].

use crate::sip::Flow;
use crate::sip::message::Uri;

/// How much is taken, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistrarLimits {
    /// A shorter wish is refused with 423 (RFC 3261 §10.3 step 7; only below one hour may it be refused).
    pub min_expires_s: u32,
    /// A longer wish is cut to this.
    pub max_expires_s: u32,
    /// What holds when the device says nothing.
    pub default_expires_s: u32,
    /// The most bindings of one address of record.
    pub max_bindings: usize,
    /// The most addresses of record.
    pub max_addresses: usize,
}

/// One `Contact` of a REGISTER.
#[derive(Clone, Debug)]
pub struct ContactUpdate {
    /// Where the device is.
    pub uri: Uri,
    /// `+sip.instance` (RFC 5626 §4.1), with or without its quotes and brackets.
    pub instance: Option<String>,
    /// `reg-id` (RFC 5626 §4.2): which of its flows the device means.
    pub reg_id: Option<u32>,
    /// `q` in thousandths; 1000 when nothing is said.
    pub q: u16,
    /// The `expires` parameter; `None` when absent or malformed (RFC 3261 §10.3 step 7).
    pub expires_s: Option<u32>,
}

/// A REGISTER, as far as it matters here. Without contacts and star it only asks.
#[derive(Clone, Debug)]
pub struct Update {
    /// The `Contact` values.
    pub contacts: Vec<ContactUpdate>,
    /// `Contact: *`: remove everything.
    pub star: bool,
    /// The `Expires` header field.
    pub default_expires_s: Option<u32>,
    /// `Call-ID`.
    pub call_id: String,
    /// The number of `CSeq`.
    pub cseq: u32,
    /// The way the request came, which is the way to the device.
    pub flow: Flow,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// The `Path` values (RFC 3327), top first.
    pub path: Vec<String>,
}

/// Why a REGISTER is refused. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// The device wants less than the least: 423 with `Min-Expires` (RFC 3261 §10.3 step 7).
    #[error("the wanted expiry is below the least of {min_s} s")]
    TooBrief {
        /// The least, in seconds.
        min_s: u32,
    },
    /// It is no newer than what is bound: 500 (RFC 3261 §10.3 steps 6 and 7).
    #[error("the request is older than the binding it changes")]
    OutOfOrder,
    /// The limits on bindings or addresses of record: 403.
    #[error("too many bindings or addresses of record")]
    TooMany,
    /// `*` without `Expires: 0`, or beside other contacts: 400 (RFC 3261 §10.3 step 6).
    #[error("the contact * needs Expires: 0 and no other contact")]
    StarNeedsZero,
}

/// What happened to an address of record as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrarEvent {
    /// It has a binding now.
    Bound {
        /// The address of record.
        aor: String,
    },
    /// It has none any more.
    Unbound {
        /// The address of record.
        aor: String,
    },
}
