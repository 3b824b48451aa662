//! Articles to passages, along their structure.
//!
//! An article that fits into one passage stays whole; otherwise it is divided at its headings, then
//! between its blocks. A list or a table stays whole, with the sentence that introduces it, as long as the
//! embedder reads it to its end. The headings above a passage are kept beside it as context.

mod blocks;
mod cut;
mod struck;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use uuid::Uuid;

use super::{KnowledgeArticle, Passage};
use crate::conversation::PassageId;
use crate::embedding::Embedder;

/// Part of every content hash: raise it when passages or vectors of the same text change.
const VERSION: &str = "passages-2";

/// A list or table longer than this many passages is divided after all.
const OVERLONG: usize = 2;

/// Characters of a title or heading that passages keep: each has a copy of it.
const LONGEST_TITLE: usize = 200;

/// Tokens of a text.
type Count<'a> = &'a dyn Fn(&str) -> usize;

/// How long passages are, in tokens, with title and headings.
#[derive(Clone, Copy)]
pub(crate) struct Budget<'a> {
    tokens: usize,
    /// What a list or a table may have.
    most: usize,
    count: Count<'a>,
}

impl<'a> Budget<'a> {
    /// Passages of at most `tokens` tokens; lists and tables may be longer as long as they fit into the
    /// embedder's `window`.
    pub(crate) fn new(tokens: usize, window: Option<usize>, count: Count<'a>) -> Self {
        let window = window.unwrap_or(usize::MAX).max(1);
        let tokens = tokens.clamp(1, window);
        Self {
            tokens,
            most: tokens.saturating_mul(OVERLONG).min(window),
            count,
        }
    }

    /// What is left for the text under a title and headings. A quarter always is, however long those are.
    fn under(self, title: &str, headings: &[String]) -> Self {
        let above = (self.count)(&context(title, headings));
        let left = |all: usize| all.saturating_sub(above).max(all / 4).max(1);
        Self {
            tokens: left(self.tokens),
            most: left(self.most),
            count: self.count,
        }
    }
}

/// The passages of an article for `embedder`, of at most `tokens` tokens.
pub(crate) fn passages_for(
    article: &KnowledgeArticle,
    tokens: usize,
    embedder: &dyn Embedder,
) -> Vec<Passage> {
    let count = |text: &str| embedder.count_tokens(text);
    // No window bounds whoever asks for whole articles.
    let window = embedder.window().filter(|_| tokens < usize::MAX);
    passages(article, Budget::new(tokens, window, &count))
}

/// The passages of an article.
pub(crate) fn passages(article: &KnowledgeArticle, budget: Budget<'_>) -> Vec<Passage> {
    let article = &*prepared(article);
    let mut ordinals: HashMap<String, usize> = HashMap::new();
    let mut taken: HashSet<String> = HashSet::new();
    cut::pieces(article, budget)
        .into_iter()
        .filter_map(|piece| {
            let mut headings = piece.headings;
            let mut text = article.body.get(piece.range)?.trim().to_owned();
            if !text.chars().any(char::is_alphanumeric) {
                return None;
            }
            if let Some(lead) = piece.lead.and_then(|lead| article.body.get(lead)) {
                text = format!("{}\n{text}", lead.trim());
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
            let mut id = match (slug.is_empty(), *ordinal) {
                (true, n) => format!("{}#{n}", article.id),
                (false, 1) => format!("{}#{slug}", article.id),
                (false, n) => format!("{}#{slug}.{n}", article.id),
            };
            // A heading "1" has the id of the text before all headings. No heading's words have this mark.
            while !taken.insert(id.clone()) {
                id.push('~');
            }
            Some(passage(article, id.into(), headings, text))
        })
        .collect()
}

/// An article without what is struck out in it, and with a title that each passage can have.
fn prepared(article: &KnowledgeArticle) -> Cow<'_, KnowledgeArticle> {
    let body = struck::unstruck(&article.body);
    let title = short(&article.title);
    if title == article.title && matches!(body, Cow::Borrowed(_)) {
        return Cow::Borrowed(article);
    }
    Cow::Owned(KnowledgeArticle {
        title: title.to_owned(),
        body: body.into_owned(),
        ..article.clone()
    })
}

/// The beginning of a title.
fn short(title: &str) -> &str {
    let end = title.char_indices().nth(LONGEST_TITLE);
    end.and_then(|(end, _)| title.get(..end)).unwrap_or(title)
}

/// The article that a passage with this id is from.
pub(crate) fn article_of(passage: &str) -> &str {
    // An article's id may have the mark too, what follows it here never has.
    passage
        .rsplit_once('#')
        .map_or(passage, |(article, _)| article)
}

/// What is embedded and searched: title and headings in front of the text.
pub(crate) fn searchable(passage: &Passage) -> String {
    let mut text = context(&passage.title, &passage.headings);
    text.push_str(&passage.text);
    text
}

/// The line above a text that says what it is about.
fn context(title: &str, headings: &[String]) -> String {
    let mut line = title.to_owned();
    for heading in headings {
        line.push_str(" > ");
        line.push_str(heading);
    }
    line.push('\n');
    line
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
        products: article.products.clone(),
        text,
        content_hash: String::new(),
    };
    passage.content_hash = content_hash(&passage);
    passage
}

fn content_hash(passage: &Passage) -> String {
    // Debug output quotes and escapes, so that moving a word between fields changes the hash.
    let all = format!("{VERSION} {:?}", Hashed(passage));
    Uuid::new_v5(&Uuid::NAMESPACE_OID, all.as_bytes())
        .simple()
        .to_string()
}

/// What a content hash covers. Without products it is written as it was before there were any, so that no article is
/// indexed again for their sake.
struct Hashed<'a>(&'a Passage);

impl fmt::Debug for Hashed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Passage {
            id,
            article,
            title,
            headings,
            tenant,
            language,
            audience,
            valid_from,
            valid_to,
            products,
            text,
            content_hash,
        } = self.0;
        let mut written = f.debug_struct("Passage");
        written
            .field("id", id)
            .field("article", article)
            .field("title", title)
            .field("headings", headings)
            .field("tenant", tenant)
            .field("language", language)
            .field("audience", audience)
            .field("valid_from", valid_from)
            .field("valid_to", valid_to)
            .field("text", text)
            .field("content_hash", content_hash);
        if !products.is_empty() {
            written.field("products", products);
        }
        written.finish()
    }
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
mod tests;
