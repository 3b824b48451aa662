//! Backend actions: what they are, and how they are called without doing anything twice.

mod function;
mod ledger;
#[cfg(feature = "mcp")]
mod mcp;
mod registry;

pub use function::FnTool;
pub use ledger::{Action, ActionLedger};
#[cfg(all(test, feature = "mcp"))]
pub(crate) use mcp::backend as mcp_backend;
#[cfg(feature = "mcp")]
pub use mcp::{McpCommand, McpOptions, McpTools};
pub use registry::Tools;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::conversation::{ConversationId, TenantId};
use crate::error::Result;

/// How long a tool may take where its [`ToolSpec`] says nothing else.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A backend action: it looks something up, or changes something.
///
/// An error says that the action was *not* done, but for the transient ones
/// ([`Error::is_transient`](crate::Error::is_transient)), after which nobody knows; what happens then depends on the
/// tool's [`ToolEffect`].
#[async_trait]
pub trait Tool: Debug + Send + Sync + 'static {
    /// What it is and how it may be called.
    fn spec(&self) -> &ToolSpec;

    /// Does it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for arguments it cannot take,
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) where a rule of the backend forbids it, and whatever else the
    /// backend reports. The words of the error are shown to people, not to customers.
    async fn call(&self, call: &ToolCall) -> Result<Value>;
}

/// What calling a tool again does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolEffect {
    /// It changes nothing and may be called at will.
    Read,
    /// It changes something, once for each [`ToolCall::idempotency_key`]: the backend knows the key again.
    Idempotent,
    /// It changes something every time it is called, so it is never called again where it may have been done.
    Write,
}

/// What a [`Tool`] is: name and description for models and people, arguments as a JSON schema.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// Machine name, as playbooks name it.
    pub name: String,
    /// What it does, in one sentence.
    pub description: String,
    /// JSON schema of the arguments, an object.
    pub parameters: Value,
    /// What calling it again does.
    pub effect: ToolEffect,
    /// How long it may take; afterwards nobody knows whether it was done.
    pub timeout: Duration,
    /// Fields of arguments and result that no model, log or briefing may see, by name, at any depth.
    pub secret: Vec<String>,
    /// What is said meanwhile on a channel that speaks, where the tool is slow.
    pub filler: Option<String>,
}

impl ToolSpec {
    /// A tool that changes something every time it is called, without arguments, with 20 seconds to do it.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            parameters: json!({ "type": "object", "properties": {} }),
            effect: ToolEffect::Write,
            timeout: TIMEOUT,
            secret: Vec::new(),
            filler: None,
        }
    }

    /// The arguments, as a type.
    #[must_use]
    pub fn with_parameters<T: JsonSchema>(mut self) -> Self {
        self.parameters = schemars::schema_for!(T).to_value();
        self
    }

    /// What calling it again does.
    #[must_use]
    pub fn with_effect(mut self, effect: ToolEffect) -> Self {
        self.effect = effect;
        self
    }

    /// How long it may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Fields that nobody may see.
    #[must_use]
    pub fn with_secret(mut self, fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.secret = fields.into_iter().map(Into::into).collect();
        self
    }

    /// What is said while it runs.
    #[must_use]
    pub fn with_filler(mut self, words: impl Into<String>) -> Self {
        self.filler = Some(words.into());
        self
    }

    /// The tool as an OpenAI function (<https://platform.openai.com/docs/guides/function-calling>).
    pub fn to_openai(&self) -> Value {
        json!({
            "type": "function",
            "function": { "name": self.name, "description": self.description, "parameters": self.parameters }
        })
    }

    /// `value` with its secret fields masked.
    pub fn mask(&self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| {
                    let shown = match self.secret.contains(name) {
                        true => json!("***"),
                        false => self.mask(value),
                    };
                    (name.clone(), shown)
                })
                .collect(),
            Value::Array(items) => items.iter().map(|item| self.mask(item)).collect(),
            other => other.clone(),
        }
    }
}

/// One call of a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The same for every attempt at the same action, and no other.
    pub idempotency_key: String,
    /// For whom.
    pub tenant: TenantId,
    /// In which conversation.
    pub conversation: ConversationId,
    /// An object that fits the tool's schema.
    pub arguments: Value,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
}

#[cfg(test)]
mod tests;
