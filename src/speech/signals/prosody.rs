//! Pitch and level of an utterance.
//!
//! The pitch of a frame is the normalised autocorrelation of `diarize::voice`, behind a low pass as
//! in Rabiner (1977), "On the use of autocorrelation analysis for pitch detection", and refined
//! between samples. It works from the harmonics, so a telephone band that begins at 300 Hz is
//! enough.

use crate::speech::SAMPLE_RATE;
use crate::speech::diarize::voice::{FRAME, LONGEST_LAG, RATE, SHORTEST_LAG, pitch};

/// Samples, at 16 kHz, that are taken together for a level, and from one frame to the next: 20 ms.
const STEP: usize = SAMPLE_RATE as usize / 50;
pub(super) const STEP_MS: u64 = 20;
/// Longer utterances are judged by this much, from their start: a minute is plenty.
const LONGEST: usize = SAMPLE_RATE as usize * 60;
/// Frames more than 20 dB below the loud ones are pauses and the soft ends of words …
const ACTIVE: f32 = 0.01;
/// … and below -60 dB of full scale there is no voice.
const QUIETEST: f32 = 1e-6;
/// Fewer frames (200 ms) tell nothing.
const LEAST_FRAMES: usize = 10;
/// Corner of the low pass: the harmonics below it have the pitch, and the sounds of the mouth above
/// it would hide it.
const CORNER_HZ: f32 = 900.0;
/// Power that the loud frames are brought to.
const USUAL: f32 = 0.01;
/// Share of a frame's energy that must repeat. Noise through the low pass stays below.
const VOICED: f32 = 0.7;
/// Voices move less than this between frames 20 ms apart; what noise repeats jumps about.
const STEADY_SEMITONES: f32 = 1.5;
/// A lag of twice the period fits as well; a part of it that fits nearly as well is meant.
const NEARLY: f32 = 0.94;

/// How a stretch of speech sounds: pitch and level of each frame of 20 ms that has them. Some kilobytes for ten seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prosody {
    /// Pitch of voiced frames, in semitones above 1 Hz; none where too few are voiced.
    pub(super) pitches: Vec<f32>,
    /// Level of frames with speech, in decibels of full scale; none where there are too few.
    pub(super) levels: Vec<f32>,
    /// Level of all of them together, in decibels of full scale.
    pub(super) level: Option<f32>,
}

impl Prosody {
    /// Listens to 16 kHz mono audio of one speaker, `-1.0..=1.0`: to the first minute of it. Samples that are no
    /// numbers count as silence. It takes a few milliseconds for ten seconds of speech.
    pub fn of(audio: &[f32]) -> Self {
        measure(audio)
    }

    /// Mean level of the speech in decibels of full scale; `None` where there is too little.
    pub fn level(&self) -> Option<f32> {
        self.level
    }
}

fn measure(audio: &[f32]) -> Prosody {
    let samples: Vec<f32> = audio
        .iter()
        .take(LONGEST)
        .map(|s| {
            if s.is_finite() {
                s.clamp(-1.0, 1.0)
            } else {
                0.0
            }
        })
        .collect();
    let powers: Vec<f32> = samples
        .chunks(STEP)
        .map(|chunk| chunk.iter().map(|s| s * s).sum::<f32>() / chunk.len() as f32)
        .collect();
    let Some(loud) = super::sample::quantile(&powers, 0.95).filter(|&p| p > QUIETEST) else {
        return Prosody::default();
    };
    let active = |power: f32| power > QUIETEST && power > loud * ACTIVE;
    let heard: Vec<f32> = powers.iter().copied().filter(|&p| active(p)).collect();
    if heard.len() < LEAST_FRAMES {
        return Prosody::default();
    }
    let mean = heard.iter().sum::<f32>() / heard.len() as f32;
    let low = low_pass(&samples, (USUAL / loud).sqrt());
    let frames = low.windows(FRAME + LONGEST_LAG).step_by(STEP / 2);
    let pitches: Vec<Option<f32>> = frames
        .zip(&powers)
        .map(|(frame, &power)| active(power).then(|| voiced(frame)).flatten())
        .collect();
    let mut pitches = steady(&pitches);
    if pitches.len() < LEAST_FRAMES {
        pitches.clear();
    }
    Prosody {
        pitches,
        levels: heard.iter().map(|p| decibels(*p)).collect(),
        level: Some(decibels(mean)),
    }
}

/// A pitch as given by [`Prosody::pitches`], in hertz.
pub(super) fn hertz(semitones: f32) -> f32 {
    (semitones / 12.0).exp2()
}

fn decibels(power: f32) -> f32 {
    10.0 * power.log10()
}

/// The pitches that go on from the frame before or into the frame after.
fn steady(pitches: &[Option<f32>]) -> Vec<f32> {
    let at = |index: Option<usize>| index.and_then(|i| pitches.get(i)).copied().flatten();
    let near = |a: f32, b: Option<f32>| b.is_some_and(|b| (a - b).abs() < STEADY_SEMITONES);
    pitches
        .iter()
        .enumerate()
        .filter_map(|(index, pitch)| {
            let pitch = (*pitch)?;
            let before = near(pitch, at(index.checked_sub(1)));
            (before && near(pitch, at(index.checked_add(1)))).then_some(pitch)
        })
        .collect()
}

/// The pitch of a frame in semitones above 1 Hz, where it is voiced.
fn voiced(frame: &[f32]) -> Option<f32> {
    let rate = RATE as f32;
    let lag = (rate / pitch(frame)?).round() as usize;
    let (whole, strength) = peak(frame, lag)?;
    let lag = (2..=4)
        .rev()
        .map(|part| (lag + part / 2) / part)
        .filter(|&part| part >= SHORTEST_LAG)
        .filter_map(|part| peak(frame, part))
        .find(|&(_, fits)| fits > strength * NEARLY)
        .map_or(whole, |(part, _)| part);
    (strength > VOICED).then(|| 12.0 * (rate / lag).log2())
}

/// Lag and height of the peak of the autocorrelation at or beside `lag`, by a parabola through
/// three values; `None` where there is no peak.
fn peak(frame: &[f32], lag: usize) -> Option<(f32, f32)> {
    let lag = [lag, lag + 1, lag.checked_sub(1)?]
        .into_iter()
        .max_by(|&a, &b| correlation(frame, a).total_cmp(&correlation(frame, b)))?;
    let before = correlation(frame, lag.checked_sub(1)?);
    let (here, after) = (correlation(frame, lag), correlation(frame, lag + 1));
    let curve = before - 2.0 * here + after;
    if curve >= 0.0 {
        return None;
    }
    let shift = (0.5 * (before - after) / curve).clamp(-0.5, 0.5);
    let height = here - 0.25 * (before - after) * shift;
    Some((lag as f32 + shift, height)).filter(|(lag, height)| lag.is_finite() && height.is_finite())
}

/// Similarity, between -1 and 1, of the frame and what comes `lag` samples later.
fn correlation(frame: &[f32], lag: usize) -> f32 {
    let head = frame.get(..FRAME).unwrap_or_default();
    let Some(later) = frame.get(lag..lag + FRAME) else {
        return 0.0;
    };
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    let norm = (dot(head, head) * dot(later, later)).sqrt();
    dot(head, later) / norm.max(f32::MIN_POSITIVE)
}

/// Half the rate, low-passed (Butterworth of fourth order) and with a gain.
fn low_pass(samples: &[f32], gain: f32) -> Vec<f32> {
    // The two sections of such a filter differ in their quality factor.
    let mut sections = [Section::low_pass(0.541_196), Section::low_pass(1.306_563)];
    let filtered: Vec<f32> = samples
        .iter()
        .map(|s| sections.iter_mut().fold(s * gain, |s, part| part.next(s)))
        .collect();
    filtered.iter().step_by(2).copied().collect()
}

/// A filter of second order; coefficients from Bristow-Johnson's "Audio EQ cookbook".
struct Section {
    forward: f32,
    back: [f32; 2],
    state: [f32; 2],
}

impl Section {
    fn low_pass(quality: f32) -> Self {
        let (sine, cosine) = (std::f32::consts::TAU * CORNER_HZ / SAMPLE_RATE as f32).sin_cos();
        let alpha = sine / (2.0 * quality);
        let unit = 1.0 + alpha;
        Self {
            forward: (1.0 - cosine) / 2.0 / unit,
            back: [-2.0 * cosine / unit, (1.0 - alpha) / unit],
            state: [0.0; 2],
        }
    }

    fn next(&mut self, sample: f32) -> f32 {
        let [first, second] = self.state;
        let [near, far] = self.back;
        let input = self.forward * sample;
        let output = input + first;
        self.state = [2.0 * input - near * output + second, input - far * output];
        output
    }
}

#[cfg(test)]
mod tests;
