//! A tone, and the ear that finds it: how an endpoint proves that it hears the other.
//!
//! The detector is Goertzel's algorithm over blocks of 50 ms, so its bins are 20 Hz apart. It reports the share of the
//! block's energy that lies in the bin nearest to the wanted frequency and in its two neighbours (±30 Hz): 1 for a
//! clean tone, about 0.015 for white noise, 0 for silence.

use std::f64::consts::TAU;

use super::SAMPLE_RATE;

/// Samples in one block of the detector: 50 ms.
const BLOCK: usize = 400;
/// Width of one bin in Hz.
const BIN_HZ: f64 = SAMPLE_RATE as f64 / BLOCK as f64;
/// Below this mean square a block is silence (an amplitude of about 30, −60 dB of full scale): G.711's own idle noise
/// must not count as a tone.
const SILENCE: f64 = 450.0;
/// A block with at least this share of its energy in the band counts as "heard".
const HEARD: f64 = 0.6;

/// A sine generator that keeps its phase from one buffer to the next.
#[derive(Clone, Debug)]
pub struct Tone {
    phase: f64,
    step: f64,
    amplitude: f64,
}

impl Tone {
    /// A sine of `hz` with the given peak `amplitude` (of 32,767).
    pub fn new(hz: f64, amplitude: i16) -> Self {
        Self { phase: 0.0, step: TAU * hz / f64::from(SAMPLE_RATE), amplitude: f64::from(amplitude) }
    }

    /// Writes the next samples.
    pub fn fill(&mut self, out: &mut [i16]) {
        for sample in out {
            *sample = (self.phase.sin() * self.amplitude) as i16;
            self.phase = (self.phase + self.step) % TAU;
        }
    }
}

/// One Goertzel filter: the energy of a block at one frequency.
#[derive(Clone, Debug)]
struct Goertzel {
    coefficient: f64,
    s1: f64,
    s2: f64,
}

impl Goertzel {
    fn new(hz: f64) -> Self {
        Self { coefficient: 2.0 * (TAU * hz / f64::from(SAMPLE_RATE)).cos(), s1: 0.0, s2: 0.0 }
    }

    fn push(&mut self, sample: f64) {
        let s0 = sample + self.coefficient * self.s1 - self.s2;
        self.s2 = self.s1;
        self.s1 = s0;
    }

    /// The squared magnitude at the filter's frequency; starts the next block.
    fn take(&mut self) -> f64 {
        let power = self.s1 * self.s1 + self.s2 * self.s2 - self.coefficient * self.s1 * self.s2;
        (self.s1, self.s2) = (0.0, 0.0);
        power
    }
}

/// Listens for one tone.
#[derive(Clone, Debug)]
pub struct ToneDetector {
    bins: [Goertzel; 3],
    filled: usize,
    energy: f64,
    loud_blocks: u64,
    heard_blocks: u64,
    share_sum: f64,
}

impl ToneDetector {
    /// Listens in a band of ±30 Hz around `hz`, rounded to the nearest 20 Hz.
    pub fn new(hz: f64) -> Self {
        let centre = (hz / BIN_HZ).round() * BIN_HZ;
        let bins = [centre - BIN_HZ, centre, centre + BIN_HZ].map(Goertzel::new);
        Self { bins, filled: 0, energy: 0.0, loud_blocks: 0, heard_blocks: 0, share_sum: 0.0 }
    }

    /// Hears some more samples.
    pub fn push(&mut self, samples: &[i16]) {
        for sample in samples {
            let sample = f64::from(*sample);
            self.energy += sample * sample;
            self.bins.iter_mut().for_each(|bin| bin.push(sample));
            self.filled += 1;
            if self.filled == BLOCK {
                self.finish_block();
            }
        }
    }

    fn finish_block(&mut self) {
        let band: f64 = self.bins.iter_mut().map(Goertzel::take).sum();
        let energy = std::mem::take(&mut self.energy);
        self.filled = 0;
        if energy < SILENCE * BLOCK as f64 {
            return;
        }
        // A sine of amplitude A has the energy A²N/2 and the magnitude AN/2 at its bin.
        let share = (2.0 * band / (BLOCK as f64 * energy)).min(1.0);
        self.loud_blocks += 1;
        self.share_sum += share;
        self.heard_blocks += u64::from(share >= HEARD);
    }

    /// How long the wanted tone was clearly heard, in seconds.
    pub fn heard_s(&self) -> f64 {
        self.heard_blocks as f64 * BLOCK as f64 / f64::from(SAMPLE_RATE)
    }

    /// How long anything but silence was heard, in seconds.
    pub fn loud_s(&self) -> f64 {
        self.loud_blocks as f64 * BLOCK as f64 / f64::from(SAMPLE_RATE)
    }

    /// The mean share, 0 to 1, of the energy within the band over everything that was not silence.
    pub fn share(&self) -> f64 {
        if self.loud_blocks == 0 { 0.0 } else { self.share_sum / self.loud_blocks as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{AudioCodec, g711};
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    fn second_of(hz: f64) -> Vec<i16> {
        let mut samples = vec![0; SAMPLE_RATE as usize];
        Tone::new(hz, 8_000).fill(&mut samples);
        samples
    }

    fn listen(hz: f64, samples: &[i16]) -> ToneDetector {
        let mut ear = ToneDetector::new(hz);
        samples.chunks(160).for_each(|frame| ear.push(frame));
        ear
    }

    #[test]
    fn hears_the_wanted_tone_on_and_off_its_bins() {
        for hz in [425.0, 440.0, 697.0, 1_000.0, 1_004.0, 1_633.0] {
            let ear = listen(hz, &second_of(hz));
            assert!(ear.share() > 0.85, "{hz} Hz: {}", ear.share());
            assert_eq!(ear.heard_s(), 1.0, "{hz} Hz");
        }
    }

    #[test]
    fn hears_it_through_either_law() {
        for codec in AudioCodec::ALL {
            let (mut octets, mut back) = (vec![0; 8_000], vec![0; 8_000]);
            g711::encode(codec, &second_of(440.0), &mut octets);
            g711::decode(codec, &octets, &mut back);
            assert!(listen(440.0, &back).share() > 0.95);
        }
    }

    #[test]
    fn another_tone_is_loud_but_not_it() {
        let ear = listen(440.0, &second_of(620.0));
        assert!(ear.share() < 0.02, "{}", ear.share());
        assert_eq!((ear.heard_s(), ear.loud_s()), (0.0, 1.0));
    }

    #[test]
    fn noise_is_not_a_tone() {
        let mut rng = StdRng::seed_from_u64(7);
        let noise: Vec<i16> = (0..8_000).map(|_| rng.random_range(-8_000..8_000)).collect();
        assert!(listen(440.0, &noise).share() < 0.1);
    }

    #[test]
    fn silence_is_nothing() {
        let ear = listen(440.0, &[8; 8_000]);
        assert_eq!((ear.share(), ear.heard_s(), ear.loud_s()), (0.0, 0.0, 0.0));
    }

    #[test]
    fn the_phase_runs_on_between_buffers() {
        let mut tone = Tone::new(440.0, 8_000);
        let mut pieces = vec![0; 320];
        pieces.chunks_mut(7).for_each(|piece| tone.fill(piece));
        assert_eq!(pieces, second_of(440.0)[..320]);
    }
}
