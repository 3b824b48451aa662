use super::*;

fn seconds(count: f64, mut sample: impl FnMut(f64) -> f64) -> Vec<f32> {
    let rate = f64::from(SAMPLE_RATE);
    (0..(rate * count) as usize)
        .map(|i| sample(i as f64 / rate) as f32)
        .collect()
}

fn tone(hertz: f64, at: f64) -> f64 {
    (std::f64::consts::TAU * hertz * at).sin()
}

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

/// A source-filter voice: pulses of a moving pitch through three resonances, in syllables.
fn voice(length: f64, pitch: f64) -> Vec<f32> {
    const VOWELS: [[f64; 3]; 4] = [
        [730.0, 1090.0, 2440.0],
        [270.0, 2290.0, 3010.0],
        [570.0, 840.0, 2410.0],
        [530.0, 1840.0, 2480.0],
    ];
    let rate = f64::from(SAMPLE_RATE);
    let mut breath = noise();
    let (mut phase, mut memory) = (0.0, [[0.0_f64; 2]; 3]);
    seconds(length, |at| {
        let syllable = (at / 0.22) as usize;
        let within = (at / 0.22).fract();
        let hertz = pitch * (1.0 + 0.12 * (at * 3.0).sin() + 0.01 * breath());
        phase += hertz / rate;
        let pulse = if phase >= 1.0 {
            phase -= 1.0;
            1.0
        } else {
            0.0
        };
        let loud = (std::f64::consts::PI * (within / 0.85).min(1.0))
            .sin()
            .max(0.0);
        let mut sound = (pulse + 0.02 * breath()) * loud;
        for (state, formant) in memory.iter_mut().zip(VOWELS[syllable % 4]) {
            let radius = (-std::f64::consts::PI * 90.0 / rate).exp();
            let next = sound
                + 2.0 * radius * (std::f64::consts::TAU * formant / rate).cos() * state[0]
                - radius * radius * state[1];
            *state = [next, state[0]];
            sound = next * 0.12;
        }
        (sound * 60.0).clamp(-0.9, 0.9)
    })
}

fn spans(samples: Vec<f32>) -> Vec<SpeechSpan> {
    speech_spans(&AudioTrack { samples })
}

#[test]
fn silence_noise_and_line_tones_are_no_speech() {
    let mut white = noise();
    let mut soft = noise();
    let mut pink = noise();
    let mut low = 0.0;
    let cadence = |at: f64| if at.rem_euclid(6.0) < 2.0 { 0.3 } else { 0.0 };
    let keys = [
        (697.0, 1209.0),
        (770.0, 1336.0),
        (852.0, 1477.0),
        (941.0, 1633.0),
    ];
    for (what, samples) in [
        ("digital silence", seconds(5.0, |_| 0.0)),
        ("soft noise", seconds(5.0, |_| 0.002 * soft())),
        ("white noise", seconds(5.0, |_| 0.2 * white())),
        (
            "low noise",
            seconds(5.0, |_| {
                low = 0.95 * low + 0.05 * pink();
                low
            }),
        ),
        (
            "dial tone",
            seconds(4.0, |t| 0.2 * (tone(350.0, t) + tone(440.0, t))),
        ),
        (
            "ringing",
            seconds(12.0, |t| cadence(t) * (tone(440.0, t) + tone(480.0, t))),
        ),
        (
            "busy",
            seconds(4.0, |t| {
                f64::from((t % 1.0 < 0.5) as u8) * 0.2 * (tone(480.0, t) + tone(620.0, t))
            }),
        ),
        ("fax", seconds(3.0, |t| 0.4 * tone(2100.0, t))),
        (
            "keys",
            seconds(4.0, |t| {
                let (a, b) = keys[(t / 0.2) as usize % 4];
                f64::from((t % 0.2 < 0.1) as u8) * 0.25 * (tone(a, t) + tone(b, t))
            }),
        ),
        ("mains hum", seconds(4.0, |t| 0.1 * tone(50.0, t).signum())),
    ] {
        assert_eq!(spans(samples), [], "{what}");
    }
    assert_eq!(spans(Vec::new()), []);
    assert_eq!(spans(vec![f32::NAN; 20_000]), []);
}

#[test]
fn a_voice_is_found_where_it_is_loud_or_quiet() {
    for gain in [1.0_f32, 0.05] {
        let mut samples = vec![0.0; 32_000];
        samples.extend(voice(2.0, 120.0).iter().map(|s| s * gain));
        samples.extend(vec![0.0; 32_000]);
        let found = spans(samples);
        let (Some(first), Some(last)) = (found.first(), found.last()) else {
            panic!("nothing found at gain {gain}");
        };
        assert!((1700..2300).contains(&first.start_ms), "{found:?}");
        assert!((3600..4500).contains(&last.end_ms), "{found:?}");
        let speech: u64 = found.iter().map(SpeechSpan::duration_ms).sum();
        assert!(speech > 1400, "{found:?}");
    }
}

#[test]
fn runs_bridge_short_dips_and_need_some_certainty() {
    let mut scores = vec![0.1; 200];
    let profile = Earshot::default().profile();
    scores[20..40].fill(0.9);
    scores[50..60].fill(0.8);
    scores[120..160].fill(0.65);
    assert_eq!(runs(&scores, &profile), vec![20..60]);
    scores[130..134].fill(0.75);
    assert_eq!(runs(&scores, &profile), [20..60, 120..160]);
}
