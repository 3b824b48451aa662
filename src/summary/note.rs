//! The judgement part of the note, asked in one question about the shared prefix.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::evidence::evidence;
use super::facts::find_facts;
use super::support::{Support, SupportChecker};
use super::wrap_up::WrapUpChooser;
use crate::conversation::{Conversation, Role, SectionKind, Summary, SummarySection, Withheld};
use crate::embedding::Embedder;
use crate::error::{Error, ErrorKind, Result};
use crate::llm::{LanguageModel, LanguageModelExt, Prefix, Structured};
use crate::prompt::{Prompts, Template};

/// Four short sentences.
const MAX_TOKENS: usize = 300;
/// Characters of a section.
const LONGEST_SECTION: usize = 220;
/// Bytes of a transcript that the model surely reads in whole. Of a longer one the oldest lines may not
/// reach it, so the note so far is told again; otherwise that would only invite it to copy.
const WHOLE_TRANSCRIPT: usize = 8_000;

/// What kind of note is wanted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SummaryOptions {
    /// Language of the note (name or BCP 47 tag); the conversation's where `None`.
    pub language: Option<String>,
    /// The note so far; a note that covers everything already is returned as it is.
    pub previous: Option<Summary>,
    /// Whether the conversation is over. Only then is a wrap-up code chosen.
    pub is_final: bool,
}

impl Default for SummaryOptions {
    fn default() -> Self {
        Self {
            language: None,
            previous: None,
            is_final: true,
        }
    }
}

impl SummaryOptions {
    /// A note in the middle of the conversation, going on from `previous`.
    pub fn interim(previous: Option<Summary>) -> Self {
        Self {
            language: None,
            previous,
            is_final: false,
        }
    }

    /// Goes on from an earlier note.
    #[must_use]
    pub fn with_previous(mut self, previous: Option<Summary>) -> Self {
        self.previous = previous;
        self
    }

    /// Writes the note in this language.
    #[must_use]
    pub fn with_language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }
}

/// Writes notes.
#[derive(Clone, Debug)]
pub struct Summarizer {
    model: Arc<dyn LanguageModel>,
    embedder: Arc<dyn Embedder>,
    prompts: Arc<Prompts>,
    wrap_up: WrapUpChooser,
    checker: SupportChecker,
}

#[derive(Serialize)]
struct SummaryPrompt<'a> {
    previous: Option<Vec<Section<'a>>>,
    covers: usize,
    r#final: bool,
    language: &'a str,
}

#[derive(Serialize)]
struct Section<'a> {
    name: &'static str,
    text: &'a str,
}

impl Template for SummaryPrompt<'_> {
    const NAME: &'static str = "summary";
    const SOURCE: &'static str = include_str!("../../prompts/summary.jinja");
}

/// The sections the model judges, with the key it answers under. How it ended and how the customer felt
/// is only asked when it is over: before, a small model guesses.
const JUDGED: [(SectionKind, &str); 4] = [
    (SectionKind::Situation, "situation"),
    (SectionKind::Action, "action"),
    (SectionKind::Resolution, "resolution"),
    (SectionKind::CustomerSatisfaction, "satisfaction"),
];

impl Summarizer {
    /// A writer of notes that end with one of the chooser's codes.
    pub fn new(
        model: Arc<dyn LanguageModel>,
        embedder: Arc<dyn Embedder>,
        prompts: Arc<Prompts>,
        wrap_up: WrapUpChooser,
    ) -> Self {
        Self {
            checker: SupportChecker::new(model.clone(), prompts.clone()),
            model,
            embedder,
            prompts,
            wrap_up,
        }
    }

    /// Writes the note about `conversation`, whose transcript `prefix` holds.
    ///
    /// # Errors
    /// [`ErrorKind::InsufficientContent`] if the customer said nothing yet; else as the language
    /// model and the embedder. An answer that is no note leaves the earlier sections as they were.
    pub async fn summarize(
        &self,
        conversation: &Conversation,
        prefix: &Prefix,
        options: &SummaryOptions,
    ) -> Result<Summary> {
        let transcript = &conversation.transcript;
        let customer_spoke = transcript
            .utterances()
            .iter()
            .any(|u| matches!(u.role, Role::EndUser | Role::Unknown) && !u.text.trim().is_empty());
        if !customer_spoke {
            return Err(Error::new(
                ErrorKind::InsufficientContent,
                "the customer has not said anything yet, so there is nothing to summarise",
            ));
        }
        let previous = options.previous.as_ref();
        // An interim note is no final one, even where nothing was said since.
        let complete = |p: &Summary| {
            let asked = sections_of(options.is_final);
            let is_there =
                |kind| p.section(kind).is_some() || p.withheld.iter().any(|w| w.kind == kind);
            p.covers == transcript.len() && asked.iter().all(|(kind, _)| is_there(*kind))
        };
        let unchanged = previous.filter(|p| complete(p));
        let mut withheld = previous.map_or(Vec::new(), |p| p.withheld.clone());
        let (mut sections, covers) = match unchanged {
            Some(previous) => (previous.sections.clone(), transcript.len()),
            None => match self.judge(conversation, prefix, options).await? {
                Some(judged) => {
                    withheld = judged.withheld;
                    (judged.sections, transcript.len())
                }
                // What was written before still stands, but covers no more than it did.
                None => previous.map_or((Vec::new(), 0), |p| (p.sections.clone(), p.covers)),
            },
        };
        let facts = find_facts(conversation);
        sections.retain(|section| section.kind != SectionKind::Entities);
        if !facts.is_empty() {
            let values: Vec<&str> = facts.iter().map(|fact| fact.value.as_str()).collect();
            sections.push(SummarySection {
                kind: SectionKind::Entities,
                text: values.join(", "),
                evidence: facts
                    .iter()
                    .flat_map(|fact| fact.evidence.clone())
                    .collect(),
            });
        }
        let wrap_up = match options.is_final {
            // A note without a code is better than none.
            true => self
                .wrap_up
                .choose(conversation, prefix)
                .await
                .unwrap_or_else(|error| {
                    tracing::warn!(%error, "no wrap-up code could be chosen");
                    None
                }),
            false => None,
        };
        Ok(Summary {
            sections,
            facts,
            covers,
            wrap_up,
            withheld,
        })
    }

    /// Whether the conversation supports a sentence about it.
    ///
    /// # Errors
    /// As the language model.
    pub async fn supports(
        &self,
        conversation: &Conversation,
        prefix: &Prefix,
        text: &str,
    ) -> Result<Support> {
        self.checker.check(conversation, prefix, text).await
    }

    async fn judge(
        &self,
        conversation: &Conversation,
        prefix: &Prefix,
        options: &SummaryOptions,
    ) -> Result<Option<Judged>> {
        let said = conversation.transcript.utterances();
        let is_long = said.iter().map(|u| u.text.len()).sum::<usize>() > WHOLE_TRANSCRIPT;
        let previous = options.previous.as_ref();
        let previous = previous.filter(|p| is_long && !p.sections.is_empty());
        let named = |section: &'_ SummarySection| {
            JUDGED
                .iter()
                .find(|(kind, _)| *kind == section.kind)
                .map(|j| j.1)
        };
        let task = self.prompts.render(&SummaryPrompt {
            previous: previous.map(|p| {
                let sections = p.sections.iter();
                sections
                    .filter_map(|s| {
                        named(s).map(|name| Section {
                            name,
                            text: &s.text,
                        })
                    })
                    .collect()
            }),
            covers: previous.map_or(0, |p| p.covers),
            r#final: options.is_final,
            language: options
                .language
                .as_deref()
                .unwrap_or(&conversation.language),
        })?;
        let asked = sections_of(options.is_final);
        let answer = self
            .model
            .complete_json::<HashMap<String, String>>(prefix.ask(task), schema(asked), MAX_TOKENS)
            .await?;
        let mut answer = match answer {
            Structured::Valid(answer) => answer,
            Structured::Rejected { reason, .. } => {
                tracing::warn!(
                    model = self.model.id(),
                    reason,
                    "the model's note was rejected"
                );
                return Ok(None);
            }
        };
        let mut judged = Judged::default();
        for (kind, key) in asked {
            let (kind, text) = (*kind, answer.remove(*key).unwrap_or_default());
            let text = finished(text.trim());
            // "Unknown" is what the model is to say where nothing was shown.
            if text.is_empty() || text.to_lowercase().starts_with("unknown") {
                continue;
            }
            let support = self.supports(conversation, prefix, &text).await?;
            if !support.is_supported() {
                let reason = support.objection.unwrap_or_default();
                judged.withheld.push(Withheld { kind, text, reason });
                continue;
            }
            let evidence = evidence(self.embedder.as_ref(), conversation, kind, &text).await?;
            judged.sections.push(SummarySection {
                kind,
                text,
                evidence,
            });
        }
        Ok(Some(judged))
    }
}

/// What the model wrote.
#[derive(Default)]
struct Judged {
    sections: Vec<SummarySection>,
    withheld: Vec<Withheld>,
}

/// A text that was cut at its limit ends where its last whole sentence or clause does.
fn finished(text: &str) -> String {
    if text.ends_with(['.', '!', '?', '…']) || text.chars().count() < LONGEST_SECTION - 8 {
        return text.to_owned();
    }
    let whole = text.rfind(['.', '!', '?']).map(|end| end + 1);
    match whole.or_else(|| text.rfind([',', ';'])) {
        Some(end) => {
            let kept = text.get(..end).unwrap_or(text);
            format!("{}.", kept.trim_end_matches(['.', ' ']))
        }
        None => format!("{text}…"),
    }
}

/// What the model is asked for.
fn sections_of(is_final: bool) -> &'static [(SectionKind, &'static str)] {
    if is_final { &JUDGED } else { &JUDGED[..2] }
}

fn schema(asked: &[(SectionKind, &str)]) -> Value {
    let keys: Vec<&str> = asked.iter().map(|(_, key)| *key).collect();
    let text = json!({ "type": "string", "maxLength": LONGEST_SECTION });
    let properties: serde_json::Map<String, Value> = keys
        .iter()
        .map(|key| ((*key).to_owned(), text.clone()))
        .collect();
    json!({ "type": "object", "properties": properties, "required": keys, "additionalProperties": false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Channel, Evidence, UtteranceId};
    use crate::embedding::HashingEmbedder;
    use crate::llm::ScriptedModel;

    fn summarizer(answers: &[&str]) -> (Summarizer, ScriptedModel) {
        let model = ScriptedModel::new(answers.iter().copied());
        let shared: Arc<dyn LanguageModel> = Arc::new(model.clone());
        let chooser = WrapUpChooser::new(shared.clone(), Arc::default(), Arc::from([]));
        let embedder = Arc::new(HashingEmbedder::default());
        let summarizer = Summarizer::new(shared, embedder, Arc::default(), chooser);
        (summarizer, model)
    }

    fn call() -> Conversation {
        let mut call = Conversation::new("acme", Channel::Chat);
        call.say(Role::EndUser, "I paid $20 twice.");
        call.say(Role::HumanAgent, "I am sorry.");
        call
    }

    const NOTE: &str = r#"{"situation":"The customer paid twice.","action":"Was sorry.","resolution":"Open.","satisfaction":""}"#;

    #[tokio::test]
    async fn sections_carry_the_lines_that_prove_them_and_facts_come_from_code() {
        let (summarizer, _) = summarizer(&[NOTE]);
        let note = summarizer
            .summarize(&call(), &Prefix::new("s"), &SummaryOptions::default())
            .await
            .unwrap();
        assert_eq!(
            note.section(SectionKind::Situation),
            Some("The customer paid twice.")
        );
        assert_eq!(
            note.sections[0].evidence,
            [Evidence::Utterance(UtteranceId(1))]
        );
        assert_eq!(
            note.sections[1].evidence,
            [Evidence::Utterance(UtteranceId(2))]
        );
        assert_eq!(note.section(SectionKind::Entities), Some("$20"));
        assert_eq!(note.section(SectionKind::CustomerSatisfaction), None);
        assert_eq!(note.covers, 2);
    }

    #[tokio::test]
    async fn a_note_that_is_up_to_date_asks_nothing_and_a_bad_answer_keeps_the_old_one() {
        let (summarizer, model) = summarizer(&[NOTE, "no json"]);
        let mut call = call();
        let prefix = Prefix::new("s");
        let first = summarizer
            .summarize(&call, &prefix, &SummaryOptions::interim(None))
            .await
            .unwrap();
        let again = SummaryOptions::interim(Some(first.clone()));
        assert_eq!(
            summarizer.summarize(&call, &prefix, &again).await.unwrap(),
            first
        );
        assert_eq!(model.asked().len(), 1);
        call.say(Role::EndUser, "And $30 more.");
        let second = summarizer.summarize(&call, &prefix, &again).await.unwrap();
        assert_eq!(
            second.section(SectionKind::Situation),
            Some("The customer paid twice.")
        );
        assert_eq!(second.section(SectionKind::Entities), Some("$20, $30"));
        insta::assert_snapshot!("interim_summary_prompt", model.asked()[1].task());
    }

    #[tokio::test]
    async fn only_a_long_transcript_brings_the_note_so_far_along() {
        let (summarizer, model) = summarizer(&[NOTE, NOTE, NOTE]);
        let mut call = call();
        let prefix = Prefix::new("s");
        let first = summarizer
            .summarize(&call, &prefix, &SummaryOptions::interim(None))
            .await
            .unwrap();
        let last = SummaryOptions::default().with_previous(Some(first));
        let told = "- situation: The customer paid twice.";
        call.say(Role::EndUser, "And $30 more.");
        summarizer.summarize(&call, &prefix, &last).await.unwrap();
        assert!(!model.asked()[1].task().contains(told));
        call.say(Role::HumanAgent, "One moment, please. ".repeat(500));
        summarizer.summarize(&call, &prefix, &last).await.unwrap();
        assert!(model.asked()[2].task().contains(told));
        insta::assert_snapshot!("summary_prompt", model.asked()[2].task());
    }

    #[test]
    fn a_text_cut_at_its_limit_ends_with_a_whole_clause() {
        let long = format!("The customer asks for {}", "a very new router ".repeat(12));
        let cut: String = format!("{long}, and wants").chars().take(220).collect();
        assert!(finished(&cut).ends_with('…') || finished(&cut).ends_with('.'));
        let clause = format!(
            "{}, and the",
            "The customer waits for the new router ".repeat(5)
        );
        let clause = format!(
            "{clause}{}",
            "n".repeat(220 - clause.chars().count().min(220))
        );
        assert!(
            finished(&clause).ends_with("router."),
            "{}",
            finished(&clause)
        );
        assert_eq!(finished("Short and open"), "Short and open");
    }

    #[tokio::test]
    async fn silence_cannot_be_summarised() {
        let (summarizer, _) = summarizer(&[]);
        let empty = Conversation::new("acme", Channel::Voice);
        let error = summarizer
            .summarize(&empty, &Prefix::new("s"), &SummaryOptions::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InsufficientContent);
    }
}
