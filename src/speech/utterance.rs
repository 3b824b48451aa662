//! Cutting a track into utterances at its pauses.

use super::vad::MARGIN_MS;
use super::{AudioTrack, SAMPLE_RATE, SpeechSpan};

/// The longest utterance: what Whisper was trained on, less room for silence at the end.
const LONGEST_MS: u64 = 25_000;
/// Where a long stretch without a pause is looked through for a soft place to cut.
const SOFT_FROM_MS: u64 = 15_000;
const SOFT_FRAME_MS: u64 = 100;

/// Spans of speech that belong together, in order, at least one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UtteranceSpan {
    pub(super) speech: Vec<SpeechSpan>,
    /// What the model hears: the speech with a margin around it.
    heard: SpeechSpan,
}

impl UtteranceSpan {
    pub(super) fn start_ms(&self) -> u64 {
        self.speech.first().map_or(0, |s| s.start_ms)
    }

    pub(super) fn end_ms(&self) -> u64 {
        self.speech.last().map_or(0, |s| s.end_ms)
    }

    /// Length of what the model hears.
    pub(super) fn duration_ms(&self) -> u64 {
        self.heard.duration_ms()
    }

    pub(super) fn audio<'a>(&self, track: &'a AudioTrack) -> &'a [f32] {
        self.heard.of(track)
    }
}

/// Joins spans with less than `pause_ms` and none of `borders` between them, up to 25 s; longer
/// stretches without a pause are cut where they are softest.
pub(super) fn cut(
    track: &AudioTrack,
    spans: &[SpeechSpan],
    pause_ms: u64,
    borders: &[u64],
) -> Vec<UtteranceSpan> {
    let mut utterances: Vec<UtteranceSpan> = Vec::new();
    for heard in spans.iter().flat_map(|&span| pieces(track, span)) {
        // Times are those of the voice, without the margin that the detector adds for the model.
        let speech = SpeechSpan {
            start_ms: heard.start_ms + MARGIN_MS / 2,
            end_ms: heard.end_ms - MARGIN_MS / 2,
        };
        match utterances.last_mut() {
            Some(last)
                if speech.start_ms.saturating_sub(last.end_ms()) < pause_ms
                    && !borders
                        .iter()
                        .any(|&border| last.end_ms() <= border && border <= speech.start_ms)
                    && heard.end_ms - last.heard.start_ms <= LONGEST_MS =>
            {
                last.heard.end_ms = heard.end_ms;
                last.speech.push(speech);
            }
            _ => utterances.push(UtteranceSpan {
                speech: vec![speech],
                heard,
            }),
        }
    }
    utterances
}

/// A span as it is, or in parts of at most 25 s.
fn pieces(track: &AudioTrack, mut span: SpeechSpan) -> Vec<SpeechSpan> {
    let mut parts = Vec::new();
    while span.duration_ms() > LONGEST_MS {
        let middle = span.start_ms + softest(span.of(track));
        parts.push(SpeechSpan {
            start_ms: span.start_ms,
            end_ms: middle,
        });
        span.start_ms = middle;
    }
    parts.push(span);
    parts
}

/// Milliseconds to the softest tenth of a second between 15 and 25 s.
fn softest(samples: &[f32]) -> u64 {
    let frame = (u64::from(SAMPLE_RATE) * SOFT_FRAME_MS / 1000) as usize;
    let power = |chunk: &[f32]| chunk.iter().map(|s| s * s).sum::<f32>();
    samples
        .chunks_exact(frame)
        .map(power)
        .enumerate()
        .map(|(index, power)| (index as u64 * SOFT_FRAME_MS + SOFT_FRAME_MS / 2, power))
        .filter(|(at, _)| (SOFT_FROM_MS..LONGEST_MS).contains(at))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(LONGEST_MS, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start_ms: u64, end_ms: u64) -> SpeechSpan {
        SpeechSpan { start_ms, end_ms }
    }

    #[test]
    fn short_pauses_join_and_long_ones_cut() {
        let spans = [span(0, 1000), span(1300, 2000), span(3000, 4000)];
        let track = AudioTrack::default();
        let joined = |borders: &[u64]| super::cut(&track, &spans, 600, borders).len();
        assert_eq!((joined(&[500]), joined(&[1200])), (2, 3));
        let cut = cut(&track, &spans, 600, &[]);
        assert_eq!(cut.len(), 2);
        assert_eq!((cut[0].start_ms(), cut[0].end_ms()), (70, 1930));
        assert_eq!(cut[0].speech.len(), 2);
        assert_eq!(cut[1].start_ms(), 3070);
    }

    #[test]
    fn an_endless_stretch_is_cut_where_it_is_soft() {
        let mut samples = vec![0.5_f32; SAMPLE_RATE as usize * 60];
        samples[SAMPLE_RATE as usize * 20..SAMPLE_RATE as usize * 20 + 1600].fill(0.0);
        let track = AudioTrack { samples };
        let cut = cut(&track, &[span(0, 60_000)], 600, &[]);
        assert_eq!(cut.len(), 3);
        assert_eq!(cut[0].heard.end_ms, 20_050);
        assert!(cut.iter().all(|u| u.duration_ms() <= LONGEST_MS));
        assert_eq!(cut[2].heard.end_ms, 60_000);
    }
}
