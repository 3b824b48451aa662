//! Text that is struck out: it no longer holds, so it is no part of any passage.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::knowledge::sentence::Fences;

static TAGS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?is)<(del|s|strike)(\s[^<>]*)?>.*?</(del|s|strike)\s*>").ok());

/// A Markdown text without `~~struck out~~` words and those in `<del>`, `<s>` and `<strike>`; code is left as it is.
pub(super) fn unstruck(text: &str) -> Cow<'_, str> {
    if !text.contains("~~") && !text.contains("</") {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    for (is_code, part) in parts(text) {
        match is_code {
            true => kept.push_str(part),
            false => prose(part, &mut kept),
        }
    }
    match kept.len() == text.len() {
        true => Cow::Borrowed(text),
        false => Cow::Owned(kept),
    }
}

/// The text, divided into code between fences and what is none.
fn parts(text: &str) -> Vec<(bool, &str)> {
    let mut parts: Vec<(bool, Range<usize>)> = Vec::new();
    let mut fences = Fences::default();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let is_code = fences.is_fence(line.trim()) || fences.is_open();
        match parts.last_mut().filter(|(code, _)| *code == is_code) {
            Some((_, range)) => range.end = at,
            None => parts.push((is_code, start..at)),
        }
    }
    let parts = parts.into_iter();
    parts
        .map(|(code, range)| (code, text.get(range).unwrap_or_default()))
        .collect()
}

fn prose(text: &str, kept: &mut String) {
    let mut struck = between_marks(text);
    let tags = TAGS.iter().flat_map(|tags| tags.find_iter(text));
    struck.extend(tags.map(|found| found.range()));
    struck.sort_by_key(|range| range.start);
    let mut at = 0;
    for range in struck {
        if range.end <= at {
            continue;
        }
        kept.push_str(text.get(at..range.start).unwrap_or_default());
        at = range.end;
        // One space is enough where there was one on both sides.
        let rest = text.get(at..).unwrap_or_default();
        if (kept.is_empty() || kept.ends_with([' ', '\n'])) && rest.starts_with(' ') {
            at += 1;
        }
    }
    kept.push_str(text.get(at..).unwrap_or_default());
}

/// Where two tildes open and close: next to a word, and in one paragraph.
fn between_marks(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut open: Option<usize> = None;
    let mut at = 0;
    while let Some(next) = text.get(at..).and_then(|rest| rest.find("~~")) {
        let start = at + next;
        let before = text.get(at..start).unwrap_or_default();
        let rest = text.get(start..).unwrap_or_default();
        let after = rest.trim_start_matches('~');
        let end = start + rest.len() - after.len();
        // Nothing is struck out over the border of a paragraph.
        if before.contains("\n\n") || before.lines().skip(1).any(|line| line.trim().is_empty()) {
            open = None;
        }
        at = end;
        if end - start != 2 {
            continue;
        }
        let closes = !before.is_empty() && !before.ends_with(char::is_whitespace);
        let opens = !after.is_empty() && !after.starts_with(char::is_whitespace);
        match open {
            Some(begin) if closes => {
                found.push(begin..end);
                open = None;
            }
            _ if opens => open = Some(start),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn struck_out_words_are_taken_out_and_nothing_else() {
        for (text, kept) in [
            ("It costs ~~£30~~ £25.", "It costs £25."),
            ("~~It costs £30.\nEach month.~~ It is free.", "It is free."),
            (
                "- ~~phones~~\n- <del class=\"a\">cards</del>\n- <s>x</s> books",
                "- \n- \n- books",
            ),
            ("a ~~ b ~~ c", "a ~~ b ~~ c"),
            ("a ~~b\n\nc~~ d", "a ~~b\n\nc~~ d"),
            ("a ~~~b~~~ c", "a ~~~b~~~ c"),
            ("~~~\n~~a~~\n~~~\n~~b~~ c", "~~~\n~~a~~\n~~~\nc"),
            ("a ~~b", "a ~~b"),
            ("<section>a</section>", "<section>a</section>"),
            ("~~", "~~"),
        ] {
            assert_eq!(unstruck(text), kept, "{text}");
        }
        let many = "~~a <s>".repeat(100_000);
        assert!(!unstruck(&many).is_empty());
    }
}
