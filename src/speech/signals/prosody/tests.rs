use std::f32::consts::TAU;

use super::*;

const RATE_HZ: f32 = SAMPLE_RATE as f32;

/// A voice over a telephone: harmonics of `hz` from 300 to 3400 Hz only, the pitch `swing` semitones
/// up and down three times a second.
fn telephone_voice(hz: f32, swing: f32, amplitude: f32, seconds: f32) -> Vec<f32> {
    let mut phase = 0.0_f32;
    (0..(RATE_HZ * seconds) as usize)
        .map(|i| {
            let bend = swing * (TAU * 3.0 * i as f32 / RATE_HZ).sin();
            let now = hz * (bend / 12.0).exp2();
            phase = (phase + now / RATE_HZ).fract();
            let partials = (1..60).map(|k| k as f32);
            let heard = partials.filter(|k| (300.0..3400.0).contains(&(k * now)));
            amplitude
                * heard
                    .map(|k| (TAU * k * phase + k * k).sin() / k)
                    .sum::<f32>()
        })
        .collect()
}

fn noise(amplitude: f32, seconds: f32) -> Vec<f32> {
    let mut state = 7_u32;
    (0..(RATE_HZ * seconds) as usize)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            amplitude * ((state >> 8) as f32 / 8_388_608.0 - 1.0)
        })
        .collect()
}

fn pitch_of(audio: &[f32]) -> Option<f32> {
    super::super::sample::quantile(&measure(audio).pitches, 0.5).map(hertz)
}

#[test]
fn pitch_is_found_without_its_fundamental() {
    for hz in [
        75.0, 98.0, 110.0, 141.0, 163.3, 187.0, 202.0, 235.0, 288.0, 330.0, 380.0,
    ] {
        let found = pitch_of(&telephone_voice(hz, 0.0, 0.3, 0.6)).unwrap();
        let off = 12.0 * (found / hz).log2();
        assert!(off.abs() < 0.15, "{hz} Hz was heard as {found}");
    }
}

#[test]
fn pitch_survives_bends_noise_quiet_and_loud_lines() {
    for hz in [90.0, 120.0, 210.0, 260.0] {
        for amplitude in [0.006, 0.03, 0.5] {
            let mut voice = telephone_voice(hz, 2.0, amplitude, 1.0);
            for (sample, hiss) in voice.iter_mut().zip(noise(amplitude * 0.1, 1.0)) {
                *sample += hiss;
            }
            let found = pitch_of(&voice).unwrap();
            let off = 12.0 * (found / hz).log2();
            assert!(
                off.abs() < 0.7,
                "{hz} Hz at {amplitude} was heard as {found}"
            );
        }
    }
}

#[test]
fn lively_pitch_moves_more_than_a_monotone() {
    let spread = |swing| {
        let mut sample = super::super::sample::Sample::new(1_000);
        sample.extend(&measure(&telephone_voice(150.0, swing, 0.2, 2.0)).pitches);
        sample.deviation().unwrap()
    };
    let (flat, lively) = (spread(0.0), spread(3.0));
    assert!(
        flat < 0.1 && (1.5..3.5).contains(&lively),
        "{flat} {lively}"
    );
}

#[test]
fn noise_whisper_silence_and_scraps_have_no_pitch() {
    let whisper: Vec<f32> = {
        // Noise through a resonance of the mouth near 600 Hz.
        let (mut one, mut two) = (0.0_f32, 0.0_f32);
        noise(0.02, 2.0)
            .into_iter()
            .map(|sample| {
                let radius = 0.96_f32;
                let next = sample + 2.0 * radius * (TAU * 600.0 / RATE_HZ).cos() * one
                    - radius * radius * two;
                (two, one) = (one, next);
                next
            })
            .collect()
    };
    let silence = vec![0.0; 16_000];
    let scrap = telephone_voice(200.0, 0.0, 0.3, 0.1);
    for audio in [noise(0.3, 2.0), whisper, silence, scrap, Vec::new()] {
        assert_eq!(pitch_of(&audio), None, "{} samples", audio.len());
    }
}

#[test]
fn levels_are_those_of_the_speech_and_steps_are_seen() {
    let level = |amplitude: f32| {
        let mut audio = vec![0.0; 8_000];
        audio.extend(telephone_voice(150.0, 0.0, amplitude, 1.0));
        audio.extend(vec![0.0; 16_000]);
        measure(&audio).level.unwrap()
    };
    let (soft, loud) = (level(0.05), level(0.2));
    assert!((loud - soft - 12.04).abs() < 0.2, "{soft} {loud}");
    let sine: Vec<f32> = (0..16_000).map(|i| (i as f32 * 0.3).sin()).collect();
    assert!((measure(&sine).level.unwrap() + 3.01).abs() < 0.05);
}

#[test]
fn what_is_no_number_counts_as_silence() {
    let mut voice = telephone_voice(150.0, 0.0, 0.2, 1.0);
    let clean = measure(&voice).level.unwrap();
    voice.splice(
        0..0,
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].repeat(2_000),
    );
    let prosody = measure(&voice);
    assert!((prosody.level.unwrap() - clean).abs() < 0.5);
    assert!(prosody.pitches.iter().all(|p| p.is_finite()));
    assert_eq!(measure(&vec![f32::NAN; 16_000]), Prosody::default());
    assert!(measure(&vec![f32::MAX; 16_000]).level.is_some());
}
