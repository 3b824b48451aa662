//! Where an article is divided.

use std::ops::Range;

use super::blocks::{Block, Kind, blocks, is_item};
use super::{Budget, Count};
use crate::knowledge::KnowledgeArticle;
use crate::knowledge::lead::{denies, introduces};
use crate::knowledge::sentence::{indent, is_border, sentences};

/// A stretch of the body that becomes a passage.
pub(super) struct Piece {
    /// Headings above it, outermost first.
    pub(super) headings: Vec<String>,
    /// The head of the table it goes on with, or what leads to the list.
    pub(super) lead: Option<Range<usize>>,
    pub(super) range: Range<usize>,
}

/// A stretch that is not divided any more.
struct Unit {
    range: Range<usize>,
    tokens: usize,
    /// The head of the table that it is a row of, or what leads to its list, and its tokens; needed where it comes first in a
    /// passage.
    lead: Option<(Range<usize>, usize)>,
}

struct Cutter<'a> {
    article: &'a KnowledgeArticle,
    budget: Budget<'a>,
    path: Vec<String>,
    pieces: Vec<Piece>,
}

/// Divides an article.
pub(super) fn pieces(article: &KnowledgeArticle, budget: Budget<'_>) -> Vec<Piece> {
    let blocks = blocks(&article.body, budget.count);
    let mut cutter = Cutter {
        article,
        budget,
        path: Vec::new(),
        pieces: Vec::new(),
    };
    cutter.divide(&blocks);
    cutter.pieces
}

impl Cutter<'_> {
    fn divide(&mut self, blocks: &[Block]) {
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
            return;
        };
        if let Kind::Heading(level, title) = &first.kind {
            let rest = blocks.get(1..).unwrap_or_default();
            let (section, after) = rest.split_at(inside(rest, *level));
            if after.is_empty() {
                self.path.push(title.clone());
                self.divide(section);
                self.path.pop();
                return;
            }
        }
        let budget = self.budget.under(&self.article.title, &self.path);
        let tokens: usize = blocks.iter().map(|block| block.tokens).sum();
        if tokens <= budget.tokens {
            self.push(first.range.start..last.range.end, None);
            return;
        }
        // The text before the first heading, then every section with all that is under it.
        let head = blocks
            .iter()
            .take_while(|block| !matches!(block.kind, Kind::Heading(..)))
            .count();
        let (loose, mut rest) = blocks.split_at(head);
        self.pack(loose, budget);
        while let Some(Block {
            kind: Kind::Heading(level, _),
            ..
        }) = rest.first()
        {
            let own = 1 + inside(rest.get(1..).unwrap_or_default(), *level);
            let (section, after) = rest.split_at(own);
            self.divide(section);
            rest = after;
        }
    }

    /// Puts neighbouring blocks together up to the limit, cutting only those that are too long alone.
    fn pack(&mut self, blocks: &[Block], budget: Budget<'_>) {
        let body = self.article.body.as_str();
        let mut open: Option<Unit> = None;
        for unit in units(body, blocks, budget) {
            open = Some(match open.take() {
                Some(before) if before.tokens + unit.tokens <= budget.tokens => Unit {
                    range: before.range.start..unit.range.end,
                    tokens: before.tokens + unit.tokens,
                    lead: before.lead,
                },
                before => {
                    if let Some(before) = before {
                        self.push(before.range, before.lead);
                    }
                    let lead = unit.lead.as_ref().map_or(0, |(_, tokens)| *tokens);
                    Unit {
                        tokens: unit.tokens + lead,
                        ..unit
                    }
                }
            });
        }
        if let Some(last) = open {
            self.push(last.range, last.lead);
        }
    }

    fn push(&mut self, range: Range<usize>, lead: Option<(Range<usize>, usize)>) {
        self.pieces.push(Piece {
            headings: self.path.clone(),
            lead: lead.map(|(range, _)| range),
            range,
        });
    }
}

/// How many of the blocks stand under a heading of `level` before them.
fn inside(blocks: &[Block], level: usize) -> usize {
    blocks
        .iter()
        .take_while(|block| !matches!(&block.kind, Kind::Heading(other, _) if *other <= level))
        .count()
}

fn units(body: &str, blocks: &[Block], budget: Budget<'_>) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut blocks = blocks.iter().peekable();
    while let Some(block) = blocks.next() {
        let text = body.get(block.range.clone()).unwrap_or_default();
        let introduces = block.kind == Kind::Text && introduces(text);
        if introduces && let Some(list) = blocks.next_if(|next| next.kind == Kind::Whole) {
            let range = block.range.start..list.range.end;
            whole(body, range, block.tokens + list.tokens, budget, &mut units);
        } else if block.kind == Kind::Whole {
            whole(body, block.range.clone(), block.tokens, budget, &mut units);
        } else if block.tokens > budget.tokens {
            for sentence in sentences(text) {
                let start = block.range.start;
                let range = start + sentence.start..start + sentence.end;
                fit(body, range, None, budget, &mut units);
            }
        } else {
            units.push(Unit {
                range: block.range.clone(),
                tokens: block.tokens,
                lead: None,
            });
        }
    }
    units
}

/// One unit, or its items and rows where even a list must be cut.
fn whole(
    body: &str,
    range: Range<usize>,
    tokens: usize,
    budget: Budget<'_>,
    units: &mut Vec<Unit>,
) {
    if tokens <= budget.most {
        units.push(Unit {
            range,
            tokens,
            lead: None,
        });
        return;
    }
    let text = body.get(range.clone()).unwrap_or_default();
    let mut lines = text.split_inclusive('\n').peekable();
    let mut at = range.start;
    let mut head: Option<Range<usize>> = None;
    let mut intro: Option<Range<usize>> = None;
    // Items of items stay with theirs.
    let mut outermost: Option<usize> = None;
    let mut items: Vec<(Range<usize>, Option<Range<usize>>)> = Vec::new();
    while let Some(line) = lines.next() {
        let start = at;
        at += line.len();
        let bare = line.trim();
        let is_row = |line: &str| line.trim_start().starts_with('|');
        if is_row(bare)
            && let Some(border) = lines.next_if(|next| is_row(next) && is_border(next.trim()))
        {
            at += border.len();
            let first = lines.next_if(|next| is_row(next));
            // What leads to a table is said again with its heads where it denies what the rows say.
            let denied = items.first().filter(|_| items.len() == 1);
            let denied = denied.map(|(before, _)| before.clone()).filter(|before| {
                let words = body.get(before.clone()).unwrap_or_default();
                !is_item(words.trim()) && introduces(words) && denies(words)
            });
            head = Some(denied.as_ref().map_or(start, |before| before.start)..at);
            at += first.map_or(0, str::len);
            // The head is no passage without a row.
            items.push((start..at, denied));
            continue;
        }
        if !is_row(bare) && !bare.is_empty() {
            head = None;
        }
        let begins_item = is_item(bare) && indent(line) <= *outermost.get_or_insert(indent(line));
        let begins = begins_item || is_row(bare);
        match items.last_mut() {
            // A continued item stays with its first line.
            Some((last, _)) if !begins => last.end = at,
            last => {
                if let Some((before, _)) = last.filter(|_| intro.is_none()) {
                    let words = body.get(before.clone()).unwrap_or_default().trim();
                    let leads = !is_item(words) && introduces(words);
                    intro = leads.then(|| before.clone());
                }
                items.push((start..at, head.clone().or_else(|| intro.clone())));
            }
        }
    }
    // Many rows have one head: its tokens are counted once.
    let mut counted: Option<(Range<usize>, usize)> = None;
    for (range, head) in items {
        let first = units.len();
        let leads = head.is_some() && head == intro;
        if let Some(head) = &head
            && counted.as_ref().is_none_or(|(known, _)| known != head)
        {
            let words = body.get(head.clone()).unwrap_or_default();
            counted = Some((head.clone(), (budget.count)(words)));
        }
        let lead = counted.clone().filter(|_| head.is_some());
        fit(body, range, lead, budget, units);
        if leads {
            // What an item is cut into goes on with the item, not with what leads to it.
            for unit in units.iter_mut().skip(first + 1) {
                unit.lead = None;
            }
        }
    }
}

/// A unit, cut between lines or words where the embedder would not read it to its end.
fn fit(
    body: &str,
    range: Range<usize>,
    lead: Option<(Range<usize>, usize)>,
    budget: Budget<'_>,
    units: &mut Vec<Unit>,
) {
    let text = |range: &Range<usize>| body.get(range.clone()).unwrap_or_default();
    let tokens = (budget.count)(text(&range));
    // A head that leaves no room for rows is not repeated.
    let lead = lead.filter(|(_, tokens)| *tokens <= budget.most / 2);
    let most = budget.most - lead.as_ref().map_or(0, |(_, tokens)| *tokens);
    if tokens <= most {
        units.push(Unit {
            range,
            tokens,
            lead,
        });
        return;
    }
    for part in parts(text(&range), budget.tokens.min(most), budget.count) {
        let part = range.start + part.start..range.start + part.end;
        units.push(Unit {
            tokens: (budget.count)(text(&part)),
            range: part,
            lead: lead.clone(),
        });
    }
}

/// Divides a text between its lines, else its words, into parts of at most `most` tokens.
fn parts(text: &str, most: usize, count: Count<'_>) -> Vec<Range<usize>> {
    let mut parts: Vec<(Range<usize>, usize)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let pieces: Vec<&str> = if count(line) > most {
            line.split_inclusive(char::is_whitespace).collect()
        } else {
            vec![line]
        };
        for piece in pieces {
            for piece in letters(piece, most, count) {
                let (start, tokens) = (at, count(piece));
                at += piece.len();
                match parts.last_mut() {
                    Some((last, sum)) if *sum + tokens <= most => {
                        last.end = at;
                        *sum += tokens;
                    }
                    _ => parts.push((start..at, tokens)),
                }
            }
        }
    }
    parts.into_iter().map(|(range, _)| range).collect()
}

/// Halves a word until each part has at most `most` tokens: some languages put no spaces between words.
fn letters<'t>(word: &'t str, most: usize, count: Count<'_>) -> Vec<&'t str> {
    let mut done = Vec::new();
    let mut left = vec![word];
    while let Some(part) = left.pop() {
        let mut middle = part.len() / 2;
        while !part.is_char_boundary(middle) {
            middle -= 1;
        }
        if middle == 0 || count(part) <= most {
            done.push(part);
        } else {
            let (first, second) = part.split_at(middle);
            left.push(second);
            left.push(first);
        }
    }
    done
}
