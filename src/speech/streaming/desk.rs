//! What is heard on all tracks and what is to be transcribed next. No clock and no waiting: time is that of the
//! audio.

use std::sync::Arc;

use super::track::{Closed, Hypothesis, Open, Track, line, milliseconds, samples};
use super::{Listened, LiveEvent, LiveOptions};
use crate::conversation::Word;
use crate::error::Result;
use crate::speech::activity::Change;
use crate::speech::detector::DetectorFactory;
use crate::speech::frames::Arrived;
use crate::speech::vad::{FRAME, MARGIN_MS, is_tonal};
use crate::speech::{AudioFrame, Segment, TranscribeOptions, is_back_channel};

/// After so much silence the words are looked at: by the time the pause is long enough to be an end, they are
/// there.
pub(super) const LOOK_MS: u64 = 200;
/// From this length on an utterance ends at any pause of [`SHORT_PAUSE_MS`], and has no interim words …
pub(super) const LONG_MS: u64 = 12_000;
const SHORT_PAUSE_MS: u64 = 160;
/// … and at this length where it is softest.
const LONGEST_MS: u64 = 20_000;
/// An onset is told when so much of it is there and is no tone.
const ONSET_MS: u64 = 96;
/// How far behind the oldest utterance may be before that is told, and when it has caught up.
const LAGGING_MS: u64 = 3_000;
const CAUGHT_UP_MS: u64 = 1_000;
/// Less speech than this does not tell its language.
const TELLING_MS: u64 = 2_000;
/// The model is not to cut an utterance.
const NO_PAUSE_MS: u64 = 60_000;

/// An utterance, or what there is of it, that is being transcribed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub(super) track: usize,
    pub(super) number: u64,
    pub(super) voice_end: u64,
    /// When the voice sets in, and how much audio there is before it.
    pub(super) start_ms: u64,
    pub(super) lead_ms: u64,
    /// Whether the silence behind the voice is part of it.
    pub(super) is_whole: bool,
}

/// All tracks.
pub(super) struct Desk {
    pub(super) options: LiveOptions,
    pub(super) tracks: Vec<Track>,
    events: Vec<LiveEvent>,
    next_number: u64,
    /// The track whose interim words were looked for last.
    pub(super) last_interim: usize,
    pub(super) is_lagging: bool,
}

impl Desk {
    pub(super) fn new(tracks: usize, options: LiveOptions, detector: &DetectorFactory) -> Self {
        Self {
            tracks: (0..tracks).map(|_| Track::new(detector())).collect(),
            options,
            events: Vec::new(),
            next_number: 0,
            last_interim: 0,
            is_lagging: false,
        }
    }

    pub(super) fn tracks(&self) -> usize {
        self.tracks.len()
    }

    /// How the audio of a job is to be transcribed. Where no language is told, every utterance may be in another
    /// one, but too little of it does not say in which: that is taken to be the one before.
    pub(super) fn transcribe(&self, job: Job, audio: &[f32]) -> TranscribeOptions {
        let mut options = self.options.transcribe.clone().with_pause_ms(NO_PAUSE_MS);
        if options.language.is_none() && milliseconds(audio.len() as u64) < TELLING_MS {
            let track = self.tracks.get(job.track);
            options.language = track.and_then(|track| track.language.clone());
        }
        options
    }

    pub(super) fn take_events(&mut self) -> Vec<LiveEvent> {
        std::mem::take(&mut self.events)
    }

    /// Whether an utterance goes on somewhere.
    pub(super) fn is_speaking(&self) -> bool {
        self.tracks.iter().any(|track| track.open.is_some())
    }

    /// Audio of utterances that are over and wait.
    pub(super) fn waiting_ms(&self) -> u64 {
        let waiting = self.tracks.iter().flat_map(|track| &track.closed);
        waiting
            .map(|closed| milliseconds(closed.audio.len() as u64))
            .sum()
    }

    /// Takes a frame.
    pub(super) fn push(&mut self, index: usize, frame: AudioFrame) {
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        let arrived = track.line.push(frame);
        self.arrived(index, arrived);
    }

    /// A track has ended.
    pub(super) fn finish(&mut self, index: usize) {
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        let arrived = track.line.finish();
        self.arrived(index, arrived);
        self.close(index);
    }

    /// All tracks have ended.
    pub(super) fn finish_all(&mut self) {
        (0..self.tracks.len()).for_each(|index| self.finish(index));
    }

    /// Nothing comes any more on a track; if somebody speaks there, that ends here.
    pub(super) fn stalled(&mut self, index: usize) {
        let Some(track) = self.tracks.get(index).filter(|track| track.open.is_some()) else {
            return;
        };
        let at_ms = track.ms(track.position());
        self.events.push(LiveEvent::Stalled {
            track: index,
            at_ms,
        });
        self.close(index);
    }

    fn arrived(&mut self, index: usize, arrived: Result<Vec<Arrived>>) {
        let arrived = arrived.unwrap_or_else(|error| {
            // Frames were checked before; a resampler that fails loses one of them and is told.
            let now = self
                .tracks
                .get(index)
                .map_or(0, |track| track.ms(track.position()));
            self.events.push(LiveEvent::Failed {
                track: index,
                start_ms: now,
                end_ms: now,
                message: error.to_string(),
            });
            Vec::new()
        });
        for part in arrived {
            match part {
                Arrived::Samples(samples) => {
                    samples
                        .chunks(FRAME)
                        .for_each(|piece| self.listen(index, piece));
                }
                Arrived::Gap { start_ms, end_ms } => self.events.push(LiveEvent::Gap {
                    track: index,
                    start_ms,
                    end_ms,
                }),
                Arrived::Late { start_ms, end_ms } => self.events.push(LiveEvent::Late {
                    track: index,
                    start_ms,
                    end_ms,
                }),
                Arrived::Jump { to_ms } => {
                    self.close(index);
                    if let Some(track) = self.tracks.get_mut(index) {
                        track.jump(to_ms);
                    }
                }
            }
        }
        self.tell_lag();
    }

    /// Some samples, not more than a frame.
    fn listen(&mut self, index: usize, piece: &[f32]) {
        let others = self
            .tracks
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index);
        let is_over_another = others.into_iter().any(|(_, other)| {
            other.open.is_some() && milliseconds(other.activity.silence()) < LOOK_MS
        });
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        track.append(piece);
        if let Some(Change::Onset(voice)) = track.activity.push(piece) {
            self.next_number += 1;
            let mut open = Open::new(self.next_number, voice.start, track.ms(voice.start));
            open.start = voice.start.saturating_sub(samples(MARGIN_MS));
            open.is_over_another = is_over_another;
            track.open = Some(open);
        }
        self.tell_onset(index);
        self.decide(index);
        if let Some(track) = self.tracks.get_mut(index) {
            track.trim();
        }
    }

    /// Tells that a voice set in as soon as it is sure that it is one: keys and ringing are not.
    fn tell_onset(&mut self, index: usize) {
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        let now = track.position();
        let Some(open) = track.open.as_ref().filter(|open| !open.is_told) else {
            return;
        };
        let (from, start_ms) = (open.voice_start, open.start_ms);
        // The last second tells; it may have begun as a tone.
        let from = from.max(now.saturating_sub(samples(1_000)));
        if now < from + samples(ONSET_MS) || is_tonal(track.slice(from, now)) {
            return;
        }
        let noticed_ms = track.ms(now);
        if let Some(open) = &mut track.open {
            open.is_told = true;
        }
        self.events.push(LiveEvent::SpeechStarted {
            track: index,
            start_ms,
            noticed_ms,
        });
    }

    /// Whether the utterance is over.
    fn decide(&mut self, index: usize) {
        let Some(track) = self.tracks.get(index) else {
            return;
        };
        let (Some(open), Some(voice)) = (&track.open, track.activity.voice()) else {
            return;
        };
        let silence = milliseconds(track.activity.silence());
        let length = milliseconds(track.position().saturating_sub(open.start));
        let endpoint = self.options.endpoint;
        let needed = match &open.heard {
            _ if length >= LONG_MS => SHORT_PAUSE_MS,
            Some(heard) if heard.covers(voice.end) => {
                endpoint.pause_after(&heard.text(), heard.language.as_deref())
            }
            // Nobody could look at the words yet.
            _ => endpoint.longest_ms().min(2 * endpoint.complete_ms),
        };
        if silence >= needed {
            self.close(index);
        } else if length >= LONGEST_MS {
            self.cut(index);
        }
    }

    /// Ends the utterance of a track, if there is one.
    fn close(&mut self, index: usize) {
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        let voice_end = track.activity.voice().map_or(0, |voice| voice.end);
        track.activity.reset();
        let Some(open) = track.open.take() else {
            return;
        };
        let audio_end = track.heard_to(voice_end);
        self.file(index, open, voice_end, audio_end);
    }

    /// Ends the first part of a long utterance where it is softest; the rest goes on.
    fn cut(&mut self, index: usize) {
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        let Some(open) = track.open.take() else {
            return;
        };
        let from = open.start + samples(LONG_MS);
        let tenth = samples(100);
        let power = |at: &u64| -> f32 { track.slice(*at, at + tenth).iter().map(|s| s * s).sum() };
        let last = track.position().saturating_sub(tenth);
        let soft = (from..last)
            .step_by(tenth as usize)
            .min_by(|a, b| power(a).total_cmp(&power(b)));
        let at = soft.map_or(track.position(), |at| at + tenth / 2);
        self.next_number += 1;
        let mut rest = Open::new(self.next_number, at, track.ms(at));
        rest.is_told = open.is_told;
        rest.is_over_another = open.is_over_another;
        track.open = Some(rest);
        self.file(index, open, at, at);
    }

    /// An utterance is over: it is told if its words are known, else it waits.
    fn file(&mut self, index: usize, open: Open, voice_end: u64, audio_end: u64) {
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        let lead_ms = open.lead_ms();
        let closed = Closed {
            number: open.number,
            audio: track.slice(open.start, audio_end).to_vec(),
            start_ms: open.start_ms,
            end_ms: track.ms(voice_end).max(open.start_ms),
            voice_end,
            agreement: open.agreement,
            is_in_work: open.is_in_work,
            is_told: open.is_told,
            is_over_another: open.is_over_another,
            lead_ms,
        };
        if closed.audio.is_empty() {
            return;
        }
        match open.heard {
            Some(heard) if heard.covers(voice_end) => {
                self.tell_final(index, &closed, &heard);
            }
            _ => track.closed.push_back(closed),
        }
    }

    fn tell_final(&mut self, index: usize, closed: &Closed, heard: &Hypothesis) {
        // Noise of which the model made words twice, but none when it had heard all of it, holds none.
        let words = match heard.words.is_empty() {
            true => Vec::new(),
            false => closed.agreement.finish(&heard.words),
        };
        if let (Some(track), Some(_)) = (self.tracks.get_mut(index), &heard.language) {
            track.language.clone_from(&heard.language);
        }
        if words.is_empty() {
            if closed.is_told {
                self.events.push(LiveEvent::NoSpeech {
                    track: index,
                    start_ms: closed.start_ms,
                    end_ms: closed.end_ms,
                });
            }
            return;
        }
        let text = line(&words);
        let back_channel =
            closed.is_over_another && is_back_channel(&text, heard.language.as_deref());
        self.events.push(LiveEvent::Final {
            track: index,
            segment: Segment {
                confidence: words.iter().map(|w| w.confidence).sum::<f32>() / words.len() as f32,
                text,
                start_ms: closed.start_ms,
                end_ms: closed.end_ms,
                language: heard.language.clone(),
                words,
            },
            back_channel,
            prosody: Arc::clone(&heard.prosody),
        });
    }

    /// What came of a job.
    pub(super) fn heard(&mut self, job: Job, heard: Result<Listened>) {
        let Some(track) = self.tracks.get_mut(job.track) else {
            return;
        };
        let hypothesis = heard.map(|(segments, prosody)| {
            let language = segments.iter().find_map(|segment| segment.language.clone());
            let words = segments.into_iter().flat_map(|segment| segment.words);
            let later = |word: Word| Word {
                start_ms: (word.start_ms + job.start_ms).saturating_sub(job.lead_ms),
                end_ms: (word.end_ms + job.start_ms).saturating_sub(job.lead_ms),
                ..word
            };
            Hypothesis {
                words: words.map(later).collect(),
                language,
                voice_end: job.voice_end,
                is_whole: job.is_whole,
                prosody,
            }
        });
        if let Some(place) = track
            .closed
            .iter()
            .position(|closed| closed.number == job.number)
        {
            let Some(mut closed) = track.closed.remove(place) else {
                return;
            };
            match hypothesis {
                // It was begun before the utterance was over, and does not have its end.
                Ok(early) if !early.covers(closed.voice_end) => {
                    closed.agreement.hear(&early.words);
                    closed.is_in_work = false;
                    track.closed.insert(place, closed);
                }
                Err(error) if !job.is_whole || job.voice_end < closed.voice_end => {
                    tracing::warn!(%error, track = job.track, "no interim words");
                    closed.is_in_work = false;
                    track.closed.insert(place, closed);
                }
                Ok(whole) => self.tell_final(job.track, &closed, &whole),
                Err(error) => self.events.push(LiveEvent::Failed {
                    track: job.track,
                    start_ms: closed.start_ms,
                    end_ms: closed.end_ms,
                    message: error.to_string(),
                }),
            }
            self.tell_lag();
            return;
        }
        let Some(open) = track.open.as_mut().filter(|open| open.number == job.number) else {
            return;
        };
        open.is_in_work = false;
        let hypothesis = match hypothesis {
            Ok(hypothesis) => hypothesis,
            Err(error) => {
                // The final is asked for again, and tells if that fails too.
                tracing::warn!(%error, track = job.track, "no interim words");
                open.has_failed = true;
                return;
            }
        };
        let shown = open.agreement.hear(&hypothesis.words);
        let (stable, tentative) = shown.split_at(open.agreement.stable().min(shown.len()));
        if !shown.is_empty() {
            self.events.push(LiveEvent::Interim {
                track: job.track,
                start_ms: open.start_ms,
                stable: line(stable),
                tentative: line(tentative),
            });
        }
        open.heard = Some(hypothesis);
        self.decide(job.track);
    }

    fn tell_lag(&mut self) {
        let behind = self.tracks.iter().filter_map(|track| {
            let oldest = track.closed.front()?;
            // By what was heard since, which a gap in the clock is not.
            Some(milliseconds(
                track.position().saturating_sub(oldest.voice_end),
            ))
        });
        let behind_ms = behind.max().unwrap_or_default();
        if !self.is_lagging && behind_ms > LAGGING_MS {
            self.is_lagging = true;
            let waiting = self.tracks.iter().map(|track| track.closed.len()).sum();
            self.events.push(LiveEvent::Lagging { behind_ms, waiting });
        } else if self.is_lagging && behind_ms < CAUGHT_UP_MS {
            self.is_lagging = false;
            self.events.push(LiveEvent::CaughtUp);
        }
    }
}
