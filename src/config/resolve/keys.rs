//! The keys of one table while they are being checked.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;

use crate::config::document::{Section, join};
use crate::config::error::Findings;
use crate::config::raw::{Number, Text, Texts};
use crate::config::suggest::nearest;

/// Checks keys of one table and reports what is wrong under their full path.
pub(super) struct Keys<'f, 's> {
    findings: &'f mut Findings<'s>,
    path: String,
    span: Range<usize>,
    broken: BTreeSet<String>,
}

impl<T> Section<T> {
    /// Parts the raw values from the place where their faults go.
    pub(super) fn open<'f, 's>(self, findings: &'f mut Findings<'s>) -> (T, Keys<'f, 's>) {
        (self.raw, Keys { findings, path: self.path, span: self.span, broken: self.broken })
    }
}

impl Keys<'_, '_> {
    /// Where the table begins.
    pub(super) fn place(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Reports a fault of the value of `key`.
    pub(super) fn fault(
        &mut self,
        key: &str,
        at: &Range<usize>,
        problem: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.findings.report(at, join(&self.path, key), problem, expected);
    }

    /// Reports that `key` is not there, unless its value has been reported as unusable already.
    pub(super) fn missing(&mut self, key: &str, expected: &str) {
        if !self.broken.contains(key) {
            let at = self.span.clone();
            self.fault(key, &at, "missing", expected);
        }
    }

    /// A string that must be there and not be empty.
    pub(super) fn text(&mut self, key: &str, value: Text, expected: &str) -> Option<Spanned<String>> {
        match value {
            Some(text) if text.get_ref().trim().is_empty() => {
                self.fault(key, &text.span(), "is empty", expected);
                None
            }
            None => {
                self.missing(key, expected);
                None
            }
            some => some,
        }
    }

    /// A number within a range, or its default.
    pub(super) fn number<N>(
        &mut self,
        key: &str,
        value: Number,
        default: N,
        range: RangeInclusive<u64>,
        unit: &str,
    ) -> N
    where
        N: Copy + Display + TryFrom<u64>,
    {
        let Some(value) = value else { return default };
        let (at, found) = (value.span(), value.into_inner());
        if let (true, Ok(number)) = (range.contains(&found), N::try_from(found)) {
            return number;
        }
        let expected = format!("{unit} from {} to {} (default {default})", range.start(), range.end());
        self.fault(key, &at, format!("found {found}"), expected);
        default
    }

    /// An address and port that can also be written into a message: not the wildcard, not port 0.
    pub(super) fn address(
        &mut self,
        key: &str,
        value: Text,
        default: Option<SocketAddr>,
        example: &str,
    ) -> Option<SocketAddr> {
        let expected = format!("an IP address and port such as \"{example}\"");
        let value = match (value, default) {
            (None, Some(default)) => return Some(default),
            (value, _) => self.text(key, value, &expected)?,
        };
        match value.get_ref().parse::<SocketAddr>() {
            Ok(address) if address.ip().is_unspecified() => {
                let problem = format!("{address} is no address that a peer could be told to send to");
                self.fault(key, &value.span(), problem, format!("{expected}: the one that peers reach"));
                None
            }
            Ok(address) if address.port() == 0 => {
                self.fault(key, &value.span(), "port 0", expected);
                None
            }
            Ok(address) => Some(address),
            Err(_) => {
                let mut problem = format!("found \"{}\"", value.get_ref());
                if value.get_ref().parse::<std::net::IpAddr>().is_ok() {
                    problem.push_str(", which has no port");
                }
                self.fault(key, &value.span(), problem, expected);
                None
            }
        }
    }

    /// The index of the thing that `value` names, such as `[[user]]`.
    pub(super) fn reference(
        &mut self,
        key: &str,
        value: &Spanned<String>,
        what: &str,
        names: &[String],
    ) -> Option<usize> {
        let found = names.iter().position(|name| name == value.get_ref());
        if found.is_none() {
            let kind = what.trim_matches(['[', ']']);
            let mut problem = format!("no such {kind} \"{}\"", value.get_ref());
            if let Some(near) = nearest(value.get_ref(), names.iter().map(String::as_str)) {
                problem.push_str(&format!(" (did you mean \"{near}\"?)"));
            }
            let known = if names.is_empty() { "there is none".to_owned() } else { names.join(", ") };
            self.fault(key, &value.span(), problem, format!("the name of a {what} ({known})"));
        }
        found
    }

    /// The strings of a list; none when the key is absent.
    pub(super) fn list(&mut self, values: Texts) -> Vec<Spanned<String>> {
        values.map(Spanned::into_inner).unwrap_or_default()
    }

    /// One of a few words.
    pub(super) fn choice<C: Copy>(&mut self, key: &str, value: &Spanned<String>, choices: &[(&str, C)]) -> Option<C> {
        let found = choices.iter().find(|(word, _)| word == value.get_ref()).map(|&(_, choice)| choice);
        if found.is_none() {
            let mut problem = format!("found \"{}\"", value.get_ref());
            if let Some(near) = nearest(value.get_ref(), choices.iter().map(|&(word, _)| word)) {
                problem.push_str(&format!(" (did you mean \"{near}\"?)"));
            }
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.fault(key, &value.span(), problem, words.join(" or "));
        }
        found
    }

    /// Reports a name that was used before for the same kind of thing.
    pub(super) fn unique(&mut self, key: &str, value: &Spanned<String>, seen: &mut BTreeSet<String>, what: &str) {
        if !seen.insert(value.get_ref().clone()) {
            let problem = format!("\"{}\" is there already", value.get_ref());
            self.fault(key, &value.span(), problem, format!("each {what} once"));
        }
    }
}
