//! Fills a form in.

use std::sync::Arc;

use serde::Serialize;

use super::filled::{FilledReview, ReviewAnswer, ReviewValue};
use super::form::{Judge, ReviewForm, ReviewQuestion, ReviewScale};
use super::judge::{by_signal, by_words, not_seen, of_speaker, unsaid};
use super::listening::ListeningCoder;
use crate::conversation::{Conversation, ConversationSignals, UtteranceId};
use crate::embedding::{Embedder, TextKind, similarity};
use crate::error::Result;
use crate::llm::{LanguageModel, Prefix};
use crate::prompt::{Prompts, Template};

/// Between these two probabilities of a yes the model does not know.
const SURE_NO: f32 = 0.3;
const SURE_YES: f32 = 0.7;
/// A mark of 1 to 5 stands when so much of the probability is on it and the marks beside it.
const SURE_RATING: f32 = 0.7;
/// An utterance less like a question than this shows nothing about it (cosine).
const SHOWS: f32 = 0.2;
/// Utterances shown for one answer of the model.
const SHOWN: usize = 2;

/// Fills evaluation forms in: words and figures by code, likeness by vectors, the rest by the model.
#[derive(Clone, Debug)]
pub struct Reviewer {
    model: Arc<dyn LanguageModel>,
    embedder: Arc<dyn Embedder>,
    prompts: Arc<Prompts>,
    listening: ListeningCoder,
}

#[derive(Serialize)]
struct ReviewPrompt<'a> {
    question: &'a str,
    rating: bool,
}

impl Template for ReviewPrompt<'_> {
    const NAME: &'static str = "review";
    const SOURCE: &'static str = include_str!("../../prompts/review.jinja");
}

/// The sentences of those a question is about, as vectors.
struct Said {
    vectors: Vec<(UtteranceId, Vec<f32>)>,
}

impl Reviewer {
    /// Asks `model` what words and figures cannot tell. Of a model that cannot score choices nothing is asked, and
    /// those questions stay open.
    pub fn new(
        model: Arc<dyn LanguageModel>,
        embedder: Arc<dyn Embedder>,
        prompts: Arc<Prompts>,
    ) -> Self {
        Self {
            model,
            embedder,
            prompts,
            listening: ListeningCoder::rules(),
        }
    }

    /// Tells listening by likeness to examples too, where the rules are silent.
    #[must_use]
    pub fn with_listening(mut self, coder: ListeningCoder) -> Self {
        self.listening = coder;
        self
    }

    /// Fills `form` in for a conversation, whose transcript `prefix` holds; `signals` where there is sound. The
    /// questions to the model are suffixes of the shared prefix.
    ///
    /// # Errors
    /// As the language model and the embedder.
    pub async fn review(
        &self,
        conversation: &Conversation,
        prefix: &Prefix,
        form: &ReviewForm,
        signals: Option<&ConversationSignals>,
    ) -> Result<FilledReview> {
        let listening = self.listening.code(conversation).await?;
        let spoken = form.languages.is_empty()
            || form
                .languages
                .iter()
                .any(|tag| primary(tag).eq_ignore_ascii_case(primary(&conversation.language)));
        let mut answers = Vec::with_capacity(form.questions.len());
        for question in &form.questions {
            let figures = by_signal(conversation, question, signals, &listening);
            let answer = match figures {
                Some(answer) => answer,
                None if matches!(question.judge, Judge::Human {}) => {
                    not_seen(question, "a person decides")
                }
                None if !spoken => not_seen(question, "the form is for another language"),
                None => self.by_speech(conversation, prefix, question).await?,
            };
            answers.push(answer);
        }
        Ok(FilledReview {
            form: form.id.clone(),
            version: form.version,
            conversation: conversation.id.clone(),
            answers,
            listening,
        })
    }

    async fn by_speech(
        &self,
        conversation: &Conversation,
        prefix: &Prefix,
        question: &ReviewQuestion,
    ) -> Result<ReviewAnswer> {
        if let Some(answer) = by_words(conversation, question) {
            return Ok(answer);
        }
        if of_speaker(conversation, question).is_empty() {
            return Ok(not_seen(question, "nobody whom it is about said anything"));
        }
        match &question.judge {
            Judge::Likeness {
                examples,
                counter_examples,
                threshold,
                must,
            } => {
                let said = self.said(conversation, question).await?;
                let like = self.embedder.embed(examples, TextKind::Query).await?;
                let unlike = self
                    .embedder
                    .embed(counter_examples, TextKind::Query)
                    .await?;
                let found = said.nearest(&like, &unlike, *threshold);
                Ok(match found {
                    Some((id, likeness)) => {
                        ReviewAnswer::new(question, ReviewValue::Yes).proven(likeness, vec![id])
                    }
                    None => unsaid(question, *must),
                })
            }
            Judge::Model { ask } => {
                let asked = ask.as_deref().unwrap_or(&question.text);
                self.by_model(conversation, prefix, question, asked).await
            }
            _ => Ok(not_seen(question, "a person decides")),
        }
    }

    async fn by_model(
        &self,
        conversation: &Conversation,
        prefix: &Prefix,
        question: &ReviewQuestion,
        asked: &str,
    ) -> Result<ReviewAnswer> {
        if !self.model.capabilities().scoring {
            return Ok(not_seen(question, "there is no model that could tell"));
        }
        let rating = question.scale == ReviewScale::OneToFive;
        let task = self.prompts.render(&ReviewPrompt {
            question: asked,
            rating,
        })?;
        let choices: &[&str] = if rating {
            &["1", "2", "3", "4", "5"]
        } else {
            &["yes", "no"]
        };
        let choices = choices.iter().map(|&c| c.to_owned()).collect();
        let scores = self.model.score(prefix.ask(task), choices).await?;
        let decided = if rating {
            rated(&scores)
        } else {
            decided(&scores)
        };
        let Some((value, confidence)) = decided else {
            return Ok(not_seen(question, "the model is not sure"));
        };
        let said = self.said(conversation, question).await?;
        let wanted = self
            .embedder
            .embed(&[asked.to_owned()], TextKind::Query)
            .await?;
        let evidence = said.about(&wanted);
        if evidence.is_empty() && value != ReviewValue::No {
            return Ok(not_seen(question, "no utterance shows what the model says"));
        }
        Ok(ReviewAnswer::new(question, value).proven(confidence, evidence))
    }

    async fn said(&self, conversation: &Conversation, question: &ReviewQuestion) -> Result<Said> {
        let sentences: Vec<(UtteranceId, String)> = of_speaker(conversation, question)
            .iter()
            .flat_map(|u| super::listening::sentences(&u.text).map(|s| (u.id, s.to_owned())))
            .collect();
        let texts: Vec<String> = sentences.iter().map(|(_, text)| text.clone()).collect();
        let vectors = self.embedder.embed(&texts, TextKind::Query).await?;
        let ids = sentences.iter().map(|(id, _)| *id);
        Ok(Said {
            vectors: ids.zip(vectors).collect(),
        })
    }
}

impl Said {
    /// The sentence most like the examples, at least `threshold` and more so than like the counter-examples.
    fn nearest(
        &self,
        like: &[Vec<f32>],
        unlike: &[Vec<f32>],
        threshold: f32,
    ) -> Option<(UtteranceId, f32)> {
        self.vectors
            .iter()
            .map(|(id, v)| (*id, closest(v, like), closest(v, unlike)))
            .filter(|(_, like, unlike)| *like >= threshold && like > unlike)
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(id, like, _)| (id, like))
    }

    /// The utterances most like a question, best first.
    fn about(&self, wanted: &[Vec<f32>]) -> Vec<UtteranceId> {
        let mut near: Vec<(UtteranceId, f32)> = self
            .vectors
            .iter()
            .map(|(id, v)| (*id, closest(v, wanted)))
            .filter(|(_, likeness)| *likeness >= SHOWS)
            .collect();
        near.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut shown: Vec<UtteranceId> = Vec::new();
        for (id, _) in near {
            if !shown.contains(&id) && shown.len() < SHOWN {
                shown.push(id);
            }
        }
        shown
    }
}

fn decided(scores: &[f32]) -> Option<(ReviewValue, f32)> {
    match *scores.first()? {
        yes if yes >= SURE_YES => Some((ReviewValue::Yes, yes)),
        yes if yes <= SURE_NO => Some((ReviewValue::No, 1.0 - yes)),
        _ => None,
    }
}

fn rated(scores: &[f32]) -> Option<(ReviewValue, f32)> {
    let (best, _) = scores
        .iter()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(b.1))?;
    let near: f32 = scores
        .iter()
        .enumerate()
        .filter(|(at, _)| at.abs_diff(best) <= 1)
        .map(|(_, score)| score)
        .sum();
    let rating = u8::try_from(best).ok()?.checked_add(1)?;
    (near >= SURE_RATING).then_some((ReviewValue::Rating(rating), near))
}

pub(super) fn closest(vector: &[f32], others: &[Vec<f32>]) -> f32 {
    let likenesses = others.iter().map(|other| similarity(vector, other));
    likenesses.fold(0.0, f32::max)
}

/// `en-GB` -> `en`.
fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or_default()
}
