//! The disposition: one of the configured codes, by its probability.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::evidence::evidence;
use crate::conversation::{Conversation, Evidence, Role, SectionKind, WrapUp, WrapUpCode};
use crate::embedding::Embedder;
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::llm::{LanguageModel, LanguageModelExt, Prefix, Prompt, Structured};
use crate::prompt::{Prompts, Template};

/// A code's id is short.
const MAX_TOKENS: usize = 32;

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

/// Chooses the code of a conversation.
#[derive(Clone, Debug)]
pub struct WrapUpChooser {
    model: Arc<dyn LanguageModel>,
    prompts: Arc<Prompts>,
    codes: Arc<[WrapUpCode]>,
    embedder: Option<Arc<dyn Embedder>>,
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
            embedder: None,
        }
    }

    /// Names the lines closest to what the chosen code is for. Without an embedder the customer's first line stands for it.
    #[must_use]
    pub fn with_embedder(mut self, embedder: Arc<dyn Embedder>) -> Self {
        self.embedder = Some(embedder);
        self
    }

    /// What makes the model's probabilities as likely as they say; nothing where that was not measured for it.
    pub fn calibration(&self) -> Calibration {
        let known = self.model.capabilities().score_temperature;
        Calibration::new(known.unwrap_or(1.0))
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
    /// A model that can score choices gives every code a probability, calibrated where that was measured; any other is asked
    /// for one id, and its confidence is reported as 0.5, since it gave none.
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
                .zip(self.calibration().of(&scores))
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
        let Some(((code, confidence), rest)) = ranked.split_first() else {
            return Ok(None);
        };
        Ok(Some(WrapUp {
            code: (*code).clone(),
            confidence: *confidence,
            alternatives: rest
                .iter()
                .take(2)
                .map(|(code, p)| (code.id.clone(), *p))
                .collect(),
            evidence: self.evidence(conversation, code).await,
        }))
    }

    /// What of the customer's words stands behind a code. Where it cannot be told, what they came with does.
    async fn evidence(&self, conversation: &Conversation, code: &WrapUpCode) -> Vec<Evidence> {
        if let Some(embedder) = &self.embedder {
            let meant = format!("{}. {}", code.label, code.description);
            let lines = evidence(
                embedder.as_ref(),
                conversation,
                SectionKind::Situation,
                meant.trim(),
            );
            match lines.await {
                Ok(lines) if !lines.is_empty() => return lines,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "no lines could be found for a code"),
            }
        }
        let mut said = conversation.transcript.utterances().iter();
        let first = said.find(|said| matches!(said.role, Role::EndUser | Role::Unknown));
        let first = first.map(|said| Evidence::Utterance(said.id));
        first.into_iter().collect()
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

    #[tokio::test]
    async fn the_lines_about_the_code_stand_behind_it_whoever_said_them() {
        use crate::conversation::UtteranceId;
        let mut call = Conversation::new("acme", Channel::Chat);
        call.say(Role::Unknown, "Good morning, Kim Brown here.");
        call.say(Role::Unknown, "There is an outage in our street.");
        let line = |number| [Evidence::Utterance(UtteranceId(number))];
        for (embedder, expected) in [
            (None, line(1)),
            (
                Some(Arc::new(crate::embedding::HashingEmbedder::default())),
                line(2),
            ),
        ] {
            let model = Arc::new(ScriptedModel::new([r#"{"code":"outage"}"#]));
            let mut chooser = WrapUpChooser::new(model, Arc::default(), codes());
            if let Some(embedder) = embedder {
                chooser = chooser.with_embedder(embedder);
            }
            let chosen = chooser.choose(&call, &Prefix::new("s")).await.unwrap();
            assert_eq!(chosen.unwrap().evidence, expected);
        }
    }

    #[test]
    fn calibration_keeps_the_order_and_the_sum() {
        let raw = [0.5, 0.3, 0.2, 0.0];
        for temperature in [0.19, 1.0, 4.0] {
            let calibrated = Calibration::new(temperature).of(&raw);
            assert!((calibrated.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(calibrated.is_sorted_by(|a, b| a >= b), "{calibrated:?}");
        }
        let sharp = Calibration::new(0.5).of(&raw);
        assert!((sharp[0] - 0.25 / 0.38).abs() < 1e-5, "{sharp:?}");
        // What is no temperature changes nothing.
        for none in [0.0, -1.0, f32::NAN] {
            assert!((Calibration::new(none).of(&raw)[0] - 0.5).abs() < 1e-5);
        }
    }

    /// Scores as told, with a temperature.
    #[derive(Debug)]
    struct Scores(Option<f32>);

    #[async_trait::async_trait]
    impl LanguageModel for Scores {
        fn id(&self) -> &str {
            "scores"
        }

        fn capabilities(&self) -> crate::llm::Capabilities {
            let can = crate::llm::Capabilities::default().with_scoring(true);
            match self.0 {
                Some(temperature) => can.with_score_temperature(temperature),
                None => can,
            }
        }

        async fn generate(
            &self,
            _: crate::llm::Request,
        ) -> Result<futures::stream::BoxStream<'static, Result<crate::llm::Delta>>> {
            Err(Error::new(ErrorKind::Unsupported, "only scores"))
        }

        async fn score(&self, _: Prompt, _: Vec<String>) -> Result<Vec<f32>> {
            Ok(vec![0.4, 0.6])
        }
    }

    #[tokio::test]
    async fn the_probability_is_calibrated_where_the_models_temperature_is_known() {
        let call = Conversation::new("acme", Channel::Chat);
        for (temperature, expected) in [(None, 0.6), (Some(0.5), 0.36 / 0.52)] {
            let model = Arc::new(Scores(temperature));
            let chooser = WrapUpChooser::new(model, Arc::default(), codes());
            let chosen = chooser.choose(&call, &Prefix::new("s")).await.unwrap();
            let chosen = chosen.unwrap();
            assert_eq!(chosen.code.id, "outage");
            assert!((chosen.confidence - expected).abs() < 1e-5, "{chosen:?}");
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
