//! One participant's speech on the axis of time, as far as it may still change.

/// Pauses below this are within a breath: speech on both sides is one stretch. Conversation research
/// cuts speech into *inter-pausal units* at about 200 ms.
const JOIN_MS: u64 = 200;
/// How many utterances back one that covers a stretch of speech is looked for.
const NEAR: usize = 64;

/// A stretch of time in ms, not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Span {
    pub(super) fn new(start: u64, end: u64) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    pub(super) fn length(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Milliseconds that both have.
    pub(super) fn shared(self, other: Self) -> u64 {
        self.end
            .min(other.end)
            .saturating_sub(self.start.max(other.start))
    }
}

/// Puts a span into a list that is in order and whose members are further than `apart` from each
/// other; members within that distance are joined to it.
pub(super) fn insert(spans: &mut Vec<Span>, mut new: Span, apart: u64) {
    let from = spans.partition_point(|s| s.end.saturating_add(apart) < new.start);
    let to = spans.partition_point(|s| s.start <= new.end.saturating_add(apart));
    let to = to.max(from);
    for joined in spans.iter().take(to).skip(from) {
        new.start = new.start.min(joined.start);
        new.end = new.end.max(joined.end);
    }
    spans.splice(from..to, [new]);
}

/// A final utterance, as the floor needs it.
#[derive(Clone, Copy, Debug)]
struct Mark {
    span: Span,
    back_channel: bool,
}

/// What the utterances say of a stretch of speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// No utterance covers it (yet).
    Nothing,
    Words,
    BackChannel,
}

/// The part of a participant's speech that later news may still change.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    spurts: Vec<Span>,
    marks: Vec<Mark>,
    /// Before this everything is settled.
    settled_to: u64,
}

impl Track {
    pub(super) fn from(settled_to: u64) -> Self {
        Self {
            settled_to,
            ..Self::default()
        }
    }

    /// Adds speech. What is settled stays as it is.
    pub(super) fn speak(&mut self, start: u64, end: u64) {
        if let Some(span) = Span::new(start.max(self.settled_to), end) {
            insert(&mut self.spurts, span, JOIN_MS);
        }
    }

    /// Adds an utterance.
    pub(super) fn mark(&mut self, start: u64, end: u64, back_channel: bool) {
        let Some(span) = Span::new(start, end).filter(|s| s.end > self.settled_to) else {
            return;
        };
        let at = self.marks.partition_point(|m| m.span.start <= span.start);
        self.marks.insert(at, Mark { span, back_channel });
    }

    /// Whether speech is known within the span.
    pub(super) fn speaks_within(&self, start: u64, end: u64) -> bool {
        let index = self.spurts.partition_point(|s| s.end <= start);
        start < self.settled_to || self.spurts.get(index).is_some_and(|s| s.start < end)
    }

    pub(super) fn heard(&self, spurt: Span) -> Heard {
        let to = self.marks.partition_point(|m| m.span.start < spurt.end);
        let (mut words, mut back_channel) = (0_u64, 0_u64);
        for mark in self.marks.iter().take(to).rev().take(NEAR) {
            let sum = if mark.back_channel {
                &mut back_channel
            } else {
                &mut words
            };
            *sum = sum.saturating_add(mark.span.shared(spurt));
        }
        if back_channel > words && back_channel >= spurt.length() / 2 {
            Heard::BackChannel
        } else if words > 0 {
            Heard::Words
        } else {
            Heard::Nothing
        }
    }

    /// When the first stretch of speech from `ms` on starts.
    pub(super) fn next_start(&self, ms: u64) -> Option<u64> {
        let index = self.spurts.partition_point(|s| s.start < ms);
        self.spurts.get(index).map(|s| s.start)
    }

    /// Stretches of speech that start before `cutoff`, in order.
    pub(super) fn before(&self, cutoff: Option<u64>) -> &[Span] {
        let to = cutoff.map_or(self.spurts.len(), |cutoff| {
            self.spurts.partition_point(|s| s.start < cutoff)
        });
        self.spurts.get(..to).unwrap_or_default()
    }

    /// Starts of everything that is not settled.
    pub(super) fn starts(&self) -> impl Iterator<Item = u64> {
        let spurts = self.spurts.iter().map(|s| s.start);
        spurts.chain(self.marks.iter().map(|m| m.span.start))
    }

    pub(super) fn len(&self) -> usize {
        self.spurts.len() + self.marks.len()
    }

    /// Forgets what starts before `cutoff`; at most `most` utterances stay.
    pub(super) fn settle(&mut self, cutoff: u64, most: usize) {
        let to = self.spurts.partition_point(|s| s.start < cutoff);
        let spoken_to = self.spurts.drain(..to).next_back().map_or(0, |s| s.end);
        self.settled_to = self.settled_to.max(cutoff).max(spoken_to);
        self.marks.retain(|m| m.span.end > cutoff);
        let surplus = self.marks.len().saturating_sub(most);
        self.marks.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: u64, end: u64) -> Span {
        Span { start, end }
    }

    #[test]
    fn spans_join_in_any_order() {
        let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]];
        let pieces = [span(0, 100), span(250, 400), span(390, 500), span(900, 901)];
        for order in orders {
            let mut track = Track::default();
            for index in order {
                track.speak(pieces[index].start, pieces[index].end);
            }
            assert_eq!(track.before(None), [span(0, 500), span(900, 901)]);
        }
        let mut spans = vec![span(0, 10), span(20, 30)];
        insert(&mut spans, span(5, u64::MAX), u64::MAX);
        assert_eq!(spans, [span(0, u64::MAX)]);
    }

    #[test]
    fn what_is_settled_is_not_heard_twice() {
        let mut track = Track::default();
        track.speak(0, 500);
        track.mark(0, 500, false);
        track.settle(100, 9);
        track.speak(0, 700);
        track.mark(0, 50, true);
        assert_eq!(track.before(None), [span(500, 700)]);
        assert_eq!(track.heard(span(100, 500)), Heard::Words);
        assert_eq!(track.heard(span(500, 700)), Heard::Nothing);
        assert_eq!(track.next_start(400), Some(500));
    }
}
