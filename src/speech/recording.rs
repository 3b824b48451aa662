//! A recorded conversation: one track a participant, or one for all.

use super::AudioTrack;

/// The decoded tracks of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Recording {
    /// One mono track a channel of the file, all of the same length. A call centre's stereo
    /// recording has one participant on each; a mono recording has everybody on one.
    pub tracks: Vec<AudioTrack>,
    /// What was wrong with the file although it could be read, in sentences for people.
    pub warnings: Vec<String>,
}

impl Recording {
    /// A recording of tracks that are in memory already.
    pub fn new(tracks: Vec<AudioTrack>) -> Self {
        Self {
            tracks,
            warnings: Vec::new(),
        }
    }

    /// Length in milliseconds: that of the longest track.
    pub fn duration_ms(&self) -> u64 {
        self.tracks
            .iter()
            .map(AudioTrack::duration_ms)
            .max()
            .unwrap_or_default()
    }

    /// All tracks in one, as a mono recording of the same call would have it.
    pub fn mixed(&self) -> AudioTrack {
        let length = self.tracks.iter().map(|t| t.samples.len()).max();
        let mut samples = vec![0.0_f32; length.unwrap_or_default()];
        let share = 1.0 / self.tracks.len().max(1) as f32;
        for track in &self.tracks {
            for (sum, sample) in samples.iter_mut().zip(&track.samples) {
                *sum += sample * share;
            }
        }
        AudioTrack { samples }
    }
}
