//! What arrives: whose is it, may it pass, and on to the other side.

use std::time::Instant;

use bytes::Bytes;

use super::lane::Admission;
use super::{Carrier, Leg, Origin, Output, Refusal, ScreenSession};
use crate::sync::contract::Side;
use crate::sync::control;
use crate::sync::cpim::Cpim;
use crate::sync::frame::{self, Frame, FrameError, NAMESPACE};
use crate::sync::image::ImageError;
use crate::sync::msrp::status;

/// Octets of an envelope around its content: two header blocks of at most 8 KiB.
const MAX_ENVELOPE_BYTES: usize = 16 * 1024;

/// When the success report of a good message is due.
pub(super) enum Receipt {
    /// Now: the gateway has done with it.
    Now,
    /// When the other side reports.
    Later,
}

impl ScreenSession {
    /// Exactly one verdict per message; refusals are counted.
    pub(super) fn message(&mut self, side: Side, origin: Origin, content_type: &str, body: &Bytes, now: Instant) {
        let outcome = self.consider(side, origin, content_type, body, now);
        match outcome {
            Ok(receipt) => {
                // The verdict goes out before anything that the message caused.
                self.outputs.push_front(Output::Verdict { origin, status: status::OK, comment: "OK" });
                if matches!(receipt, Receipt::Now) {
                    self.outputs.push_back(Output::Report { origin });
                }
            }
            Err(Refusal(status, comment)) => {
                self.counters.refused += 1;
                tracing::debug!(call = self.call, ?side, status, comment, "screen message refused");
                self.outputs.push_back(Output::Verdict { origin, status, comment });
            }
        }
    }

    fn consider(
        &mut self,
        side: Side,
        origin: Origin,
        content_type: &str,
        body: &Bytes,
        now: Instant,
    ) -> Result<Receipt, Refusal> {
        Self::refuse_if(!frame::is_envelope(content_type), status::UNSUPPORTED_MEDIA, "Only message/cpim")?;
        let limit = self.config.frame.max_frame_bytes + MAX_ENVELOPE_BYTES;
        Self::refuse_if(body.len() > limit, status::STOP_SENDING, "Message Too Large")?;
        let cpim = Cpim::parse(body).map_err(|_| Refusal(status::BAD_REQUEST, "Malformed Envelope"))?;
        self.correlate(side, &cpim)?;
        let unknown = cpim.unknown_requirement(NAMESPACE).is_some();
        Self::refuse_if(unknown, status::UNSUPPORTED_MEDIA, "Required Header Not Understood")?;
        match cpim.content_type().as_deref() {
            Some(control::MEDIA_TYPE) => {
                let too_large = cpim.body.len() > self.config.max_control_bytes;
                Self::refuse_if(too_large, status::STOP_SENDING, "Control Message Too Large")?;
                self.control(side, &cpim)?;
                Ok(Receipt::Now)
            }
            Some(media_type) if media_type.starts_with("image/") => self.frame(side, origin, &cpim, now),
            _ => Err(Refusal(status::UNSUPPORTED_MEDIA, "Neither Frame Nor Control")),
        }
    }

    /// Whose message is it? The leg by its Call-ID, the phone by its name. What does not say so exactly is refused.
    fn correlate(&self, side: Side, cpim: &Cpim) -> Result<(), Refusal> {
        let leg = self.leg(side).ok_or(Self::NO_CALL)?;
        let call_id = frame::call_id(cpim).ok_or(Refusal(status::FORBIDDEN, "No Call-ID"))?;
        if call_id != leg.call_id {
            return Err(Self::NO_CALL);
        }
        let is_phone = |uri: &String| self.identity.is(uri);
        match side {
            Side::Phone => {
                let from_phone = cpim.from.as_ref().is_some_and(is_phone);
                Self::refuse_if(!from_phone, status::FORBIDDEN, "From Is Not This Call's Phone")
            }
            Side::Seat => {
                let to_phone = !cpim.to.is_empty() && cpim.to.iter().all(is_phone);
                Self::refuse_if(!to_phone, status::FORBIDDEN, "To Is Not This Call's Phone")
            }
        }
    }

    fn frame(&mut self, side: Side, origin: Origin, cpim: &Cpim, now: Instant) -> Result<Receipt, Refusal> {
        let frame = Frame::parse(cpim, &self.config.frame).map_err(refusal_of)?;
        let to = side.other();
        let stale = self.lane(to).last_seq.is_some_and(|last| frame.seq <= last);
        Self::refuse_if(stale, status::BAD_REQUEST, "Sequence Does Not Increase")?;
        let mut one_at_a_time = false;
        if let Some(Leg { carrier: Carrier::Message { limit, .. }, .. }) = self.leg(to) {
            let too_large = frame.image.len() + MAX_SMALL_ENVELOPE > *limit;
            Self::refuse_if(too_large, status::STOP_SENDING, "Too Large For The Receiver's Carrier")?;
            one_at_a_time = true;
        }
        let away = !self.leg(to).is_some_and(Leg::is_there);
        let (admission, replaced) = self.lane_mut(to).admit(&frame, origin, away, one_at_a_time);
        self.counters.superseded += u64::from(replaced);
        match admission {
            Admission::Send => self.send_frame(to, &frame, origin, now),
            Admission::Keep => {}
            Admission::Drop(news) => {
                self.counters.superseded += 1;
                if news {
                    self.ask_for_keyframe(side);
                }
            }
        }
        Ok(Receipt::Later)
    }
}

/// Our own envelope around a frame: some 400 octets and two identities.
const MAX_SMALL_ENVELOPE: usize = 1024;

fn refusal_of(error: FrameError) -> Refusal {
    match error {
        FrameError::Header(_) => Refusal(status::BAD_REQUEST, "Frame Header Missing Or Malformed"),
        FrameError::MediaType => Refusal(status::UNSUPPORTED_MEDIA, "Image Type Not Supported"),
        FrameError::TooLarge => Refusal(status::STOP_SENDING, "Frame Too Large"),
        FrameError::Image(ImageError::Pixels) => Refusal(status::STOP_SENDING, "Too Many Pixels"),
        FrameError::Image(ImageError::WrongType) => Refusal(status::UNSUPPORTED_MEDIA, "Not The Declared Image Type"),
        FrameError::Image(ImageError::Broken) => Refusal(status::BAD_REQUEST, "Broken Image"),
        FrameError::Geometry => Refusal(status::BAD_REQUEST, "Frame Geometry Does Not Agree"),
        FrameError::Hash => Refusal(status::BAD_REQUEST, "Hash Is Not The Image's"),
    }
}
