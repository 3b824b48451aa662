//! Coaching cues: rules as data, evaluated in milliseconds, never in the way.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::conversation::{
    CoachingCue, Conversation, Evidence, Role, Suggestion, SuggestionKind, Utterance,
};
use crate::embedding::{Embedder, TextKind, similarity};
use crate::error::{Error, ErrorKind, OrError, Result};

/// When a cue is given: somebody says something close to the examples, closer than to the
/// counter-examples, and the agent has not responded to it yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoachingRule {
    /// Machine name.
    pub id: String,
    /// Name for screens.
    pub display_name: String,
    /// Whose words are looked at.
    pub speaker: Role,
    /// Sentences that call for the cue.
    pub examples: Vec<String>,
    /// Sentences on the same topics that do not.
    #[serde(default)]
    pub counter_examples: Vec<String>,
    /// Least similarity to an example, between 0 and 1.
    pub threshold: f32,
    /// The hint to the agent.
    pub agent_action: String,
    /// Phrases by which the agent has already done it.
    #[serde(default)]
    pub acknowledgements: Vec<String>,
    /// Seconds of the conversation in which the cue does not come again.
    #[serde(default)]
    pub cooldown_s: u64,
    /// At most this many times in a conversation.
    #[serde(default = "once")]
    pub max_per_call: u32,
    /// Lower comes first.
    #[serde(default)]
    pub priority: u32,
    /// BCP 47 tags of the conversations it is for; all where empty.
    #[serde(default)]
    pub languages: Vec<String>,
}

fn once() -> u32 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    #[serde(default)]
    rules: Vec<CoachingRule>,
}

/// Reads rules from a TOML file of `[[rules]]`.
///
/// # Errors
/// [`ErrorKind::NotFound`] without such a file; [`ErrorKind::Config`] with line and key of the
/// mistake.
pub fn load_coaching_rules(path: &Path) -> Result<Vec<CoachingRule>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).or_error(ErrorKind::NotFound, || {
        format!("cannot read the coaching rules {shown}")
    })?;
    let file: RuleFile = toml::from_str(&text).or_error(ErrorKind::Config, || {
        format!("{shown} holds no coaching rules")
    })?;
    for rule in &file.rules {
        let fault = if rule.examples.is_empty() {
            "has no examples and could never fire"
        } else if !(0.0..=1.0).contains(&rule.threshold) {
            "needs a threshold between 0 and 1"
        } else {
            continue;
        };
        return Err(Error::new(
            ErrorKind::Config,
            format!("{shown}: rule {:?} {fault}", rule.id),
        ));
    }
    Ok(file.rules)
}

/// What was fired when, in one conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CoachingState {
    fired: HashMap<String, Vec<u64>>,
}

#[derive(Debug)]
struct Prepared {
    rule: CoachingRule,
    examples: Vec<Vec<f32>>,
    counter_examples: Vec<Vec<f32>>,
    acknowledgements: Vec<Vec<f32>>,
}

/// Evaluates coaching rules.
#[derive(Clone, Debug)]
pub struct Coach {
    embedder: Arc<dyn Embedder>,
    rules: Arc<[Prepared]>,
}

/// How close the agent's words must come to an acknowledgement.
const ACKNOWLEDGED: f32 = 0.55;
/// Shorter utterances ("yes", "my name is Kim") say nothing about a feeling.
const LEAST_WORDS: usize = 4;

impl Coach {
    /// Embeds the rules' examples.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn new(embedder: Arc<dyn Embedder>, mut rules: Vec<CoachingRule>) -> Result<Self> {
        rules.sort_by_key(|rule| rule.priority);
        let mut prepared = Vec::with_capacity(rules.len());
        for rule in rules {
            prepared.push(Prepared {
                examples: embedder.embed(&rule.examples, TextKind::Query).await?,
                counter_examples: embedder
                    .embed(&rule.counter_examples, TextKind::Query)
                    .await?,
                acknowledgements: embedder
                    .embed(&rule.acknowledgements, TextKind::Query)
                    .await?,
                rule,
            });
        }
        Ok(Self {
            embedder,
            rules: prepared.into(),
        })
    }

    /// The cues the last utterance calls for.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn cues(
        &self,
        conversation: &Conversation,
        state: &mut CoachingState,
    ) -> Result<Vec<Suggestion>> {
        let Some(last) = conversation.transcript.utterances().last() else {
            return Ok(Vec::new());
        };
        let mut cues = Vec::new();
        for prepared in self.rules.iter() {
            if !prepared.applies(conversation, last, state) {
                continue;
            }
            let Some(confidence) = self.matches(prepared, conversation, last).await? else {
                continue;
            };
            let rule = &prepared.rule;
            state
                .fired
                .entry(rule.id.clone())
                .or_default()
                .push(last.end_ms);
            let cue = CoachingCue {
                rule: rule.id.clone(),
                display_name: rule.display_name.clone(),
                message: rule.agent_action.clone(),
            };
            cues.push(Suggestion::new(
                SuggestionKind::Coaching(cue),
                confidence,
                vec![Evidence::Utterance(last.id)],
            ));
        }
        Ok(cues)
    }

    /// The confidence, if the words call for the cue.
    async fn matches(
        &self,
        prepared: &Prepared,
        conversation: &Conversation,
        last: &Utterance,
    ) -> Result<Option<f32>> {
        // A feeling often stands in one sentence of a longer turn.
        let sentences = sentences(&last.text);
        let vectors = self.embedder.embed(&sentences, TextKind::Query).await?;
        let best = vectors
            .iter()
            .map(|v| {
                (
                    closest(v, &prepared.examples),
                    closest(v, &prepared.counter_examples),
                )
            })
            .filter(|(like, unlike)| *like >= prepared.rule.threshold && like > unlike)
            .max_by(|a, b| (a.0 - a.1).total_cmp(&(b.0 - b.1)));
        let Some((like, unlike)) = best else {
            return Ok(None);
        };
        if self.acknowledged(prepared, conversation).await? {
            return Ok(None);
        }
        Ok(Some((0.5 + (like - unlike)).clamp(0.5, 0.99)))
    }

    /// Whether the agent's last turn already did what the cue would ask for.
    async fn acknowledged(&self, prepared: &Prepared, conversation: &Conversation) -> Result<bool> {
        let Some(said) = conversation.transcript.last_of(Role::HumanAgent) else {
            return Ok(false);
        };
        if prepared.acknowledgements.is_empty() {
            return Ok(false);
        }
        let vectors = self
            .embedder
            .embed(&sentences(&said.text), TextKind::Query)
            .await?;
        Ok(vectors
            .iter()
            .any(|v| closest(v, &prepared.acknowledgements) >= ACKNOWLEDGED))
    }
}

impl Prepared {
    fn applies(
        &self,
        conversation: &Conversation,
        last: &Utterance,
        state: &CoachingState,
    ) -> bool {
        let rule = &self.rule;
        let fired = state
            .fired
            .get(&rule.id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let language = primary(&conversation.language);
        last.role == rule.speaker
            && last.text.split_whitespace().count() >= LEAST_WORDS
            && (rule.languages.is_empty()
                || rule
                    .languages
                    .iter()
                    .any(|tag| primary(tag).eq_ignore_ascii_case(language)))
            && u32::try_from(fired.len()).is_ok_and(|count| count < rule.max_per_call)
            && fired.last().is_none_or(|at| {
                last.end_ms >= at.saturating_add(rule.cooldown_s.saturating_mul(1000))
            })
    }
}

/// `en-GB` -> `en`.
fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or_default()
}

fn sentences(text: &str) -> Vec<String> {
    text.split_inclusive(['.', '!', '?'])
        .map(str::trim)
        .filter(|s| s.split_whitespace().count() >= LEAST_WORDS)
        .map(str::to_owned)
        .chain(std::iter::once(text.to_owned()))
        .collect()
}

fn closest(vector: &[f32], others: &[Vec<f32>]) -> f32 {
    others
        .iter()
        .map(|other| similarity(vector, other))
        .fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Channel, NewUtterance};
    use crate::embedding::HashingEmbedder;

    async fn coach() -> Coach {
        let rule = CoachingRule {
            id: "frustration".into(),
            display_name: "Acknowledge".into(),
            speaker: Role::EndUser,
            examples: vec!["this is really annoying and nobody helps me".into()],
            counter_examples: vec!["nobody was at home to help the engineer".into()],
            threshold: 0.5,
            agent_action: "Name the feeling.".into(),
            acknowledgements: vec!["I understand how annoying that is".into()],
            cooldown_s: 60,
            max_per_call: 2,
            priority: 1,
            languages: vec!["en".into()],
        };
        Coach::new(Arc::new(HashingEmbedder::default()), vec![rule])
            .await
            .unwrap()
    }

    fn say(call: &mut Conversation, role: Role, text: &str, at_ms: u64) {
        let who = call.join(crate::conversation::Participant::new(role.as_str(), role));
        call.append(NewUtterance::new(who, text).with_span(at_ms, at_ms));
    }

    const ANNOYED: &str = "This is really annoying and nobody helps me.";

    #[tokio::test]
    async fn a_cue_comes_once_and_again_only_after_its_cooldown() {
        let (coach, mut state) = (coach().await, CoachingState::default());
        let mut call = Conversation::new("acme", Channel::Voice);
        say(&mut call, Role::EndUser, ANNOYED, 1_000);
        assert_eq!(coach.cues(&call, &mut state).await.unwrap().len(), 1);
        say(&mut call, Role::EndUser, ANNOYED, 30_000);
        assert_eq!(coach.cues(&call, &mut state).await.unwrap().len(), 0);
        say(&mut call, Role::EndUser, ANNOYED, 70_000);
        assert_eq!(coach.cues(&call, &mut state).await.unwrap().len(), 1);
        say(&mut call, Role::EndUser, ANNOYED, 200_000);
        assert_eq!(
            coach.cues(&call, &mut state).await.unwrap().len(),
            0,
            "at most twice"
        );
    }

    #[tokio::test]
    async fn no_cue_for_neutral_words_the_agent_or_a_feeling_already_acknowledged() {
        let coach = coach().await;
        for (role, text) in [
            (Role::EndUser, "Nobody was at home to help the engineer."),
            (Role::HumanAgent, ANNOYED),
            (Role::EndUser, "My postcode is the same."),
        ] {
            let mut call = Conversation::new("acme", Channel::Voice);
            say(&mut call, role, text, 0);
            let cues = coach
                .cues(&call, &mut CoachingState::default())
                .await
                .unwrap();
            assert_eq!(cues, [], "{text}");
        }
        let mut call = Conversation::new("acme", Channel::Voice);
        say(
            &mut call,
            Role::HumanAgent,
            "I understand how annoying that is.",
            0,
        );
        say(&mut call, Role::EndUser, ANNOYED, 1_000);
        assert_eq!(
            coach
                .cues(&call, &mut CoachingState::default())
                .await
                .unwrap(),
            []
        );
    }
}
