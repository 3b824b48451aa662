//! What is on a telephone line while nobody speaks, made up.

use crate::speech::{AudioTrack, SAMPLE_RATE, to_mu_law};

const RATE: f32 = SAMPLE_RATE as f32;
const TAU: f32 = std::f32::consts::TAU;

/// The kinds there are.
pub(super) const KINDS: [&str; 14] = [
    "silence",
    "white noise",
    "pink noise",
    "mains hum",
    "line crackle",
    "dialling tone",
    "ringing tone",
    "busy tone",
    "keys",
    "fax",
    "typing",
    "street",
    "hold music",
    "breathing",
];

/// So many seconds of a kind.
pub(super) fn make(kind: &str, seconds: f64, seed: u64) -> AudioTrack {
    let count = (seconds * f64::from(SAMPLE_RATE)) as usize;
    let mut chance = Chance(seed.wrapping_mul(2).wrapping_add(1));
    let samples = match kind {
        "white noise" => (0..count).map(|_| 0.1 * chance.signed()).collect(),
        "pink noise" => pink(count, &mut chance, 0.15),
        "mains hum" => tones(
            count,
            &[(50.0, 0.1), (100.0, 0.05), (150.0, 0.05), (250.0, 0.02)],
            |_| 1.0,
        ),
        "line crackle" => crackle(count, &mut chance),
        "dialling tone" => tones(count, &[(350.0, 0.12), (440.0, 0.12)], |_| 1.0),
        "ringing tone" => tones(count, &[(400.0, 0.12), (450.0, 0.12)], |t| {
            let t = t % 3.0;
            if t < 0.4 || (0.6..1.0).contains(&t) {
                1.0
            } else {
                0.0
            }
        }),
        "busy tone" => tones(count, &[(480.0, 0.12), (620.0, 0.12)], |t| {
            f32::from(u8::from(t % 1.0 < 0.5))
        }),
        "keys" => keys(count, &mut chance),
        "fax" => tones(count, &[(1100.0, 0.2)], |t| {
            f32::from(u8::from(t % 3.5 < 0.5))
        }),
        "typing" => typing(count, &mut chance),
        "street" => street(count, &mut chance),
        "hold music" => music(count, &mut chance),
        "breathing" => breathing(count, &mut chance),
        _ => vec![0.0; count],
    };
    AudioTrack { samples }
}

/// Samples a second of a telephone line.
pub(super) const LINE_RATE: u32 = 8_000;

/// As a telephone line carries it: 8 kHz, nothing above 4 kHz, mu-law.
pub(super) fn on_a_line(track: &AudioTrack) -> Vec<u8> {
    // Half the length of the filter, and where it lets through, as a share of the rate.
    const REACH: isize = 64;
    const PASS: f32 = 3_600.0 / RATE;
    let filter: Vec<f32> = (-REACH..=REACH)
        .map(|n| {
            let n = n as f32;
            let window = 0.54 + 0.46 * (TAU / 2.0 * n / REACH as f32).cos();
            let ideal = match n == 0.0 {
                true => 2.0 * PASS,
                false => (TAU * PASS * n).sin() / (TAU / 2.0 * n),
            };
            window * ideal
        })
        .collect();
    let silence = vec![0.0; REACH.unsigned_abs()];
    let padded = [silence.as_slice(), &track.samples, &silence].concat();
    let halved = padded.windows(filter.len()).step_by(2);
    halved
        .map(|around| {
            let sample: f32 = around.iter().zip(&filter).map(|(s, f)| s * f).sum();
            to_mu_law(sample.clamp(-1.0, 1.0))
        })
        .collect()
}

struct Chance(u64);

impl Chance {
    /// 0 to 1.
    fn unit(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 24) as f32
    }

    /// -1 to 1.
    fn signed(&mut self) -> f32 {
        2.0 * self.unit() - 1.0
    }
}

fn tones(count: usize, tones: &[(f32, f32)], shape: impl Fn(f32) -> f32) -> Vec<f32> {
    let at = |n: usize| {
        let t = n as f32 / RATE;
        // Whole turns are taken off before the sine, which is only exact for small angles.
        let tone = |(hertz, loud): &(f32, f32)| loud * ((t * hertz).fract() * TAU).sin();
        tones.iter().map(tone).sum::<f32>() * shape(t)
    };
    (0..count).map(at).collect()
}

/// Voss and McCartney: the sum of noises that each hold their value twice as long as the one before.
fn pink(count: usize, chance: &mut Chance, loud: f32) -> Vec<f32> {
    let mut rows = [0.0_f32; 12];
    (0..count)
        .map(|n| {
            let row = (n.trailing_zeros() as usize).min(rows.len() - 1);
            if let Some(row) = rows.get_mut(row) {
                *row = chance.signed();
            }
            (rows.iter().sum::<f32>() / 4.0 * loud).clamp(-1.0, 1.0)
        })
        .collect()
}

fn crackle(count: usize, chance: &mut Chance) -> Vec<f32> {
    let mut left = 0.0_f32;
    (0..count)
        .map(|_| {
            if chance.unit() < 0.0004 {
                left = 0.2 + 0.6 * chance.unit();
            }
            left *= 0.97;
            left * chance.signed() + 0.004 * chance.signed()
        })
        .collect()
}

fn keys(count: usize, chance: &mut Chance) -> Vec<f32> {
    const LOW: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
    const HIGH: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
    let (mut pair, mut until, mut from) = ((0.0, 0.0), 0, 0);
    (0..count)
        .map(|n| {
            if n >= until {
                let pick = |chance: &mut Chance| (chance.unit() * 4.0) as usize % 4;
                pair = (LOW[pick(chance)], HIGH[pick(chance)]);
                from = n + (RATE * (0.1 + 0.6 * chance.unit())) as usize;
                until = from + (RATE * (0.07 + 0.15 * chance.unit())) as usize;
            }
            if n < from {
                return 0.0;
            }
            let t = n as f32 / RATE;
            0.2 * ((t * pair.0).fract() * TAU).sin() + 0.2 * ((t * pair.1).fract() * TAU).sin()
        })
        .collect()
}

/// Bursts that ring like the plastic they come from.
fn typing(count: usize, chance: &mut Chance) -> Vec<f32> {
    let (mut loud, mut hertz, mut next) = (0.0_f32, 1_800.0, 0);
    (0..count)
        .map(|n| {
            if n >= next {
                loud = 0.1 + 0.3 * chance.unit();
                hertz = 1_200.0 + 1_800.0 * chance.unit();
                let pause = if chance.unit() < 0.1 {
                    1.2
                } else {
                    0.09 + 0.15 * chance.unit()
                };
                next = n + (RATE * pause) as usize;
            }
            loud *= 0.995;
            let ring = ((n as f32 / RATE * hertz).fract() * TAU).sin();
            loud * (0.6 * chance.signed() + 0.4 * ring)
        })
        .collect()
}

/// A rumble that comes and goes, horns, and something that passes by.
fn street(count: usize, chance: &mut Chance) -> Vec<f32> {
    let rumble = pink(count, chance, 0.25);
    let (mut horn, mut hertz, mut until) = (0.0_f32, 420.0, 0);
    let at = |(n, rumble): (usize, f32)| {
        let t = n as f32 / RATE;
        if n >= until {
            horn = if chance.unit() < 0.15 { 0.12 } else { 0.0 };
            hertz = 350.0 + 150.0 * chance.unit();
            until = n + (RATE * (0.3 + 1.2 * chance.unit())) as usize;
        }
        let passing = 0.6 + 0.4 * (t * 0.13 * TAU).sin() * (t * 0.31 * TAU).sin();
        let horn =
            horn * (((t * hertz).fract() * TAU).sin() + ((t * hertz * 1.26).fract() * TAU).sin());
        (rumble * passing + horn).clamp(-1.0, 1.0)
    };
    rumble.into_iter().enumerate().map(at).collect()
}

/// Chords and a tune over them, plucked.
fn music(count: usize, chance: &mut Chance) -> Vec<f32> {
    const CHORDS: [[f32; 3]; 4] = [
        [261.6, 329.6, 392.0],
        [220.0, 261.6, 329.6],
        [174.6, 220.0, 261.6],
        [196.0, 246.9, 293.7],
    ];
    const SCALE: [f32; 6] = [523.3, 587.3, 659.3, 784.0, 880.0, 1046.5];
    let (mut note, mut since, mut next) = (523.3, 0, 0);
    (0..count)
        .map(|n| {
            if n >= next {
                note = SCALE[(chance.unit() * 6.0) as usize % 6];
                since = n;
                next = n + (RATE * if chance.unit() < 0.3 { 0.6 } else { 0.3 }) as usize;
            }
            let t = n as f32 / RATE;
            let chord = CHORDS[(t / 2.4) as usize % 4];
            let sine = |hertz: f32| ((t * hertz).fract() * TAU).sin();
            let pad: f32 = chord.iter().map(|h| sine(*h) + 0.4 * sine(2.0 * h)).sum();
            let pluck = (-3.0 * (n - since) as f32 / RATE).exp();
            let tune = pluck * (sine(note) + 0.5 * sine(2.0 * note) + 0.25 * sine(3.0 * note));
            let beat = 0.7 + 0.3 * (t * 1.67).fract();
            0.05 * pad * beat + 0.12 * tune
        })
        .collect()
}

/// Noise through a mouth that opens and closes.
fn breathing(count: usize, chance: &mut Chance) -> Vec<f32> {
    let mut soft = 0.0_f32;
    (0..count)
        .map(|n| {
            let t = n as f32 / RATE;
            let phase = (t / 3.2).fract();
            let open = if phase < 0.35 {
                (phase / 0.35 * TAU / 2.0).sin()
            } else {
                0.0
            };
            soft += 0.25 * (chance.signed() - soft);
            0.2 * soft * open
        })
        .collect()
}
