//! `[[user]]`: names and passwords.

use std::collections::BTreeSet;
use std::path::PathBuf;

use toml::Spanned;

use crate::config::Secret;
use crate::config::document::Section;
use crate::config::error::Findings;
use crate::config::raw::RawUser;
use crate::config::types::User;

use super::Surroundings;
use super::keys::Keys;

/// The password of every user in the shipped `config.toml`; accepted on loopback only.
pub const DEMO_PASSWORD: &str = "tandem-demo";

/// The shortest password accepted off loopback, characters.
const SHORTEST_PASSWORD: usize = 10;

const ONE_OF_THREE: &str = "exactly one of password, password_env (the name of an environment variable) and \
                            password_file (a path, or the name of a systemd credential)";

pub(super) fn users(
    sections: Vec<Section<RawUser>>,
    surroundings: &Surroundings<'_>,
    exposed: bool,
    findings: &mut Findings<'_>,
) -> Vec<User> {
    let mut seen = BTreeSet::new();
    sections.into_iter().filter_map(|section| user(section, &mut seen, surroundings, exposed, findings)).collect()
}

fn user(
    section: Section<RawUser>,
    seen: &mut BTreeSet<String>,
    surroundings: &Surroundings<'_>,
    exposed: bool,
    findings: &mut Findings<'_>,
) -> Option<User> {
    let (raw, mut keys) = section.open(findings);
    let name = keys.text("name", raw.name, "the user part of a SIP address, such as \"agent1\"");
    if let Some(name) = &name {
        keys.unique("name", name, seen, "user name");
        if !name.get_ref().chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c)) {
            keys.fault("name", &name.span(), format!("found \"{}\"", name.get_ref()), "letters, digits and -_.+");
        }
    }
    let given: Vec<(&str, Spanned<String>)> =
        [("password", raw.password), ("password_env", raw.password_env), ("password_file", raw.password_file)]
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| (key, value)))
            .collect();
    let password = match given.as_slice() {
        [] => {
            keys.missing("password", ONE_OF_THREE);
            None
        }
        [(key, value)] => clear_text(&mut keys, key, value, surroundings),
        [_, (key, value), ..] => {
            keys.fault(key, &value.span(), "a second source for the same password", ONE_OF_THREE);
            None
        }
    };
    let (name, password) = (name?.into_inner(), password?);
    if exposed && let Some(reason) = weakness(&name, &password) {
        let expected = format!(
            "a secret of {SHORTEST_PASSWORD} or more characters: a listener, the media or the screens are open to \
             the network (demo passwords are for loopback only)"
        );
        let (key, at) = given.first().map(|(key, value)| (*key, value.span()))?;
        keys.fault(key, &at, reason, expected);
        return None;
    }
    Some(User { name, password: Secret::new(password), display: raw.display.map(Spanned::into_inner) })
}

fn weakness(name: &str, password: &str) -> Option<&'static str> {
    if password == DEMO_PASSWORD {
        Some("the password of the shipped example")
    } else if password.eq_ignore_ascii_case(name) {
        Some("the password is the user's name")
    } else if password.chars().count() < SHORTEST_PASSWORD {
        Some("the password is too short")
    } else {
        None
    }
}

/// The password itself, from wherever the key says.
fn clear_text(
    keys: &mut Keys<'_, '_>,
    key: &str,
    value: &Spanned<String>,
    surroundings: &Surroundings<'_>,
) -> Option<String> {
    let found = match key {
        // Not named: whoever wrote the password itself here would find it in the journal.
        "password_env" => (surroundings.env)(value.get_ref()).ok_or_else(|| "no such environment variable".to_owned()),
        "password_file" => read_file(value.get_ref(), surroundings),
        _ => Ok(value.get_ref().clone()),
    };
    match found {
        Ok(password) if password.is_empty() => {
            keys.fault(key, &value.span(), "the password is empty", "a password");
            None
        }
        Ok(password) if password.contains(['\n', '\r', '\0']) => {
            keys.fault(key, &value.span(), "the password has several lines", "one line");
            None
        }
        Ok(password) => Some(password),
        Err(problem) => {
            keys.fault(key, &value.span(), problem, "a password there");
            None
        }
    }
}

/// A relative path is looked for among systemd's credentials (`LoadCredential=`) first, then beside `config.toml`.
fn read_file(path: &str, surroundings: &Surroundings<'_>) -> Result<String, String> {
    let credential = (surroundings.env)("CREDENTIALS_DIRECTORY").map(|directory| PathBuf::from(directory).join(path));
    let path = credential.filter(|path| path.is_file()).unwrap_or_else(|| surroundings.base.join(path));
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}
