//! The evaluation form as data.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::conversation::Role;
use crate::error::{Error, ErrorKind, OrError, Result};

/// What a reviewer looks at, question by question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewForm {
    /// Machine name.
    pub id: String,
    /// Name for screens.
    pub title: String,
    /// Raised whenever questions change, so that old reviews are not compared with new ones.
    #[serde(default = "first_version")]
    pub version: u32,
    /// BCP 47 tags of the conversations whose words can be judged; all where empty.
    #[serde(default)]
    pub languages: Vec<String>,
    /// The questions, in the order they are shown.
    pub questions: Vec<ReviewQuestion>,
}

fn first_version() -> u32 {
    1
}

/// One question of a form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewQuestion {
    /// Machine name, unique within the form.
    pub id: String,
    /// The question, in words a reviewer understands.
    pub text: String,
    /// What can be answered.
    #[serde(default)]
    pub scale: ReviewScale,
    /// The answer that is good, on the scale yes/no: `false` where "yes" is a fault.
    #[serde(default = "yes")]
    pub good: bool,
    /// How much it counts; 0 for what is only told.
    #[serde(default = "one")]
    pub weight: f32,
    /// The worst answer makes the whole review a failure.
    #[serde(default)]
    pub auto_fail: bool,
    /// Whose words are looked at.
    #[serde(default)]
    pub speaker: Speaker,
    /// How the answer is found.
    pub judge: Judge,
}

fn yes() -> bool {
    true
}

fn one() -> f32 {
    1.0
}

/// What can be answered to a question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewScale {
    /// Yes or no.
    #[default]
    YesNo,
    /// 1 (worst) to 5 (best).
    OneToFive,
}

/// Whose words a question is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// Whoever works for the organisation, a person or a virtual agent.
    #[default]
    Agent,
    /// The customer.
    Customer,
    /// Everybody.
    Anybody,
}

impl Speaker {
    /// Whether somebody of `role` is meant.
    pub fn includes(self, role: Role) -> bool {
        match self {
            Self::Agent => matches!(role, Role::HumanAgent | Role::AutomatedAgent),
            Self::Customer => role == Role::EndUser,
            Self::Anybody => true,
        }
    }
}

/// How an answer is found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Judge {
    /// Whether one of the phrases is said, whatever the case. Yes/no only.
    Words {
        /// Words that follow each other.
        any: Vec<String>,
        /// Only in so many utterances of the speaker from the start; everywhere where left out.
        #[serde(default)]
        first: Option<usize>,
        /// Only in so many utterances of the speaker before the end.
        #[serde(default)]
        last: Option<usize>,
        /// Whether "not said" is a no. Otherwise it is not seen: it may have been said in other words.
        #[serde(default)]
        must: bool,
    },
    /// Whether something like the examples is said. Yes/no only.
    Likeness {
        /// Sentences that are a yes.
        examples: Vec<String>,
        /// Sentences on the same matter that are none.
        #[serde(default)]
        counter_examples: Vec<String>,
        /// Least likeness to an example (cosine), between 0 and 1.
        threshold: f32,
        /// Whether "not said" is a no.
        #[serde(default)]
        must: bool,
    },
    /// The language model is asked; its answer is the probability of the choices.
    Model {
        /// The question in words for the model, where the text for reviewers does not do.
        #[serde(default)]
        ask: Option<String>,
    },
    /// A figure of the conversation against limits.
    Signal {
        /// Which figure.
        signal: ReviewSignal,
        /// Yes from here on, or the lowest figures for 2, 3, 4 and 5.
        #[serde(default)]
        at_least: Vec<f32>,
        /// Yes up to here, or the highest figures for 2, 3, 4 and 5 (falling).
        #[serde(default)]
        at_most: Vec<f32>,
    },
    /// Only a person can tell; not seen until one has.
    Human {},
}

/// A figure of a conversation. No figure rewards hurrying: handle time is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReviewSignal {
    /// Share of the call in which nobody speaks for 3 s or longer, holds left out, 0 to 1.
    SilenceShare,
    /// Share of the speech that is the agent's, 0 to 1.
    AgentTalkRatio,
    /// How often the agent interrupted.
    AgentInterruptions,
    /// Reflections for one question, see [`ListeningReport`](super::ListeningReport).
    ReflectionToQuestion,
    /// Share of the reflections that are complex, 0 to 1.
    ComplexReflectionShare,
    /// Share of the questions that are open, 0 to 1.
    OpenQuestionShare,
    /// Affirmations.
    Affirmations,
}

impl ReviewForm {
    /// Reads a form from TOML.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with line and key, or the question and what is wrong with it.
    pub fn from_toml(text: &str) -> Result<Self> {
        let form: Self = toml::from_str(text)
            .or_error(ErrorKind::Config, || "this is no evaluation form in TOML")?;
        form.check()?;
        Ok(form)
    }

    /// The built-in form of reflective listening, after MITI 4.
    ///
    /// # Errors
    /// Never; the bundled text is tested.
    pub fn reflective_listening() -> Result<Self> {
        Self::from_toml(include_str!(
            "../../knowledge/reviews/reflective-listening.toml"
        ))
    }

    /// The built-in form of good service.
    ///
    /// # Errors
    /// Never; the bundled text is tested.
    pub fn service() -> Result<Self> {
        Self::from_toml(include_str!("../../knowledge/reviews/service.toml"))
    }

    fn check(&self) -> Result<()> {
        let mut ids = HashSet::new();
        if self.questions.is_empty() {
            return Err(self.wrong("has no questions"));
        }
        for question in &self.questions {
            let fault = if ids.insert(question.id.as_str()) {
                question.fault()
            } else {
                Some("stands there twice; every question needs an id of its own")
            };
            if let Some(fault) = fault {
                return Err(self.wrong(&format!("question {:?} {fault}", question.id)));
            }
        }
        Ok(())
    }

    fn wrong(&self, what: &str) -> Error {
        Error::new(ErrorKind::Config, format!("form {:?}: {what}", self.id))
    }
}

impl ReviewQuestion {
    fn fault(&self) -> Option<&'static str> {
        if !(0.0..=1000.0).contains(&self.weight) {
            return Some("needs a weight between 0 and 1000");
        }
        let yes_no = self.scale == ReviewScale::YesNo;
        match &self.judge {
            Judge::Words { .. } | Judge::Likeness { .. } if !yes_no => {
                Some("is judged by words or likeness, which can only tell yes or no")
            }
            Judge::Words { any, .. } if any.iter().all(|p| p.trim().is_empty()) => {
                Some("has no phrases in `any`")
            }
            Judge::Likeness { examples, .. } if examples.is_empty() => Some("has no examples"),
            Judge::Likeness { threshold, .. } if !(0.0..=1.0).contains(threshold) => {
                Some("needs a threshold between 0 and 1")
            }
            Judge::Signal {
                at_least, at_most, ..
            } => limits_fault(at_least, at_most, if yes_no { 1 } else { 4 }),
            _ => None,
        }
    }
}

fn limits_fault(at_least: &[f32], at_most: &[f32], count: usize) -> Option<&'static str> {
    let (limits, rising) = match (at_least.is_empty(), at_most.is_empty()) {
        (false, true) => (at_least, true),
        (true, false) => (at_most, false),
        _ => return Some("needs either `at_least` or `at_most`"),
    };
    let ordered = limits.is_sorted_by(|a, b| if rising { a < b } else { a > b });
    let finite = limits.iter().all(|limit| limit.is_finite());
    (limits.len() != count || !ordered || !finite).then_some(
        "needs one limit for yes/no, or four in order (rising `at_least`, falling `at_most`) for 1 to 5",
    )
}

/// Reads a form from a TOML file.
///
/// # Errors
/// [`ErrorKind::NotFound`] without such a file; [`ErrorKind::Config`] with what is wrong.
pub fn load_review_form(path: &Path) -> Result<ReviewForm> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).or_error(ErrorKind::NotFound, || {
        format!("cannot read the evaluation form {shown}")
    })?;
    ReviewForm::from_toml(&text).map_err(|error| error.context(shown))
}

/// Reads every `*.toml` of a folder as a form, by name.
///
/// # Errors
/// As [`load_review_form`].
pub fn load_review_forms(folder: &Path) -> Result<Vec<ReviewForm>> {
    let shown = folder.display();
    let unreadable = || format!("cannot read the folder of evaluation forms {shown}");
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).or_error(ErrorKind::NotFound, unreadable)? {
        let path = entry.or_error(ErrorKind::Config, unreadable)?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| load_review_form(path)).collect()
}
