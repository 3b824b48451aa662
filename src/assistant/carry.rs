//! What was decided is done: words are said, tools run, people asked. The gate has the last word.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::answer::answer;
use super::echo::echoes;
use super::resolve::{Driven, ResolveStep};
use super::subject::Subject;
use super::{Aside, Assistant};
use crate::conversation::{
    ActionReceipt, ActionStatus, Approver, Citation, Conversation, Effort, EmotionState, Handoff,
    HandoffReason, Role,
};
use crate::dialogue::{
    Action, DialogueState, Effect, Moment, PieceKind, Pin, Rejection, ToolEffect, Topic, tool_ended,
};
use crate::error::Result;
use crate::guard::{unproven_claims, unproven_promises};
use crate::knowledge::{Audience, Question, Scope, spoken, spoken_all};
use crate::llm::{LanguageModelExt, Request};
use crate::prompt::Template;
use crate::store::StreamKey;

/// One sentence.
const CHAT_TOKENS: usize = 48;
/// Fewer words than this say too little without the sentence they come from.
const WORDS_OF_AN_ANSWER: usize = 5;
/// More tools than this in one turn are a circle.
const MOST_TOOLS: usize = 12;

/// What the virtual agent does in answer to the customer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    pub(crate) state: DialogueState,
    pub(crate) spoken: Vec<Spoken>,
    pub(crate) handoff: Option<Handoff>,
    pub(crate) rejections: Vec<Rejection>,
    /// Of the tools that ran, secrets masked.
    pub(crate) receipts: Vec<ActionReceipt>,
    pub(crate) requests: Vec<ApprovalRequest>,
    /// Strategies that were driven, and what they need of the conversation.
    pub(crate) strategies: Vec<Driven>,
    /// The rule that had foreseen a need, and whether it was right.
    pub(crate) foreseen: Option<(String, bool)>,
    /// A question was asked that no article answers.
    pub(super) found_nothing: bool,
    pub(super) person: PersonNow,
}

/// What is known of how the customer is.
#[derive(Clone, Debug, Default)]
pub(crate) struct PersonNow {
    /// What they felt and suffered since the last answer, by name.
    pub(crate) signs: Vec<String>,
    /// What they feel, where there is an emotion model.
    pub(crate) emotion: Option<EmotionState>,
    /// The effort they had with this contact.
    pub(crate) effort: Effort,
}

/// Something the virtual agent says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spoken {
    pub(crate) text: String,
    pub(crate) citations: Vec<Citation>,
    /// The words follow from a receipt or are an article's own.
    proven: bool,
    /// What it is, which decides whether it may be shortened.
    pub(super) kind: PieceKind,
}

/// A yes that somebody else than the customer has to give.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApprovalRequest {
    pub(crate) source: String,
    pub(crate) by: Approver,
    pub(crate) question: String,
}

#[derive(Serialize)]
struct SmallTalkPrompt<'a> {
    organisation: &'a str,
    language: &'a str,
}

impl Template for SmallTalkPrompt<'_> {
    const NAME: &'static str = "small_talk";
    const SOURCE: &'static str = include_str!("../../prompts/small_talk.jinja");
}

impl Response {
    pub(super) fn say(&mut self, text: &str) {
        self.add(text.to_owned(), Vec::new(), false);
    }

    pub(super) fn add(&mut self, text: String, citations: Vec<Citation>, proven: bool) {
        // The same question twice in one turn is asked once.
        if self.spoken.iter().all(|said| said.text != text) {
            self.spoken.push(Spoken {
                text,
                citations,
                proven,
                kind: PieceKind::default(),
            });
        }
    }

    pub(super) fn say_first(&mut self, text: String) {
        let said = Spoken {
            text,
            citations: Vec::new(),
            proven: true,
            kind: PieceKind::default(),
        };
        self.spoken.insert(0, said);
    }

    /// Says of what kind the last words are. What a procedure said in the same words stays a procedure's.
    pub(super) fn mark(&mut self, text: &str, kind: PieceKind) {
        if let Some(last) = self.spoken.last_mut().filter(|last| last.text == text) {
            last.kind = kind;
        }
    }

    pub(super) fn reject(&mut self, proposal: impl Into<String>, reason: impl Into<String>) {
        let (proposal, reason) = (proposal.into(), reason.into());
        self.rejections.push(Rejection { proposal, reason });
    }
}

impl Assistant {
    /// Does what was decided, and what follows from it. `kept` is which texts of playbooks the store knows to be followed.
    pub(crate) async fn carry(
        &self,
        conversation: &Conversation,
        state: DialogueState,
        effects: Vec<Effect>,
        person: &PersonNow,
        kept: &BTreeMap<String, Pin>,
        aside: &mut Aside,
    ) -> Result<Response> {
        let mut kept = kept.clone();
        let mut response = Response {
            state,
            person: person.clone(),
            ..Response::default()
        };
        let mut waiting: VecDeque<Effect> = effects.into();
        let mut receipts = self
            .inner
            .actions
            .receipts(&stream(conversation))
            .await
            .unwrap_or_default();
        while let Some(effect) = waiting.pop_front() {
            if let Effect::CallTool { source, .. } | Effect::Resolve { source, .. } = &effect
                && let Err(error) = self
                    .keep_begun(conversation, &mut kept, &response.state)
                    .await
            {
                response.reject(source.clone(), error.to_string());
                let reason = HandoffReason::ActionFailed;
                self.give_over(conversation, &mut response, reason).await;
                continue;
            }
            match effect {
                Effect::CallTool {
                    source,
                    identity,
                    tool,
                    arguments,
                    approvals,
                } => {
                    if self.inner.actions.tools().is_empty()
                        || response.receipts.len() >= MOST_TOOLS
                    {
                        // Without a connected backend a person has to do it, with everything in hand.
                        response.reject(
                            tool,
                            "no backend is connected for this tool; a person takes over",
                        );
                        self.give_over(
                            conversation,
                            &mut response,
                            HandoffReason::PolicyRequiresPerson,
                        )
                        .await;
                        continue;
                    }
                    let action = Action {
                        source: identity,
                        tool,
                        arguments,
                        approvals,
                    };
                    match self
                        .run(conversation, &source, action, &mut response, aside)
                        .await
                    {
                        Ok((receipt, more)) => {
                            receipts.push(receipt);
                            more.into_iter()
                                .rev()
                                .for_each(|effect| waiting.push_front(effect));
                        }
                        Err(error) => {
                            // It was not begun, since it could not be written down.
                            response.reject(source, error.to_string());
                            self.give_over(
                                conversation,
                                &mut response,
                                HandoffReason::ActionFailed,
                            )
                            .await;
                        }
                    }
                }
                Effect::Resolve {
                    source,
                    identity,
                    need,
                    facts,
                } => {
                    let step = ResolveStep {
                        source: source.clone(),
                        identity,
                        need,
                        facts,
                    };
                    match self.resolve_step(conversation, step, &mut response).await {
                        Ok(more) => {
                            let done = response.strategies.last().map(Driven::receipts);
                            receipts.extend(done.unwrap_or_default());
                            more.into_iter()
                                .rev()
                                .for_each(|effect| waiting.push_front(effect));
                        }
                        Err(error) => {
                            // No plan, or it could not be written down: a person resolves it.
                            response.reject(source, error.to_string());
                            let reason = HandoffReason::PolicyRequiresPerson;
                            self.give_over(conversation, &mut response, reason).await;
                        }
                    }
                }
                other => {
                    if let Err(error) = self.carry_out(other, conversation, &mut response).await {
                        // What was decided stands, and the customer is not left without an answer.
                        response.reject("an answer", error.to_string());
                        response.say(&self.inner.phrases.unknown);
                    }
                }
            }
        }
        self.gate(&mut response, &receipts);
        self.deliver(conversation, &mut response);
        Ok(response)
    }

    /// Nothing that was not done may be said to be done.
    fn gate(&self, response: &mut Response, receipts: &[ActionReceipt]) {
        let spoken = std::mem::take(&mut response.spoken);
        for said in spoken {
            let claims = unproven_claims(&said.text, receipts);
            match claims.first().filter(|_| !said.proven) {
                None if said.text.trim().is_empty() => {}
                None => response.spoken.push(said),
                Some(claim) => {
                    let reason = format!("it claims {:?} without a receipt", claim.verb);
                    response.reject(said.text, reason);
                }
            }
        }
    }

    /// Runs the tool of a step, and says what follows from its receipt.
    async fn run(
        &self,
        conversation: &Conversation,
        source: &str,
        action: Action,
        response: &mut Response,
        aside: &mut Aside,
    ) -> Result<(ActionReceipt, Vec<Effect>)> {
        let spec = self
            .inner
            .actions
            .tools()
            .get(&action.tool)
            .map(|tool| tool.spec().clone());
        let stream = stream(conversation);
        let performing = self.inner.actions.perform_kept(&stream, action);
        let receipt = aside
            .meanwhile(spec.as_ref(), conversation.channel, performing)
            .await?;
        let changes = spec
            .as_ref()
            .is_none_or(|spec| spec.effect != ToolEffect::Read);
        let profile = conversation.profile.clone().unwrap_or_default().attributes;
        let moment = Moment {
            playbooks: &self.inner.playbooks,
            profile: &profile,
            now: jiff::Timestamp::now(),
            utterance: None,
        };
        let mut shown = receipt.clone();
        if let Some(spec) = &spec {
            shown.arguments = spec.mask(&shown.arguments);
            shown.result = spec.mask(&shown.result);
        }
        if receipt.status == ActionStatus::DryRun {
            response.say(&self.inner.phrases.dry_run);
        } else if receipt.status != ActionStatus::Succeeded {
            let why = receipt
                .result
                .get("error")
                .and_then(|error| error.as_str())
                .unwrap_or("it failed");
            response.reject(receipt.tool.clone(), why);
        }
        response.receipts.push(shown);
        let state = std::mem::take(&mut response.state);
        let (state, effects) = tool_ended(state, source, &receipt, changes, &moment);
        response.state = state;
        Ok((receipt, effects))
    }

    async fn carry_out(
        &self,
        effect: Effect,
        conversation: &Conversation,
        response: &mut Response,
    ) -> Result<()> {
        let phrases = &self.inner.phrases;
        match effect {
            Effect::Say { text, proven, .. } => response.add(text, Vec::new(), proven),
            Effect::RequestApproval {
                by: Approver::Customer,
                text,
                ..
            } => response.say(&text),
            Effect::RequestApproval { again: true, .. } => response.say(&phrases.still_waiting),
            Effect::RequestApproval {
                source, by, text, ..
            } => {
                response.say(&phrases.approval);
                response.requests.push(ApprovalRequest {
                    source,
                    by,
                    question: text,
                });
            }
            Effect::AskToClarify => self.ask_what(conversation, response).await?,
            Effect::AskMore => self.ask_more(conversation, response),
            Effect::Finish => response.say(&phrases.goodbye),
            Effect::Chat => match self.small_talk(conversation, &response.state).await? {
                Some(text) => {
                    response.say(&text);
                    response.mark(&text, PieceKind::Free);
                }
                None => self.ask_what(conversation, response).await?,
            },
            Effect::SearchKnowledge { question } => {
                let scope = Scope::new(conversation.tenant.clone(), Audience::Customer)
                    .with_language(conversation.language.split('-').next().unwrap_or_default());
                let question = Question::new(question, scope);
                let subject = Subject::of(conversation, &response.state, &self.inner.playbooks);
                let answer = answer(&self.inner, &question, subject.as_ref()).await?;
                match answer.text {
                    Some(text) => {
                        if let Some(citation) = answer.citations.first()
                            && response.state.playbook.is_none()
                        {
                            response.state.about = Some(Topic::Article {
                                id: citation.article.to_string(),
                                title: citation.title.clone(),
                            });
                        }
                        let text = in_full(text, &answer.citations);
                        let quoted = spoken_all(&answer.citations) == text;
                        response.add(text.clone(), answer.citations, quoted);
                        response.mark(&text, PieceKind::Answer);
                    }
                    None => {
                        self.at_a_loss(conversation, &question.text, response)
                            .await?
                    }
                }
            }
            Effect::HandOff { reason } => self.give_over(conversation, response, reason).await,
            Effect::CallTool { .. } | Effect::Resolve { .. } => {}
        }
        Ok(())
    }

    /// A friendly sentence; `None` where the model has none that fits.
    async fn small_talk(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
    ) -> Result<Option<String>> {
        let phrases = &self.inner.phrases;
        // Whoever is in the middle of a procedure is asked the next thing.
        if state.playbook.is_some() {
            return Ok(Some(String::new()));
        }
        if let Some(said) = self.inner.reader.courtesy(conversation) {
            return Ok(Some(match said {
                crate::dialogue::Courtesy::Thanks => {
                    format!("{} {}", phrases.welcome, phrases.anything_else)
                }
                crate::dialogue::Courtesy::Greeting => phrases.greeting.clone(),
            }));
        }
        if !self.inner.writes {
            return Ok(None);
        }
        let task = self.inner.prompts.render(&SmallTalkPrompt {
            organisation: &self.inner.organisation,
            language: &conversation.language,
        })?;
        let request =
            Request::new(self.prefix(conversation)?.ask(task)).with_max_tokens(CHAT_TOKENS);
        let text = self.inner.model.complete(request).await?.text;
        // Only the first paragraph: small models like to go on with the customer's part.
        let line = text.trim().lines().next().unwrap_or_default().trim();
        let Some(text) = own_words(line).map(str::to_owned) else {
            return Ok(None);
        };
        // Chatting promises nothing and tells no figures, and it speaks to the customer, not of them or in their words.
        let said = conversation.transcript.last_of(Role::EndUser);
        let promises =
            !unproven_promises(&text).is_empty() || text.chars().any(|c| c.is_ascii_digit());
        let misses = text.to_lowercase().contains("the customer")
            || said.is_some_and(|said| echoes(&text, &said.text));
        Ok((!promises && !misses).then_some(text))
    }
}

/// What the agent says in a line of a dialogue, without its name; `None` where it is the customer's part.
fn own_words(line: &str) -> Option<&str> {
    let Some((name, words)) = line.split_once(':') else {
        return Some(line);
    };
    match name.trim().to_lowercase().as_str() {
        "customer" | "user" | "caller" => None,
        "agent" | "virtual agent" | "assistant" => Some(words.trim()),
        _ => Some(line),
    }
}

/// "£56" and "Yes." are no answers by themselves: the sentence they come from is.
fn in_full(text: String, citations: &[Citation]) -> String {
    match citations.first() {
        Some(citation) if text.split_whitespace().count() < WORDS_OF_AN_ANSWER => spoken(citation),
        _ => text,
    }
}

/// Where a conversation is kept.
pub(crate) fn stream(conversation: &Conversation) -> StreamKey {
    StreamKey {
        tenant: conversation.tenant.clone(),
        conversation: conversation.id.clone(),
    }
}
