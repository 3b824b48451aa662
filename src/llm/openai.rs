//! A language model behind any server that speaks the OpenAI chat-completions protocol: OpenAI,
//! vLLM, llama.cpp, a gateway (<https://platform.openai.com/docs/api-reference/chat>).
//!
//! How the forms of an answer are asked for:
//!
//! | form | the server is given | without that |
//! |---|---|---|
//! | JSON | a JSON Schema | the schema, in the question |
//! | a choice | a schema with an enumeration | the choices, in the question |
//! | a pattern | a schema with a pattern | the pattern, in the question |
//! | a tool call | the tools, and that it must call one | the tools, in the question, and a schema |
//!
//! A choice, a text that matches a pattern and a call come in one piece, when they are whole. An
//! answer that does not fit is handed on as it came, unless the server was given a schema for it: then
//! it is [`ErrorKind::Malformed`]. Text instead of a tool call is always handed on, JSON is left to the
//! reader.
//!
//! ```
//! use attendant::llm::LanguageModel;
//! use attendant::llm::openai::{OpenAiConfig, OpenAiModel};
//!
//! let config = OpenAiConfig::new("http://localhost:8080/v1", "my-model").with_api_key("secret");
//! let model = OpenAiModel::new(config)?;
//! assert_eq!(model.id(), "my-model");
//! assert!(!format!("{model:?}").contains("secret"));
//! # Ok::<(), attendant::Error>(())
//! ```

mod answer;
mod call;
mod check;
mod events;
mod form;
mod pattern;
mod request;
mod schema;
mod score;
mod stream;
mod wire;
mod words;

pub use crate::remote::OpenAiConfig;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::{Capabilities, Delta, LanguageModel, Prompt, Request};
use crate::error::{Error, ErrorKind, Result};
use crate::remote::Server;
use request::Dialect;
use score::Ballot;
use stream::Chunks;
use wire::{Position, Whole};

/// Below the base URL.
const PATH: &str = "/chat/completions";

/// A [`LanguageModel`] over HTTP. A request is sent once: whether to try again is the caller's
/// decision, by [`Error::is_transient`].
///
/// Before it is sent, a request is checked for what no server can answer: a schema that is none (it
/// must be an object or `true`; names of types, lists of choices and of required names, and references
/// into the schema are looked at), a regular expression that cannot be compiled, no choice or an empty
/// one, no tool, two tools of one name. That is [`ErrorKind::InvalidInput`].
#[derive(Clone, Debug)]
pub struct OpenAiModel {
    server: Arc<Server>,
    dialect: Dialect,
    /// Whether the server tells how likely tokens are, as far as is known.
    logprobs: Arc<AtomicBool>,
}

impl OpenAiModel {
    /// Checks the configuration; the server is first called by the first request.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a base URL, key or model name that cannot be used.
    pub fn new(config: OpenAiConfig) -> Result<Self> {
        Ok(Self {
            server: Arc::new(Server::new(&config)?),
            dialect: Dialect::new(&config),
            logprobs: Arc::new(AtomicBool::new(config.logprobs())),
        })
    }

    /// The likeliest first tokens of the answer; `None` where the server does not tell them.
    async fn first_token(&self, system: &str, question: String) -> Result<Option<Position>> {
        let body = request::one_token(&self.server, system, question);
        let response = match self.server.post(PATH, &body).await {
            Ok(response) => response,
            Err(error) if declines_logprobs(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let body = self.server.body(response).await?;
        let whole: Whole =
            serde_json::from_slice(&body).map_err(|_| self.server.unexpected(&body))?;
        if whole.error.is_some() {
            return Err(self.server.unexpected(&body));
        }
        let choice = whole.choices.into_iter().flatten().next();
        let choice = choice.ok_or_else(|| self.server.unexpected(&body))?;
        if choice.finish_reason.as_deref() == Some("content_filter") {
            let why = "its content filter withheld the answer; ask something else";
            return Err(self.server.fail(ErrorKind::Refused, why));
        }
        let positions = choice.logprobs.and_then(|logprobs| logprobs.content);
        Ok(positions.into_iter().flatten().next())
    }

    fn cannot_score(&self, why: &str) -> Error {
        let why = format!("{why}; ask it to generate a choice instead of scoring them");
        self.server.fail(ErrorKind::Unsupported, why)
    }
}

/// Models that think before they answer tell no probabilities, and some servers know no such field.
fn declines_logprobs(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidInput | ErrorKind::Unsupported
    ) && error.to_string().contains("logprob")
}

#[async_trait]
impl LanguageModel for OpenAiModel {
    fn id(&self) -> &str {
        self.server.model()
    }

    /// Scoring is taken for possible until the server has answered without `logprobs`. Servers keep
    /// the state of prefixes they have seen.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
            .with_constrained(self.dialect.json_schema)
            .with_scoring(self.logprobs.load(Ordering::Relaxed))
            .with_prefix_cache(true)
    }

    async fn generate(&self, request: Request) -> Result<BoxStream<'static, Result<Delta>>> {
        let (body, form) = request::question(&self.server, self.dialect, &request)?;
        let response = self.server.post(PATH, &body).await?;
        let chunks = Chunks::open(Arc::clone(&self.server), response).await?;
        Ok(answer::read(chunks, form))
    }

    /// Asks for the letter of a choice and reads how likely each letter is: one request, one token, at
    /// most 20 choices. The probabilities are those of the letters, normalised over the choices; a
    /// letter that is not among the 20 likeliest tokens is taken for as likely as it can be. They do not
    /// depend on the order of the choices, but a model that prefers some letters prefers their choices.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for no choice, an empty one, or more than 20;
    /// [`ErrorKind::Unsupported`] where the server tells no probabilities, or no letter was among the
    /// likeliest tokens.
    async fn score(&self, prompt: Prompt, choices: Vec<String>) -> Result<Vec<f32>> {
        check::choices(&choices)?;
        let ballot = Ballot::new(&prompt, &choices)?;
        let untold = "it does not tell how likely tokens are (logprobs)";
        if !self.logprobs.load(Ordering::Relaxed) {
            return Err(self.cannot_score(untold));
        }
        if choices.len() == 1 {
            return Ok(vec![1.0]);
        }
        let system = prompt.prefix().system();
        let Some(position) = self.first_token(system, ballot.question.clone()).await? else {
            self.logprobs.store(false, Ordering::Relaxed);
            return Err(self.cannot_score(untold));
        };
        ballot
            .read(&position)
            .ok_or_else(|| self.cannot_score("it would not begin its answer with a letter"))
    }
}
