//! Live audio: frames of any size and rate become one continuous 16 kHz track.
//!
//! A frame may carry the time at which it begins. With it, frames that come out of order are put right,
//! what is missing becomes silence, and what comes too late or twice is left out; each is told.

use std::collections::BTreeMap;

use super::resample::Resampler;
use super::{AudioFrame, SAMPLE_RATE};
use crate::error::Result;

/// Frames whose times differ by no more than this from what was expected follow each other: clocks jitter, but
/// the shortest usual frame is twice as long.
const JITTER_MS: u64 = 10;
/// So much audio is held back while an earlier frame may still come.
const REORDER_MS: u64 = 120;
/// Frames that are held back at most, whatever their length.
const MOST_HELD: usize = 32;
/// A longer gap is not filled with silence all the way: nobody has to listen to it.
const MOST_SILENCE_MS: u64 = 5_000;
/// Frames that the resampler turns at once at 8 kHz: 32 ms of delay, where files take 128.
const CHUNK_MS: u32 = 32;

/// What came of a frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Arrived {
    /// The next samples, 16 kHz, right behind those before.
    Samples(Vec<f32>),
    /// Nothing came for this time. Silence stands for it, but for no more than some seconds of it.
    Gap { start_ms: u64, end_ms: u64 },
    /// Audio for a time that is over was left out.
    Late { start_ms: u64, end_ms: u64 },
    /// The clock goes on from here: the rest of a long gap.
    Jump { to_ms: u64 },
}

/// The frames of one track in order.
pub(super) struct FrameLine {
    resampler: Option<(u32, Resampler)>,
    /// When the next frame is expected; `None` before the first.
    next_ms: Option<f64>,
    held: BTreeMap<u64, AudioFrame>,
}

impl FrameLine {
    pub(super) fn new() -> Self {
        Self {
            resampler: None,
            next_ms: None,
            held: BTreeMap::new(),
        }
    }

    /// Takes a frame; a bad one is refused and changes nothing.
    pub(super) fn push(&mut self, frame: AudioFrame) -> Result<Vec<Arrived>> {
        frame.check()?;
        let mut arrived = Vec::new();
        let (Some(at), Some(next)) = (frame.timestamp_ms, self.next_ms) else {
            if self.next_ms.is_none() {
                let start = frame.timestamp_ms.unwrap_or_default();
                self.next_ms = Some(start as f64);
                if start > 0 {
                    arrived.push(Arrived::Jump { to_ms: start });
                }
            }
            self.take(frame, &mut arrived)?;
            return Ok(arrived);
        };
        let next = next as u64;
        if at + frame.duration_ms() + JITTER_MS <= next || (at + JITTER_MS < next) {
            self.late(frame, at, next, &mut arrived)?;
        } else if at <= next + JITTER_MS {
            self.take(frame, &mut arrived)?;
            self.release(false, &mut arrived)?;
        } else {
            // The same frame twice counts once.
            self.held.insert(at, frame);
            let newest = self.held.iter().next_back();
            let waited = newest.map_or(0, |(at, f)| (at + f.duration_ms()).saturating_sub(next));
            let full = self.held.len() > MOST_HELD || waited > REORDER_MS + JITTER_MS;
            self.release(full, &mut arrived)?;
        }
        Ok(arrived)
    }

    /// Nothing more will come: what was held back and what is in the resampler.
    pub(super) fn finish(&mut self) -> Result<Vec<Arrived>> {
        let mut arrived = Vec::new();
        self.release(true, &mut arrived)?;
        if let Some((_, resampler)) = self.resampler.take() {
            arrived.push(Arrived::Samples(resampler.finish()?));
        }
        Ok(arrived)
    }

    /// A frame that begins before what is there already: its rest, if it has one, is good.
    fn late(
        &mut self,
        mut frame: AudioFrame,
        at: u64,
        next: u64,
        arrived: &mut Vec<Arrived>,
    ) -> Result<()> {
        let end = at + frame.duration_ms();
        arrived.push(Arrived::Late {
            start_ms: at,
            end_ms: end.min(next),
        });
        if end > next + JITTER_MS {
            let known = (next - at) * u64::from(frame.rate) / 1000;
            let known = usize::try_from(known)
                .unwrap_or(usize::MAX)
                .min(frame.samples.len());
            frame.samples.drain(..known);
            self.take(frame, arrived)?;
        }
        Ok(())
    }

    /// Takes what was held back as far as it follows; the first of it in any case where `now`.
    fn release(&mut self, now: bool, arrived: &mut Vec<Arrived>) -> Result<()> {
        while let Some(at) = self.held.keys().next().copied() {
            let next = self.next_ms.unwrap_or_default() as u64;
            if at > next + JITTER_MS {
                if !now {
                    break;
                }
                self.fill(next, at, arrived)?;
            }
            if let Some(frame) = self.held.remove(&at) {
                if at + JITTER_MS < self.next_ms.unwrap_or_default() as u64 {
                    let next = self.next_ms.unwrap_or_default() as u64;
                    self.late(frame, at, next, arrived)?;
                } else {
                    self.take(frame, arrived)?;
                }
            }
        }
        Ok(())
    }

    fn fill(&mut self, from: u64, to: u64, arrived: &mut Vec<Arrived>) -> Result<()> {
        arrived.push(Arrived::Gap {
            start_ms: from,
            end_ms: to,
        });
        let missing = to - from;
        let silence = missing.min(MOST_SILENCE_MS);
        let rate = self
            .resampler
            .as_ref()
            .map_or(SAMPLE_RATE, |(rate, _)| *rate);
        let samples = usize::try_from(silence * u64::from(rate) / 1000).unwrap_or_default();
        self.take(AudioFrame::new(vec![0.0; samples], rate), arrived)?;
        if missing > silence {
            arrived.push(Arrived::Jump { to_ms: to });
        }
        self.next_ms = Some(to as f64);
        Ok(())
    }

    fn take(&mut self, frame: AudioFrame, arrived: &mut Vec<Arrived>) -> Result<()> {
        if self
            .resampler
            .as_ref()
            .is_none_or(|(rate, _)| *rate != frame.rate)
        {
            // Another rate in the middle of a call: what was begun is brought to its end.
            if let Some((_, before)) = self.resampler.take() {
                arrived.push(Arrived::Samples(before.finish()?));
            }
            let chunk = frame.rate * CHUNK_MS / 1000;
            let resampler = Resampler::with_chunk(frame.rate, chunk as usize)?;
            self.resampler = Some((frame.rate, resampler));
        }
        let length = frame.samples.len() as f64 * 1000.0 / f64::from(frame.rate);
        self.next_ms = Some(self.next_ms.unwrap_or_default() + length);
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.push(&frame.samples)?;
            let samples = resampler.take();
            if !samples.is_empty() {
                arrived.push(Arrived::Samples(samples));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn frame(at_ms: u64, value: f32) -> AudioFrame {
        AudioFrame::new(vec![value; 320], SAMPLE_RATE).at_ms(at_ms)
    }

    /// Milliseconds of samples, and everything else.
    fn summary(arrived: &[Arrived]) -> (usize, Vec<&Arrived>) {
        let mut samples = 0;
        let mut others = Vec::new();
        for part in arrived {
            match part {
                Arrived::Samples(more) => samples += more.len(),
                other => others.push(other),
            }
        }
        (samples * 1000 / SAMPLE_RATE as usize, others)
    }

    fn push_all(
        line: &mut FrameLine,
        frames: impl IntoIterator<Item = AudioFrame>,
    ) -> Vec<Arrived> {
        frames
            .into_iter()
            .flat_map(|frame| line.push(frame).unwrap())
            .collect()
    }

    #[test]
    fn frames_in_order_are_one_track_whatever_their_size_and_rate() {
        for (rate, size) in [
            (8_000, 56),
            (8_000, 160),
            (16_000, 320),
            (44_100, 441),
            (48_000, 7),
        ] {
            let mut line = FrameLine::new();
            let mut arrived = Vec::new();
            for _ in 0..rate as usize / size {
                let frame = AudioFrame::new(vec![0.25; size], rate);
                arrived.extend(line.push(frame).unwrap());
            }
            arrived.extend(line.finish().unwrap());
            let (ms, others) = summary(&arrived);
            assert!((990..=1000).contains(&ms), "{rate} {size}: {ms}");
            assert!(others.is_empty());
        }
    }

    #[test]
    fn a_frame_that_comes_early_waits_for_the_one_before() {
        let mut line = FrameLine::new();
        let mut times: Vec<u64> = (0..20).map(|n| n * 20).collect();
        times.swap(5, 8);
        times.swap(11, 12);
        let arrived = push_all(
            &mut line,
            times.iter().map(|&at| frame(at, at as f32 / 400.0)),
        );
        let samples: Vec<f32> = arrived
            .iter()
            .flat_map(|part| match part {
                Arrived::Samples(samples) => samples.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(samples.len(), 20 * 320);
        assert!(samples.is_sorted(), "the order is wrong");
    }

    #[test]
    fn what_is_missing_is_a_gap_and_what_comes_late_is_left_out() {
        let mut line = FrameLine::new();
        let mut arrived = push_all(&mut line, (0..5).map(|n| frame(n * 20, 0.1)));
        arrived.extend(push_all(&mut line, (10..20).map(|n| frame(n * 20, 0.1))));
        let (ms, others) = summary(&arrived);
        assert_eq!(ms, 400);
        assert_eq!(
            others,
            [&Arrived::Gap {
                start_ms: 100,
                end_ms: 200
            }]
        );
        let late = push_all(&mut line, [frame(100, 0.1), frame(120, 0.1)]);
        assert!(
            late.iter().all(|part| matches!(part, Arrived::Late { .. })),
            "{late:?}"
        );
        // Its second half is new.
        let half = line
            .push(AudioFrame::new(vec![0.2; 3200], SAMPLE_RATE).at_ms(300))
            .unwrap();
        let (ms, others) = summary(&half);
        assert_eq!((ms, others.len()), (100, 1));
    }

    #[test]
    fn a_long_gap_jumps_and_a_first_time_is_where_the_track_begins() {
        let mut line = FrameLine::new();
        let first = line.push(frame(7_000, 0.1)).unwrap();
        assert_eq!(first[0], Arrived::Jump { to_ms: 7_000 });
        let later = push_all(&mut line, [frame(3_607_020, 0.1)]);
        let (ms, others) = summary(&later);
        assert_eq!(ms as u64, MOST_SILENCE_MS + 20);
        assert_eq!(others.len(), 2);
        assert_eq!(others[1], &Arrived::Jump { to_ms: 3_607_020 });
    }

    #[test]
    fn bad_frames_are_refused_and_the_track_goes_on() {
        let mut line = FrameLine::new();
        for bad in [
            AudioFrame::new(vec![0.0; 160], 0),
            AudioFrame::new(vec![0.0; 160], 4_000),
            AudioFrame::new(vec![0.0; 160], u32::MAX),
            AudioFrame::new(vec![0.0; 16_000 * 61], 16_000),
        ] {
            assert_eq!(line.push(bad).unwrap_err().kind(), ErrorKind::Audio);
        }
        let odd = AudioFrame::new(vec![f32::NAN, f32::INFINITY, 7.0, -7.0], SAMPLE_RATE);
        let samples = line.push(odd).unwrap();
        assert_eq!(samples, [Arrived::Samples(vec![0.0, 0.0, 1.0, -1.0])]);
        assert!(line.push(AudioFrame::new(Vec::new(), 8_000)).is_ok());
    }

    #[test]
    fn times_at_random_never_hold_much_or_go_back() {
        let mut line = FrameLine::new();
        let mut state = 5_u64;
        let mut clock = 0;
        for _ in 0..5_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(11);
            let at = clock + (state >> 33) % 400;
            clock += 20 * ((state >> 50) % 3);
            let before = line.next_ms.unwrap_or_default();
            line.push(frame(at, 0.1)).unwrap();
            assert!(line.next_ms.unwrap_or_default() >= before);
            assert!(line.held.len() <= MOST_HELD + 1);
        }
    }
}
