//! The messages of a failed schedule, written down when it is played again.

use std::cell::RefCell;
use std::time::Duration;

use super::wire::Wire;

/// One line.
#[derive(Clone, Debug)]
struct Line {
    at: Duration,
    text: String,
    call_id: String,
    session: Option<String>,
}

thread_local! {
    /// Outlives the panic that ends the schedule.
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Writes down, or not.
pub struct Ladder {
    kept: bool,
}

impl Ladder {
    pub fn new(kept: bool) -> Ladder {
        LINES.with_borrow_mut(Vec::clear);
        Ladder { kept }
    }

    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// Writes a message down.
    pub fn note(&self, at: Duration, way: &str, wire: &Wire) {
        let text = format!("{way:<22} {}   ({})", wire.start, wire.cseq);
        let text = if wire.body.is_empty() { text } else { format!("{text}\n{}", wire.body) };
        self.push(at, text, wire.call_id, wire.session_id);
    }

    fn push(&self, at: Duration, text: String, call_id: &str, session: Option<&str>) {
        let line = Line { at, text, call_id: call_id.to_owned(), session: session.map(str::to_owned) };
        LINES.with_borrow_mut(|lines| lines.push(line));
    }
}

/// Prints the ladder of one caller, or the last lines of all.
pub fn print(caller: Option<usize>) {
    LINES.with_borrow(|lines| {
        let chosen = match caller {
            Some(n) => of_caller(lines, &format!("caller-{n}")),
            None => lines.iter().rev().take(80).rev().cloned().collect(),
        };
        for line in chosen {
            eprintln!("{:>10.3} {}  [{}]", line.at.as_secs_f64(), line.text, line.call_id);
        }
    });
}

/// All lines of one caller's call: those with his Call-ID, and those that share a leg or session with them.
fn of_caller(lines: &[Line], call_id: &str) -> Vec<Line> {
    let sessions: Vec<&String> =
        lines.iter().filter(|line| line.call_id == call_id).filter_map(|line| line.session.as_ref()).collect();
    let is_his = |line: &Line| line.session.as_ref().is_some_and(|session| sessions.contains(&session));
    let legs: Vec<&String> = lines.iter().filter(|line| is_his(line)).map(|line| &line.call_id).collect();
    let belongs = |line: &&Line| line.call_id == call_id || legs.contains(&&line.call_id);
    lines.iter().filter(belongs).cloned().collect()
}
