//! The data format: knowledge snippets of named things, and conversations with the snippets that answer them.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value};

use crate::conversation::Role;
use crate::error::{Error, ErrorKind, Result};
use crate::eval::lines::read_lines;
use crate::knowledge::{Audience, KnowledgeArticle, RecentTurns};

/// Whose articles they are.
pub(super) const TENANT: &str = "eval";

/// A conversation up to a turn of the customer, and what is known about this turn.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) turns: Vec<SaidTurn>,
    /// Whether the turn needs knowledge.
    pub(super) target: bool,
    /// Articles that answer it.
    pub(super) gold: HashSet<String>,
}

/// One turn with the recogniser's hypotheses, best first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SaidTurn {
    pub(super) customer: bool,
    pub(super) text: String,
    pub(super) hypotheses: Vec<String>,
}

impl Row {
    /// The turns as the knowledge base reads them; `all` gives it every hypothesis.
    pub(super) fn recent(&self, all: bool) -> RecentTurns {
        let mut turns = RecentTurns::new();
        for turn in &self.turns {
            let role = if turn.customer {
                Role::EndUser
            } else {
                Role::HumanAgent
            };
            if all && !turn.hypotheses.is_empty() {
                turns.say_any(role, turn.hypotheses.iter().cloned());
            } else {
                turns.say(role, turn.text.clone());
            }
        }
        turns
    }

    /// What the customer said last.
    pub(super) fn last(&self) -> &str {
        self.turns.last().map_or("", |turn| turn.text.as_str())
    }

    /// Tells dialogues apart: a hash of how they begin.
    pub(super) fn fingerprint(&self) -> String {
        hash(self.turns.iter().take(2))
    }

    /// Conversations that begin alike are kept together when training data is split off: a hash of the first turn.
    pub(super) fn group(&self) -> String {
        hash(self.turns.iter().take(1))
    }
}

fn hash<'a>(turns: impl Iterator<Item = &'a SaidTurn>) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for turn in turns {
        let letters = turn.text.chars().filter(|letter| letter.is_alphanumeric());
        for letter in letters.flat_map(char::to_lowercase).chain(['|']) {
            hash = (hash ^ u64::from(u32::from(letter))).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

/// Reads `knowledge.jsonl.gz`: each snippet becomes an article of its own, titled with the name of what it is about.
///
/// Questions and answers (`faqs` with `question` and `answer`, or `docs` with `title` and `body`) have the question as
/// heading; of `reviews` each sentence is a snippet.
pub(super) fn articles(data: &Path) -> Result<Vec<KnowledgeArticle>> {
    let path = data.join("knowledge.jsonl.gz");
    let mut articles = Vec::new();
    for value in read_lines(&path)? {
        for (domain, entities) in fields(&value) {
            for (entity, about) in fields(entities) {
                snippets(domain, entity, about, &mut articles);
            }
        }
    }
    if articles.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{} holds no snippet", path.display()),
        ));
    }
    Ok(articles)
}

fn snippets(domain: &str, entity: &str, about: &Value, articles: &mut Vec<KnowledgeArticle>) {
    // What holds for a whole domain has no name.
    let name = string(about.get("name")).unwrap_or_else(|| domain.to_owned());
    for kind in ["faqs", "docs"] {
        for (document, faq) in about.get(kind).into_iter().flat_map(fields) {
            let field = |names: [&str; 2]| names.iter().find_map(|name| string(faq.get(*name)));
            let question = field(["question", "title"]).unwrap_or_default();
            let body = field(["answer", "body"]).unwrap_or_else(|| question.clone());
            let heading = match question.is_empty() {
                true => String::new(),
                false => format!("## {question}\n\n"),
            };
            let id = key(domain, entity, document, "");
            articles.push(article(id, &name, format!("{heading}{body}")));
        }
    }
    for (review, written) in about.get("reviews").into_iter().flat_map(fields) {
        for (sentence, text) in written.get("sentences").into_iter().flat_map(fields) {
            let id = key(domain, entity, &format!("review-{review}"), sentence);
            if let Some(text) = string(Some(text)) {
                articles.push(article(id, &name, text));
            }
        }
    }
}

fn article(id: String, name: &str, body: String) -> KnowledgeArticle {
    let mut article = KnowledgeArticle::new(id, name, TENANT, body);
    article.audience = Audience::Agent;
    article
}

fn key(domain: &str, entity: &str, document: &str, sentence: &str) -> String {
    format!("{domain}/{entity}/{document}/{sentence}")
}

/// Reads `val.jsonl.gz`.
pub(super) fn rows(data: &Path) -> Result<Vec<Row>> {
    let path = data.join("val.jsonl.gz");
    let rows: Vec<Row> = read_lines(&path)?.iter().filter_map(row).collect();
    if rows.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{} holds no conversation with a label", path.display()),
        ));
    }
    Ok(rows)
}

fn row(value: &Value) -> Option<Row> {
    let label = value.get("label")?;
    let turns: Vec<SaidTurn> = value
        .get("log")?
        .as_array()?
        .iter()
        .filter_map(turn)
        .collect();
    turns.last()?;
    let known = label.get("knowledge").and_then(Value::as_array);
    Some(Row {
        turns,
        target: label.get("target")?.as_bool()?,
        gold: known.into_iter().flatten().filter_map(gold).collect(),
    })
}

fn turn(value: &Value) -> Option<SaidTurn> {
    let hypotheses = value.get("nbest").and_then(Value::as_array);
    let hypotheses: Vec<String> = hypotheses
        .into_iter()
        .flatten()
        .filter_map(|hypothesis| string(hypothesis.get("hyp")).or_else(|| string(Some(hypothesis))))
        .collect();
    let text = string(value.get("text")).or_else(|| hypotheses.first().cloned())?;
    Some(SaidTurn {
        customer: value.get("speaker")?.as_str()? == "U",
        text,
        hypotheses,
    })
}

fn gold(value: &Value) -> Option<String> {
    let part = |name: &str| string(value.get(name));
    let document = part("doc_id")?;
    let document = match part("doc_type").as_deref() {
        Some("review") => format!("review-{document}"),
        _ => document,
    };
    let sentence = part("sent_id").unwrap_or_default();
    Some(key(
        &part("domain")?,
        &part("entity_id")?,
        &document,
        &sentence,
    ))
}

/// A text on one line, or a number as text.
fn string(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn fields(value: &Value) -> serde_json::map::Iter<'_> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NONE).iter()
}
