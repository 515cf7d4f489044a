//! G.711 through the `audio-codec-algorithms` crate (why that one: `docs/adr/0002-media-workers.md`).

use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};

use super::contract::AudioCodec;

/// Encodes 16-bit linear samples, one octet each. Stops at the shorter of the two slices and says how far it came.
pub fn encode(codec: AudioCodec, samples: &[i16], out: &mut [u8]) -> usize {
    let law = match codec {
        AudioCodec::Pcmu => encode_ulaw,
        AudioCodec::Pcma => encode_alaw,
    };
    samples.iter().zip(out).map(|(sample, octet)| *octet = law(*sample)).count()
}

/// Decodes octets to 16-bit linear samples, one each. Stops at the shorter of the two slices and says how far it came.
pub fn decode(codec: AudioCodec, octets: &[u8], out: &mut [i16]) -> usize {
    let law = match codec {
        AudioCodec::Pcmu => decode_ulaw,
        AudioCodec::Pcma => decode_alaw,
    };
    octets.iter().zip(out).map(|(octet, sample)| *sample = law(*octet)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_has_its_well_known_octets() {
        let mut octets = [0; 2];
        assert_eq!(encode(AudioCodec::Pcmu, &[0, 0], &mut octets), 2);
        assert_eq!(octets, [0xff, 0xff]);
        encode(AudioCodec::Pcma, &[0, 0], &mut octets);
        assert_eq!(octets, [0xd5, 0xd5]);
    }

    #[test]
    fn every_octet_survives_the_round_trip() {
        for codec in AudioCodec::ALL {
            for octet in 0..=255u8 {
                let (mut sample, mut back) = ([0], [0]);
                decode(codec, &[octet], &mut sample);
                encode(codec, &sample, &mut back);
                // µ-law has two zeros, and only the positive one comes back.
                let expected = if codec == AudioCodec::Pcmu && octet == 0x7f { 0xff } else { octet };
                assert_eq!(back[0], expected, "{codec:?} {octet:#x}");
            }
        }
    }

    #[test]
    fn the_quantisation_error_is_that_of_the_law() {
        for codec in AudioCodec::ALL {
            for sample in (-32_000..=32_000i16).step_by(7) {
                let (mut octet, mut back) = ([0], [0]);
                encode(codec, &[sample], &mut octet);
                decode(codec, &octet, &mut back);
                let error = (i32::from(back[0]) - i32::from(sample)).abs();
                assert!(error <= 16 + i32::from(sample).abs() / 24, "{codec:?} {sample} came back as {}", back[0]);
            }
        }
    }

    #[test]
    fn the_shorter_slice_decides() {
        let mut octets = [0; 3];
        assert_eq!(encode(AudioCodec::Pcma, &[1; 10], &mut octets), 3);
        assert_eq!(decode(AudioCodec::Pcma, &octets, &mut [0; 2]), 2);
    }
}
