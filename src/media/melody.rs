//! The builtin music: a gentle broken-chord tune, synthesised at start so that nobody's recording is shipped.
//!
//! Eight bars of four beats at 96 beats a minute are exactly 20 s. Every note is plucked: a few harmonics that decay
//! exponentially. Tails that run over the end are folded to the beginning, so the loop has no seam. All of it lies
//! between 196 Hz and 3 kHz, where a telephone hears (ITU-T G.712: 300 to 3400 Hz, harmonics carry the lowest notes).

use std::f64::consts::TAU;

use super::SAMPLE_RATE;

const BEAT: f64 = 0.625;
const BARS: usize = 8;
/// Peak of the finished loop, of 32,767: about −9 dB, comfortable beside speech.
const PEAK: f64 = 11_500.0;
/// The chord of each bar as MIDI notes: C, Am, F, G, Em, Am, Dm, G.
const CHORDS: [[u8; 4]; BARS] = [
    [60, 64, 67, 72],
    [57, 64, 69, 72],
    [60, 65, 69, 72],
    [55, 62, 67, 71],
    [59, 64, 67, 71],
    [57, 64, 69, 72],
    [57, 62, 65, 69],
    [55, 62, 65, 71],
];
/// The tune: MIDI note and length in beats; 0 is a rest.
const TUNE: [(u8, f64); 23] = [
    (76, 1.5),
    (79, 0.5),
    (76, 2.0),
    (72, 1.0),
    (76, 1.0),
    (74, 2.0),
    (77, 1.5),
    (76, 0.5),
    (72, 2.0),
    (74, 3.0),
    (0, 1.0),
    (79, 1.5),
    (76, 0.5),
    (74, 2.0),
    (76, 1.0),
    (72, 1.0),
    (69, 2.0),
    (77, 1.0),
    (76, 1.0),
    (74, 1.0),
    (72, 1.0),
    (71, 2.0),
    (74, 2.0),
];

/// The whole loop at 8 kHz.
pub fn synthesise() -> Vec<i16> {
    let length = (BARS as f64 * 4.0 * BEAT * f64::from(SAMPLE_RATE)) as usize;
    let mut sound = vec![0.0; length];
    for (bar, chord) in CHORDS.iter().enumerate() {
        // Eight quavers up and down the chord.
        for (step, note) in [0, 1, 2, 3, 2, 3, 2, 1].into_iter().enumerate() {
            pluck(&mut sound, (bar * 4) as f64 + step as f64 / 2.0, chord[note], 0.45, 0.5);
        }
    }
    let mut beat = 0.0;
    for (note, beats) in TUNE {
        if note != 0 {
            pluck(&mut sound, beat, note, 1.0, 0.9);
        }
        beat += beats;
    }
    let peak = sound.iter().fold(0.0f64, |peak, sample| peak.max(sample.abs()));
    sound.iter().map(|sample| (sample / peak * PEAK) as i16).collect()
}

/// Adds a note that starts at `beat` and fades with the time constant `decay` in seconds.
fn pluck(sound: &mut [f64], beat: f64, note: u8, volume: f64, decay: f64) {
    let rate = f64::from(SAMPLE_RATE);
    let hz = 440.0 * ((f64::from(note) - 69.0) / 12.0).exp2();
    let start = (beat * BEAT * rate) as usize;
    for index in 0..(decay * 5.0 * rate) as usize {
        let time = index as f64 / rate;
        // A rise of 5 ms takes the click off; the upper harmonics die sooner, as on a string.
        let rise = (time / 0.005).min(1.0);
        let tone: f64 = [(1.0, 1.0), (2.0, 0.45), (3.0, 0.2)]
            .iter()
            .map(|(harmonic, share)| share * (-time * harmonic / decay).exp() * (TAU * hz * harmonic * time).sin())
            .sum();
        let at = (start + index) % sound.len();
        sound[at] += volume * rise * tone;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tune_fills_the_bars() {
        assert_eq!(TUNE.iter().map(|(_, beats)| beats).sum::<f64>(), BARS as f64 * 4.0);
        assert_eq!(synthesise().len(), 20 * SAMPLE_RATE as usize);
    }

    #[test]
    fn it_never_falls_silent_nor_clips_nor_clicks() {
        let sound = synthesise();
        for quarter in sound.chunks(2_000) {
            let mean_square = quarter.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / 2_000.0;
            assert!(mean_square.sqrt() > 300.0, "{}", mean_square.sqrt());
        }
        assert_eq!(sound.iter().map(|sample| sample.unsigned_abs()).max(), Some(PEAK as u16));
        let seam = i32::from(sound[0]) - i32::from(sound[sound.len() - 1]);
        let largest = sound.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap();
        assert!(seam.abs() <= largest, "the seam is no jump: {seam} against {largest}");
    }
}
