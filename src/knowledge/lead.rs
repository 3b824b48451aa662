//! The words that a piece of a passage stands behind: the headings above it, the lead-in of its list or table, the heads of
//! its columns. They may turn its meaning round.

mod words;

use std::ops::Range;

use super::Passage;
use super::readable::{bare, cells, joined, raw_head, under};
use super::screen::instructions_to_models;
use super::sentence::{
    Fences, indent, is_border, is_heading, marker, sentences, starts_item, underlined, unquoted,
};
use crate::conversation::Citation;
use words::{begins_condition, excludes, points_down};
pub(super) use words::{denies, sets_condition, turn_round};

/// What stands behind more characters than these is not quoted: nobody says so much before each item.
const LONGEST_LEAD: usize = 300;
/// And the same, in bytes, of the heads of a table.
const LONGEST_HEAD: usize = 600;
/// Marks that close a sentence behind its stop.
const CLOSING: [char; 6] = [')', ']', '"', '\'', '”', '’'];
/// Marks that end a sentence.
const STOPS: [char; 4] = ['.', '!', '?', '…'];

/// What a piece of a passage stands behind.
pub(super) enum Behind {
    /// It stands alone.
    Nothing,
    /// These words belong before it. Heads of a table are a line of their own, as they are written.
    Words(String),
    /// Words that are too many, or speak to a model: it can neither be said with them nor without.
    Unsayable,
}

/// The headings above the byte `at` of a passage, outermost first: those of its path, then those inside it.
pub(super) fn headings_above(passage: &Passage, at: usize) -> Vec<&str> {
    let flat = unquoted(&passage.text);
    let mut inside: Vec<(usize, &str)> = Vec::new();
    let mut fences = Fences::default();
    let mut in_text = false;
    let mut next = 0;
    for line in flat.split_inclusive('\n') {
        let start = next;
        next += line.len();
        if start >= at {
            break;
        }
        let bare = line.trim();
        if fences.is_fence(bare) || fences.is_open() {
            in_text = false;
            continue;
        }
        let level = match is_heading(bare) {
            true => Some(bare.bytes().take_while(|b| *b == b'#').count()),
            false if in_text => None,
            false => flat.get(start..).and_then(underlined),
        };
        if let Some(level) = level {
            let begin = start + line.len() - line.trim_start().len();
            let title = passage.text.get(begin..begin + bare.len());
            inside.retain(|(above, _)| *above < level);
            inside.push((
                level,
                title.unwrap_or_default().trim_start_matches('#').trim(),
            ));
        }
        in_text = level.is_none() && !bare.is_empty() && !is_border(bare);
    }
    let path = passage.headings.iter().map(String::as_str);
    path.chain(inside.into_iter().map(|(_, title)| title))
        .collect()
}

/// The words that a piece belongs behind: what leads to its list or table ("You cannot return:"), the item that it is part
/// of, or the headings, where an item reads on from one ("No compensation is due when" - "the outage lasts 24 hours or less")
/// or they set a condition or exclude it ("Not covered"). Of a row of a table, the row of the table's heads as well, as the
/// last line. `None` for other pieces, and where they cannot be said.
pub(super) fn lead(passage: &Passage, range: &Range<usize>) -> Option<String> {
    match behind(passage, range) {
        Behind::Words(lead) => Some(lead),
        Behind::Nothing | Behind::Unsayable => None,
    }
}

/// What a piece stands behind, and whether that can be said.
pub(super) fn behind(passage: &Passage, range: &Range<usize>) -> Behind {
    let flat = unquoted(&passage.text);
    let place = Place {
        passage,
        text: flat.as_ref(),
    };
    let Some(piece) = place.text.get(range.clone()) else {
        return Behind::Nothing;
    };
    if cells(piece).is_some() {
        return place.of_row(range.start);
    }
    let before = place.text.get(..range.start).unwrap_or_default();
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let own = place.text.get(line..).unwrap_or_default();
    let item = own.trim_start();
    // Of an item its first sentence reads on; what follows stands by itself.
    let is_first =
        starts_item(item) && range.start == line + (own.len() - item.len()) + marker(item);
    sayable(match is_first {
        true => place.of_item(line, &bare(piece)),
        false => place.of_sentence(range.start, piece),
    })
}

fn sayable(lead: Option<String>) -> Behind {
    match lead {
        Some(lead) if !lead.chars().any(char::is_alphabetic) => Behind::Nothing,
        Some(lead)
            if lead.chars().count() > LONGEST_LEAD || !instructions_to_models(&lead).is_empty() =>
        {
            Behind::Unsayable
        }
        Some(lead) => Behind::Words(lead),
        None => Behind::Nothing,
    }
}

/// Whether a quote stands behind a condition that denies something ("When we do not charge a fee"): by itself it neither
/// affirms nor denies that.
pub(super) fn is_conditional(citation: &Citation) -> bool {
    let (lead, _) = under(citation.lead.as_deref().unwrap_or_default());
    begins_condition(lead) && denies(lead)
}

/// Whether a paragraph leads to a list or a table under it, so that neither is to be read without the other.
pub(super) fn introduces(paragraph: &str) -> bool {
    let words = paragraph.trim_end().trim_end_matches(['*', '_']);
    let ended = words.trim_end_matches(CLOSING).ends_with(STOPS);
    words.ends_with(':') || !ended && denies(last_sentence(words))
}

fn last_sentence(text: &str) -> &str {
    let last = sentences(text).pop();
    last.and_then(|last| text.get(last)).unwrap_or_default()
}

/// A passage, and its text without quote marks.
#[derive(Clone, Copy)]
struct Place<'a> {
    passage: &'a Passage,
    text: &'a str,
}

impl<'a> Place<'a> {
    /// The headings above a byte, and above them the article's title where it excludes what the article says.
    fn above(&self, at: usize) -> Vec<&'a str> {
        let title = Some(self.passage.title.as_str()).filter(|title| excludes(title));
        title
            .into_iter()
            .chain(headings_above(self.passage, at))
            .collect()
    }

    /// What the row that begins at the byte `start` belongs behind.
    fn of_row(&self, start: usize) -> Behind {
        let before = self.text.get(..start).unwrap_or_default();
        let rows = before.split_inclusive('\n').rev();
        let rows = rows.take_while(|line| line.trim_start().starts_with('|'));
        let table = start - rows.map(str::len).sum::<usize>();
        let lead = match sayable(self.of_table(table)) {
            Behind::Words(lead) => Some(lead),
            Behind::Nothing => None,
            Behind::Unsayable => return Behind::Unsayable,
        };
        let head = raw_head(before);
        if head.is_some_and(|head| {
            head.len() > LONGEST_HEAD || !instructions_to_models(head).is_empty()
        }) {
            return Behind::Unsayable;
        }
        match (lead, head) {
            (Some(lead), Some(head)) => Behind::Words(format!("{lead}\n{head}")),
            (Some(lead), None) => Behind::Words(lead),
            (None, Some(head)) => Behind::Words(head.to_owned()),
            (None, None) => Behind::Nothing,
        }
    }

    /// What leads to the table that begins with the line at `line`.
    fn of_table(&self, line: usize) -> Option<String> {
        let above = self.above(line);
        let rest = self.text.get(..line)?.trim_end();
        let block = last_block(rest);
        let first = rest.get(block.clone())?.trim_start();
        if !is_paragraph(first) || starts_item(first) {
            return all(denying(&above));
        }
        if let Some(title) = bold_title(first) {
            let mut told = denying(&above);
            if sets_condition(&title) {
                told.push(title);
            }
            return all(told);
        }
        // A table needs no words but those that say what it holds, or that it does not hold.
        let lead = self.leading(first, block.end, true);
        all(denying(&above).into_iter().chain(lead).collect())
    }

    /// What a sentence that is no item belongs behind: headings that exclude what it says.
    fn of_sentence(&self, at: usize, sentence: &str) -> Option<String> {
        let above = self.above(at);
        // One that denies by itself would be denied twice.
        if denies(sentence) || !above.iter().any(|heading| excludes(heading)) {
            return None;
        }
        let (nearest, outer) = above.split_last()?;
        let outer = outer.iter().filter(|heading| excludes(heading));
        all(outer
            .chain([nearest])
            .map(|heading| bare(heading))
            .collect())
    }

    /// What the item that begins with the line at `line` belongs behind.
    fn of_item(&self, line: usize, item: &str) -> Option<String> {
        let text = self.text;
        let own = text.get(line..)?;
        let numbered = |item: &str| item.trim_start().starts_with(|c: char| c.is_ascii_digit());
        let above = self.above(line);
        let mut rest = text.get(..line)?.trim_end();
        loop {
            let block = last_block(rest);
            let words = rest.get(block.clone())?;
            let first = words.trim_start();
            if !is_paragraph(first) {
                return of_headings(&above, item);
            }
            let is_item = starts_item(first);
            // Bullets under a number may stand as far left as it does.
            let leads = |part: &str| numbered(part) && !numbered(own) && part.ends_with(':');
            if is_item
                && (indent(words) < indent(own) || indent(words) == indent(own) && leads(first))
            {
                let part = bare(first.get(marker(first)..).unwrap_or_default());
                let outer = self.of_item(block.start, &part);
                if part.ends_with(STOPS) && !denies(&part) {
                    return outer;
                }
                let part = part.trim_end_matches([':', ',', '.', ' ']);
                return Some(match outer {
                    Some(outer) => joined(&outer, part),
                    None => part.to_owned(),
                });
            }
            if is_item && let Some(lead) = behind_item(words, indent(own)) {
                return all(denying(&above).into_iter().chain([lead]).collect());
            }
            // Another item of the list, or what goes on with it.
            if is_item || indent(words) > indent(own) {
                rest = rest.get(..block.start)?.trim_end();
                continue;
            }
            if let Some(title) = bold_title(first) {
                let mut told = denying(&above);
                if !told.is_empty() || reads_on(item) || sets_condition(&title) {
                    told.push(title);
                }
                return all(told);
            }
            return match self.leading(first, block.end, false) {
                Some(lead) => all(denying(&above).into_iter().chain([lead]).collect()),
                None => of_headings(&above, item).filter(|lead| sets_condition(lead)),
            };
        }
    }

    /// The sentence of a paragraph that leads to the list or table under it, which ends at the byte `end`.
    fn leading(&self, paragraph: &str, end: usize, is_table: bool) -> Option<String> {
        let leads = last_sentence(paragraph).trim_end_matches(['*', '_']);
        let ended = leads.trim_end_matches(CLOSING);
        let is_lead = if leads.ends_with(':') {
            true
        } else if ended.ends_with(STOPS) {
            denies(leads) && (ended.ends_with('?') || points_down(leads))
        } else {
            // Without a colon, words lead to a list right under them; where they deny, to one set apart as well, as those of
            // pages and Word files always are.
            let under = self.text.get(end..)?.trim_start_matches([' ', '\t', '\r']);
            let under = under.strip_prefix('\n').unwrap_or(under);
            let mut under = under.lines().map(str::trim);
            let is_apart = under.next().is_none_or(str::is_empty);
            denies(leads) || !is_apart && !is_table
        };
        is_lead.then(|| bare(leads.trim_end_matches([':', '.', '!', '…'])))
    }
}

fn is_paragraph(block: &str) -> bool {
    let first = block.lines().next().unwrap_or_default().trim();
    !block.is_empty() && !block.starts_with('|') && !is_heading(first) && !is_border(first)
}

/// A line in bold letters in place of a heading.
fn bold_title(paragraph: &str) -> Option<String> {
    let is_bold = paragraph.starts_with("**") && paragraph.ends_with("**");
    let title = bare(paragraph);
    (is_bold && !paragraph.contains('\n') && !title.ends_with(':')).then_some(title)
}

/// The lead-in that was written right under an item, as if it went on with it ("You cannot keep:").
fn behind_item(block: &str, own: usize) -> Option<String> {
    let (_, last) = block.rsplit_once('\n')?;
    let leads = last.trim_end().trim_end_matches(['*', '_']);
    let leads = leads.strip_suffix(':').filter(|_| indent(last) <= own)?;
    Some(bare(leads.trim_start().trim_start_matches(['*', '_'])))
}

/// The last paragraph, item with what goes on with it, heading or rule of a text, from the beginning of its first line.
fn last_block(text: &str) -> Range<usize> {
    let mut start = text.len();
    loop {
        let line = text
            .get(..start)
            .and_then(|before| before.strip_suffix('\n').unwrap_or(before).rfind('\n'))
            .map_or(0, |at| at + 1);
        let words = text.get(line..start).unwrap_or_default().trim();
        let is_apart = is_heading(words) || is_border(words);
        let ends_before = words.is_empty() || words.starts_with('|');
        if start < text.len() && (ends_before || is_apart) {
            return start..text.len();
        }
        start = line;
        if line == 0 || is_apart || starts_item(words) {
            return start..text.len();
        }
    }
}

/// What of the headings above it an item belongs behind.
fn of_headings(above: &[&str], item: &str) -> Option<String> {
    let (nearest, outer) = above.split_last()?;
    let outer = outer.iter().filter(|heading| excludes(heading));
    let mut told: Vec<String> = outer.map(|heading| bare(heading)).collect();
    if !told.is_empty() || reads_on(item) || sets_condition(nearest) {
        told.push(bare(nearest));
    }
    all(told)
}

/// The headings that no lead-in nearer by may hide: outer ones that exclude, and the nearest one where it denies.
fn denying(above: &[&str]) -> Vec<String> {
    let Some((nearest, outer)) = above.split_last() else {
        return Vec::new();
    };
    let outer = outer.iter().filter(|heading| excludes(heading));
    let nearest = Some(nearest).filter(|heading| denies(heading));
    outer.chain(nearest).map(|heading| bare(heading)).collect()
}

fn all(told: Vec<String>) -> Option<String> {
    (!told.is_empty()).then(|| told.join(" – "))
}

/// Whether a piece goes on with the words before it.
pub(super) fn reads_on(piece: &str) -> bool {
    piece.chars().next().is_some_and(char::is_lowercase)
}

#[cfg(test)]
mod tests;
