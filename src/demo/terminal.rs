//! The demonstration on a terminal: progress, the timeline, the verdict.

use std::io::{IsTerminal, Write};

use super::network::Network;
use super::timeline::Line;
use super::verdict::Verdict;

/// Columns for a name.
const NAME: usize = 8;

/// Writes for people: on stdout, or on stderr when stdout belongs to JSON.
pub(super) struct Terminal {
    json: bool,
    colour: bool,
    said: String,
}

impl Terminal {
    pub(super) fn new(json: bool) -> Terminal {
        let is_terminal = if json { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        // https://no-color.org: any value that is not empty.
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Terminal { json, colour: is_terminal && wanted, said: String::new() }
    }

    /// A line as it is.
    pub(super) fn say(&self, text: &str) {
        // A reader that went away does not stop the demonstration.
        let _ = if self.json {
            writeln!(std::io::stderr().lock(), "{text}")
        } else {
            let mut stdout = std::io::stdout().lock();
            writeln!(stdout, "{text}").and_then(|()| stdout.flush())
        };
    }

    /// The one line that a program reads.
    pub(super) fn result(&self, verdict: &Verdict) {
        if self.json {
            let mut stdout = std::io::stdout().lock();
            let text = serde_json::to_string(verdict).unwrap_or_default();
            let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
        }
    }

    /// What is being waited for; the same words are not said twice in a row.
    pub(super) fn progress(&mut self, text: &str) {
        if self.said != text {
            self.said = text.to_owned();
            self.say(&format!("  {}", self.paint("2", text)));
        }
    }

    pub(super) fn begin(&mut self, number: u32, network: Network) {
        self.said.clear();
        let title = format!("Call {number} over {}", network.words());
        self.say(&format!("\n{}", self.paint("1", &title)));
        let head = format!("{:>8}  {:<NAME$}   {:<NAME$}  {:<7} {}", "ms", "who", "whom", "step", "what");
        self.say(&self.paint("2", &head));
    }

    pub(super) fn line(&self, line: &Line) {
        self.say(&self.lay_out(line));
    }

    fn lay_out(&self, line: &Line) -> String {
        let ms = if line.ms < 0 { "·".to_owned() } else { line.ms.to_string() };
        let arrow = if line.to.is_some() { "→" } else { " " };
        let from = self.name(line.from);
        let to = self.name(line.to.unwrap_or_default());
        let step = line.step.map_or(String::new(), |step| format!("{step:?}").to_lowercase());
        let step = if step.starts_with('s') { step.to_uppercase() } else { step };
        let step = self.paint("2", &format!("{step:<7}"));
        format!("{ms:>8}  {from} {arrow} {to}  {step} {}", line.text)
    }

    pub(super) fn verdict(&self, verdict: &Verdict, record: &[(&'static str, String)], frames: &str) {
        if !record.is_empty() {
            self.say(&format!("\n{}", self.paint("1", "Call record")));
            let width = record.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
            for (name, value) in record {
                self.say(&format!("  {}  {value}", self.paint("2", &format!("{name:<width$}"))));
            }
        }
        self.say(&format!("\n  frames  {frames}"));
        if verdict.ok {
            self.say(&format!("\n{} every step was seen by the endpoints", self.paint("1;32", "✔ ok:")));
        } else {
            self.say(&format!("\n{}", self.paint("1;31", "✘ not every step was seen:")));
            verdict.failed.iter().for_each(|reason| self.say(&format!("  - {reason}")));
        }
    }

    fn name(&self, name: &str) -> String {
        let code = match name {
            "phone" => "36",
            "seat" => "35",
            "gateway" => "34",
            "carrier" => "33",
            _ => "0",
        };
        self.paint(code, &format!("{name:<NAME$}"))
    }

    /// SGR (ECMA-48 §8.3.117), only where somebody sees it.
    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::timeline::Step;
    use super::*;

    fn line() -> Line {
        Line {
            ms: 1250,
            from: "phone",
            to: Some("seat"),
            what: "frame.received",
            text: "words".to_owned(),
            step: Some(Step::S4),
            fields: serde_json::Map::new(),
        }
    }

    #[test]
    fn a_line_says_when_who_whom_what() {
        let terminal = Terminal { json: false, colour: false, said: String::new() };
        assert_eq!(terminal.lay_out(&line()), "    1250  phone    → seat      S4      words");
        let alone = Line { ms: -3, to: None, step: Some(Step::Confirm), ..line() };
        assert_eq!(terminal.lay_out(&alone), "       ·  phone                confirm words");
    }

    #[test]
    fn colours_are_only_for_those_who_see_them() {
        let terminal = Terminal { json: false, colour: true, said: String::new() };
        assert!(terminal.lay_out(&line()).contains("\u{1b}[36mphone   \u{1b}[0m"));
    }
}
