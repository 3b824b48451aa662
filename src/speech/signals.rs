//! Signals of a conversation from timing and sound, kept up to date while it goes on.

use std::collections::HashMap;

use super::SpeechSpan;
use crate::conversation::{
    ConversationSignals, NewUtterance, Overlap, ParticipantId, ParticipantSignals, SilenceSpan,
    Utterance, VoiceSignals, Word,
};

mod floor;
pub(super) mod prosody;
mod sample;
mod speaker;
mod track;

use floor::Floor;
use prosody::Prosody;
use speaker::Speaker;
use track::{Span, Track, insert};

/// Stretches of speech and utterances that may still change; an hour or more of a call of two. With
/// more of them the older half is settled.
const PENDING: usize = 4_096;
/// Holds that are remembered.
const HOLDS: usize = 256;

/// A final utterance as [`SignalTracker::utterance`] takes it, borrowed.
///
/// ```
/// # use attendant::conversation::NewUtterance;
/// # use attendant::speech::{SignalTracker, Spoken};
/// let said = NewUtterance::new("customer", "Where is my parcel?").with_span(500, 1_900);
/// let mut tracker = SignalTracker::new();
/// tracker.utterance(Spoken::from(&said).with_back_channel(false));
/// let signals = tracker.snapshot();
/// assert_eq!(signals.participants[0].words, 4);
/// assert_eq!(signals.participants[0].talk_ms, 1_400);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Spoken<'a> {
    /// Who said it.
    pub participant: &'a ParticipantId,
    /// The words.
    pub text: &'a str,
    /// Milliseconds from the start of the conversation.
    pub start_ms: u64,
    /// Milliseconds from the start of the conversation; not after `start_ms` where nobody spoke (a
    /// message).
    pub end_ms: u64,
    /// Word timings, where recognition gave them.
    pub words: &'a [Word],
    /// Whether it only signals that the speaker listens.
    pub back_channel: bool,
    /// How it sounds.
    pub prosody: Option<&'a Prosody>,
}

impl<'a> Spoken<'a> {
    /// Sets whether it only signals that the speaker listens.
    #[must_use]
    pub fn with_back_channel(mut self, back_channel: bool) -> Self {
        self.back_channel = back_channel;
        self
    }

    /// Adds how it sounds.
    #[must_use]
    pub fn with_prosody(mut self, prosody: &'a Prosody) -> Self {
        self.prosody = Some(prosody);
        self
    }
}

impl<'a> From<&'a Utterance> for Spoken<'a> {
    fn from(said: &'a Utterance) -> Self {
        Self {
            participant: &said.participant,
            text: &said.text,
            start_ms: said.start_ms,
            end_ms: said.end_ms,
            words: &said.words,
            back_channel: said.back_channel,
            prosody: None,
        }
    }
}

impl<'a> From<&'a NewUtterance> for Spoken<'a> {
    fn from(said: &'a NewUtterance) -> Self {
        Self {
            participant: &said.participant,
            text: &said.text,
            start_ms: said.start_ms,
            end_ms: said.end_ms,
            words: &said.words,
            back_channel: said.back_channel,
            prosody: None,
        }
    }
}

/// Follows a conversation and tells its [`ConversationSignals`] at any time.
///
/// Feed it [`speech`](Self::speech) as voice activity finds it, then each final
/// [`utterance`](Self::utterance). What comes late, twice, growing or out of order finds its place as
/// long as no more than some 2,000 stretches of speech and utterances (half an hour of lively talk)
/// came after it; what is older is left out. So a recording of an hour may be fed track by track, a
/// longer one in order of time.
///
/// An update costs the same at any length of a call, and memory does not grow with it; a snapshot
/// walks over the part that may still change. What costs most is [`Prosody`], which the caller measures.
#[derive(Clone, Debug, Default)]
pub struct SignalTracker {
    margin_ms: u64,
    duration_ms: u64,
    index: HashMap<ParticipantId, usize>,
    speakers: Vec<Speaker>,
    /// What may still change, by speaker, …
    tracks: Vec<Track>,
    holds: Vec<Span>,
    /// … from here on, …
    settled_to: u64,
    /// … and what came of all before.
    floor: Floor,
}

impl SignalTracker {
    /// A tracker that takes spans of speech as they are.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how much room, in ms, voice activity leaves around speech on each side: it is taken off
    /// again, or overlaps look longer and silences shorter than they are. `speech_spans` leaves
    /// 140 ms.
    #[must_use]
    pub fn with_margin_ms(mut self, margin_ms: u64) -> Self {
        self.margin_ms = margin_ms;
        self
    }

    /// Makes a participant known who has not spoken yet.
    pub fn join(&mut self, participant: &ParticipantId) {
        self.speaker(participant);
    }

    /// Tells that `participant` speaks within a span, in ms from the start of the conversation. A span
    /// that still grows may be told again.
    pub fn speech(&mut self, participant: &ParticipantId, span: SpeechSpan) {
        let who = self.speaker(participant);
        let start = span.start_ms.saturating_add(self.margin_ms);
        let end = span.end_ms.saturating_sub(self.margin_ms);
        if let Some(track) = self.tracks.get_mut(who) {
            track.speak(start, end);
        }
        if start < end {
            self.advance(end);
        }
        self.settle();
    }

    /// Tells of a final utterance and returns its voice, against what was usual for the speaker
    /// before. Where no speech was told within its span, its words, or the whole of it, count as
    /// speech.
    pub fn utterance(&mut self, said: Spoken<'_>) -> VoiceSignals {
        let who = self.speaker(said.participant);
        if let Some(track) = self.tracks.get_mut(who)
            && said.start_ms < said.end_ms
        {
            if !track.speaks_within(said.start_ms, said.end_ms) {
                let mut timed = said.words.iter().filter(|w| is_within(w, &said)).peekable();
                if timed.peek().is_none() {
                    track.speak(said.start_ms, said.end_ms);
                }
                timed.for_each(|word| track.speak(word.start_ms, word.end_ms));
            }
            track.mark(said.start_ms, said.end_ms, said.back_channel);
            self.advance(said.end_ms);
        }
        self.settle();
        self.speakers
            .get_mut(who)
            .map(|speaker| speaker.hear(&said))
            .unwrap_or_default()
    }

    /// Tells that somebody was put on hold. A hold that still lasts may be told again.
    pub fn hold(&mut self, start_ms: u64, end_ms: u64) {
        if let Some(span) = Span::new(start_ms.max(self.settled_to), end_ms) {
            insert(&mut self.holds, span, 0);
            let surplus = self.holds.len().saturating_sub(HOLDS);
            self.holds.drain(..surplus);
            self.advance(end_ms);
        }
    }

    /// Tells how long the conversation has gone on, so that a silence that lasts is seen.
    pub fn advance(&mut self, now_ms: u64) {
        self.duration_ms = self.duration_ms.max(now_ms);
    }

    /// The signals up to now. What the latest overlap is taken for may change with what follows it.
    pub fn snapshot(&self) -> ConversationSignals {
        let mut floor = self.floor.clone();
        floor.walk(&self.tracks, &self.holds, None);
        floor.quiet_to(self.duration_ms, &self.holds);
        let name = |who: usize| self.speakers.get(who).map(|speaker| speaker.id.clone());
        ConversationSignals {
            duration_ms: self.duration_ms,
            speech_ms: floor.speech_ms,
            overlap_ms: floor.overlap_ms,
            pause_ms: floor.pause_ms,
            silence_ms: floor.silence_ms,
            hold_ms: floor.hold_ms,
            participants: self.participants(&floor),
            silences: floor
                .silences
                .iter()
                .map(|quiet| SilenceSpan {
                    start_ms: quiet.span.start,
                    end_ms: quiet.span.end,
                    kind: quiet.kind,
                    after: quiet.after.and_then(name),
                })
                .collect(),
            overlaps: floor
                .overlaps
                .iter()
                .filter_map(|both| {
                    Some(Overlap {
                        start_ms: both.span.start,
                        end_ms: both.span.end,
                        first: name(both.first)?,
                        second: name(both.second)?,
                        kind: both.kind,
                    })
                })
                .collect(),
        }
    }

    fn participants(&self, floor: &Floor) -> Vec<ParticipantSignals> {
        let talk: f64 = floor.tallies.iter().map(|t| t.talk_ms as f64).sum();
        let both = self.speakers.iter().zip(&floor.tallies);
        both.map(|(speaker, tally)| {
            let known = speaker.signals();
            ParticipantSignals {
                talk_ms: tally.talk_ms,
                talk_ratio: (tally.talk_ms as f64 / talk.max(1.0)) as f32,
                overlap_ms: tally.overlap_ms,
                turns: tally.turns,
                longest_turn_ms: tally.longest_turn_ms,
                interruptions: tally.interruptions,
                interrupted: tally.interrupted,
                back_channels: known.back_channels.saturating_add(tally.brief),
                response_ms_median: tally.answers.median().map(|ms| ms as i64),
                ..known
            }
        })
        .collect()
    }

    fn speaker(&mut self, id: &ParticipantId) -> usize {
        if let Some(&who) = self.index.get(id) {
            return who;
        }
        let who = self.speakers.len();
        self.index.insert(id.clone(), who);
        self.speakers.push(Speaker::new(id.clone()));
        self.tracks.push(Track::from(self.settled_to));
        who
    }

    /// Settles the older half of what may still change, where there is much of it.
    fn settle(&mut self) {
        let pending: usize = self.tracks.iter().map(Track::len).sum();
        if pending <= PENDING {
            return;
        }
        let mut starts: Vec<u64> = self.tracks.iter().flat_map(Track::starts).collect();
        let middle = starts.len() / 2;
        let cutoff = *starts.select_nth_unstable(middle).1;
        self.floor.walk(&self.tracks, &self.holds, Some(cutoff));
        for track in &mut self.tracks {
            track.settle(cutoff, PENDING / 2);
        }
        self.holds.retain(|hold| hold.end > cutoff);
        self.settled_to = self.settled_to.max(cutoff);
    }
}

/// When an utterance's words begin and end, in ms: by its words, where they have times.
fn spoken_span(said: &Spoken<'_>) -> (u64, u64) {
    let timed = || said.words.iter().filter(|word| is_within(word, said));
    let start = timed().map(|word| word.start_ms).min();
    let end = timed().map(|word| word.end_ms).max();
    (start.unwrap_or(said.start_ms), end.unwrap_or(said.end_ms))
}

fn is_within(word: &Word, said: &Spoken<'_>) -> bool {
    said.start_ms <= word.start_ms && word.start_ms < word.end_ms && word.end_ms <= said.end_ms
}

#[cfg(test)]
mod tests;
