//! The two companded 8-bit codes of telephone lines (ITU-T G.711).

/// A mu-law byte as a sample in `-1.0..=1.0`.
pub(crate) fn mu_law(byte: u8) -> f32 {
    let code = !byte;
    let magnitude = ((i32::from(code & 0x0f) << 3) + 0x84) << ((code >> 4) & 7);
    let sample = magnitude - 0x84;
    scaled(if code & 0x80 == 0 { sample } else { -sample })
}

/// An A-law byte as a sample in `-1.0..=1.0`.
pub(crate) fn a_law(byte: u8) -> f32 {
    let code = byte ^ 0x55;
    let step = (i32::from(code & 0x0f) << 4) + 8;
    let magnitude = match (code >> 4) & 7 {
        0 => step,
        exponent => (step + 0x100) << (exponent - 1),
    };
    scaled(if code & 0x80 == 0 {
        -magnitude
    } else {
        magnitude
    })
}

/// A sample in `-1.0..=1.0` as a mu-law byte; louder samples are cut, what is no number is silence.
/// The exact inverse of [`mu_law`], but that the standard's second zero is never written.
pub(crate) fn to_mu_law(sample: f32) -> u8 {
    let sample = integer(sample);
    // The largest magnitude that still has a code, and the bias that makes every segment a power of two.
    let magnitude = sample.abs().min(32_635) + 0x84;
    let exponent = magnitude.ilog2() - 7;
    let code = (exponent << 4) as u8 | ((magnitude >> (exponent + 3)) & 0x0f) as u8;
    !(if sample < 0 { code | 0x80 } else { code })
}

/// A sample in `-1.0..=1.0` as an A-law byte; louder samples are cut. The exact inverse of
/// [`a_law`]. The code has no zero: silence is written as the smallest positive value.
pub(crate) fn to_a_law(sample: f32) -> u8 {
    let sample = integer(sample);
    let magnitude = sample.abs().min(32_767);
    let code = match magnitude {
        0..0x100 => (magnitude >> 4) as u8,
        _ => {
            let exponent = magnitude.ilog2() - 7;
            (exponent << 4) as u8 | ((magnitude >> (exponent + 3)) & 0x0f) as u8
        }
    };
    (if sample < 0 { code } else { code | 0x80 }) ^ 0x55
}

fn scaled(sample: i32) -> f32 {
    sample as f32 / 32_768.0
}

fn integer(sample: f32) -> i32 {
    (sample * 32_768.0).clamp(-32_768.0, 32_767.0).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decode_to_the_values_of_the_standard() {
        for (byte, sample) in [
            (0xff, 0.0),
            (0x7f, 0.0),
            (0x80, 32_124.0),
            (0x00, -32_124.0),
            (0xfe, 8.0),
        ] {
            assert_eq!(mu_law(byte) * 32_768.0, sample, "mu-law {byte:02x}");
        }
        for (byte, sample) in [
            (0xd5, 8.0),
            (0x55, -8.0),
            (0xaa, 32_256.0),
            (0x2a, -32_256.0),
            (0xc5, 264.0),
        ] {
            assert_eq!(a_law(byte) * 32_768.0, sample, "A-law {byte:02x}");
        }
    }

    #[test]
    fn every_code_comes_back() {
        for byte in 0..=255 {
            let written = if byte == 0x7f { 0xff } else { byte };
            assert_eq!(to_mu_law(mu_law(byte)), written, "mu-law {byte:02x}");
            assert_eq!(to_a_law(a_law(byte)), byte, "A-law {byte:02x}");
        }
    }

    #[test]
    fn every_sample_gets_a_code_within_half_a_step_and_louder_ones_no_softer() {
        type Law = (fn(f32) -> u8, fn(u8) -> f32, i32);
        let laws: [Law; 2] = [(to_mu_law, mu_law, 0x84), (to_a_law, a_law, 0)];
        for (encode, decode, bias) in laws {
            let mut before = -1.0;
            for sample in -32_635..=32_635_i32 {
                let value = decode(encode(scaled(sample)));
                // Sixteen steps a segment, each segment twice as long as the one before; only A-law's
                // first is as long as its second.
                let step = 1 << ((sample.abs() + bias).max(0x80).ilog2() - 4);
                let off = (value * 32_768.0 - sample as f32).abs();
                assert!(off <= (step as f32 / 2.0).max(8.0), "{sample}: {off} off");
                assert!(value >= before, "{sample}: {value} after {before}");
                before = value;
            }
        }
    }

    #[test]
    fn what_is_too_loud_or_no_number_does_no_harm() {
        assert_eq!(to_mu_law(9.0), 0x80);
        assert_eq!(to_mu_law(f32::NEG_INFINITY), 0x00);
        assert_eq!(to_mu_law(f32::NAN), 0xff);
        assert_eq!(to_a_law(f32::INFINITY), 0xaa);
        assert_eq!(to_a_law(-9.0), 0x2a);
        assert_eq!(to_a_law(f32::NAN), 0xd5);
    }
}
