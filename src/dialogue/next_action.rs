//! The next best action, without generating a word: which procedure applies, which steps were
//! taken, which comes next. Embeddings only, so that it is there within a moment of every utterance.

mod taken;

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;

use super::playbook::{Old, Playbook, Slot, Step, overlaid};
use super::reader::{NO_NEEDS, identifier, last_identifier};
use super::state::{DialogueState, key};
use crate::conversation::{Conversation, Evidence, NextBestAction, Role, UtteranceId};
use crate::embedding::{Embedder, TextKind, similarity};
use crate::error::Result;

/// Similarity at which a procedure is as likely as not to be what the customer needs.
const MATCH_MIDPOINT: f32 = 0.48;
/// How quickly likelihood rises around the midpoint.
const MATCH_SLOPE: f32 = 14.0;
/// Similarity from which a sentence of the agent takes the step it is closest to.
const STEP_TAKEN: f32 = 0.55;
/// A sentence with fewer words says too little to be compared by itself.
const SENTENCE_WORDS: usize = 4;
/// What a second procedure is worth beside a first that is as likely.
const SECOND_NEED: f32 = 0.6;
/// Below this likelihood a procedure is not worth a suggestion.
const LEAST_LIKELY: f32 = 0.25;

/// A procedure that may be what the customer needs.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaybookMatch {
    /// The playbook.
    pub playbook: String,
    /// Between 0 and 1.
    pub confidence: f32,
    /// The words that show it.
    pub evidence: UtteranceId,
}

/// Ranks actions by the playbooks.
#[derive(Debug, Clone)]
pub struct ActionRanker {
    embedder: Arc<dyn Embedder>,
    playbooks: Arc<[Playbook]>,
    /// One a playbook.
    vectors: Arc<[Arc<Examples>]>,
    /// Of what people say who need none of them.
    nothing: Arc<[Vec<f32>]>,
    /// Slots whose values are told by their form, and the form.
    identifiers: Arc<[(String, Regex)]>,
}

/// The vectors of a playbook's examples.
#[derive(Debug)]
struct Examples {
    /// Of what customers say who need it.
    needs: Vec<Vec<f32>>,
    /// Of what agents say at each step.
    steps: Vec<Vec<Vec<f32>>>,
}

impl ActionRanker {
    /// Embeds the examples of all playbooks.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn new(embedder: Arc<dyn Embedder>, playbooks: Arc<[Playbook]>) -> Result<Self> {
        let texts = NO_NEEDS.map(str::to_owned);
        let none = Self {
            nothing: embedder.embed(&texts, TextKind::Query).await?.into(),
            embedder,
            playbooks: Arc::default(),
            vectors: Arc::default(),
            identifiers: Arc::default(),
        };
        none.with(playbooks).await
    }

    /// The same with these texts of playbooks.
    ///
    /// # Errors
    /// As the embedder.
    pub(crate) async fn over(&self, old: &[Old]) -> Result<Self> {
        self.with(overlaid(&self.playbooks, old)).await
    }

    /// Over these playbooks; only what is not embedded yet is.
    async fn with(&self, playbooks: Arc<[Playbook]>) -> Result<Self> {
        let mut vectors = Vec::with_capacity(playbooks.len());
        for playbook in playbooks.iter() {
            let mut all = self.playbooks.iter().zip(self.vectors.iter());
            let known = all.find(|(known, _)| *known == playbook);
            vectors.push(match known {
                Some((_, known)) => known.clone(),
                None => Arc::new(self.examples(playbook).await?),
            });
        }
        let mut identifiers: BTreeMap<(String, String), Regex> = BTreeMap::new();
        for slot in playbooks.iter().flat_map(|playbook| &playbook.slots) {
            if let Some(pattern) = identifier(slot) {
                identifiers.insert((slot.name.clone(), pattern.as_str().to_owned()), pattern);
            }
        }
        let identifiers = identifiers.into_iter();
        Ok(Self {
            embedder: self.embedder.clone(),
            playbooks,
            vectors: vectors.into(),
            nothing: self.nothing.clone(),
            identifiers: identifiers
                .map(|((slot, _), pattern)| (slot, pattern))
                .collect(),
        })
    }

    async fn examples(&self, playbook: &Playbook) -> Result<Examples> {
        let embedder = &self.embedder;
        let needs = embedder.embed(&playbook.examples, TextKind::Query).await?;
        let mut steps = Vec::with_capacity(playbook.steps.len());
        for step in &playbook.steps {
            let mut ways = step.examples.clone();
            ways.extend((!step.say.is_empty()).then(|| step.say.clone()));
            steps.push(embedder.embed(&ways, TextKind::Query).await?);
        }
        Ok(Examples { needs, steps })
    }

    /// The playbooks that may apply, likeliest first.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn matches(&self, conversation: &Conversation) -> Result<Vec<PlaybookMatch>> {
        let said = said_by(conversation, |role| {
            matches!(role, Role::EndUser | Role::Unknown)
        });
        let vectors = self.embed(&said).await?;
        let nothing: Vec<f32> = vectors
            .iter()
            .map(|vector| closest(vector, &self.nothing))
            .collect();
        // The more examples there are, the closer anything is to one of them: what is closer still to words that need nothing
        // is less of a need by as much.
        let need = |alike: f32, nothing: f32| alike.min(2.0 * alike - nothing);
        let mut matches: Vec<PlaybookMatch> = self
            .playbooks
            .iter()
            .zip(self.vectors.iter())
            .filter_map(|(playbook, examples)| {
                let best = said
                    .iter()
                    .zip(vectors.iter().zip(&nothing))
                    .map(|(utterance, (vector, nothing))| {
                        let alike = closest(vector, &examples.needs);
                        (need(alike, *nothing), utterance.id)
                    })
                    .max_by(|a, b| a.0.total_cmp(&b.0))?;
                Some(PlaybookMatch {
                    playbook: playbook.id.clone(),
                    confidence: 1.0 / (1.0 + (MATCH_SLOPE * (MATCH_MIDPOINT - best.0)).exp()),
                    evidence: best.1,
                })
            })
            .collect();
        matches.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        Ok(matches)
    }

    /// Where the conversation stands, read from its words: values given and steps taken.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn infer_state(&self, conversation: &Conversation) -> Result<DialogueState> {
        let mut state = DialogueState::default();
        let mut agent = said_by(conversation, |role| {
            matches!(role, Role::HumanAgent | Role::AutomatedAgent)
        });
        // "What can I do for you?" is no step of a procedure that nobody asked for yet.
        let said = conversation.transcript.utterances();
        let first = said.iter().find(|u| u.role == Role::EndUser);
        agent.retain(|said| first.is_some_and(|first| said.id > first.id));
        let vectors = self.embed(&agent).await?;
        for (playbook, examples) in self.playbooks.iter().zip(self.vectors.iter()) {
            // A sentence takes the one step it is closest to.
            for said in &vectors {
                let alike = examples.steps.iter().map(|ways| closest(said, ways));
                let best = alike
                    .zip(&playbook.steps)
                    .max_by(|a, b| a.0.total_cmp(&b.0));
                if let Some((_, step)) = best.filter(|(alike, _)| *alike >= STEP_TAKEN) {
                    state.done.insert(key(&playbook.id, &step.id));
                }
            }
            // A step that stands behind another one that was taken was taken too, in other words.
            let last = playbook
                .steps
                .iter()
                .rposition(|step| state.is_done(&playbook.id, &step.id));
            for step in playbook.steps.iter().take(last.unwrap_or_default()) {
                let leads = playbook.steps.iter().any(|later| {
                    later.after.contains(&step.id) && state.is_done(&playbook.id, &later.id)
                });
                if leads {
                    state.done.insert(key(&playbook.id, &step.id));
                }
            }
        }
        for turn in conversation.transcript.turns() {
            if matches!(turn.role, Role::EndUser | Role::Unknown) {
                state.slots.extend(self.identifiers(&turn.text()));
            }
        }
        Ok(state)
    }

    /// Values that are told by their form wherever the customer gives them, by slot: account numbers and the like. Of
    /// several the last one.
    pub(crate) fn identifiers(&self, text: &str) -> BTreeMap<String, String> {
        let found = self.identifiers.iter().filter_map(|(slot, pattern)| {
            let value = last_identifier(text, pattern)?;
            Some((slot.clone(), value))
        });
        found.collect()
    }

    /// The next best actions, best first: the next step of the likeliest procedure, then what
    /// follows it, then where a second procedure would begin.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn rank(
        &self,
        conversation: &Conversation,
        limit: usize,
    ) -> Result<Vec<NextBestAction>> {
        let matches = self.matches(conversation).await?;
        let state = self.infer_state(conversation).await?;
        let mut actions = Vec::new();
        let best = matches.first().map_or(1.0, |best| best.confidence);
        for (at, found) in matches.iter().enumerate() {
            if found.confidence < LEAST_LIKELY {
                break;
            }
            // People mostly call about one thing: another procedure must be about as likely to count.
            let rank = match at {
                0 => 1.0,
                _ => SECOND_NEED * (found.confidence / best).powi(2),
            };
            let Some(playbook) = self.playbooks.iter().find(|p| p.id == found.playbook) else {
                continue;
            };
            let last = playbook
                .steps
                .iter()
                .rposition(|step| state.is_done(&playbook.id, &step.id));
            let open = playbook.steps.iter().enumerate().filter(|(at, step)| {
                // An optional step that was passed over was left out on purpose.
                let passed_over = step.optional && last.is_some_and(|last| *at < last);
                !passed_over && !state.is_done(&playbook.id, &step.id)
            });
            let open = open.map(|(_, step)| step);
            // Later steps matter less now; three ahead is as far as an agent wants to see.
            for (step, weight) in open.zip([1.0, 0.6, 0.36]) {
                actions.push(self.action(playbook, step, &state, found, weight * rank));
            }
        }
        actions.sort_by(|a, b| b.score.total_cmp(&a.score));
        actions.truncate(limit);
        Ok(actions)
    }

    fn action(
        &self,
        playbook: &Playbook,
        step: &Step,
        state: &DialogueState,
        found: &PlaybookMatch,
        weight: f32,
    ) -> NextBestAction {
        let missing: Vec<&Slot> = step
            .requires
            .iter()
            .filter(|name| !state.slots.contains_key(*name))
            .filter_map(|name| playbook.slot(name))
            .filter(|slot| identifier(slot).is_some())
            .collect();
        let waits = step
            .after
            .iter()
            .filter(|id| !state.is_done(&playbook.id, id));
        let mut preconditions: Vec<String> = missing.iter().map(|slot| slot.ask.clone()).collect();
        preconditions.extend(
            waits
                .filter_map(|id| playbook.step(id))
                .map(|step| step.label.clone()),
        );
        NextBestAction {
            action: key(&playbook.id, &step.id),
            label: step.label.clone(),
            score: found.confidence * weight,
            cost: step.cost,
            reason: format!("{}: {}", playbook.title, playbook.goal),
            preconditions,
            evidence: vec![Evidence::Utterance(found.evidence)],
        }
    }

    async fn embed(&self, said: &[Said]) -> Result<Vec<Vec<f32>>> {
        if said.is_empty() {
            return Ok(Vec::new());
        }
        let texts: Vec<String> = said.iter().map(|said| said.text.clone()).collect();
        self.embedder.embed(&texts, TextKind::Query).await
    }
}

/// An utterance, or a sentence of it.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    id: UtteranceId,
    text: String,
}

/// What the wanted people said, whole and sentence by sentence: "I have refunded it. You will have it in
/// five days. Anything else?" takes three steps, and one vector for all of it is close to none of them.
fn said_by(conversation: &Conversation, wanted: impl Fn(Role) -> bool) -> Vec<Said> {
    let utterances = conversation.transcript.utterances().iter();
    let mut said = Vec::new();
    for utterance in utterances.filter(|u| wanted(u.role)) {
        let mut push = |text: &str| {
            said.push(Said {
                id: utterance.id,
                text: text.to_owned(),
            });
        };
        push(&utterance.text);
        let sentences = utterance.text.split_inclusive(['.', '!', '?']);
        sentences
            .map(str::trim)
            .filter(|sentence| {
                *sentence != utterance.text.trim()
                    && sentence.split_whitespace().count() >= SENTENCE_WORDS
            })
            .for_each(&mut push);
    }
    said
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
    use crate::conversation::Channel;
    use crate::embedding::HashingEmbedder;

    fn playbook() -> Playbook {
        Playbook::from_toml(
            r#"
            id = "twice"
            title = "Charged twice"
            goal = "The money is back."
            examples = ["I was charged twice this month"]
            [[slots]]
            name = "account"
            description = "account number"
            pattern = '^LF\d{6}$'
            ask = "May I have your account number?"
            [[steps]]
            id = "greet"
            label = "Greet"
            kind = "inform"
            say = "Thank you for calling, how can I help you today?"
            [[steps]]
            id = "find"
            label = "Find the second charge"
            kind = "tool"
            tool = "find_charge"
            requires = ["account"]
            after = ["greet"]
            "#,
        )
        .unwrap()
    }

    #[tokio::test]
    async fn a_step_taken_is_not_suggested_again_and_a_value_given_not_asked_again() {
        let ranker = ActionRanker::new(
            Arc::new(HashingEmbedder::default()),
            Arc::from([playbook()]),
        )
        .await
        .unwrap();
        let mut call = Conversation::new("acme", Channel::Voice);
        call.say(Role::EndUser, "I was charged twice this month!");
        let first = ranker.rank(&call, 3).await.unwrap();
        assert_eq!(first[0].action, "twice/greet");
        call.say(
            Role::HumanAgent,
            "Thank you for calling, how can I help you today?",
        );
        let second = ranker.rank(&call, 3).await.unwrap();
        assert_eq!(second[0].action, "twice/find");
        assert_eq!(second[0].preconditions, ["May I have your account number?"]);
        call.say(Role::EndUser, "Sure, it's L F, four zero two, 1 1 7.");
        let third = ranker.rank(&call, 3).await.unwrap();
        assert_eq!(third[0].preconditions, [] as [&str; 0]);
        let state = ranker.infer_state(&call).await.unwrap();
        assert_eq!(state.slots["account"], "LF402117");
    }

    #[tokio::test]
    async fn small_talk_calls_for_no_action() {
        let ranker = ActionRanker::new(
            Arc::new(HashingEmbedder::default()),
            Arc::from([playbook()]),
        )
        .await
        .unwrap();
        let mut call = Conversation::new("acme", Channel::Voice);
        assert_eq!(ranker.rank(&call, 3).await.unwrap(), []);
        call.say(Role::EndUser, "Good morning, lovely weather.");
        assert_eq!(ranker.rank(&call, 3).await.unwrap(), []);
    }
}
