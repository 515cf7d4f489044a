//! What a [`super::Phone`] is told and what it tells.

use std::time::Duration;

use bytes::Bytes;

use super::access::AccessNetwork;
use super::session::MediaError;
use crate::sip::Flow;
use crate::sip::endpoint::Login;
use crate::sip::message::Method;
use crate::sip::sdp::Agreement;
use crate::sip::transaction::TimerConfig;

/// Who a phone is and whom it talks to.
#[derive(Clone, Debug)]
pub struct PhoneConfig {
    /// `User-Agent`.
    pub product: String,
    /// The SIP domain of the address of record.
    pub domain: String,
    /// The user part of the address of record and of the Contact.
    pub user: String,
    /// The answer to challenges.
    pub login: Option<Login>,
    /// The way to the registrar and outbound proxy.
    pub server: Flow,
    /// `+sip.instance` without quotes: `urn:gsma:imei:…` (RFC 7255 §3) or `urn:uuid:…` (RFC 5626 §4.1).
    pub instance: Option<String>,
    /// The subscriber's number, for From and `P-Preferred-Identity`.
    pub number: Option<String>,
    /// For `P-Access-Network-Info`; `None` says nothing.
    pub access: Option<AccessNetwork>,
    /// The lifetime that is asked of the registrar, in seconds.
    pub register_expires_s: u32,
    /// RFC 3261 timers.
    pub timers: TimerConfig,
}

/// What the network did.
#[derive(Clone, Debug)]
pub enum Input {
    /// A message arrived.
    Received(Flow, Bytes),
    /// Something sent on this flow was not delivered.
    Undeliverable(Flow),
    /// A stream connection is gone.
    Closed(Flow),
}

/// What the phone wants done.
#[derive(Debug)]
pub enum Output {
    /// Send these bytes on this flow.
    Transmit(Flow, Bytes),
    /// Something happened.
    Event(PhoneEvent),
}

/// What happened.
#[derive(Debug)]
pub enum PhoneEvent {
    /// The registrar has taken, or refreshed, our binding for so many seconds.
    Registered {
        /// The granted lifetime.
        expires_s: u32,
    },
    /// Our binding is gone because we asked for it.
    Unregistered,
    /// A registration was refused or not answered.
    RegistrationFailed {
        /// Why.
        failure: RegistrationFailure,
        /// When it is tried again; `None`: never, asking again would change nothing.
        retry_in: Option<Duration>,
    },
    /// Somebody calls. Answer with [`super::Phone::ring`], [`super::Phone::answer`] or [`super::Phone::hang_up`].
    Incoming {
        /// The Call-ID.
        call_id: String,
        /// The URI in From.
        from: String,
        /// Whether a screen stream is offered.
        offers_screen: bool,
    },
    /// The callee's phone rings, or the call is announced (18x).
    Ringing {
        /// The status.
        status: u16,
    },
    /// What both ends now do with audio and screens: after an offer and its answer.
    Media(Box<Agreement>),
    /// Our call was answered, or the caller has acknowledged that we answered.
    Established {
        /// The Call-ID.
        call_id: String,
    },
    /// INFO or MESSAGE arrived in the call; 200 was sent.
    Text {
        /// INFO or MESSAGE.
        method: Method,
        /// Its type.
        content_type: String,
        /// Its body.
        body: Bytes,
    },
    /// An INFO or MESSAGE of ours was answered; 408 stands for silence, 503 for a transport that failed.
    TextAnswered {
        /// INFO or MESSAGE.
        method: Method,
        /// The final status.
        status: u16,
    },
    /// Our re-INVITE was refused: the call goes on as it was.
    ReofferRefused {
        /// The status.
        status: u16,
    },
    /// The call is over.
    Ended(CallEnd),
}

/// Why a registration failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationFailure {
    /// The registrar said no.
    #[error("the registrar answered {status} {reason}")]
    Refused {
        /// The status.
        status: u16,
        /// Its reason phrase.
        reason: String,
    },
    /// Nobody answered.
    #[error("the registrar does not answer")]
    Silence,
    /// It could not be reached.
    #[error("the registrar cannot be reached")]
    Unreachable,
}

/// Why a call is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallEnd {
    /// We hung up.
    #[error("we hung up")]
    HungUp,
    /// The peer hung up.
    #[error("the other side hung up")]
    PeerHungUp,
    /// The caller gave up before we answered.
    #[error("the caller gave up")]
    Cancelled,
    /// Our call was refused.
    #[error("the call was refused with {status} {reason}")]
    Refused {
        /// The status.
        status: u16,
        /// Its reason phrase.
        reason: String,
    },
    /// Nobody answered our INVITE, not even provisionally.
    #[error("nobody answered the INVITE")]
    Silence,
    /// The caller never acknowledged our answer.
    #[error("our answer was never acknowledged")]
    NoAck,
    /// The transport failed.
    #[error("the connection to the server failed")]
    Transport,
    /// The peer forgot the call, or stopped answering.
    #[error("the other side lost the call")]
    PeerLost,
    /// The two descriptions do not fit.
    #[error("no agreement on media: {0}")]
    Media(#[from] MediaError),
}

/// A wish that the phone's state does not allow. The owner's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// There is a call already.
    #[error("there is a call already")]
    Busy,
    /// There is no call in a state for this.
    #[error("there is no call that this could be done to")]
    NoCall,
    /// The session description cannot be offered or answered now.
    #[error("no agreement on media: {0}")]
    Media(#[from] MediaError),
}
