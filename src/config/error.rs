//! What is wrong with a configuration, said so that a person can mend it.

use std::fmt;
use std::ops::Range;

/// One fault: where it is, what was found, what is expected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigError {
    /// The file as it was named.
    pub file: String,
    /// Line, from 1; 0 when the fault is the file as a whole.
    pub line: usize,
    /// Column in characters, from 1; 0 when the fault is the file as a whole.
    pub column: usize,
    /// The key's path, such as `seat[2].user`; empty when no key is to blame.
    pub key: String,
    /// What was found.
    pub problem: String,
    /// What is expected; empty when the problem says it all.
    pub expected: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.problem)?;
        if !self.expected.is_empty() {
            write!(f, "; expected {}", self.expected)?;
        }
        Ok(())
    }
}

/// Every fault that was found, in the order of the files and their lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigErrors {
    /// A fault of a whole file.
    pub(super) fn file(file: impl Into<String>, problem: impl Into<String>, expected: impl Into<String>) -> Self {
        ConfigErrors(vec![ConfigError {
            file: file.into(),
            line: 0,
            column: 0,
            key: String::new(),
            problem: problem.into(),
            expected: expected.into(),
        }])
    }
}

/// Collects the faults of one file and turns octet offsets into lines and columns.
pub(super) struct Findings<'s> {
    file: &'s str,
    text: &'s str,
    list: Vec<ConfigError>,
}

impl<'s> Findings<'s> {
    pub(super) fn new(file: &'s str, text: &'s str) -> Self {
        Findings { file, text, list: Vec::new() }
    }

    /// Records a fault at an octet range of the text.
    pub(super) fn report(
        &mut self,
        at: &Range<usize>,
        key: impl Into<String>,
        problem: impl Into<String>,
        expected: impl Into<String>,
    ) {
        let (line, column) = self.position(at.start);
        self.list.push(ConfigError {
            file: self.file.to_owned(),
            line,
            column,
            key: key.into(),
            problem: problem.into(),
            expected: expected.into(),
        });
    }

    pub(super) fn into_list(self) -> Vec<ConfigError> {
        self.list
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset.min(self.text.len())).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_start_at_one() {
        let text = "a = 1\n名 = \"二\" # x\n";
        let mut findings = Findings::new("f.toml", text);
        let at = text.find("\"二").unwrap();
        findings.report(&(at..at + 1), "名", "found x", "y");
        assert_eq!(findings.into_list()[0].to_string(), "f.toml:2:5: 名: found x; expected y");
    }

    #[test]
    fn an_offset_past_the_end_is_the_end() {
        let mut findings = Findings::new("f.toml", "a = 1");
        findings.report(&(99..100), "", "p", "");
        assert_eq!(findings.into_list()[0].to_string(), "f.toml:1:6: p");
    }
}
