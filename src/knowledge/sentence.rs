//! Sentences of a Markdown passage, as byte ranges: the pieces that are quoted.

use std::borrow::Cow;
use std::ops::Range;

/// Words with a full stop that does not end a sentence.
const ABBREVIATIONS: [&str; 16] = [
    "e.g", "i.e", "mr", "mrs", "ms", "dr", "no", "vs", "etc", "approx", "incl", "excl", "max",
    "min", "z.b", "st",
];

/// The sentences of `text` in order. Headings, rules, heads and borders of tables are no sentences; a list item is at
/// least one of its own, a row of a table is one, whatever its cells hold; list and quote markers are left out.
pub(crate) fn sentences(text: &str) -> Vec<Range<usize>> {
    let flat = unquoted(text);
    let flat = flat.as_ref();
    let mut found = Vec::new();
    let mut block: Option<Range<usize>> = None;
    let mut at = 0;
    let mut fences = Fences::default();
    let mut in_table = false;
    let mut in_quote = false;
    for line in flat.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let bare = line.trim();
        if fences.is_fence(bare) {
            flush(flat, &mut block, &mut found);
            continue;
        }
        let is_row = bare.starts_with('|') && !is_border(bare);
        let is_head = is_row && !in_table && flat.get(at..).is_some_and(begins_with_border);
        in_table = is_row || in_table && bare.starts_with('|');
        // A quote begins a paragraph of its own; what follows it without a mark goes on with it.
        let is_quoted = text
            .get(start..at)
            .is_some_and(|line| quote_marks(line) > 0);
        let begins_quote = is_quoted && !std::mem::replace(&mut in_quote, is_quoted);
        let paragraph = flat
            .get(start..)
            .filter(|_| block.is_none() && !fences.is_open());
        let is_title = paragraph.is_some_and(|from| underlined(from).is_some());
        let silent = bare.is_empty() || is_heading(bare) || is_border(bare) || is_head || is_title;
        let begins = starts_item(bare) || bare.starts_with('|') || begins_quote;
        if silent || begins || fences.is_open() {
            flush(flat, &mut block, &mut found);
        }
        if silent {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let first = start + indent + marker(bare);
        let end = start + line.trim_end().len();
        if is_row {
            push(flat, 0, first..end, &mut found);
            continue;
        }
        block = Some(match block.take() {
            Some(open) => open.start..end,
            None => first..end,
        });
    }
    flush(flat, &mut block, &mut found);
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

/// The level of the heading that `text` begins with: a line with `===` or `---` under it.
pub(super) fn underlined(text: &str) -> Option<usize> {
    let mut lines = text.lines().map(str::trim);
    let (title, under) = (lines.next()?, lines.next()?);
    let is_plain = !title.is_empty()
        && !title.starts_with('|')
        && !is_heading(title)
        && !is_border(title)
        && !starts_item(title);
    let level = match under.bytes().next()? {
        b'=' => 1,
        b'-' => 2,
        _ => return None,
    };
    (is_plain && is_border(under) && !under.contains('|')).then_some(level)
}

/// `text` with blanks in place of its quote marks (`>`), byte for byte: what is quoted is read as it is elsewhere.
pub(super) fn unquoted(text: &str) -> Cow<'_, str> {
    if text.lines().all(|line| quote_marks(line) == 0) {
        return Cow::Borrowed(text);
    }
    let mut flat = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (marks, rest) = line.split_at(quote_marks(line));
        flat.push_str(&marks.replace('>', " "));
        flat.push_str(rest);
    }
    Cow::Owned(flat)
}

/// Bytes of the quote marks that a line begins with, and of the blanks before each.
pub(super) fn quote_marks(line: &str) -> usize {
    let mut end = 0;
    loop {
        let rest = line.get(end..).unwrap_or_default();
        let Some(after) = rest.trim_start_matches([' ', '\t']).strip_prefix('>') else {
            return end;
        };
        // "> 5 GB" is quoted, ">5 GB" is a number.
        if !after.is_empty() && !after.starts_with([' ', '\t', '\r', '\n', '>']) {
            return end;
        }
        end = line.len() - after.len();
    }
}

/// Follows the fences around code, from line to line.
#[derive(Debug, Default)]
pub(crate) struct Fences {
    open: Option<(char, usize)>,
}

impl Fences {
    /// Takes the next line, trimmed; whether it opens or closes code. Only marks of the same kind, at least as many and with
    /// nothing behind them, close it.
    pub(crate) fn is_fence(&mut self, line: &str) -> bool {
        let Some(mark) = line.chars().next().filter(|c| matches!(c, '`' | '~')) else {
            return false;
        };
        let rest = line.trim_start_matches(mark);
        let marks = line.len() - rest.len();
        if let Some((open, least)) = self.open {
            let closes = mark == open && marks >= least && rest.trim().is_empty();
            if closes {
                self.open = None;
            }
            return closes;
        }
        // With marks behind the words it is code inside a line.
        let opens = marks >= 3 && !(mark == '`' && rest.contains(mark));
        if opens {
            self.open = Some((mark, marks));
        }
        opens
    }

    /// Whether the lines that follow are code.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }
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

/// Bytes of the list marker that `line` begins with.
pub(super) fn marker(line: &str) -> usize {
    let bytes = line.as_bytes();
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let marker = match bytes.get(digits) {
        Some(b'-' | b'*' | b'+') if digits == 0 => 1,
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
    fn a_row_is_one_sentence_whatever_its_cells_hold() {
        let text = "| Question | In shops | Online |\n|---|---|---|\n| Can I return it? | No. Ask us. | yes |\nAfter it.";
        assert_eq!(
            texts(text),
            ["| Can I return it? | No. Ask us. | yes |", "After it."]
        );
    }

    #[test]
    fn lines_of_a_quote_are_joined() {
        let text = "We say:\n> You cannot return\n> SIM cards. Nor\n>\n> > - books or\n> > - maps\n\n>5 GB are\nleft";
        assert_eq!(
            texts(text),
            [
                "We say:",
                "You cannot return\n> SIM cards.",
                "Nor",
                "books or",
                "maps",
                ">5 GB are\nleft"
            ]
        );
    }

    #[test]
    fn titles_with_a_line_under_them_are_no_sentences() {
        let text = "Title\n=====\nOne\ntwo\n---\n> Part\n> ----\n> Three";
        assert_eq!(texts(text), ["One\ntwo", "Three"]);
    }

    #[test]
    fn only_the_same_fence_closes_code() {
        let text =
            "~~~\n```\na. b? c\n~~\n~~~\nAfter `x`. Then\n```one``` line\n````\n```\n````\nEnd";
        assert_eq!(
            texts(text),
            ["a. b?", "c", "After `x`.", "Then\n```one``` line", "End"]
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
