//! Which procedure the customer's words call for: what was learned from the examples of all procedures, plain likeness to
//! each one's examples and what the model proposes are held against each other.

use super::Assistant;
use super::respond::WORDS_TO_LOOK_UP;
use crate::conversation::{Conversation, Role};
use crate::dialogue::{
    Command, DialogueState, Effect, Moment, PlaybookMatch, Reading, ToolEffect, apply,
};
use crate::error::Result;

// All of these were chosen on `tests/needs/dev.tsv` and the first words of `tests/customers`.
/// A procedure that the model proposes is begun from this likeness on,
const LEAST_LIKELY: f32 = 0.2;
/// or from this one where none is likelier.
const LIKELIEST: f32 = 0.15;
/// From this one on it is asked about.
const ASKED_ABOUT: f32 = 0.1;
/// A procedure that nothing else speaks against is begun where it is so likely,
const LIKELY_ENOUGH: f32 = 0.5;
/// and by so much likelier than the next.
const CLEARLY: f32 = 0.15;
/// Log-odds by which one procedure is clearly likelier than another.
const FAR: f32 = 0.6;
/// A need that was read with this probability is not weighed again.
pub(super) const SURELY_READ: f32 = 0.95;

/// What may become of the procedures that a model proposes.
pub(super) struct Likely {
    /// These may be begun.
    pub(super) begun: Vec<String>,
    /// Of these it may be asked whether they are meant.
    pub(super) asked_about: Vec<String>,
}

impl Assistant {
    /// What was read begins another procedure where the words are clearly more like that one's examples.
    pub(super) async fn weigh(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
        reading: &mut Reading,
    ) -> Result<()> {
        let Some((read, probability)) = reading.need.clone() else {
            return Ok(());
        };
        let is_free = state.playbook.is_none() && self.inner.has_meaning;
        if !is_free || probability >= SURELY_READ {
            return Ok(());
        }
        let begins = |commands: &[Command]| -> Vec<String> {
            let begun = commands.iter().filter_map(|command| match command {
                Command::StartPlaybook { playbook, .. } => Some(playbook.clone()),
                _ => None,
            });
            begun.collect()
        };
        let is_ours = |commands: &[Command]| begins(commands) == [read.clone()];
        let (now, otherwise) = (is_ours(&reading.commands), is_ours(&reading.otherwise));
        if !now && !otherwise {
            return Ok(());
        }
        let matches = self.of_last_words(conversation).await?;
        let of_read = matches.iter().find(|found| found.playbook == read);
        let Some((first, of_read)) = matches.first().zip(of_read) else {
            return Ok(());
        };
        let is_far = log_odds(first.confidence) - log_odds(of_read.confidence) >= FAR;
        if is_far && first.confidence >= LIKELY_ENOUGH && !state.runs.contains_key(&first.playbook)
        {
            let begun = self.inner.reader.begin(&first.playbook, conversation);
            match now {
                true => reading.commands = begun,
                false => reading.otherwise = begun,
            }
        }
        Ok(())
    }

    /// The procedures that a model may begin, since the words are like them; it is trusted with no others. `heard` is the
    /// need that was read, however unlikely.
    pub(super) async fn likely(
        &self,
        conversation: &Conversation,
        heard: Option<&str>,
    ) -> Result<Likely> {
        let matches = self.inner.ranker.matches(conversation).await?;
        let most = matches.first().map_or(0.0, |first| first.confidence);
        let may_begin = |found: &PlaybookMatch| {
            let near = log_odds(most) - log_odds(found.confidence) < FAR;
            near && found.confidence >= LEAST_LIKELY
                || found.confidence >= most.max(LIKELIEST)
                || heard == Some(found.playbook.as_str())
        };
        let ids = |of: &dyn Fn(&PlaybookMatch) -> bool| {
            let found = matches.iter().filter(|found| of(found));
            found.map(|found| found.playbook.clone()).collect()
        };
        Ok(Likely {
            begun: ids(&may_begin),
            // Likeness without meaning speaks for nothing and against nothing.
            asked_about: ids(&|found| !self.inner.has_meaning || found.confidence >= ASKED_ABOUT),
        })
    }

    /// The procedure that the customer's last words are clearly like, to be begun; none that was run before.
    pub(super) async fn likely_need(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
    ) -> Result<Vec<Command>> {
        let last = conversation.transcript.last_of(Role::EndUser);
        let few = last.is_none_or(|last| last.text.split_whitespace().count() < WORDS_TO_LOOK_UP);
        if few || !self.inner.has_meaning || state.playbook.is_some() {
            return Ok(Vec::new());
        }
        let matches = self.inner.ranker.matches(conversation).await?;
        let next = matches.get(1).map_or(0.0, |second| second.confidence);
        let first = matches.into_iter().next().filter(|first| {
            last.is_some_and(|last| first.evidence == last.id)
                && first.confidence >= LIKELY_ENOUGH
                && first.confidence - next >= CLEARLY
                && !state.runs.contains_key(&first.playbook)
        });
        Ok(first.map_or_else(Vec::new, |first| {
            self.inner.reader.begin(&first.playbook, conversation)
        }))
    }

    /// The procedure that these commands begin, where its very first step changes something and nobody has to say yes to
    /// it. Mostly who somebody is has to be asked first, which leaves them time to object; later in a conversation it does
    /// not.
    pub(super) fn would_act_at_once(
        &self,
        state: &DialogueState,
        commands: &[Command],
        moment: &Moment<'_>,
    ) -> Option<String> {
        let begun = commands.iter().find_map(|command| match command {
            Command::StartPlaybook { playbook, .. } => Some(playbook.clone()),
            _ => None,
        })?;
        let (_, effects, _) = apply(state.clone(), commands, moment);
        let changes = |effect: &Effect| match effect {
            Effect::CallTool { tool, .. } => {
                let known = self.inner.actions.tools().get(tool);
                known.is_none_or(|tool| tool.spec().effect != ToolEffect::Read)
            }
            Effect::Resolve { .. } => true,
            _ => false,
        };
        effects.iter().any(changes).then_some(begun)
    }

    /// What the customer's last words alone are like.
    pub(super) async fn of_last_words(
        &self,
        conversation: &Conversation,
    ) -> Result<Vec<PlaybookMatch>> {
        let mut alone = Conversation::new(conversation.tenant.clone(), conversation.channel);
        alone.language.clone_from(&conversation.language);
        if let Some(last) = conversation.transcript.last_of(Role::EndUser) {
            alone.say(Role::EndUser, &last.text);
        }
        self.inner.ranker.matches(&alone).await
    }
}

pub(super) fn log_odds(probability: f32) -> f32 {
    let probability = probability.clamp(1e-4, 1.0 - 1e-4);
    (probability / (1.0 - probability)).ln()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde_json::{Map, Value, json};

    use super::*;
    use crate::dialogue::{FnTool, Playbook, ToolSpec};

    const BLOCK: &str = r#"
        id = "lost"
        title = "Phone lost"
        goal = "g"
        about = "a lost phone"
        examples = ["I lost my phone"]
        [[slots]]
        name = "account"
        description = "account number"
        pattern = '^LF\d{2}$'
        ask = "Your account number?"
        [[steps]]
        id = "block"
        label = "Block it"
        kind = "tool"
        tool = "block"
        requires = ["account"]
    "#;

    async fn assistant(effect: ToolEffect) -> Assistant {
        let spec = ToolSpec::new("block", "Blocks a card").with_effect(effect);
        let tool = FnTool::new(spec, |_: Map<String, Value>, _| async { Ok(json!({})) });
        Assistant::builder()
            .playbooks(vec![Playbook::from_toml(BLOCK).unwrap()])
            .tools(vec![Arc::new(tool)])
            .build()
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_procedure_that_changes_something_at_once_is_told_from_one_that_asks_first() {
        let begin = [Command::StartPlaybook {
            playbook: "lost".into(),
            later: false,
        }];
        let known = DialogueState {
            slots: [("account".to_owned(), "LF12".to_owned())].into(),
            ..DialogueState::default()
        };
        let unknown = DialogueState::default();
        let (writes, reads) = (
            assistant(ToolEffect::Write).await,
            assistant(ToolEffect::Read).await,
        );
        for (assistant, state, acts) in [
            (&writes, &known, true),
            (&writes, &unknown, false),
            (&reads, &known, false),
        ] {
            let moment = Moment {
                playbooks: &assistant.inner.playbooks,
                profile: &BTreeMap::new(),
                now: jiff::Timestamp::now(),
                utterance: None,
            };
            let found = assistant.would_act_at_once(state, &begin, &moment);
            assert_eq!(found.is_some(), acts, "{state:?}");
        }
    }
}
