//! Tones to play and recordings to measure.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tandem::media::g711;
use tandem::media::tone::{Tone, ToneDetector};
use tandem::media::{AudioCodec, SAMPLE_RATE};

use crate::patience::until;

/// The header of the WAV files that libsndfile writes for 16-bit mono PCM. Its lengths are right only once the file is
/// closed, so that a recording under way is read as raw samples behind it.
const WAV_HEADER: usize = 44;

/// Peak of the tones, of 32,767.
const PEAK: i16 = 10_000;

/// How much of a tone has to be heard, in seconds, and the share of its energy in all that is heard.
const LONG_ENOUGH: f64 = 1.5;
const CLEAR: f64 = 0.85;

/// Notes of the builtin tune's beginning, in hertz, and how long it is listened to, in seconds.
const NOTES: [f64; 4] = [659.3, 784.0, 523.3, 587.3];
const MUSIC: f64 = 2.5;

fn tone(hz: f64, seconds: usize) -> Vec<i16> {
    let mut samples = vec![0; seconds * SAMPLE_RATE as usize];
    Tone::new(hz, PEAK).fill(&mut samples);
    samples
}

/// Writes a tone as a WAV file.
pub fn write_wav(path: &Path, hz: f64, seconds: usize) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec).expect("a file");
    for sample in tone(hz, seconds) {
        file.write_sample(sample).expect("a sample");
    }
    file.finalize().expect("a file");
}

/// Writes one second of a tone as raw A-law; a whole number of hertz loops without a seam.
pub fn write_alaw(path: &Path, hz: u16) {
    let samples = tone(f64::from(hz), 1);
    let mut octets = vec![0; samples.len()];
    g711::encode(AudioCodec::Pcma, &samples, &mut octets);
    std::fs::write(path, octets).expect("a file");
}

/// What a softphone hears: the recording that it is writing.
pub struct Recording {
    path: PathBuf,
}

impl Recording {
    /// The recording at `path`.
    pub fn new(path: PathBuf) -> Recording {
        Recording { path }
    }

    fn samples(&self) -> Vec<i16> {
        let octets = std::fs::read(&self.path).unwrap_or_default();
        let octets = octets.get(WAV_HEADER..).unwrap_or_default();
        octets.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    }

    /// What was heard in the last `seconds`.
    fn listen(&self, hz: f64, seconds: f64) -> ToneDetector {
        let samples = self.samples();
        let window = (seconds * f64::from(SAMPLE_RATE)) as usize;
        let mut ear = ToneDetector::new(hz);
        ear.push(&samples[samples.len().saturating_sub(window)..]);
        ear
    }

    /// Waits until the tone is heard, and for a while nothing but it.
    pub fn hears(&self, hz: f64) {
        let what = format!("a tone of {hz} Hz in {}", self.path.display());
        until(&what, || {
            let ear = self.listen(hz, LONG_ENOUGH);
            (ear.heard_s() >= LONG_ENOUGH * CLEAR && ear.share() >= CLEAR).then_some(())
        });
    }

    /// Waits until the builtin music is heard: one note of it after the other, each of them clearly.
    pub fn hears_music(&self) {
        until("music", || (self.listen(NOTES[0], f64::MAX).loud_s() >= MUSIC).then_some(()));
        let heard = NOTES.iter().filter(|hz| self.listen(**hz, f64::MAX).heard_s() > 0.0).count();
        assert!(heard >= 2, "{heard} notes of {NOTES:?}");
    }

    /// Waits until nothing comes any more: for half a second the recording did not grow.
    #[allow(clippy::disallowed_methods)] // it times another program
    pub fn falls_silent(&self) {
        let (mut length, mut since) = (self.samples().len(), Instant::now());
        until("silence", || {
            let now = self.samples().len();
            if now != length {
                (length, since) = (now, Instant::now());
            }
            (since.elapsed() >= Duration::from_millis(500)).then_some(())
        });
    }

    /// Waits until more comes.
    pub fn grows(&self) {
        let length = self.samples().len();
        until("more sound", || (self.samples().len() > length).then_some(()));
    }
}
