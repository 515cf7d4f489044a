//! One TOML text, read table by table, so that every faulty table is reported and not only the first.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Visitor};
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::error::Findings;
use super::suggest::nearest;

/// A table of the file, read as far as it could be.
pub(super) struct Section<T> {
    /// The raw values.
    pub(super) raw: T,
    /// The table's path, such as `seat[2]`; empty for the file itself.
    pub(super) path: String,
    /// Where the table begins.
    pub(super) span: Range<usize>,
    /// Keys whose fault is reported already, so that they are not reported as missing besides.
    pub(super) broken: BTreeSet<String>,
}

/// The tables of one file that have not been taken yet.
pub(super) struct Document<'s> {
    root: DeTable<'s>,
    span: Range<usize>,
}

impl<'s> Document<'s> {
    /// Parses the text; `None` when its syntax is wrong, and then only that is reported: what follows a broken line
    /// cannot be trusted to be what was meant.
    pub(super) fn parse(text: &'s str, findings: &mut Findings<'_>) -> Option<Self> {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let (problem, expected) = split_message(error.message());
            findings.report(&error.span().unwrap_or(0..0), "", problem, expected);
        }
        errors.is_empty().then(|| Document { root: root.into_inner(), span: 0..0 })
    }

    /// Takes the single table `[key]`.
    pub(super) fn table<T: DeserializeOwned + Default>(
        &mut self,
        key: &str,
        findings: &mut Findings<'_>,
    ) -> Option<Section<T>> {
        let (_, value) = self.root.remove_entry(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => Some(read(table, span, key.to_owned(), findings)),
            other => {
                findings.report(&span, key, format!("found {}", describe(&other)), format!("a table: [{key}]"));
                None
            }
        }
    }

    /// Takes the tables `[[key]]`, in the order of the file.
    pub(super) fn tables<T: DeserializeOwned + Default>(
        &mut self,
        key: &str,
        findings: &mut Findings<'_>,
    ) -> Vec<Section<T>> {
        let Some((_, value)) = self.root.remove_entry(key) else { return Vec::new() };
        let span = value.span();
        let items = match value.into_inner() {
            DeValue::Array(items) => items.into_iter().collect(),
            other => vec![Spanned::new(span, other)],
        };
        let mut sections = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let (span, path) = (item.span(), format!("{key}[{index}]"));
            match item.into_inner() {
                DeValue::Table(table) => sections.push(read(table, span, path, findings)),
                other => {
                    findings.report(&span, path, format!("found {}", describe(&other)), format!("tables: [[{key}]]"))
                }
            }
        }
        sections
    }

    /// Takes the whole file as one table.
    pub(super) fn whole<T: DeserializeOwned + Default>(self, findings: &mut Findings<'_>) -> Section<T> {
        read(self.root, self.span, String::new(), findings)
    }

    /// Reports what nobody took.
    pub(super) fn finish(self, known: &[&str], findings: &mut Findings<'_>) {
        for key in self.root.keys() {
            unknown(key, "", known, findings);
        }
    }
}

/// Reads one table; a key at fault is reported and left out, and the rest is read again without it.
fn read<T: DeserializeOwned + Default>(
    mut table: DeTable<'_>,
    span: Range<usize>,
    path: String,
    findings: &mut Findings<'_>,
) -> Section<T> {
    let known = field_names::<T>();
    let mut broken = BTreeSet::new();
    let strangers: Vec<_> = table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())).cloned().collect();
    for key in strangers {
        unknown(&key, &path, known, findings);
        table.remove(&key);
    }
    loop {
        let whole = Spanned::new(span.clone(), DeValue::Table(table.clone()));
        let error = match T::deserialize(ValueDeserializer::from(whole)) {
            Ok(raw) => return Section { raw, path, span, broken },
            Err(error) => error,
        };
        let at = error.span().unwrap_or_else(|| span.clone());
        let culprit = table.iter().find(|(_, value)| covers(&value.span(), &at)).map(|(key, _)| key.clone());
        let (problem, expected) = split_message(error.message());
        let key = culprit.as_ref().map_or(String::new(), |key| key.get_ref().to_string());
        // serde quotes what it found, and faults end up in the journal.
        let problem = if key.starts_with("password") { "found something else".to_owned() } else { problem };
        findings.report(&at, join(&path, &key), problem, expected);
        let Some(culprit) = culprit else { return Section { raw: T::default(), path, span, broken } };
        table.remove(&culprit);
        broken.insert(key);
    }
}

fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn unknown(key: &Spanned<toml::de::DeString<'_>>, path: &str, known: &[&str], findings: &mut Findings<'_>) {
    let name = key.get_ref().as_ref();
    let problem = match nearest(name, known.iter().copied()) {
        Some(near) => format!("unknown key (did you mean `{near}`?)"),
        None => "unknown key".to_owned(),
    };
    findings.report(&key.span(), join(path, name), problem, format!("one of {}", known.join(", ")));
}

/// `seat[2]` and `user` → `seat[2].user`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() || key.is_empty() { format!("{path}{key}") } else { format!("{path}.{key}") }
}

/// Cuts serde's sentence ("invalid type: integer `5`, expected a string") into what was found and what is expected.
fn split_message(message: &str) -> (String, String) {
    let (problem, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let problem = problem.strip_prefix("invalid type: ").or_else(|| problem.strip_prefix("invalid value: "));
    let problem = problem.map_or_else(
        || message.split(", expected ").next().unwrap_or(message).to_owned(),
        |found| format!("found {found}"),
    );
    let expected = match expected {
        "u64" | "u32" | "u16" | "usize" => "a whole number, 0 or more",
        "a boolean" => "true or false",
        "a sequence" => "a list such as [\"a\", \"b\"]",
        "a string" => "a string in quotes",
        other => other,
    };
    (problem, expected.to_owned())
}

fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a single table",
    }
}

/// The keys that a raw type knows, as its `Deserialize` implementation declares them.
pub(super) fn field_names<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Probe<'a>(&'a mut &'static [&'static str]);

    impl<'de> serde::Deserializer<'de> for Probe<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(serde::de::Error::custom("only asked for its field names"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            self.deserialize_any(visitor)
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    let mut names: &'static [&'static str] = &[];
    // The probe never yields a value: the error is how it returns.
    let _ = <T as Deserialize>::deserialize(Probe(&mut names));
    names
}
