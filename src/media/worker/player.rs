//! Who listens to what, and the one clock that all of them share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::media::contract::{AudioCodec, PromptId};
use crate::media::music::Frame;
use crate::media::relay::LegKey;
use crate::media::rtp::{HEADER_LEN, Stream};
use crate::media::{FRAME_MS, FRAME_SAMPLES};

const TICK: Duration = Duration::from_millis(FRAME_MS);
/// A worker that is later than this many frames leaves out the rest: a burst of old music helps nobody.
const CATCH_UP: u32 = 5;

/// What a listener asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Request {
    pub(super) prompt: PromptId,
    pub(super) codec: AudioCodec,
    pub(super) payload_type: u8,
}

#[derive(Debug)]
struct Player {
    request: Request,
    frames: Arc<[Frame]>,
    position: usize,
    stream: Stream,
}

/// The listeners of one worker. The clock runs only while there is one.
#[derive(Default, Debug)]
pub(super) struct Players {
    players: BTreeMap<usize, Player>,
    next: Option<Instant>,
}

impl Players {
    /// Plays `frames` to a leg from their beginning, as `stream`. The same request again changes nothing.
    pub(super) fn start(&mut self, key: LegKey, request: Request, frames: Arc<[Frame]>, stream: Stream, now: Instant) {
        if self.players.get(&key.0).is_some_and(|player| player.request == request) {
            return;
        }
        self.players.insert(key.0, Player { request, frames, position: 0, stream });
        self.next.get_or_insert(now);
    }

    /// Stops playing to a leg.
    pub(super) fn stop(&mut self, key: LegKey) {
        self.players.remove(&key.0);
        if self.players.is_empty() {
            self.next = None;
        }
    }

    /// How many listen.
    pub(super) fn len(&self) -> usize {
        self.players.len()
    }

    /// When the next frames are due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// Gives every packet that is due by `now` to `send`.
    pub(super) fn play(&mut self, now: Instant, mut send: impl FnMut(LegKey, &mut [u8])) {
        let Some(mut next) = self.next else { return };
        let mut due = 0;
        while next <= now {
            next += TICK;
            due += 1;
        }
        self.next = Some(next);
        let skipped = due - due.min(CATCH_UP);
        for (key, player) in &mut self.players {
            player.skip(skipped);
            for _ in skipped..due {
                player.packet(|packet| send(LegKey(*key), packet));
            }
        }
    }
}

impl Player {
    fn skip(&mut self, frames: u32) {
        self.position = (self.position + frames as usize) % self.frames.len();
        self.stream.advance(frames * FRAME_SAMPLES as u32);
    }

    fn packet(&mut self, send: impl FnOnce(&mut [u8])) {
        let mut packet = [0; HEADER_LEN + FRAME_SAMPLES];
        let frame = &self.frames[self.position];
        let len = self.stream.packet(self.request.payload_type, frame, FRAME_SAMPLES as u32, &mut packet);
        self.position = (self.position + 1) % self.frames.len();
        if let Some(len) = len {
            send(&mut packet[..len]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::rtp::Packet;

    const REQUEST: Request = Request { prompt: PromptId::MUSIC, codec: AudioCodec::Pcma, payload_type: 8 };

    fn listening(now: Instant) -> Players {
        let mut players = Players::default();
        let frames: Arc<[Frame]> = (0..3u8).map(|index| [index; FRAME_SAMPLES]).collect();
        players.start(LegKey(4), REQUEST, frames, Stream::new(7, 100, 1_000), now);
        players
    }

    /// What is sent by `now`: marker, sequence, timestamp, first octet of the payload.
    fn heard(players: &mut Players, now: Instant) -> Vec<(bool, u16, u32, u8)> {
        let mut heard = Vec::new();
        players.play(now, |key, packet| {
            assert_eq!(key, LegKey(4));
            let packet = Packet::parse(packet).unwrap();
            heard.push((packet.marker(), packet.sequence(), packet.timestamp(), packet.payload()[0]));
        });
        heard
    }

    #[test]
    fn a_frame_every_20_ms_round_and_round() {
        let now = Instant::now();
        let mut players = listening(now);
        let mut all = Vec::new();
        while players.deadline().unwrap() <= now + TICK * 3 {
            let due = players.deadline().unwrap();
            all.extend(heard(&mut players, due));
            assert_eq!(heard(&mut players, due), []);
        }
        assert_eq!(
            all,
            [(true, 100, 1_000, 0), (false, 101, 1_160, 1), (false, 102, 1_320, 2), (false, 103, 1_480, 0)]
        );
    }

    #[test]
    fn a_late_worker_catches_up_a_little_and_leaves_out_the_rest() {
        let now = Instant::now();
        let mut players = listening(now);
        let late = heard(&mut players, now + TICK * 9);
        assert_eq!(late.len(), CATCH_UP as usize);
        assert_eq!(late[0], (true, 100, 1_000 + 5 * 160, 2), "time passes for what was left out, numbers do not");
        assert_eq!(players.deadline(), Some(now + TICK * 10));
    }

    #[test]
    fn the_clock_stops_with_the_last_listener() {
        let now = Instant::now();
        let mut players = listening(now);
        players.stop(LegKey(5));
        assert_eq!((players.len(), players.deadline()), (1, Some(now)));
        players.stop(LegKey(4));
        assert_eq!((players.len(), players.deadline()), (0, None));
    }

    #[test]
    fn the_same_request_goes_on_and_another_begins_anew() {
        let now = Instant::now();
        let mut players = listening(now);
        heard(&mut players, now);
        let frames: Arc<[Frame]> = Arc::new([[9; FRAME_SAMPLES]]);
        players.start(LegKey(4), REQUEST, Arc::clone(&frames), Stream::new(8, 1, 1), now);
        assert_eq!(heard(&mut players, now + TICK), [(false, 101, 1_160, 1)]);
        let other = Request { codec: AudioCodec::Pcmu, payload_type: 0, ..REQUEST };
        players.start(LegKey(4), other, frames, Stream::new(8, 1, 1), now);
        assert_eq!(heard(&mut players, now + TICK * 2), [(true, 1, 1, 9)]);
    }
}
