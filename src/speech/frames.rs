//! Live audio: frames of any size and rate become one continuous 16 kHz track.
//!
//! A frame may carry the time at which it begins. With it, frames that come out of order are put right,
//! what is missing becomes silence, and what comes too late or twice is left out; each is told.

use std::collections::BTreeMap;

use super::resample::Resampler;
use super::{AudioFrame, SAMPLE_RATE};
use crate::error::Result;

/// Frames whose times differ by no more than this from what was expected follow each other: clocks jitter.
const JITTER_MS: u64 = 10;
/// So much audio is held back while an earlier frame may still come.
const REORDER_MS: u64 = 120;
/// Frames that are held back at most, whatever their length.
const MOST_HELD: usize = 32;
/// A time so far ahead may be a mistake.
const FAR_MS: u64 = 2_000;
/// So much audio that comes too late, frame behind frame, comes from another clock.
const ANOTHER_CLOCK_MS: u64 = 1_000;
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
    /// The clock goes on from here: the rest of a long gap, or another clock.
    Jump { to_ms: u64 },
}

/// The frames of one track in order.
pub(super) struct FrameLine {
    resampler: Option<(u32, Resampler)>,
    /// When the next frame is expected; `None` before the first.
    next_ms: Option<f64>,
    held: BTreeMap<u64, AudioFrame>,
    /// Frames in a row that came too late, each where the one before ended: where the last ended, and how much
    /// audio they are.
    other_clock: Option<(u64, u64)>,
}

impl FrameLine {
    pub(super) fn new() -> Self {
        Self {
            resampler: None,
            next_ms: None,
            held: BTreeMap::new(),
            other_clock: None,
        }
    }

    /// Takes a frame; a bad one is refused and changes nothing.
    pub(super) fn push(&mut self, frame: AudioFrame) -> Result<Vec<Arrived>> {
        frame.check()?;
        let mut arrived = Vec::new();
        if self.next_ms.is_none() {
            let start = frame.timestamp_ms.unwrap_or_default();
            self.next_ms = Some(start as f64);
            if start > 0 {
                arrived.push(Arrived::Jump { to_ms: start });
            }
        }
        let next = self.next_ms();
        let Some(at) = frame.timestamp_ms else {
            self.release(true, &mut arrived)?;
            self.take(frame, &mut arrived)?;
            return Ok(arrived);
        };
        let jitter = jitter(&frame);
        if at + jitter < next {
            self.late(frame, at, &mut arrived)?;
            return Ok(arrived);
        }
        self.other_clock = None;
        if at <= next + jitter {
            self.take(frame, &mut arrived)?;
            self.release(false, &mut arrived)?;
        } else {
            // The same frame twice counts once.
            self.held.insert(at, frame);
            while self.is_overdue() {
                self.release_first(&mut arrived)?;
            }
            self.release(false, &mut arrived)?;
        }
        Ok(arrived)
    }

    /// Nothing more will come: what was held back and what is in the resampler.
    pub(super) fn finish(&mut self) -> Result<Vec<Arrived>> {
        let mut arrived = Vec::new();
        self.release(true, &mut arrived)?;
        self.flush(&mut arrived)?;
        Ok(arrived)
    }

    fn next_ms(&self) -> u64 {
        self.next_ms.unwrap_or_default().round() as u64
    }

    /// What is in the resampler.
    fn flush(&mut self, arrived: &mut Vec<Arrived>) -> Result<()> {
        if let Some((_, resampler)) = self.resampler.take() {
            arrived.push(Arrived::Samples(resampler.finish()?));
        }
        Ok(())
    }

    /// Whether what is missing has been waited for long enough. A single frame from far ahead may have a wrong
    /// time: it takes a second one to believe it.
    fn is_overdue(&self) -> bool {
        let next = self.next_ms();
        let audio: u64 = self.held.values().map(AudioFrame::duration_ms).sum();
        let newest = self.held.iter().next_back();
        let ahead = newest.map_or(0, |(at, f)| (at + f.duration_ms()).saturating_sub(next));
        let is_far = self
            .held
            .keys()
            .next()
            .is_some_and(|at| at.saturating_sub(next) > FAR_MS);
        match is_far {
            true => audio > REORDER_MS,
            false => self.held.len() > MOST_HELD || ahead > REORDER_MS + JITTER_MS,
        }
    }

    /// A frame that begins before what is there already: its rest, if it has one, is good. When frames go on being
    /// late one behind the other, the source counts from somewhere else now, and that is believed.
    fn late(&mut self, mut frame: AudioFrame, at: u64, arrived: &mut Vec<Arrived>) -> Result<()> {
        let next = self.next_ms();
        let (end, length) = (at + frame.duration_ms(), frame.duration_ms());
        if end > next {
            let known = (next - at) * u64::from(frame.rate) / 1000;
            let known = usize::try_from(known)
                .unwrap_or(usize::MAX)
                .min(frame.samples.len());
            frame.samples.drain(..known);
            arrived.push(Arrived::Late {
                start_ms: at,
                end_ms: next,
            });
            return self.take(frame, arrived);
        }
        let audio = match self.other_clock {
            Some((last, audio)) if at.abs_diff(last) <= JITTER_MS => audio + length,
            _ => length,
        };
        self.other_clock = Some((end, audio));
        if audio < ANOTHER_CLOCK_MS {
            arrived.push(Arrived::Late {
                start_ms: at,
                end_ms: end,
            });
            return Ok(());
        }
        self.other_clock = None;
        self.held.clear();
        self.flush(arrived)?;
        arrived.push(Arrived::Jump { to_ms: at });
        self.next_ms = Some(at as f64);
        self.take(frame, arrived)
    }

    /// Takes what was held back as far as it follows, or all of it.
    fn release(&mut self, all: bool, arrived: &mut Vec<Arrived>) -> Result<()> {
        while let Some((at, frame)) = self.held.first_key_value() {
            if !all && *at > self.next_ms() + jitter(frame) {
                break;
            }
            self.release_first(arrived)?;
        }
        Ok(())
    }

    /// Takes the first of what was held back, and silence for what is missing before it.
    fn release_first(&mut self, arrived: &mut Vec<Arrived>) -> Result<()> {
        let Some((at, frame)) = self.held.pop_first() else {
            return Ok(());
        };
        let (next, jitter) = (self.next_ms(), jitter(&frame));
        if at + jitter < next {
            return self.late(frame, at, arrived);
        }
        if at > next + jitter {
            self.fill(next, at, arrived)?;
        }
        self.take(frame, arrived)
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
            self.flush(arrived)?;
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

/// By how much the time of a frame may differ from what was expected: less than half of it.
fn jitter(frame: &AudioFrame) -> u64 {
    JITTER_MS.min(frame.duration_ms() / 2)
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
        // One frame may be wrong; that they go on from there is not.
        assert_eq!(line.push(frame(3_607_020, 0.1)).unwrap(), []);
        let later = push_all(&mut line, (1..7).map(|n| frame(3_607_020 + n * 20, 0.1)));
        let (ms, others) = summary(&later);
        assert_eq!(ms as u64, MOST_SILENCE_MS + 140);
        assert_eq!(others.len(), 2);
        assert_eq!(others[1], &Arrived::Jump { to_ms: 3_607_020 });
    }

    #[test]
    fn a_clock_that_starts_again_is_followed_after_a_second() {
        let mut line = FrameLine::new();
        push_all(&mut line, (0..100).map(|n| frame(n * 20, 0.1)));
        let again = push_all(&mut line, (0..100).map(|n| frame(n * 20, 0.1)));
        let (ms, others) = summary(&again);
        assert_eq!(ms, 1_020, "all but the second in which it was doubted");
        assert_eq!(others.last(), Some(&&Arrived::Jump { to_ms: 980 }));
        // A single wrong time holds nothing up.
        assert_eq!(line.push(frame(9_000_000, 0.1)).unwrap(), []);
        let on = push_all(&mut line, (100..150).map(|n| frame(n * 20, 0.1)));
        let (ms, others) = summary(&on);
        assert_eq!((ms, others.len()), (1_000, 0));
    }

    #[test]
    fn short_frames_are_put_in_order_and_doubles_are_left_out() {
        let short = |at: u64, value: f32| AudioFrame::new(vec![value; 160], SAMPLE_RATE).at_ms(at);
        let mut line = FrameLine::new();
        let times = [0, 10, 30, 20, 40, 40, 50];
        let arrived = push_all(
            &mut line,
            times.iter().map(|&at| short(at, at as f32 / 100.0)),
        );
        let samples: Vec<f32> = arrived
            .iter()
            .filter_map(|part| match part {
                Arrived::Samples(samples) => Some(samples.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        assert_eq!(samples.len(), 6 * 160);
        assert!(samples.is_sorted());
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
            let before = line.next_ms();
            let arrived = line.push(frame(at, 0.1)).unwrap();
            if arrived
                .iter()
                .all(|part| !matches!(part, Arrived::Jump { .. }))
            {
                let (ms, _) = summary(&arrived);
                assert_eq!(line.next_ms() - before, ms as u64, "audio and clock differ");
            }
            assert!(line.held.len() <= MOST_HELD + 1);
        }
    }
}
