//! One channel of any rate turned into 16 kHz, piece by piece.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

use super::{AudioTrack, SAMPLE_RATE};
use crate::error::{ErrorKind, OrError, Result};

/// Frames a piece; with one transform a piece, the pass band reaches 98% of the lower Nyquist
/// frequency, which telephone audio needs.
const CHUNK: usize = 1024;

/// A resampler that keeps times: its delay is cut off at the start, the tail is flushed at the end.
pub(super) struct Resampler {
    /// `None` where the input is 16 kHz already.
    inner: Option<Fft<f32>>,
    rate: u32,
    pending: Vec<f32>,
    scratch: Vec<f32>,
    /// Output frames of the delay that are still to be thrown away.
    skip: usize,
    taken: u64,
    /// Output frames that were handed out already.
    given: u64,
    out: Vec<f32>,
}

impl AudioTrack {
    /// A track of mono samples of any rate from 8 kHz on; what is no number becomes silence.
    ///
    /// # Errors
    /// [`ErrorKind::Audio`] for a rate that cannot be converted.
    pub fn from_samples(samples: &[f32], rate: u32) -> Result<Self> {
        super::AudioFrame::new(Vec::new(), rate).check()?;
        let mut resampler = Resampler::new(rate)?;
        resampler.push(samples)?;
        Ok(Self {
            samples: resampler.finish()?,
        })
    }
}

impl Resampler {
    pub(super) fn new(rate: u32) -> Result<Self> {
        Self::with_chunk(rate, CHUNK)
    }

    /// Turns so many input frames at once: fewer are a shorter delay and a wider transition band.
    pub(super) fn with_chunk(rate: u32, chunk: usize) -> Result<Self> {
        let inner = if rate == SAMPLE_RATE {
            None
        } else {
            let fft = Fft::new_custom(
                rate as usize,
                SAMPLE_RATE as usize,
                chunk,
                1,
                1,
                rubato::WindowFunction::BlackmanHarris2,
                FixedSync::Input,
            );
            Some(fft.or_error(ErrorKind::Audio, || {
                format!(
                    "audio of {rate} Hz cannot be converted to {SAMPLE_RATE} Hz; convert it first"
                )
            })?)
        };
        Ok(Self {
            skip: inner.as_ref().map_or(0, |r| r.output_delay()),
            scratch: vec![0.0; inner.as_ref().map_or(0, |r| r.output_frames_max())],
            inner,
            rate,
            pending: Vec::new(),
            taken: 0,
            given: 0,
            out: Vec::new(),
        })
    }

    /// Takes the next samples; what is not a number becomes silence, what is too loud is clipped.
    pub(super) fn push(&mut self, samples: &[f32]) -> Result<()> {
        self.taken += samples.len() as u64;
        let clean = samples.iter().map(|s| {
            if s.is_finite() {
                s.clamp(-1.0, 1.0)
            } else {
                0.0
            }
        });
        let Some(needed) = self.inner.as_ref().map(|r| r.input_frames_next()) else {
            self.out.extend(clean);
            return Ok(());
        };
        self.pending.extend(clean);
        let whole = self.pending.len() / needed * needed;
        for start in (0..whole).step_by(needed) {
            self.convert(start, needed)?;
        }
        self.pending.drain(..whole);
        Ok(())
    }

    /// The samples that are ready and were not taken yet.
    pub(super) fn take(&mut self) -> Vec<f32> {
        self.given += self.out.len() as u64;
        std::mem::take(&mut self.out)
    }

    /// All samples that were not taken yet; with those that were, as many as the input's duration asks for.
    pub(super) fn finish(mut self) -> Result<Vec<f32>> {
        if let Some(needed) = self.inner.as_ref().map(|r| r.input_frames_next()) {
            let expected = self.taken * u64::from(SAMPLE_RATE) / u64::from(self.rate);
            let expected = expected.saturating_sub(self.given);
            let expected = usize::try_from(expected).unwrap_or(usize::MAX);
            let mut left = self.pending.len();
            while self.out.len() < expected {
                self.pending.resize(needed, 0.0);
                self.convert(0, left.max(1))?;
                self.pending.clear();
                left = 0;
            }
            self.out.truncate(expected);
        }
        Ok(self.out)
    }

    fn convert(&mut self, start: usize, frames: usize) -> Result<()> {
        let Some(resampler) = &mut self.inner else {
            return Ok(());
        };
        let failed = || "resampling failed; convert the audio to 16 kHz first";
        let input = InterleavedSlice::new(&self.pending, 1, self.pending.len())
            .or_error(ErrorKind::Internal, failed)?;
        let room = self.scratch.len();
        let mut output = InterleavedSlice::new_mut(&mut self.scratch, 1, room)
            .or_error(ErrorKind::Internal, failed)?;
        let mut indexing = Indexing::new().input_offset(start);
        if frames < resampler.input_frames_next() {
            indexing = indexing.partial_len(frames);
        }
        let (_, made) = resampler
            .process_into_buffer(&input, &mut output, Some(&indexing))
            .or_error(ErrorKind::Internal, failed)?;
        let skipped = self.skip.min(made);
        self.skip -= skipped;
        self.out.extend(
            self.scratch[skipped..made]
                .iter()
                .map(|s| s.clamp(-1.0, 1.0)),
        );
        Ok(())
    }
}
