//! What the page shows of the current call: everything so far for who comes late, and what happens from then on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::json;
use tokio::sync::broadcast;

use crate::demo::evidence::Recorded;
use crate::demo::network::Network;
use crate::demo::timeline::Line;
use crate::demo::unix_ms;
use crate::demo::verdict::Verdict;

/// Messages that a slow browser may be behind. One that is further behind is cut off; it comes back and gets the whole.
const BEHIND: usize = 1_024;

/// Messages that are kept of one call. A call has a few hundred.
const KEPT: usize = 5_000;

/// A message to the page: the name of its event, and JSON.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub event: &'static str,
    pub data: String,
}

/// The current call, for browsers.
#[derive(Debug)]
pub struct Board {
    state: Mutex<State>,
    live: broadcast::Sender<Told>,
}

#[derive(Debug)]
struct State {
    call: u32,
    is_playing: bool,
    history: Vec<Told>,
    /// Frames by the hash of their content: what a browser has under such an address is never out of date.
    frames: BTreeMap<String, PathBuf>,
}

impl Board {
    pub(super) fn new() -> Board {
        let state = State { call: 0, is_playing: true, history: Vec::new(), frames: BTreeMap::new() };
        Board { state: Mutex::new(state), live: broadcast::Sender::new(BEHIND) }
    }

    /// A call begins: nothing of the last one is shown any more.
    pub(in crate::demo) fn begin(&self, number: u32, network: Network) {
        let mut state = self.lock();
        state.call = number;
        state.is_playing = true;
        state.history.clear();
        state.frames.clear();
        self.tell(&mut state, "call", &json!({ "call": number, "network": network, "began_ms": unix_ms() }));
    }

    pub(in crate::demo) fn progress(&self, text: &str) {
        let mut state = self.lock();
        let call = state.call;
        self.tell(&mut state, "progress", &json!({ "call": call, "text": text }));
    }

    pub(in crate::demo) fn line(&self, line: &Line) {
        #[derive(Serialize)]
        struct OfCall<'l> {
            call: u32,
            at_ms: u64,
            #[serde(flatten)]
            line: &'l Line,
        }
        let mut state = self.lock();
        let call = state.call;
        self.tell(&mut state, "line", &OfCall { call, at_ms: unix_ms(), line });
    }

    pub(in crate::demo) fn frame(&self, frame: &Recorded, ms: i64) {
        let mut state = self.lock();
        state.frames.insert(frame.hash.clone(), frame.path.clone());
        let call = state.call;
        let Recorded { screen, seq, hash, .. } = frame;
        let data = json!({
            "call": call, "ms": ms, "screen": screen.as_str(), "seq": seq, "hash": hash, "url": format!("/frames/{hash}"),
        });
        self.tell(&mut state, "frame", &data);
    }

    pub(in crate::demo) fn verdict(&self, verdict: &Verdict, record: &[(&'static str, String)], frames: &str) {
        let mut state = self.lock();
        state.is_playing = false;
        let call = state.call;
        self.tell(
            &mut state,
            "verdict",
            &json!({
                "call": call, "verdict": verdict, "record": record, "frames": frames, "failed": verdict.failed,
            }),
        );
    }

    /// All that was told of this call, and a way to hear the rest: nothing between the two is lost.
    pub(super) fn join(&self) -> (Vec<Told>, broadcast::Receiver<Told>) {
        let state = self.lock();
        (state.history.clone(), self.live.subscribe())
    }

    /// The file of a frame of this call.
    pub(super) fn frame_file(&self, hash: &str) -> Option<PathBuf> {
        self.lock().frames.get(hash).cloned()
    }

    /// Claims the stage for the next call; false while one is playing.
    pub(super) fn claim(&self) -> bool {
        let mut state = self.lock();
        !std::mem::replace(&mut state.is_playing, true)
    }

    fn tell(&self, state: &mut State, event: &'static str, data: &impl Serialize) {
        let told = Told { event, data: serde_json::to_string(data).unwrap_or_default() };
        if state.history.len() < KEPT {
            state.history.push(told.clone());
        }
        // Nobody may be watching.
        let _ = self.live.send(told);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorded {
    /// Its media type, by the name of its file.
    pub(super) fn media_type(path: &std::path::Path) -> &'static str {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("png") => "image/png",
            Some("jpg") => "image/jpeg",
            Some("webp") => "image/webp",
            _ => "application/octet-stream",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::evidence::Screen;

    fn frame(hash: &str) -> Recorded {
        Recorded { screen: Screen::Customer, seq: 1, hash: hash.to_owned(), path: "/frames/a.png".into() }
    }

    #[test]
    fn who_comes_late_sees_this_call_from_its_beginning_and_nothing_of_the_last() {
        let board = Board::new();
        board.begin(1, Network::Wifi);
        board.frame(&frame("aa"), 5);
        board.begin(2, Network::Cellular);
        board.progress("words");
        let (history, mut live) = board.join();
        let events: Vec<&str> = history.iter().map(|told| told.event).collect();
        assert_eq!(events, ["call", "progress"]);
        assert!(history.iter().all(|told| told.data.contains(r#""call":2"#)), "{history:?}");
        assert_eq!(board.frame_file("aa"), None);
        board.frame(&frame("bb"), 7);
        let told = live.try_recv().expect("it is told at once");
        assert_eq!((told.event, told.data.contains("/frames/bb")), ("frame", true));
        assert_eq!(board.frame_file("bb"), Some(PathBuf::from("/frames/a.png")));
    }

    #[test]
    fn one_call_at_a_time() {
        let board = Board::new();
        assert!(!board.claim(), "the first call has not been played");
        board.verdict(&Verdict::default(), &[], "none");
        assert!(board.claim());
        assert!(!board.claim(), "somebody else has it");
    }
}
