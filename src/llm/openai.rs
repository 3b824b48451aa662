//! A language model behind any server that speaks the OpenAI chat-completions protocol: OpenAI,
//! vLLM, llama.cpp, a gateway (<https://platform.openai.com/docs/api-reference/chat>).

mod schema;

pub use crate::remote::OpenAiConfig;

use std::sync::Arc;
use std::time::Duration;

use async_openai::types::chat::{
    ChatCompletionRequestMessage, ChatCompletionRequestSystemMessage,
    ChatCompletionRequestUserMessage, ChatCompletionResponseStream, ChatCompletionStreamOptions,
    CompletionUsage, CreateChatCompletionRequest, CreateChatCompletionStreamResponse, FinishReason,
    ResponseFormat, ResponseFormatJsonSchema,
};
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::{Capabilities, Delta, Finish, LanguageModel, Output, Request, Usage};
use crate::error::{Error, ErrorKind, Result};
use crate::remote::Server;

/// How long a server that has finished its answer may take to say what it cost.
const AFTERWORD: Duration = Duration::from_secs(2);

/// A [`LanguageModel`] over HTTP. A request is sent once: whether to try again is the caller's
/// decision, by [`Error::is_transient`].
#[derive(Clone, Debug)]
pub struct OpenAiModel {
    server: Arc<Server>,
    json_schema: bool,
}

impl OpenAiModel {
    /// Checks the configuration; the server is first called by the first request.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a base URL, key or model name that cannot be used.
    pub fn new(config: OpenAiConfig) -> Result<Self> {
        Ok(Self {
            server: Arc::new(Server::new(&config)?),
            json_schema: config.json_schema(),
        })
    }

    // `max_tokens` is deprecated by OpenAI only; other servers know nothing else.
    #[allow(deprecated)]
    fn body(&self, request: &Request) -> Result<CreateChatCompletionRequest> {
        let limit = u32::try_from(request.max_tokens).map_err(|_| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("{} tokens is no sensible limit", request.max_tokens),
            )
        })?;
        let newest = self.server.is_openai();
        let mut question = request.prompt.user_message();
        let mut response_format = None;
        match &request.output {
            Output::Text => {}
            Output::Json(schema) if self.json_schema => {
                let tightened = schema::strict(schema);
                response_format = Some(ResponseFormat::JsonSchema {
                    json_schema: ResponseFormatJsonSchema {
                        name: "answer".into(),
                        description: None,
                        strict: Some(tightened.is_some()),
                        schema: tightened.unwrap_or_else(|| schema.clone()),
                    },
                });
            }
            Output::Json(schema) => {
                question.push_str("\n\nAnswer with JSON only, following this JSON Schema:\n");
                question.push_str(&schema.to_string());
            }
        }
        let mut messages: Vec<ChatCompletionRequestMessage> = Vec::new();
        let system = request.prompt.prefix().system();
        if !system.is_empty() {
            messages.push(ChatCompletionRequestSystemMessage::from(system).into());
        }
        messages.push(ChatCompletionRequestUserMessage::from(question).into());
        Ok(CreateChatCompletionRequest {
            model: self.server.model().to_owned(),
            messages,
            response_format,
            temperature: Some(request.temperature),
            max_completion_tokens: newest.then_some(limit),
            max_tokens: (!newest).then_some(limit),
            stream: Some(true),
            stream_options: Some(ChatCompletionStreamOptions {
                include_usage: Some(true),
                include_obfuscation: None,
            }),
            ..CreateChatCompletionRequest::default()
        })
    }
}

#[async_trait]
impl LanguageModel for OpenAiModel {
    fn id(&self) -> &str {
        self.server.model()
    }

    fn capabilities(&self) -> Capabilities {
        // No scoring: the protocol tells probabilities of the tokens a server chose, not of those
        // it is asked about. Servers keep the state of prefixes they have seen.
        Capabilities::default()
            .with_constrained(self.json_schema)
            .with_prefix_cache(true)
    }

    async fn generate(&self, request: Request) -> Result<BoxStream<'static, Result<Delta>>> {
        let body = self.body(&request)?;
        let chat = self.server.client().chat();
        let mut chunks = self.server.within(chat.create_stream(body)).await?;
        let server = Arc::clone(&self.server);
        let deltas = async_stream::try_stream! {
            let mut finish = None;
            let mut usage = Usage::default();
            while let Some(chunk) = next(&server, &mut chunks, finish).await? {
                if let Some(cost) = chunk.usage {
                    usage = read_usage(&cost);
                }
                for choice in chunk.choices.into_iter().filter(|choice| choice.index == 0) {
                    // A refusal is what the model says, too; the reader decides what it is worth.
                    for text in [choice.delta.content, choice.delta.refusal].into_iter().flatten() {
                        if !text.is_empty() {
                            yield Delta::Text(text);
                        }
                    }
                    finish = choice.finish_reason.map(read_finish).or(finish);
                }
            }
            yield Delta::Done { finish: finish.unwrap_or(Finish::Stop), usage };
        };
        Ok(deltas.boxed())
    }
}

/// The next piece; `None` when the answer is whole.
async fn next(
    server: &Server,
    chunks: &mut ChatCompletionResponseStream,
    finish: Option<Finish>,
) -> Result<Option<CreateChatCompletionStreamResponse>> {
    let patience = match finish {
        Some(_) => server.timeout().min(AFTERWORD),
        None => server.timeout(),
    };
    match tokio::time::timeout(patience, chunks.next()).await {
        Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
        // What fails after the last word costs only the figures.
        _ if finish.is_some() => Ok(None),
        Ok(Some(Err(error))) => Err(server.error(error)),
        Ok(None) => Err(server.odd("it stopped in the middle of an answer")),
        Err(_) => Err(server.silent()),
    }
}

fn read_usage(cost: &CompletionUsage) -> Usage {
    let cached = cost
        .prompt_tokens_details
        .as_ref()
        .and_then(|details| details.cached_tokens);
    let count = |tokens: u32| usize::try_from(tokens).unwrap_or(usize::MAX);
    Usage {
        prompt_tokens: count(cost.prompt_tokens),
        reused_tokens: count(cached.unwrap_or(0)),
        completion_tokens: count(cost.completion_tokens),
        dropped_lines: 0,
    }
}

fn read_finish(reason: FinishReason) -> Finish {
    match reason {
        // A filter withholds the rest: the answer may be cut.
        FinishReason::Length | FinishReason::ContentFilter => Finish::Length,
        FinishReason::Stop | FinishReason::ToolCalls | FinishReason::FunctionCall => Finish::Stop,
    }
}
