//! A form that was filled in, and what it comes to.

use serde::{Deserialize, Serialize};

use super::form::{ReviewQuestion, ReviewScale};
use super::listening::ListeningReport;
use crate::conversation::{ConversationId, UtteranceId};
use crate::error::{Error, ErrorKind, Result};

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewValue {
    /// Yes.
    Yes,
    /// No.
    No,
    /// 1 (worst) to 5 (best).
    Rating(u8),
    /// The conversation does not show it, or nothing here can tell; with the reason.
    NotSeen(String),
}

impl ReviewValue {
    /// What it is worth between 0 and 1; `None` where it was not seen.
    fn worth(&self, good: bool) -> Option<f32> {
        match self {
            Self::Yes => Some(f32::from(u8::from(good))),
            Self::No => Some(f32::from(u8::from(!good))),
            Self::Rating(rating) => Some(f32::from((*rating).clamp(1, 5) - 1) / 4.0),
            Self::NotSeen(_) => None,
        }
    }

    fn fits(&self, scale: ReviewScale) -> bool {
        match self {
            Self::Yes | Self::No => scale == ReviewScale::YesNo,
            Self::Rating(rating) => scale == ReviewScale::OneToFive && (1..=5).contains(rating),
            Self::NotSeen(_) => true,
        }
    }
}

/// The answer to one question, with its proof and its history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReviewAnswer {
    /// Id of the question.
    pub question: String,
    /// The question's text, so that a review can be read without its form.
    pub text: String,
    /// What can be answered.
    pub scale: ReviewScale,
    /// The answer that is good, on the scale yes/no.
    pub good: bool,
    /// How much it counts.
    pub weight: f32,
    /// Whether the worst answer fails the review.
    pub auto_fail: bool,
    /// The answer that holds now.
    pub value: ReviewValue,
    /// Between 0 and 1: how sure it is. 1 after a person has decided.
    pub confidence: f32,
    /// The utterances that show it. Empty for a "no" that rests on what was never said, and for figures.
    pub evidence: Vec<UtteranceId>,
    /// What people changed, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<ReviewOverride>,
}

impl ReviewAnswer {
    pub(super) fn new(question: &ReviewQuestion, value: ReviewValue) -> Self {
        Self {
            question: question.id.clone(),
            text: question.text.clone(),
            scale: question.scale,
            good: question.good,
            weight: question.weight,
            auto_fail: question.auto_fail,
            value,
            confidence: 0.0,
            evidence: Vec::new(),
            overrides: Vec::new(),
        }
    }

    pub(super) fn proven(mut self, confidence: f32, evidence: Vec<UtteranceId>) -> Self {
        self.confidence = confidence.clamp(0.0, 1.0);
        self.evidence = evidence;
        self
    }
}

/// A person decided otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReviewOverride {
    /// Who, as the host names its people.
    pub by: String,
    /// When.
    pub at: jiff::Timestamp,
    /// What stood there before.
    pub old: ReviewValue,
    /// How sure that was.
    pub old_confidence: f32,
    /// What holds instead.
    pub new: ReviewValue,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// A form filled in for one conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilledReview {
    /// Id of the form.
    pub form: String,
    /// Its version.
    pub version: u32,
    /// Which conversation.
    pub conversation: ConversationId,
    /// One answer a question, in the order of the form.
    pub answers: Vec<ReviewAnswer>,
    /// What the agent did as a listener.
    pub listening: ListeningReport,
}

/// What a review comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReviewScore {
    /// Weighted mean of the answers, 0 to 1; 0 after an auto-fail; `None` where nothing that counts was seen.
    pub score: Option<f32>,
    /// The questions that made it fail.
    pub failed: Vec<String>,
    /// Share of the weight that was answered, 0 to 1: how much the score rests on.
    pub covered: f32,
    /// Questions that wait for a person.
    pub open: Vec<String>,
}

impl FilledReview {
    /// What the answers come to now.
    pub fn score(&self) -> ReviewScore {
        let (mut sum, mut seen, mut all) = (0.0_f32, 0.0_f32, 0.0_f32);
        let (mut failed, mut open) = (Vec::new(), Vec::new());
        for answer in &self.answers {
            all += answer.weight;
            match answer.value.worth(answer.good) {
                Some(worth) => {
                    sum += worth * answer.weight;
                    seen += answer.weight;
                    if answer.auto_fail && worth == 0.0 {
                        failed.push(answer.question.clone());
                    }
                }
                None => open.push(answer.question.clone()),
            }
        }
        let mean = (seen > 0.0).then(|| sum / seen);
        ReviewScore {
            score: if failed.is_empty() { mean } else { Some(0.0) },
            failed,
            covered: if all > 0.0 { seen / all } else { 0.0 },
            open,
        }
    }

    /// A person decides on an answer. What stood there is kept, and may be overruled again.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a question that the review has not, [`ErrorKind::InvalidInput`] for an answer
    /// that does not fit its scale or nobody's name.
    pub fn overrule(
        &mut self,
        question: &str,
        value: ReviewValue,
        by: impl Into<String>,
        at: jiff::Timestamp,
        reason: Option<String>,
    ) -> Result<()> {
        let by = by.into();
        let unfit = |what: String| Err(Error::new(ErrorKind::InvalidInput, what));
        if by.trim().is_empty() {
            return unfit("an answer can only be overruled by somebody with a name".into());
        }
        let Some(answer) = self.answers.iter_mut().find(|a| a.question == question) else {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("form {:?} has no question {question:?}", self.form),
            ));
        };
        if !value.fits(answer.scale) {
            return unfit(format!(
                "{value:?} is no answer to {question:?}, which is answered by {:?}",
                answer.scale
            ));
        }
        let old = std::mem::replace(&mut answer.value, value.clone());
        answer.overrides.push(ReviewOverride {
            by,
            at,
            old,
            old_confidence: answer.confidence,
            new: value,
            reason,
        });
        answer.confidence = 1.0;
        Ok(())
    }
}
