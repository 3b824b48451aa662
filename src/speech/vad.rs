//! Where somebody speaks.
//!
//! A neural detector scores frames of some 16 to 32 ms. Speech is entered where enough frames are sure and left where
//! the score falls well below that. What it takes for a voice and keeps one level, or is a tone of the line (dialling,
//! ringing, keys, fax), is left out.

use super::detector::{DetectorFactory, DetectorProfile, VoiceDetector};
use super::{AudioTrack, Earshot, SAMPLE_RATE, SpeechSpan};

mod tone;

pub(super) use tone::is_tonal;

/// Samples in 16 ms.
pub(super) const FRAME: usize = 256;
/// A span of speech has so much that is sure …
pub(super) const SURE_MS: u64 = 64;
/// … and ends when the score stays low for so long: plosives and short hesitations are part of an utterance.
const HANG_MS: u64 = 240;
/// Room around a span, since the first and last sounds of a word are soft.
pub(super) const MARGIN_MS: u64 = 140;
/// Frames below this level (about -60 dB of full scale) carry no voice a model could use.
pub(super) const QUIETEST: f32 = 0.001;
/// Samples that are taken together to see how the level moves (80 ms), …
const LEVEL_SAMPLES: usize = 5 * FRAME;
/// … and how much it does within a second or more of speech, as a ratio of powers (5 dB); steady
/// rumble, which the detector can take for a voice, moves less.
const LEAST_MOVEMENT: f32 = 3.2;
const STEADY_MS: u64 = 1000;
/// Level that the loud frames of a recording are brought to, and by how much at most.
pub(super) const USUAL: f32 = 0.08;
pub(super) const LEAST_GAIN: f32 = 0.125;
pub(super) const MOST_GAIN: f32 = 16.0;

/// The stretches of speech in a track, in order, not overlapping, as the built-in detector hears them. Silence,
/// noise and the tones of a telephone line give none.
pub fn speech_spans(track: &AudioTrack) -> Vec<SpeechSpan> {
    speech_spans_with(track, &mut Earshot::default())
}

/// [`speech_spans`] as another detector hears them, one that heard nothing before.
pub fn speech_spans_with(track: &AudioTrack, detector: &mut dyn VoiceDetector) -> Vec<SpeechSpan> {
    let profile = detector.profile().checked();
    let end_ms = track.duration_ms();
    let mut spans: Vec<SpeechSpan> = Vec::new();
    let scores = scores(&track.samples, detector, &profile);
    for run in runs(&scores, &profile) {
        let from = run.start * profile.frame;
        let to = (run.end * profile.frame).min(track.samples.len());
        let samples = track.samples.get(from..to).unwrap_or_default();
        if is_steady(samples) || is_tonal(samples) {
            continue;
        }
        let voice_end = (to as u64).saturating_sub(profile.lag()).max(from as u64);
        let start_ms = milliseconds(from as u64).saturating_sub(MARGIN_MS);
        let end_ms = (milliseconds(voice_end) + MARGIN_MS).min(end_ms);
        match spans.last_mut() {
            Some(last) if last.end_ms >= start_ms => last.end_ms = end_ms,
            _ => spans.push(SpeechSpan { start_ms, end_ms }),
        }
    }
    spans
}

/// [`speech_spans`] with the detector that goes with an engine, if one does.
pub(super) fn spans_of(track: &AudioTrack, detector: Option<&DetectorFactory>) -> Vec<SpeechSpan> {
    match detector {
        Some(make) => speech_spans_with(track, make().as_mut()),
        None => speech_spans(track),
    }
}

/// The detector's score of each frame, 0 where it is all but silent.
fn scores(
    samples: &[f32],
    detector: &mut dyn VoiceDetector,
    profile: &DetectorProfile,
) -> Vec<f32> {
    let gain = gain(samples);
    let mut frame = vec![0.0_f32; profile.frame];
    let score = |chunk: &[f32]| {
        frame.fill(0.0);
        for (slot, sample) in frame.iter_mut().zip(chunk) {
            *slot = match sample.is_finite() {
                true if profile.levelled => (sample * gain).clamp(-1.0, 1.0),
                true => *sample,
                false => 0.0,
            };
        }
        let score = detector.score(&frame);
        let power = power(&frame) * if profile.levelled { 1.0 } else { gain * gain };
        let audible = power.sqrt() >= QUIETEST;
        if audible { score } else { 0.0 }
    };
    samples.chunks(profile.frame).map(score).collect()
}

/// Whether a longer stretch keeps one level, as no speech does.
fn is_steady(samples: &[f32]) -> bool {
    if milliseconds(samples.len() as u64) < STEADY_MS {
        return false;
    }
    let mut levels: Vec<f32> = samples.chunks_exact(LEVEL_SAMPLES).map(power).collect();
    levels.sort_unstable_by(f32::total_cmp);
    let (low, high) = (levels.len() / 10, levels.len() - 1 - levels.len() / 10);
    levels[high] < levels[low] * LEAST_MOVEMENT
}

/// Detectors may expect usual levels; quiet and loud lines are brought to them, so that a recording is
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
fn runs(scores: &[f32], profile: &DetectorProfile) -> Vec<std::ops::Range<usize>> {
    let hang = profile.frames(HANG_MS);
    let mut candidates: Vec<std::ops::Range<usize>> = Vec::new();
    for (index, _) in scores
        .iter()
        .enumerate()
        .filter(|&(_, &s)| s >= profile.leave)
    {
        match candidates.last_mut() {
            Some(run) if index - run.end <= hang => run.end = index + 1,
            _ => candidates.push(index..index + 1),
        }
    }
    candidates.retain(|run| {
        let sure = scores[run.clone()].iter().filter(|&&s| s >= profile.enter);
        sure.count() >= profile.frames(SURE_MS)
    });
    candidates
}

fn milliseconds(samples: u64) -> u64 {
    samples * 1000 / u64::from(SAMPLE_RATE)
}

#[cfg(test)]
mod tests;
