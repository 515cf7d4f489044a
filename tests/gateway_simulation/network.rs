//! The network of one schedule: how long a message travels, and whether it arrives.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

/// What the network does to datagrams. A stream is delayed too, but keeps its order and loses nothing until it breaks.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    lost: f64,
    doubled: f64,
    longest_ms: u64,
    /// A datagram out of this many dawdles for seconds.
    straggler: f64,
    /// How many of a hundred stream connections break in mid-call.
    pub breaks: f64,
}

impl Weather {
    pub fn draw(rng: &mut StdRng) -> Weather {
        let pick = |rng: &mut StdRng, of: &[f64]| of[rng.random_range(0..of.len())];
        Weather {
            lost: pick(rng, &[0.0, 0.02, 0.05, 0.2]),
            doubled: pick(rng, &[0.0, 0.01, 0.1]),
            longest_ms: pick(rng, &[10.0, 60.0, 250.0, 900.0]) as u64,
            straggler: pick(rng, &[0.0, 0.002]),
            breaks: pick(rng, &[0.0, 0.05, 0.3]),
        }
    }

    /// When the copies of one datagram arrive, counted from now; none when it is lost.
    pub fn datagram(&self, rng: &mut StdRng) -> impl Iterator<Item = Duration> + use<> {
        let dice: f64 = rng.random();
        let copies = if dice < self.lost {
            0
        } else if dice < self.lost + self.doubled {
            2
        } else {
            1
        };
        let delays: Vec<Duration> = (0..copies).map(|_| self.delay(rng)).collect();
        delays.into_iter()
    }

    /// The time one message needs.
    pub fn delay(&self, rng: &mut StdRng) -> Duration {
        // Never longer than T4 (5 s): past that a lingering copy is a new request to everybody (RFC 3261 §17.1.2.2).
        let straggles = self.straggler > 0.0 && rng.random_bool(self.straggler);
        let extra = if straggles { rng.random_range(1_000..4_000) } else { 0 };
        Duration::from_millis(rng.random_range(1..=self.longest_ms) + extra)
    }
}
