//! The blocks a Markdown text is made of.

use std::ops::Range;

use super::{Count, short};
use crate::knowledge::sentence::{Fences, is_border, is_heading, starts_item};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Heading(usize, String),
    Text,
    /// List, table or code: not to be cut.
    Whole,
}

#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
    pub(super) tokens: usize,
}

/// The blocks of a Markdown text: headings (both styles), paragraphs, and lists, tables and code as a whole.
pub(super) fn blocks(body: &str, count: Count<'_>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<(Kind, Range<usize>)> = None;
    let mut fences = Fences::default();
    let mut blank = false;
    let mut at = 0;
    let close = |open: &mut Option<(Kind, Range<usize>)>, blocks: &mut Vec<Block>| {
        close(body, count, open, blocks);
    };
    for line in body.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let bare = line.trim();
        let was_code = fences.is_open();
        let is_fence = fences.is_fence(bare);
        if was_code {
            extend(&mut open, at);
            if is_fence {
                close(&mut open, &mut blocks);
            }
            continue;
        }
        if bare.is_empty() {
            blank = true;
            continue;
        }
        let after_blank = std::mem::take(&mut blank);
        let indented = line.starts_with([' ', '\t']);
        let item = is_item(bare);
        let table = bare.starts_with('|');
        let text = matches!(open, Some((Kind::Text, _)));
        if is_fence {
            close(&mut open, &mut blocks);
            open = Some((Kind::Whole, start..at));
        } else if is_heading(bare) && !indented {
            close(&mut open, &mut blocks);
            let level = bare.bytes().take_while(|b| *b == b'#').count();
            let title = short(bare.trim_matches(['#', ' '])).to_owned();
            blocks.push(Block {
                tokens: count(&title),
                kind: Kind::Heading(level, title),
                range: start..at,
            });
        } else if is_border(bare)
            && text
            && !after_blank
            && (bare.starts_with('=') || bare.starts_with('-'))
        {
            underlined(body, count, bare, at, &mut open, &mut blocks);
        } else if is_border(bare) && !table {
            close(&mut open, &mut blocks);
        } else if item || table {
            if !matches!(open, Some((Kind::Whole, _))) {
                close(&mut open, &mut blocks);
            }
            extend(&mut open, at);
            open.get_or_insert((Kind::Whole, start..at));
        } else {
            let continues = open.is_some() && (!after_blank || (indented && !text));
            if !continues {
                close(&mut open, &mut blocks);
            }
            extend(&mut open, at);
            open.get_or_insert((Kind::Text, start..at));
        }
    }
    close(&mut open, &mut blocks);
    blocks
}

/// Whether a line begins an item of a list, or is quoted: a quote stays whole as a list does.
pub(super) fn is_item(line: &str) -> bool {
    starts_item(line) || line.starts_with("> ")
}

/// A paragraph of one line with `===` or `---` under it is a heading.
fn underlined(
    body: &str,
    count: Count<'_>,
    border: &str,
    end: usize,
    open: &mut Option<(Kind, Range<usize>)>,
    blocks: &mut Vec<Block>,
) {
    let Some((_, range)) = open.as_ref() else {
        return;
    };
    let title = body.get(range.clone()).unwrap_or_default().trim();
    if title.contains('\n') {
        close(body, count, open, blocks);
        return;
    }
    let level = if border.starts_with('=') { 1 } else { 2 };
    let title = short(title);
    blocks.push(Block {
        tokens: count(title),
        kind: Kind::Heading(level, title.to_owned()),
        range: range.start..end,
    });
    *open = None;
}

fn extend(open: &mut Option<(Kind, Range<usize>)>, end: usize) {
    if let Some((_, range)) = open {
        range.end = end;
    }
}

fn close(
    body: &str,
    count: Count<'_>,
    open: &mut Option<(Kind, Range<usize>)>,
    blocks: &mut Vec<Block>,
) {
    if let Some((kind, range)) = open.take() {
        let tokens = count(body.get(range.clone()).unwrap_or_default());
        blocks.push(Block {
            kind,
            range,
            tokens,
        });
    }
}
