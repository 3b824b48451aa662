//! What a voice sounds like, in a dozen numbers: the mean spectral envelope (cepstrum of a linear
//! predictor, as in speaker recognition before neural networks) and the pitch.

use crate::speech::{AudioTrack, SAMPLE_RATE, SpeechSpan};

/// Half the sample rate is enough: telephone audio ends at 3.4 kHz.
pub(in crate::speech) const RATE: usize = SAMPLE_RATE as usize / 2;
pub(in crate::speech) const FRAME: usize = 256;
const HOP: usize = 256;
const ORDER: usize = 12;
/// Pitch of voices, as lags in samples.
pub(in crate::speech) const SHORTEST_LAG: usize = RATE / 400;
pub(in crate::speech) const LONGEST_LAG: usize = RATE / 60;
/// Share of the frame's energy that must repeat for it to have a pitch.
const VOICED: f32 = 0.45;

/// Numbers of a voice: cepstrum, then log pitch.
pub(super) const DIMENSIONS: usize = ORDER + 1;

/// The voice of a stretch of speech.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Voice {
    pub(super) mean: [f32; DIMENSIONS],
    /// Variance over the frames.
    pub(super) variance: [f32; DIMENSIONS],
    /// Voiced frames behind it; none where it cannot be told.
    pub(super) frames: f32,
}

/// The voice in each span.
pub(super) fn voices(spans: &[SpeechSpan], track: &AudioTrack) -> Vec<Voice> {
    spans.iter().map(|&span| voice(span, track)).collect()
}

fn voice(span: SpeechSpan, track: &AudioTrack) -> Voice {
    let samples = span.of(track);
    // Averaging pairs is filter enough, since little is above 4 kHz.
    let half: Vec<f32> = samples
        .chunks_exact(2)
        .map(|pair| (pair[0] + pair[1]) / 2.0)
        .collect();
    let frames: Vec<[f32; DIMENSIONS]> = half
        .windows(FRAME + LONGEST_LAG)
        .step_by(HOP)
        .filter_map(frame)
        .collect();
    let count = frames.len().max(1) as f32;
    let mut voice = Voice {
        frames: frames.len() as f32,
        ..Voice::default()
    };
    for dimension in 0..DIMENSIONS {
        let values = || frames.iter().map(|f| f[dimension]);
        let mean = values().sum::<f32>() / count;
        voice.mean[dimension] = mean;
        voice.variance[dimension] = values().map(|v| (v - mean).powi(2)).sum::<f32>() / count;
    }
    voice
}

/// Cepstrum and log pitch of a frame, where it is voiced.
fn frame(samples: &[f32]) -> Option<[f32; DIMENSIONS]> {
    let pitch = pitch(samples)?;
    let emphasised: Vec<f32> = samples[..FRAME]
        .windows(2)
        .enumerate()
        .map(|(i, pair)| {
            let phase = std::f32::consts::TAU * i as f32 / FRAME as f32;
            (pair[1] - 0.95 * pair[0]) * (0.54 - 0.46 * phase.cos())
        })
        .collect();
    let mut correlation = [0.0_f32; ORDER + 1];
    for (lag, sum) in correlation.iter_mut().enumerate() {
        *sum = dot(&emphasised, &emphasised[lag..]);
    }
    let mut numbers = [0.0; DIMENSIONS];
    numbers[..ORDER].copy_from_slice(&cepstrum(&correlation)?);
    numbers[ORDER] = pitch.ln();
    Some(numbers)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Pitch in hertz by normalised autocorrelation.
pub(in crate::speech) fn pitch(samples: &[f32]) -> Option<f32> {
    let head = &samples[..FRAME];
    let energy = dot(head, head);
    if energy / (FRAME as f32) < 1e-6 {
        return None;
    }
    let (lag, strength) = (SHORTEST_LAG..=LONGEST_LAG)
        .map(|lag| {
            let later = &samples[lag..lag + FRAME];
            let norm = (energy * dot(later, later)).sqrt().max(f32::MIN_POSITIVE);
            // Halves of the pitch fit as well; the shortest lag that fits is meant.
            (lag, dot(head, later) / norm - 0.0004 * lag as f32)
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    (strength > VOICED).then(|| RATE as f32 / lag as f32)
}

/// Cepstrum of the linear predictor (Levinson-Durbin recursion).
fn cepstrum(correlation: &[f32; ORDER + 1]) -> Option<[f32; ORDER]> {
    // White noise 40 dB below keeps the recursion stable.
    let mut error = correlation[0] * 1.0001;
    if error <= 0.0 {
        return None;
    }
    let mut predictor = [0.0_f32; ORDER + 1];
    for i in 1..=ORDER {
        let mut sum = correlation[i];
        for j in 1..i {
            sum -= predictor[j] * correlation[i - j];
        }
        let reflection = sum / error;
        let before = predictor;
        predictor[i] = reflection;
        for j in 1..i {
            predictor[j] = before[j] - reflection * before[i - j];
        }
        error *= 1.0 - reflection * reflection;
        if error <= 0.0 || !error.is_finite() {
            return None;
        }
    }
    let mut cepstrum = [0.0_f32; ORDER];
    for n in 1..=ORDER {
        let mut value = predictor[n];
        for k in 1..n {
            value += k as f32 / n as f32 * cepstrum[k - 1] * predictor[n - k];
        }
        cepstrum[n - 1] = value;
    }
    Some(cepstrum)
}

/// Two voices that the segments were split into.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    centres: [[f32; DIMENSIONS]; 2],
    scale: [f32; DIMENSIONS],
}

impl Pair {
    /// Learns the two voices from segments that belong to the first with the given probabilities.
    pub(super) fn learn(voices: &[Voice], first: &[f32]) -> Self {
        let mut scale = [0.0; DIMENSIONS];
        let total: f32 = voices.iter().map(|v| v.frames).sum::<f32>().max(1.0);
        let mut centres = [[0.0; DIMENSIONS]; 2];
        for dimension in 0..DIMENSIONS {
            let within = voices.iter().map(|v| v.variance[dimension] * v.frames);
            scale[dimension] = (within.sum::<f32>() / total).max(1e-4);
            let overall = voices
                .iter()
                .map(|v| v.mean[dimension] * v.frames)
                .sum::<f32>()
                / total;
            for (side, centre) in centres.iter_mut().enumerate() {
                let share = |p: f32| if side == 0 { p } else { 1.0 - p };
                // A few frames of the overall voice keep a centre with little behind it in place.
                let (mut sum, mut weight) = (overall * 8.0, 8.0);
                for (voice, &p) in voices.iter().zip(first) {
                    sum += voice.mean[dimension] * voice.frames * share(p);
                    weight += voice.frames * share(p);
                }
                centre[dimension] = sum / weight;
            }
        }
        Self { centres, scale }
    }

    /// Log odds that a segment is of the first voice; careful, since frames are not independent.
    pub(super) fn log_odds(&self, voice: &Voice) -> f32 {
        let distance = |side: usize| -> f32 {
            (0..DIMENSIONS)
                .map(|d| (voice.mean[d] - self.centres[side][d]).powi(2) / self.scale[d])
                .sum()
        };
        // A second of voiced speech has about 30 frames, of which a tenth are independent.
        let independent = (voice.frames / 10.0).min(4.0);
        ((distance(1) - distance(0)) * independent / 2.0).clamp(-4.0, 4.0)
    }
}

/// A first split: the two segments furthest apart, then each to the nearer.
pub(super) fn split(voices: &[Voice]) -> Option<Vec<f32>> {
    let known: Vec<usize> = (0..voices.len())
        .filter(|&i| voices[i].frames >= 10.0)
        .collect();
    let mut best: Option<(f32, Vec<f32>)> = None;
    for (position, &a) in known.iter().enumerate() {
        for &b in &known[position + 1..] {
            let seed = |i: usize| {
                if i == a {
                    1.0
                } else if i == b {
                    0.0
                } else {
                    0.5
                }
            };
            let mut first: Vec<f32> = (0..voices.len()).map(seed).collect();
            let mut pair = Pair::learn(voices, &first);
            for _ in 0..6 {
                for (p, voice) in first.iter_mut().zip(voices) {
                    *p = 1.0 / (1.0 + (-pair.log_odds(voice)).exp());
                }
                pair = Pair::learn(voices, &first);
            }
            let apart: f32 = voices
                .iter()
                .map(|v| pair.log_odds(v).abs() * v.frames)
                .sum();
            if best.as_ref().is_none_or(|(most, _)| apart > *most) {
                best = Some((apart, first));
            }
        }
        // Pairs with the earliest turns are enough on a long call.
        if position >= 7 {
            break;
        }
    }
    best.map(|(_, first)| first)
}
