//! Samples as bytes.

use super::super::g711;

/// How samples are written on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// G.711 mu-law, a byte a sample: Genesys' `PCMU`, Twilio's `audio/x-mulaw`.
    MuLaw,
    /// G.711 A-law, a byte a sample.
    ALaw,
    /// Signed 16-bit integers, the low byte first.
    Linear16,
    /// Signed 16-bit integers, the high byte first.
    Linear16BigEndian,
}

impl Encoding {
    /// Bytes a sample.
    pub fn bytes(self) -> usize {
        match self {
            Self::MuLaw | Self::ALaw => 1,
            Self::Linear16 | Self::Linear16BigEndian => 2,
        }
    }

    /// The samples of one of several channels whose samples alternate. Bytes that are no whole sample
    /// are left out.
    pub(super) fn decode(self, bytes: &[u8], channels: usize, channel: usize) -> Vec<f32> {
        bytes
            .chunks_exact(self.bytes())
            .skip(channel)
            .step_by(channels.max(1))
            .map(|sample| match (self, sample) {
                (Self::MuLaw, [byte]) => g711::mu_law(*byte),
                (Self::ALaw, [byte]) => g711::a_law(*byte),
                (Self::Linear16, [a, b]) => linear(i16::from_le_bytes([*a, *b])),
                (Self::Linear16BigEndian, [a, b]) => linear(i16::from_be_bytes([*a, *b])),
                _ => 0.0,
            })
            .collect()
    }

    /// One channel of samples as bytes; louder samples than `-1.0..=1.0` are cut.
    pub(super) fn encode(self, samples: &[f32]) -> Vec<u8> {
        let integer = |sample: &f32| (sample * 32_768.0).round() as i16;
        match self {
            Self::MuLaw => samples.iter().map(|s| g711::to_mu_law(*s)).collect(),
            Self::ALaw => samples.iter().map(|s| g711::to_a_law(*s)).collect(),
            Self::Linear16 => samples
                .iter()
                .flat_map(|s| integer(s).to_le_bytes())
                .collect(),
            Self::Linear16BigEndian => samples
                .iter()
                .flat_map(|s| integer(s).to_be_bytes())
                .collect(),
        }
    }
}

fn linear(sample: i16) -> f32 {
    f32::from(sample) / 32_768.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_taken_apart_and_every_encoding_comes_back() {
        assert_eq!(
            Encoding::Linear16.decode(&[0, 0x40, 0, 0xc0, 0, 0x20, 0, 0xe0, 7], 2, 1),
            [-0.5, -0.25]
        );
        assert_eq!(
            Encoding::MuLaw.decode(&[0xff, 0x80, 0xff], 2, 0),
            [0.0, 0.0]
        );
        assert!(Encoding::ALaw.decode(&[], 1, 0).is_empty());
        let loud = [0.5, -0.25, 2.0, f32::NAN];
        for encoding in [
            Encoding::MuLaw,
            Encoding::ALaw,
            Encoding::Linear16,
            Encoding::Linear16BigEndian,
        ] {
            let bytes = encoding.encode(&loud);
            assert_eq!(bytes.len(), 4 * encoding.bytes());
            let samples = encoding.decode(&bytes, 1, 0);
            for (sample, meant) in samples.iter().zip([0.5, -0.25, 1.0, 0.0]) {
                assert!((sample - meant).abs() < 0.02, "{encoding:?}: {samples:?}");
            }
        }
    }
}
