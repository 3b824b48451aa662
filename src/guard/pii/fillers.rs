//! "My customer uh number": hesitation is left out before anything is looked for, and put back into the places.

use std::sync::LazyLock;

use regex::Regex;

use super::PiiSpan;

static FILLER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:uh|um|er|erm|uhm|äh|ähm|euh)\b[,.\u{2026}]{0,3}[ \t]+").ok()
});

/// A text without hesitation.
pub(super) struct Fluent {
    pub(super) text: String,
    /// Places in it where something was left out, and how much up to there, in bytes.
    cuts: Vec<(usize, usize)>,
}

impl Fluent {
    /// `None` where nothing has to be left out.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut found = FILLER.as_ref()?.find_iter(text).peekable();
        found.peek()?;
        let mut fluent = Self {
            text: String::with_capacity(text.len()),
            cuts: Vec::new(),
        };
        let (mut from, mut removed) = (0, 0);
        for filler in found {
            fluent
                .text
                .push_str(text.get(from..filler.start()).unwrap_or_default());
            from = filler.end();
            removed += filler.len();
            fluent.cuts.push((fluent.text.len(), removed));
        }
        fluent.text.push_str(text.get(from..).unwrap_or_default());
        Some(fluent)
    }

    /// The span in the text as it was.
    pub(super) fn back(&self, span: PiiSpan) -> PiiSpan {
        // A span begins behind what was left out before it, and ends before what was left out behind it.
        let before_start = self.cuts.partition_point(|(at, _)| *at <= span.range.start);
        let before_end = self.cuts.partition_point(|(at, _)| *at < span.range.end);
        let removed = |n: usize| {
            n.checked_sub(1)
                .and_then(|at| self.cuts.get(at))
                .map_or(0, |(_, removed)| *removed)
        };
        PiiSpan {
            kind: span.kind,
            range: span.range.start + removed(before_start)..span.range.end + removed(before_end),
        }
    }
}
