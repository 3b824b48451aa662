//! The words that a piece of a passage stands behind: the headings above it, the lead-in of its list, the heads of its
//! table. They may turn its meaning round.

use std::ops::Range;

use super::Passage;
use super::readable::{bare, cells, head, joined};
use super::screen::instructions_to_models;
use super::sentence::{indent, is_heading, marker, sentences, starts_item};
use crate::conversation::Citation;

/// A lead-in with more characters is a text of its own.
const LONGEST_LEAD: usize = 200;
/// Heads of a table with more bytes are not said again at each row.
const LONGEST_HEAD: usize = 400;

/// A heading with one of these sets a condition, or says what does not hold. English, German, Latvian.
const CONDITIONS: &[&str] = &[
    "no",
    "not",
    "non",
    "none",
    "nothing",
    "nobody",
    "never",
    "neither",
    "nor",
    "cannot",
    "without",
    "except",
    "exceptions",
    "excluded",
    "excluding",
    "exclusions",
    "unless",
    "only",
    "nicht",
    "nichts",
    "kein",
    "keine",
    "keinen",
    "keinem",
    "keiner",
    "ohne",
    "außer",
    "ausgenommen",
    "ausgeschlossen",
    "ausnahmen",
    "nur",
    "nav",
    "nekad",
    "bez",
    "izņemot",
    "izņēmumi",
    "neattiecas",
    "tikai",
];
/// A heading with one of these also excludes what stands under further headings below.
const EXCLUDING: &[&str] = &[
    "non",
    "except",
    "exceptions",
    "excluded",
    "exclusions",
    "ausgenommen",
    "ausgeschlossen",
    "ausnahmen",
    "izņemot",
    "izņēmumi",
    "neattiecas",
];
/// And so does one of these behind a "not".
const NOT: &[&str] = &[
    "covered",
    "included",
    "insured",
    "refunded",
    "refundable",
    "returnable",
    "eligible",
    "allowed",
    "versichert",
    "erstattet",
    "abgedeckt",
    "enthalten",
];
/// A heading that begins with one of these sets a condition, unless it asks.
const WHEN: &[&str] = &["when", "if", "wenn", "falls", "ja", "kad"];

/// The headings above the byte `at` of a passage, outermost first: those of its path, then those inside it.
pub(super) fn headings_above(passage: &Passage, at: usize) -> Vec<&str> {
    let mut inside: Vec<(usize, &str)> = Vec::new();
    let mut in_code = false;
    for line in passage.text.get(..at).unwrap_or_default().lines() {
        let line = line.trim();
        in_code ^= line.starts_with("```") || line.starts_with("~~~");
        if !in_code && is_heading(line) {
            let title = line.trim_start_matches('#');
            let level = line.len() - title.len();
            inside.retain(|(above, _)| *above < level);
            inside.push((level, title.trim()));
        }
    }
    let path = passage.headings.iter().map(String::as_str);
    path.chain(inside.into_iter().map(|(_, title)| title))
        .collect()
}

/// The words that an item of a list belongs behind: what leads to the list ("You cannot return:"), the item that it is part
/// of, or the heading, where the item reads on from it ("No compensation is due when" - "the outage lasts 24 hours or less")
/// or holds only under it ("When we do not charge a fee"). Of a row of a table, the row of the table's heads. `None` for other
/// pieces, and for what speaks to a model.
pub(super) fn lead(passage: &Passage, range: &Range<usize>) -> Option<String> {
    let text = passage.text.as_str();
    let piece = text.get(range.clone())?;
    if cells(piece).is_some() {
        let head = head(text.get(..range.start)?)?;
        return (head.len() <= LONGEST_HEAD).then(|| head.to_owned());
    }
    let line = text.get(..range.start)?.rfind('\n').map_or(0, |at| at + 1);
    let own = text.get(line..)?;
    let item = own.trim_start();
    // Only its first sentence; what follows stands by itself.
    if !starts_item(item) || range.start != line + (own.len() - item.len()) + marker(item) {
        return None;
    }
    let lead = of_item(passage, line, &bare(piece))?;
    let is_usable = !lead.is_empty()
        && lead.chars().count() <= LONGEST_LEAD
        && lead.chars().any(char::is_alphabetic)
        && instructions_to_models(&lead).is_empty();
    is_usable.then_some(lead)
}

/// Whether a quote stands behind a condition that denies something ("When we do not charge a fee"): by itself it neither
/// affirms nor denies that.
pub(super) fn is_conditional(citation: &Citation) -> bool {
    let lead = citation.lead.as_deref().unwrap_or_default();
    let first = words(lead).into_iter().next().unwrap_or_default();
    cells(lead).is_none() && WHEN.contains(&first.as_str()) && has(lead, CONDITIONS)
}

/// What the item that begins with the line at `line` belongs behind.
fn of_item(passage: &Passage, line: usize, item: &str) -> Option<String> {
    let text = passage.text.as_str();
    let own = indent(text.get(line..)?);
    let mut rest = text.get(..line)?.trim_end();
    loop {
        let block = last_block(rest);
        let words = rest.get(block.clone())?;
        let first = words.trim_start();
        let is_none = first.is_empty() || first.starts_with('|');
        if is_none || is_heading(first.lines().next().unwrap_or_default()) {
            return of_headings(&headings_above(passage, line), item);
        }
        let is_item = starts_item(first);
        if is_item && indent(words) < own {
            let part = bare(first.get(marker(first)..).unwrap_or_default());
            let outer = of_item(passage, block.start, &part);
            if part.ends_with(['.', '!', '?']) {
                return outer;
            }
            let part = part.trim_end_matches([':', ',', ' ']);
            return Some(match outer {
                Some(outer) => joined(&outer, part),
                None => part.to_owned(),
            });
        }
        if is_item && let Some(lead) = behind_item(words, own) {
            return Some(lead);
        }
        // Another item of the list, or what goes on with it.
        if is_item || indent(words) > own {
            rest = rest.get(..block.start)?.trim_end();
            continue;
        }
        let is_bold = first.starts_with("**") && first.ends_with("**");
        let title = bare(first);
        if is_bold && !first.contains('\n') && !title.ends_with(':') {
            return of_headings(&[title.as_str()], item);
        }
        let last = sentences(first).pop()?;
        let leads = first.get(last)?.trim_end_matches(['*', '_']);
        // Without a colon, words lead to a list right under them.
        let under = text.get(block.end..)?.trim_start_matches([' ', '\t', '\r']);
        let under = under.strip_prefix('\n').unwrap_or(under);
        let is_apart = under
            .lines()
            .next()
            .is_none_or(|line| line.trim().is_empty());
        let ended = leads.trim_end_matches([')', ']', '"', '\'', '”', '’']);
        let ended = ended.ends_with(['.', '!', '?', '…']);
        if !leads.ends_with(':') && (is_apart || ended) {
            let above = headings_above(passage, line);
            return of_headings(&above, item).filter(|lead| sets_condition(lead));
        }
        return Some(bare(leads.trim_end_matches(':')));
    }
}

/// The lead-in that was written right under an item, as if it went on with it ("You cannot keep:").
fn behind_item(block: &str, own: usize) -> Option<String> {
    let (_, last) = block.rsplit_once('\n')?;
    let leads = last.trim_end().trim_end_matches(['*', '_']);
    let leads = leads.strip_suffix(':').filter(|_| indent(last) <= own)?;
    Some(bare(leads.trim_start().trim_start_matches(['*', '_'])))
}

/// The last paragraph, item with what goes on with it, or heading of a text, from the beginning of its first line.
fn last_block(text: &str) -> Range<usize> {
    let mut start = text.len();
    loop {
        let line = text
            .get(..start)
            .and_then(|before| before.strip_suffix('\n').unwrap_or(before).rfind('\n'))
            .map_or(0, |at| at + 1);
        let words = text.get(line..start).unwrap_or_default().trim();
        let ends_before = words.is_empty() || words.starts_with('|');
        if start < text.len() && (ends_before || is_heading(words)) {
            return start..text.len();
        }
        start = line;
        if line == 0 || is_heading(words) || starts_item(words) {
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
    (!told.is_empty()).then(|| told.join(" – "))
}

/// Whether a piece goes on with the words before it.
pub(super) fn reads_on(piece: &str) -> bool {
    piece.chars().next().is_some_and(char::is_lowercase)
}

/// Whether what stands under a heading holds only when, or does not hold where, it says.
fn sets_condition(heading: &str) -> bool {
    let first = words(heading).into_iter().next().unwrap_or_default();
    let asks = heading.trim_end().ends_with('?');
    !asks && WHEN.contains(&first.as_str()) || has(heading, CONDITIONS)
}

/// Whether a heading excludes all that stands below it.
fn excludes(heading: &str) -> bool {
    let words = words(heading);
    let is_not = |word: &str| matches!(word, "not" | "nicht") || word.ends_with("n't");
    let mut pairs = words.windows(2);
    has(heading, EXCLUDING)
        || pairs.any(|pair| matches!(pair, [not, of] if is_not(not) && NOT.contains(&of.as_str())))
}

fn has(heading: &str, any: &[&str]) -> bool {
    let words = words(heading);
    words
        .iter()
        .any(|word| any.contains(&word.as_str()) || word.ends_with("n't"))
}

fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase().replace('’', "'");
    let words = lower.split(|c: char| !(c.is_alphanumeric() || c == '\''));
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
