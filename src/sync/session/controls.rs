//! Control messages: who may say what, and what follows.

use bytes::Bytes;

use super::{Question, Refusal, ScreenSession};
use crate::sync::context::DeviceContext;
use crate::sync::contract::{Confirmation, ScreenEvent, Side};
use crate::sync::control::{ConfirmAnswer, ConfirmRequest, Control, ControlError, Touch, YesNo};
use crate::sync::cpim::Cpim;
use crate::sync::frame;
use crate::sync::identity::DeviceUri;
use crate::sync::msrp::{Class, status};

impl ScreenSession {
    pub(super) fn control(&mut self, side: Side, cpim: &Cpim) -> Result<(), Refusal> {
        let control = match Control::parse(&cpim.body) {
            Ok(control) => control,
            Err(ControlError::UnknownType) => {
                self.counters.ignored += 1;
                return Ok(());
            }
            Err(ControlError::Version) => {
                return Err(Refusal(status::UNSUPPORTED_MEDIA, "Control Version Not Supported"));
            }
            Err(ControlError::Malformed) => return Err(Refusal(status::BAD_REQUEST, "Malformed Control Message")),
        };
        match (&control, side) {
            (Control::Context(context), Side::Phone) => self.context(context.clone()),
            (Control::Touch(touch), _) => {
                self.check_touch(side, *touch)?;
                self.forward(side, &control)
            }
            (Control::Key(_), _) => self.forward(side, &control),
            (Control::KeyframeRequest(_), _) => {
                // Without anybody to draw there is nothing to redraw.
                let _ = self.forward(side, &control);
                Ok(())
            }
            (Control::ConfirmRequest(request), Side::Seat) => self.confirm_request(request, &control),
            (Control::ConfirmAnswer(answer), Side::Phone) => self.confirm_answer(answer, &control),
            (Control::Handoff(handoff), Side::Seat) => {
                self.forward(side, &control)?;
                self.event(ScreenEvent::Handoff { call: self.call, url: handoff.url.to_string() });
                Ok(())
            }
            (Control::Bye(_), _) => {
                let _ = self.forward(side, &control);
                self.event(ScreenEvent::Bye { call: self.call, side });
                Ok(())
            }
            (Control::Position(_) | Control::SeatAssigned(_), _) => {
                Err(Refusal(status::FORBIDDEN, "Only The Gateway Says That"))
            }
            (Control::Context(_) | Control::ConfirmAnswer(_), Side::Seat)
            | (Control::ConfirmRequest(_) | Control::Handoff(_), Side::Phone) => {
                Err(Refusal(status::FORBIDDEN, "Not Yours To Say"))
            }
        }
    }

    /// Passes a control message on under the other leg's Call-ID and the sender's public name. Only what we understood is
    /// written again: fields that we do not know do not pass, and nothing of the sender's topology does.
    fn forward(&mut self, from: Side, control: &Control) -> Result<(), Refusal> {
        let to = from.other();
        let leg = self.leg(to).ok_or(Refusal(status::NO_SESSION, "No Other Side"))?;
        let cpim = frame::control_envelope(control, &leg.call_id, &self.uri_of(from), &self.uri_of(to));
        let sent = self.send_envelope(to, Class::Control, &cpim);
        sent.map(|_| ()).ok_or(Refusal(status::NO_SESSION, "Other Side Is Away"))
    }

    pub(super) fn invite_context(&mut self, body: &Bytes) {
        let parsed = if body.len() > self.config.max_control_bytes {
            Err(ControlError::Malformed)
        } else {
            DeviceContext::parse_part(body)
        };
        let taken = match parsed {
            Ok(context) => self.context(context),
            Err(_) => Err(Refusal(status::BAD_REQUEST, "Malformed Context")),
        };
        if let Err(Refusal(status, comment)) = taken {
            self.counters.refused += 1;
            tracing::debug!(call = self.call, status, comment, "context of the INVITE refused");
        }
    }

    /// Keeps the context for a seat that comes later. Names in it that contradict the declared ones are refused.
    fn context(&mut self, context: DeviceContext) -> Result<(), Refusal> {
        for name in context.claimed_names() {
            let claimed: DeviceUri =
                name.parse().map_err(|_| Refusal(status::BAD_REQUEST, "Malformed Name Of The Device"))?;
            let contradicts = |known: &DeviceUri| {
                std::mem::discriminant(known) == std::mem::discriminant(&claimed) && *known != claimed
            };
            let contradicted = self.identity.names().iter().any(contradicts);
            Self::refuse_if(contradicted, status::FORBIDDEN, "Context Names Another Device")?;
        }
        self.context = Some(context.clone());
        // A seat that is away gets it when it comes.
        let _ = self.forward(Side::Phone, &Control::Context(context.clone()));
        self.event(ScreenEvent::Context { call: self.call, context: Box::new(context) });
        Ok(())
    }

    /// A finger must have been on a frame that its owner was sent.
    fn check_touch(&self, side: Side, touch: Touch) -> Result<(), Refusal> {
        let possible = self.lane(side).could_touch(touch.seq, touch.x, touch.y);
        Self::refuse_if(!possible, status::FORBIDDEN, "Touch On No Frame Of Yours")
    }

    /// Asked is only about the frame that the phone shows: the last one whose whole arrival it reported.
    fn confirm_request(&mut self, request: &ConfirmRequest, control: &Control) -> Result<(), Refusal> {
        let shown = self.to_phone.shown();
        let same = shown.is_some_and(|shown| shown.seq == request.frame_seq && shown.hash == *request.frame_hash);
        Self::refuse_if(!same, status::FORBIDDEN, "Not The Frame That The Phone Shows")?;
        self.forward(Side::Seat, control)?;
        self.question = Some(Question { request: request.clone() });
        Ok(())
    }

    /// An answer counts once, for the open question, and for its very frame.
    fn confirm_answer(&mut self, answer: &ConfirmAnswer, control: &Control) -> Result<(), Refusal> {
        let asked =
            |question: &Question| question.request.id == answer.id && question.request.frame_hash == answer.frame_hash;
        let question = self.question.take_if(|question| asked(question));
        let Question { request } = question.ok_or(Refusal(status::FORBIDDEN, "No Such Question Is Open"))?;
        // The answer is the customer's word, also when the seat went away meanwhile.
        let _ = self.forward(Side::Phone, control);
        let confirm = Box::new(Confirmation {
            id: request.id.to_string(),
            summary: request.summary.to_string(),
            amount: request.amount.as_ref().map(ToString::to_string),
            frame_seq: request.frame_seq,
            frame_hash: request.frame_hash.to_string(),
            answer: answer.answer == YesNo::Yes,
            by: answer.by,
        });
        self.event(ScreenEvent::Confirmed { call: self.call, confirm });
        Ok(())
    }
}
