//! Whether a condition holds, from what was prepared before: pure, and a matter of microseconds.

use std::collections::HashMap;

use super::condition::{Condition, EmotionCondition, ModelQuestion, SignalsCondition};
use super::signals::CoachingSignals;
use crate::assist::likeness::{Said, Statement, closest};
use crate::assist::phrases::Phrases;
use crate::embedding::{Embedder, TextKind};
use crate::error::Result;

/// A condition with its phrases cut into words and its examples embedded.
#[derive(Debug)]
pub(super) enum Prepared {
    All(Vec<Prepared>),
    Any(Vec<Prepared>),
    Words {
        any: Phrases,
        all: Phrases,
    },
    Likeness {
        examples: Vec<Vec<f32>>,
        counter_examples: Vec<Vec<f32>>,
        threshold: f32,
    },
    Signals(SignalsCondition),
    Emotion(EmotionCondition),
    Missing {
        step: Statement,
        by_turn: Option<usize>,
    },
    Asked(ModelQuestion),
}

/// What a condition is held against.
pub(super) struct Scene<'a> {
    /// The utterance that is looked at.
    pub(super) said: Option<&'a Said>,
    /// What the agent has said so far.
    pub(super) agent: &'a [Said],
    pub(super) turns: usize,
    pub(super) is_closing: bool,
    pub(super) signals: &'a CoachingSignals,
    /// What the model answered, by question: the probability of "yes".
    pub(super) answers: &'a HashMap<String, f32>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// It holds, so surely, by these words.
    Holds(f32, String),
    /// It does not.
    Fails,
    /// Only the model can tell.
    Open,
}

impl Prepared {
    pub(super) async fn new(embedder: &dyn Embedder, condition: &Condition) -> Result<Self> {
        Ok(match condition {
            Condition::All(parts) => Self::All(Self::several(embedder, parts).await?),
            Condition::Any(parts) => Self::Any(Self::several(embedder, parts).await?),
            Condition::Words(words) => Self::Words {
                any: Phrases::new(&words.any),
                all: Phrases::new(&words.all),
            },
            Condition::Likeness(like) => Self::Likeness {
                examples: embedder.embed(&like.examples, TextKind::Query).await?,
                counter_examples: embedder
                    .embed(&like.counter_examples, TextKind::Query)
                    .await?,
                threshold: like.threshold,
            },
            Condition::Signals(signals) => Self::Signals(*signals),
            Condition::Emotion(emotion) => Self::Emotion(emotion.clone()),
            Condition::MissingStep(step) => Self::Missing {
                step: Statement::new(embedder, &step.words, &step.examples, step.threshold).await?,
                by_turn: step.by_turn,
            },
            Condition::ModelQuestion(asked) => Self::Asked(asked.clone()),
        })
    }

    async fn several(embedder: &dyn Embedder, parts: &[Condition]) -> Result<Vec<Self>> {
        let mut prepared = Vec::with_capacity(parts.len());
        for part in parts {
            prepared.push(Box::pin(Self::new(embedder, part)).await?);
        }
        Ok(prepared)
    }

    /// Whether something in it satisfies `wanted`.
    pub(super) fn has(&self, wanted: &dyn Fn(&Self) -> bool) -> bool {
        wanted(self)
            || match self {
                Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.has(wanted)),
                _ => false,
            }
    }

    /// Whether it compares the utterance itself with examples.
    pub(super) fn compares(&self) -> bool {
        self.has(&|part| matches!(part, Self::Likeness { .. }))
    }

    /// Whether it compares what the agent said with examples.
    pub(super) fn compares_agent(&self) -> bool {
        self.has(&|part| matches!(part, Self::Missing { step, .. } if step.compares()))
    }

    /// Whether it may ask for what the agent has said, now.
    pub(super) fn looks_back(&self, turns: usize, is_closing: bool) -> bool {
        self.has(&|part| {
            matches!(part, Self::Missing { by_turn, .. } if is_due(*by_turn, turns, is_closing))
        })
    }

    /// Whether it misses something when the conversation comes to its end, and so is looked at then whatever its trigger.
    pub(super) fn looks_at_the_end(&self) -> bool {
        self.has(&|part| matches!(part, Self::Missing { by_turn: None, .. }))
    }

    pub(super) fn verdict(&self, scene: &Scene<'_>) -> Verdict {
        match self {
            Self::All(parts) => all(parts.iter().map(|part| part.verdict(scene))),
            Self::Any(parts) => any(parts.iter().map(|part| part.verdict(scene))),
            Self::Words { any, all } => Verdict::of(scene.said.and_then(|said| {
                let holds = (any.is_empty() || any.first_in(&said.words).is_some())
                    && all.all_in(&said.words);
                holds.then(|| (1.0, said.text.clone()))
            })),
            Self::Likeness {
                examples,
                counter_examples,
                threshold,
            } => Verdict::of(
                scene
                    .said
                    .and_then(|said| alike(said, examples, counter_examples, *threshold)),
            ),
            Self::Signals(wanted) => {
                Verdict::of(scene.signals.meet(wanted).then(|| (1.0, scene.text())))
            }
            Self::Emotion(wanted) => Verdict::of(
                scene
                    .signals
                    .emotion
                    .as_ref()
                    .and_then(|emotion| emotion.meets(wanted))
                    .map(|sure| (sure, scene.text())),
            ),
            Self::Missing { step, by_turn } => Verdict::of(
                (is_due(*by_turn, scene.turns, scene.is_closing)
                    && scene.agent.iter().all(|said| step.said_in(said).is_none()))
                .then(|| (MISSING, String::new())),
            ),
            Self::Asked(asked) => match scene.answers.get(&asked.question) {
                None => Verdict::Open,
                Some(yes) => Verdict::of((*yes >= asked.at_least).then(|| (*yes, scene.text()))),
            },
        }
    }
}

/// How sure it is that something was not said: it may have been said in other words.
const MISSING: f32 = 0.8;

fn is_due(by_turn: Option<usize>, turns: usize, is_closing: bool) -> bool {
    by_turn.map_or(is_closing, |turn| turns >= turn)
}

impl Scene<'_> {
    fn text(&self) -> String {
        self.said.map(|said| said.text.clone()).unwrap_or_default()
    }
}

impl Verdict {
    fn of(found: Option<(f32, String)>) -> Self {
        found.map_or(Self::Fails, |(sure, words)| Self::Holds(sure, words))
    }
}

/// The sentence that is close enough to an example, the one that stands out most from the counter-examples.
fn alike(
    said: &Said,
    examples: &[Vec<f32>],
    counter_examples: &[Vec<f32>],
    threshold: f32,
) -> Option<(f32, String)> {
    said.sentences
        .iter()
        .map(|(text, vector)| {
            (
                text,
                closest(vector, examples),
                closest(vector, counter_examples),
            )
        })
        .filter(|(_, like, unlike)| *like >= threshold && like > unlike)
        .max_by(|a, b| (a.1 - a.2).total_cmp(&(b.1 - b.2)))
        .map(|(text, like, unlike)| ((0.5 + (like - unlike)).clamp(0.5, 0.99), text.clone()))
}

/// As sure as its least sure part.
fn all(parts: impl Iterator<Item = Verdict>) -> Verdict {
    let mut holds: Option<(f32, String)> = None;
    let mut is_open = false;
    for part in parts {
        match part {
            Verdict::Fails => return Verdict::Fails,
            Verdict::Open => is_open = true,
            Verdict::Holds(sure, words) => {
                holds = Some(match holds.take() {
                    None => (sure, words),
                    // The shorter words say more exactly what it was.
                    Some((before, known)) => (before.min(sure), shorter(known, words)),
                });
            }
        }
    }
    if is_open {
        Verdict::Open
    } else {
        Verdict::of(holds)
    }
}

fn shorter(a: String, b: String) -> String {
    match (a.is_empty(), b.is_empty()) {
        (true, _) => b,
        (_, true) => a,
        _ if b.len() < a.len() => b,
        _ => a,
    }
}

/// As sure as its surest part.
fn any(parts: impl Iterator<Item = Verdict>) -> Verdict {
    let mut best: Option<(f32, String)> = None;
    let mut is_open = false;
    for part in parts {
        match part {
            Verdict::Fails => {}
            Verdict::Open => is_open = true,
            Verdict::Holds(sure, words) if best.as_ref().is_none_or(|(b, _)| sure > *b) => {
                best = Some((sure, words));
            }
            Verdict::Holds(..) => {}
        }
    }
    match best {
        Some(best) => Verdict::of(Some(best)),
        None if is_open => Verdict::Open,
        None => Verdict::Fails,
    }
}
