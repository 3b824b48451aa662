//! Coaching cues: rules as data, evaluated in milliseconds, never in the way.

mod ask;
mod condition;
mod hurry;
mod replay;
mod rule;
mod signals;
mod verdict;

pub use ask::ModelAsker;
pub use condition::{
    Condition, EmotionCondition, LikenessCondition, MissingStep, ModelQuestion, SignalsCondition,
    WordsCondition,
};
pub(crate) use replay::Replay;
pub use replay::{ReplayConversation, ReplayExample, ReplayReport, RuleReplay};
pub use rule::{CoachingRule, load_coaching_rules};
pub use signals::{CoachingEmotion, CoachingSignals};

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::likeness::{Said, closest};
use super::phrases::{Phrases, is_closing};
use crate::conversation::{
    CoachingCue, Conversation, Evidence, Role, Suggestion, SuggestionKind, Trigger, Utterance,
    UtteranceId,
};
use crate::embedding::{CachedEmbedder, Embedder, TextKind};
use crate::error::Result;
use verdict::{Prepared, Scene, Verdict};

/// What was fired when, in one conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CoachingState {
    fired: HashMap<String, Vec<Fired>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Fired {
    at_ms: u64,
    utterance: Option<UtteranceId>,
}

/// When rules are looked at, and what is known then besides the words.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CoachingMoment {
    /// What happened.
    pub trigger: Trigger,
    /// How the last utterance was said.
    pub signals: CoachingSignals,
    /// What a model answered to the open questions: the probability of "yes", by question. With answers, only the rules
    /// that ask are looked at.
    pub answers: HashMap<String, f32>,
}

impl CoachingMoment {
    /// Somebody said something, or another moment at which rules are looked at.
    pub fn new(trigger: Trigger) -> Self {
        Self {
            trigger,
            signals: CoachingSignals::default(),
            answers: HashMap::new(),
        }
    }

    /// Adds how the last utterance was said.
    #[must_use]
    pub fn with_signals(mut self, signals: CoachingSignals) -> Self {
        self.signals = signals;
        self
    }

    /// Adds what a model answered, by question: the probability of "yes".
    #[must_use]
    pub fn with_answers(mut self, answers: HashMap<String, f32>) -> Self {
        self.answers = answers;
        self
    }
}

/// What came of looking at the rules.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Coaching {
    /// The cues, by priority.
    pub cues: Vec<Suggestion>,
    /// What only a model can tell: ask it ([`ModelAsker`]) and look again at the same conversation with the answers.
    pub questions: Vec<String>,
}

#[derive(Debug)]
struct Ready {
    rule: CoachingRule,
    condition: Prepared,
    do_not_trigger: Phrases,
    acknowledgements: Vec<Vec<f32>>,
}

/// Evaluates coaching rules.
#[derive(Clone, Debug)]
pub struct Coach {
    embedder: Arc<dyn Embedder>,
    rules: Arc<[Ready]>,
}

/// How close the agent's words must come to an acknowledgement.
const ACKNOWLEDGED: f32 = 0.55;
/// Vectors of sentences kept: those of one very long conversation, or of many at once.
const CACHED_VECTORS: usize = 2048;

impl Coach {
    /// Embeds the rules' examples.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind) for a rule that fails [`CoachingRule::check`]; else as the embedder.
    pub async fn new(embedder: Arc<dyn Embedder>, mut rules: Vec<CoachingRule>) -> Result<Self> {
        // What was said is embedded once, however often it is looked back at.
        let embedder = CachedEmbedder::over(embedder, CACHED_VECTORS);
        rules.sort_by_key(|rule| rule.priority);
        let mut ready = Vec::with_capacity(rules.len());
        for rule in rules {
            rule.check()?;
            ready.push(Ready {
                condition: Prepared::new(embedder.as_ref(), &rule.condition).await?,
                do_not_trigger: Phrases::new(&rule.do_not_trigger),
                acknowledgements: embedder
                    .embed(&rule.acknowledgements, TextKind::Query)
                    .await?,
                rule,
            });
        }
        Ok(Self {
            embedder,
            rules: ready.into(),
        })
    }

    /// The rules, by priority.
    pub fn rules(&self) -> impl Iterator<Item = &CoachingRule> {
        self.rules.iter().map(|ready| &ready.rule)
    }

    /// The cues the last utterance calls for, as far as no model must be asked.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn cues(
        &self,
        conversation: &Conversation,
        state: &mut CoachingState,
    ) -> Result<Vec<Suggestion>> {
        let moment = CoachingMoment::new(Trigger::EndOfUtterance);
        Ok(self.look(conversation, &moment, state).await?.cues)
    }

    /// The cues a moment calls for, and what only a model can tell. No text is generated; an utterance is embedded once.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn look(
        &self,
        conversation: &Conversation,
        moment: &CoachingMoment,
        state: &mut CoachingState,
    ) -> Result<Coaching> {
        let last = conversation.transcript.utterances().last();
        let asked = !moment.answers.is_empty();
        let due: Vec<(&Ready, Option<&Utterance>)> = self
            .rules
            .iter()
            .filter(|ready| !asked || !ready.rule.condition.questions().is_empty())
            .filter_map(|ready| Some((ready, ready.subject(conversation, moment.trigger, last)?)))
            .filter(|(ready, said)| ready.applies(conversation, *said, state))
            .collect();
        self.note_agent(last).await?;
        let mut coaching = Coaching::default();
        if due.is_empty() {
            return Ok(coaching);
        }
        let at_end = matches!(moment.trigger, Trigger::End | Trigger::Transfer);
        let closing = at_end || last.is_some_and(|said| is_closing(&said.text));
        let turns = conversation.transcript.turns().len();
        let agent = self.agent(&due, conversation, turns, closing).await?;
        let mut heard: HashMap<UtteranceId, Said> = HashMap::new();
        for (ready, subject) in due {
            if let Some(said) = subject {
                self.hear(ready, said, &mut heard).await?;
            }
            let said = subject.and_then(|said| heard.get(&said.id));
            if said.is_some_and(|said| ready.do_not_trigger.first_in(&said.words).is_some()) {
                continue;
            }
            let verdict = ready.condition.verdict(&Scene {
                said,
                agent: &agent,
                turns,
                is_closing: closing,
                signals: &moment.signals,
                answers: &moment.answers,
            });
            match verdict {
                Verdict::Fails => {}
                Verdict::Open => {
                    let wanted = ready.rule.condition.questions();
                    let fresh = wanted.into_iter().map(|asked| asked.question.clone());
                    coaching.questions.extend(fresh);
                }
                Verdict::Holds(confidence, words) => {
                    if !self.acknowledged(ready, conversation).await? {
                        state.fire(&ready.rule.id, subject.or(last));
                        coaching.cues.push(ready.cue(subject, confidence, words));
                    }
                }
            }
        }
        coaching.questions.sort();
        coaching.questions.dedup();
        Ok(coaching)
    }

    /// Embeds what the agent just said if a rule will look back at it: now it is one utterance, later it were all.
    async fn note_agent(&self, last: Option<&Utterance>) -> Result<()> {
        let agent = last.filter(|said| is_agent(said.role));
        let wanted = || {
            self.rules
                .iter()
                .any(|ready| ready.condition.compares_agent())
        };
        if let Some(said) = agent.filter(|_| wanted()) {
            Said::embedded(self.embedder.as_ref(), &[said]).await?;
        }
        Ok(())
    }

    /// What the agent has said, if one of the rules looks back now.
    async fn agent(
        &self,
        due: &[(&Ready, Option<&Utterance>)],
        conversation: &Conversation,
        turns: usize,
        closing: bool,
    ) -> Result<Vec<Said>> {
        let back = |ready: &Ready| ready.condition.looks_back(turns, closing);
        if !due.iter().any(|(ready, _)| back(ready)) {
            return Ok(Vec::new());
        }
        let said: Vec<&Utterance> = conversation
            .transcript
            .utterances()
            .iter()
            .filter(|said| is_agent(said.role))
            .collect();
        match due
            .iter()
            .any(|(ready, _)| ready.condition.compares_agent())
        {
            true => Said::embedded(self.embedder.as_ref(), &said).await,
            false => Ok(said.into_iter().map(Said::plain).collect()),
        }
    }

    /// Takes an utterance apart, with vectors if the rule compares them, once for all rules.
    async fn hear(
        &self,
        ready: &Ready,
        said: &Utterance,
        heard: &mut HashMap<UtteranceId, Said>,
    ) -> Result<()> {
        let compares = ready.condition.compares();
        let known = heard.get(&said.id);
        if known.is_some_and(|known| !compares || !known.sentences.is_empty()) {
            return Ok(());
        }
        let fresh = match compares {
            true => Said::embedded(self.embedder.as_ref(), &[said]).await?.pop(),
            false => Some(Said::plain(said)),
        };
        heard.insert(said.id, fresh.unwrap_or_default());
        Ok(())
    }

    /// Whether the agent's last turn already did what the cue would ask for.
    async fn acknowledged(&self, ready: &Ready, conversation: &Conversation) -> Result<bool> {
        let last = conversation.transcript.last_of(Role::HumanAgent);
        let (Some(said), false) = (last, ready.acknowledgements.is_empty()) else {
            return Ok(false);
        };
        let said = Said::embedded(self.embedder.as_ref(), &[said]).await?;
        Ok(said
            .iter()
            .flat_map(|said| &said.sentences)
            .any(|(_, vector)| closest(vector, &ready.acknowledgements) >= ACKNOWLEDGED))
    }
}

fn is_agent(role: Role) -> bool {
    matches!(role, Role::HumanAgent | Role::AutomatedAgent)
}

impl CoachingState {
    fn fire(&mut self, rule: &str, said: Option<&Utterance>) {
        self.fired.entry(rule.to_owned()).or_default().push(Fired {
            at_ms: said.map_or(0, |said| said.end_ms),
            utterance: said.map(|said| said.id),
        });
    }
}

impl Ready {
    /// Whose words a moment is about, or `None` where the rule is not for that moment.
    fn subject<'a>(
        &self,
        conversation: &'a Conversation,
        moment: Trigger,
        last: Option<&'a Utterance>,
    ) -> Option<Option<&'a Utterance>> {
        let is_said = matches!(
            moment,
            Trigger::EndOfUtterance
                | Trigger::CustomerMessage
                | Trigger::AgentMessage
                | Trigger::Manual
        );
        let of_words = matches!(
            self.rule.trigger,
            Trigger::EndOfUtterance | Trigger::CustomerMessage | Trigger::AgentMessage
        );
        if moment == Trigger::End && of_words {
            // Somebody may hang up without a goodbye. Where nobody said anything, nothing is missed.
            let looks = last.is_some() && self.condition.looks_at_the_end();
            return looks.then(|| conversation.transcript.last_of(self.rule.speaker));
        }
        let speaker = match self.rule.trigger {
            Trigger::EndOfUtterance if is_said => self.rule.speaker,
            Trigger::CustomerMessage if is_said => Role::EndUser,
            Trigger::AgentMessage if is_said => Role::HumanAgent,
            other if other == moment => {
                return Some(conversation.transcript.last_of(self.rule.speaker));
            }
            _ => return None,
        };
        last.filter(|said| said.role == speaker).map(Some)
    }

    fn applies(
        &self,
        conversation: &Conversation,
        said: Option<&Utterance>,
        state: &CoachingState,
    ) -> bool {
        let rule = &self.rule;
        let fired = state
            .fired
            .get(&rule.id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let language = primary(&conversation.language);
        let now = said.map_or(0, |said| said.end_ms);
        // A transcript without times would never get over a cool-down.
        let is_timed = now > 0;
        let cooldown_ms = rule.cooldown_s.saturating_mul(1000);
        let rested = |before: &Fired| {
            (said.is_none() || before.utterance != said.map(|said| said.id))
                && (!is_timed || now >= before.at_ms.saturating_add(cooldown_ms))
        };
        (rule.languages.is_empty()
            || rule
                .languages
                .iter()
                .any(|tag| primary(tag).eq_ignore_ascii_case(language)))
            && u32::try_from(fired.len()).is_ok_and(|count| count < rule.max_per_call)
            && fired.last().is_none_or(rested)
    }

    fn cue(&self, said: Option<&Utterance>, confidence: f32, words: String) -> Suggestion {
        let cue = CoachingCue {
            rule: self.rule.id.clone(),
            display_name: self.rule.display_name.clone(),
            message: self.rule.agent_action.clone(),
            system_action: self.rule.system_action.clone(),
            words,
        };
        let evidence = said.map(|said| Evidence::Utterance(said.id));
        Suggestion::new(
            SuggestionKind::Coaching(cue),
            confidence,
            evidence.into_iter().collect(),
        )
    }
}

/// `en-GB` -> `en`.
fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
