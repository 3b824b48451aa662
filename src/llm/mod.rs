//! The language-model port and its adapters. Knows nothing of contact centres.

#[cfg(feature = "candle")]
pub mod candle;
mod ext;
mod fallback;
mod limit;
mod meter;
#[cfg(feature = "openai")]
pub mod openai;
mod prompt;
mod retry;
mod scripted;
mod traced;

pub use ext::{Completion, LanguageModelExt, Structured};
pub use fallback::Fallback;
pub use limit::Limit;
pub use meter::{Meter, Totals};
pub use prompt::{Prefix, Prompt};
#[cfg(feature = "qdrant")]
pub(crate) use retry::Attempts;
pub use retry::{Retry, RetryPolicy};
pub use scripted::ScriptedModel;
pub use traced::Traced;

use std::fmt::Debug;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

pub use crate::compute::Priority;
use crate::error::{Error, ErrorKind, Result};

/// A model that continues a prompt.
///
/// One required method: [`generate`](Self::generate). Convenience (whole texts, typed answers) is in
/// [`LanguageModelExt`], which every implementor has.
#[async_trait]
pub trait LanguageModel: Debug + Send + Sync + 'static {
    /// The model's name, for logs and receipts.
    fn id(&self) -> &str;

    /// What it can do beyond generating text.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Starts an answer and streams it. Dropping the stream cancels the generation.
    ///
    /// # Errors
    /// [`ErrorKind::TooLong`] for a prompt longer than the context window,
    /// [`ErrorKind::InvalidInput`] for an [`Output`] that cannot be used (a schema that cannot be compiled),
    /// [`ErrorKind::Unavailable`] where a remote engine does not answer.
    async fn generate(&self, request: Request) -> Result<BoxStream<'static, Result<Delta>>>;

    /// The probability of each of `choices` as the answer to `prompt`, without generating text.
    /// The probabilities sum to 1 over the choices.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] unless [`Capabilities::scoring`] is set.
    async fn score(&self, prompt: Prompt, choices: Vec<String>) -> Result<Vec<f32>> {
        let _ = (prompt, choices);
        Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "{} cannot score choices; ask it to generate one instead",
                self.id()
            ),
        ))
    }
}

/// Optional abilities of a [`LanguageModel`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Answers to a [`Output::Json`] request always follow the schema.
    pub constrained: bool,
    /// [`LanguageModel::score`] works.
    pub scoring: bool,
    /// A prefix seen before costs (almost) nothing.
    pub prefix_cache: bool,
    /// It is worth while to let it read a prefix before there is a question: that costs nothing but time in which nobody
    /// waits.
    pub reads_ahead: bool,
    /// The temperature at which the probabilities of [`LanguageModel::score`] are as likely as they say (Guo et al. 2017,
    /// "On calibration of modern neural networks"); `None` where nobody measured it.
    pub score_temperature: Option<f32>,
}

impl Capabilities {
    /// Whether answers follow a schema by construction.
    #[must_use]
    pub fn with_constrained(mut self, yes: bool) -> Self {
        self.constrained = yes;
        self
    }

    /// Whether choices can be scored.
    #[must_use]
    pub fn with_scoring(mut self, yes: bool) -> Self {
        self.scoring = yes;
        self
    }

    /// Whether prefixes are worth reading before there is a question.
    #[must_use]
    pub fn with_read_ahead(mut self, yes: bool) -> Self {
        self.reads_ahead = yes;
        self
    }

    /// The temperature that calibrates the scores.
    #[must_use]
    pub fn with_score_temperature(mut self, temperature: f32) -> Self {
        self.score_temperature = Some(temperature);
        self
    }

    /// Whether seen prefixes are reused.
    #[must_use]
    pub fn with_prefix_cache(mut self, yes: bool) -> Self {
        self.prefix_cache = yes;
        self
    }
}

/// One question to a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What to answer.
    pub prompt: Prompt,
    /// The form of the answer.
    pub output: Output,
    /// At most this many tokens.
    pub max_tokens: usize,
    /// 0 picks the likeliest token; higher is more varied.
    pub temperature: f32,
    /// Sampling with the same seed, prompt and local model gives the same answer. Remote engines
    /// may not keep to it.
    pub seed: u64,
    /// Whether somebody waits for the answer.
    pub priority: Priority,
}

impl Request {
    /// A request for free text, at most 160 tokens, at temperature 0.
    pub fn new(prompt: Prompt) -> Self {
        Self {
            prompt,
            output: Output::Text,
            max_tokens: 160,
            temperature: 0.0,
            seed: 0,
            priority: Priority::Interactive,
        }
    }

    /// Sets the limit of the answer in tokens.
    #[must_use]
    pub fn with_max_tokens(mut self, max_tokens: usize) -> Self {
        self.max_tokens = max_tokens;
        self
    }

    /// Asks for JSON that follows `schema` (JSON Schema).
    #[must_use]
    pub fn with_json(mut self, schema: serde_json::Value) -> Self {
        self.output = Output::Json(schema);
        self
    }

    /// Asks for exactly one of `choices`, to the letter.
    #[must_use]
    pub fn with_choice(mut self, choices: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.output = Output::Choice(choices.into_iter().map(Into::into).collect());
        self
    }

    /// Asks for text that matches a regular expression from its first to its last character.
    #[must_use]
    pub fn with_regex(mut self, regex: impl Into<String>) -> Self {
        self.output = Output::Regex(regex.into());
        self
    }

    /// Asks for a call of one of `tools`.
    #[must_use]
    pub fn with_tools(mut self, tools: Vec<Tool>) -> Self {
        self.output = Output::Tool(tools);
        self
    }

    /// Sets the seed of the sampling.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how urgent it is.
    #[must_use]
    pub fn with_priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Sets the sampling temperature.
    #[must_use]
    pub fn with_temperature(mut self, temperature: f32) -> Self {
        self.temperature = temperature;
        self
    }
}

/// The form of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Output {
    /// Free text.
    #[default]
    Text,
    /// JSON that follows this JSON Schema.
    Json(serde_json::Value),
    /// One of these, to the letter.
    Choice(Vec<String>),
    /// Text that matches this regular expression (syntax of crate `regex`, without look-around) from
    /// its first to its last character.
    Regex(String),
    /// A call of one of these tools, told as JSON: `{"name": "…", "arguments": {…}}`.
    Tool(Vec<Tool>),
}

/// Something a model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name: letters, digits, `_` and `-`.
    pub name: String,
    /// What it does and when to call it.
    pub description: String,
    /// JSON Schema of its arguments, an object.
    pub parameters: serde_json::Value,
}

impl Tool {
    /// The JSON Schema of a call of one of `tools`, as [`Output::Tool`] answers. Definitions (`$defs`) of
    /// the parameters keep working.
    pub fn call_schema(tools: &[Self]) -> serde_json::Value {
        let mut definitions = serde_json::Map::new();
        let mut calls = Vec::new();
        for (index, tool) in tools.iter().enumerate() {
            let mut parameters = tool.parameters.clone();
            // References name places from the root, which is another one here.
            move_references(&mut parameters, &format!("#/$defs/{index}-"));
            if let Some(object) = parameters.as_object_mut()
                && let Some(serde_json::Value::Object(own)) = object.remove("$defs")
            {
                let own = own
                    .into_iter()
                    .map(|(name, d)| (format!("{index}-{name}"), d));
                definitions.extend(own);
            }
            calls.push(serde_json::json!({
                "type": "object",
                "properties": { "name": { "const": tool.name }, "arguments": parameters },
                "required": ["name", "arguments"],
                "additionalProperties": false,
            }));
        }
        serde_json::json!({ "anyOf": calls, "$defs": definitions })
    }
}

/// Lets every `#/$defs/…` begin with `to` instead.
fn move_references(schema: &mut serde_json::Value, to: &str) {
    match schema {
        serde_json::Value::Object(object) => {
            for (key, value) in object {
                match value {
                    serde_json::Value::String(text) if key == "$ref" => {
                        if let Some(name) = text.strip_prefix("#/$defs/") {
                            *text = format!("{to}{name}");
                        }
                    }
                    other => move_references(other, to),
                }
            }
        }
        serde_json::Value::Array(items) => {
            items.iter_mut().for_each(|item| move_references(item, to));
        }
        _ => {}
    }
}

/// A piece of a streamed answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// The next words.
    Text(String),
    /// The answer is over; always the last item of a stream that did not fail.
    Done {
        /// Why it ended.
        finish: Finish,
        /// What it cost.
        usage: Usage,
    },
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model was done.
    Stop,
    /// The token limit was reached: the answer may be cut.
    Length,
}

/// What an answer cost, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Of these, tokens whose state was reused from an earlier request.
    pub reused_tokens: usize,
    /// Tokens of the answer.
    pub completion_tokens: usize,
    /// Oldest lines of the transcript that were left out because the window was full.
    pub dropped_lines: usize,
}
