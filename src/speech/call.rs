//! A recorded call as attributed speech: who said what, when.

use super::diarize::voice_changes;
use super::vad::spans_of;
use super::{AudioTrack, Recording, Segment, SpeechSpan, SpeechToText, TranscribeOptions};
use super::{assign_mono_roles, infer_roles};
use crate::conversation::{ParticipantId, Role, Word};
use crate::error::Result;

/// Turns follow each other quickly, so a mono track is cut at shorter pauses than one that holds a
/// single participant.
const MONO_PAUSE_MS: u64 = 300;
/// The quiet moment between two sentences is looked for this far from where it should be …
const NEAR_MS: u64 = 500;
/// … and is this long.
const QUIET_MS: u64 = 80;
/// Two tracks whose difference is this small a part of their sum are one recording twice.
const SAME: f64 = 0.02;

/// How to transcribe a call.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CallOptions {
    /// How to transcribe each track.
    pub transcribe: TranscribeOptions,
    /// Roles that the host knows, by track; inferred from the words where missing or
    /// [`Role::Unknown`].
    pub roles: Vec<Role>,
}

impl CallOptions {
    /// Options that say how to transcribe each track and leave the roles to be inferred.
    pub fn new(transcribe: TranscribeOptions) -> Self {
        Self {
            transcribe,
            roles: Vec::new(),
        }
    }

    /// Tells the role of each track.
    #[must_use]
    pub fn with_roles(mut self, roles: impl IntoIterator<Item = Role>) -> Self {
        self.roles = roles.into_iter().collect();
        self
    }
}

/// Speech with the person it is from.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributedSegment {
    /// `track-0`, `track-1`, … where each participant has a track; on a mono recording the name of
    /// the role, since nothing else is known of the person.
    pub participant: ParticipantId,
    /// Index of the track in the recording.
    pub track: usize,
    /// Who speaks.
    pub role: Role,
    /// Between 0 and 1; 1 where the host said so.
    pub role_confidence: f32,
    /// What was said, with times from the start of the recording.
    pub segment: Segment,
}

/// Transcribes a recording and says who speaks, ordered by when each segment became final (its end).
///
/// With a track a participant, the roles follow from everything said on each track. A mono
/// recording, one whose two tracks are the same, and one where only one track has speech are cut
/// into turns whose roles are inferred one by one.
///
/// # Errors
/// Those of the engine.
pub async fn transcribe_recording(
    engine: &dyn SpeechToText,
    recording: &Recording,
    options: &CallOptions,
) -> Result<Vec<AttributedSegment>> {
    let mut tracks: Vec<(usize, Vec<Segment>)> = Vec::new();
    if !is_one_voice_track(recording) {
        for (index, track) in recording.tracks.iter().enumerate() {
            let segments = engine
                .transcribe(track.clone(), options.transcribe.clone())
                .await?;
            tracks.push((index, segments));
        }
    }
    let speaking = tracks.iter().filter(|(_, s)| !s.is_empty()).count();
    let told = options.roles.iter().any(|&r| r != Role::Unknown);
    let mut attributed = match (speaking, told) {
        (2.., _) | (1, true) => attribute_tracks(tracks, &options.roles),
        _ => {
            let index = tracks.iter().position(|(_, s)| !s.is_empty()).unwrap_or(0);
            match recording.tracks.get(index) {
                // Every track was heard and none has speech.
                Some(_) if speaking == 0 && !tracks.is_empty() => Vec::new(),
                Some(track) => mono(engine, index, track, options).await?,
                None => Vec::new(),
            }
        }
    };
    attributed.sort_by_key(|a| (a.segment.end_ms, a.segment.start_ms, a.track));
    Ok(attributed)
}

/// Whether all participants are on the first track.
fn is_one_voice_track(recording: &Recording) -> bool {
    let [first, rest @ ..] = recording.tracks.as_slice() else {
        return true;
    };
    rest.iter().all(|track| is_same(first, track))
}

fn is_same(a: &AudioTrack, b: &AudioTrack) -> bool {
    let (mut difference, mut sum) = (0.0, 0.0);
    for (x, y) in a.samples.iter().zip(&b.samples) {
        let (x, y) = (f64::from(*x), f64::from(*y));
        difference += (x - y) * (x - y);
        sum += (x + y) * (x + y);
    }
    sum > 0.0 && difference < SAME * SAME * sum
}

fn attribute_tracks(tracks: Vec<(usize, Vec<Segment>)>, told: &[Role]) -> Vec<AttributedSegment> {
    let texts: Vec<String> = tracks
        .iter()
        .map(|(_, segments)| {
            let texts: Vec<&str> = segments.iter().map(|s| s.text.as_str()).collect();
            texts.join("\n")
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let inferred = infer_roles(&texts);
    let mut attributed = Vec::new();
    for ((track, segments), inferred) in tracks.into_iter().zip(inferred) {
        let (role, role_confidence) = match told.get(track) {
            Some(&role) if role != Role::Unknown => (role, 1.0),
            _ => inferred,
        };
        attributed.extend(segments.into_iter().map(|segment| AttributedSegment {
            participant: format!("track-{track}").into(),
            track,
            role,
            role_confidence,
            segment,
        }));
    }
    attributed
}

async fn mono(
    engine: &dyn SpeechToText,
    index: usize,
    track: &AudioTrack,
    options: &CallOptions,
) -> Result<Vec<AttributedSegment>> {
    let mut transcribe = options.transcribe.clone();
    transcribe.pause_ms = transcribe.pause_ms.min(MONO_PAUSE_MS);
    let spans = spans_of(track, engine.voice_detector().as_ref());
    transcribe.borders_ms = voice_changes(&spans, track);
    let segments = engine.transcribe(track.clone(), transcribe).await?;
    // People answer each other without a pause as well, so a role is inferred for each sentence.
    let sentences: Vec<(usize, Segment)> = segments
        .iter()
        .enumerate()
        .flat_map(|(index, segment)| {
            let parts = sentences(segment, track).into_iter();
            parts.map(move |part| (index, part))
        })
        .collect();
    let parts: Vec<Segment> = sentences.iter().map(|(_, part)| part.clone()).collect();
    let roles = assign_mono_roles(&parts, Some(track));
    let mut attributed: Vec<AttributedSegment> = Vec::new();
    let mut last_source = None;
    for ((source, segment), (role, role_confidence)) in sentences.into_iter().zip(roles) {
        match attributed.last_mut() {
            Some(last) if last_source == Some(source) && last.role == role => {
                join(&mut last.segment, segment);
                last.role_confidence = last.role_confidence.min(role_confidence);
            }
            _ => attributed.push(AttributedSegment {
                participant: role.as_str().into(),
                track: index,
                role,
                role_confidence,
                segment,
            }),
        }
        last_source = Some(source);
    }
    Ok(attributed)
}

/// The sentences of a segment, timed by their words; the segment itself where it has one or no
/// words with times.
fn sentences(segment: &Segment, track: &AudioTrack) -> Vec<Segment> {
    let parts: Vec<&[Word]> = segment
        .words
        .split_inclusive(|word| word.text.ends_with(['.', '?', '!']))
        .collect();
    // A part of a single short word is an abbreviation or a number as often as a sentence.
    let telling = |part: &&[Word]| part.iter().map(|w| w.text.len()).sum::<usize>() >= 6;
    if parts.len() < 2 || !parts.iter().all(telling) {
        return vec![segment.clone()];
    }
    let mut parts: Vec<Segment> = parts
        .into_iter()
        .map(|words| part(segment, words))
        .collect();
    // The times of words are estimates; what separates two people is a moment of quiet near them.
    for next in 1..parts.len() {
        let (before, after) = parts.split_at_mut(next);
        let (Some(before), Some(after)) = (before.last_mut(), after.first_mut()) else {
            continue;
        };
        let border = quietest(track, before, after);
        before.end_ms = border;
        after.start_ms = border;
    }
    parts
}

/// The quietest moment around the border of two neighbouring sentences, in ms.
fn quietest(track: &AudioTrack, before: &Segment, after: &Segment) -> u64 {
    let guess = after.start_ms;
    let from = guess.saturating_sub(NEAR_MS).max(before.start_ms);
    let to = (guess + NEAR_MS).min(after.end_ms);
    let power = |at: u64| -> f32 {
        let span = SpeechSpan {
            start_ms: at.saturating_sub(QUIET_MS / 2),
            end_ms: at + QUIET_MS / 2,
        };
        span.of(track).iter().map(|s| s * s).sum()
    };
    (from..=to)
        .step_by(10)
        .min_by(|a, b| {
            let (near, far) = (a.abs_diff(guess), b.abs_diff(guess));
            power(*a).total_cmp(&power(*b)).then(near.cmp(&far))
        })
        .unwrap_or(guess)
}

fn part(segment: &Segment, words: &[Word]) -> Segment {
    let texts: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
    let count = words.len().max(1) as f32;
    Segment {
        text: texts.join(" "),
        start_ms: words.first().map_or(segment.start_ms, |w| w.start_ms),
        end_ms: words.last().map_or(segment.end_ms, |w| w.end_ms),
        confidence: words.iter().map(|w| w.confidence).sum::<f32>() / count,
        language: segment.language.clone(),
        words: words.to_vec(),
    }
}

fn join(first: &mut Segment, mut second: Segment) {
    first.words.append(&mut second.words);
    let joined = part(first, &first.words);
    *first = joined;
}

#[cfg(test)]
mod tests;
