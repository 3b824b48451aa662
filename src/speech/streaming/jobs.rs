//! What to transcribe next: what is over, then what may be over, then what goes on.

use super::desk::{Desk, Job, LONG_MS, LOOK_MS};
use super::track::{Closed, Track, milliseconds};

/// Whether a pause has begun; interim words would only hold up what comes then.
const PAUSE_MS: u64 = 64;

impl Track {
    /// Whether there is silence, and the words before it are not known.
    fn may_be_over(&self) -> bool {
        let (Some(open), Some(voice)) = (&self.open, self.activity.voice()) else {
            return false;
        };
        let known = open.heard.as_ref().is_some_and(|h| h.covers(voice.end));
        milliseconds(self.activity.silence()) >= LOOK_MS && !known && !open.has_failed
    }
}

impl Desk {
    /// What to transcribe next, and its audio.
    pub(super) fn next_job(&mut self) -> Option<(Job, Vec<f32>)> {
        // Utterances that are over, the oldest first.
        let waiting = self.tracks.iter().enumerate().filter_map(|(index, track)| {
            let closed = track.closed.iter().find(|closed| !closed.is_in_work)?;
            Some((closed.end_ms, index, closed.number))
        });
        if let Some((_, index, number)) = waiting.min() {
            let track = self.tracks.get_mut(index)?;
            let closed = track
                .closed
                .iter_mut()
                .find(|closed| closed.number == number)?;
            closed.is_in_work = true;
            let job = Job {
                track: index,
                number,
                voice_end: closed.voice_end,
                start_ms: closed.start_ms,
                lead_ms: closed.lead_ms,
                is_whole: true,
            };
            return Some((job, closed.audio.clone()));
        }
        // Those that may be over, the longest silent first.
        let silent = self.tracks.iter().enumerate().filter_map(|(index, track)| {
            let is_free = track.open.as_ref().is_some_and(|open| !open.is_in_work);
            (is_free && track.may_be_over()).then_some((track.activity.silence(), index))
        });
        if let Some((_, index)) = silent.max() {
            return self.ask(index);
        }
        // Those that go on, in turn.
        let pausing = self.tracks.iter().any(|track| {
            let silence = milliseconds(track.activity.silence());
            track.open.is_some() && (PAUSE_MS..LOOK_MS).contains(&silence)
        });
        if pausing || self.is_lagging {
            return None;
        }
        let count = self.tracks.len();
        let mut turns = (1..=count).map(|turn| (self.last_interim + turn) % count);
        let due = turns.find(|index| {
            let Some(track) = self.tracks.get(*index) else {
                return false;
            };
            let Some(open) = &track.open else {
                return false;
            };
            let new = track.position().saturating_sub(open.asked_to);
            let length = track.position().saturating_sub(open.start);
            let pause = milliseconds(track.activity.silence());
            new > 0
                && milliseconds(new) >= self.options.interim_ms
                && milliseconds(length) < LONG_MS
                && pause < PAUSE_MS
                && open.is_told
                && !open.has_failed
        })?;
        self.last_interim = due;
        self.ask(due)
    }

    /// Whether interim words are looked for while somebody is, or may be, finished.
    pub(super) fn is_held_up_by(&self, job: &Job) -> bool {
        !job.is_whole
            && self.tracks.iter().any(|track| {
                let waits = |closed: &Closed| !closed.is_in_work || closed.number == job.number;
                track.closed.iter().any(waits) || track.may_be_over()
            })
    }

    /// Nobody waits for a job any more.
    pub(super) fn give_up(&mut self, job: Job) {
        let Some(track) = self.tracks.get_mut(job.track) else {
            return;
        };
        let open = track.open.as_mut().filter(|open| open.number == job.number);
        if let Some(open) = open {
            open.is_in_work = false;
        }
        let mut closed = track.closed.iter_mut();
        if let Some(closed) = closed.find(|closed| closed.number == job.number) {
            closed.is_in_work = false;
        }
    }

    fn ask(&mut self, index: usize) -> Option<(Job, Vec<f32>)> {
        let track = self.tracks.get_mut(index)?;
        let voice_end = track.activity.voice()?.end;
        let to = track.heard_to(voice_end);
        let is_whole = milliseconds(track.activity.silence()) >= LOOK_MS;
        let (start, position) = (track.open.as_ref()?.start, track.position());
        let audio = track.slice(start, to).to_vec();
        let open = track.open.as_mut()?;
        open.is_in_work = true;
        open.asked_to = position;
        let job = Job {
            track: index,
            number: open.number,
            voice_end,
            start_ms: open.start_ms,
            lead_ms: open.lead_ms(),
            is_whole,
        };
        Some((job, audio))
    }
}
