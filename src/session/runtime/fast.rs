//! What an utterance sets off at once: nothing here writes text.

use tracing::Instrument;

use super::super::event::{SessionEvent, Skill};
use super::{Runtime, Work};
use crate::assist::{ReplyContext, asks_something};
use crate::assistant::{instruction, worth_showing};
use crate::conversation::{NextBestAction, Role, Suggestion, UtteranceId};

/// A note is brought up to date after this many new utterances, when nothing else is to be done.
const NOTE_EVERY: usize = 8;
/// Actions that are looked at for one reply.
const ACTIONS: usize = 3;

impl Runtime {
    /// Sets off what an utterance calls for.
    pub(super) async fn react(&mut self, id: UtteranceId, role: Role, virtual_agent: bool) {
        if virtual_agent {
            if role == Role::EndUser {
                self.overtake();
                match self.answered(id).await {
                    true => self.wanted.was_answered(),
                    false => self.wanted.respond(id),
                }
            }
            return;
        }
        let fast = tracing::info_span!("fast_path");
        let (context, scripted) = self.look(id, role).instrument(fast).await;
        self.turn.reached("fast_path");
        if role == Role::EndUser {
            self.overtake();
            self.withdraw_reply().await;
            // The procedure's own words are there at once; a question wants an answer from the articles.
            let answerable = self.assistant.inner.writes && context.is_answerable();
            match scripted {
                Some(reply) if !(answerable && asks_something(&self.conversation)) => {
                    self.show_reply(reply).await;
                }
                _ if answerable => self.wanted.reply = Some(Work::Reply(context)),
                _ => {}
            }
        }
        let covered = self.summary.as_ref().map_or(0, |summary| summary.covers);
        if self.assistant.inner.writes && self.conversation.transcript.len() >= covered + NOTE_EVERY
        {
            self.wanted.note = self.wanted.note.or(Some(false));
        }
    }

    /// The fast path: nothing here writes text.
    async fn look(&mut self, id: UtteranceId, role: Role) -> (ReplyContext, Option<Suggestion>) {
        let mut context = ReplyContext::default();
        let mut scripted = None;
        self.coach(id).await;
        if role != Role::HumanAgent {
            let search = tracing::info_span!("search");
            let finder = &self.assistant.inner.finder;
            match finder.find(&self.conversation).instrument(search).await {
                Ok(passages) => {
                    self.show_articles(&passages, id).await;
                    context.passages = passages;
                }
                Err(error) => {
                    self.emit(SessionEvent::failed(Skill::Knowledge, &error))
                        .await
                }
            }
        }
        match self
            .assistant
            .next_best_actions(&self.conversation, ACTIONS)
            .instrument(tracing::info_span!("next_best_action"))
            .await
        {
            Ok(actions) => {
                let actions = if self.stop_selling {
                    Vec::new()
                } else {
                    actions
                };
                context.next_step = actions.first().map(instruction);
                scripted =
                    worth_showing(&actions).and_then(|best| self.assistant.scripted_reply(best));
                self.suggest_action(worth_showing(&actions)).await;
            }
            Err(error) => {
                self.emit(SessionEvent::failed(Skill::NextBestAction, &error))
                    .await
            }
        }
        tracing::debug!(
            utterance = id.0,
            passages = context.passages.len(),
            "fast path done"
        );
        (context, scripted)
    }

    /// Brings the screen up to date with the action that is worth showing now.
    async fn suggest_action(&mut self, best: Option<&NextBestAction>) {
        match best {
            Some(best) if self.last_action.as_ref() == Some(&best.action) => {}
            Some(best) => self.show_action(best).await,
            None => {
                // What was foreseen waits until the customer says what they need.
                let said = self.conversation.transcript.utterances();
                let is_customer = |role: Role| matches!(role, Role::EndUser | Role::Unknown);
                if said.iter().any(|said| is_customer(said.role)) {
                    self.withdraw_action().await;
                }
            }
        }
    }
}
