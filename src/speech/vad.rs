//! Where somebody speaks.
//!
//! A small neural detector (crate `earshot`, weights inside) scores frames of 16 ms. Measured on telephone
//! audio, voice scores 0.7 to 0.97; steady noise and the tones of a line (dialling, ringing, keys,
//! fax) stay below 0.7; so speech is entered high and left well above noise.

use earshot::Detector;

use super::{AudioTrack, SAMPLE_RATE, SpeechSpan};

mod tone;

pub(super) use tone::is_tonal;

/// Samples a frame of the detector.
pub(super) const FRAME: usize = 256;
pub(super) const FRAME_MS: u64 = FRAME as u64 * 1000 / SAMPLE_RATE as u64;
/// A span of speech has this many frames with at least this score …
pub(super) const SURE: f32 = 0.74;
const SURE_FRAMES: usize = 4;
/// … and ends when the score stays below this one …
pub(super) const LEAVE: f32 = 0.6;
/// … for this long: plosives and short hesitations are part of an utterance.
const HANG_MS: u64 = 240;
/// Room around a span, since the first and last sounds of a word are soft.
pub(super) const MARGIN_MS: u64 = 140;
/// Frames below this level (about -60 dB of full scale) carry no voice a model could use.
pub(super) const QUIETEST: f32 = 0.001;
/// Frames that are taken together to see how the level moves, …
const LEVEL_FRAMES: usize = 5;
/// … and how much it does within a second or more of speech, as a ratio of powers (5 dB); steady
/// rumble, which the detector can take for a voice, moves less.
const LEAST_MOVEMENT: f32 = 3.2;
const STEADY_MS: u64 = 1000;
/// Level that the loud frames of a recording are brought to, and by how much at most.
pub(super) const USUAL: f32 = 0.08;
pub(super) const LEAST_GAIN: f32 = 0.125;
pub(super) const MOST_GAIN: f32 = 16.0;

/// The stretches of speech in a track, in order, not overlapping. Silence, noise and the tones of
/// a telephone line give none.
pub fn speech_spans(track: &AudioTrack) -> Vec<SpeechSpan> {
    let end_ms = track.duration_ms();
    let mut spans: Vec<SpeechSpan> = Vec::new();
    let (scores, powers) = analyse(&track.samples);
    for run in runs(&scores) {
        let samples = &track.samples[run.start * FRAME..(run.end * FRAME).min(track.samples.len())];
        if is_steady(&powers[run.clone()]) || is_tonal(samples) {
            continue;
        }
        let start_ms = (run.start as u64 * FRAME_MS).saturating_sub(MARGIN_MS);
        let end_ms = (run.end as u64 * FRAME_MS + MARGIN_MS).min(end_ms);
        match spans.last_mut() {
            Some(last) if last.end_ms >= start_ms => last.end_ms = end_ms,
            _ => spans.push(SpeechSpan { start_ms, end_ms }),
        }
    }
    spans
}

/// The detector's score of each frame, 0 where it is all but silent, and the frame's power.
fn analyse(samples: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let mut detector = Detector::default_boxed();
    let gain = gain(samples);
    let mut frame = [0.0_f32; FRAME];
    samples
        .chunks(FRAME)
        .map(|chunk| {
            frame.fill(0.0);
            for (slot, sample) in frame.iter_mut().zip(chunk) {
                let raised = sample * gain;
                *slot = if raised.is_finite() {
                    raised.clamp(-1.0, 1.0)
                } else {
                    0.0
                };
            }
            let score = detector.predict_f32(&frame);
            let power = power(&frame);
            let audible = power.sqrt() >= QUIETEST;
            (if audible { score } else { 0.0 }, power)
        })
        .unzip()
}

/// Whether a longer run keeps one level, as no speech does.
fn is_steady(powers: &[f32]) -> bool {
    if (powers.len() as u64) * FRAME_MS < STEADY_MS {
        return false;
    }
    let mut levels: Vec<f32> = powers
        .chunks_exact(LEVEL_FRAMES)
        .map(|chunk| chunk.iter().sum())
        .collect();
    levels.sort_unstable_by(f32::total_cmp);
    let (low, high) = (levels.len() / 10, levels.len() - 1 - levels.len() / 10);
    levels[high] < levels[low] * LEAST_MOVEMENT
}

/// The detector expects usual levels; quiet and loud lines are brought to them, so that a recording is
/// cut at the same places however loud it is.
fn gain(samples: &[f32]) -> f32 {
    let mut levels: Vec<f32> = samples.chunks(FRAME).map(power).collect();
    if levels.is_empty() {
        return 1.0;
    }
    let loud = levels.len() * 9 / 10;
    let (_, loud, _) = levels.select_nth_unstable_by(loud, f32::total_cmp);
    (USUAL / loud.sqrt().max(f32::MIN_POSITIVE)).clamp(LEAST_GAIN, MOST_GAIN)
}

fn power(frame: &[f32]) -> f32 {
    frame.iter().map(|s| s * s).sum::<f32>() / frame.len() as f32
}

/// Frame ranges of speech.
fn runs(scores: &[f32]) -> Vec<std::ops::Range<usize>> {
    let hang = (HANG_MS / FRAME_MS) as usize;
    let mut candidates: Vec<std::ops::Range<usize>> = Vec::new();
    for (index, _) in scores.iter().enumerate().filter(|&(_, &s)| s >= LEAVE) {
        match candidates.last_mut() {
            Some(run) if index - run.end <= hang => run.end = index + 1,
            _ => candidates.push(index..index + 1),
        }
    }
    candidates.retain(|run| {
        let sure = scores[run.clone()].iter().filter(|&&s| s >= SURE).count();
        sure >= SURE_FRAMES
    });
    candidates
}

#[cfg(test)]
mod tests;
