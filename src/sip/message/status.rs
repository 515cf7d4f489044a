//! Reason phrases for status codes.

use std::sync::LazyLock;

/// Phrases that RFC 3261 §21 spells in a way that cannot be told from the name of the code.
const SPELLED: [(u16, &str); 8] = [
    (200, "OK"),
    (202, "Accepted"),
    (405, "Method Not Allowed"),
    (414, "Request-URI Too Long"),
    (416, "Unsupported URI Scheme"),
    (481, "Call/Transaction Does Not Exist"),
    (504, "Server Time-out"),
    (606, "Not Acceptable"),
];

/// Built once: `rsip::StatusCode` prints with an allocation, responses are made for every call.
static PHRASES: LazyLock<Vec<Box<str>>> = LazyLock::new(|| (100..700).map(|code| phrase(code).into()).collect());

/// The default reason phrase: `rsip`'s vocabulary of registered codes; for another code the name of its class.
pub(super) fn reason(code: u16) -> &'static str {
    code.checked_sub(100).and_then(|at| PHRASES.get(usize::from(at))).map_or("Unknown", |phrase| phrase)
}

fn phrase(code: u16) -> String {
    if let Some((_, spelled)) = SPELLED.iter().find(|(known, _)| *known == code) {
        return (*spelled).into();
    }
    match rsip::StatusCode::from(code) {
        rsip::StatusCode::Other(..) => class(code).into(),
        // The variant's name is the phrase in CamelCase: `BusyHere` is "Busy Here".
        known => format!("{known:?}").chars().fold(String::new(), |mut words, c| {
            if c.is_ascii_uppercase() && !words.is_empty() {
                words.push(' ');
            }
            words.push(c);
            words
        }),
    }
}

fn class(code: u16) -> &'static str {
    match code / 100 {
        1 => "Progress",
        2 => "OK",
        3 => "Redirection",
        4 => "Request Failure",
        5 => "Server Failure",
        _ => "Global Failure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_those_of_the_rfc() {
        for (code, phrase) in [
            (100, "Trying"),
            (181, "Call Is Being Forwarded"),
            (200, "OK"),
            (302, "Moved Temporarily"),
            (404, "Not Found"),
            (481, "Call/Transaction Does Not Exist"),
            (486, "Busy Here"),
            (503, "Service Unavailable"),
            (600, "Busy Everywhere"),
            (699, "Global Failure"),
            (299, "OK"),
            (99, "Unknown"),
            (700, "Unknown"),
        ] {
            assert_eq!(reason(code), phrase, "{code}");
        }
    }
}
