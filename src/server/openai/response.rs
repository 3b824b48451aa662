//! What a client of OpenAI's API gets.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::request::{Ask, MODEL};
use crate::conversation::{Citation, HandoffReason, Role};
use crate::error::Result;
use crate::server::problem::Problem;
use crate::session::{HubEvent, SessionEvent, SessionHub};
use crate::store::StreamKey;

/// Bytes of a token, about: there may be no tokeniser at all, and many answers take no model.
const BYTES_PER_TOKEN: usize = 4;

/// An error as their clients read it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct ErrorBody {
    error: ErrorObject,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
struct ErrorObject {
    message: String,
    #[serde(rename = "type")]
    kind: String,
    param: Option<String>,
    code: Option<String>,
}

impl ErrorBody {
    pub(super) fn new(
        message: String,
        kind: &str,
        param: Option<&str>,
        code: Option<&str>,
    ) -> Self {
        Self {
            error: ErrorObject {
                message,
                kind: kind.to_owned(),
                param: param.map(str::to_owned),
                code: code.map(str::to_owned),
            },
        }
    }

    /// The same told in their words.
    pub(super) fn of(problem: &Problem) -> Self {
        let (kind, code) = match problem.status {
            401 => ("invalid_request_error", "invalid_api_key"),
            403 => ("permission_error", "insufficient_permissions"),
            429 => ("requests", "rate_limit_exceeded"),
            500.. => ("server_error", problem.kind.as_str()),
            _ => ("invalid_request_error", problem.kind.as_str()),
        };
        Self::new(problem.detail.clone(), kind, None, Some(code))
    }

    /// As a piece of a stream.
    pub(super) fn chunk(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The models there are.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct ModelList {
    object: &'static str,
    data: Vec<Model>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Model {
    id: &'static str,
    object: &'static str,
    created: i64,
    owned_by: &'static str,
}

impl ModelList {
    pub(super) fn of(id: &'static str) -> Self {
        Self {
            object: "list",
            data: vec![Model {
                id,
                object: "model",
                created: 0,
                owned_by: "attendant",
            }],
        }
    }
}

/// What the virtual agent made of a message.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    said: Vec<String>,
    citations: Vec<Citation>,
    handed_over: Option<HandoffReason>,
    approval: Option<String>,
}

impl Answer {
    /// Takes an event; the pieces of text that it adds, a sentence each.
    pub(super) fn take(&mut self, event: &HubEvent) -> Vec<String> {
        let HubEvent::Event(event) = event else {
            return Vec::new();
        };
        match &event.event {
            SessionEvent::Reply {
                text,
                sentence_ends,
                citations,
                ..
            } => {
                self.citations.extend(citations.iter().cloned());
                self.say(text, sentence_ends)
            }
            SessionEvent::Handoff(handoff) => {
                self.handed_over = Some(handoff.reason);
                Vec::new()
            }
            SessionEvent::ApprovalRequested { question, .. } => {
                self.approval = Some(question.clone());
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn say(&mut self, text: &str, ends: &[usize]) -> Vec<String> {
        let mut pieces = Vec::new();
        let mut from = 0;
        for end in ends.iter().copied().chain([text.len()]) {
            if let Some(piece) = text.get(from..end).filter(|piece| !piece.is_empty()) {
                pieces.push(piece.to_owned());
                from = end;
            }
        }
        // Two replies are two sentences.
        if let (false, Some(first)) = (self.said.is_empty(), pieces.first_mut()) {
            first.insert(0, ' ');
        }
        self.said.push(text.to_owned());
        pieces
    }

    /// A request that is made again under the same id sets nothing off: what was answered the first time.
    pub(super) async fn or_what_was_said(
        &mut self,
        hub: &SessionHub,
        key: &StreamKey,
    ) -> Result<Vec<String>> {
        if !self.said.is_empty() {
            return Ok(Vec::new());
        }
        let view = hub.view(key).await?;
        let transcript = view.conversation.transcript.utterances();
        let customer = transcript
            .iter()
            .rposition(|said| said.role == Role::EndUser);
        let behind = customer.map_or(0, |at| at + 1);
        let mut pieces = Vec::new();
        for said in transcript.iter().skip(behind) {
            if said.role == Role::AutomatedAgent {
                pieces.extend(self.say(&said.text, &[]));
            }
        }
        Ok(pieces)
    }

    pub(super) fn text(&self) -> String {
        self.said.join(" ")
    }

    /// What OpenAI's form has no place for; null where there is nothing to say.
    fn beside(&self, key: &StreamKey) -> Value {
        json!({
            "conversation_id": key.conversation,
            "citations": self.citations,
            "handoff": self.handed_over,
            "approval": self.approval,
        })
    }
}

/// The envelope of one answer.
#[derive(Clone, Debug)]
pub(super) struct Completion {
    id: String,
    created: i64,
    key: StreamKey,
}

/// A chat completion.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct ChatCompletion {
    id: String,
    object: &'static str,
    created: i64,
    model: &'static str,
    choices: Vec<Choice>,
    usage: Usage,
    /// What this form has no place for: `conversation_id`, `citations`, `handoff` (why a person takes over), `approval`
    /// (what somebody has to say yes to first).
    attendant: Value,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Choice {
    index: u32,
    message: Said,
    finish_reason: &'static str,
    logprobs: Option<Value>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Said {
    role: &'static str,
    content: String,
    refusal: Option<String>,
}

/// About: four bytes a token.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
struct Usage {
    prompt_tokens: usize,
    completion_tokens: usize,
    total_tokens: usize,
}

impl Usage {
    fn of(ask: &Ask, answer: &Answer) -> Self {
        let history: usize = ask.history.iter().map(|(_, text)| text.len()).sum();
        let prompt_tokens = (history + ask.text.len()).div_ceil(BYTES_PER_TOKEN);
        let completion_tokens = answer.text().len().div_ceil(BYTES_PER_TOKEN);
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens + completion_tokens,
        }
    }
}

impl Completion {
    pub(super) fn new(key: &StreamKey) -> Self {
        Self {
            id: format!("chatcmpl-{}", uuid::Uuid::now_v7().simple()),
            created: jiff::Timestamp::now().as_second(),
            key: key.clone(),
        }
    }

    pub(super) fn whole(&self, ask: &Ask, answer: &Answer) -> ChatCompletion {
        ChatCompletion {
            id: self.id.clone(),
            object: "chat.completion",
            created: self.created,
            model: MODEL,
            choices: vec![Choice {
                index: 0,
                message: Said {
                    role: "assistant",
                    content: answer.text(),
                    refusal: None,
                },
                finish_reason: "stop",
                logprobs: None,
            }],
            usage: Usage::of(ask, answer),
            attendant: answer.beside(&self.key),
        }
    }

    fn chunk(&self, choices: Value, others: &[(&str, Value)]) -> String {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": MODEL,
            "choices": choices,
        });
        if let Some(object) = chunk.as_object_mut() {
            for (name, value) in others {
                object.insert((*name).to_owned(), value.clone());
            }
        }
        chunk.to_string()
    }

    fn delta(&self, delta: Value, finish: Option<&str>, others: &[(&str, Value)]) -> String {
        let choice = json!({
            "index": 0,
            "delta": delta,
            "finish_reason": finish,
            "logprobs": null,
        });
        self.chunk(json!([choice]), others)
    }

    pub(super) fn opening(&self) -> String {
        self.delta(json!({ "role": "assistant", "content": "" }), None, &[])
    }

    pub(super) fn piece(&self, text: &str) -> String {
        self.delta(json!({ "content": text }), None, &[])
    }

    pub(super) fn closing(&self, answer: &Answer) -> String {
        let beside = answer.beside(&self.key);
        self.delta(json!({}), Some("stop"), &[("attendant", beside)])
    }

    pub(super) fn usage(&self, ask: &Ask, answer: &Answer) -> String {
        let usage = json!(Usage::of(ask, answer));
        self.chunk(json!([]), &[("usage", usage)])
    }
}
