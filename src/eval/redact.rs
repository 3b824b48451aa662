//! `eval redact`: personal data found and missed, and lines to measure it on.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, OrError, Result};
use crate::guard::{PiiKind, PiiScanner};

pub mod generate;

/// A line and what is personal in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactLine {
    /// The text; with line breaks, one utterance a line.
    pub text: String,
    /// What must be found.
    #[serde(default)]
    pub entities: Vec<RedactEntity>,
}

/// Personal data in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactEntity {
    /// Name of its kind, as [`PiiKind::from_name`] knows them.
    #[serde(alias = "type", alias = "label")]
    pub kind: String,
    /// First character.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
}

/// The figures, a flat object in JSON.
///
/// A marked span counts as found where a span of the same kind covers at least half of its characters; a found span is
/// right where it does so to a marked one. `strict_` figures want the same borders, blanks and marks at them aside.
/// Marked kinds whose names are not known are left out (`unknown`), and found ones of kinds that the file never marks
/// are not held against the detector (`outside`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RedactScore {
    /// `redact`.
    pub name: String,
    /// Lines.
    pub n: usize,
    /// Seconds of wall time.
    pub seconds: f64,
    /// Marked spans that were found, of all.
    pub recall: f64,
    /// Found spans that are right, of all.
    pub precision: f64,
    /// Marked spans found with their borders.
    pub strict_recall: f64,
    /// Found spans with the borders of marked ones.
    pub strict_precision: f64,
    /// Marked spans.
    pub entities: usize,
    /// Marked spans of kinds that are not known.
    pub unknown: usize,
    /// Found spans of kinds that the file never marks.
    pub outside: usize,
    /// Time for a line, in milliseconds: the 95th percentile.
    pub line_p95_ms: f64,
    /// `recall_<kind>`, `precision_<kind>` and `n_<kind>`.
    #[serde(flatten)]
    pub kinds: BTreeMap<String, f64>,
}

/// A line with something missed or wrong, for displays.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedactMiss {
    /// The text.
    pub text: String,
    /// Kind and words of what was missed.
    pub missed: Vec<(PiiKind, String)>,
    /// Kind and words of what was found and is not marked.
    pub wrong: Vec<(PiiKind, String)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    marked: usize,
    hit: usize,
    strict_hit: usize,
    found: usize,
    right: usize,
    strict_right: usize,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.marked += other.marked;
        self.hit += other.hit;
        self.strict_hit += other.strict_hit;
        self.found += other.found;
        self.right += other.right;
        self.strict_right += other.strict_right;
    }
}

type Span = (PiiKind, Range<usize>);

/// Scores the detector on a file of lines. Places are counted in characters; where one lies behind the end of its text,
/// all are taken for bytes.
///
/// # Errors
/// [`ErrorKind::NotFound`] for a file that cannot be read, [`ErrorKind::InvalidInput`] for a line in another form.
pub fn run(
    data: &Path,
    limit: Option<usize>,
    mut tell: impl FnMut(&RedactMiss),
) -> Result<RedactScore> {
    let lines = read(data, limit)?;
    let by_chars = lines.iter().all(|line| {
        line.entities
            .iter()
            .all(|e| e.end <= line.text.chars().count())
    });
    let names = lines
        .iter()
        .flat_map(|line| &line.entities)
        .map(|e| e.kind.as_str());
    let known: BTreeSet<PiiKind> = names.filter_map(PiiKind::from_name).collect();
    let start = Instant::now();
    let mut counts: BTreeMap<PiiKind, Count> = BTreeMap::new();
    let (mut unknown, mut outside, mut times) = (0, 0, Vec::with_capacity(lines.len()));
    for line in &lines {
        let begun = Instant::now();
        let spans = PiiScanner::default().scan(&line.text);
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        let (marked, strange) = marked(line, by_chars);
        unknown += strange.len();
        let mut found: Vec<Span> = spans.into_iter().map(|s| (s.kind, s.range)).collect();
        let before = found.len();
        found.retain(|(kind, range)| {
            known.contains(kind) && !strange.iter().any(|other| overlap(range, other) > 0)
        });
        outside += before - found.len();
        let miss = count(&line.text, &marked, &found, &mut counts);
        if !miss.missed.is_empty() || !miss.wrong.is_empty() {
            tell(&miss);
        }
    }
    let mut all = Count::default();
    counts.values().for_each(|count| all.add(*count));
    let mut kinds = BTreeMap::new();
    for (kind, count) in &counts {
        let kind = kind.as_str();
        kinds.insert(format!("n_{kind}"), count.marked as f64);
        kinds.insert(format!("recall_{kind}"), share(count.hit, count.marked));
        kinds.insert(format!("precision_{kind}"), share(count.right, count.found));
    }
    times.sort_by(f64::total_cmp);
    Ok(RedactScore {
        name: "redact".into(),
        n: lines.len(),
        seconds: start.elapsed().as_secs_f64(),
        recall: share(all.hit, all.marked),
        precision: share(all.right, all.found),
        strict_recall: share(all.strict_hit, all.marked),
        strict_precision: share(all.strict_right, all.found),
        entities: all.marked,
        unknown,
        outside,
        line_p95_ms: times
            .get(times.len() * 95 / 100)
            .copied()
            .unwrap_or_default(),
        kinds,
    })
}

fn read(data: &Path, limit: Option<usize>) -> Result<Vec<RedactLine>> {
    let shown = data.display();
    let file = std::fs::File::open(data).or_error(ErrorKind::NotFound, || {
        format!("cannot read {shown}; name a file with one JSON object a line")
    })?;
    let lines = BufReader::new(file).lines().enumerate();
    let kept = lines.filter(|(_, line)| line.as_ref().map_or(true, |line| !line.trim().is_empty()));
    let lines: Vec<RedactLine> = kept
        .take(limit.unwrap_or(usize::MAX))
        .map(|(at, line)| {
            let line = line.or_error(ErrorKind::InvalidInput, || {
                format!("{shown}: line {} is no text", at + 1)
            })?;
            serde_json::from_str(&line).or_error(ErrorKind::InvalidInput, || {
                format!(
                    "{shown}: line {} is not {{text, entities:[{{kind,start,end}}]}}",
                    at + 1
                )
            })
        })
        .collect::<Result<_>>()?;
    if lines.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{shown} holds no lines"),
        ));
    }
    Ok(lines)
}

/// The marked spans of known kinds in bytes, and the places of the others.
fn marked(line: &RedactLine, by_chars: bool) -> (Vec<Span>, Vec<Range<usize>>) {
    let starts: Vec<usize> = line
        .text
        .char_indices()
        .map(|(at, _)| at)
        .chain([line.text.len()])
        .collect();
    let byte = |place: usize| match by_chars {
        true => starts.get(place).copied().unwrap_or(line.text.len()),
        false => place.min(line.text.len()),
    };
    let (mut known, mut strange) = (Vec::new(), Vec::new());
    for entity in &line.entities {
        let range = byte(entity.start)..byte(entity.end);
        match PiiKind::from_name(&entity.kind) {
            Some(kind) => known.push((kind, range)),
            None => strange.push(range),
        }
    }
    (known, strange)
}

fn count(
    text: &str,
    marked: &[Span],
    found: &[Span],
    counts: &mut BTreeMap<PiiKind, Count>,
) -> RedactMiss {
    let words = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default().to_owned();
    let mut miss = RedactMiss {
        text: text.to_owned(),
        missed: Vec::new(),
        wrong: Vec::new(),
    };
    for gold in marked {
        let hit = found.iter().any(|span| covers(gold, span));
        let strict = found.iter().any(|span| same(text, gold, span));
        let count = counts.entry(gold.0).or_default();
        count.marked += 1;
        count.hit += usize::from(hit);
        count.strict_hit += usize::from(strict);
        if !hit {
            miss.missed.push((gold.0, words(&gold.1)));
        }
    }
    for span in found {
        let right = marked.iter().any(|gold| covers(gold, span));
        let count = counts.entry(span.0).or_default();
        count.found += 1;
        count.right += usize::from(right);
        count.strict_right += usize::from(marked.iter().any(|gold| same(text, gold, span)));
        if !right {
            miss.wrong.push((span.0, words(&span.1)));
        }
    }
    miss
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> usize {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}

/// Same kind, and at least half of what is marked.
fn covers(gold: &Span, span: &Span) -> bool {
    let shared = overlap(&gold.1, &span.1);
    gold.0 == span.0 && shared > 0 && 2 * shared >= gold.1.len()
}

fn same(text: &str, gold: &Span, span: &Span) -> bool {
    let bare = |range: &Range<usize>| {
        let inside = text.get(range.clone()).unwrap_or_default();
        let start = inside.len()
            - inside
                .trim_start_matches(|c: char| !c.is_alphanumeric())
                .len();
        let end = inside
            .trim_end_matches(|c: char| !c.is_alphanumeric())
            .len();
        range.start + start..range.start + end
    };
    gold.0 == span.0 && bare(&gold.1) == bare(&span.1)
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests;
