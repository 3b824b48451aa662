//! Medians of streams in bounded memory.

use std::collections::VecDeque;

/// Between the quartiles of a normal distribution lie so many standard deviations.
const QUARTILES: f32 = 1.349;
/// Utterances of a baseline: some minutes of somebody's speech.
const UTTERANCES: usize = 64;
/// A baseline stands on at least so many utterances.
const LEAST_UTTERANCES: usize = 3;

/// An even sample of a stream: when it is full every second value goes, and from then on only every
/// second one is taken.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    values: Vec<f32>,
    size: usize,
    stride: u64,
    seen: u64,
}

impl Sample {
    pub(super) fn new(size: usize) -> Self {
        Self {
            values: Vec::new(),
            size: size.max(2),
            stride: 1,
            seen: 0,
        }
    }

    pub(super) fn push(&mut self, value: f32) {
        if !value.is_finite() {
            return;
        }
        if self.seen.is_multiple_of(self.stride) {
            self.values.push(value);
        }
        self.seen = self.seen.saturating_add(1);
        if self.values.len() >= self.size {
            let mut index = 0_usize;
            self.values.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.stride = self.stride.saturating_mul(2);
        }
    }

    pub(super) fn extend(&mut self, values: &[f32]) {
        for &value in values {
            self.push(value);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn median(&self) -> Option<f32> {
        quantile(&self.values, 0.5)
    }

    /// The standard deviation, estimated from the quartiles: stray values do not move it.
    pub(super) fn deviation(&self) -> Option<f32> {
        Some((quantile(&self.values, 0.75)? - quantile(&self.values, 0.25)?) / QUARTILES)
    }
}

/// The value below which a share of the values lies.
pub(super) fn quantile(values: &[f32], share: f32) -> Option<f32> {
    let mut values = values.to_vec();
    let last = values.len().checked_sub(1)?;
    let index = ((last as f32 * share).round() as usize).min(last);
    Some(*values.select_nth_unstable_by(index, f32::total_cmp).1)
}

/// What is usual for a speaker: the median of the last utterances, each with its length as weight.
#[derive(Clone, Debug, Default)]
pub(super) struct Baseline {
    latest: VecDeque<(f32, u64)>,
}

impl Baseline {
    /// The usual value, once it stands on `least_ms` or more.
    pub(super) fn usual(&self, least_ms: u64) -> Option<f32> {
        let total = self
            .latest
            .iter()
            .fold(0_u64, |sum, &(_, ms)| sum.saturating_add(ms));
        if self.latest.len() < LEAST_UTTERANCES || total < least_ms {
            return None;
        }
        let mut sorted: Vec<(f32, u64)> = self.latest.iter().copied().collect();
        sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut below = 0_u64;
        sorted
            .iter()
            .find(|(_, ms)| {
                below = below.saturating_add(*ms);
                below >= total.div_ceil(2)
            })
            .map(|&(value, _)| value)
    }

    /// Takes an utterance in; the oldest goes when there are many.
    pub(super) fn learn(&mut self, value: f32, ms: u64) {
        if !value.is_finite() || ms == 0 {
            return;
        }
        if self.latest.len() >= UTTERANCES {
            self.latest.pop_front();
        }
        self.latest.push_back((value, ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_stays_small_and_keeps_the_median_of_the_whole() {
        let mut sample = Sample::new(100);
        for i in 0..100_000 {
            sample.push(i as f32);
        }
        assert!(sample.len() <= 100);
        let median = sample.median().unwrap();
        assert!((48_000.0..52_000.0).contains(&median), "{median}");
        sample.push(f32::NAN);
        let deviation = sample.deviation().unwrap();
        assert!((35_000.0..39_000.0).contains(&deviation), "{deviation}");
        assert_eq!(Sample::new(8).median(), None);
    }

    #[test]
    fn a_baseline_needs_some_speech_shrugs_off_strays_and_follows_slowly() {
        let mut baseline = Baseline::default();
        baseline.learn(10.0, 4_000);
        baseline.learn(10.0, 4_000);
        assert_eq!(baseline.usual(5_000), None);
        baseline.learn(90.0, 1_000);
        baseline.learn(f32::INFINITY, 60_000);
        assert_eq!(baseline.usual(5_000), Some(10.0));
        for _ in 0..UTTERANCES {
            baseline.learn(20.0, 1_000);
        }
        assert_eq!(baseline.usual(5_000), Some(20.0));
        assert_eq!(baseline.latest.len(), UTTERANCES);
    }
}
