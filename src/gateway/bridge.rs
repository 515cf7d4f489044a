//! The voice of a call: ports, descriptions, and which two media legs are joined.

use super::{Gateway, Output};
use crate::call::{Call, CallKey, Failure, MediaPart, Outcome, Side};
use crate::config;
use crate::media::{MediaCommand, MediaLegId};
use crate::sip::message::Request;
use crate::sip::sdp::{self, Codec, Direction, LocalMedia, OfferAnswer, SessionDescription};

use super::queue::{description_body, read_offer};

/// The payload type of our own telephone events (RFC 4733; 101 is what everybody uses).
const TELEPHONY_EVENT: u8 = 101;

impl Gateway {
    /// Lends a port to a party and opens its media leg.
    pub(super) fn open_media(&mut self, key: CallKey, side: Side) -> Result<(), Outcome> {
        let port = self.ports.allocate(self.now).ok_or(Outcome::Failed(Failure::Media))?;
        let session_id = self.random_session();
        let Some(call) = self.calls.get_mut(&key) else {
            self.ports.release(port, self.now);
            return Err(Outcome::Rejected(500));
        };
        let leg = MediaLegId::new(key.0, call.media_legs);
        call.media_legs = call.media_legs.wrapping_add(1);
        let part = MediaPart { leg, port, exchange: OfferAnswer::new("-", session_id), agreement: None };
        match call.party_mut(side) {
            Some(party) => party.media = Some(part),
            // The callee's leg is made after his offer: keep his media until then.
            None => call.callee_media = Some(part),
        }
        self.out(Output::Media(MediaCommand::Open { leg, port }));
        Ok(())
    }

    /// A session id for `o=`: numeric, and at most 63 bits so that everybody can read it (RFC 8866 §5.2).
    fn random_session(&mut self) -> u64 {
        use rand::Rng;
        self.rng.next_u64() >> 1
    }

    /// Opens a party's media and says what we can do on it.
    pub(super) fn local_media(&mut self, key: CallKey, side: Side) -> Result<LocalMedia, Outcome> {
        self.open_media(key, side)?;
        let port = self.calls.get(&key).and_then(|call| call.party(side)).and_then(|party| party.media.as_ref());
        let port = port.map_or(0, |part| part.port);
        Ok(LocalMedia::new(self.config.media.address, port, self.own_codecs()))
    }

    fn own_codecs(&self) -> Vec<Codec> {
        let speech = self.config.media.codecs.iter().map(|codec| match codec {
            config::AudioCodec::Pcma => Codec::pcma(),
            config::AudioCodec::Pcmu => Codec::pcmu(),
        });
        speech.chain([Codec::telephony_event(TELEPHONY_EVENT)]).collect()
    }

    /// The offer for the second leg. In a queue it is exactly what the first leg speaks, in a dialled call all that
    /// the caller offered, so that packets pass untouched. With it, the name of the screen session if one is offered.
    pub(super) fn offer_for_callee(
        &mut self,
        key: CallKey,
    ) -> Result<((String, bytes::Bytes), Option<String>), Outcome> {
        let call = self.calls.get(&key).ok_or(Outcome::Rejected(500))?;
        if let Some(offer) = &call.bypass {
            return Ok((("application/sdp".to_owned(), offer.clone()), None));
        }
        let codecs = codecs_for_callee(call).ok_or(Outcome::Rejected(488))?;
        let wants_screen = call.screen.open && call.seat.is_some();
        let screen = wants_screen.then(|| self.token());
        self.open_media(key, Side::Callee)?;
        let line = screen.as_ref().map(|session| self.screen_line(session));
        let address = self.config.media.address;
        let Some(call) = self.calls.get_mut(&key) else { return Err(Outcome::Rejected(500)) };
        let part = match &mut call.callee {
            Some(callee) => callee.media.as_mut(),
            None => call.callee_media.as_mut(),
        };
        let part = part.ok_or(Outcome::Failed(Failure::Media))?;
        let offer = sdp::offer_from(codecs, address, part.port, line);
        let offer = part.exchange.send_offer(offer).map_err(|_| Outcome::Rejected(500))?;
        Ok((description_body(&offer), screen))
    }

    /// Takes the callee's description. False when it is only a repetition (RFC 3261 §13.2.1).
    pub(super) fn take_callee_answer(&mut self, key: CallKey, description: &[u8]) -> Result<bool, Outcome> {
        let bad = Outcome::Rejected(502);
        let answer = SessionDescription::parse(description).map_err(|_| bad)?;
        let call = self.calls.get_mut(&key).ok_or(bad)?;
        let part = call.callee.as_mut().and_then(|callee| callee.media.as_mut()).ok_or(bad)?;
        let Some(offer) = part.exchange.open_offer().cloned() else {
            return self.follow_callee(key, &answer).map(|()| false);
        };
        let agreement = sdp::select(&offer, &answer).map_err(|_| bad)?;
        part.exchange.receive_answer(answer).map_err(|_| bad)?;
        part.agreement = Some(agreement);
        Ok(true)
    }

    /// A later description for the same offer. It repeats the first one, or another branch of a fork behind the callee
    /// speaks now (RFC 3261 §13.2.2.4): then the voice goes there, if it is one that the caller's answer allows.
    fn follow_callee(&mut self, key: CallKey, answer: &SessionDescription) -> Result<(), Outcome> {
        let bad = Outcome::Rejected(502);
        let call = self.calls.get_mut(&key).ok_or(bad)?;
        let part = call.callee.as_mut().and_then(|callee| callee.media.as_mut()).ok_or(bad)?;
        let offer = part.exchange.local().ok_or(bad)?;
        let agreement = sdp::select(offer, answer).map_err(|_| bad)?;
        if part.agreement.as_ref() == Some(&agreement) {
            return Ok(());
        }
        part.agreement = Some(agreement);
        if !call.passes_through() {
            return Err(bad);
        }
        self.point_media(key, Side::Callee);
        self.rebridge(key);
        Ok(())
    }

    /// Tells the media workers where a party receives.
    pub(super) fn point_media(&mut self, key: CallKey, side: Side) {
        let Some(part) = self.calls.get(&key).and_then(|call| call.party(side)).and_then(|party| party.media.as_ref())
        else {
            return;
        };
        let Some(audio) = part.agreement.as_ref().map(|agreement| &agreement.audio) else { return };
        let (Some(rtp), leg) = (audio.remote_rtp, part.leg) else { return };
        let rtcp = audio.remote_rtcp.unwrap_or(rtp);
        self.out(Output::Media(MediaCommand::Remote { leg, rtp, rtcp }));
    }

    /// Joins the two voices, unless a party holds (RFC 3264 §8.4) or one of them is missing.
    pub(super) fn rebridge(&mut self, key: CallKey) {
        let Some(call) = self.calls.get(&key) else { return };
        let part = |side| call.party(side).and_then(|party| party.media.as_ref());
        let (Some(caller), Some(callee)) = (part(Side::Caller), part(Side::Callee)) else { return };
        let flows = |part: &MediaPart| {
            part.agreement.as_ref().is_some_and(|agreement| agreement.audio.direction == Direction::SendRecv)
        };
        let (a, b) = (caller.leg, callee.leg);
        let command = if flows(caller) && flows(callee) {
            MediaCommand::Bridge { a, b }
        } else {
            MediaCommand::Unbridge { a, b }
        };
        self.out(Output::Media(command));
    }

    /// A party re-negotiates its own leg: hold, resume, a new address, or just a refresh. The other leg is not told.
    pub(super) fn renegotiate(&mut self, key: CallKey, side: Side, request: &Request) {
        let Some(leg) = self.calls.get(&key).and_then(|call| call.party(side)).and_then(|party| party.leg) else {
            return;
        };
        match self.answer_reinvite(key, side, request) {
            Ok(answer) => {
                self.endpoint.answer(leg, &[], description_body(&answer), self.now);
                self.point_media(key, side);
                if self.calls.get(&key).is_some_and(|call| call.times.connected.is_some()) {
                    self.rebridge(key);
                }
            }
            // RFC 3261 §14.2: the session goes on as it was.
            Err(outcome) => self.endpoint.reject(leg, outcome.status(), &[], self.now),
        }
    }

    fn answer_reinvite(&mut self, key: CallKey, side: Side, request: &Request) -> Result<SessionDescription, Outcome> {
        let offer = read_offer(request)?;
        let screen_session = self.calls.get(&key).and_then(|call| call.party(side)).and_then(|p| p.screen.clone());
        let screen = screen_session.map(|session| self.screen_line(&session));
        let address = self.config.media.address;
        let Some(part) =
            self.calls.get_mut(&key).and_then(|call| call.party_mut(side)).and_then(|party| party.media.as_mut())
        else {
            return Err(Outcome::Rejected(488));
        };
        let codecs = part.agreement.as_ref().map(|agreement| agreement.audio.codecs()).unwrap_or_default();
        let local = LocalMedia { screen, ..LocalMedia::new(address, part.port, codecs) };
        let (answer, agreement) = sdp::answer(&offer, &local).map_err(|_| Outcome::Rejected(488))?;
        part.exchange.receive_offer(offer).map_err(|_| Outcome::Rejected(488))?;
        part.agreement = Some(agreement);
        part.exchange.send_answer(answer).map_err(|_| Outcome::Rejected(500))
    }
}

fn codecs_for_callee(call: &Call) -> Option<Vec<Codec>> {
    let part = call.caller.media.as_ref()?;
    if let Some(agreement) = &part.agreement {
        return Some(agreement.audio.codecs());
    }
    let offer = part.exchange.open_offer()?;
    let audio = offer.media.iter().find(|media| media.is_rtp_audio() && media.port != 0)?;
    Some(Codec::list(audio))
}
