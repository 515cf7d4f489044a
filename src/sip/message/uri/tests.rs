use super::*;

fn uri(text: &str) -> Uri {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn takes_a_sip_uri_apart_and_prints_it_as_written() {
    let text = "SIP:al%69ce;x=1:secret@Example.COM:5070;transport=TCP;%6Cr;n%61me=v%25?Subject=a%20b&x=";
    let u = uri(text);
    assert_eq!(u.to_string(), text);
    assert_eq!(
        (u.scheme(), u.user(), u.user_decoded().as_deref()),
        (Scheme::Sip, Some("al%69ce;x=1"), Some("alice;x=1"))
    );
    assert_eq!((u.host().map(ToString::to_string).as_deref(), u.port()), (Some("Example.COM"), Some(5070)));
    assert_eq!(
        (u.param("Transport"), u.param("lr"), u.param("name"), u.param("x")),
        (Some(Some("TCP")), Some(None), Some(Some("v%25")), None)
    );
    assert_eq!((u.has_headers(), u.headers()), (true, Some("Subject=a%20b&x=")));
}

#[test]
fn tel_and_other_schemes() {
    let u = uri("tel:+1-555-(0100);phone-context=x");
    assert_eq!((u.scheme(), u.user(), u.host()), (Scheme::Tel, None, None));
    assert_eq!(u.tel_number().as_deref(), Some("+15550100"));
    assert_eq!(uri("sip:+1-555;ext=1@gw;user=phone").tel_number().as_deref(), Some("+1555"));
    assert_eq!(uri("sip:+1555@gw").tel_number(), None);
    let u = uri("urn:gsma:imei:90420156-025763-0");
    assert_eq!((u.scheme(), u.opaque()), (Scheme::Other, "gsma:imei:90420156-025763-0"));
}

#[test]
fn refuses_what_is_no_uri() {
    for bad in [
        "",
        "sip:",
        "sip",
        ":x",
        "sip:@h",
        "sip:u@",
        "sip:u@h:",
        "sip:u@h:65536",
        "sip:u@h:5060x",
        "sip:u@h;",
        "sip:u@h;;lr",
        "sip:u@h;a=",
        "sip:u v@h",
        "sip:u@h;a b",
        "sip:u%4@h",
        "sip:u@h?x",
        "sip:u@a@b",
        "sip:u@[::1",
        "sip:2001:db8::1",
        "sip:u@h\r\nX: y",
        "sip:\u{e9}@h",
        "<sip:u@h>",
        "tel:",
        "tel:+",
        "tel:abcx",
        "tel:+12a",
        "tel:1;",
        "1sip:x",
        "urn:a b",
    ] {
        assert!(Uri::parse(bad.as_bytes()).is_err(), "{bad:?}");
    }
}

/// RFC 3261 §19.1.4 gives these as examples.
#[test]
fn equivalence_follows_the_rfc() {
    for (a, b) in [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("tel:+1-555", "tel:+1555"),
    ] {
        assert!(uri(a).equivalent(&uri(b)) && uri(b).equivalent(&uri(a)), "{a} {b}");
    }
    for (a, b) in [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com;transport=udp", "sip:bob@biloxi.com;transport=tcp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;user=phone"),
        ("sip:carol@chicago.com?Subject=next%20meeting", "sip:carol@chicago.com"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:a%3Ab@h", "sip:a:b@h"),
        ("sip:a@h", "sips:a@h"),
        ("sip:%00@h", "sip:%00%00@h"),
    ] {
        assert!(!uri(a).equivalent(&uri(b)) && !uri(b).equivalent(&uri(a)), "{a} {b}");
    }
}

#[test]
fn constructors_cannot_write_a_broken_uri() {
    assert_eq!(Uri::sip(Some("flights"), "example.com", Some(5060)).as_str(), "sip:flights@example.com:5060");
    assert_eq!(Uri::sip(None, "2001:db8::1", None).as_str(), "sip:[2001:db8::1]");
    assert_eq!(Uri::sip(Some("a@b\r\nX: y"), "h", None).as_str(), "sip:a%40b%0D%0AX%3A%20y@h");
    assert_eq!(Uri::sip(Some("u"), "h\r\nX", None).as_str(), "sip:u@invalid.invalid");
    assert_eq!(Uri::tel("+1 555\r\n").as_str(), "tel:+1555");
    assert_eq!(Uri::tel("nobody").scheme(), Scheme::Sip, "a URI that routes nowhere");
    let u = uri("sip:u@h;lr;x=1?Subject=s");
    assert_eq!(u.with_param("X", Some("a b")).as_str(), "sip:u@h;lr;X=a%20b?Subject=s");
    assert_eq!(uri("sip:u@h").with_param("ob", None).as_str(), "sip:u@h;ob");
}

/// A second opinion on well-formed URIs, from an implementation that is not ours.
#[test]
fn rsip_reads_the_same() {
    for text in
        ["sip:alice@example.com", "sip:alice@example.com:5070", "sips:ab@192.0.2.1;transport=tcp", "sip:example.com;lr"]
    {
        let theirs = rsip::Uri::try_from(text).expect("rsip reads well-formed URIs");
        let ours = uri(text);
        assert_eq!(ours.user(), theirs.user(), "{text}");
        assert_eq!(ours.host().map(ToString::to_string), Some(theirs.host().to_string()), "{text}");
        assert_eq!(ours.port(), theirs.port().map(|port| *port.value()), "{text}");
        assert_eq!(ours.params().count(), theirs.params.len(), "{text}");
    }
}
