//! What waiting callers hear: prompts that are encoded once and shared by every listener.
//!
//! A prompt is a loop of 20 ms frames per codec behind an [`Arc`]; a listener is a position in it, so a thousand
//! listeners cost one send each and no encoding.

use std::io::Read;
use std::sync::Arc;

use hound::{SampleFormat, WavReader};
use thiserror::Error;

use super::contract::{AudioCodec, PromptId};
use super::{FRAME_SAMPLES, SAMPLE_RATE, g711, melody};

/// The longest recording that is taken: ten minutes, about 10 MB encoded.
pub const MAX_SECONDS: u32 = 600;

/// 20 ms of G.711.
pub type Frame = [u8; FRAME_SAMPLES];

/// Why a recording cannot be played. The operator's file is at fault.
#[derive(Debug, Error)]
pub enum PromptError {
    /// Not a WAV file, damaged, or in a coding other than PCM or 32-bit float.
    #[error("not a readable WAV file: {0}")]
    Wav(#[from] hound::Error),
    /// A rate outside 8 to 192 kHz.
    #[error("sample rate {0} Hz; 8000 to 192000 is supported")]
    Rate(u32),
    /// No channel, or no sample.
    #[error("the recording is empty")]
    Empty,
    /// Too long.
    #[error("the recording lasts {0} s; at most {MAX_SECONDS} is supported")]
    TooLong(u32),
}

/// A loop of sound, ready to send.
#[derive(Clone, Debug)]
pub struct Prompt {
    id: PromptId,
    pcmu: Arc<[Frame]>,
    pcma: Arc<[Frame]>,
}

impl Prompt {
    /// The builtin melody under [`PromptId::MUSIC`]: 20 s, synthesised here, nobody's property.
    pub fn melody() -> Self {
        Self::from_samples(PromptId::MUSIC, &melody::synthesise())
    }

    /// Reads a WAV file: 8, 16, 24 or 32-bit PCM or 32-bit float, any number of channels (mixed to one), 8 to 192 kHz
    /// (brought to 8 kHz), at most [`MAX_SECONDS`].
    pub fn from_wav(id: PromptId, file: impl Read) -> Result<Self, PromptError> {
        let mut wav = WavReader::new(file)?;
        let spec = wav.spec();
        let rate = spec.sample_rate;
        if !(SAMPLE_RATE..=192_000).contains(&rate) {
            return Err(PromptError::Rate(rate));
        }
        if spec.channels == 0 || wav.duration() == 0 {
            return Err(PromptError::Empty);
        }
        if wav.duration() / rate > MAX_SECONDS {
            return Err(PromptError::TooLong(wav.duration() / rate));
        }
        let samples: Vec<f32> = match spec.sample_format {
            SampleFormat::Float => wav.samples::<f32>().collect::<Result<_, _>>()?,
            SampleFormat::Int => {
                let full_scale = (1i64 << spec.bits_per_sample.clamp(1, 32) >> 1) as f32;
                wav.samples::<i32>()
                    .map(|sample| sample.map(|sample| sample as f32 / full_scale))
                    .collect::<Result<_, _>>()?
            }
        };
        let channels = usize::from(spec.channels);
        let mono: Vec<f32> =
            samples.chunks(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
        let samples: Vec<i16> =
            to_8_khz(&mono, rate).iter().map(|sample| (sample.clamp(-1.0, 1.0) * 32_767.0) as i16).collect();
        Ok(Self::from_samples(id, &samples))
    }

    /// Encodes 8 kHz samples. The last frame is filled up with silence; no sample at all is 20 ms of it.
    pub fn from_samples(id: PromptId, samples: &[i16]) -> Self {
        Self { id, pcmu: frames(AudioCodec::Pcmu, samples), pcma: frames(AudioCodec::Pcma, samples) }
    }

    /// Its name.
    pub fn id(&self) -> PromptId {
        self.id
    }

    /// The loop in a codec. Never empty.
    pub fn frames(&self, codec: AudioCodec) -> &Arc<[Frame]> {
        match codec {
            AudioCodec::Pcmu => &self.pcmu,
            AudioCodec::Pcma => &self.pcma,
        }
    }
}

fn frames(codec: AudioCodec, samples: &[i16]) -> Arc<[Frame]> {
    let mut silence = [0; FRAME_SAMPLES];
    g711::encode(codec, &[0; FRAME_SAMPLES], &mut silence);
    let count = samples.len().div_ceil(FRAME_SAMPLES).max(1);
    let mut frames = vec![silence; count];
    for (frame, samples) in frames.iter_mut().zip(samples.chunks(FRAME_SAMPLES)) {
        g711::encode(codec, samples, frame);
    }
    frames.into()
}

/// Brings sound from `rate` ≥ 8 kHz to 8 kHz: each output sample is the mean of the input it covers, a first-order
/// low-pass. Enough for music on a telephone; a file at 8 kHz is taken as it is.
fn to_8_khz(samples: &[f32], rate: u32) -> Vec<f32> {
    if rate == SAMPLE_RATE {
        return samples.to_vec();
    }
    let step = f64::from(rate) / f64::from(SAMPLE_RATE);
    let count = (samples.len() as f64 / step) as usize;
    (0..count).map(|index| mean(samples, index as f64 * step, (index + 1) as f64 * step)).collect()
}

/// The mean of a signal that is constant over each sample, from `start` to `end`.
fn mean(samples: &[f32], start: f64, end: f64) -> f32 {
    let covered = samples.iter().enumerate().skip(start as usize).take((end - start) as usize + 2);
    let weigh = |index: usize| ((index + 1) as f64).min(end) - (index as f64).max(start);
    let (sum, weight) = covered.fold((0.0, 0.0), |(sum, weight), (index, sample)| {
        let share = weigh(index).max(0.0);
        (sum + f64::from(*sample) * share, weight + share)
    });
    (sum / weight) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::tone::ToneDetector;
    use hound::{WavSpec, WavWriter};
    use std::io::Cursor;

    fn wav(channels: u16, sample_rate: u32, bits_per_sample: u16, sample_format: SampleFormat, hz: f64) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let spec = WavSpec { channels, sample_rate, bits_per_sample, sample_format };
        let mut writer = WavWriter::new(&mut file, spec).unwrap();
        for index in 0..sample_rate {
            let value = 0.4 * (std::f64::consts::TAU * hz * f64::from(index) / f64::from(sample_rate)).sin();
            for _ in 0..channels {
                match sample_format {
                    SampleFormat::Float => writer.write_sample(value as f32).unwrap(),
                    SampleFormat::Int => {
                        writer.write_sample((value * f64::from(1u32 << (bits_per_sample - 1))) as i32).unwrap()
                    }
                }
            }
        }
        writer.finalize().unwrap();
        file.into_inner()
    }

    fn decoded(prompt: &Prompt, codec: AudioCodec) -> Vec<i16> {
        let octets: Vec<u8> = prompt.frames(codec).iter().flatten().copied().collect();
        let mut samples = vec![0; octets.len()];
        g711::decode(codec, &octets, &mut samples);
        samples
    }

    #[test]
    fn every_supported_file_sounds_the_same() {
        for (channels, rate, bits, format) in [
            (1, 8_000, 8, SampleFormat::Int),
            (1, 8_000, 16, SampleFormat::Int),
            (2, 44_100, 16, SampleFormat::Int),
            (6, 16_000, 24, SampleFormat::Int),
            (2, 48_000, 32, SampleFormat::Float),
        ] {
            let file = wav(channels, rate, bits, format, 440.0);
            let prompt = Prompt::from_wav(PromptId(3), Cursor::new(file)).unwrap();
            assert_eq!((prompt.id(), prompt.frames(AudioCodec::Pcma).len()), (PromptId(3), 50));
            let mut ear = ToneDetector::new(440.0);
            ear.push(&decoded(&prompt, AudioCodec::Pcma));
            assert!(ear.share() > 0.95 && ear.heard_s() > 0.9, "{channels} {rate} {bits}: {}", ear.share());
        }
    }

    #[test]
    fn a_file_that_cannot_be_played_says_why() {
        let slow = wav(1, 4_000, 16, SampleFormat::Int, 440.0);
        assert!(matches!(Prompt::from_wav(PromptId(1), Cursor::new(slow)), Err(PromptError::Rate(4_000))));
        assert!(matches!(Prompt::from_wav(PromptId(1), &b"RIFFnoise"[..]), Err(PromptError::Wav(_))));
        let mut cut = wav(1, 8_000, 16, SampleFormat::Int, 440.0);
        cut.truncate(1_000);
        assert!(matches!(Prompt::from_wav(PromptId(1), Cursor::new(cut)), Err(PromptError::Wav(_))));
    }

    #[test]
    fn the_last_frame_ends_in_silence() {
        let prompt = Prompt::from_samples(PromptId(1), &[9_000; 170]);
        let samples = decoded(&prompt, AudioCodec::Pcmu);
        assert_eq!(samples.len(), 320);
        assert!(samples[..170].iter().all(|sample| *sample > 8_000));
        assert!(samples[170..].iter().all(|sample| *sample == 0));
        assert_eq!(Prompt::from_samples(PromptId(1), &[]).frames(AudioCodec::Pcma)[..], [[0xd5; 160]]);
    }

    #[test]
    fn the_melody_is_the_same_tune_in_both_codecs() {
        let prompt = Prompt::melody();
        let [a, b] = AudioCodec::ALL.map(|codec| decoded(&prompt, codec));
        assert_eq!((a.len(), b.len()), (160_000, 160_000));
        let difference: f64 = a.iter().zip(&b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
        let energy: f64 = a.iter().map(|a| f64::from(*a).powi(2)).sum();
        assert!(difference < energy / 1_000.0);
    }
}
