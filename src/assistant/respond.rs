//! One turn of the virtual agent: the model proposes, code disposes, the gate has the last word.

use serde::Serialize;

use super::Assistant;
use crate::conversation::{Citation, Conversation, Handoff, HandoffReason, Role};
use crate::dialogue::{Command, DialogueState, Effect, Rejection, apply};
use crate::error::Result;
use crate::guard::unproven_claims;
use crate::knowledge::{Audience, Question, Scope};
use crate::llm::{LanguageModelExt, Prefix, Request};
use crate::prompt::Template;
use crate::summary::SummaryOptions;

/// One sentence.
const CHAT_TOKENS: usize = 48;
/// From this likelihood on a procedure is started without the model.
const SURE_MATCH: f32 = 0.6;

/// What the virtual agent does in answer to the customer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    pub(crate) state: DialogueState,
    pub(crate) spoken: Vec<Spoken>,
    pub(crate) handoff: Option<Handoff>,
    pub(crate) rejections: Vec<Rejection>,
}

/// Something the virtual agent says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spoken {
    pub(crate) text: String,
    pub(crate) citations: Vec<Citation>,
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

impl Assistant {
    /// Answers the customer's last words.
    pub(crate) async fn respond(
        &self,
        conversation: &Conversation,
        mut state: DialogueState,
    ) -> Result<Response> {
        // Whoever writes again needs something again.
        state.ended = false;
        let prefix = self.prefix(conversation)?;
        let plan = match self.inner.writes {
            true => self.inner.planner.plan(&prefix, &state).await?,
            false => Default::default(),
        };
        let mut rejections = plan.rejections;
        let mut commands = plan.commands;
        if commands.is_empty() {
            commands = self.fallback(conversation, &state).await?;
        }
        commands.extend(self.already_given(conversation, &commands).await?);
        let (state, effects, refused) = apply(state, &commands, &self.inner.playbooks);
        rejections.extend(refused);
        let mut response = Response {
            state,
            rejections,
            ..Response::default()
        };
        let mut spoken = Vec::new();
        for effect in effects {
            if let Err(error) = self
                .carry_out(effect, conversation, &prefix, &mut response, &mut spoken)
                .await
            {
                // What was decided stands, and the customer is not left without an answer.
                let (proposal, reason) = ("an answer".to_owned(), error.to_string());
                response.rejections.push(Rejection { proposal, reason });
                spoken.push(Spoken {
                    text: self.inner.phrases.unknown.clone(),
                    citations: Vec::new(),
                });
            }
        }
        for said in spoken {
            // Nothing that was not done may be said to be done; no receipts exist before tools do.
            let quoted = said
                .citations
                .iter()
                .map(|c| c.quote.as_str())
                .collect::<Vec<_>>()
                .join(" ")
                == said.text;
            match unproven_claims(&said.text, &[]).first().filter(|_| !quoted) {
                None if said.text.is_empty() => {}
                None => response.spoken.push(said),
                Some(claim) => response.rejections.push(Rejection {
                    reason: format!("it claims {:?} without a receipt", claim.verb),
                    proposal: said.text,
                }),
            }
        }
        if response.spoken.is_empty() {
            response.spoken.push(Spoken {
                text: self.inner.phrases.clarify.clone(),
                citations: Vec::new(),
            });
        }
        Ok(response)
    }

    /// Values in the words so far that a procedure which starts now would ask for again.
    async fn already_given(
        &self,
        conversation: &Conversation,
        commands: &[Command],
    ) -> Result<Vec<Command>> {
        let starting = commands.iter().rev().find_map(|command| match command {
            Command::StartPlaybook { playbook } => {
                self.inner.playbooks.iter().find(|p| &p.id == playbook)
            }
            _ => None,
        });
        let Some(playbook) = starting else {
            return Ok(Vec::new());
        };
        let given = self
            .inner
            .ranker
            .infer_state(conversation)
            .await?
            .slots
            .into_iter();
        let wanted = given.filter(|(name, _)| playbook.slot(name).is_some());
        Ok(wanted
            .map(|(name, value)| Command::SetSlot { name, value })
            .collect())
    }

    /// Without a usable plan: a procedure that clearly applies, else the knowledge base.
    async fn fallback(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
    ) -> Result<Vec<Command>> {
        let Some(said) = conversation.transcript.last_of(Role::EndUser) else {
            return Ok(vec![Command::SmallTalk]);
        };
        if state.playbook.is_some() {
            let given = self.inner.ranker.infer_state(conversation).await?.slots;
            let new = given
                .into_iter()
                .filter(|(name, _)| !state.slots.contains_key(name));
            return Ok(new
                .map(|(name, value)| Command::SetSlot { name, value })
                .collect());
        }
        let matches = self.inner.ranker.matches(conversation).await?;
        Ok(
            match matches
                .first()
                .filter(|m| m.confidence >= SURE_MATCH && m.evidence == said.id)
            {
                Some(found) => vec![Command::StartPlaybook {
                    playbook: found.playbook.clone(),
                }],
                None if said.text.split_whitespace().count() > 3 => vec![Command::Answer {
                    question: said.text.clone(),
                }],
                None => vec![Command::Clarify],
            },
        )
    }

    async fn carry_out(
        &self,
        effect: Effect,
        conversation: &Conversation,
        prefix: &Prefix,
        response: &mut Response,
        spoken: &mut Vec<Spoken>,
    ) -> Result<()> {
        let phrases = &self.inner.phrases;
        let mut say =
            |text: String, citations: Vec<Citation>| spoken.push(Spoken { text, citations });
        match effect {
            Effect::Say { text, .. } | Effect::RequestApproval { text, .. } => {
                say(text, Vec::new())
            }
            Effect::AskToClarify => say(phrases.clarify.clone(), Vec::new()),
            Effect::Finish => say(phrases.goodbye.clone(), Vec::new()),
            Effect::Chat => {
                let text = self.small_talk(conversation, prefix).await?;
                say(text, Vec::new());
            }
            Effect::SearchKnowledge { question } => {
                let scope = Scope::new(conversation.tenant.clone(), Audience::Customer)
                    .with_language(conversation.language.split('-').next().unwrap_or_default());
                let answer = self.answer(&Question::new(question, scope)).await?;
                match answer.text {
                    Some(text) => say(text, answer.citations),
                    None => say(phrases.unknown.clone(), Vec::new()),
                }
            }
            Effect::CallTool { tool, .. } => {
                // Without a connected backend a person has to do it, with everything in hand.
                response.rejections.push(Rejection {
                    reason: "no backend is connected for this tool; a person takes over".into(),
                    proposal: tool,
                });
                let reason = HandoffReason::PolicyRequiresPerson;
                response.state.handed_off = Some(reason);
                say(phrases.hand_off.clone(), Vec::new());
                response.handoff = Some(self.handoff(conversation, &response.state, reason).await);
            }
            Effect::HandOff { reason } => {
                say(phrases.hand_off.clone(), Vec::new());
                response.handoff = Some(self.handoff(conversation, &response.state, reason).await);
            }
        }
        Ok(())
    }

    async fn small_talk(&self, conversation: &Conversation, prefix: &Prefix) -> Result<String> {
        if !self.inner.writes {
            return Ok(self.inner.phrases.clarify.clone());
        }
        let task = self.inner.prompts.render(&SmallTalkPrompt {
            organisation: &self.inner.organisation,
            language: &conversation.language,
        })?;
        let request = Request::new(prefix.ask(task)).with_max_tokens(CHAT_TOKENS);
        let text = self.inner.model.complete(request).await?.text;
        // Only the first paragraph: small models like to go on with the customer's part.
        Ok(text
            .trim()
            .lines()
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned())
    }

    async fn handoff(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
        reason: HandoffReason,
    ) -> Handoff {
        // A hand-off never fails for want of a summary.
        let summary = self
            .summarize(conversation, SummaryOptions::interim(None))
            .await
            .ok();
        let playbook = state
            .playbook
            .as_deref()
            .and_then(|id| self.inner.playbooks.iter().find(|p| p.id == id));
        Handoff {
            reason,
            summary,
            slots: state.slots.clone(),
            next_steps: playbook
                .into_iter()
                .flat_map(|p| {
                    p.steps
                        .iter()
                        .filter(|step| !state.is_done(&p.id, &step.id))
                })
                .map(|step| step.label.clone())
                .collect(),
        }
    }
}
