//! Values and messages through the public door. The torture messages are in `tests/torture_parser.rs`.

use super::*;
use crate::sip::Transport;

fn request(text: &str) -> Request {
    match Message::parse_datagram(Bytes::copy_from_slice(text.as_bytes())) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

const OPTIONS: &str = "OPTIONS sip:h.example SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa, SIP/2.0/TCP h2\r\n\
Via: SIP/2.0/UDP 192.0.2.3\r\nf: <sip:a@b>;tag=1\r\nTo: \"B, C\" <sip:c@d>\r\nCall-ID: x\r\nCSeq: 7 OPTIONS\r\n\
Supported: timer,\r\n 100rel , ,path\r\nTimestamp: 54\r\nContact: \"x, y\" <sip:u@h,x>, <sip:v@h>;q=0.5\r\nl: 0\r\n\r\n";

#[test]
fn values_are_split_outside_quotes_and_brackets() {
    let headers = request(OPTIONS).headers;
    let supported: Vec<_> = headers.values(&HeaderName::Supported).collect();
    assert_eq!(supported, [&b"timer"[..], b"100rel", b"path"]);
    assert_eq!(headers.text(&HeaderName::Supported), Some("timer, 100rel , ,path"), "unfolded");
    assert!(headers.has_token(&HeaderName::Supported, "TIMER") && !headers.has_token(&HeaderName::Supported, "time"));
    assert_eq!(headers.values(&HeaderName::Contact).count(), 2);
    assert_eq!(headers.values(&HeaderName::To).count(), 1, "no list: never split");
    assert_eq!(headers.vias().map(|vias| vias.len()), Ok(3));
}

#[test]
fn a_hop_pops_its_via_value_not_the_line() {
    let mut headers = request(OPTIONS).headers;
    let mut popped = Vec::new();
    while let Some(value) = headers.remove_first_value(&HeaderName::Via) {
        popped.push(Via::parse(&value).expect("Via").host.to_string());
    }
    assert_eq!(popped, ["192.0.2.1", "h2", "192.0.2.3"]);
    assert_eq!(headers.all(&HeaderName::Via).count(), 0);
}

#[test]
fn setters_keep_order_and_spelling_of_the_rest() {
    let mut request = request(OPTIONS);
    request.headers.push_front(HeaderName::Via, "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKb");
    request.headers.set(HeaderName::Timestamp, "55");
    assert_eq!(request.headers.remove(&HeaderName::Contact), 1);
    request.body = Bytes::from_static(b"hi");
    let expected = OPTIONS
        .replacen("v: ", "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKb\r\nv: ", 1)
        .replace("Timestamp: 54", "Timestamp: 55")
        .replace("Contact: \"x, y\" <sip:u@h,x>, <sip:v@h>;q=0.5\r\n", "")
        .replace("l: 0\r\n\r\n", "Content-Length: 2\r\n\r\nhi");
    assert_eq!(request.to_bytes(), expected);
}

#[test]
fn set_replaces_all_by_one_at_the_first_place() {
    let mut request = request(OPTIONS);
    request.headers.set(HeaderName::Via, "SIP/2.0/UDP h9");
    assert_eq!(request.headers.values(&HeaderName::Via).count(), 1);
    assert_eq!(request.headers.iter().next().map(|first| first.value()), Some(&b"SIP/2.0/UDP h9"[..]));
    assert_eq!(request.headers.len(), 9);
}

#[test]
fn every_change_of_a_public_field_reaches_the_wire() {
    let original = request(OPTIONS);
    assert_eq!(original.to_bytes(), OPTIONS);
    let mut changed = original.clone();
    changed.method = Method::Info;
    assert!(changed.to_bytes().starts_with(b"INFO sip:h.example SIP/2.0\r\n"));
    let mut changed = original.clone();
    changed.set_uri(&Uri::sip(Some("u"), "other.example", None));
    assert!(changed.to_bytes().starts_with(b"OPTIONS sip:u@other.example SIP/2.0\r\n"));
    let mut response = match Message::parse_datagram(Bytes::from_static(b"SIP/2.0 200 OK\r\nl: 2\r\n\r\nhi")) {
        Ok(Message::Response(response)) => response,
        other => panic!("{other:?}"),
    };
    response.status = 299;
    assert!(response.to_bytes().starts_with(b"SIP/2.0 299 OK\r\n"));
    response.status = 200;
    response.body = response.body.slice(1..);
    assert!(response.to_bytes().ends_with(b"Content-Length: 1\r\n\r\ni"), "a tail of the same buffer is another body");
}

#[test]
fn nothing_we_write_can_start_a_line_of_its_own() {
    let evil = "x\r\nEvil: 1\r\n\r\n\0";
    let uri = Uri::sip(Some(evil), "h.example", None);
    let mut request = Request::new(Method::Other(evil.into()), &uri);
    let mut address = NameAddr::new(uri);
    address.display = Some(DisplayName::new(evil));
    address.set_tag(evil);
    address.params.set(evil, Some(evil));
    request.headers.push(HeaderName::From, address.to_string());
    request.headers.push(HeaderName::To, address.to_bytes());
    request.headers.push(HeaderName::Other(evil.into()), evil);
    let mut via = Via::new(Transport::Udp, ([192, 0, 2, 1], 5060).into(), evil);
    via.transport = evil.into();
    request.headers.push_front(HeaderName::Via, via.to_string());
    let out = request.to_bytes();
    let text = String::from_utf8(out.to_vec()).expect("text");
    assert_eq!(text.matches("\r\n").count(), 1 + request.headers.len() + 1 + 1, "{text}");
    let mut response = Response::with_reason(200, evil);
    response.headers.push(HeaderName::Subject, evil);
    let out = response.to_bytes();
    let lines = memchr::memmem::find_iter(&out, b"\r\n").count();
    assert_eq!(lines, 4, "status line, Subject, Content-Length, empty line");
}

#[test]
fn a_response_copies_what_the_rfc_says() {
    let response = Response::for_request(&request(OPTIONS), 100);
    let names: Vec<_> = response.headers.iter().map(|header| header.name().as_str().to_owned()).collect();
    assert_eq!(names, ["Via", "Via", "From", "To", "Call-ID", "CSeq", "Timestamp"]);
    assert_eq!((response.reason().as_ref(), response.cseq()), ("Trying", Ok(CSeq::new(7, Method::Options))));
    assert!(Response::for_request(&request(OPTIONS), 200).headers.get(&HeaderName::Timestamp).is_none());
}

#[test]
fn name_addr_forms() {
    let a = NameAddr::parse(br#""J \"R\" \\" <sip:j@h;lr> ; tag = 98 ;+sip.instance="<urn:gsma:imei:1>";lr"#).unwrap();
    assert_eq!(a.display.as_ref().map(|d| d.text().into_owned()).as_deref(), Some(r#"J "R" \"#));
    assert_eq!((a.tag(), a.params.get("lr"), a.params.get("x")), (Some("98"), Some(None), None));
    assert_eq!(a.params.value("+SIP.instance"), Some("<urn:gsma:imei:1>"));
    assert_eq!(a.to_string(), r#""J \"R\" \\" <sip:j@h;lr>;tag=98;+sip.instance="<urn:gsma:imei:1>";lr"#);
    let bare = NameAddr::parse(b"sip:a@b;tag=x").unwrap();
    assert_eq!((bare.uri.as_str(), bare.tag(), bare.display.as_ref()), ("sip:a@b", Some("x"), None));
    let words = NameAddr::parse(b"The Front  Desk<sip:a@b>").unwrap();
    assert_eq!(words.display.map(|d| d.text().into_owned()).as_deref(), Some("The Front  Desk"));
    for bad in [
        &b""[..],
        b"<sip:a@b",
        b"\"x\" sip:a@b",
        b"<sip:a@b> x",
        b"<sip:a@b>;",
        b"<sip:a@b>;t=",
        b"a,b <sip:a@b>",
        b"<>",
    ] {
        assert!(NameAddr::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn parameters_are_quoted_when_they_must_be() {
    let mut params = Params::new();
    params.set("a", None);
    params.set("b", Some("x y\"z"));
    params.set("A", Some("1"));
    assert_eq!(params.to_string(), r#";A=1;b="x y\"z""#);
    assert_eq!(params.get("B"), Some(Some("x y\"z")));
    assert!(params.remove("a") && !params.remove("a"));
    assert_eq!(params.len(), 1);
}

#[test]
fn via_forms() {
    let via = Via::parse(b"SIP / 2.0 / udp  h.example : 5070 ; branch=z9hG4bKx;rport;received=[2001:db8::1]").unwrap();
    assert_eq!(
        (via.known_transport(), via.branch(), via.rport()),
        (Some(Transport::Udp), Some("z9hG4bKx"), Some(None))
    );
    assert_eq!(via.received(), "2001:db8::1".parse().ok());
    assert_eq!((via.host_port().0.to_string().as_str(), via.host_port().1), ("h.example", 5070));
    let mut ours = Via::new(Transport::Tcp, ([192, 0, 2, 1], 5060).into(), "z9hG4bKy");
    assert_eq!(ours.to_string(), "SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bKy;rport");
    ours.set_param("rport", Some("4000"));
    assert_eq!((ours.rport(), Via::parse(b"SIP/2.0/TLS h").unwrap().host_port().1), (Some(Some(4000)), 5061));
    for bad in [
        &b""[..],
        b"SIP/2.0/UDP",
        b"SIP/2.0/UDPh",
        b"SIP/3.0/UDP h",
        b"SIP/2.0/UDP h:",
        b"SIP/2.0/UDP h:99999",
        b"SIP/2.0/UDP h x",
    ] {
        assert!(Via::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn numbers_and_the_star() {
    let with = |header: &str| request(&OPTIONS.replacen("Timestamp: 54", header, 1)).headers;
    assert_eq!(with("Expires: 99999999999999999999").expires(), Ok(Some(u32::MAX)));
    assert!(with("Expires: soon").expires().is_err());
    assert_eq!(with("Max-Forwards: 0068").max_forwards(), Ok(Some(68)));
    assert!(with("Max-Forwards: 256").max_forwards().is_err());
    let star = |value: &str| request(&OPTIONS.replace("\"x, y\" <sip:u@h,x>, <sip:v@h>;q=0.5", value)).contacts();
    assert_eq!(star("*"), Ok(ContactList::Star));
    assert!(star("*, <sip:a@b>").is_err());
    assert_eq!(NameAddr::parse(b"<sip:a@b>;expires=x").map(|a| a.expires()), Ok(Some(3600)));
}
