//! Our Silero VAD beside onnxruntime's.

use std::f64::consts::{PI, TAU};

use attendant::speech::{AudioTrack, SpeechSpan, VoiceDetector, speech_spans_with};
use serde_json::Value;

const RATE: f64 = 16_000.0;

/// Uniform noise of a fixed sequence.
fn noise() -> impl FnMut() -> f64 {
    let mut state = 12_345_u64;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    }
}

/// Pulses of a moving pitch through three resonances, in syllables.
fn voice(seconds: f64, pitch: f64) -> Vec<f64> {
    const VOWELS: [[f64; 3]; 4] = [
        [730.0, 1090.0, 2440.0],
        [270.0, 2290.0, 3010.0],
        [570.0, 840.0, 2410.0],
        [530.0, 1840.0, 2480.0],
    ];
    let mut breath = noise();
    let (mut phase, mut memory) = (0.0, [[0.0_f64; 2]; 3]);
    let sample = |index: usize| {
        let at = index as f64 / RATE;
        let (syllable, within) = ((at / 0.22) as usize, (at / 0.22).fract());
        let hertz = pitch * (1.0 + 0.12 * (at * 3.0).sin() + 0.01 * breath());
        phase += hertz / RATE;
        let pulse = f64::from(u8::from(phase >= 1.0));
        phase -= pulse;
        let loud = (PI * (within / 0.85).min(1.0)).sin().max(0.0);
        let mut sound = (pulse + 0.02 * breath()) * loud;
        for (state, formant) in memory.iter_mut().zip(VOWELS[syllable % 4]) {
            let radius = (-PI * 90.0 / RATE).exp();
            let next = sound + 2.0 * radius * (TAU * formant / RATE).cos() * state[0]
                - radius * radius * state[1];
            *state = [next, state[0]];
            sound = next * 0.12;
        }
        (sound * 60.0).clamp(-0.9, 0.9)
    };
    (0..(RATE * seconds) as usize).map(sample).collect()
}

/// Silence, noise, a voice, silence, a dialling tone, another voice; as 16-bit samples.
fn signal() -> Vec<f32> {
    let mut hiss = noise();
    let tone = |index: usize| {
        let at = index as f64 / RATE;
        0.2 * ((TAU * 350.0 * at).sin() + (TAU * 440.0 * at).sin())
    };
    let parts = [
        vec![0.0; 8_000],
        (0..16_000).map(|_| 0.05 * hiss()).collect(),
        voice(2.0, 120.0),
        vec![0.0; 8_000],
        (0..8_000).map(tone).collect(),
        voice(1.0, 210.0),
    ];
    let whole = |sample: f64| (sample * 32_767.0 + 0.5).floor() as f32 / 32_768.0;
    parts.concat().into_iter().map(whole).collect()
}

#[test]
fn scores_are_those_of_onnxruntime() {
    let path = crate::support::repository("tests/data/silero.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let golden: Vec<f64> = serde_json::from_value(golden["scores"].clone()).unwrap();
    let signal = signal();
    let model = super::voice_detector();
    let mut detector = model.detector();
    let windows = signal.chunks_exact(detector.profile().frame);
    let scores: Vec<f64> = windows
        .map(|window| f64::from(detector.score(window)))
        .collect();
    assert_eq!(scores.len(), golden.len());
    for (index, (ours, theirs)) in scores.iter().zip(&golden).enumerate() {
        assert!((ours - theirs).abs() < 1e-4, "{index}: {ours} {theirs}");
    }
    assert!(golden.iter().any(|s| *s > 0.95) && golden.iter().any(|s| *s < 0.05));

    // Noise and tone are left out; both voices are found, however loud.
    for gain in [1.0, 0.03] {
        let samples = signal.iter().map(|s| s * gain).collect();
        let track = AudioTrack { samples };
        let spans = speech_spans_with(&track, &mut model.detector());
        let [first, second] = spans.as_slice() else {
            panic!("{gain}: {spans:?}")
        };
        let near = |a: u64, b: u64| a.abs_diff(b) <= 200;
        let is = |span: &SpeechSpan, from, to| near(span.start_ms, from) && near(span.end_ms, to);
        assert!(
            is(first, 1_500, 3_500) && is(second, 4_500, 5_500),
            "{spans:?}"
        );
    }
}
