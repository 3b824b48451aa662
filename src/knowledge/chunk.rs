//! Articles to passages, along their structure.
//!
//! An article that fits into one passage stays whole; otherwise it is divided at its headings, then
//! between its blocks. A list or a table stays whole, with the sentence that introduces it. The headings
//! above a passage are kept beside it as context.

use std::collections::HashMap;
use std::ops::Range;

use uuid::Uuid;

use super::sentence::{is_border, is_heading, sentences, starts_item};
use super::{KnowledgeArticle, Passage};
use crate::conversation::PassageId;

/// Part of every content hash: raise it when passages or vectors of the same text change.
const VERSION: &str = "passages-1";

/// A list or table longer than this many passages is divided after all.
const OVERLONG: usize = 2;

/// The passages of an article, of at most about `max_words` words.
pub(crate) fn passages(article: &KnowledgeArticle, max_words: usize) -> Vec<Passage> {
    let max_words = max_words.max(1);
    let blocks = blocks(&article.body);
    let mut pieces = Vec::new();
    let mut path = Vec::new();
    divide(&article.body, &blocks, max_words, &mut path, &mut pieces);
    let mut ordinals: HashMap<String, usize> = HashMap::new();
    pieces
        .into_iter()
        .filter_map(|(mut headings, range)| {
            let text = article.body.get(range)?.trim().to_owned();
            if !text.chars().any(char::is_alphanumeric) {
                return None;
            }
            // The article's own title, repeated as its first heading, says nothing new.
            if headings
                .first()
                .is_some_and(|first| first.eq_ignore_ascii_case(&article.title))
            {
                headings.remove(0);
            }
            let slug = slug(&headings);
            let ordinal = ordinals.entry(slug.clone()).or_insert(0);
            *ordinal += 1;
            let id = match (slug.is_empty(), *ordinal) {
                (true, n) => format!("{}#{n}", article.id),
                (false, 1) => format!("{}#{slug}", article.id),
                (false, n) => format!("{}#{slug}.{n}", article.id),
            };
            Some(passage(article, id.into(), headings, text))
        })
        .collect()
}

/// What is embedded and searched: title and headings in front of the text.
pub(crate) fn searchable(passage: &Passage) -> String {
    let mut text = passage.title.clone();
    for heading in &passage.headings {
        text.push_str(" > ");
        text.push_str(heading);
    }
    text.push('\n');
    text.push_str(&passage.text);
    text
}

fn passage(
    article: &KnowledgeArticle,
    id: PassageId,
    headings: Vec<String>,
    text: String,
) -> Passage {
    let mut passage = Passage {
        id,
        article: article.id.clone(),
        title: article.title.clone(),
        headings,
        tenant: article.tenant.clone(),
        language: article.language.clone(),
        audience: article.audience,
        valid_from: article.valid_from,
        valid_to: article.valid_to,
        text,
        content_hash: String::new(),
    };
    passage.content_hash = content_hash(&passage);
    passage
}

fn content_hash(passage: &Passage) -> String {
    // Debug output quotes and escapes, so that moving a word between fields changes the hash.
    let all = format!("{VERSION} {passage:?}");
    Uuid::new_v5(&Uuid::NAMESPACE_OID, all.as_bytes())
        .simple()
        .to_string()
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Heading(usize, String),
    Text,
    /// List, table or code: not to be cut.
    Whole,
}

#[derive(Clone, Debug)]
struct Block {
    kind: Kind,
    range: Range<usize>,
    words: usize,
}

type Piece = (Vec<String>, Range<usize>);

fn divide(
    body: &str,
    blocks: &[Block],
    max_words: usize,
    path: &mut Vec<String>,
    pieces: &mut Vec<Piece>,
) {
    let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
        return;
    };
    let words: usize = blocks.iter().map(|block| block.words).sum();
    if let Kind::Heading(level, title) = &first.kind {
        let inside = |block: &Block| !matches!(&block.kind, Kind::Heading(l, _) if l <= level);
        let rest = blocks.get(1..).unwrap_or_default();
        let own = rest.iter().take_while(|block| inside(block)).count();
        let (section, after) = rest.split_at(own);
        if after.is_empty() {
            path.push(title.clone());
            divide(body, section, max_words, path, pieces);
            path.pop();
            return;
        }
    }
    if words <= max_words {
        pieces.push((path.clone(), first.range.start..last.range.end));
        return;
    }
    // The text before the first heading, then every section with all that is under it.
    let head = blocks
        .iter()
        .take_while(|block| !matches!(block.kind, Kind::Heading(..)))
        .count();
    let (loose, mut rest) = blocks.split_at(head);
    pack(body, loose, max_words, path, pieces);
    while let Some(Block {
        kind: Kind::Heading(level, _),
        ..
    }) = rest.first()
    {
        let own = 1 + rest
            .iter()
            .skip(1)
            .take_while(|block| !matches!(&block.kind, Kind::Heading(l, _) if l <= level))
            .count();
        let (section, after) = rest.split_at(own);
        divide(body, section, max_words, path, pieces);
        rest = after;
    }
}

/// Puts neighbouring blocks together up to the limit, cutting only those that are too long alone.
fn pack(body: &str, blocks: &[Block], max_words: usize, path: &[String], pieces: &mut Vec<Piece>) {
    let mut units: Vec<(Range<usize>, usize)> = Vec::new();
    let mut blocks = blocks.iter().peekable();
    while let Some(block) = blocks.next() {
        let text = body.get(block.range.clone()).unwrap_or_default();
        let introduces = block.kind == Kind::Text && text.trim_end().ends_with(':');
        if introduces && let Some(list) = blocks.next_if(|next| next.kind == Kind::Whole) {
            let words = block.words + list.words;
            whole(
                body,
                block.range.start..list.range.end,
                words,
                max_words,
                &mut units,
            );
        } else if block.kind == Kind::Whole {
            whole(
                body,
                block.range.clone(),
                block.words,
                max_words,
                &mut units,
            );
        } else if block.words > max_words {
            for sentence in sentences(text) {
                let start = block.range.start + sentence.start;
                let range = start..block.range.start + sentence.end;
                let words = count(body.get(range.clone()).unwrap_or_default());
                units.push((range, words));
            }
        } else {
            units.push((block.range.clone(), block.words));
        }
    }
    let mut open: Option<(Range<usize>, usize)> = None;
    for (range, words) in units {
        open = match open.take() {
            Some((before, sum)) if sum + words <= max_words => {
                Some((before.start..range.end, sum + words))
            }
            Some((before, _)) => {
                pieces.push((path.to_vec(), before));
                Some((range, words))
            }
            None => Some((range, words)),
        };
    }
    if let Some((range, _)) = open {
        pieces.push((path.to_vec(), range));
    }
}

/// One unit, or its lines where even a list must be cut.
fn whole(
    body: &str,
    range: Range<usize>,
    words: usize,
    max_words: usize,
    units: &mut Vec<(Range<usize>, usize)>,
) {
    if words <= max_words * OVERLONG {
        units.push((range, words));
        return;
    }
    let mut at = range.start;
    for line in body.get(range).unwrap_or_default().split_inclusive('\n') {
        let start = at;
        at += line.len();
        let bare = line.trim_start();
        let begins = starts_item(bare) || bare.starts_with('|');
        match units.last_mut() {
            // A continued item stays with its first line.
            Some((last, sum)) if !begins && last.end == start => {
                last.end = at;
                *sum += count(line);
            }
            _ => units.push((start..at, count(line))),
        }
    }
}

/// The blocks of a Markdown text: headings (both styles), paragraphs, and lists, tables and code as a whole.
fn blocks(body: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<(Kind, Range<usize>)> = None;
    let mut fence: Option<&str> = None;
    let mut blank = false;
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let bare = line.trim();
        let marks = ["```", "~~~"]
            .into_iter()
            .find(|mark| bare.starts_with(mark));
        if let Some(mark) = fence {
            extend(&mut open, at);
            if marks == Some(mark) {
                fence = None;
                close(body, &mut open, &mut blocks);
            }
            continue;
        }
        if bare.is_empty() {
            blank = true;
            continue;
        }
        let after_blank = std::mem::take(&mut blank);
        let indented = line.starts_with([' ', '\t']);
        let item = starts_item(bare);
        let table = bare.starts_with('|');
        let text = matches!(open, Some((Kind::Text, _)));
        if marks.is_some() {
            close(body, &mut open, &mut blocks);
            fence = marks;
            open = Some((Kind::Whole, start..at));
        } else if is_heading(bare) && !indented {
            close(body, &mut open, &mut blocks);
            let level = bare.bytes().take_while(|b| *b == b'#').count();
            let title = bare.trim_matches(['#', ' ']).to_owned();
            blocks.push(Block {
                words: count(&title),
                kind: Kind::Heading(level, title),
                range: start..at,
            });
        } else if is_border(bare)
            && text
            && !after_blank
            && (bare.starts_with('=') || bare.starts_with('-'))
        {
            underlined(body, bare, at, &mut open, &mut blocks);
        } else if is_border(bare) && !table {
            close(body, &mut open, &mut blocks);
        } else if item || table {
            if !matches!(open, Some((Kind::Whole, _))) {
                close(body, &mut open, &mut blocks);
            }
            extend(&mut open, at);
            open.get_or_insert((Kind::Whole, start..at));
        } else {
            let continues = open.is_some() && (!after_blank || (indented && !text));
            if !continues {
                close(body, &mut open, &mut blocks);
            }
            extend(&mut open, at);
            open.get_or_insert((Kind::Text, start..at));
        }
    }
    close(body, &mut open, &mut blocks);
    blocks
}

/// A paragraph of one line with `===` or `---` under it is a heading.
fn underlined(
    body: &str,
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
        close(body, open, blocks);
        return;
    }
    let level = if border.starts_with('=') { 1 } else { 2 };
    blocks.push(Block {
        words: count(title),
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

fn close(body: &str, open: &mut Option<(Kind, Range<usize>)>, blocks: &mut Vec<Block>) {
    if let Some((kind, range)) = open.take() {
        let words = count(body.get(range.clone()).unwrap_or_default());
        blocks.push(Block { kind, range, words });
    }
}

fn count(text: &str) -> usize {
    text.split_whitespace().count()
}

fn slug(headings: &[String]) -> String {
    let mut slug = String::new();
    for heading in headings {
        if !slug.is_empty() {
            slug.push('/');
        }
        let words: Vec<String> = heading
            .to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        slug.push_str(&words.join("-"));
    }
    slug
}

#[cfg(test)]
#[path = "chunk_tests.rs"]
mod tests;
