//! Offers, answers and what follows from them, through the public door.

use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;

use super::*;

const GATEWAY: [u8; 4] = [203, 0, 113, 5];

fn local() -> LocalMedia {
    LocalMedia::new(GATEWAY.into(), 40000, vec![Codec::pcma(), Codec::pcmu(), Codec::telephony_event(101)])
}

fn screen(setup: Setup) -> ScreenLine {
    ScreenLine::new(SocketAddr::from((GATEWAY, 2855)), "s4r7", setup, 4_194_304)
}

fn description(streams: &str) -> SessionDescription {
    format!("v=0\no=phone 1 1 IN IP4 192.0.2.7\ns=-\nc=IN IP4 192.0.2.7\nt=0 0\n{streams}").parse().expect("valid SDP")
}

const PHONE: &str = "m=audio 49170 RTP/AVP 111 0 8 96\na=rtpmap:111 opus/48000/2\na=rtpmap:96 telephone-event/8000\n\
                     a=fmtp:96 0-15\na=ptime:20\na=rtcp:53020\n";

fn sdp(streams: &str, tail: &str) -> SessionDescription {
    description(&format!("{streams}{tail}"))
}

fn audio_lines(media: &Media) -> String {
    media.to_string().replace("\r\n", "\n")
}

#[test]
fn the_answer_has_one_codec_under_the_offerers_numbers() {
    let (ours, agreed) = answer(&sdp(PHONE, ""), &local()).expect("an answer");
    assert_eq!(
        audio_lines(&ours.media[0]),
        "m=audio 40000 RTP/AVP 0 96\na=rtpmap:0 PCMU/8000\na=rtpmap:96 telephone-event/8000\na=fmtp:96 0-16\n\
         a=ptime:20\na=sendrecv\n"
    );
    assert_eq!(agreed.audio.codec.name, "PCMU");
    assert_eq!(agreed.audio.telephony_event.map(|event| event.payload_type), Some(96));
    assert_eq!(agreed.audio.remote_rtp, Some("192.0.2.7:49170".parse().expect("an address")));
    assert_eq!(agreed.audio.remote_rtcp, Some("192.0.2.7:53020".parse().expect("an address")));
    assert_eq!(agreed.audio.remote_ptime_ms, Some(20));
    assert_eq!(agreed.screen, None);
}

#[test]
fn all_common_codecs_when_asked_in_the_offerers_order() {
    let (ours, _) = answer(&sdp(PHONE, ""), &LocalMedia { max_codecs: 8, ..local() }).expect("an answer");
    assert_eq!(ours.media[0].formats, ["0", "8", "96"]);
}

#[test]
fn the_whole_first_offer() {
    let expected = "v=0\no=- 0 0 IN IP4 203.0.113.5\ns=-\nc=IN IP4 203.0.113.5\nt=0 0\n\
        m=audio 40000 RTP/AVP 0 96\na=rtpmap:0 PCMU/8000\na=rtpmap:96 telephone-event/8000\na=fmtp:96 0-16\n\
        a=ptime:20\na=sendrecv\n\
        m=message 2855 TCP/MSRP *\na=path:msrp://203.0.113.5:2855/s4r7;tcp\na=accept-types:message/cpim\n\
        a=accept-wrapped-types:image/png image/jpeg image/webp application/vnd.tandem.control+json\n\
        a=max-size:4194304\na=setup:passive\n";
    let codecs = vec![Codec::pcmu(), Codec::telephony_event(96)];
    let offer = offer_from(codecs, GATEWAY.into(), 40000, Some(screen(Setup::Passive)));
    assert_eq!(offer.to_string().replace("\r\n", "\n"), expected);
}

#[test]
fn a_caller_and_a_seat_pass_packets_untouched() {
    let (_, caller) = answer(&sdp(PHONE, ""), &local()).expect("an answer");
    let offer = offer_from(caller.audio.codecs(), GATEWAY.into(), 40002, None);
    let obedient = "m=audio 6000 RTP/AVP 0 96\na=rtpmap:96 telephone-event/8000\n";
    let seat = select(&offer, &sdp(obedient, "")).expect("an agreement");
    assert!(caller.audio.passes_through(&seat.audio));
    assert!(seat.audio.passes_through(&caller.audio));
    assert_eq!(
        seat.audio.codecs(),
        caller
            .audio
            .codecs()
            .iter()
            .map(|codec| {
                if codec.is_telephony_event() { Codec { fmtp: None, ..codec.clone() } } else { codec.clone() }
            })
            .collect::<Vec<_>>()
    );
    let renumbering = "m=audio 6000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n";
    let seat = select(&offer, &sdp(renumbering, "")).expect("an agreement");
    assert_eq!(seat.audio.own_payload_types, (0, Some(96)));
    assert!(!caller.audio.passes_through(&seat.audio));
    let without_events = select(&offer, &sdp("m=audio 6000 RTP/AVP 0\n", "")).expect("an agreement");
    assert!(caller.audio.passes_through(&without_events.audio));
    assert_eq!(without_events.audio.codecs(), [Codec::pcmu()]);
}

#[test]
fn unknown_and_second_streams_are_refused_in_place() {
    let streams = "m=video 5000 RTP/AVP 31\nm=audio 0 RTP/AVP 8\nm=audio 5002 RTP/SAVP 8\nm=audio 5004 RTP/AVPF 8\n\
                   m=audio 5006 RTP/AVP 8\nm=application 5008/2 UDP/BFCP *\n";
    let (ours, _) = answer(&description(streams), &local()).expect("an answer");
    let lines: Vec<String> = ours.media.iter().map(|m| m.to_string().lines().next().unwrap_or("").to_owned()).collect();
    assert_eq!(
        lines,
        [
            "m=video 0 RTP/AVP 31",
            "m=audio 0 RTP/AVP 8",
            "m=audio 0 RTP/SAVP 8",
            "m=audio 40000 RTP/AVPF 8",
            "m=audio 0 RTP/AVP 8",
            "m=application 0/2 UDP/BFCP *"
        ]
    );
}

#[test]
fn no_audio_or_no_common_codec_is_an_error() {
    assert_eq!(answer(&description("m=video 5000 RTP/AVP 31\n"), &local()), Err(NegotiationError::NoAudio));
    assert_eq!(answer(&description("m=audio 0 RTP/AVP 8\n"), &local()), Err(NegotiationError::NoAudio));
    let opus = "m=audio 5000 RTP/AVP 111 101\na=rtpmap:111 opus/48000/2\na=rtpmap:101 telephone-event/8000\n";
    assert_eq!(answer(&description(opus), &local()), Err(NegotiationError::NoCommonCodec));
    // A dynamic number without its rtpmap is nothing; a rate that differs is another encoding.
    assert_eq!(answer(&description("m=audio 5000 RTP/AVP 97 128 x\n"), &local()), Err(NegotiationError::NoCommonCodec));
    let fast = "m=audio 5000 RTP/AVP 97\na=rtpmap:97 PCMA/16000\n";
    assert_eq!(answer(&description(fast), &local()), Err(NegotiationError::NoCommonCodec));
}

#[test]
fn telephone_events_follow_the_clock_of_the_codec() {
    let offer =
        "m=audio 5000 RTP/AVP 100 101 8\na=rtpmap:100 telephone-event/48000\na=rtpmap:101 telephone-event/8000\n";
    let (ours, _) = answer(&description(offer), &local()).expect("an answer");
    assert_eq!(ours.media[0].formats, ["8", "101"]);
}

#[test]
fn directions_of_hold_and_resume() {
    let of = |offer: &str, local_direction| {
        let wish = LocalMedia { direction: local_direction, ..local() };
        let (ours, agreed) = answer(&sdp("m=audio 5000 RTP/AVP 8\n", offer), &wish).expect("an answer");
        assert!(ours.media[0].attributes.contains(agreed.audio.direction.as_str()));
        (agreed.audio.direction, agreed.audio.remote_rtp.is_some())
    };
    use Direction::*;
    assert_eq!(of("", SendRecv), (SendRecv, true));
    assert_eq!(of("a=sendonly\n", SendRecv), (RecvOnly, true));
    assert_eq!(of("a=recvonly\n", SendRecv), (SendOnly, true));
    assert_eq!(of("a=inactive\n", SendRecv), (Inactive, true));
    assert_eq!(of("a=sendrecv\n", SendOnly), (SendOnly, true));
    assert_eq!(of("a=sendonly\n", SendOnly), (Inactive, true));
    assert_eq!(of("c=IN IP4 0.0.0.0\n", SendRecv), (RecvOnly, false));
    assert_eq!(of("c=IN IP4 0.0.0.0\na=sendonly\n", SendRecv), (RecvOnly, false));
    assert_eq!(of("c=IN IP4 0.0.0.0\na=recvonly\n", SendRecv), (Inactive, false));
}

#[test]
fn a_session_direction_holds_for_streams_that_say_nothing() {
    let text = "v=0\no=- 1 1 IN IP4 192.0.2.7\ns=-\nc=IN IP4 192.0.2.7\nt=0 0\na=sendonly\nm=audio 5000 RTP/AVP 8\n";
    let offer: SessionDescription = text.parse().expect("valid SDP");
    let (_, agreed) = answer(&offer, &local()).expect("an answer");
    assert_eq!(agreed.audio.direction, Direction::RecvOnly);
}

#[test]
fn addresses_of_media() {
    let at = |lines: &str| {
        let offer = description(&format!("m=audio 5000 RTP/AVP 8\n{lines}"));
        let media = &offer.media[0];
        let show = |address: Option<SocketAddr>| address.map_or("-".to_owned(), |address| address.to_string());
        (show(media.rtp_address(&offer)), show(media.rtcp_address(&offer)))
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(at(""), pair("192.0.2.7:5000", "192.0.2.7:5001"));
    assert_eq!(at("c=IN IP6 2001:db8::1\n"), pair("[2001:db8::1]:5000", "[2001:db8::1]:5001"));
    assert_eq!(at("a=rtcp:6000 IN IP4 192.0.2.9\n"), pair("192.0.2.7:5000", "192.0.2.9:6000"));
    assert_eq!(at("a=rtcp:0\n"), pair("192.0.2.7:5000", "192.0.2.7:5001"));
    assert_eq!(at("a=rtcp:6000 IN IP7 X\n"), pair("192.0.2.7:5000", "192.0.2.7:6000"));
    assert_eq!(at("c=IN IP4 phone.example\n"), pair("-", "-"));
    assert_eq!(at("c=IN IP4 224.2.1.1/127\n"), pair("-", "-"));
}

#[test]
fn our_lines_say_what_is_unusual() {
    let session: IpAddr = GATEWAY.into();
    let at = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let line = |rtp: &str, rtcp: Option<&str>| AudioLine {
        rtp: at(rtp),
        rtcp: rtcp.map(at),
        codecs: vec![Codec { channels: 2, fmtp: Some("useinbandfec=1".to_owned()), ..Codec::new(111, "opus", 48000) }],
        direction: Direction::SendOnly,
        ptime_ms: None,
    };
    let body = "a=rtpmap:111 opus/48000/2\na=fmtp:111 useinbandfec=1\n";
    let print = |line: AudioLine| audio_lines(&line.to_media(session));
    let plain = format!("m=audio 4000 RTP/AVP 111\n{body}a=sendonly\n");
    assert_eq!(print(line("203.0.113.5:4000", Some("203.0.113.5:4001"))), plain);
    assert_eq!(
        print(line("203.0.113.6:4000", Some("203.0.113.6:4003"))),
        format!("m=audio 4000 RTP/AVP 111\nc=IN IP4 203.0.113.6\n{body}a=rtcp:4003\na=sendonly\n")
    );
    assert_eq!(
        print(line("203.0.113.5:4000", Some("[2001:db8::5]:4001"))),
        format!("m=audio 4000 RTP/AVP 111\n{body}a=rtcp:4001 IN IP6 2001:db8::5\na=sendonly\n")
    );
}

fn screen_offer(lines: &str) -> SessionDescription {
    let message = "m=message 7394 TCP/MSRP *\na=path:msrp://192.0.2.7:7394/abc;tcp\n";
    sdp(PHONE, &format!("{message}{lines}"))
}

#[test]
fn the_screen_is_answered_in_the_right_role() {
    let wish = |setup| LocalMedia { screen: Some(screen(setup)), ..local() };
    let roles = |offered: &str, preferred| {
        let offer = screen_offer(&format!("a=accept-types:message/cpim\n{offered}"));
        let (ours, agreed) = answer(&offer, &wish(preferred)).expect("an answer");
        let theirs = select(&offer, &ours).expect("an agreement").screen.expect("a screen");
        let agreed = agreed.screen.expect("a screen");
        assert_eq!(agreed.peer.path, "msrp://192.0.2.7:7394/abc;tcp");
        assert_eq!(theirs.peer.path, "msrp://203.0.113.5:2855/s4r7;tcp");
        assert_ne!(agreed.role, theirs.role, "exactly one end connects");
        (agreed.role, ours.media[1].attributes.value("setup").map(str::to_owned))
    };
    let said = |role: &str| Some(role.to_owned());
    assert_eq!(roles("a=setup:active\n", Setup::Passive), (Setup::Passive, said("passive")));
    assert_eq!(roles("a=setup:passive\n", Setup::Passive), (Setup::Active, said("active")));
    assert_eq!(roles("a=setup:actpass\n", Setup::Passive), (Setup::Passive, said("passive")));
    assert_eq!(roles("a=setup:actpass\n", Setup::Active), (Setup::Active, said("active")));
    assert_eq!(roles("", Setup::Active), (Setup::Passive, None));
}

#[test]
fn a_screen_that_cannot_work_is_refused_and_the_call_goes_on() {
    let wish = LocalMedia { screen: Some(screen(Setup::Passive)), ..local() };
    let offers = [
        screen_offer("a=accept-types:text/plain\n"),
        screen_offer(""),
        sdp(PHONE, "m=message 7394 TCP/MSRP *\na=accept-types:message/cpim\n"),
        sdp(PHONE, "m=message 7394 TCP/TLS/MSRP *\na=path:msrps://h:7394/a;tcp\na=accept-types:*\n"),
        sdp(PHONE, "m=message 0 TCP/MSRP *\na=path:msrp://h:7394/a;tcp\na=accept-types:*\n"),
    ];
    for offer in offers {
        let (ours, agreed) = answer(&offer, &wish).expect("an answer");
        assert_eq!((ours.media[1].port, agreed.screen), (0, None), "{offer}");
    }
    let (ours, agreed) = answer(&screen_offer("a=accept-types:*\n"), &local()).expect("an answer");
    assert_eq!((ours.media[1].port, agreed.screen), (0, None), "no screen of ours");
}

#[test]
fn limits_and_types_of_the_peer_are_told() {
    let lines = "a=accept-types:message/cpim text/plain\na=accept-wrapped-types:image/png *\na=max-size:65536\n";
    let wish = LocalMedia { screen: Some(screen(Setup::Passive)), ..local() };
    let (_, agreed) = answer(&screen_offer(lines), &wish).expect("an answer");
    let peer = agreed.screen.expect("a screen").peer;
    assert_eq!(peer.max_size, Some(65536));
    assert_eq!(peer.accept_types, ["message/cpim", "text/plain"]);
    assert_eq!(peer.accept_wrapped_types, ["image/png", "*"]);
    assert_eq!(peer.address, Some("192.0.2.7:7394".parse().expect("an address")));
}

#[test]
fn an_answer_must_mirror_the_offer() {
    let ours = offer(&LocalMedia { screen: Some(screen(Setup::Passive)), ..local() });
    let refused_screen = "m=message 0 TCP/MSRP *\n";
    let of = |streams: &str| select(&ours, &description(streams));
    let good = of(&format!("m=audio 5000 RTP/AVP 8\n{refused_screen}")).expect("an agreement");
    assert_eq!((good.audio.codec, good.screen), (Codec::pcma(), None));
    assert_eq!(of("m=audio 5000 RTP/AVP 8\n"), Err(NegotiationError::Streams));
    assert_eq!(of(&format!("{refused_screen}m=audio 5000 RTP/AVP 8\n")), Err(NegotiationError::Streams));
    assert_eq!(of(&format!("m=audio 0 RTP/AVP 8\n{refused_screen}")), Err(NegotiationError::AudioRefused));
    assert_eq!(of(&format!("m=audio 5000 RTP/AVP 9\n{refused_screen}")), Err(NegotiationError::NoCommonCodec));
    let second = of(&format!("m=audio 5000 RTP/AVP 9 0\n{refused_screen}")).expect("an agreement");
    assert_eq!(second.audio.codec, Codec::pcmu(), "an encoding we did not offer is passed over");
}

#[test]
fn a_later_offer_keeps_every_stream_in_its_place() {
    let first = "m=video 5000 RTP/AVP 31\nm=message 7394 TCP/MSRP *\na=path:msrp://192.0.2.7:7394/abc;tcp\n\
                 a=accept-types:message/cpim\nm=audio 5002 RTP/AVP 8\n";
    let both = LocalMedia { screen: Some(screen(Setup::Passive)), ..local() };
    let (ours, _) = answer(&description(first), &both).expect("an answer");
    let shape = |d: &SessionDescription| d.media.iter().map(|m| (m.kind.clone(), m.port)).collect::<Vec<_>>();
    let row = |kind: &str, port: u16| (kind.to_owned(), port);
    let held = reoffer(&ours, &LocalMedia { direction: Direction::Inactive, screen: None, ..local() });
    assert_eq!(shape(&held), [row("video", 0), row("message", 0), row("audio", 40000)]);
    assert!(held.media[2].attributes.contains("inactive"));
    let resumed = reoffer(&held, &both);
    assert_eq!(shape(&resumed), [row("video", 0), row("message", 2855), row("audio", 40000)]);
    let plain = reoffer(&offer(&local()), &both);
    assert_eq!(shape(&plain), [row("audio", 40000), row("message", 2855)]);
}

mod exchange {
    use super::*;

    fn version(description: &SessionDescription) -> (&str, &str, &str) {
        (&description.origin.username, &description.origin.session_id, &description.origin.version)
    }

    #[test]
    fn versions_rise_with_changes_only() {
        let mut dialog = OfferAnswer::new("tandem", 77);
        let first = dialog.send_offer(offer(&local())).expect("an offer");
        assert_eq!(version(&first), ("tandem", "77", "1"));
        dialog.receive_answer(sdp("m=audio 5000 RTP/AVP 8\n", "")).expect("an answer");
        let refresh = dialog.send_offer(reoffer(&first, &local())).expect("an offer");
        assert_eq!(refresh, first);
        dialog.receive_answer(sdp("m=audio 5000 RTP/AVP 8\n", "")).expect("an answer");
        let hold = LocalMedia { direction: Direction::SendOnly, ..local() };
        let held = dialog.send_offer(reoffer(&first, &hold)).expect("an offer");
        assert_eq!(version(&held).2, "2");
        dialog.withdraw().expect("withdrawn");
        assert_eq!(dialog.local(), Some(&first));
        let again = dialog.send_offer(reoffer(&first, &local())).expect("an offer");
        assert_eq!(version(&again).2, "3", "the peer has seen version 2");
    }

    #[test]
    fn glare_is_named_by_who_is_open() {
        let mut dialog = OfferAnswer::new("-", 1);
        let theirs = || sdp("m=audio 5000 RTP/AVP 8\n", "");
        dialog.send_offer(offer(&local())).expect("an offer");
        assert_eq!(dialog.phase(), Phase::LocalOffer);
        assert_eq!(dialog.receive_offer(theirs()), Err(OfferAnswerError::LocalOfferOpen));
        assert_eq!(dialog.send_offer(offer(&local())), Err(OfferAnswerError::LocalOfferOpen));
        assert_eq!(dialog.send_answer(theirs()), Err(OfferAnswerError::NoOffer));
        dialog.withdraw().expect("withdrawn");
        assert_eq!(dialog.withdraw(), Err(OfferAnswerError::NoOffer));
        assert_eq!(dialog.receive_offer(theirs()), Ok(OfferKind::Changed));
        assert_eq!(dialog.phase(), Phase::RemoteOffer);
        assert_eq!(dialog.receive_offer(theirs()), Err(OfferAnswerError::RemoteOfferOpen));
        assert_eq!(dialog.send_offer(offer(&local())), Err(OfferAnswerError::RemoteOfferOpen));
        assert_eq!(dialog.receive_answer(theirs()), Err(OfferAnswerError::NoOffer));
        assert_eq!(dialog.open_offer(), Some(&theirs()));
        let (ours, _) = answer(&theirs(), &local()).expect("an answer");
        dialog.send_answer(ours).expect("an answer");
        assert_eq!((dialog.phase(), dialog.remote()), (Phase::Idle, Some(&theirs())));
    }

    #[test]
    fn an_early_answer_is_the_answer_and_later_ones_are_ignored() {
        let mut dialog = OfferAnswer::new("-", 1);
        assert_eq!(dialog.receive_answer(offer(&local())), Err(OfferAnswerError::NoOffer));
        dialog.send_offer(offer(&local())).expect("an offer");
        let early = sdp("m=audio 5000 RTP/AVP 8\n", "");
        assert_eq!(dialog.receive_answer(early.clone()), Ok(AnswerKind::Answer));
        let other = sdp("m=audio 5002 RTP/AVP 8\n", "");
        assert_eq!(dialog.receive_answer(other), Ok(AnswerKind::Repeated));
        assert_eq!(dialog.remote(), Some(&early));
    }

    #[test]
    fn a_refresh_is_recognised_and_streams_never_vanish() {
        let mut dialog = OfferAnswer::new("-", 1);
        let two = sdp("m=audio 5000 RTP/AVP 8\n", "m=video 5002 RTP/AVP 31\n");
        dialog.receive_offer(two.clone()).expect("an offer");
        let (ours, _) = answer(&two, &local()).expect("an answer");
        let ours = dialog.send_answer(ours).expect("an answer");
        assert_eq!(dialog.receive_offer(two), Ok(OfferKind::Unchanged));
        assert_eq!(dialog.send_answer(ours.clone()), Ok(ours));
        let one = sdp("m=audio 5000 RTP/AVP 8\n", "");
        assert_eq!(dialog.receive_offer(one.clone()), Err(OfferAnswerError::StreamsDropped));
        assert_eq!(dialog.send_offer(one), Err(OfferAnswerError::StreamsDropped));
        assert_eq!(dialog.phase(), Phase::Idle);
    }
}

proptest! {
    /// Whatever mix of streams and codecs is offered, the answer mirrors it, names offered numbers only, and both ends
    /// conclude the same.
    #[test]
    fn both_ends_conclude_the_same(
        streams in proptest::collection::vec((0..5usize, 0u16..3, proptest::collection::vec(0u8..20, 1..6)), 1..6),
        direction in 0..4usize,
    ) {
        let mut text = String::new();
        for (kind, port, formats) in &streams {
            let (kind, proto) = [("audio", "RTP/AVP"), ("audio", "RTP/SAVP"), ("video", "RTP/AVP"),
                ("message", "TCP/MSRP"), ("audio", "RTP/AVPF")][*kind];
            let formats: Vec<String> = formats.iter().map(u8::to_string).collect();
            text.push_str(&format!("m={kind} {} {proto} {}\n", port * 1000, formats.join(" ")));
            text.push_str(["", "a=sendonly\n", "a=recvonly\n", "a=inactive\n"][direction]);
        }
        let offer = description(&text);
        if let Ok((ours, agreed)) = answer(&offer, &LocalMedia { max_codecs: 3, ..local() }) {
            prop_assert_eq!(ours.media.len(), offer.media.len());
            for (answered, offered) in ours.media.iter().zip(&offer.media) {
                prop_assert_eq!(&answered.kind, &offered.kind);
                prop_assert!(answered.formats.iter().all(|format| offered.formats.contains(format)));
                prop_assert!(offered.port != 0 || answered.port == 0);
            }
            let theirs = select(&offer, &ours).expect("the offerer understands our answer");
            prop_assert!(theirs.audio.codec.same_encoding(&agreed.audio.codec));
            prop_assert_eq!(theirs.audio.direction, agreed.audio.direction.reversed());
        }
    }
}
