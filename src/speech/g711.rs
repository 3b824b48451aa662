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

fn scaled(sample: i32) -> f32 {
    sample as f32 / 32_768.0
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
}
