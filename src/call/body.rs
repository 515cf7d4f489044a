//! What an INVITE carries: a session description, and perhaps the app's account of the device (`multipart/mixed`).

use bytes::Bytes;

use crate::sip::message::{Request, Response, multipart};

/// The media type of the device context part.
pub const CONTEXT_TYPE: &str = "application/vnd.tandem.context+json";

/// The parts of a body that a call cares about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// `application/sdp`.
    pub description: Option<Bytes>,
    /// `application/vnd.tandem.context+json`.
    pub context: Option<Bytes>,
}

impl Body {
    /// The parts of a request's body. An unreadable multipart counts as empty.
    pub fn of(request: &Request) -> Body {
        match request.content_type() {
            Some(media) if media.kind() == "multipart" => {
                let mut body = Body::default();
                for part in multipart::leaves(&media, &request.body).unwrap_or_default() {
                    let Some(kind) = part.content_type() else { continue };
                    body.take(kind.essence(), part.body.clone());
                }
                body
            }
            Some(media) => Body::single(media.essence(), &request.body),
            None => Body::default(),
        }
    }

    /// The session description in a response.
    pub fn description_of(response: &Response) -> Option<Bytes> {
        let media = response.content_type()?;
        Body::single(media.essence(), &response.body).description
    }

    fn single(essence: &str, bytes: &Bytes) -> Body {
        let mut body = Body::default();
        if !bytes.is_empty() {
            body.take(essence, bytes.clone());
        }
        body
    }

    fn take(&mut self, essence: &str, bytes: Bytes) {
        match essence {
            "application/sdp" if self.description.is_none() => self.description = Some(bytes),
            CONTEXT_TYPE if self.context.is_none() => self.context = Some(bytes),
            _ => {}
        }
    }
}
