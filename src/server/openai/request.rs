//! What a client asks, and what cannot be asked here.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::response::ErrorBody;
use crate::conversation::Role;
use crate::server::extract::check_id;

/// The one model there is: the virtual agent.
pub(super) const MODEL: &str = "attendant";

/// A chat completion that is asked for. Fields that are not named here have no effect.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(in crate::server) struct ChatRequest {
    /// `attendant`.
    model: String,
    /// The conversation so far, the customer's new message last. Messages of the roles `system` and `developer` have no
    /// effect: what the virtual agent does is decided by its playbooks.
    #[schemars(length(min = 1))]
    messages: Vec<Message>,
    /// Whether the answer comes in pieces, a sentence each.
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    /// The customer, by the host's id.
    #[serde(default)]
    user: Option<String>,
    /// `conversation_id` names a conversation to go on with, or to begin.
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
    /// 1 or nothing: there is one answer.
    #[serde(default)]
    n: Option<u32>,
    /// Nothing: tools are those of the playbooks.
    #[serde(default)]
    tools: Option<Vec<Value>>,
    /// Nothing.
    #[serde(default)]
    functions: Option<Vec<Value>>,
    /// `{"type": "text"}` or nothing.
    #[serde(default)]
    response_format: Option<ResponseFormat>,
    /// Nothing, or false.
    #[serde(default)]
    logprobs: Option<bool>,
    /// `["text"]` or nothing.
    #[serde(default)]
    modalities: Option<Vec<String>>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
struct StreamOptions {
    /// Whether a last piece tells the usage.
    #[serde(default)]
    include_usage: Option<bool>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
struct ResponseFormat {
    #[serde(rename = "type")]
    kind: String,
}

/// One message.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
struct Message {
    /// `user`, `assistant`, `system` or `developer`.
    role: String,
    /// Text, or parts of type `text`.
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
}

/// What is asked, checked.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// The customer's new words.
    pub(super) text: String,
    /// What was said before.
    pub(super) history: Vec<(Role, String)>,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    pub(super) user: Option<String>,
    pub(super) conversation: Option<String>,
}

/// Why something cannot be asked.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    status: StatusCode,
    message: String,
    param: &'static str,
    code: &'static str,
}

impl Refused {
    fn unsupported(param: &'static str, message: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message: message.to_owned(),
            param,
            code: "unsupported_parameter",
        }
    }

    fn invalid(param: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message: message.into(),
            param,
            code: "invalid_value",
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = ErrorBody::new(
            self.message,
            "invalid_request_error",
            Some(self.param),
            Some(self.code),
        );
        (self.status, Json(body)).into_response()
    }
}

impl TryFrom<ChatRequest> for Ask {
    type Error = Refused;

    fn try_from(request: ChatRequest) -> Result<Self, Refused> {
        if request.model != MODEL {
            return Err(Refused {
                status: StatusCode::NOT_FOUND,
                message: format!(
                    "there is no model {:?}; the model is {MODEL:?}",
                    request.model
                ),
                param: "model",
                code: "model_not_found",
            });
        }
        if request.n.is_some_and(|n| n != 1) {
            return Err(Refused::unsupported(
                "n",
                "there is one answer; leave n out",
            ));
        }
        let tools = "tools are those of the playbooks, run by the server; leave them out";
        if request.tools.is_some_and(|tools| !tools.is_empty()) {
            return Err(Refused::unsupported("tools", tools));
        }
        if request.functions.is_some_and(|tools| !tools.is_empty()) {
            return Err(Refused::unsupported("functions", tools));
        }
        if request
            .response_format
            .is_some_and(|format| format.kind != "text")
        {
            return Err(Refused::unsupported(
                "response_format",
                "a customer gets sentences; leave response_format out",
            ));
        }
        if request.logprobs == Some(true) {
            return Err(Refused::unsupported(
                "logprobs",
                "there are no probabilities of tokens; leave logprobs out",
            ));
        }
        if request
            .modalities
            .is_some_and(|kinds| kinds.iter().any(|kind| kind != "text"))
        {
            return Err(Refused::unsupported("modalities", "only text is answered"));
        }
        let mut history = said(request.messages)?;
        let text = match history.pop() {
            Some((Role::EndUser, text)) => text,
            _ => {
                return Err(Refused::invalid(
                    "messages",
                    "the last message must be the customer's, of role user",
                ));
            }
        };
        let mut metadata = request.metadata.unwrap_or_default();
        let conversation = metadata.remove("conversation_id");
        if let Some(error) = conversation.as_deref().and_then(|id| check_id(id).err()) {
            return Err(Refused::invalid("metadata", error.to_string()));
        }
        Ok(Self {
            text,
            history,
            stream: request.stream.unwrap_or(false),
            include_usage: request
                .stream_options
                .is_some_and(|options| options.include_usage == Some(true)),
            user: request.user.filter(|user| !user.is_empty()),
            conversation,
        })
    }
}

/// Who said what, without instructions to a model.
fn said(messages: Vec<Message>) -> Result<Vec<(Role, String)>, Refused> {
    let mut said = Vec::new();
    for message in messages {
        let role = match message.role.as_str() {
            "user" => Role::EndUser,
            "assistant" => Role::AutomatedAgent,
            "system" | "developer" => continue,
            other => {
                return Err(Refused::invalid(
                    "messages",
                    format!(
                        "messages of role {other:?} are not taken; tools are run by the server"
                    ),
                ));
            }
        };
        let text = match message.content {
            None => String::new(),
            Some(Content::Text(text)) => text,
            Some(Content::Parts(parts)) => {
                let mut texts = Vec::new();
                for part in parts {
                    match part.text {
                        Some(text) if part.kind == "text" => texts.push(text),
                        _ => {
                            return Err(Refused::invalid(
                                "messages",
                                "only parts of type text are understood",
                            ));
                        }
                    }
                }
                texts.join(" ")
            }
        };
        if !text.trim().is_empty() {
            said.push((role, text));
        }
    }
    Ok(said)
}
