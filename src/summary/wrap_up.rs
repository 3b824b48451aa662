//! The disposition: one of the configured codes, by its probability.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::conversation::{Conversation, Evidence, Role, WrapUp, WrapUpCode};
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::llm::{LanguageModel, LanguageModelExt, Prefix, Prompt, Structured};
use crate::prompt::{Prompts, Template};

/// A code's id is short.
const MAX_TOKENS: usize = 32;
/// See [`Calibration::default`]. Below 1: the scores are corrected by what is likely before anything was said, which leaves
/// the probabilities flatter than they should be.
const TEMPERATURE: f32 = 0.19;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeFile {
    #[serde(default)]
    codes: Vec<WrapUpCode>,
}

/// Reads codes from a TOML file of `[[codes]]`.
///
/// # Errors
/// [`ErrorKind::NotFound`] without such a file; [`ErrorKind::Config`] with line and key of the
/// mistake, or for an id given twice.
pub fn load_wrap_up_codes(path: &Path) -> Result<Vec<WrapUpCode>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).or_error(ErrorKind::NotFound, || {
        format!("cannot read the wrap-up codes {shown}")
    })?;
    let file: CodeFile = toml::from_str(&text).or_error(ErrorKind::Config, || {
        format!("{shown} holds no wrap-up codes")
    })?;
    if let Some(code) = file
        .codes
        .iter()
        .find(|code| code.id.trim().is_empty() || code.label.trim().is_empty())
    {
        return Err(Error::new(
            ErrorKind::Config,
            format!("{shown}: the code {:?} needs an id and a label", code.id),
        ));
    }
    let mut seen = std::collections::HashSet::new();
    match file
        .codes
        .iter()
        .find(|code| !seen.insert(code.id.as_str()))
    {
        Some(twice) => Err(Error::new(
            ErrorKind::Config,
            format!("{shown}: the code {:?} is there twice", twice.id),
        )),
        None => Ok(file.codes),
    }
}

/// What makes a model's probabilities as likely as they say: they are raised to 1 / temperature, and brought to a sum of
/// 1 again (Guo et al. 2017, "On calibration of modern neural networks").
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    temperature: f32,
}

impl Calibration {
    /// A temperature above 1 makes them less sure; one that is no positive number changes nothing.
    pub fn new(temperature: f32) -> Self {
        let usable = temperature.is_finite() && temperature > 0.0;
        Self {
            temperature: if usable { temperature } else { 1.0 },
        }
    }

    /// The probabilities, calibrated. Their order stays.
    pub fn of(&self, raw: &[f32]) -> Vec<f32> {
        let logs: Vec<f32> = raw
            .iter()
            .map(|p| p.max(f32::MIN_POSITIVE).ln() / self.temperature)
            .collect();
        let top = logs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = logs.iter().map(|log| (log - top).exp()).sum();
        logs.iter().map(|log| (log - top).exp() / sum).collect()
    }
}

impl Default for Calibration {
    /// Of the default model, fitted by `attendant eval wrap-up --fit` on dialogues that the evaluation does not score.
    fn default() -> Self {
        Self::new(TEMPERATURE)
    }
}

/// Chooses the code of a conversation.
#[derive(Clone, Debug)]
pub struct WrapUpChooser {
    model: Arc<dyn LanguageModel>,
    prompts: Arc<Prompts>,
    codes: Arc<[WrapUpCode]>,
    calibration: Calibration,
}

#[derive(Serialize)]
struct WrapUpPrompt<'a> {
    codes: &'a [WrapUpCode],
}

impl Template for WrapUpPrompt<'_> {
    const NAME: &'static str = "wrap_up";
    const SOURCE: &'static str = include_str!("../../prompts/wrap_up.jinja");
}

#[derive(Deserialize)]
struct Chosen {
    code: String,
}

impl WrapUpChooser {
    /// Chooses among these codes; among none, it chooses none.
    pub fn new(
        model: Arc<dyn LanguageModel>,
        prompts: Arc<Prompts>,
        codes: Arc<[WrapUpCode]>,
    ) -> Self {
        Self {
            model,
            prompts,
            codes,
            calibration: Calibration::default(),
        }
    }

    /// Sets the calibration of another model than the default one.
    #[must_use]
    pub fn with_calibration(mut self, calibration: Calibration) -> Self {
        self.calibration = calibration;
        self
    }

    fn prompt(&self, prefix: &Prefix) -> Result<Prompt> {
        Ok(prefix.ask(self.prompts.render(&WrapUpPrompt { codes: &self.codes })?))
    }

    /// The model's own probability of each code, in their order; `None` for a model that tells none.
    ///
    /// # Errors
    /// As the language model.
    pub async fn probabilities(&self, prefix: &Prefix) -> Result<Option<Vec<f32>>> {
        if !self.model.capabilities().scoring {
            return Ok(None);
        }
        let ids = self.codes.iter().map(|code| code.id.clone()).collect();
        match self.model.score(self.prompt(prefix)?, ids).await {
            Ok(probabilities) => Ok(Some(probabilities)),
            // More codes than a server can tell apart, or one that tells no probabilities after all.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::InvalidInput | ErrorKind::Unsupported
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The code for the conversation whose transcript `prefix` holds.
    ///
    /// A model that can score choices gives every code a probability, which is calibrated; any other is asked for one
    /// id, and its confidence is reported as 0.5, since it gave none.
    ///
    /// # Errors
    /// As the language model.
    pub async fn choose(
        &self,
        conversation: &Conversation,
        prefix: &Prefix,
    ) -> Result<Option<WrapUp>> {
        if self.codes.is_empty() {
            return Ok(None);
        }
        let scores = self.probabilities(prefix).await?;
        let mut ranked: Vec<(&WrapUpCode, f32)> = if let Some(scores) = scores {
            self.codes
                .iter()
                .zip(self.calibration.of(&scores))
                .collect()
        } else {
            let ids: Vec<&str> = self.codes.iter().map(|code| code.id.as_str()).collect();
            let schema = json!({
                "type": "object",
                "properties": { "code": { "enum": ids } },
                "required": ["code"],
                "additionalProperties": false
            });
            match self
                .model
                .complete_json::<Chosen>(self.prompt(prefix)?, schema, MAX_TOKENS)
                .await?
            {
                Structured::Valid(chosen) => self
                    .codes
                    .iter()
                    .filter(|code| code.id == chosen.code)
                    .map(|code| (code, 0.5))
                    .collect(),
                Structured::Rejected { .. } => Vec::new(),
            }
        };
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let customer = conversation
            .transcript
            .utterances()
            .iter()
            .find(|u| u.role == Role::EndUser);
        Ok(ranked
            .split_first()
            .map(|((code, confidence), rest)| WrapUp {
                code: (*code).clone(),
                confidence: *confidence,
                alternatives: rest
                    .iter()
                    .take(2)
                    .map(|(code, p)| (code.id.clone(), *p))
                    .collect(),
                evidence: customer
                    .map(|u| Evidence::Utterance(u.id))
                    .into_iter()
                    .collect(),
            }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Channel;
    use crate::llm::ScriptedModel;

    fn codes() -> Arc<[WrapUpCode]> {
        ["billing", "outage"]
            .map(|id| WrapUpCode {
                id: id.into(),
                label: id.into(),
                description: format!("about {id}"),
            })
            .into()
    }

    #[tokio::test]
    async fn only_a_configured_code_is_chosen() {
        let call = Conversation::new("acme", Channel::Chat);
        for (answer, expected) in [
            (r#"{"code":"outage"}"#, Some("outage")),
            (r#"{"code":"party"}"#, None),
        ] {
            let model = Arc::new(ScriptedModel::new([answer]));
            let chooser = WrapUpChooser::new(model.clone(), Arc::default(), codes());
            let chosen = chooser.choose(&call, &Prefix::new("s")).await.unwrap();
            assert_eq!(chosen.map(|c| c.code.id).as_deref(), expected);
            insta::assert_snapshot!("wrap_up_prompt", model.asked()[0].task());
        }
    }

    #[test]
    fn a_code_given_twice_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let code = "[[codes]]\nid = \"a\"\nlabel = \"A\"\n";
        std::fs::write(file.path(), code.repeat(2)).unwrap();
        let error = load_wrap_up_codes(file.path()).unwrap_err();
        assert!(
            error.to_string().contains("\"a\" is there twice"),
            "{error}"
        );
    }
}
