//! Who watches: the terminal always, the page when there is one.

use std::sync::Arc;

use super::evidence::Recorded;
use super::network::Network;
use super::page::Board;
use super::terminal::Terminal;
use super::timeline::Line;
use super::verdict::Verdict;

/// Tells both.
pub(super) struct Audience {
    pub terminal: Terminal,
    pub board: Option<Arc<Board>>,
}

impl Audience {
    /// A call begins.
    pub(super) fn begin(&mut self, number: u32, network: Network) {
        self.terminal.begin(number, network);
        self.with(|board| board.begin(number, network));
    }

    /// What is being waited for.
    pub(super) fn progress(&mut self, text: &str) {
        self.terminal.progress(text);
        self.with(|board| board.progress(text));
    }

    /// Something happened.
    pub(super) fn line(&mut self, line: &Line) {
        self.terminal.line(line);
        self.with(|board| board.line(line));
    }

    /// A frame arrived.
    pub(super) fn frame(&mut self, frame: &Recorded, ms: i64) {
        self.with(|board| board.frame(frame, ms));
    }

    /// A call is over. `record` is its row of the call records: names and values.
    pub(super) fn verdict(&mut self, verdict: &Verdict, record: &[(&'static str, String)], frames: &str) {
        self.terminal.verdict(verdict, record, frames);
        self.with(|board| board.verdict(verdict, record, frames));
    }

    fn with(&self, tell: impl FnOnce(&Board)) {
        if let Some(board) = &self.board {
            tell(board);
        }
    }
}
