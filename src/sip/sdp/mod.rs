//! Session descriptions (SDP, RFC 8866) and their negotiation (RFC 3264), without I/O.
//!
//! - [`SessionDescription`]: what was said; lenient but bounded to parse, canonical to print.
//! - [`Codec`], [`AudioLine`], [`ScreenLine`]: the two kinds of stream that Tandem speaks, typed.
//! - [`answer()`], [`offer()`], [`reoffer`], [`select`]: what follows from an offer or an answer.
//! - [`OfferAnswer`]: whose turn it is, and the version in our `o=` line.
//!
//! `docs/media-negotiation.md` tells how a call's two legs use them.

mod answer;
mod attribute;
mod audio;
mod codec;
mod description;
mod direction;
mod media;
mod offer;
mod offer_answer;
mod parse;
mod print;
mod screen;
mod select;

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod negotiation_tests;

pub use answer::answer;
pub use attribute::{Attribute, Attributes};
pub use audio::AudioLine;
pub use codec::Codec;
pub use description::{Connection, ExtraLine, Origin, SessionDescription};
pub use direction::Direction;
pub use media::Media;
pub use offer::{LocalMedia, offer, offer_from, reoffer};
pub use offer_answer::{AnswerKind, OfferAnswer, OfferAnswerError, OfferKind, Phase};
pub use parse::{MAX_ATTRIBUTES, MAX_BYTES, MAX_MEDIA, SdpError};
pub use screen::{ScreenLine, Setup};
pub use select::{Agreement, AudioAgreement, NegotiationError, ScreenAgreement, select};
