//! The judgement part of the note, asked in one question about the shared prefix.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::evidence::evidence;
use super::facts::find_facts;
use super::options::SummaryOptions;
use super::quoted::quoted;
use super::sections::{Asked, asked, finished, says_nothing, schema, shorten};
use super::support::{Support, SupportChecker};
use super::wrap_up::WrapUpChooser;
use crate::conversation::{Conversation, Role, SectionKind, Summary, SummarySection, Withheld};
use crate::embedding::Embedder;
use crate::error::{Error, ErrorKind, Result};
use crate::llm::{LanguageModel, LanguageModelExt, Prefix, Structured};
use crate::prompt::{Prompts, Template};

/// A handful of short sentences.
const MAX_TOKENS: usize = 400;
/// One of them.
const AGAIN_TOKENS: usize = 80;
/// Bytes of a transcript that the model surely reads in whole. Of a longer one the oldest lines may not
/// reach it, so the note so far is told again; otherwise that would only invite it to copy.
const WHOLE_TRANSCRIPT: usize = 8_000;

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
    sections: &'a [Asked<'a>],
}

#[derive(Serialize)]
struct Section<'a> {
    name: &'a str,
    text: &'a str,
}

impl Template for SummaryPrompt<'_> {
    const NAME: &'static str = "summary";
    const SOURCE: &'static str = include_str!("../../prompts/summary.jinja");
}

#[derive(Serialize)]
struct AgainPrompt<'a> {
    rejected: &'a str,
    language: &'a str,
    section: &'a Asked<'a>,
}

impl Template for AgainPrompt<'_> {
    const NAME: &'static str = "summary_again";
    const SOURCE: &'static str = include_str!("../../prompts/summary_again.jinja");
}

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
            wrap_up: wrap_up.with_embedder(embedder.clone()),
            model,
            embedder,
            prompts,
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
        let asked = asked(conversation, options.is_final, &options.sections);
        let complete = |p: &Summary| {
            p.covers == transcript.len()
                && asked.iter().all(|section| section.is_known_to(p))
                && options.is_still_met_by(p, conversation)
        };
        // What was written before still stands, but covers no more than it did.
        let mut note = previous.cloned().unwrap_or_default();
        if !previous.is_some_and(&complete)
            && let Some(judged) = self.judge(conversation, prefix, options, &asked).await?
        {
            note = Summary {
                sections: judged.sections,
                withheld: judged.withheld,
                covers: transcript.len(),
                language: Some(options.language_of(conversation).to_owned()),
                asked: asked.iter().map(|asked| asked.name.to_owned()).collect(),
                ..Summary::default()
            };
        }
        let facts = find_facts(conversation);
        note.sections
            .retain(|section| section.kind != SectionKind::Entities);
        // What there was no room for in the same note is not there again.
        let had = |p: &Summary| p.section(SectionKind::Entities).is_some();
        let is_cut = previous.is_some_and(|p| complete(p) && p.shortened_to.is_some() && !had(p));
        if !facts.is_empty() && !is_cut {
            let values: Vec<&str> = facts.iter().map(|fact| fact.value.as_str()).collect();
            note.sections.push(SummarySection {
                kind: SectionKind::Entities,
                name: None,
                text: values.join(", "),
                evidence: facts
                    .iter()
                    .flat_map(|fact| fact.evidence.clone())
                    .collect(),
            });
        }
        note.facts = facts;
        note.wrap_up = match options.is_final {
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
        if let Some(most) = options.max_chars {
            shorten(&mut note, most);
        }
        Ok(note)
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
        asked: &[Asked<'_>],
    ) -> Result<Option<Judged>> {
        let said = conversation.transcript.utterances();
        let is_long = said.iter().map(|u| u.text.len()).sum::<usize>() > WHOLE_TRANSCRIPT;
        let previous = options.previous.as_ref();
        let previous = previous.filter(|p| is_long && !p.sections.is_empty());
        let named = |section: &SummarySection| {
            let name = section.name.as_deref();
            let mut asked = asked.iter();
            asked
                .find(|asked| asked.is(section.kind, name))
                .map(|asked| asked.name)
        };
        let language = options.language_of(conversation);
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
            language,
            sections: asked,
        })?;
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
        for section in asked {
            let text = answer.remove(section.name).unwrap_or_default();
            let text = finished(text.trim());
            if says_nothing(&text) {
                continue;
            }
            let kind = section.kind;
            let support = self.supports(conversation, prefix, &text).await?;
            let written = match support.is_supported() {
                true => Again::Borne(text),
                false => {
                    let again = self.once_more(conversation, prefix, section, &text, language);
                    match again.await? {
                        Again::Borne(text) => Again::Borne(text),
                        other => {
                            judged.withheld.push(Withheld {
                                kind,
                                name: section.own_name(),
                                text,
                                reason: support.objection.unwrap_or_default(),
                            });
                            other
                        }
                    }
                }
            };
            let embedder = self.embedder.as_ref();
            let section_of = |text, evidence| SummarySection {
                kind,
                name: section.own_name(),
                text,
                evidence,
            };
            match written {
                Again::Borne(text) => {
                    let evidence = evidence(embedder, conversation, kind, &text).await?;
                    judged.sections.push(section_of(text, evidence));
                }
                // What the model cannot put in its own words is told in theirs.
                Again::Doubted(text) => {
                    let quoted = quoted(embedder, conversation, kind, &text, language).await?;
                    judged
                        .sections
                        .extend(quoted.map(|(text, evidence)| section_of(text, evidence)));
                }
                Again::Nothing => {}
            }
        }
        Ok(Some(judged))
    }

    /// A section once more, told what was wrong with it.
    async fn once_more(
        &self,
        conversation: &Conversation,
        prefix: &Prefix,
        section: &Asked<'_>,
        rejected: &str,
        language: &str,
    ) -> Result<Again> {
        let task = self.prompts.render(&AgainPrompt {
            rejected,
            language,
            section,
        })?;
        let schema = schema(std::slice::from_ref(section));
        let answer = self
            .model
            .complete_json::<HashMap<String, String>>(prefix.ask(task), schema, AGAIN_TOKENS)
            .await?;
        let Structured::Valid(mut answer) = answer else {
            return Ok(Again::Doubted(rejected.to_owned()));
        };
        let text = finished(answer.remove(section.name).unwrap_or_default().trim());
        if says_nothing(&text) {
            return Ok(Again::Nothing);
        }
        if text == rejected {
            return Ok(Again::Doubted(text));
        }
        let support = self.supports(conversation, prefix, &text).await?;
        Ok(match support.is_supported() {
            true => Again::Borne(text),
            false => Again::Doubted(text),
        })
    }
}

/// What became of a section that was written again.
enum Again {
    /// It is borne out now.
    Borne(String),
    /// It is not.
    Doubted(String),
    /// The model took it back.
    Nothing,
}

/// What the model wrote.
#[derive(Default)]
struct Judged {
    sections: Vec<SummarySection>,
    withheld: Vec<Withheld>,
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
    async fn a_note_in_another_language_is_written_anew() {
        let german = r#"{"situation":"Zweimal bezahlt.","action":"unbekannt","resolution":"","satisfaction":"Keine Angabe."}"#;
        let (summarizer, model) = summarizer(&[NOTE, german]);
        let (call, prefix) = (call(), Prefix::new("s"));
        let summarize = async |options: SummaryOptions| {
            let note = summarizer.summarize(&call, &prefix, &options).await;
            note.unwrap()
        };
        let english = summarize(SummaryOptions::default()).await;
        let wanted = SummaryOptions::default().with_language("de");
        let german = summarize(wanted.clone().with_previous(Some(english))).await;
        assert_eq!(
            german.section(SectionKind::Situation),
            Some("Zweimal bezahlt.")
        );
        assert_eq!(german.section(SectionKind::Action), None);
        assert_eq!(german.section(SectionKind::CustomerSatisfaction), None);
        assert_eq!(german.language.as_deref(), Some("de"));
        // Another region is no other language, and that there was nothing to say is known.
        let region = SummaryOptions::default().with_language("de-AT");
        let again = summarize(region.with_previous(Some(german.clone()))).await;
        assert_eq!(again, german);
        assert_eq!(model.asked().len(), 2);
    }

    #[tokio::test]
    async fn what_there_was_no_room_for_is_asked_again_only_where_there_is_room_now() {
        let (summarizer, model) = summarizer(&[NOTE, NOTE]);
        let (call, prefix) = (call(), Prefix::new("s"));
        let summarize = async |most: usize, previous: Option<Summary>| {
            let options = SummaryOptions::default().with_max_chars(most);
            let options = options.with_previous(previous);
            let note = summarizer.summarize(&call, &prefix, &options).await;
            note.unwrap()
        };
        let short = summarize(30, None).await;
        assert_eq!(short.brief(), "The customer paid twice.");
        let again = summarize(30, Some(short.clone())).await;
        assert_eq!(again, short);
        assert_eq!(model.asked().len(), 1);
        let long = summarize(300, Some(short)).await;
        assert_eq!(long.section(SectionKind::Action), Some("Was sorry."));
        assert_eq!(model.asked().len(), 2);
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
