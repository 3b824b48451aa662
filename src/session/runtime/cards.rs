//! What is on the human agent's screen: articles, a next best action, a reply, values for a form.

use serde::{Deserialize, Serialize};

use super::super::event::{SessionEvent, Skill};
use super::Runtime;
use crate::assist::{FoundPassage, asks_something};
use crate::assistant::{FormReading, action_card};
use crate::conversation::{ArticleId, NextBestAction, Suggestion, SuggestionKind, UtteranceId};
use crate::error::Result;
use crate::knowledge::{ArticleFeedback, Audience, Question, Scope};

/// Suggestions of which only the newest one counts.
#[derive(Debug, Default)]
pub(super) struct Open {
    reply: Option<String>,
    pub(super) action: Option<String>,
    pub(super) form: Option<Kept>,
}

/// A form between two turns, as JSON: conversations wait most of the time, and maps of a few values take kilobytes.
#[derive(Debug)]
pub(super) struct Kept(Box<[u8]>);

impl Kept {
    /// `None` where there is nothing that can be kept; then the conversation is read again.
    pub(super) fn of(form: &Form) -> Option<Self> {
        let json = serde_json::to_vec(form).ok()?;
        Some(Self(json.into_boxed_slice()))
    }

    pub(super) fn open(&self) -> Option<Form> {
        serde_json::from_slice(&self.0).ok()
    }
}

/// What is known for forms, and the card that shows it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::session) struct Form {
    reading: FormReading,
    card: Option<(String, SuggestionKind)>,
}

impl Runtime {
    /// Shows articles that are new; where a question found none, that is kept as a gap.
    pub(super) async fn show_articles(&mut self, found: &[FoundPassage], now: UtteranceId) {
        let offered = self.cards.offer(found, now);
        for card in offered.left {
            self.withdraw(card).await;
        }
        for (article, card) in offered.shown {
            self.journal.card(&card.id, &article);
            self.shown.article(card.id.clone(), article);
            self.emit(SessionEvent::Suggestion(card)).await;
        }
        if !found.is_empty() || !asks_something(&self.conversation) {
            return;
        }
        let asked = self.conversation.transcript.get(now);
        if let Some(text) = asked.map(|said| said.text.clone()) {
            let scope = Scope::new(self.conversation.tenant.clone(), Audience::Agent);
            let question = Question::new(text, scope);
            if let Err(error) = self.assistant.unanswered(&question).await {
                self.emit(SessionEvent::failed(Skill::Knowledge, &error))
                    .await;
            }
        }
    }

    /// Shows a reply, in the place of its beginning where that is on the screen.
    pub(super) async fn show_reply(&mut self, reply: Suggestion) {
        let is_begun = self.open.reply.as_ref() == Some(&reply.id);
        if !is_begun {
            self.withdraw_reply().await;
        }
        self.open.reply = Some(reply.id.clone());
        self.suggestion_shown(&reply);
        self.emit(SessionEvent::Suggestion(reply)).await;
    }

    /// Remembers a suggestion that is neither an article nor an action.
    pub(super) fn suggestion_shown(&mut self, card: &Suggestion) {
        if self.shown.other(&card.id) {
            self.journal.shown(&card.id);
        }
    }

    /// Shows the first sentence of a reply.
    pub(super) async fn reply_begun(&mut self, first: Suggestion) {
        self.turn.reached("first_sentence");
        self.open.reply = Some(first.id.clone());
        self.suggestion_shown(&first);
        self.emit(SessionEvent::ReplyBegun(first)).await;
    }

    /// A reply to what was said before is none to what is said now.
    pub(super) async fn withdraw_reply(&mut self) {
        if let Some(card) = self.open.reply.take() {
            self.withdraw(card).await;
        }
    }

    /// Shows the next best action, in the place of another one.
    pub(super) async fn show_action(&mut self, action: &NextBestAction) {
        let card = action_card(action.clone());
        self.action_shown(&card.id, action);
        self.last_action = Some(action.action.clone());
        if let Some(before) = self.open.action.replace(card.id.clone()) {
            self.withdraw(before).await;
        }
        self.emit(SessionEvent::Suggestion(card)).await;
    }

    /// No action is worth showing any more.
    pub(super) async fn withdraw_action(&mut self) {
        self.last_action = None;
        if let Some(card) = self.open.action.take() {
            self.withdraw(card).await;
        }
    }

    /// While people lead the conversation, shows the values that the customer gave, in the place of what was shown before.
    pub(super) async fn fill_in(&mut self) {
        if self.has_virtual_agent() {
            return;
        }
        let mut form = self.open.form.take().and_then(|kept| kept.open());
        match self.read_form(form.as_ref()).await {
            Ok(reading) => {
                let card = self.assistant.form_card(&reading);
                let mut shown = form.and_then(|form| form.card);
                let of = |(_, kind): &(String, SuggestionKind)| kind.clone();
                if shown.as_ref().map(of) != card.as_ref().map(|card| card.kind.clone()) {
                    if let Some((before, _)) = shown.take() {
                        self.withdraw(before).await;
                    }
                    if let Some(card) = card {
                        shown = Some((card.id.clone(), card.kind.clone()));
                        self.suggestion_shown(&card);
                        self.emit(SessionEvent::Suggestion(card)).await;
                    }
                }
                form = Some(Form {
                    reading,
                    card: shown,
                });
            }
            Err(error) => {
                self.emit(SessionEvent::failed(Skill::FormValues, &error))
                    .await;
            }
        }
        self.open.form = form.as_ref().and_then(Kept::of);
    }

    /// What the last words add to what is known.
    async fn read_form(&mut self, known: Option<&Form>) -> Result<FormReading> {
        let (assistant, conversation) = (&self.assistant, &self.conversation);
        let mut reading = known.map(|form| form.reading.clone()).unwrap_or_default();
        if self.state.handed_off.is_some() {
            assistant.know_form(conversation, &self.state, &mut reading);
        } else if known.is_none() && conversation.transcript.len() > 1 {
            reading = assistant.read_whole_form(conversation).await?;
        } else {
            assistant.read_form(conversation, &mut reading).await?;
        }
        Ok(reading)
    }

    async fn withdraw(&mut self, suggestion: String) {
        self.emit(SessionEvent::Withdrawn { suggestion }).await;
    }

    /// The agent did something with an article.
    pub(super) async fn article_feedback(&mut self, article: ArticleId, given: ArticleFeedback) {
        if given == ArticleFeedback::Dismissed {
            self.cards.dismiss(&article);
        }
        let tenant = self.conversation.tenant.clone();
        let kept = self
            .assistant
            .article_feedback(&tenant, &article, given)
            .await;
        if let Err(error) = kept {
            self.emit(SessionEvent::failed(Skill::Knowledge, &error))
                .await;
        }
    }
}
