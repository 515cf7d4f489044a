//! Client and server against each other, and against what the RFCs print.

use super::*;
use crate::sip::message::{HeaderName, Method, Request, Uri};

const NOW: u64 = 1_700_000_000;

const BOTH: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Md5];

fn server() -> Authenticator {
    Authenticator::new("agency", [7; 32])
}

fn lookup(username: &str) -> Option<Secret> {
    (username == "ann").then(|| Secret::password("s3cret"))
}

fn register() -> Request {
    Request::new(Method::Register, &Uri::parse(b"sip:agency.example").unwrap())
}

fn with(mut request: Request, authorization: &str) -> Request {
    request.headers.push(HeaderName::Authorization, authorization.to_owned());
    request
}

fn attempt<'a>(username: &'a str, secret: &'a Secret, nc: u32) -> Attempt<'a> {
    Attempt { method: "REGISTER", uri: "sip:agency.example", username, secret, body: b"", cnonce: "0a4f113b", nc }
}

fn answered(challenges: &[String], username: &str, password: &str, nc: u32) -> Request {
    let secret = Secret::password(password);
    let value = respond(challenges.iter().map(String::as_str), &attempt(username, &secret, nc)).unwrap();
    with(register(), &value)
}

#[test]
fn the_right_password_is_right_with_either_algorithm() {
    let mut server = server();
    for which in [0, 1] {
        let challenge = &server.challenge(&BOTH, NOW, false)[which..=which];
        let verdict = server.verify(&answered(challenge, "ann", "s3cret", 1), &BOTH, &lookup, NOW + 1);
        assert_eq!(verdict, Verdict::Ok { username: "ann".into() });
    }
}

#[test]
fn sha_256_comes_first_and_is_taken_first() {
    let challenges = server().challenge(&BOTH, NOW, false);
    assert!(challenges[0].contains("algorithm=SHA-256") && challenges[1].contains("algorithm=MD5"));
    assert!(challenges.iter().all(|value| value.contains(r#"qop="auth""#) && !value.contains("stale")));
    let request = answered(&challenges, "ann", "s3cret", 1);
    let credentials = Credentials::parse(request.headers.text(&HeaderName::Authorization).unwrap()).unwrap();
    assert_eq!(credentials.algorithm, Algorithm::Sha256);
    // A client that has only the MD5 hash falls back to MD5.
    let only_md5 = Secret::hashes(Some("0123456789ABCDEF0123456789abcdef"), None);
    let value = respond(challenges.iter().map(String::as_str), &attempt("ann", &only_md5, 1)).unwrap();
    assert_eq!(Credentials::parse(&value).unwrap().algorithm, Algorithm::Md5);
}

#[test]
fn an_algorithm_that_was_not_offered_will_not_do() {
    let mut server = server();
    let challenges = server.challenge(&BOTH, NOW, false);
    let md5 = answered(&challenges[1..], "ann", "s3cret", 1);
    assert_eq!(server.verify(&md5, &[Algorithm::Sha256], &lookup, NOW), Verdict::Bad);
    assert!(matches!(server.verify(&md5, &[Algorithm::Md5], &lookup, NOW), Verdict::Ok { .. }));
}

#[test]
fn wrong_user_password_method_and_resource_are_all_just_bad() {
    let mut server = server();
    let challenges = server.challenge(&BOTH, NOW, false);
    assert_eq!(server.verify(&answered(&challenges, "ann", "guess", 1), &BOTH, &lookup, NOW), Verdict::Bad);
    assert_eq!(server.verify(&answered(&challenges, "bob", "s3cret", 1), &BOTH, &lookup, NOW), Verdict::Bad);
    assert_eq!(server.verify(&answered(&challenges, "bob", "", 1), &BOTH, &lookup, NOW), Verdict::Bad);
    let mut invite = answered(&challenges, "ann", "s3cret", 1);
    invite.method = Method::Invite;
    assert_eq!(server.verify(&invite, &BOTH, &lookup, NOW), Verdict::Bad);
    let mut elsewhere = answered(&challenges, "ann", "s3cret", 1);
    elsewhere.set_uri(&Uri::parse(b"sip:hotels@other.example").unwrap());
    assert_eq!(server.verify(&elsewhere, &BOTH, &lookup, NOW), Verdict::Bad);
    // None of that used the nonce up.
    let verdict = server.verify(&answered(&challenges, "ann", "s3cret", 1), &BOTH, &lookup, NOW);
    assert_eq!(verdict, Verdict::Ok { username: "ann".into() });
}

#[test]
fn an_old_nonce_is_stale_only_for_who_knows_the_password() {
    let mut server = server().with_lifetime(60);
    let challenges = server.challenge(&BOTH, NOW, false);
    let right = answered(&challenges, "ann", "s3cret", 1);
    assert_eq!(server.verify(&right, &BOTH, &lookup, NOW + 61), Verdict::Stale);
    assert_eq!(server.verify(&answered(&challenges, "ann", "guess", 1), &BOTH, &lookup, NOW + 61), Verdict::Bad);
    assert!(matches!(server.verify(&right, &BOTH, &lookup, NOW + 60), Verdict::Ok { .. }));
    let again = server.challenge(&BOTH, NOW + 61, true);
    assert!(again.iter().all(|value| value.contains("stale=true")));
    assert!(Challenge::parse_all(&again[0])[0].stale);
    assert!(matches!(
        server.verify(&answered(&again, "ann", "s3cret", 1), &BOTH, &lookup, NOW + 61),
        Verdict::Ok { .. }
    ));
    // A nonce of a former life of the server: the client need only take a new one.
    let former = Authenticator::new("agency", [8; 32]).challenge(&BOTH, NOW, false);
    assert_eq!(server.verify(&answered(&former, "ann", "s3cret", 1), &BOTH, &lookup, NOW), Verdict::Stale);
}

#[test]
fn a_request_is_accepted_once() {
    let mut server = server();
    let challenges = server.challenge(&BOTH, NOW, false);
    let first = answered(&challenges, "ann", "s3cret", 1);
    assert!(matches!(server.verify(&first, &BOTH, &lookup, NOW), Verdict::Ok { .. }));
    assert_eq!(server.verify(&first, &BOTH, &lookup, NOW), Verdict::Stale);
    assert!(matches!(
        server.verify(&answered(&challenges, "ann", "s3cret", 3), &BOTH, &lookup, NOW),
        Verdict::Ok { .. }
    ));
    assert!(matches!(
        server.verify(&answered(&challenges, "ann", "s3cret", 2), &BOTH, &lookup, NOW),
        Verdict::Ok { .. }
    ));
    assert_eq!(server.verify(&answered(&challenges, "ann", "s3cret", 2), &BOTH, &lookup, NOW), Verdict::Stale);
    // Two clients of the same second do not share a count.
    let other = server.challenge(&BOTH, NOW, false);
    assert!(matches!(server.verify(&answered(&other, "ann", "s3cret", 1), &BOTH, &lookup, NOW), Verdict::Ok { .. }));
}

#[test]
fn a_client_that_does_not_count_uses_a_nonce_once() {
    let mut server = server();
    let md5 = server.challenge(&[Algorithm::Md5], NOW, false).remove(0);
    let old = md5.replace(r#", qop="auth""#, "");
    let request = answered(&[old], "ann", "s3cret", 1);
    assert!(!request.headers.text(&HeaderName::Authorization).unwrap().contains("nc="));
    assert!(matches!(server.verify(&request, &BOTH, &lookup, NOW), Verdict::Ok { .. }));
    assert_eq!(server.verify(&request, &BOTH, &lookup, NOW), Verdict::Stale);
}

#[test]
fn other_schemes_and_realms_are_as_good_as_nothing() {
    let mut server = server();
    assert_eq!(server.verify(&register(), &BOTH, &lookup, NOW), Verdict::Missing);
    let unknown = with(register(), "NoOneKnowsThisScheme opaque-data=here");
    assert_eq!(server.verify(&unknown, &BOTH, &lookup, NOW), Verdict::Missing);
    let foreign = Authenticator::new("elsewhere", [7; 32]).challenge(&BOTH, NOW, false);
    assert_eq!(server.verify(&answered(&foreign, "ann", "s3cret", 1), &BOTH, &lookup, NOW), Verdict::Missing);
    assert_eq!(server.verify(&with(register(), r#"Digest username="ann""#), &BOTH, &lookup, NOW), Verdict::Bad);
    // Ours stands behind another's.
    let challenges = server.challenge(&BOTH, NOW, false);
    let ours = answered(&challenges, "ann", "s3cret", 1);
    let value = ours.headers.text(&HeaderName::Authorization).unwrap().to_owned();
    assert!(matches!(server.verify(&with(unknown, &value), &BOTH, &lookup, NOW), Verdict::Ok { .. }));
    let mut by_proxy = register();
    by_proxy.headers.push(HeaderName::ProxyAuthorization, value);
    assert_eq!(server.verify(&by_proxy, &BOTH, &lookup, NOW), Verdict::Stale, "the same count in the other header");
}

#[test]
fn hashes_serve_like_passwords() {
    let mut server = server();
    let ha1 = Secret::password("s3cret").ha1(Algorithm::Sha256, "ann", "agency").unwrap();
    let stored = |_: &str| Some(Secret::hashes(None, Some(&ha1)));
    let [sha256, md5]: [String; 2] = server.challenge(&BOTH, NOW, false).try_into().unwrap();
    assert!(matches!(server.verify(&answered(&[sha256], "ann", "s3cret", 1), &BOTH, &stored, NOW), Verdict::Ok { .. }));
    assert_eq!(server.verify(&answered(&[md5], "ann", "s3cret", 2), &BOTH, &stored, NOW), Verdict::Bad);
    assert!(!format!("{:?}", Secret::password("s3cret")).contains("s3cret"));
}

#[test]
fn a_client_prints_what_rfc_2617_prints() {
    let challenge = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
                     nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
    let secret = Secret::password("Circle Of Life");
    let attempt = Attempt { method: "GET", uri: "/dir/index.html", ..attempt("Mufasa", &secret, 1) };
    let value = respond([challenge], &attempt).unwrap();
    let credentials = Credentials::parse(&value).unwrap();
    assert_eq!(credentials.response, "6629fae49393a05397450978507c4ef1");
    assert_eq!(credentials.opaque.as_deref(), Some("5ccc069c403ebaf9f0171e9517f40e41"));
    assert!(value.contains("qop=auth, nc=00000001, cnonce=\"0a4f113b\""), "{value}");
}

#[test]
fn a_client_protects_the_body_where_only_that_is_offered() {
    let challenge = r#"Digest realm="r", nonce="n", qop="auth-int", algorithm=SHA-256"#;
    let secret = Secret::password("p");
    let answer = |body: &'static [u8]| respond([challenge], &Attempt { body, ..attempt("u", &secret, 1) }).unwrap();
    assert!(answer(b"x").contains("qop=auth-int"));
    assert_ne!(answer(b"x"), answer(b"y"));
}

#[test]
fn a_client_says_so_when_it_can_answer_nothing() {
    let secret = Secret::password("p");
    let challenges = [r#"Basic realm="x""#, r#"Digest realm="x", nonce="y", algorithm=SHA-512-256"#, "junk"];
    assert_eq!(respond(challenges, &attempt("u", &secret, 1)), None);
}
