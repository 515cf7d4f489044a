//! `client::phone` in virtual time.

use std::time::Duration;

use tandem::client::phone::{CallEnd, PhoneEvent, RegistrationFailure};
use tandem::sip::auth::{Algorithm, Authenticator, Secret, Verdict};
use tandem::sip::endpoint::{EndCause, Endpoint, Event, Invitation, LegEvent, LegId, Routing};
use tandem::sip::message::{HeaderName, Method, Request, Response, Uri};
use tandem::sip::sdp::{self, Direction, SessionDescription};

use super::network::{End, SDP, Wire, flow, last_description, media};

fn challenge(authenticator: &mut Authenticator, peer: &mut Endpoint, request: &Request) -> Response {
    let mut response = peer.response_to(request, 401);
    for value in authenticator.challenge(&[Algorithm::Sha256, Algorithm::Md5], 1_000, false) {
        response.headers.push(HeaderName::WwwAuthenticate, value);
    }
    response
}

fn grant(peer: &mut Endpoint, request: &Request, expires_s: u32) -> Response {
    let mut response = peer.response_to(request, 200);
    if let Ok(contacts) = request.contacts()
        && let Some(contact) = contacts.first()
    {
        response.headers.push(HeaderName::Contact, format!("<{}>;expires={expires_s}", contact.uri));
    }
    response
}

#[test]
fn it_registers_with_a_password_refreshes_in_time_and_leaves() {
    let mut wire = Wire::new();
    let mut authenticator = Authenticator::new("example.com", [3; 32]);
    wire.phone.register(wire.now);
    let first = wire.peer_answers(|peer, request| challenge(&mut authenticator, peer, request));
    let contact = first.contacts().expect("a contact").first().cloned().expect("one");
    assert_eq!(contact.params.value("+sip.instance"), Some("<urn:gsma:imei:35209900-176148-0>"));
    let second = wire.peer_answers(|peer, request| grant(peer, request, 120));
    let lookup = |user: &str| (user == "traveller").then(|| Secret::password("open sesame"));
    assert!(matches!(
        authenticator.verify(&second, &[Algorithm::Sha256, Algorithm::Md5], &lookup, 1_001),
        Verdict::Ok { .. }
    ));
    assert_eq!(first.call_id().ok(), second.call_id().ok(), "RFC 3261 §10.2: one Call-ID");
    assert!(matches!(wire.hear(), PhoneEvent::Registered { expires_s: 120 }));

    let granted_at = wire.now;
    let refresh = wire.peer_answers(|peer, request| grant(peer, request, 120));
    assert!(wire.now - granted_at < Duration::from_secs(120), "before it expires");
    assert!(wire.now - granted_at > Duration::from_secs(60), "and not all the time");
    assert!(refresh.cseq().expect("a number").seq > second.cseq().expect("a number").seq);
    assert!(matches!(wire.hear(), PhoneEvent::Registered { .. }));

    wire.phone.unregister(wire.now);
    let last = wire.peer_answers(|peer, request| grant(peer, request, 0));
    assert_eq!(last.expires().ok().flatten(), Some(0));
    assert!(matches!(wire.hear(), PhoneEvent::Unregistered));
    assert_eq!(wire.phone.poll_timeout().filter(|at| *at > wire.now + Duration::from_secs(40)), None);
    wire.nothing_remains();
}

#[test]
fn a_wrong_password_is_final_and_silence_is_not() {
    let mut wire = Wire::new();
    let mut authenticator = Authenticator::new("example.com", [3; 32]);
    wire.phone.register(wire.now);
    for _ in 0..3 {
        wire.peer_answers(|peer, request| challenge(&mut authenticator, peer, request));
    }
    let PhoneEvent::RegistrationFailed { failure, retry_in } = wire.hear() else { panic!("a failure") };
    assert!(matches!(failure, RegistrationFailure::Refused { status: 401, .. }));
    assert_eq!(retry_in, None, "asking again with the same password would change nothing");
    wire.nothing_remains();

    wire.lose = Box::new(|_, _| true);
    wire.phone.register(wire.now);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let PhoneEvent::RegistrationFailed { failure: RegistrationFailure::Silence, retry_in } = wire.hear() else {
            panic!("silence")
        };
        pauses.push(retry_in.expect("another attempt").as_secs());
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
}

#[test]
fn a_longer_lifetime_is_accepted_when_the_registrar_wants_one() {
    let mut wire = Wire::new();
    wire.phone.register(wire.now);
    wire.peer_answers(|peer, request| {
        let mut response = peer.response_to(request, 423);
        response.headers.push(HeaderName::MinExpires, "1800");
        response
    });
    let again = wire.peer_answers(|peer, request| grant(peer, request, 1800));
    assert_eq!(again.expires().ok().flatten(), Some(1800));
    assert!(matches!(wire.hear(), PhoneEvent::Registered { expires_s: 1800 }));
}

#[test]
fn the_invite_says_who_calls_and_from_where() {
    let mut wire = Wire::new();
    let (_, invite) = wire.phone_calls();
    let text = |name| invite.headers.text(&name).unwrap_or_default().to_owned();
    assert!(text(HeaderName::PAccessNetworkInfo).starts_with("IEEE-802.11ac;"));
    assert_eq!(text(HeaderName::PPreferredIdentity), "<tel:+8613800138000>");
    assert_eq!(text(HeaderName::UserAgent), "TandemTravel/3.2 (test)");
    assert_eq!(text(HeaderName::SessionId).len(), 32);
    assert_eq!(invite.from().expect("from").uri.to_string(), "sip:+8613800138000@example.com;user=phone");
    let contact = invite.contacts().expect("a contact").first().cloned().expect("one");
    assert_eq!(contact.params.value("+sip.instance"), Some("<urn:gsma:imei:35209900-176148-0>"));
    let kind = invite.content_type().expect("a type");
    let parts = tandem::sip::message::multipart::parse(&kind, &invite.body).expect("parts");
    let kinds: Vec<String> = parts.iter().filter_map(|part| part.content_type()).map(|kind| kind.to_string()).collect();
    assert_eq!(kinds, ["application/sdp", "application/vnd.tandem.context+json"]);
}

#[test]
fn a_call_is_talked_texted_and_hung_up_by_either_side() {
    for phone_hangs_up in [true, false] {
        let mut wire = Wire::new();
        let leg = wire.call();
        let now = wire.now;
        wire.phone.text(Method::Info, "text/plain", "hello".into(), now).expect("a call");
        wire.peer_answers(|peer, request| peer.response_to(request, 200));
        assert!(matches!(wire.hear(), PhoneEvent::TextAnswered { method: Method::Info, status: 200 }));
        let now = wire.now;
        let body = Some(("text/plain".into(), "and you".into()));
        wire.peer.request_in_dialog(leg, Method::Message, &[], body, now).expect("a dialog");
        let PhoneEvent::Text { body, .. } = wire.hear() else { panic!("a text") };
        assert_eq!(body, "and you");
        assert!(matches!(wire.peer_hears(), Event::Response { response, .. } if response.status == 200));
        let now = wire.now;
        if phone_hangs_up {
            wire.phone.hang_up(480, now).expect("a call");
            assert!(matches!(wire.hear(), PhoneEvent::Ended(CallEnd::HungUp)));
            assert!(matches!(wire.peer_hears(), Event::Leg { event: LegEvent::Ended(EndCause::Bye(_)), .. }));
        } else {
            wire.peer.hang_up(leg, 480, None, now);
            assert!(matches!(wire.hear(), PhoneEvent::Ended(CallEnd::PeerHungUp)));
        }
        assert_eq!(wire.count(if phone_hangs_up { End::Phone } else { End::Peer }, "BYE"), 1);
        wire.nothing_remains();
    }
}

#[test]
fn hold_goes_both_ways() {
    let mut wire = Wire::new();
    let leg = wire.call();
    // The peer holds us: we answer that we only receive.
    let mut held = media(End::Peer);
    held.direction = Direction::SendOnly;
    let offer = sdp::offer(&held).to_string().replace("o=- 0 0", "o=- 0 1");
    let now = wire.now;
    assert!(wire.peer.reinvite(leg, (SDP.into(), offer.into()), now));
    let PhoneEvent::Media(agreement) = wire.hear() else { panic!("an agreement") };
    assert_eq!(agreement.audio.direction, Direction::RecvOnly);
    wire.run(Duration::from_secs(1), |_| false);
    let answer = last_description(&wire, End::Phone);
    assert_eq!(Direction::of(&answer.media[0], &answer), Direction::RecvOnly);
    assert!(matches!(wire.peer_hears(), Event::Leg { event: LegEvent::ReinviteDone(_), .. }));
    // We hold the peer.
    let now = wire.now;
    wire.phone.hold(true, now).expect("a call");
    let Event::Leg { event: LegEvent::Reinvite(request), .. } = wire.peer_hears() else { panic!("a re-INVITE") };
    let offer = SessionDescription::parse(&request.body).expect("a description");
    assert_eq!(Direction::of(&offer.media[0], &offer), Direction::SendOnly);
    let (answer, _) = sdp::answer(&offer, &media(End::Peer)).expect("an answer");
    let now = wire.now;
    wire.peer.answer(leg, &[], (SDP.into(), answer.to_string().into()), now);
    let PhoneEvent::Media(agreement) = wire.hear() else { panic!("an agreement") };
    assert_eq!(agreement.audio.direction, Direction::SendOnly);
    // A refused hold leaves the call as it was.
    let now = wire.now;
    wire.run(Duration::from_secs(1), |_| false);
    wire.peer_heard.clear();
    wire.phone.hold(false, now.max(wire.now)).expect("a call");
    assert!(matches!(wire.peer_hears(), Event::Leg { event: LegEvent::Reinvite(_), .. }));
    let now = wire.now;
    wire.peer.reject(leg, 488, &[], now);
    assert!(matches!(wire.hear(), PhoneEvent::ReofferRefused { status: 488 }));
    assert!(wire.phone.is_busy());
    let now = wire.now;
    wire.phone.hang_up(480, now).expect("a call");
    wire.nothing_remains();
}

/// The peer calls the phone; gives its leg.
fn peer_calls(wire: &mut Wire, body: Option<(String, bytes::Bytes)>) -> LegId {
    let now = wire.now;
    wire.peer.invite(
        Invitation {
            target: Uri::sip(Some("traveller"), "192.0.2.1", Some(5060)),
            flow: flow(End::Peer),
            routing: Routing::Flow,
            from: "<sip:agent@example.com>".into(),
            to: "<sip:traveller@example.com>".into(),
            contact_user: "agent".into(),
            contact_params: String::new(),
            call_id: String::new(),
            max_forwards: 70,
            headers: Vec::new(),
            body,
            credentials: None,
        },
        now,
    )
}

fn offer() -> Option<(String, bytes::Bytes)> {
    Some((SDP.into(), sdp::offer(&media(End::Peer)).to_string().into()))
}

#[test]
fn it_answers_rings_and_is_busy() {
    let mut wire = Wire::new();
    let leg = peer_calls(&mut wire, offer());
    let PhoneEvent::Incoming { from, offers_screen, .. } = wire.hear() else { panic!("a call") };
    assert_eq!((from.as_str(), offers_screen), ("sip:agent@example.com", false));
    let now = wire.now;
    wire.phone.ring(now).expect("it rings");
    assert!(
        matches!(wire.peer_hears(), Event::Leg { event: LegEvent::Progress(response), .. } if response.status == 180)
    );
    peer_calls(&mut wire, offer());
    let busy = |event: Event| match event {
        Event::Leg { event: LegEvent::Ended(EndCause::Refused(response)), .. } => response.status,
        other => panic!("a refusal was expected, not {other:?}"),
    };
    assert_eq!(busy(wire.peer_hears()), 486);
    let now = wire.now;
    wire.phone.answer(media(End::Phone), now).expect("it rings");
    assert!(matches!(wire.hear(), PhoneEvent::Media(_)));
    assert!(matches!(wire.hear(), PhoneEvent::Established { .. }));
    assert!(matches!(wire.peer_hears(), Event::Leg { leg: answered, event: LegEvent::Answered(_) } if answered == leg));
    let now = wire.now;
    wire.phone.hang_up(480, now).expect("a call");
    wire.nothing_remains();
}

#[test]
fn an_offer_that_does_not_fit_is_refused() {
    let mut wire = Wire::new();
    let video = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=video 5000 RTP/AVP 96\r\n";
    peer_calls(&mut wire, Some((SDP.into(), video.into())));
    assert!(matches!(wire.hear(), PhoneEvent::Incoming { .. }));
    let now = wire.now;
    wire.phone.answer(media(End::Phone), now).expect("it rings");
    assert!(matches!(wire.hear(), PhoneEvent::Ended(CallEnd::Media(_))));
    wire.run(Duration::from_secs(1), |_| false);
    assert_eq!(wire.count(End::Phone, "SIP/2.0 488"), 1);
    wire.nothing_remains();
}

/// What one side does at one moment of a call; afterwards nothing may be left anywhere.
#[test]
fn hang_up_at_each_moment_leaves_nothing_behind() {
    // Moments of a call that the phone places, in messages sent: from the INVITE to well after the ACK.
    for moment in 0..8 {
        for by_phone in [true, false] {
            for lossy in [false, true] {
                let mut wire = Wire::new();
                if lossy {
                    let mut count = 0;
                    wire.lose = Box::new(move |_, _| {
                        count += 1;
                        count % 3 == 0
                    });
                }
                placed_call_until(&mut wire, moment, by_phone);
                wire.lose = Box::new(|_, _| false);
                wire.nothing_remains();
            }
        }
    }
}

fn placed_call_until(wire: &mut Wire, moment: usize, by_phone: bool) {
    let target = Uri::sip(Some("flights"), "example.com", None);
    let now = wire.now;
    let placing = tandem::client::phone::Placing { target, media: media(End::Phone), parts: Vec::new() };
    wire.phone.call(placing, now).expect("no call yet");
    let mut leg = None;
    for step in 0..=moment {
        let seen = wire.sent.len();
        wire.run(Duration::from_secs(2), |wire| wire.sent.len() > seen || !wire.peer_heard.is_empty());
        while let Some(event) = wire.peer_heard.pop_front() {
            if let Event::Incoming { leg: incoming, .. } = event {
                leg = Some(incoming);
            }
        }
        let (now, Some(leg)) = (wire.now, leg) else { continue };
        match step {
            2 => wire.peer.ring(leg, 180, None, now),
            4 => wire.peer_answer(leg),
            _ => {}
        }
    }
    let now = wire.now;
    match leg {
        Some(leg) if !by_phone => {
            wire.peer.hang_up(leg, 486, None, now);
            // What the phone did not learn by a BYE it ends itself, so that both are free in the end.
            wire.run(Duration::from_secs(5), |wire| !wire.phone.is_busy());
            let _ = wire.phone.hang_up(480, wire.now);
        }
        _ => drop(wire.phone.hang_up(480, now)),
    }
}

#[test]
fn a_lost_answer_to_our_cancel_race_is_acknowledged_and_hung_up() {
    let mut wire = Wire::new();
    let (leg, _) = wire.phone_calls();
    // 200 and CANCEL cross.
    let now = wire.now;
    wire.peer.ring(leg, 180, None, now);
    assert!(matches!(wire.hear(), PhoneEvent::Ringing { status: 180 }));
    wire.peer_answer(leg);
    let now = wire.now;
    wire.phone.hang_up(480, now).expect("a call");
    assert!(matches!(wire.hear(), PhoneEvent::Ended(CallEnd::HungUp)));
    wire.run(Duration::from_secs(5), |_| false);
    assert_eq!(wire.count(End::Phone, "ACK"), 1, "{:#?}", wire.ladder);
    assert_eq!(wire.count(End::Phone, "BYE"), 1, "{:#?}", wire.ladder);
    wire.nothing_remains();
}

#[test]
fn options_are_answered_and_what_belongs_to_no_call_is_refused() {
    let mut wire = Wire::new();
    for (method, expected) in [(Method::Options, 200), (Method::Info, 481), (Method::Subscribe, 405)] {
        let outgoing = tandem::sip::endpoint::Outgoing {
            method,
            target: Uri::sip(Some("traveller"), "192.0.2.1", None),
            flow: flow(End::Peer),
            from: "<sip:agent@example.com>".into(),
            to: "<sip:traveller@example.com>".into(),
            call_id: None,
            headers: Vec::new(),
            body: None,
            credentials: None,
        };
        let now = wire.now;
        wire.peer.request(outgoing, now);
        let Event::Response { response, .. } = wire.peer_hears() else { panic!("a response") };
        assert_eq!(response.status, expected);
    }
    wire.nothing_remains();
}
