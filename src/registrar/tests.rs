//! What a REGISTER does, through the public door, in virtual time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::sip::message::Uri;
use crate::sip::{ConnectionId, Flow, Transport};

const ALICE: &str = "alice@tandem.example";
const IMEI: &str = "urn:gsma:imei:90420156-025763-0";

const LIMITS: RegistrarLimits = RegistrarLimits {
    min_expires_s: 60,
    max_expires_s: 7200,
    default_expires_s: 3600,
    max_bindings: 3,
    max_addresses: 2,
};

fn flow(connection: Option<u64>) -> Flow {
    Flow {
        transport: if connection.is_some() { Transport::Tcp } else { Transport::Udp },
        local: ([203, 0, 113, 5], 5060).into(),
        remote: ([192, 0, 2, 7], 40000).into(),
        connection: connection.map(ConnectionId),
    }
}

fn contact(uri: &str) -> ContactUpdate {
    let uri = uri.parse::<Uri>().expect("a URI");
    ContactUpdate { uri, instance: None, reg_id: None, q: 1000, expires_s: None }
}

fn device(uri: &str, instance: &str, reg_id: Option<u32>) -> ContactUpdate {
    ContactUpdate { instance: Some(instance.to_owned()), reg_id, ..contact(uri) }
}

fn expiring(expires_s: u32, contact: ContactUpdate) -> ContactUpdate {
    ContactUpdate { expires_s: Some(expires_s), ..contact }
}

fn request(call_id: &str, cseq: u32, contacts: Vec<ContactUpdate>) -> Update {
    Update {
        contacts,
        star: false,
        default_expires_s: None,
        call_id: call_id.to_owned(),
        cseq,
        flow: flow(None),
        user_agent: Some("baresip".to_owned()),
        path: Vec::new(),
    }
}

fn star(call_id: &str, cseq: u32, expires_s: Option<u32>) -> Update {
    Update { star: true, default_expires_s: expires_s, ..request(call_id, cseq, vec![]) }
}

struct Bench {
    registrar: Registrar,
    start: Instant,
}

impl Bench {
    fn new() -> Self {
        Bench { registrar: Registrar::new(LIMITS), start: Instant::now() }
    }

    fn time(&self, at: u64) -> Instant {
        self.start + Duration::from_secs(at)
    }

    /// Registers Alice at `at` seconds: the contacts that the answer lists, with their seconds.
    fn alice(&mut self, at: u64, update: Update) -> Result<Vec<(String, u32)>, RegisterError> {
        let now = self.time(at);
        let listed = self.registrar.register(ALICE, update, now)?;
        Ok(listed.into_iter().map(|r| (r.binding.uri.to_string(), r.remaining_s)).collect())
    }

    fn contacts(&self, at: u64) -> Vec<String> {
        self.registrar.lookup(ALICE, self.time(at)).iter().map(|binding| binding.uri.to_string()).collect()
    }

    fn events(&mut self) -> Vec<RegistrarEvent> {
        std::iter::from_fn(|| self.registrar.poll_output()).collect()
    }
}

fn bound() -> RegistrarEvent {
    RegistrarEvent::Bound { aor: ALICE.to_owned() }
}

fn unbound() -> RegistrarEvent {
    RegistrarEvent::Unbound { aor: ALICE.to_owned() }
}

fn row(uri: &str, seconds: u32) -> (String, u32) {
    (uri.to_owned(), seconds)
}

#[test]
fn bind_refresh_ask_and_unregister() {
    let mut b = Bench::new();
    assert_eq!(
        b.alice(0, request("c", 1, vec![contact("sip:alice@192.0.2.7")])),
        Ok(vec![row("sip:alice@192.0.2.7", 3600)])
    );
    assert_eq!(b.events(), [bound()]);
    assert_eq!(b.alice(100, request("x", 9, vec![])), Ok(vec![row("sip:alice@192.0.2.7", 3500)]), "a question");
    assert_eq!(
        b.alice(200, request("c", 2, vec![contact("sip:alice@192.0.2.7")])),
        Ok(vec![row("sip:alice@192.0.2.7", 3600)])
    );
    assert_eq!(b.alice(300, request("c", 3, vec![expiring(0, contact("sip:alice@192.0.2.7"))])), Ok(vec![]));
    assert_eq!(b.events(), [unbound()]);
    assert!(b.registrar.is_empty());
    assert_eq!(b.registrar.poll_timeout(), None);
}

#[test]
fn the_expiry_is_the_contacts_else_the_headers_else_the_default() {
    let mut b = Bench::new();
    let header = |contacts| Update { default_expires_s: Some(120), ..request("c", 1, contacts) };
    let both = vec![expiring(90, contact("sip:a@h1")), contact("sip:a@h2")];
    let listed = b.alice(0, header(both)).expect("bound");
    assert_eq!(listed, [row("sip:a@h2", 120), row("sip:a@h1", 90)]);
    assert_eq!(b.alice(0, request("d", 1, vec![expiring(u32::MAX, contact("sip:a@h3"))])).expect("bound")[0].1, 7200);
    assert_eq!(
        b.alice(0, request("d", 2, vec![expiring(59, contact("sip:a@h3"))])),
        Err(RegisterError::TooBrief { min_s: 60 })
    );
    assert_eq!(b.alice(0, request("d", 2, vec![expiring(60, contact("sip:a@h3"))])).map(|l| l.len()), Ok(3));
}

#[test]
fn an_hour_is_never_too_brief() {
    let strict = RegistrarLimits { min_expires_s: 7200, ..LIMITS };
    let mut b = Bench { registrar: Registrar::new(strict), ..Bench::new() };
    assert_eq!(
        b.alice(0, request("c", 1, vec![expiring(3599, contact("sip:a@h"))])),
        Err(RegisterError::TooBrief { min_s: 7200 })
    );
    assert_eq!(b.alice(0, request("c", 2, vec![expiring(3600, contact("sip:a@h"))])), Ok(vec![row("sip:a@h", 3600)]));
}

#[test]
fn old_requests_change_nothing() {
    let mut b = Bench::new();
    b.alice(0, request("c", 5, vec![contact("sip:a@h1")])).expect("bound");
    for cseq in [4, 5] {
        assert_eq!(
            b.alice(1, request("c", cseq, vec![expiring(0, contact("sip:a@h1"))])),
            Err(RegisterError::OutOfOrder)
        );
        assert_eq!(b.alice(1, star("c", cseq, Some(0))), Err(RegisterError::OutOfOrder));
    }
    let half = vec![contact("sip:a@new"), expiring(0, contact("sip:a@h1"))];
    assert_eq!(b.alice(2, request("c", 5, half)), Err(RegisterError::OutOfOrder));
    assert_eq!(b.contacts(2), ["sip:a@h1"], "all or nothing");
    assert_eq!(b.alice(3, request("after-reboot", 1, vec![contact("sip:a@h1")])), Ok(vec![row("sip:a@h1", 3600)]));
}

#[test]
fn star_clears_and_only_with_expires_0_and_alone() {
    let mut b = Bench::new();
    b.alice(0, request("c", 1, vec![contact("sip:a@h1"), contact("sip:a@h2")])).expect("bound");
    assert_eq!(b.alice(1, star("c", 2, None)), Err(RegisterError::StarNeedsZero));
    assert_eq!(b.alice(1, star("c", 2, Some(60))), Err(RegisterError::StarNeedsZero));
    let mixed = Update { contacts: vec![contact("sip:a@h3")], ..star("c", 2, Some(0)) };
    assert_eq!(b.alice(1, mixed), Err(RegisterError::StarNeedsZero));
    assert_eq!(b.contacts(1).len(), 2);
    assert_eq!(b.alice(1, star("c", 2, Some(0))), Ok(vec![]));
    assert_eq!(b.events(), [bound(), unbound()]);
    assert_eq!(b.alice(2, star("c", 3, Some(0))), Ok(vec![]), "nothing to clear is fine");
    assert_eq!(b.events(), []);
}

#[test]
fn contacts_are_compared_by_the_rules_of_uris() {
    let mut b = Bench::new();
    b.alice(0, request("c", 1, vec![contact("sip:%61lice@Host.Example;transport=udp")])).expect("bound");
    let listed = b.alice(1, request("c", 2, vec![contact("sip:alice@host.example;transport=UDP")])).expect("bound");
    assert_eq!(listed, [row("sip:alice@host.example;transport=UDP", 3600)]);
    assert_eq!(b.alice(2, request("c", 3, vec![contact("sip:alice@host.example:5060")])).map(|l| l.len()), Ok(2));
    assert_eq!(b.alice(3, request("c", 4, vec![contact("sip:Alice@host.example:5060")])).map(|l| l.len()), Ok(3));
    let twice = vec![contact("sip:twin@h"), expiring(90, contact("sip:twin@h"))];
    b.alice(4, star("c", 5, Some(0))).expect("cleared");
    assert_eq!(b.alice(4, request("c", 6, twice)), Ok(vec![row("sip:twin@h", 90)]), "the last one counts");
}

#[test]
fn a_device_replaces_itself_wherever_it_moved() {
    let mut b = Bench::new();
    b.alice(0, request("c", 1, vec![device("sip:a@192.0.2.7:1000", IMEI, None)])).expect("bound");
    b.alice(0, request("o", 1, vec![device("sip:a@192.0.2.8", "urn:uuid:1", None)])).expect("bound");
    let moved = request(
        "rebooted",
        1,
        vec![device("sip:a@198.51.100.9:2000", &format!("\"<{}>\"", IMEI.to_uppercase()), None)],
    );
    let listed = b.alice(5, moved).expect("bound");
    assert_eq!(listed, [row("sip:a@198.51.100.9:2000", 3600), row("sip:a@192.0.2.8", 3595)]);
    let found = b.registrar.by_instance(&format!("<{IMEI}>"), b.time(5));
    assert_eq!(
        found.iter().map(|(aor, b)| (*aor, b.uri.to_string())).collect::<Vec<_>>(),
        [(ALICE, "sip:a@198.51.100.9:2000".to_owned())]
    );
    assert!(b.registrar.by_instance(IMEI, b.time(3605)).is_empty(), "lapsed");
    assert!(b.registrar.by_instance("urn:gsma:imei:90420156", b.time(5)).is_empty(), "a prefix is not the device");
    let stale = request("rebooted", 1, vec![expiring(0, device("sip:elsewhere", IMEI, None))]);
    assert_eq!(b.alice(6, stale), Err(RegisterError::OutOfOrder));
}

#[test]
fn flows_of_one_device_stand_side_by_side() {
    let mut b = Bench::new();
    let over = |connection, cseq, reg_id| {
        let contacts = vec![device("sip:a@192.0.2.7;ob", IMEI, Some(reg_id))];
        Update { flow: flow(Some(connection)), ..request("c", cseq, contacts) }
    };
    b.alice(0, over(1, 1, 1)).expect("bound");
    assert_eq!(b.alice(0, over(2, 2, 2)).map(|l| l.len()), Ok(2), "the same URI, another flow");
    assert_eq!(b.alice(1, over(3, 3, 2)).map(|l| l.len()), Ok(2), "flow 2 is re-established");
    assert_eq!(b.registrar.remove_flow(&flow(Some(2))), 0, "nobody is on the old connection");
    assert_eq!(b.registrar.remove_flow(&flow(Some(3))), 1);
    assert_eq!(b.events(), [bound()]);
    assert_eq!(b.registrar.remove_flow(&flow(Some(1))), 1);
    assert_eq!(b.events(), [unbound()]);
    assert!(b.registrar.is_empty());
}

#[test]
fn the_best_and_then_the_latest_comes_first() {
    let mut b = Bench::new();
    let quality = |q, uri| ContactUpdate { q, ..contact(uri) };
    b.alice(0, request("1", 1, vec![quality(500, "sip:half@h")])).expect("bound");
    b.alice(0, request("2", 1, vec![quality(1000, "sip:old@h")])).expect("bound");
    b.alice(0, request("3", 1, vec![quality(u16::MAX, "sip:new@h")])).expect("bound");
    assert_eq!(b.contacts(0), ["sip:new@h", "sip:old@h", "sip:half@h"]);
    b.alice(1, request("2", 2, vec![quality(1000, "sip:old@h")])).expect("bound");
    assert_eq!(b.contacts(1), ["sip:old@h", "sip:new@h", "sip:half@h"]);
}

#[test]
fn bindings_lapse_one_by_one() {
    let mut b = Bench::new();
    b.alice(0, request("c", 1, vec![expiring(60, contact("sip:a@h1")), expiring(90, contact("sip:a@h2"))]))
        .expect("bound");
    assert_eq!(b.registrar.poll_timeout(), Some(b.time(60)));
    assert_eq!(b.contacts(60), ["sip:a@h2"], "lapsed bindings are not found, even before the timer ran");
    b.registrar.handle_timeout(b.time(60));
    assert_eq!((b.registrar.poll_timeout(), b.events()), (Some(b.time(90)), vec![bound()]));
    b.registrar.handle_timeout(b.time(1000));
    assert_eq!((b.registrar.poll_timeout(), b.events()), (None, vec![unbound()]));
    assert_eq!(b.registrar.len(), 0);
}

#[test]
fn a_lapsed_binding_orders_nothing() {
    let mut b = Bench::new();
    b.alice(0, request("c", 7, vec![expiring(60, contact("sip:a@h1"))])).expect("bound");
    assert_eq!(b.alice(61, request("c", 1, vec![contact("sip:a@h1")])), Ok(vec![row("sip:a@h1", 3600)]));
    assert_eq!(b.events(), [bound()], "it never stood unbound: no timer ran between");
}

#[test]
fn numbers_are_bounded() {
    let mut b = Bench::new();
    let four = (1..=4).map(|n| contact(&format!("sip:a@h{n}"))).collect();
    assert_eq!(b.alice(0, request("c", 1, four)), Err(RegisterError::TooMany));
    assert!(b.registrar.is_empty());
    let three = (1..=3).map(|n| contact(&format!("sip:a@h{n}"))).collect();
    assert_eq!(b.alice(0, request("c", 2, three)).map(|l| l.len()), Ok(3));
    assert_eq!(b.alice(1, request("c", 3, vec![contact("sip:a@h4")])), Err(RegisterError::TooMany));
    let swap = vec![expiring(0, contact("sip:a@h1")), contact("sip:a@h4")];
    assert_eq!(b.alice(1, request("c", 4, swap)).map(|l| l.len()), Ok(3));
    let now = b.time(2);
    b.registrar.register("bob@tandem.example", request("b", 1, vec![contact("sip:b@h")]), now).expect("bound");
    let third = b.registrar.register("carol@tandem.example", request("c", 1, vec![contact("sip:c@h")]), now);
    assert_eq!(third.map(|l| l.len()), Err(RegisterError::TooMany));
    let asks = b.registrar.register("carol@tandem.example", request("c", 2, vec![]), now);
    assert_eq!(asks.map(|l| l.len()), Ok(0), "a question takes no room");
}

#[test]
fn addresses_of_record_are_canonical() {
    let canonical = |text: &str| address_of_record(&text.parse::<Uri>().expect("a URI"));
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(canonical("sip:%61lice@Tandem.Example:5080;transport=tcp"), some(ALICE));
    assert_eq!(canonical("sips:Alice@tandem.example"), some("Alice@tandem.example"), "users are case-sensitive");
    assert_eq!(canonical("sip:[2001:DB8:0::1]:5060"), some("[2001:db8::1]"));
    assert_eq!(canonical("sip:a@192.0.2.1"), some("a@192.0.2.1"));
    assert_eq!(canonical("tel:+861012345"), None);
    assert_eq!(canonical_instance(" \"<URN:UUID:AB>\" "), "urn:uuid:ab");
}

proptest! {
    /// Against a plain model (one device, one URI, fresh CSeq each time): the same contacts are found, events
    /// alternate, and nothing is left when everything lapsed.
    #[test]
    fn it_agrees_with_a_model(
        steps in proptest::collection::vec((0u64..100, 0usize..6, 0u32..3, any::<bool>()), 1..60),
    ) {
        let mut registrar = Registrar::new(RegistrarLimits { max_bindings: 6, ..LIMITS });
        let start = Instant::now();
        let (mut at, mut cseq) = (0, 0);
        let mut model: BTreeMap<usize, u64> = BTreeMap::new();
        let mut bound = false;
        for (wait, host, expires, tick) in steps {
            at += wait;
            cseq += 1;
            let now = start + Duration::from_secs(at);
            if tick {
                registrar.handle_timeout(now);
            }
            let expires_s = expires * 60;
            let contact = expiring(expires_s, contact(&format!("sip:a@h{host}")));
            registrar.register(ALICE, request("c", cseq, vec![contact]), now).expect("in order and within limits");
            model.retain(|_, expires_at| *expires_at > at);
            model.remove(&host);
            if expires_s > 0 {
                model.insert(host, at + u64::from(expires_s));
            }
            let mut found: Vec<String> = registrar.lookup(ALICE, now).iter().map(|b| b.uri.to_string()).collect();
            found.sort();
            prop_assert_eq!(found, model.keys().map(|host| format!("sip:a@h{host}")).collect::<Vec<_>>());
            let first = model.values().min().map(|first| start + Duration::from_secs(*first));
            prop_assert_eq!(registrar.poll_timeout(), first);
            while let Some(event) = registrar.poll_output() {
                let now_bound = matches!(event, RegistrarEvent::Bound { .. });
                prop_assert_ne!(now_bound, bound);
                bound = now_bound;
            }
            prop_assert_eq!(bound, !model.is_empty());
        }
        registrar.handle_timeout(start + Duration::from_secs(at + 10_000));
        prop_assert!(registrar.is_empty() && registrar.poll_timeout().is_none());
        prop_assert_eq!(registrar.remove_flow(&flow(None)), 0);
    }
}
