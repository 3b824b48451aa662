use super::*;
use crate::x86::encoder::{Unit, lines};

/// # Safety
/// The instructions must be there.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn each(values: &[f32], function: fn(__m512) -> __m512) -> Vec<f32> {
    let mut out = vec![0.0; values.len()];
    for (from, to) in values.chunks_exact(16).zip(out.chunks_exact_mut(16)) {
        // SAFETY: sixteen values.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), function(_mm512_loadu_ps(from.as_ptr()))) };
    }
    out
}

/// # Safety
/// The instructions must be there.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn line<const NATIVE: bool>(values: &[f32; 32]) -> [u16; 32] {
    let mut line = Line::ZERO;
    let from = values.as_ptr();
    // SAFETY: thirty-two values.
    unsafe {
        let (low, high) = (
            _mm512_loadu_ps(from),
            _mm512_loadu_ps(from.wrapping_add(16)),
        );
        _mm512_store_si512((&raw mut line).cast(), round::<NATIVE>(low, high));
    }
    line.0
}

/// The normal distribution by its series (Marsaglia 2004), and by its limits far from zero.
fn normal(x: f64) -> f64 {
    if x.abs() > 8.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..300 {
        term *= x * x / f64::from(2 * n + 1);
        sum += term;
    }
    0.5 + sum * (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[test]
fn gelu_and_powers_are_those_of_the_definition() {
    if !crate::x86::supported() {
        return;
    }
    let values: Vec<f32> = (-8000..8000).map(|i| i as f32 / 500.0).collect();
    // SAFETY: the instructions are there.
    let got = unsafe { each(&values, |x| gelu(x)) };
    for (x, got) in values.iter().zip(got) {
        let wanted = f64::from(*x) * normal(f64::from(*x));
        let off = (f64::from(got) - wanted).abs();
        assert!(off < 1e-4, "gelu({x}) is {got}, not {wanted}");
    }
    let values: Vec<f32> = (0..16_000).map(|i| i as f32 / -100.0).collect();
    // SAFETY: the instructions are there.
    let got = unsafe { each(&values, |x| exp2(x)) };
    for (x, got) in values.iter().zip(got) {
        let wanted = f64::from(*x).exp2();
        let off = (f64::from(got) - wanted).abs();
        assert!(off < wanted * 1e-5 + 1e-37, "2^{x} is {got}, not {wanted}");
        assert!(got.is_normal());
    }
}

#[test]
fn all_ways_of_rounding_are_one() {
    if !crate::x86::supported() {
        return;
    }
    let mut bits = 1_u32;
    for _ in 0..20_000 {
        let values: [f32; 32] = std::array::from_fn(|_| {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Halfway between two values once in a while.
            let value = f32::from_bits(if bits & 7 == 0 {
                bits & 0xffff_0000 | 0x8000
            } else {
                bits
            });
            if value.is_normal() { value } else { 1.0 }
        });
        let wanted = values.map(lines::round);
        // SAFETY: the instructions are there.
        assert_eq!(unsafe { line::<false>(&values) }, wanted);
        if Unit::best().native() {
            // SAFETY: and so is the one that rounds.
            assert_eq!(unsafe { line::<true>(&values) }, wanted);
        }
    }
}
