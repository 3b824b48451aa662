//! Follows a conversation utterance by utterance.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::signs::{of_agent, of_customer, plain};
use crate::conversation::{
    Conversation, ExperienceReason, ExperienceScore, ExperienceSign as Sign, Role, UtteranceId,
};
use crate::embedding::similarity;

/// How much of what was felt at one turn of the customer is left at the next.
const KEPT: f32 = 0.4;
/// From this likeness of vectors on, one says the same again. Two texts about one subject reach about 0.6.
const SAME: f32 = 0.85;
/// From this share of common words on, where there are no vectors.
const SAME_WORDS: f32 = 0.7;
/// Shorter utterances are said again without any annoyance: "yes", "on Monday".
const WORDS: usize = 4;
const REPETITION: f32 = -0.6;
const ASKED_AGAIN: f32 = -0.4;
/// Points for words as pleasant or unpleasant as they get.
const FEELING: f32 = 1.0;

/// What was said, and what else is known of it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HeardUtterance<'a> {
    /// Its id.
    pub id: UtteranceId,
    /// Who said it; nothing is told by those whose role is not known.
    pub role: Role,
    /// The words.
    pub text: &'a str,
    /// Its vector: tells better than words alone who says the same again.
    pub vector: Option<&'a [f32]>,
    /// How pleasant the words are, between -1 and 1, where an emotion model heard them.
    pub valence: Option<f32>,
}

impl<'a> HeardUtterance<'a> {
    /// An utterance of which only the words are known.
    pub fn new(id: UtteranceId, role: Role, text: &'a str) -> Self {
        Self {
            id,
            role,
            text,
            vector: None,
            valence: None,
        }
    }

    /// Adds its vector.
    #[must_use]
    pub fn with_vector(mut self, vector: &'a [f32]) -> Self {
        self.vector = Some(vector);
        self
    }

    /// Adds how pleasant its words are, between -1 and 1.
    #[must_use]
    pub fn with_valence(mut self, valence: f32) -> Self {
        self.valence = Some(valence);
        self
    }
}

/// Predicts the experience while a conversation goes on. Cheap: no model runs in it.
#[derive(Clone, Debug, Default)]
pub struct ExperienceTracker {
    reasons: Vec<ExperienceReason>,
    customer: Side,
    agent: Side,
    /// What the agent's last turn is worth to the customer.
    served: f32,
    /// What is felt now, and its sum over the customer's turns.
    now: f32,
    sum: f32,
    turns: usize,
    /// The lowest and the highest of `now`.
    low: f32,
    high: f32,
    counts: Counts,
}

/// How often each thing that matters beyond the sum of points happened, newer ones in full.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    failures: f32,
    successes: f32,
    complaints: f32,
    repeats: f32,
    humans: f32,
    /// Whether the customer's last turn says that the need is met.
    content: f32,
}

/// One thing that was said, as far as it takes to tell whether it is said again.
#[derive(Clone, Debug)]
struct Said {
    words: Box<[u32]>,
    vector: Option<Vec<f32>>,
}

/// What one side said.
#[derive(Clone, Debug, Default)]
struct Side {
    said: Vec<Said>,
}

impl ExperienceTracker {
    /// Before anything was said.
    pub fn new() -> Self {
        Self::default()
    }

    /// The score of a whole conversation, from words alone.
    pub fn review(conversation: &Conversation) -> ExperienceScore {
        let mut tracker = Self::new();
        for said in conversation.transcript.utterances() {
            if !said.back_channel {
                tracker.hear(HeardUtterance::new(said.id, said.role, &said.text));
            }
        }
        tracker.final_score()
    }

    /// Takes in the next utterance.
    pub fn hear(&mut self, said: HeardUtterance<'_>) {
        match said.role {
            Role::EndUser => self.hear_customer(said),
            Role::HumanAgent | Role::AutomatedAgent => self.hear_agent(said),
            Role::Unknown => {}
        }
    }

    /// How pleasant the customer's utterances were, where that was told: what another tracker has to be told besides the
    /// words to come to the same.
    pub fn valences(&self) -> Vec<(UtteranceId, f32)> {
        let felt = self.reasons.iter();
        let felt = felt.filter(|reason| reason.sign == Sign::Feeling);
        felt.map(|reason| (reason.utterance, reason.effect / FEELING))
            .collect()
    }

    /// The experience at this moment.
    pub fn score(&self) -> ExperienceScore {
        self.score_of(self.now)
    }

    /// The experience as a whole: people remember the strongest moment and the end (Kahneman et al. 1993, "When More Pain
    /// Is Preferred to Less"), here together with the average.
    pub fn final_score(&self) -> ExperienceScore {
        let mean = self.sum / self.turns.max(1) as f32;
        let peak = if -self.low > self.high {
            self.low
        } else {
            self.high
        };
        self.score_of((mean + peak + self.now) / 3.0 * 1.5)
    }

    fn hear_agent(&mut self, said: HeardUtterance<'_>) {
        let words = plain(said.text);
        self.served = 0.0;
        let mut signs = of_agent(&words);
        let asks = said.text.contains('?');
        if asks && self.agent.repeats(&words, said.vector) {
            signs.push((Sign::AskedAgain, ASKED_AGAIN));
        }
        for (sign, effect) in signs {
            self.served += effect;
            match sign {
                Sign::Failure => self.counts.failures += 1.0,
                Sign::Success => self.counts.successes += 1.0,
                _ => self.counts.repeats += 1.0,
            }
            self.note(said.id, sign, effect);
        }
        if asks {
            self.agent.keep(&words, said.vector);
        }
    }

    fn hear_customer(&mut self, said: HeardUtterance<'_>) {
        let words = plain(said.text);
        let mut signs = of_customer(&words);
        if self.customer.repeats(&words, said.vector) {
            signs.push((Sign::Repetition, REPETITION));
        }
        if let Some(valence) = said.valence.filter(|valence| valence.is_finite()) {
            signs.push((Sign::Feeling, FEELING * valence.clamp(-1.0, 1.0)));
        }
        self.customer.keep(&words, said.vector);
        let mut own = 0.0;
        self.counts.content = 0.0;
        for (sign, effect) in signs {
            own += effect;
            match sign {
                Sign::Gratitude | Sign::Praise | Sign::Acceptance => self.counts.content += effect,
                Sign::Complaint => self.counts.complaints += 1.0,
                Sign::Repetition | Sign::Correction => self.counts.repeats += 1.0,
                Sign::AskedForHuman => self.counts.humans += 1.0,
                _ => {}
            }
            self.note(said.id, sign, effect);
        }
        self.now = KEPT * self.now + self.served + own;
        self.served = 0.0;
        self.sum += self.now;
        self.turns += 1;
        self.low = self.low.min(self.now);
        self.high = self.high.max(self.now);
    }

    fn note(&mut self, utterance: UtteranceId, sign: Sign, effect: f32) {
        self.reasons.push(ExperienceReason {
            utterance,
            sign,
            effect,
        });
    }

    fn score_of(&self, points: f32) -> ExperienceScore {
        let counts = &self.counts;
        let trouble = counts.complaints + counts.repeats + 2.0 * counts.humans;
        ExperienceScore {
            satisfaction: 3.0 + 2.0 * (points / 2.0).tanh(),
            strain: share(
                0.8 * counts.complaints + 0.4 * counts.repeats + 0.2 * counts.failures
                    - 0.5 * points.max(0.0)
                    - 2.0,
            ),
            resolution: share(
                0.5 + 0.6 * counts.successes.min(2.0) + 0.8 * counts.content.min(2.0)
                    - 0.6 * counts.failures
                    - 0.5 * trouble,
            ),
            escalation: share(0.6 * trouble + 0.5 * counts.failures - 0.4 * points - 2.5),
            reasons: self.reasons.clone(),
        }
    }
}

impl Side {
    fn repeats(&self, plain: &str, vector: Option<&[f32]>) -> bool {
        let words = different_words(plain);
        if words.len() < WORDS {
            return false;
        }
        self.said.iter().any(|known| {
            if let (Some(a), Some(b)) = (vector, &known.vector) {
                return known.words.len() >= WORDS && similarity(a, b) >= SAME;
            }
            let is_known = |word: &&u32| known.words.binary_search(word).is_ok();
            let common = words.iter().filter(is_known).count() as f32;
            let all = (known.words.len() + words.len()) as f32 - common;
            common / all.max(1.0) >= SAME_WORDS
        })
    }

    fn keep(&mut self, plain: &str, vector: Option<&[f32]>) {
        self.said.push(Said {
            words: different_words(plain),
            vector: vector.map(<[f32]>::to_vec),
        });
    }
}

/// The words of a text, each once, as hashes in order: a session keeps those of every turn, and they only have to be
/// told apart.
fn different_words(plain: &str) -> Box<[u32]> {
    let hash = |word: &str| {
        let mut hasher = DefaultHasher::new();
        word.hash(&mut hasher);
        hasher.finish() as u32
    };
    let mut words: Vec<u32> = plain.split_whitespace().map(hash).collect();
    words.sort_unstable();
    words.dedup();
    words.into()
}

fn share(odds: f32) -> f32 {
    1.0 / (1.0 + (-odds).exp())
}
