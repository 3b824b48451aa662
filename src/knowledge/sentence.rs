//! Sentences of a Markdown passage, as byte ranges: the pieces that are quoted.

use std::ops::Range;

/// Words with a full stop that does not end a sentence.
const ABBREVIATIONS: [&str; 16] = [
    "e.g", "i.e", "mr", "mrs", "ms", "dr", "no", "vs", "etc", "approx", "incl", "excl", "max",
    "min", "z.b", "st",
];

/// The sentences of `text` in order. Headings, rules, heads and borders of tables are no sentences; a list item or a
/// table row is at least one of its own; list markers are left out.
pub(crate) fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut block: Option<Range<usize>> = None;
    let mut at = 0;
    let mut in_code = false;
    let mut in_table = false;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let bare = line.trim();
        if bare.starts_with("```") || bare.starts_with("~~~") {
            in_code = !in_code;
            flush(text, &mut block, &mut found);
            continue;
        }
        let is_row = bare.starts_with('|') && !is_border(bare);
        let is_head = is_row && !in_table && text.get(at..).is_some_and(begins_with_border);
        in_table = is_row || in_table && bare.starts_with('|');
        let silent = bare.is_empty() || is_heading(bare) || is_border(bare) || is_head;
        if silent || starts_item(bare) || bare.starts_with('|') || in_code {
            flush(text, &mut block, &mut found);
        }
        if silent {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let first = start + indent + marker(bare);
        let end = start + line.trim_end().len();
        block = Some(match block.take() {
            Some(open) => open.start..end,
            None => first..end,
        });
    }
    flush(text, &mut block, &mut found);
    found
}

fn begins_with_border(rest: &str) -> bool {
    let next = rest.lines().next().unwrap_or_default().trim();
    next.starts_with('|') && is_border(next)
}

fn flush(text: &str, block: &mut Option<Range<usize>>, found: &mut Vec<Range<usize>>) {
    if let Some(range) = block.take() {
        split(text, range, found);
    }
}

/// Cuts one paragraph, item or row at the ends of its sentences.
fn split(text: &str, block: Range<usize>, found: &mut Vec<Range<usize>>) {
    let Some(inside) = text.get(block.clone()) else {
        return;
    };
    let mut start = 0;
    let mut chars = inside.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if !matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？') {
            continue;
        }
        let mut end = at + c.len_utf8();
        // Closing quotes and brackets belong to the sentence.
        while let Some((next, closing)) = chars.peek().copied() {
            if !matches!(
                closing,
                '"' | '\'' | ')' | ']' | '”' | '’' | '*' | '_' | '.' | '!' | '?'
            ) {
                break;
            }
            end = next + closing.len_utf8();
            chars.next();
        }
        let wide = matches!(c, '。' | '！' | '？');
        let spaced = chars.peek().is_none_or(|(_, next)| next.is_whitespace());
        if !wide && (!spaced || !ends(inside, start, at, end, c)) {
            continue;
        }
        push(inside, block.start, start..end, found);
        start = end;
    }
    push(inside, block.start, start..inside.len(), found);
}

/// Whether the stop at `at` ends a sentence, judged by the word before and the letter after it.
fn ends(inside: &str, start: usize, at: usize, end: usize, stop: char) -> bool {
    if stop != '.' {
        return true;
    }
    let before = inside.get(start..at).unwrap_or_default();
    let word = before
        .rsplit(|c: char| c.is_whitespace() || c == '(')
        .next()
        .unwrap_or_default()
        .to_lowercase();
    if ABBREVIATIONS.contains(&word.as_str()) {
        return false;
    }
    let numbered =
        !word.is_empty() && word.chars().all(|c| c.is_ascii_digit()) && word == before.trim();
    let after = inside.get(end..).unwrap_or_default().trim_start();
    !numbered && !after.chars().next().is_some_and(char::is_lowercase)
}

fn push(inside: &str, offset: usize, range: Range<usize>, found: &mut Vec<Range<usize>>) {
    let Some(piece) = inside.get(range.clone()) else {
        return;
    };
    let leading = piece.len() - piece.trim_start().len();
    let start = offset + range.start + leading;
    let end = start + piece.trim().len();
    if piece.chars().any(char::is_alphanumeric) {
        found.push(start..end);
    }
}

/// `#` to `######` and a space.
pub(crate) fn is_heading(line: &str) -> bool {
    let level = line.bytes().take_while(|b| *b == b'#').count();
    (1..=6).contains(&level) && line.as_bytes().get(level).is_none_or(|b| *b == b' ')
}

/// A rule (`---`) or the line under a table's head (`|---|:-:|`).
pub(crate) fn is_border(line: &str) -> bool {
    line.len() >= 3
        && line
            .bytes()
            .all(|b| matches!(b, b'-' | b'|' | b':' | b' ' | b'=' | b'*' | b'_'))
}

/// Columns before the first word of a line.
pub(super) fn indent(line: &str) -> usize {
    let blank = line.chars().take_while(|c| matches!(c, ' ' | '\t'));
    blank.map(|c| if c == '\t' { 4 } else { 1 }).sum()
}

/// Whether the line begins a list item.
pub(crate) fn starts_item(line: &str) -> bool {
    marker(line) > 0
}

/// Bytes of the list or quote marker that `line` begins with.
pub(super) fn marker(line: &str) -> usize {
    let bytes = line.as_bytes();
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let marker = match bytes.get(digits) {
        Some(b'-' | b'*' | b'+' | b'>') if digits == 0 => 1,
        Some(b'.' | b')') if (1..=3).contains(&digits) => digits + 1,
        _ => return 0,
    };
    match bytes.get(marker) {
        Some(b' ' | b'\t') => {
            let rest = line.get(marker..).unwrap_or_default();
            marker + rest.len() - rest.trim_start().len()
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        sentences(text)
            .into_iter()
            .map(|range| &text[range])
            .collect()
    }

    #[test]
    fn prose_is_cut_at_the_ends_of_sentences_only() {
        let text = "Refunds take 3.5 days, e.g. by card. Is it late? Call us (any day.) Mr. Smith\nhelps. no";
        assert_eq!(
            texts(text),
            [
                "Refunds take 3.5 days, e.g. by card.",
                "Is it late?",
                "Call us (any day.)",
                "Mr. Smith\nhelps. no"
            ]
        );
    }

    #[test]
    fn markdown_structure_is_not_quoted() {
        let text = "## Steps\n\n1. Unplug it. Wait.\n2. Plug in\n   again.\n\n- *Red* light: call.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n---\nEnd";
        assert_eq!(
            texts(text),
            [
                "Unplug it.",
                "Wait.",
                "Plug in\n   again.",
                "*Red* light: call.",
                "| 1 | 2 |",
                "End"
            ]
        );
    }

    #[test]
    fn odd_input_has_no_sentences_or_one() {
        for nothing in ["", "\n\n", "# Title", "---", "...", "- ", "!?"] {
            assert!(texts(nothing).is_empty(), "{nothing:?}");
        }
        assert_eq!(texts("今日は。明日。"), ["今日は。", "明日。"]);
        assert_eq!(texts("no stop"), ["no stop"]);
    }
}
