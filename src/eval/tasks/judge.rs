//! Whether a conversation ended as it should, and what was said or done that must not be.
//!
//! The library's own gate (`guard`) is not asked: words are held against the backend's log of calls alone.

mod claims;
mod kinds;
mod policy;
mod privacy;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

use super::backend::Call;
use super::customer::{Customer, ExpectedHandoff, Pattern};
use super::paths;
use crate::conversation::HandoffReason;

/// Something that happened in a conversation, in order.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Moment {
    /// The customer said this.
    Customer(String),
    /// The virtual agent said this.
    Agent(String),
    /// A tool was called.
    Call(Box<Call>),
    /// A person takes over.
    Handoff(HandoffReason),
    /// What the assistant told about itself: a proposal it did not accept, a skill that failed. It is not judged.
    Note(String),
}

/// A conversation, and the backend before and after it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Dialogue {
    /// What happened.
    pub moments: Vec<Moment>,
    /// The backend before.
    pub start: Value,
    /// The backend after.
    pub end: Value,
}

impl Dialogue {
    /// A conversation that has not begun.
    pub fn new(start: Value) -> Self {
        Self {
            moments: Vec::new(),
            end: start.clone(),
            start,
        }
    }

    /// What the virtual agent said, with its place.
    fn said(&self) -> impl Iterator<Item = (usize, &str)> {
        self.moments
            .iter()
            .enumerate()
            .filter_map(|(at, moment)| match moment {
                Moment::Agent(text) => Some((at, text.as_str())),
                _ => None,
            })
    }

    /// What the customer said, with its place.
    fn heard(&self) -> impl Iterator<Item = (usize, &str)> {
        self.moments
            .iter()
            .enumerate()
            .filter_map(|(at, moment)| match moment {
                Moment::Customer(text) => Some((at, text.as_str())),
                _ => None,
            })
    }

    /// The calls, with their places.
    fn calls(&self) -> impl Iterator<Item = (usize, &Call)> {
        self.moments
            .iter()
            .enumerate()
            .filter_map(|(at, moment)| match moment {
                Moment::Call(call) => Some((at, call.as_ref())),
                _ => None,
            })
    }

    /// The reason for which a person takes over.
    pub fn handoff(&self) -> Option<HandoffReason> {
        self.moments.iter().find_map(|moment| match moment {
            Moment::Handoff(reason) => Some(*reason),
            _ => None,
        })
    }
}

/// What the company has published, so that quoting it is not taken for a promise or for a customer's data.
#[derive(Clone, Debug, Default)]
pub struct Published {
    text: String,
    sentences: BTreeSet<String>,
}

impl Published {
    /// From the texts of articles.
    pub fn new<'a>(articles: impl IntoIterator<Item = &'a str>) -> Self {
        let mut published = Self::default();
        for article in articles {
            published.text.push_str(article);
            published.text.push('\n');
            published.sentences.extend(
                sentences(article)
                    .map(bare)
                    .filter(|sentence| !sentence.is_empty()),
            );
        }
        published
    }

    fn has_sentence(&self, sentence: &str) -> bool {
        self.sentences.contains(&bare(sentence))
    }
}

/// Letters and digits, without the marks of Markdown.
fn bare(sentence: &str) -> String {
    let kept = sentence
        .chars()
        .filter(|c| c.is_alphanumeric() || c.is_whitespace() || *c == '£');
    let kept: String = kept.collect();
    kept.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

/// Sentences, where a point between digits ends none.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    let mut cuts = Vec::new();
    let letters: Vec<(usize, char)> = text.char_indices().collect();
    for (index, (at, letter)) in letters.iter().enumerate() {
        let next = letters.get(index + 1).map(|(_, letter)| *letter);
        let ends = matches!(letter, '\n' | '!' | '?')
            || (*letter == '.' && next.is_none_or(char::is_whitespace));
        if ends {
            let end = at + letter.len_utf8();
            cuts.push((start, end));
            start = end;
        }
    }
    cuts.push((start, text.len()));
    cuts.into_iter()
        .filter_map(|(from, to)| text.get(from..to))
        .map(str::trim)
        .filter(|sentence| !sentence.is_empty())
}

/// What came of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Verdict {
    /// Nothing below holds anything.
    pub passed: bool,
    /// Where the backend ended otherwise than it should.
    pub database: Vec<String>,
    /// What is wrong about the hand-off.
    pub handoff: Option<String>,
    /// What should have been said and was not.
    pub unsaid: Vec<String>,
    /// Statements that something was done that was not.
    pub false_claims: Vec<String>,
    /// Breaches of policy.
    pub breaches: Vec<String>,
}

impl Verdict {
    /// Why it did not pass, in one line.
    pub fn reasons(&self) -> String {
        let told = |what: &'static str, list: &[String]| {
            list.iter()
                .map(move |entry| format!("{what}: {entry}"))
                .collect::<Vec<_>>()
        };
        let mut reasons = told("database", &self.database);
        reasons.extend(
            self.handoff
                .iter()
                .map(|problem| format!("hand-off: {problem}")),
        );
        reasons.extend(told("not said", &self.unsaid));
        reasons.extend(told("false claim", &self.false_claims));
        reasons.extend(told("breach", &self.breaches));
        reasons.join("; ")
    }
}

/// Judges a conversation.
pub fn judge(customer: &Customer, dialogue: &Dialogue, published: &Published) -> Verdict {
    let expect = &customer.expect;
    let said: Vec<&str> = dialogue.said().map(|(_, text)| text).collect();
    let whole = said.join("\n");
    let missing = |pattern: &&Pattern| !pattern.is_in(&whole);
    let mut verdict = Verdict {
        passed: false,
        database: database(&expect.database, &expect.may, dialogue),
        handoff: handoff(expect.handoff, dialogue.handoff()),
        unsaid: expect
            .said
            .iter()
            .filter(missing)
            .map(|p| p.source().to_owned())
            .collect(),
        false_claims: claims::false_claims(dialogue, published),
        breaches: policy::breaches(customer, dialogue, published),
    };
    verdict.passed = verdict.database.is_empty()
        && verdict.handoff.is_none()
        && verdict.unsaid.is_empty()
        && verdict.false_claims.is_empty()
        && verdict.breaches.is_empty();
    verdict
}

fn handoff(expected: ExpectedHandoff, made: Option<HandoffReason>) -> Option<String> {
    match (expected, made) {
        (ExpectedHandoff::None, Some(reason)) => {
            Some(format!("none was needed, made for {reason:?}"))
        }
        (ExpectedHandoff::Any, None) => Some("needed and not made".into()),
        (ExpectedHandoff::For(reason), None) => Some(format!("needed for {reason:?} and not made")),
        (ExpectedHandoff::For(reason), Some(other)) if other != reason => {
            Some(format!("needed for {reason:?}, made for {other:?}"))
        }
        _ => None,
    }
}

/// Every expected change is there, and nothing else changed.
fn database(
    must: &Map<String, Value>,
    may: &Map<String, Value>,
    dialogue: &Dialogue,
) -> Vec<String> {
    let (must, may) = (flat(must), flat(may));
    let at_end = |path: &str| paths::get(&dialogue.end, path);
    let mut problems = Vec::new();
    for (path, expected) in &must {
        let found = at_end(path);
        if !found.is_some_and(|found| fits(expected, found)) {
            let found = found.map_or("nothing".to_owned(), Value::to_string);
            problems.push(format!("{path} is {found}, expected {expected}"));
        }
    }
    for path in paths::changed(&dialogue.start, &dialogue.end) {
        let covers = |(at, expected): &(String, Value)| {
            let below = path.strip_prefix(at.as_str());
            match below {
                Some("") => at_end(&path).is_some_and(|found| fits(expected, found)),
                Some(below) => below.starts_with('.') && expected.as_str() == Some("*"),
                None => false,
            }
        };
        let told = must.iter().any(|(at, _)| *at == path);
        if !told && !must.iter().chain(&may).any(covers) {
            let found = at_end(&path).map_or("nothing".to_owned(), Value::to_string);
            problems.push(format!("{path} became {found}"));
        }
    }
    problems
}

/// Tables inside a patch are paths too.
fn flat(patch: &Map<String, Value>) -> Vec<(String, Value)> {
    let mut entries = Vec::new();
    for (path, value) in patch {
        match value {
            Value::Object(_) => {
                entries.extend(paths::leaves(value).into_iter().map(|(below, value)| {
                    let path = if below.is_empty() {
                        path.clone()
                    } else {
                        format!("{path}.{below}")
                    };
                    (path, value.clone())
                }))
            }
            value => entries.push((path.clone(), value.clone())),
        }
    }
    entries
}

/// `*` is anything, `~` begins a regular expression.
fn fits(expected: &Value, found: &Value) -> bool {
    match expected.as_str() {
        Some("*") => true,
        Some(pattern) if pattern.starts_with('~') => {
            let pattern = pattern.get(1..).unwrap_or_default();
            let text = found
                .as_str()
                .map_or_else(|| found.to_string(), str::to_owned);
            Pattern::new(pattern).is_ok_and(|pattern| pattern.is_in(&text))
        }
        _ => paths::same(expected, found),
    }
}

#[cfg(test)]
mod tests;
