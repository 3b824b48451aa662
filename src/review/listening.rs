//! What an agent does as a listener, after the behaviour counts of the Motivational Interviewing Treatment Integrity code.
//!
//! Moyers, Manuel and Ernst (2014), *Motivational Interviewing Treatment Integrity Coding Manual 4.2.1*. Human coders
//! hear the tone and judge the meaning; rules over English words give an indication, no coding that could be published.
//! MITI 4 counts all questions alike; open and closed ones are told apart here as in its third edition.

mod cues;
mod lexicon;
mod rules;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::reviewer::closest;
use crate::conversation::{Conversation, Role, UtteranceId};
use crate::embedding::{Embedder, TextKind};
use crate::error::Result;

/// How like an example a sentence must be where the rules are silent (cosine), and how much more than an example of
/// nothing.
const LIKE: f32 = 0.6;
const MARGIN: f32 = 0.08;

/// What a sentence of an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListeningCode {
    /// Says again what the customer said, with little or no meaning added.
    SimpleReflection,
    /// Says what the customer means or feels and did not say so.
    ComplexReflection,
    /// A question that leaves room for an answer of one's own.
    OpenQuestion,
    /// A question that is answered by yes, no or a detail.
    ClosedQuestion,
    /// Names something good about the customer: strength, effort, intention.
    Affirmation,
}

impl ListeningCode {
    /// Whether it is a reflection, simple or complex.
    pub fn is_reflection(self) -> bool {
        matches!(self, Self::SimpleReflection | Self::ComplexReflection)
    }

    /// Whether it is a question, open or closed.
    pub fn is_question(self) -> bool {
        matches!(self, Self::OpenQuestion | Self::ClosedQuestion)
    }
}

/// What one utterance of an agent does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodedUtterance {
    /// Which utterance.
    pub utterance: UtteranceId,
    /// What it does: at most one kind of reflection, one kind of question, one affirmation. A complex reflection
    /// outweighs a simple one, an open question a closed one.
    pub codes: Vec<ListeningCode>,
}

/// Counts and ratios of one conversation, with the utterances that they come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListeningReport {
    /// Utterances of agents, coded or not.
    pub agent_utterances: usize,
    /// Simple reflections.
    pub simple_reflections: usize,
    /// Complex reflections.
    pub complex_reflections: usize,
    /// Open questions.
    pub open_questions: usize,
    /// Closed questions.
    pub closed_questions: usize,
    /// Affirmations.
    pub affirmations: usize,
    /// Reflections for one question; `None` without a question.
    pub reflection_to_question: Option<f32>,
    /// Share of complex reflections among all, 0 to 1; `None` without a reflection.
    pub complex_share: Option<f32>,
    /// Share of open questions among all, 0 to 1; `None` without a question.
    pub open_share: Option<f32>,
    /// The utterances that do something of this.
    pub utterances: Vec<CodedUtterance>,
}

impl ListeningReport {
    /// All reflections.
    pub fn reflections(&self) -> usize {
        self.simple_reflections + self.complex_reflections
    }

    /// All questions.
    pub fn questions(&self) -> usize {
        self.open_questions + self.closed_questions
    }

    fn of(agent_utterances: usize, utterances: Vec<CodedUtterance>) -> Self {
        let count = |code: ListeningCode| {
            let with = utterances.iter().filter(|u| u.codes.contains(&code));
            with.count()
        };
        let mut report = Self {
            agent_utterances,
            simple_reflections: count(ListeningCode::SimpleReflection),
            complex_reflections: count(ListeningCode::ComplexReflection),
            open_questions: count(ListeningCode::OpenQuestion),
            closed_questions: count(ListeningCode::ClosedQuestion),
            affirmations: count(ListeningCode::Affirmation),
            ..Self::default()
        };
        let share = |part: usize, whole: usize| (whole > 0).then(|| part as f32 / whole as f32);
        report.reflection_to_question = share(report.reflections(), report.questions());
        report.complex_share = share(report.complex_reflections, report.reflections());
        report.open_share = share(report.open_questions, report.questions());
        report.utterances = utterances;
        report
    }
}

/// Codes a conversation by rules alone. English; other languages get no codes.
pub fn code_listening(conversation: &Conversation) -> ListeningReport {
    let units = units(conversation);
    let codes = units
        .iter()
        .map(|unit| rules::code(&unit.text, &unit.before));
    gather(conversation, &units, codes.collect())
}

/// Codes by rules and, where they are silent and an embedder is given, by likeness to examples.
#[derive(Clone, Debug)]
pub struct ListeningCoder {
    embedder: Option<Arc<dyn Embedder>>,
}

impl ListeningCoder {
    /// By rules alone.
    pub fn rules() -> Self {
        Self { embedder: None }
    }

    /// By rules, then by likeness to the built-in examples. They are embedded with every conversation, so the embedder
    /// had better remember (`CachedEmbedder`).
    pub fn with_embedder(embedder: Arc<dyn Embedder>) -> Self {
        Self {
            embedder: Some(embedder),
        }
    }

    /// Codes a conversation.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn code(&self, conversation: &Conversation) -> Result<ListeningReport> {
        let units = units(conversation);
        let mut codes: Vec<Option<ListeningCode>> = units
            .iter()
            .map(|unit| rules::code(&unit.text, &unit.before))
            .collect();
        if let Some(embedder) = &self.embedder {
            fill(embedder.as_ref(), &units, &mut codes).await?;
        }
        Ok(gather(conversation, &units, codes))
    }
}

/// Codes by likeness what has no code.
async fn fill(
    embedder: &dyn Embedder,
    units: &[Unit],
    codes: &mut [Option<ListeningCode>],
) -> Result<()> {
    let silent = units
        .iter()
        .zip(codes.iter_mut())
        .filter(|(unit, code)| code.is_none() && rules::may_be_coded(&unit.text));
    let (texts, slots): (Vec<String>, Vec<&mut Option<ListeningCode>>) =
        silent.map(|(unit, code)| (unit.text.clone(), code)).unzip();
    if texts.is_empty() {
        return Ok(());
    }
    let owned = |texts: &[&str]| -> Vec<String> { texts.iter().map(|&t| t.to_owned()).collect() };
    let others = embedder
        .embed(&owned(lexicon::OTHERS), TextKind::Query)
        .await?;
    let mut examples = Vec::new();
    for (code, texts) in lexicon::EXAMPLES {
        examples.push((*code, embedder.embed(&owned(texts), TextKind::Query).await?));
    }
    let vectors = embedder.embed(&texts, TextKind::Query).await?;
    for (slot, vector) in slots.into_iter().zip(vectors) {
        let none = closest(&vector, &others);
        let likenesses = examples
            .iter()
            .map(|(code, of)| (*code, closest(&vector, of)));
        let best = likenesses.max_by(|a, b| a.1.total_cmp(&b.1));
        *slot = best
            .filter(|(_, like)| *like >= LIKE && *like >= none + MARGIN)
            .map(|(code, _)| code);
    }
    Ok(())
}

/// A sentence of an agent, and what the customer said just before.
struct Unit {
    utterance: UtteranceId,
    text: String,
    before: Arc<str>,
}

fn units(conversation: &Conversation) -> Vec<Unit> {
    let mut units = Vec::new();
    let english = conversation.language.is_empty()
        || conversation.language.to_ascii_lowercase().starts_with("en");
    if !english {
        return units;
    }
    let mut before: Arc<str> = "".into();
    let mut last = Role::Unknown;
    for said in conversation.transcript.utterances() {
        match said.role {
            _ if said.back_channel => continue,
            Role::EndUser if last == Role::EndUser => {
                before = format!("{before} {}", said.text).into();
            }
            Role::EndUser => before = said.text.as_str().into(),
            Role::HumanAgent | Role::AutomatedAgent => {
                units.extend(sentences(&said.text).map(|text| Unit {
                    utterance: said.id,
                    text: text.to_owned(),
                    before: before.clone(),
                }));
            }
            Role::Unknown => {}
        }
        last = said.role;
    }
    units
}

/// The sentences of a text; at least one where there are words. A point within a number ends none.
pub(super) fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut ends = rest.char_indices().filter(|(at, c)| {
            let next = rest.get(at + c.len_utf8()..).and_then(|r| r.chars().next());
            *c == '\n' || (matches!(c, '.' | '!' | '?') && next.is_none_or(char::is_whitespace))
        });
        let end = ends.next().map_or(rest.len(), |(at, c)| at + c.len_utf8());
        let (sentence, after) = rest.split_at_checked(end)?;
        rest = after;
        (!sentence.is_empty()).then_some(sentence)
    })
    .map(str::trim)
    .filter(|s| s.chars().any(char::is_alphanumeric))
}

fn gather(
    conversation: &Conversation,
    units: &[Unit],
    codes: Vec<Option<ListeningCode>>,
) -> ListeningReport {
    let said = conversation.transcript.utterances().iter();
    let agents = said
        .filter(|u| matches!(u.role, Role::HumanAgent | Role::AutomatedAgent) && !u.back_channel);
    let mut coded: Vec<CodedUtterance> = Vec::new();
    for (unit, code) in units.iter().zip(codes) {
        let Some(code) = code else { continue };
        match coded.last_mut() {
            Some(last) if last.utterance == unit.utterance => last.codes.push(code),
            _ => coded.push(CodedUtterance {
                utterance: unit.utterance,
                codes: vec![code],
            }),
        }
    }
    for utterance in &mut coded {
        let codes = &mut utterance.codes;
        codes.sort();
        codes.dedup();
        if codes.contains(&ListeningCode::ComplexReflection) {
            codes.retain(|&code| code != ListeningCode::SimpleReflection);
        }
        if codes.contains(&ListeningCode::OpenQuestion) {
            codes.retain(|&code| code != ListeningCode::ClosedQuestion);
        }
    }
    ListeningReport::of(agents.count(), coded)
}

#[cfg(test)]
mod tests;
