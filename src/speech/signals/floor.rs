//! Who holds the floor, and what happens when two speak at once.
//!
//! [`Floor`] walks over stretches of speech in order of their start. It never goes back, so what it
//! knows is of fixed size but for two lists that are kept short.

use std::cmp::Ordering;

use super::sample::Sample;
use super::track::{Heard, Span, Track};
use crate::conversation::{OverlapKind, SilenceKind};

/// Two who start within this could not react to each other.
const JOINT_MS: u64 = 200;
/// An overlap up to this, at which the floor changes, is a turn that starts a little early: the
/// typical one is a fifth of a second long (Levinson and Torreira 2015).
const TURN_START_MS: u64 = 400;
/// Speech over somebody else's, up to this long and with no words recognised, only signals that one
/// listens, as most of what is so short does (Edlund and others 2010, "Very short utterances in
/// conversation").
const BRIEF_MS: u64 = 1_000;
/// Who falls silent so soon after somebody who came in was stopped by them.
const STOPS_MS: u64 = 300;
/// Shorter overlaps are not noticed (Heldner 2011, "Detection thresholds for gaps, overlaps, and
/// no-gap-no-overlaps") and not listed.
const NOTICED_MS: u64 = 120;
const PAUSE_MS: u64 = 1_000;
const SILENCE_MS: u64 = 3_000;
const HOLD_MS: u64 = 20_000;
/// What comes later is no answer.
const ANSWER_MS: u64 = 10_000;
/// Answers of which the median is taken.
const ANSWERS: usize = 256;
/// Silences and overlaps listed, each.
const LISTED: usize = 1_000;

/// What is counted of one participant.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub(super) talk_ms: u64,
    pub(super) overlap_ms: u64,
    pub(super) turns: u32,
    pub(super) longest_turn_ms: u64,
    pub(super) interruptions: u32,
    pub(super) interrupted: u32,
    /// Back-channels that no utterance tells of.
    pub(super) brief: u32,
    pub(super) answers: Sample,
    last: Option<Spurt>,
    /// Overlaps up to here are counted.
    overlapped_to: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            talk_ms: 0,
            overlap_ms: 0,
            turns: 0,
            longest_turn_ms: 0,
            interruptions: 0,
            interrupted: 0,
            brief: 0,
            answers: Sample::new(ANSWERS),
            last: None,
            overlapped_to: 0,
        }
    }
}

impl Tally {
    fn overlap(&mut self, start: u64, end: u64) {
        let from = start.max(self.overlapped_to);
        self.overlap_ms += end.saturating_sub(from);
        self.overlapped_to = self.overlapped_to.max(end);
    }
}

/// A stretch of one participant's speech.
#[derive(Clone, Copy, Debug)]
struct Spurt {
    who: usize,
    span: Span,
    back_channel: bool,
}

/// Who holds the floor, and since when.
#[derive(Clone, Copy, Debug)]
struct Turn {
    who: usize,
    start: u64,
    end: u64,
}

/// A stretch without speech.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quiet {
    pub(super) span: Span,
    pub(super) kind: SilenceKind,
    pub(super) after: Option<usize>,
}

/// A stretch in which two speak.
#[derive(Clone, Copy, Debug)]
pub(super) struct Both {
    pub(super) span: Span,
    pub(super) kind: OverlapKind,
    pub(super) first: usize,
    pub(super) second: usize,
}

/// What is known of the speech walked over.
#[derive(Clone, Debug, Default)]
pub(super) struct Floor {
    pub(super) tallies: Vec<Tally>,
    pub(super) speech_ms: u64,
    pub(super) overlap_ms: u64,
    pub(super) pause_ms: u64,
    pub(super) silence_ms: u64,
    pub(super) hold_ms: u64,
    pub(super) silences: Vec<Quiet>,
    pub(super) overlaps: Vec<Both>,
    turn: Option<Turn>,
    /// Somebody spoke up to here, …
    spoken_to: u64,
    /// … and this was the last.
    last: Option<usize>,
    overlapped_to: u64,
}

impl Floor {
    /// Walks over the speech that starts before `cutoff`, or over all.
    pub(super) fn walk(&mut self, tracks: &[Track], holds: &[Span], cutoff: Option<u64>) {
        self.tallies.resize_with(tracks.len(), Tally::default);
        let spans = tracks.iter().enumerate();
        let mut order: Vec<(Span, usize)> = spans
            .flat_map(|(who, track)| track.before(cutoff).iter().map(move |&span| (span, who)))
            .collect();
        order.sort_unstable();
        for (span, who) in order {
            self.quiet_to(span.start, holds);
            self.speak(who, span, tracks);
        }
    }

    /// Ends a stretch without speech, if there is one.
    pub(super) fn quiet_to(&mut self, end: u64, holds: &[Span]) {
        let Some(span) = Span::new(self.spoken_to, end) else {
            return;
        };
        let from = holds.partition_point(|h| h.end <= span.start);
        let held = holds.iter().skip(from).take_while(|h| h.start < span.end);
        let held = held.fold(0_u64, |sum, hold| sum.saturating_add(hold.shared(span)));
        let length = span.length();
        let (kind, sum) = match length {
            ..PAUSE_MS => return,
            _ if length >= HOLD_MS || held >= length.div_ceil(2) => {
                (SilenceKind::Hold, &mut self.hold_ms)
            }
            SILENCE_MS.. => (SilenceKind::Silence, &mut self.silence_ms),
            _ => (SilenceKind::Pause, &mut self.pause_ms),
        };
        *sum += length;
        let after = self.last;
        self.silences.push(Quiet { span, kind, after });
        keep_most(&mut self.silences, |quiet| quiet.span.length());
    }

    fn speak(&mut self, who: usize, span: Span, tracks: &[Track]) {
        let heard = tracks.get(who).map_or(Heard::Nothing, |t| t.heard(span));
        let other = self.in_the_way(who, span.start);
        let brief = heard == Heard::Nothing
            && span.length() <= BRIEF_MS
            && other.is_some_and(|o| !o.back_channel && o.span.end >= span.end);
        let new = Spurt {
            who,
            span,
            back_channel: brief || heard == Heard::BackChannel,
        };
        let kind = other.map(|other| kind(other, new, tracks));
        if let (Some(other), Some(kind)) = (other, kind) {
            self.list(other, new, kind);
        }
        let takes = match (kind, other) {
            (Some(OverlapKind::Attempt), _) => false,
            (Some(OverlapKind::JointStart), Some(other)) => span.end > other.span.end,
            _ => true,
        };
        if !new.back_channel {
            let answers = matches!(kind, None | Some(OverlapKind::TurnStart));
            self.take_floor(new, takes, answers);
        }
        self.count_time(new);
        if let Some(tally) = self.tallies.get_mut(who) {
            tally.brief += u32::from(brief);
            tally.last = Some(new);
        }
    }

    /// Who speaks at `ms` besides `who`: of several, one who says something before one who only
    /// signals, the holder of the floor before others, the one who began first.
    fn in_the_way(&self, who: usize, ms: u64) -> Option<Spurt> {
        let holder = self.turn.map(|turn| turn.who);
        self.tallies
            .iter()
            .filter_map(|tally| tally.last)
            .filter(|last| last.who != who && last.span.end > ms)
            .min_by_key(|last| (last.back_channel, Some(last.who) != holder, last.span.start))
    }

    fn list(&mut self, first: Spurt, second: Spurt, kind: OverlapKind) {
        if kind == OverlapKind::Interruption {
            if let Some(tally) = self.tallies.get_mut(second.who) {
                tally.interruptions += 1;
            }
            if let Some(tally) = self.tallies.get_mut(first.who) {
                tally.interrupted += 1;
            }
        }
        let end = first.span.end.min(second.span.end);
        let span = Span::new(second.span.start, end);
        let Some(span) = span.filter(|span| span.length() >= NOTICED_MS) else {
            return;
        };
        self.overlaps.push(Both {
            span,
            kind,
            first: first.who,
            second: second.who,
        });
        keep_most(&mut self.overlaps, |both| {
            (both.kind == OverlapKind::Interruption, both.span.length())
        });
    }

    /// Goes on with the turn, or begins a new one where the floor is `taken`.
    fn take_floor(&mut self, new: Spurt, taken: bool, answers: bool) {
        let before = self.turn;
        let goes_on = before
            .filter(|turn| turn.who == new.who)
            .filter(|turn| new.span.start < turn.end.saturating_add(SILENCE_MS));
        let Some(tally) = self.tallies.get_mut(new.who) else {
            return;
        };
        let turn = match (goes_on, before) {
            (Some(turn), _) => Turn {
                end: turn.end.max(new.span.end),
                ..turn
            },
            (None, Some(_)) if !taken => return,
            (None, _) => {
                tally.turns += 1;
                let other = before.filter(|turn| answers && turn.who != new.who);
                if let Some(offset) = other.and_then(|turn| offset(turn.end, new.span.start)) {
                    tally.answers.push(offset);
                }
                Turn {
                    who: new.who,
                    start: new.span.start,
                    end: new.span.end,
                }
            }
        };
        let length = turn.end.saturating_sub(turn.start);
        tally.longest_turn_ms = tally.longest_turn_ms.max(length);
        self.turn = Some(turn);
    }

    fn count_time(&mut self, new: Spurt) {
        let Span { start, end } = new.span;
        let both = end.min(self.spoken_to);
        self.overlap_ms += both.saturating_sub(start.max(self.overlapped_to));
        self.overlapped_to = self.overlapped_to.max(both);
        self.speech_ms += end.saturating_sub(start.max(self.spoken_to));
        if end >= self.spoken_to {
            self.spoken_to = end;
            self.last = Some(new.who);
        }
        for (who, tally) in self.tallies.iter_mut().enumerate() {
            if who == new.who {
                tally.talk_ms += new.span.length();
                tally.overlap(start, both);
            } else if let Some(last) = tally.last {
                tally.overlap(start, end.min(last.span.end));
            }
        }
    }
}

/// What comes of `new` starting while `first` speaks.
fn kind(first: Spurt, new: Spurt, tracks: &[Track]) -> OverlapKind {
    if first.back_channel || new.back_channel {
        OverlapKind::BackChannel
    } else if new.span.start < first.span.start.saturating_add(JOINT_MS) {
        OverlapKind::JointStart
    } else if new.span.end <= first.span.end {
        if stops(first, new, tracks) {
            OverlapKind::Interruption
        } else {
            OverlapKind::Attempt
        }
    } else if first.span.end - new.span.start <= TURN_START_MS {
        OverlapKind::TurnStart
    } else {
        OverlapKind::Interruption
    }
}

/// Whether `first`, who outlasts `new`, falls silent right after it, and `new` is next to speak.
fn stops(first: Spurt, new: Spurt, tracks: &[Track]) -> bool {
    let next = |spurt: Spurt| tracks.get(spurt.who)?.next_start(new.span.end);
    let Some(goes_on) = next(new).filter(|&ms| ms >= first.span.end) else {
        return false;
    };
    first.span.end - new.span.end <= STOPS_MS
        && goes_on - first.span.end < PAUSE_MS
        && next(first).is_none_or(|again| again > goes_on)
}

/// Milliseconds from `end` to `start`, where that is near enough for an answer.
fn offset(end: u64, start: u64) -> Option<f32> {
    let apart = start.abs_diff(end);
    let signed = if start < end {
        -(apart as f32)
    } else {
        apart as f32
    };
    (apart < ANSWER_MS).then_some(signed)
}

/// Where a list is full, the half that weighs most stays.
fn keep_most<T, W: Ord + Copy>(items: &mut Vec<T>, weight: impl Fn(&T) -> W) {
    if items.len() <= LISTED {
        return;
    }
    let mut weights: Vec<W> = items.iter().map(&weight).collect();
    let least = *weights.select_nth_unstable(LISTED / 2).1;
    let above = items.iter().filter(|&item| weight(item) > least).count();
    // Many may weigh the same: the earlier of them stay.
    let mut room = (LISTED / 2).saturating_sub(above);
    items.retain(|item| match weight(item).cmp(&least) {
        Ordering::Greater => true,
        Ordering::Equal if room > 0 => {
            room -= 1;
            true
        }
        _ => false,
    });
}
