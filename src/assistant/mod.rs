//! The public face: one [`Assistant`] composes models, knowledge, playbooks and policies.

mod answer;
mod aside;
mod briefing;
mod builder;
mod carry;
mod coaching;
mod content;
mod crisis;
mod delivered;
mod echo;
mod followed;
mod form;
mod learned;
#[cfg(feature = "local")]
pub mod local;
mod offered;
mod opinion;
mod outlook;
mod pinned;
mod resolve;
mod respond;
mod reviewed;
mod subject;
mod unsure;
mod views;
mod weigh;

pub(crate) use aside::{Aside, Meanwhile};
pub use builder::{AssistantBuilder, Phrases};
pub(crate) use carry::{PersonNow, Response};
pub use content::Content;
pub(crate) use crisis::crisis_card;
pub(crate) use form::FormReading;
pub use outlook::{Contact, Opening};
pub(crate) use pinned::Inner;
pub(crate) use resolve::Driven;
pub use resolve::StrategyProgress;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_stream::try_stream;
use futures::StreamExt;
use futures::stream::BoxStream;
use parking_lot::Mutex;
use serde::Serialize;

use crate::assist::{
    ArticleFinder, Checklists, Coach, CoachingMoment, CoachingState, ModelAsker, ReplyContext,
    ReplyWriter, asks_something, quoted_reply,
};
use crate::conversation::{
    Conversation, ConversationId, NextBestAction, Role, Suggestion, SuggestionKind, Summary,
    TenantId, Trigger,
};
use crate::dialogue::journey::{NeedPredictor, RuleOutcomes};
use crate::dialogue::learning::ActionLearner;
use crate::dialogue::strategy::{Strategist, StrategyRunner};
use crate::dialogue::{ActionLedger, EmpathyPolicy, HandoffPolicy, OfferPolicy};
use crate::embedding::Embedder;
use crate::error::{Error, ErrorKind, Result};
use crate::guard::CrisisGuard;
use crate::knowledge::{KnowledgeAnswer, KnowledgeBase, Question};
use crate::llm::{LanguageModel, LanguageModelExt, Prefix, Priority, Request, Structured};
use crate::prompt::{Prompts, Template};
use crate::review::Reviewer;
use crate::session::Session;
use crate::speech::SpeechToText;
use crate::store::{ConversationStore, StreamKey};
use crate::summary::{NoteOptions, Summarizer, SummaryOptions, Support};
use crate::understanding::emotion::EmotionModel;

/// Next best actions shown at once; more would be read by nobody.
const ACTIONS: usize = 3;
/// Below this confidence an action is not suggested on its own.
const SUGGESTED_ACTION: f32 = 0.5;

/// Everything an application needs, built once and cheap to clone.
#[derive(Clone, Debug)]
pub struct Assistant {
    pub(crate) inner: Arc<Inner>,
}

/// What an [`Assistant`] is made of, beside the playbooks and what reads by them ([`Inner`]).
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) organisation: String,
    pub(crate) prompts: Arc<Prompts>,
    pub(crate) model: Arc<dyn LanguageModel>,
    /// Whether `model` can write; without a model answers are quoted and replies are left out.
    pub(crate) writes: bool,
    pub(crate) speech: Option<Arc<dyn SpeechToText>>,
    pub(crate) embedder: Arc<dyn Embedder>,
    /// Whether `embedder` sees meaning; hashed words are alike without meaning the same.
    pub(crate) has_meaning: bool,
    pub(crate) emotion: Option<Arc<dyn EmotionModel>>,
    pub(crate) knowledge: KnowledgeBase,
    pub(crate) phrases: Phrases,
    pub(crate) empathy: EmpathyPolicy,
    pub(crate) handoffs: HandoffPolicy,
    pub(crate) offers: OfferPolicy,
    pub(crate) store: Arc<dyn ConversationStore>,
    /// Runs the tools, and keeps the receipts.
    pub(crate) actions: ActionLedger,
    pub(crate) strategist: Arc<Strategist>,
    pub(crate) strategies: StrategyRunner,
    pub(crate) learner: ActionLearner,
    pub(crate) predictor: NeedPredictor,
    /// How often each rule that foresees needs was right, by tenant.
    pub(crate) need_outcomes: Mutex<HashMap<TenantId, BTreeMap<String, RuleOutcomes>>>,
    pub(crate) finder: ArticleFinder,
    pub(crate) replies: ReplyWriter,
    /// Before everything else.
    pub(crate) crisis: CrisisGuard,
    pub(crate) coach: Coach,
    pub(crate) asker: ModelAsker,
    pub(crate) checklists: Checklists,
    pub(crate) summarizer: Summarizer,
    pub(crate) notes: NoteOptions,
    pub(crate) reviewer: Reviewer,
    pub(crate) recalled: learned::Recalled,
    /// The same with playbooks as they were, while conversations go on with them.
    old: pinned::OldOnes,
}

#[derive(Serialize)]
struct SystemPrompt<'a> {
    organisation: &'a str,
    profile: Option<String>,
}

impl Template for SystemPrompt<'_> {
    const NAME: &'static str = "system";
    const SOURCE: &'static str = include_str!("../../prompts/system.jinja");
}

impl Assistant {
    /// Starts building an assistant.
    pub fn builder() -> AssistantBuilder {
        AssistantBuilder::default()
    }

    /// The note about a conversation: sections with evidence, facts, and, when it is over, the
    /// wrap-up code. What the options leave open is as [`AssistantBuilder::notes`] says.
    ///
    /// # Errors
    /// [`ErrorKind::InsufficientContent`] if the customer said nothing yet; else as the language
    /// model.
    pub async fn summarize(
        &self,
        conversation: &Conversation,
        options: SummaryOptions,
    ) -> Result<Summary> {
        let prefix = self.prefix(conversation)?;
        let options = self.inner.notes.fill(options);
        self.inner
            .summarizer
            .summarize(conversation, &prefix, &options)
            .await
    }

    /// Whether the conversation supports a sentence about it, as notes are checked before they are delivered.
    ///
    /// # Errors
    /// As the language model.
    pub async fn supports(&self, conversation: &Conversation, sentence: &str) -> Result<Support> {
        let prefix = self.prefix(conversation)?;
        self.inner
            .summarizer
            .supports(conversation, &prefix, sentence)
            .await
    }

    /// Suggestions for the human agent, the quick ones first: coaching cues, articles, the next
    /// best action, then a written reply. Dropping the stream cancels what is not there yet.
    ///
    /// Where the customer may be in danger, the card that says so comes first, and no action where
    /// the protocol stops them.
    ///
    /// [`Trigger::Start`] and [`Trigger::End`] bring the cues of these moments and next best
    /// actions only; a reply is written when the customer spoke last, or on [`Trigger::Manual`].
    pub fn suggest(
        &self,
        conversation: &Conversation,
        trigger: Trigger,
    ) -> BoxStream<'static, Result<Suggestion>> {
        let (assistant, conversation) = (self.clone(), conversation.clone());
        try_stream! {
            let spoken = !matches!(trigger, Trigger::Start | Trigger::End);
            let mut context = ReplyContext::default();
            let crisis = assistant.crisis_in(&conversation).await;
            let stops = crisis.is_some() && assistant.inner.crisis.protocol().stop_selling;
            if let Some(card) = crisis {
                yield card;
            }
            let moment = CoachingMoment::new(trigger);
            let looked = assistant.inner.coach.look(&conversation, &moment, &mut CoachingState::default()).await?;
            for cue in looked.cues {
                yield cue;
            }
            if spoken {
                context.passages = assistant.inner.finder.find(&conversation).await?;
                for passage in context.passages.clone() {
                    yield passage.into_suggestion();
                }
            }
            let actions = match stops {
                true => Vec::new(),
                false => assistant.next_best_actions(&conversation, ACTIONS).await?,
            };
            context.next_step = actions.first().map(instruction);
            let scripted = worth_showing(&actions).and_then(|best| assistant.scripted_reply(best));
            for action in actions {
                yield action_card(action);
            }
            if spoken {
                let reading = assistant.read_whole_form(&conversation).await?;
                if let Some(card) = assistant.form_card(&reading) {
                    yield card;
                }
            }
            let asked = conversation.transcript.utterances().last().is_some_and(|u| u.role == Role::EndUser);
            if spoken && (asked || trigger == Trigger::Manual) {
                let scripted_will_do = scripted.is_some() && !asks_something(&conversation);
                let written = match context.is_answerable() && !scripted_will_do {
                    false => None,
                    true => assistant.reply(&conversation, &context, &mut |_| {}).await?,
                };
                // The macro's expansion knows no let chains.
                if let Some(Structured::Valid(reply)) = written {
                    yield reply;
                } else if let Some(reply) = scripted.or_else(|| quoted_reply(&context)) {
                    yield reply;
                }
            }
        }
        .boxed()
    }

    /// The next best actions, best first, from what was said so far and, where a session of the tenant was begun before,
    /// from what was learned of their outcomes: steps of procedures and, after the need is resolved and nothing speaks
    /// against it, offers. No text is generated.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn next_best_actions(
        &self,
        conversation: &Conversation,
        limit: usize,
    ) -> Result<Vec<NextBestAction>> {
        let actions = self
            .inner
            .ranker
            .rank(conversation, limit.max(ACTIONS))
            .await?;
        let context = self.action_context(conversation);
        let tenant = &conversation.tenant;
        let mut actions = self.inner.learner.rerank(tenant, &context, actions);
        actions.truncate(limit);
        self.with_offers(conversation, actions, limit).await
    }

    /// An answer from the knowledge base with citations, or an honest "I don't know".
    ///
    /// # Errors
    /// As the embedder, the index and the language model.
    pub async fn answer(&self, question: &Question) -> Result<KnowledgeAnswer> {
        answer::answer(&self.inner, question, None).await
    }

    /// The same for a question after another one, both about one article.
    #[cfg(feature = "eval")]
    pub(crate) async fn answer_after(
        &self,
        question: &Question,
        article: &crate::conversation::ArticleId,
        title: &str,
        before: &(String, String),
    ) -> Result<KnowledgeAnswer> {
        let subject = subject::Subject {
            words: title.to_owned(),
            articles: vec![article.to_string()],
            before: Some(before.clone()),
        };
        answer::answer(&self.inner, question, Some(&subject)).await
    }

    /// Goes live: feed it what is said, read what comes out.
    ///
    /// Must be called within a tokio runtime.
    pub fn session(&self, conversation: Conversation) -> Session {
        Session::start(self.clone(), conversation)
    }

    /// Takes up a conversation from the store, after a restart or on another channel. A procedure that is under way goes on by
    /// the text it was begun with, also where this assistant has another one, or none.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the store does not know it; [`ErrorKind::Storage`] if it cannot
    /// be read.
    pub async fn resume(
        &self,
        tenant: impl Into<TenantId>,
        id: impl Into<ConversationId>,
    ) -> Result<Session> {
        let key = StreamKey {
            tenant: tenant.into(),
            conversation: id.into(),
        };
        let records = self.inner.store.load(&key, 0).await?;
        if records.is_empty() {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "the store has no conversation {} of {}",
                    key.conversation, key.tenant
                ),
            ));
        }
        Session::resume(self.clone(), &key, records)
    }

    /// The knowledge base, e.g. to ingest articles.
    pub fn knowledge(&self) -> &KnowledgeBase {
        &self.inner.knowledge
    }

    /// The conversation store.
    pub fn store(&self) -> &Arc<dyn ConversationStore> {
        &self.inner.store
    }

    /// The embedder.
    pub fn embedder(&self) -> &Arc<dyn Embedder> {
        &self.inner.embedder
    }

    /// Whether there is a model that writes. Without one answers are quoted, and replies and notes come from code alone.
    pub fn writes(&self) -> bool {
        self.inner.writes
    }

    /// The speech engine.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if none was given to the builder.
    pub fn speech(&self) -> Result<&Arc<dyn SpeechToText>> {
        self.inner.speech.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "there is no speech engine to hear audio with; give a speech model, or a transcript instead of audio",
            )
        })
    }

    /// What speech recognition may expect to hear: give it to
    /// [`TranscribeOptions::with_vocabulary`](crate::speech::TranscribeOptions::with_vocabulary).
    pub fn vocabulary(&self) -> Vec<String> {
        // The stand-in for a name that was not given is no name.
        let named = self.inner.organisation != builder::UNNAMED;
        // A whole sentence, since a lone name makes Whisper hear it in a mere "hello".
        named
            .then(|| format!("Hello, thank you for calling {}", self.inner.organisation))
            .into_iter()
            .collect()
    }

    /// The shared beginning of every question about a conversation.
    /// Whether [`read_ahead`](Self::read_ahead) saves anything.
    pub(crate) fn reads_ahead(&self) -> bool {
        self.inner.writes && self.inner.model.capabilities().reads_ahead
    }

    /// Lets the model read what was said, so that what it is asked next waits for the new words only.
    pub(crate) async fn read_ahead(&self, conversation: &Conversation) {
        let request = self.prefix(conversation).map(|prefix| {
            Request::new(prefix.ask(""))
                .with_max_tokens(1)
                .with_priority(Priority::Background)
        });
        let read = match request {
            Ok(request) => self.inner.model.complete(request).await.map(|_| ()),
            Err(error) => Err(error),
        };
        // Whoever asks next meets the same error, and tells it.
        if let Err(error) = read {
            tracing::debug!(%error, "what was said could not be read ahead");
        }
    }

    pub(crate) fn prefix(&self, conversation: &Conversation) -> Result<Prefix> {
        let system = self.inner.prompts.render(&SystemPrompt {
            organisation: &self.inner.organisation,
            profile: conversation.profile.as_ref().map(|profile| {
                let name = profile
                    .display_name
                    .iter()
                    .map(|name| format!("name: {name}"));
                let attributes = profile
                    .attributes
                    .iter()
                    .map(|(key, value)| format!("{key}: {value}"));
                let history = profile
                    .history
                    .iter()
                    .map(|event| format!("earlier: {event}"));
                name.chain(attributes)
                    .chain(history)
                    .collect::<Vec<_>>()
                    .join("; ")
            }),
        })?;
        let mut prefix = Prefix::new(system);
        for utterance in conversation.transcript.utterances() {
            // A line break inside an utterance could pose as another line.
            let text = utterance
                .text
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            prefix.push(format!(
                "[{}] {}: {text}",
                utterance.id,
                utterance.role.label()
            ));
        }
        Ok(prefix)
    }

    /// The procedure's own words for an action: the question for what must be known first, else what
    /// an agent says at that step.
    pub(crate) fn scripted_reply(&self, action: &NextBestAction) -> Option<Suggestion> {
        let (playbook, step) = action.action.split_once('/')?;
        let playbook = self.inner.playbooks.iter().find(|p| p.id == playbook)?;
        let step = playbook.step(step)?;
        let asked = playbook
            .slots
            .iter()
            .map(|slot| &slot.ask)
            .find(|ask| action.preconditions.first() == Some(ask));
        let text = asked.unwrap_or(&step.say).clone();
        let kind = SuggestionKind::Reply {
            text,
            citations: Vec::new(),
        };
        let worded = !asked.unwrap_or(&step.say).is_empty();
        worded.then(|| Suggestion::new(kind, action.score, action.evidence.clone()))
    }

    /// A written reply, or why there is none; `None` without a model that writes.
    pub(crate) async fn reply(
        &self,
        conversation: &Conversation,
        context: &ReplyContext,
        begun: &mut (dyn FnMut(Suggestion) + Send),
    ) -> Result<Option<Structured<Suggestion>>> {
        if !self.inner.writes {
            return Ok(None);
        }
        let prefix = self.prefix(conversation)?;
        self.inner
            .replies
            .write(conversation, &prefix, context, begun)
            .await
            .map(Some)
    }
}

/// An action as a card for the human agent.
pub(crate) fn action_card(action: NextBestAction) -> Suggestion {
    let (score, evidence) = (action.score, action.evidence.clone());
    Suggestion::new(SuggestionKind::NextBestAction { action }, score, evidence)
}

/// An action in the words of a prompt: what must be known first comes first.
pub(crate) fn instruction(action: &NextBestAction) -> String {
    match action.preconditions.first() {
        Some(first) => format!("{} (first: {first})", action.label),
        None => action.label.clone(),
    }
}

/// The one action worth a card of its own.
pub(crate) fn worth_showing(actions: &[NextBestAction]) -> Option<&NextBestAction> {
    actions
        .first()
        .filter(|action| action.score >= SUGGESTED_ACTION)
}

#[cfg(test)]
mod tests;
