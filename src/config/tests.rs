use super::document::field_names;
use super::*;

/// The shipped files with one replacement in `config.toml`, which must be there.
fn edited(from: &str, to: &str) -> Sources {
    let mut sources = Sources::shipped();
    assert!(sources.config.text.contains(from), "config.toml has no {from:?}");
    sources.config.text = sources.config.text.replacen(from, to, 1);
    sources
}

fn faults(sources: &Sources) -> Vec<String> {
    match resolve(sources, &|_| None) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.0.iter().map(ToString::to_string).collect(),
    }
}

/// The only fault of an edited file, without its position.
#[track_caller]
fn fault(from: &str, to: &str) -> String {
    let faults = faults(&edited(from, to));
    assert_eq!(faults.len(), 1, "{faults:#?}");
    faults[0].splitn(4, ':').last().unwrap_or_default().trim().to_owned()
}

#[test]
fn the_shipped_files_are_valid_and_their_numbers_are_the_defaults() {
    let config = Config::shipped().unwrap();
    assert_eq!(config.media, MediaConfig::default());
    assert_eq!(config.screen, ScreenConfig::default());
    let app = &config.profiles[0];
    assert_eq!(*app, Profile { name: "app".into(), registration: app.registration, ..Profile::default() });
    assert_eq!(config.profiles.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["app", "carrier", "seats"]);
    assert_eq!(config.profile_of(&config.listeners[3]).name, "carrier");
    assert_eq!(config.seats[0].queues, [0, 1]);
    assert_eq!(config.users[config.seats[1].user].name, "agent2");
    assert_eq!(config.access.other, OffWifi::Bridge { trunk: 0, number: "4008001234".into() });
    assert!(config.gateway.aliases.contains(&"127.0.0.1".to_owned()));
}

#[test]
fn every_shipped_file_on_disk_is_the_one_compiled_in() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = Sources::read(&root.join("config.toml")).unwrap();
    let shipped = Sources::shipped();
    assert_eq!(read.config.text, shipped.config.text);
    let texts = |sources: &Sources| sources.profiles.iter().map(|file| file.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&read), texts(&shipped), "a file of sip-profiles/ is missing in Sources::shipped()");
    Config::load(&root.join("config.toml")).unwrap();
}

#[test]
fn every_key_is_explained_in_the_shipped_files() {
    fn assert_explained<T: serde::de::DeserializeOwned>(text: &str) {
        let fields = field_names::<T>();
        assert!(!fields.is_empty());
        for field in fields {
            let word = |c: char| !(c.is_alphanumeric() || c == '_');
            assert!(text.split(word).any(|found| found == *field), "{field} is not explained");
        }
    }
    let sources = Sources::shipped();
    let text = &sources.config.text;
    assert_explained::<raw::RawGateway>(text);
    assert_explained::<raw::RawListener>(text);
    assert_explained::<raw::RawMedia>(text);
    assert_explained::<raw::RawScreen>(text);
    assert_explained::<raw::RawStore>(text);
    assert_explained::<raw::RawConsole>(text);
    assert_explained::<raw::RawUser>(text);
    assert_explained::<raw::RawQueue>(text);
    assert_explained::<raw::RawSeat>(text);
    assert_explained::<raw::RawTrunk>(text);
    assert_explained::<raw::RawAccess>(text);
    assert_explained::<raw::RawProfile>(&sources.profiles[0].text);
}

#[test]
fn a_reference_to_nobody_names_the_place_and_the_candidates() {
    let sources = edited("user = \"agent2\"", "user = \"agnet2\"");
    let line = sources.config.text.lines().position(|line| line.contains("agnet2")).unwrap() + 1;
    let expected = format!(
        "config.toml:{line}:8: seat[1].user: no such user \"agnet2\" (did you mean \"agent2\"?); expected the name of \
         a [[user]] (traveller, agent1, agent2)"
    );
    assert_eq!(faults(&sources), [expected]);
}

#[test]
fn unknown_keys_and_tables_are_refused_with_the_nearest_known_one() {
    assert_eq!(
        fault("max_calls = 500", "max_cals = 500"),
        "gateway.max_cals: unknown key (did you mean `max_calls`?); expected one of name, domain, aliases, max_calls"
    );
    assert!(fault("ring_timeout_s = 20", "ring_timeout = 20").contains("did you mean `ring_timeout_s`?"));
    assert!(fault("[console]", "[consol]").starts_with("consol: unknown key (did you mean `console`?)"));
}

#[test]
fn wrong_types_say_what_was_found_and_what_is_expected() {
    let found = fault("bind = \"127.0.0.1:5062\"", "bind = 5062");
    assert_eq!(found, "listener[2].bind: found integer `5062`; expected a string in quotes");
    let found = fault("workers = 2", "workers = -2");
    assert_eq!(found, "media.workers: found integer `-2`; expected a whole number, 0 or more");
    let found = fault("queues = [\"flights\"]", "queues = \"flights\"");
    assert_eq!(found, "seat[1].queues: found string \"flights\"; expected a list such as [\"a\", \"b\"]");
}

#[test]
fn all_faults_of_all_files_come_at_once_in_order() {
    let mut sources = edited("workers = 2", "workers = 0");
    sources.config.text = sources.config.text.replacen("name = \"agent1\"\npassword", "name = 7\npasswort", 1);
    sources.profiles[0].text.push_str("\nt1 = 3\n");
    let found = faults(&sources);
    let keys: Vec<&str> = found.iter().map(|fault| fault.split(':').nth(3).unwrap().trim()).collect();
    let expected = ["media.workers", "user[1]", "user[1].name", "user[1].passwort", "seat[0].user", "t1"];
    for key in expected {
        assert!(keys.iter().any(|found| found.starts_with(key)), "{key} is not among {found:#?}");
    }
    let lines: Vec<usize> = found
        .iter()
        .filter(|fault| fault.starts_with("config.toml"))
        .map(|fault| fault.split(':').nth(1).unwrap().parse().unwrap())
        .collect();
    assert!(lines.is_sorted(), "{found:#?}");
}

#[test]
fn broken_syntax_points_at_the_place() {
    let sources = edited("max_calls = 500", "max_calls = = 500");
    let line = sources.config.text.lines().position(|line| line.contains("= =")).unwrap() + 1;
    let found = faults(&sources);
    assert!(found[0].starts_with(&format!("config.toml:{line}:13: ")), "{found:?}");
}

#[test]
fn missing_keys_and_tables_are_named() {
    assert!(fault("domain = \"tandem.localhost\"", "").starts_with("gateway.domain: missing; expected the SIP domain"));
    let mut empty = Sources::shipped();
    empty.config.text.clear();
    let found = faults(&empty);
    assert!(found.iter().any(|fault| fault.contains("listener: there is none")), "{found:?}");
    assert!(found.iter().any(|fault| fault.contains("queue: there is none")), "{found:?}");
}

#[test]
fn addresses_that_cannot_be_written_into_a_message_are_refused() {
    assert!(fault("bind = \"127.0.0.1:5062\"", "bind = \"0.0.0.0:5062\"").contains("0.0.0.0:5062 is no address"));
    assert!(fault("bind = \"127.0.0.1:5062\"", "bind = \"127.0.0.1\"").contains("which has no port"));
    assert!(fault("bind = \"127.0.0.1:5062\"", "bind = \"127.0.0.1:5060\"").contains("taken by another listener"));
    assert!(fault("address = \"127.0.0.1\"", "address = \"::\"").starts_with("media.address"));
}

#[test]
fn sockets_that_would_collide_are_refused() {
    assert!(fault("bind = \"127.0.0.1:5062\"", "bind = \"127.0.0.1:40100\"").contains("listener seats-udp is among"));
    assert!(fault("bind = \"127.0.0.1:2855\"", "bind = \"127.0.0.1:5060\"").contains("taken by listener app-tcp"));
    assert!(fault("bind = \"127.0.0.1:8080\"", "bind = \"127.0.0.1:2855\"").contains("taken by [screen]"));
}

#[test]
fn numbers_out_of_range_name_the_range_the_unit_and_the_default() {
    let found = fault("dead_after_s = 30", "dead_after_s = 1");
    assert_eq!(found, "media.dead_after_s: found 1; expected seconds from 5 to 3600 (default 30)");
    assert!(fault("port_max = 41999", "port_max = 41998").contains("found the range 40000 to 41998"));
    assert!(fault("numbers = [\"4008005678\"]", "numbers = [\"400-800\"]").starts_with("queue[1].numbers: found"));
    assert!(fault("numbers = [\"4008005678\"]", "numbers = [\"4008001234\"]").contains("is there already"));
}

#[test]
fn a_demo_password_is_refused_as_soon_as_one_socket_is_open_to_the_network() {
    let found = faults(&edited("bind = \"127.0.0.1:2855\"", "bind = \"192.0.2.1:2855\""));
    assert_eq!(found.len(), 3, "one for each user: {found:#?}");
    assert!(found[0].contains("user[0].password: the password of the shipped example"), "{found:#?}");
    assert!(!found.iter().any(|fault| fault.contains(DEMO_PASSWORD)), "a fault shows a password: {found:#?}");
}

#[test]
fn off_loopback_a_listener_must_know_its_peers() {
    let mut sources = edited("bind = \"127.0.0.1:5062\"", "bind = \"192.0.2.1:5062\"");
    sources.profiles[2].text = "authenticate = false".into();
    let found = faults(&sources);
    assert!(found.iter().any(|fault| fault.contains("listener[2].profile: \"seats\" lets anybody")), "{found:#?}");
    assert!(fault("bind = \"127.0.0.1:8080\"", "bind = \"192.0.2.1:8080\"").starts_with("console.bind:"));
}

#[test]
fn secrets_come_from_the_environment_from_files_and_from_credentials() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("agent1.password"), "from a credential\n").unwrap();
    let mut sources = edited(
        "name = \"traveller\"\npassword = \"tandem-demo\"",
        "name = \"traveller\"\npassword_env = \"TRAVELLER\"",
    );
    sources.config.text = sources.config.text.replacen(
        "name = \"agent1\"\npassword = \"tandem-demo\"",
        "name = \"agent1\"\npassword_file = \"agent1.password\"",
        1,
    );
    let place = directory.path().to_str().unwrap().to_owned();
    let env = |name: &str| match name {
        "TRAVELLER" => Some("from the environment".to_owned()),
        "CREDENTIALS_DIRECTORY" => Some(place.clone()),
        _ => None,
    };
    let config = resolve(&sources, &env).unwrap();
    assert_eq!(config.users[0].password.expose(), "from the environment");
    assert_eq!(config.users[1].password.expose(), "from a credential");
    assert!(!format!("{config:?}").contains("tandem-demo"), "a password shows in Debug");
    let found = faults(&sources);
    assert!(found[0].contains("user[0].password_env: no such environment variable"), "{found:?}");
    assert!(found[1].contains("user[1].password_file: cannot read agent1.password"), "{found:?}");
}

#[test]
fn a_fault_never_quotes_a_password() {
    for written in ["password = 31415926", "password = [\"31415926\"]", "password_env = \"31415926\""] {
        let found = fault("password = \"tandem-demo\"\ndisplay = \"Traveller\"", written);
        assert!(found.starts_with("user[0].password") && !found.contains("31415926"), "{found}");
    }
}

#[test]
fn a_second_source_for_a_password_is_refused() {
    let twice = "password = \"a\"\npassword_env = \"B\"\ndisplay = \"Traveller\"";
    assert!(fault("password = \"tandem-demo\"\ndisplay = \"Traveller\"", twice).contains("a second source"));
}

#[test]
fn the_access_policy_takes_only_the_keys_of_its_answer() {
    assert!(fault("other = \"bridge\"", "other = \"redirect\"").starts_with("access.trunk: has no meaning here"));
    assert!(fault("other = \"bridge\"", "other = \"brigde\"").contains("did you mean \"bridge\"?"));
    let rejected = edited("other = \"bridge\"\n", "other = \"reject\"\nstatus = 480\n");
    assert_eq!(faults(&rejected).len(), 2, "trunk and number have no meaning any more");
    let mut redirected = edited("other = \"bridge\"", "other = \"redirect\"");
    redirected.config.text = redirected.config.text.replace("\ntrunk = \"carrier\"", "");
    let config = resolve(&redirected, &|_| None).unwrap();
    assert_eq!(config.access.other, OffWifi::Redirect { number: "4008001234".into() });
}

#[test]
fn files_that_are_not_there_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("config.toml");
    let error = Config::load(&missing).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: cannot be read", missing.display())), "{error}");
    std::fs::write(&missing, "").unwrap();
    let error = Config::load(&missing).unwrap_err().to_string();
    assert!(error.contains("sip-profiles: cannot be read"), "{error}");
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_but_never_panics(text in "[\\[\\]a-z_=\"0-9.:\n #é]{0,200}") {
        let mut sources = Sources::shipped();
        sources.config.text = text.clone();
        let _ = resolve(&sources, &|_| None);
        sources.profiles[0].text = text;
        let _ = resolve(&sources, &|_| None);
    }

    #[test]
    fn any_cut_of_the_shipped_file_is_read_or_refused_but_never_panics(cut in 0usize..9000, len in 0usize..60) {
        let mut sources = Sources::shipped();
        let chars: Vec<char> = sources.config.text.chars().collect();
        let cut = cut.min(chars.len());
        sources.config.text = chars[..cut].iter().chain(chars.iter().skip(cut + len)).collect();
        let _ = resolve(&sources, &|_| None);
    }
}
