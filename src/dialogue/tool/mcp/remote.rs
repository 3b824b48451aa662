//! A tool of a server, and what the server says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::RwLock;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, JsonObject, RequestMetaObject, RequestParamsMeta,
};
use serde_json::Value;

use super::outcome;
use super::{McpOptions, Server};
use crate::dialogue::tool::{Tool, ToolCall, ToolEffect, ToolSpec};
use crate::error::{Error, ErrorKind, Result};

/// Under this name the server gets the identity of the action.
const IDEMPOTENCY_KEY: &str = "attendant/idempotencyKey";
/// What a server says of a tool is cut after so many characters.
const LONGEST_DESCRIPTION: usize = 1024;

/// What a server said of a tool, as far as it matters whether that is still so.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Offered {
    name: String,
    description: String,
    schema: Arc<JsonObject>,
    effect: ToolEffect,
}

impl Offered {
    /// Whether a call means the same. Other words are no other tool.
    fn is_still(&self, now: &Self) -> bool {
        self.schema == now.schema && self.effect == now.effect
    }

    fn spec(&self, options: &McpOptions) -> ToolSpec {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name: String = self.name.chars().map(plain).collect();
        let mut spec = ToolSpec::new(format!("{}{name}", options.prefix), &self.description)
            .with_effect(self.effect)
            .with_timeout(options.timeout)
            .with_secret(options.secret.clone());
        spec.parameters = Value::Object(self.schema.as_ref().clone());
        match options.fillers.get(&self.name) {
            Some(words) => spec.with_filler(words),
            None => spec,
        }
    }
}

/// The tools of a server as it listed them last.
#[derive(Debug, Default)]
pub(super) struct Known(RwLock<Listed>);

#[derive(Debug, Default)]
struct Listed {
    tools: BTreeMap<String, Offered>,
    /// The news it includes.
    at: u64,
}

impl Known {
    pub(super) fn keep(&self, listed: Vec<rmcp::model::Tool>, options: &McpOptions, at: u64) {
        let offered = |tool: rmcp::model::Tool| {
            let offered = Offered {
                effect: effect(&tool, options),
                description: described(&tool),
                name: tool.name.into_owned(),
                schema: tool.input_schema,
            };
            (offered.name.clone(), offered)
        };
        let tools = listed.into_iter().map(offered).collect();
        *self.0.write() = Listed { tools, at };
    }

    pub(super) fn names(&self) -> BTreeSet<String> {
        self.0.read().tools.keys().cloned().collect()
    }

    /// Those that are allowed.
    pub(super) fn specs(&self, options: &McpOptions) -> Vec<(Offered, ToolSpec)> {
        let listed = self.0.read();
        let allowed = |offered: &&Offered| match &options.allowed {
            Some(names) => names.contains(&offered.name),
            None => true,
        };
        listed
            .tools
            .values()
            .filter(allowed)
            .map(|offered| (offered.clone(), offered.spec(options)))
            .collect()
    }
}

/// What calling it again does. Hints that contradict each other are not believed.
fn effect(tool: &rmcp::model::Tool, options: &McpOptions) -> ToolEffect {
    if let Some(effect) = options.effects.get(tool.name.as_ref()) {
        return *effect;
    }
    let hints = tool.annotations.clone().unwrap_or_default();
    let says = |hint: Option<bool>| options.hints && hint == Some(true);
    match says(hints.read_only_hint) {
        true if hints.destructive_hint != Some(true) => ToolEffect::Read,
        false if says(hints.idempotent_hint) => ToolEffect::Idempotent,
        _ => ToolEffect::Write,
    }
}

fn described(tool: &rmcp::model::Tool) -> String {
    let said = tool.description.as_deref().unwrap_or_default();
    let visible = said.chars().filter(|c| !c.is_control() || *c == '\n');
    visible.take(LONGEST_DESCRIPTION).collect()
}

/// A tool of a server as one of ours.
pub(super) struct RemoteTool {
    server: Arc<Server>,
    offered: Offered,
    spec: ToolSpec,
}

impl RemoteTool {
    pub(super) fn new(server: Arc<Server>, offered: Offered, spec: ToolSpec) -> Self {
        Self {
            server,
            offered,
            spec,
        }
    }

    /// Whether the server still has it as it was accepted; asks again where that may have changed.
    async fn check(&self) -> Result<()> {
        let server = &self.server;
        // A connection that is made anew is news, so that the server is asked at once.
        server.link.peer().await?;
        if server.known.0.read().at < server.link.news() {
            server.list().await?;
        }
        let listed = server.known.0.read();
        let (name, server) = (&self.offered.name, server.link.name());
        match listed.tools.get(name) {
            Some(now) if self.offered.is_still(now) => Ok(()),
            Some(_) => Err(Error::new(
                ErrorKind::Config,
                format!(
                    "tool {name:?} of {server} is not what it was when it was accepted; look at it, and build the assistant anew"
                ),
            )),
            None => Err(Error::new(
                ErrorKind::NotFound,
                format!("{server} has no tool {name:?} any more"),
            )),
        }
    }

    /// A failure before anything was sent. For a write that must not leave anybody in doubt.
    fn unsent(&self, error: Error) -> Error {
        match self.spec.effect {
            ToolEffect::Write if error.is_transient() => Error::new(
                ErrorKind::Cancelled,
                format!("nothing was done, since {error}"),
            ),
            _ => error,
        }
    }
}

impl std::fmt::Debug for RemoteTool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteTool")
            .field("server", &self.server.link.name())
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Tool for RemoteTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, call: &ToolCall) -> Result<Value> {
        let Value::Object(arguments) = &call.arguments else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the arguments of tool {} are no object", self.spec.name),
            ));
        };
        if call.dry_run && self.spec.effect != ToolEffect::Read {
            return Ok(serde_json::json!({ "dry_run": true }));
        }
        let server = &self.server;
        self.check().await.map_err(|error| self.unsent(error))?;
        let peer = server
            .link
            .peer()
            .await
            .map_err(|error| self.unsent(error))?;
        let mut meta = RequestMetaObject::new();
        meta.insert(IDEMPOTENCY_KEY.into(), call.idempotency_key.clone().into());
        let mut request =
            CallToolRequestParams::new(self.offered.name.clone()).with_arguments(arguments.clone());
        request.set_meta(meta);
        match peer.call_tool_once(request).await {
            Ok(CallToolResponse::Complete(result)) => {
                outcome::result(result, server.options.largest_result)
            }
            Ok(CallToolResponse::InputRequired(_)) => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "tool {} asks back in the middle of a call, which nobody can answer here",
                    self.spec.name
                ),
            )),
            // It runs on somewhere, and we have no way to follow it.
            Ok(_) => Err(Error::new(
                ErrorKind::Unavailable,
                format!(
                    "tool {} did not answer but runs on as a task",
                    self.spec.name
                ),
            )),
            Err(error) => {
                server.link.forget(&error).await;
                let error_is_unsent = outcome::was_not_sent(&error);
                let error = outcome::failure(server.link.name(), error);
                Err(match error_is_unsent {
                    true => self.unsent(error),
                    false => error,
                })
            }
        }
    }
}
