//! Who is the human agent and who the customer, where the recording does not say.
//!
//! Two sources of evidence: what is said (people at work greet, ask for details and offer; people
//! who call want something) and, on a mono recording, how voices sound. Word cues are English;
//! where they are silent the answer is [`Role::Unknown`].

use super::{AudioTrack, Segment, SpeechSpan};
use crate::conversation::Role;

mod cues;
pub(super) mod voice;

use voice::{Pair, Voice};

/// Below this confidence a role is not told.
const LEAST_CONFIDENCE: f32 = 0.6;
/// From this probability on a stretch of speech is surely of one of the two voices.
const SURE_VOICE: f32 = 0.9;
/// What one turn's words can weigh at most: anybody may say an untypical thing.
const MOST_FROM_WORDS: f32 = 3.0;
/// Log odds that the agent speaks first: calls are mostly answered by the organisation.
const OPENS: f32 = 0.4;

/// The roles of speakers from everything each of them said, with a confidence between 0 and 1.
///
/// `speakers` holds one text a speaker. One of them is the human agent, the others are end users;
/// where their words do not tell them apart, all are [`Role::Unknown`].
pub fn infer_roles(speakers: &[&str]) -> Vec<(Role, f32)> {
    let scores: Vec<f32> = speakers
        .iter()
        .map(|text| cues::agent_log_odds(text).clamp(-12.0, 12.0))
        .collect();
    let Some((agent, best)) = scores
        .iter()
        .copied()
        .enumerate()
        .filter(|&(i, _)| !speakers[i].trim().is_empty())
        .max_by(|a, b| a.1.total_cmp(&b.1))
    else {
        return vec![(Role::Unknown, 0.0); speakers.len()];
    };
    let next = (0..scores.len())
        .filter(|&i| i != agent)
        .map(|i| scores[i])
        .reduce(f32::max);
    // One speaker alone is judged by the sign of the score, several by the distance.
    let (margin, agent) = match next {
        Some(next) => (best - next, Some(agent)),
        None if best < 0.0 => (-best, None),
        None => (best, Some(agent)),
    };
    let confidence = logistic(margin / 2.0);
    (0..speakers.len())
        .map(
            |i| match (confidence < LEAST_CONFIDENCE, Some(i) == agent) {
                (true, _) => (Role::Unknown, confidence),
                (_, true) => (Role::HumanAgent, confidence),
                (_, false) => (Role::EndUser, confidence),
            },
        )
        .collect()
}

/// The role of each segment of a mono recording of two people, with a confidence between 0 and 1.
///
/// `segments` are in order of time. A two-state hidden Markov model joins the words of each
/// segment, the pauses and questions between them, and, where `audio` is given, the voices; both
/// ways to give two voices two roles are tried, and the better is taken.
pub fn assign_mono_roles(segments: &[Segment], audio: Option<&AudioTrack>) -> Vec<(Role, f32)> {
    if segments.is_empty() {
        return Vec::new();
    }
    let words: Vec<f32> = segments
        .iter()
        .map(|s| cues::agent_log_odds(&s.text).clamp(-MOST_FROM_WORDS, MOST_FROM_WORDS))
        .collect();
    let switches: Vec<f32> = segments
        .windows(2)
        .map(|w| switch_odds(&w[0], &w[1]))
        .collect();
    let spans: Vec<SpeechSpan> = segments
        .iter()
        .map(|s| SpeechSpan {
            start_ms: s.start_ms,
            end_ms: s.end_ms,
        })
        .collect();
    let voices = audio.map_or(Vec::new(), |track| voice::voices(&spans, track));

    let mut starts = vec![posteriors(&words, &switches).agent];
    if let Some(first) = voice::split(&voices) {
        starts.push(first.iter().map(|p| 1.0 - p).collect());
        starts.push(first);
    }
    let outcomes: Vec<Outcome> = starts
        .into_iter()
        .map(|start| refine(start, &words, &switches, &voices))
        .collect();
    let Some(best) = outcomes
        .iter()
        .max_by(|a, b| a.likelihood.total_cmp(&b.likelihood))
    else {
        return vec![(Role::Unknown, 0.0); segments.len()];
    };
    // How much better than the opposite reading of the same recording.
    let opposite = outcomes
        .iter()
        .filter(|o| agreement(&o.agent, &best.agent) < 0.5)
        .map(|o| o.likelihood)
        .reduce(f32::max)
        .unwrap_or_else(|| likelihood_of_opposite(&best.agent, &words, best.likelihood));
    let reading = 2.0 * logistic(best.likelihood - opposite) - 1.0;
    best.agent
        .iter()
        .map(|&p| {
            let confidence = 0.5 + (p.max(1.0 - p) - 0.5) * reading.max(0.0);
            match (confidence < LEAST_CONFIDENCE, p > 0.5) {
                (true, _) => (Role::Unknown, confidence),
                (_, true) => (Role::HumanAgent, confidence),
                (_, false) => (Role::EndUser, confidence),
            }
        })
        .collect()
}

/// Moments at which another voice sets in, in ms, on a recording of two people. Where the voices are
/// alike there are none, and pauses have to do.
pub(super) fn voice_changes(spans: &[SpeechSpan], track: &AudioTrack) -> Vec<u64> {
    let voices = voice::voices(spans, track);
    let Some(first) = voice::split(&voices) else {
        return Vec::new();
    };
    let sure = |p: f32| p.max(1.0 - p) >= SURE_VOICE;
    let changes = first.windows(2).zip(spans.windows(2));
    changes
        .filter(|(p, _)| sure(p[0]) && sure(p[1]) && (p[0] > 0.5) != (p[1] > 0.5))
        .map(|(_, span)| span[1].start_ms.midpoint(span[0].end_ms))
        .collect()
}

fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Log odds that another person speaks after `before`.
fn switch_odds(before: &Segment, after: &Segment) -> f32 {
    let pause = after.start_ms.saturating_sub(before.end_ms);
    let text = before.text.trim_end();
    let mut odds = 0.0;
    if text.ends_with('?') {
        odds += 1.5;
    } else if text.ends_with([',', '-', '\u{2026}']) || text.ends_with("...") {
        odds -= 1.5;
    }
    // Between two people there is seldom no pause at all, nor a very long one.
    match pause {
        0..60 => odds - 1.6,
        60..250 | 2500.. => odds - 0.4,
        _ => odds,
    }
}

struct Outcome {
    /// Probability that the agent speaks, for each segment.
    agent: Vec<f32>,
    /// Natural log of the likelihood of everything, up to a constant.
    likelihood: f32,
}

/// Learns the voices from a first reading, reads again, and so on.
fn refine(mut agent: Vec<f32>, words: &[f32], switches: &[f32], voices: &[Voice]) -> Outcome {
    let mut outcome = posteriors(words, switches);
    if voices.is_empty() {
        return outcome;
    }
    for _ in 0..8 {
        let pair = Pair::learn(voices, &agent);
        let evidence: Vec<f32> = words
            .iter()
            .zip(voices)
            .map(|(word, voice)| word + pair.log_odds(voice))
            .collect();
        outcome = posteriors(&evidence, switches);
        agent.clone_from(&outcome.agent);
    }
    outcome
}

/// Forward and backward pass over the two states.
fn posteriors(evidence: &[f32], switches: &[f32]) -> Outcome {
    let count = evidence.len();
    // Half of the log odds on each side, so that the likelihood compares between readings.
    let emit = |i: usize| [(evidence[i] / 2.0).exp(), (-evidence[i] / 2.0).exp()];
    let mut forward = vec![[0.0_f32; 2]; count];
    let mut likelihood = 0.0;
    for i in 0..count {
        let prior = match i.checked_sub(1) {
            None => [logistic(OPENS), logistic(-OPENS)],
            Some(before) => {
                let switch = logistic(switches[before]);
                let [a, c] = forward[before];
                [
                    a * (1.0 - switch) + c * switch,
                    c * (1.0 - switch) + a * switch,
                ]
            }
        };
        let [agent, customer] = emit(i);
        let joint = [prior[0] * agent, prior[1] * customer];
        let sum = joint[0] + joint[1];
        likelihood += sum.ln();
        forward[i] = [joint[0] / sum, joint[1] / sum];
    }
    let mut agent = vec![0.0; count];
    let mut backward = [1.0_f32; 2];
    for i in (0..count).rev() {
        let both = [forward[i][0] * backward[0], forward[i][1] * backward[1]];
        agent[i] = both[0] / (both[0] + both[1]);
        if i > 0 {
            let switch = logistic(switches[i - 1]);
            let [a, c] = emit(i);
            let next = [a * backward[0], c * backward[1]];
            let earlier = [
                next[0] * (1.0 - switch) + next[1] * switch,
                next[1] * (1.0 - switch) + next[0] * switch,
            ];
            let sum = earlier[0] + earlier[1];
            backward = [earlier[0] / sum, earlier[1] / sum];
        }
    }
    Outcome { agent, likelihood }
}

/// Share of segments that two readings give to the same person.
fn agreement(a: &[f32], b: &[f32]) -> f32 {
    let same = a.iter().zip(b).filter(|(x, y)| (**x > 0.5) == (**y > 0.5));
    same.count() as f32 / a.len().max(1) as f32
}

/// The likelihood of the same turns with the roles exchanged: only the words change sides.
fn likelihood_of_opposite(agent: &[f32], words: &[f32], likelihood: f32) -> f32 {
    let against: f32 = agent
        .iter()
        .zip(words)
        .map(|(p, w)| (2.0 * p - 1.0) * w)
        .sum();
    likelihood - against
}

#[cfg(test)]
mod tests;
