//! The one place where ends of calls, SIP statuses and Q.850 causes are turned into each other.
//!
//! Forwarded failures (a callee's status toward the caller), generated failures (our own reasons) and the CDR's words
//! all come from here.

/// Why a call ended, in the words of the call detail record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Both parties talked; somebody hung up.
    Answered,
    /// The caller gave up while he waited or while it rang.
    Abandoned,
    /// The queue gave up: full, or the longest wait was over.
    Overflowed,
    /// The callee refused.
    Refused(u16),
    /// Our policy refused (403, 404, 488, 503 …).
    Rejected(u16),
    /// The caller was sent elsewhere (302).
    Redirected,
    /// Signalling or media failed under the call.
    Failed(Failure),
}

/// What failed under a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// No answer to INVITE in time.
    NoAnswer,
    /// The transport to the callee failed.
    Unreachable,
    /// Our answer was never acknowledged.
    NoAck,
    /// A party vanished in mid-call.
    PeerLost,
    /// Our media ports could not be opened.
    Media,
    /// No packets came for too long.
    DeadMedia,
    /// The gateway is shutting down.
    Shutdown,
}

impl Outcome {
    /// One word for reports.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::Abandoned => "abandoned",
            Outcome::Overflowed => "overflowed",
            Outcome::Refused(_) => "refused",
            Outcome::Rejected(_) => "rejected",
            Outcome::Redirected => "redirected",
            Outcome::Failed(_) => "failed",
        }
    }

    /// The status that the caller hears when he has no answer yet, or that stands in the record.
    pub fn status(self) -> u16 {
        match self {
            Outcome::Answered => 200,
            Outcome::Abandoned => 487,
            Outcome::Overflowed => 480,
            Outcome::Refused(status) => forwarded(status),
            Outcome::Rejected(status) => status,
            Outcome::Redirected => 302,
            Outcome::Failed(failure) => failure.status(),
        }
    }

    /// The Q.850 cause for `Reason` (RFC 3326) and the record.
    pub fn q850(self) -> u8 {
        match self {
            Outcome::Answered | Outcome::Abandoned | Outcome::Redirected => 16,
            Outcome::Overflowed => 17,
            Outcome::Refused(status) | Outcome::Rejected(status) => q850_of_status(status),
            Outcome::Failed(failure) => failure.q850(),
        }
    }

    /// The `Reason` header value of a BYE or CANCEL for this outcome.
    pub fn reason(self) -> String {
        format!("Q.850;cause={};text=\"{}\"", self.q850(), self.word())
    }
}

impl Failure {
    fn status(self) -> u16 {
        match self {
            Failure::NoAnswer => 408,
            Failure::Unreachable | Failure::Media | Failure::Shutdown => 503,
            Failure::NoAck | Failure::PeerLost | Failure::DeadMedia => 500,
        }
    }

    fn q850(self) -> u8 {
        match self {
            Failure::NoAnswer => 18,
            Failure::Unreachable => 27,
            Failure::NoAck | Failure::PeerLost => 127,
            Failure::Media | Failure::DeadMedia | Failure::Shutdown => 41,
        }
    }
}

/// The status a caller hears when the callee answered with `status`. What is about *our* request rather than about
/// the callee (authentication, dialog matching, loops of ours) is our failure toward the caller, not his.
fn forwarded(status: u16) -> u16 {
    match status {
        // A redirection that is not followed leaves the callee unavailable.
        300..=399 => 480,
        400 | 402 | 403 | 404 | 408 | 410 | 480 | 484 | 486 | 487 | 488 => status,
        503 => 500, // RFC 3261 §16.7 step 6: a 503 speaks of the next hop, not of us
        500..=699 => status,
        _ => 502,
    }
}

/// The Q.850 cause of a SIP status (the mapping that ITU-T Q.1912.5 and RFC 3398 §8.2.6.1 describe).
fn q850_of_status(status: u16) -> u8 {
    match status {
        400 | 481 | 500 => 41,
        401 | 402 | 403 | 405 | 407 | 603 => 21,
        404 | 604 => 1,
        406 | 415 | 488 | 606 => 79,
        408 | 480 => 18,
        410 => 22,
        413 | 414 | 416 | 420 | 421 | 423 | 505 | 513 => 127,
        482 | 483 => 25,
        484 => 28,
        485 => 1,
        486 | 600 => 17,
        487 => 16,
        502 => 38,
        503 => 41,
        504 => 102,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_callee_status_becomes_one_the_caller_can_use() {
        for status in 300..700 {
            let heard = Outcome::Refused(status).status();
            assert!((400..700).contains(&heard), "{status} became {heard}");
            assert!(!matches!(heard, 401 | 407 | 481 | 482 | 491), "{status} became {heard}: it speaks of our request");
        }
    }

    #[test]
    fn busy_stays_busy() {
        assert_eq!((Outcome::Refused(486).status(), Outcome::Refused(486).q850()), (486, 17));
    }

    #[test]
    fn a_reason_reads_as_rfc_3326_wants_it() {
        assert_eq!(Outcome::Answered.reason(), "Q.850;cause=16;text=\"answered\"");
    }
}
