//! Requests other than INVITE: who may send them and where they go.

use super::Gateway;
use crate::sip::Flow;
use crate::sip::endpoint::{IncomingId, LegId, Refusal};
use crate::sip::message::{HeaderName, Method, Request};

impl Gateway {
    pub(super) fn request(&mut self, id: IncomingId, leg: Option<LegId>, request: Request, flow: Flow) {
        let sender = match leg {
            // The dialog itself was admitted, and only its two ends know its tags.
            Some(leg) => return self.in_dialog(id, leg, request, flow),
            None => self.admit(&request, &flow),
        };
        let sender = match sender {
            Ok(sender) => sender,
            Err(refusal) => return self.endpoint.refuse(id, &request, refusal, self.now),
        };
        if let Some(refusal) = self.endpoint.inspect(&request) {
            return self.endpoint.refuse(id, &request, refusal, self.now);
        }
        match request.method {
            Method::Register => self.register(id, sender, request, flow),
            Method::Options => {
                let response = self.endpoint.capabilities(&request);
                self.endpoint.respond(id, response, self.now);
            }
            Method::Message => self.message(id, sender, request, flow),
            // INFO lives in dialogs only (RFC 6086 §4.2.1).
            _ => self.respond(id, &request, 481),
        }
    }

    fn in_dialog(&mut self, id: IncomingId, leg: LegId, request: Request, flow: Flow) {
        if let Some(refusal) = self.endpoint.inspect(&request) {
            return self.endpoint.refuse(id, &request, refusal, self.now);
        }
        match request.method {
            Method::Options => {
                let response = self.endpoint.capabilities(&request);
                self.endpoint.respond(id, response, self.now);
            }
            Method::Message | Method::Info => self.dialog_message(id, leg, request, flow),
            _ => {
                let refusal =
                    Refusal::status(405).with(HeaderName::Allow, "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, MESSAGE");
                self.endpoint.refuse(id, &request, refusal, self.now);
            }
        }
    }
}
