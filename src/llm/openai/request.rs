//! What is sent.

use async_openai::types::chat::{
    ChatCompletionRequestMessage, ChatCompletionRequestSystemMessage,
    ChatCompletionRequestUserMessage, ChatCompletionStreamOptions, ChatCompletionTool,
    ChatCompletionToolChoiceOption, ChatCompletionTools, CreateChatCompletionRequest,
    FunctionObject, ResponseFormat, ResponseFormatJsonSchema, ToolChoiceOptions,
};
use serde_json::{Value, json};

use super::form::{Form, KEY, Kind};
use super::{check, pattern, schema};
use crate::error::{Error, ErrorKind, Result};
use crate::llm::{Output, Request, Tool};
use crate::remote::{OpenAiConfig, Server};

/// How many of the likeliest tokens are asked for: as many as the protocol allows.
const LIKELIEST: u8 = 20;

/// What a server understands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    pub(super) json_schema: bool,
    tools: bool,
}

impl Dialect {
    pub(super) fn new(config: &OpenAiConfig) -> Self {
        Self {
            json_schema: config.json_schema(),
            tools: config.tools(),
        }
    }
}

/// The parts of a question that depend on the form of its answer.
struct Asked {
    kind: Kind,
    /// Written at the end of the question.
    instruction: String,
    /// The schema the server holds the answer to.
    schema: Option<Value>,
    tools: Option<Vec<ChatCompletionTools>>,
}

impl Asked {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            instruction: String::new(),
            schema: None,
            tools: None,
        }
    }
}

/// A question whose answer is streamed, and the form to read it in.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for what no server can answer.
pub(super) fn question(
    server: &Server,
    dialect: Dialect,
    request: &Request,
) -> Result<(CreateChatCompletionRequest, Form)> {
    let limit = u32::try_from(request.max_tokens).map_err(|_| {
        Error::new(
            ErrorKind::InvalidInput,
            format!("{} tokens is no sensible limit", request.max_tokens),
        )
    })?;
    let asked = ask(dialect, &request.output)?;
    let mut text = request.prompt.user_message();
    text.push_str(&asked.instruction);
    let form = Form {
        kind: asked.kind,
        is_promised: asked.schema.is_some(),
    };
    let mut body = plain(server, request.prompt.prefix().system(), text, limit);
    body.response_format = asked.schema.map(response_format);
    if asked.tools.is_some() {
        body.tools = asked.tools;
        body.tool_choice = Some(ChatCompletionToolChoiceOption::Mode(
            ToolChoiceOptions::Required,
        ));
        body.parallel_tool_calls = Some(false);
    }
    body.temperature = Some(request.temperature);
    // Without a choice there is nothing to repeat.
    if request.temperature > 0.0 {
        set_seed(&mut body, request.seed);
    }
    body.stream = Some(true);
    body.stream_options = Some(ChatCompletionStreamOptions {
        include_usage: Some(true),
        include_obfuscation: None,
    });
    Ok((body, form))
}

/// A question whose answer is one token, with the likeliest tokens in its place.
pub(super) fn one_token(
    server: &Server,
    system: &str,
    question: String,
) -> CreateChatCompletionRequest {
    let mut body = plain(server, system, question, 1);
    body.temperature = Some(0.0);
    body.logprobs = Some(true);
    body.top_logprobs = Some(LIKELIEST);
    body
}

// `max_tokens` is deprecated by OpenAI only; other servers know nothing else.
#[allow(deprecated)]
fn plain(
    server: &Server,
    system: &str,
    question: String,
    limit: u32,
) -> CreateChatCompletionRequest {
    let newest = server.is_openai();
    let mut messages: Vec<ChatCompletionRequestMessage> = Vec::new();
    if !system.is_empty() {
        messages.push(ChatCompletionRequestSystemMessage::from(system).into());
    }
    messages.push(ChatCompletionRequestUserMessage::from(question).into());
    CreateChatCompletionRequest {
        model: server.model().to_owned(),
        messages,
        max_completion_tokens: newest.then_some(limit),
        max_tokens: (!newest).then_some(limit),
        ..CreateChatCompletionRequest::default()
    }
}

/// Large seeds are folded: some servers keep them in 32 bits.
// Deprecated by OpenAI only.
#[allow(deprecated)]
fn set_seed(body: &mut CreateChatCompletionRequest, seed: u64) {
    let folded = (seed ^ (seed >> 31)) & 0x7fff_ffff;
    body.seed = i64::try_from(folded).ok();
}

fn ask(dialect: Dialect, output: &Output) -> Result<Asked> {
    let mut asked;
    match output {
        Output::Text => asked = Asked::new(Kind::Free),
        Output::Json(schema) => {
            check::schema(schema)?;
            asked = Asked::new(Kind::Free);
            if dialect.json_schema {
                // Servers want an object; `true` accepts everything.
                let everything = schema.as_bool().map(|_| json!({}));
                asked.schema = Some(everything.unwrap_or_else(|| schema.clone()));
            } else {
                asked.instruction =
                    format!("\n\nAnswer with JSON only, following this JSON Schema:\n{schema}");
            }
        }
        Output::Choice(choices) => {
            check::choices(choices)?;
            asked = Asked::new(Kind::Choice(choices.clone()));
            if dialect.json_schema {
                asked.schema = Some(wrapped(json!({ "type": "string", "enum": once(choices) })));
            } else {
                asked.instruction = format!(
                    "\n\nAnswer with one of these, to the letter, and with nothing else:\n{}",
                    choices.join("\n")
                );
            }
        }
        Output::Regex(regex) => {
            asked = Asked::new(Kind::Pattern(pattern::compile(regex)?));
            if dialect.json_schema {
                let pattern = pattern::portable(regex);
                asked.schema = Some(wrapped(json!({ "type": "string", "pattern": pattern })));
            } else {
                asked.instruction = format!(
                    "\n\nAnswer only with a text that matches this regular expression from its \
                     first to its last character:\n{regex}"
                );
            }
        }
        Output::Tool(tools) => {
            check::tools(tools)?;
            asked = Asked::new(Kind::Call);
            if dialect.tools {
                asked.tools = Some(tools.iter().map(function).collect());
            } else {
                asked.instruction = described(tools);
                asked.schema = dialect
                    .json_schema
                    .then(|| wrapped(Tool::call_schema(tools)));
            }
        }
    }
    Ok(asked)
}

fn response_format(schema: Value) -> ResponseFormat {
    let tightened = schema::strict(&schema);
    ResponseFormat::JsonSchema {
        json_schema: ResponseFormatJsonSchema {
            name: KEY.to_owned(),
            description: None,
            strict: Some(tightened.is_some()),
            schema: tightened.unwrap_or(schema),
        },
    }
}

/// A schema of an object whose only property follows `schema`.
fn wrapped(schema: Value) -> Value {
    json!({
        "type": "object",
        "properties": { KEY: schema },
        "required": [KEY],
        "additionalProperties": false,
    })
}

/// The values of an enumeration must differ.
fn once(choices: &[String]) -> Vec<&String> {
    let mut once: Vec<&String> = Vec::with_capacity(choices.len());
    for choice in choices {
        if !once.contains(&choice) {
            once.push(choice);
        }
    }
    once
}

fn function(tool: &Tool) -> ChatCompletionTools {
    let tightened = schema::strict(&tool.parameters);
    ChatCompletionTools::Function(ChatCompletionTool {
        function: FunctionObject {
            name: tool.name.clone(),
            description: (!tool.description.is_empty()).then(|| tool.description.clone()),
            strict: tightened.as_ref().map(|_| true),
            parameters: Some(tightened.unwrap_or_else(|| tool.parameters.clone())),
        },
    })
}

/// The tools in words, for servers that are not told them as such.
fn described(tools: &[Tool]) -> String {
    let mut text = "\n\nCall one of these tools. Answer with JSON only, like \
                    {\"name\": \"the tool\", \"arguments\": {}}:"
        .to_owned();
    for tool in tools {
        let Tool {
            name,
            description,
            parameters,
        } = tool;
        text.push_str(&format!(
            "\n- {name}: {description} Its arguments follow this JSON Schema: {parameters}"
        ));
    }
    text
}
