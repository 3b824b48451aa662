//! A second opinion of what a customer needs: where what was learned from the examples is not sure, the model is asked of
//! each of the likeliest procedures whether the message is about it, and its yes counts together with how alike the words
//! are. A small model that has to choose among all procedures at once chooses badly; asked of one at a time it knows.

use serde::Serialize;

use super::Assistant;
use super::weigh::{SURELY_READ, log_odds};
use crate::conversation::{Conversation, HandoffReason, Role};
use crate::dialogue::{Command, DialogueState, PlaybookMatch, Reading};
use crate::error::Result;
use crate::llm::Prompt;
use crate::prompt::Template;

/// Procedures that the model is asked about.
const ASKED: usize = 3;
// All of these were chosen on `tests/needs/dev.tsv` and the first words of `tests/customers` and `tests/more-customers`.
/// A need that was read with this probability, and that no other is more like, is believed at once.
const READ_AND_ALIKE: f32 = 0.8;
/// What the model says counts for so much more than how alike the words are.
const MODEL: f32 = 1.5;
/// In log-odds: what is meant is at least so likely,
const MEANT: f32 = 0.5;
/// and so far ahead of the next one.
const AHEAD: f32 = 0.6;
/// What is less likely than this is meant by nobody.
const UNLIKE: f32 = -1.5;

const SYSTEM: &str = "You route messages of customers of a company.";

#[derive(Serialize)]
struct NeedPrompt<'a> {
    message: &'a str,
    about: &'a str,
}

impl Template for NeedPrompt<'_> {
    const NAME: &'static str = "need";
    const SOURCE: &'static str = include_str!("../../prompts/need.jinja");
}

/// What the customer's last words are held to be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Opinion {
    /// This procedure.
    Meant(String),
    /// One of these two.
    Between(String, String),
    /// Nothing is likely enough.
    Unclear,
    /// None of the procedures.
    Unlike,
}

impl Assistant {
    /// What the customer's last words are about, where it is worth the time to ask the model. `None` where what was read
    /// stands, or there is no model that can tell.
    pub(super) async fn opinion(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
        reading: &Reading,
    ) -> Result<Option<Opinion>> {
        let inner = &self.inner;
        let can_tell = inner.writes && inner.has_meaning && inner.model.capabilities().scoring;
        let turns = conversation.transcript.turns();
        let said = turns.iter().filter(|turn| turn.role == Role::EndUser);
        let mut said: Vec<String> = said.map(|turn| turn.text()).collect();
        // Before the first procedure a message goes on with the one before it; later that was about something else.
        let goes_on = state.runs.is_empty() && said.len() > 1;
        said.drain(..said.len().saturating_sub(if goes_on { 2 } else { 1 }));
        let said = said.join("\n");
        let is_open = state.playbook.is_none() && inner.reader.courtesy(conversation).is_none();
        let read = reading.need.as_ref();
        let surely = |probability: f32| probability >= SURELY_READ;
        let is_sure = reading.is_certain && read.is_none_or(|(_, likely)| surely(*likely));
        // What is read from several messages together is not in the last one alone.
        if !can_tell || !is_open || is_sure || goes_on && reading.is_certain {
            return Ok(None);
        }
        let matches = match goes_on {
            true => inner.ranker.matches(conversation).await?,
            false => self.of_last_words(conversation).await?,
        };
        let Some(first) = matches.first() else {
            return Ok(None);
        };
        let agrees =
            |(need, likely): &(String, f32)| *need == first.playbook && *likely >= READ_AND_ALIKE;
        if reading.is_certain && read.is_some_and(agrees) {
            return Ok(None);
        }
        let named = |found: &PlaybookMatch| self.named(&found.playbook).is_some();
        let (asked, others): (Vec<_>, Vec<_>) = matches
            .into_iter()
            .filter(named)
            .enumerate()
            .partition(|(at, _)| *at < ASKED);
        let is_read = |found: &PlaybookMatch| read.is_some_and(|(need, _)| *need == found.playbook);
        let also = others.into_iter().filter(|(_, found)| is_read(found));
        let mut likely: Vec<(f32, String)> = Vec::new();
        for (_, found) in asked.into_iter().chain(also) {
            let yes = self.is_about(&said, &found.playbook).await?;
            let read = read.filter(|(need, _)| *need == found.playbook);
            let read = read.map_or(0.0, |(_, likely)| log_odds(*likely).max(0.0));
            let all = log_odds(found.confidence) + MODEL * log_odds(yes) + read;
            likely.push((all, found.playbook));
        }
        likely.sort_by(|a, b| b.0.total_cmp(&a.0));
        tracing::debug!(?likely, "what a message is about");
        // What was done before is asked for again in other ways.
        let again = |need: &str| state.runs.contains_key(need);
        let mut likely = likely.into_iter();
        let Some((most, first)) = likely.next().filter(|(_, first)| !again(first)) else {
            return Ok(None);
        };
        let next = likely.next().filter(|(likely, _)| most - likely < AHEAD);
        Ok(Some(match next {
            _ if most < UNLIKE => Opinion::Unlike,
            _ if most < MEANT => Opinion::Unclear,
            Some((_, next)) => Opinion::Between(first, next),
            None => Opinion::Meant(first),
        }))
    }

    /// What was read, put right by the opinion of it.
    pub(super) fn put_right(
        &self,
        conversation: &Conversation,
        opinion: &Opinion,
        reading: &mut Reading,
    ) {
        if !reading.is_certain {
            return;
        }
        let begins = |command: &Command| matches!(command, Command::StartPlaybook { .. });
        match opinion {
            Opinion::Unlike => {
                reading.is_certain = false;
                reading.commands.retain(|command| !begins(command));
                reading.otherwise.clear();
            }
            Opinion::Meant(need) if self.inner.reader.begins(need) => {
                for commands in [&mut reading.commands, &mut reading.otherwise] {
                    let begun: Vec<&Command> = commands.iter().filter(|c| begins(c)).collect();
                    let is_other = |command: &&Command| matches!(command, Command::StartPlaybook { playbook, .. } if playbook != need);
                    if begun.len() == 1 && begun.iter().all(is_other) {
                        *commands = self.inner.reader.begin(need, conversation);
                    }
                }
            }
            _ => {}
        }
    }

    /// What begins the need that is meant; a person, where there is no way to see to it here.
    pub(super) fn begun(&self, conversation: &Conversation, need: &str) -> Vec<Command> {
        match self.inner.reader.begins(need) {
            true => self.inner.reader.begin(need, conversation),
            false => vec![Command::HandOff {
                reason: HandoffReason::OutOfScope,
            }],
        }
    }

    /// What a procedure is called to the customer.
    fn named(&self, need: &str) -> Option<&str> {
        let book = self.inner.playbooks.iter().find(|p| p.id == need)?;
        book.about.as_deref()
    }

    /// How likely the model finds it that a message is about a need.
    async fn is_about(&self, message: &str, need: &str) -> Result<f32> {
        let about = self.named(need).unwrap_or_default();
        let task = self.inner.prompts.render(&NeedPrompt { message, about })?;
        let choices = vec!["yes".to_owned(), "no".to_owned()];
        let prompt = Prompt::new(SYSTEM, task);
        let scores = self.inner.model.score(prompt, choices).await?;
        Ok(scores.first().copied().unwrap_or(0.5))
    }
}
