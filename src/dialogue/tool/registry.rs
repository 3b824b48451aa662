//! The tools of an assistant, by name, and one attempt at running one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tracing::Instrument;

use super::{Tool, ToolCall, ToolEffect, ToolSpec};
use crate::conversation::ActionStatus;
use crate::error::{Error, ErrorKind};

/// Attempts at a tool that may be called again.
const ATTEMPTS: u32 = 3;
/// Before the second attempt; doubled before the third.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// The tools of an assistant.
#[derive(Clone, Debug, Default)]
pub struct Tools(BTreeMap<String, Arc<dyn Tool>>);

impl Tools {
    /// These tools; of two with the same name the last counts.
    pub fn new(tools: impl IntoIterator<Item = Arc<dyn Tool>>) -> Self {
        let named = |tool: Arc<dyn Tool>| (tool.spec().name.clone(), tool);
        Self(tools.into_iter().map(named).collect())
    }

    /// The tool with this name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.0.get(name)
    }

    /// What there is, by name.
    pub fn specs(&self) -> impl Iterator<Item = &ToolSpec> {
        self.0.values().map(|tool| tool.spec())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Calls a tool within its time, again after a transient failure where that is safe. What came of it: a result, or
    /// `{"error": …}`.
    pub(super) async fn run(&self, name: &str, call: &ToolCall) -> (ActionStatus, Value) {
        let Some(tool) = self.get(name) else {
            let error = json!({ "error": format!("there is no tool {name:?}; give it to the assistant's builder") });
            return (ActionStatus::Failed, error);
        };
        let spec = tool.spec();
        let call = ToolCall {
            arguments: fitted(&call.arguments, &spec.parameters),
            ..call.clone()
        };
        let mut wait = FIRST_WAIT;
        for attempt in 1..=ATTEMPTS {
            let late = || {
                Error::new(
                    ErrorKind::Timeout,
                    format!("tool {name} took longer than {:?}", spec.timeout),
                )
            };
            let span = span(name);
            let calling = tool.call(&call).instrument(span.clone());
            let answer = tokio::time::timeout(spec.timeout, calling).await;
            let error = match answer.unwrap_or_else(|_| Err(late())) {
                Ok(result) => return (ActionStatus::Succeeded, result),
                Err(error) => error,
            };
            span.record("error.type", tracing::field::debug(error.kind()));
            tracing::warn!(tool = name, attempt, %error, "a tool failed");
            let again = error.is_transient() && spec.effect != ToolEffect::Write;
            if !again || attempt == ATTEMPTS {
                // A read that failed has certainly changed nothing.
                let unknown = error.is_transient() && spec.effect != ToolEffect::Read;
                let status = if unknown {
                    ActionStatus::Unknown
                } else {
                    ActionStatus::Failed
                };
                return (status, json!({ "error": error.to_string() }));
            }
            tokio::time::sleep(error.retry_after().unwrap_or(wait).min(spec.timeout)).await;
            wait *= 2;
        }
        (ActionStatus::Failed, json!({ "error": "never called" }))
    }
}

/// One call, with the names of OpenTelemetry's conventions for generative AI; neither arguments nor results.
fn span(tool: &str) -> tracing::Span {
    tracing::info_span!(
        "execute_tool",
        "otel.name" = format!("execute_tool {tool}"),
        "gen_ai.operation.name" = "execute_tool",
        "gen_ai.tool.name" = tool,
        "error.type" = tracing::field::Empty,
    )
}

/// Arguments in the types of the schema: slots hold text, and tools want numbers and truth values too.
fn fitted(arguments: &Value, schema: &Value) -> Value {
    let Value::Object(fields) = arguments else {
        return arguments.clone();
    };
    let typed = |name: &String, value: &Value| -> Value {
        let wanted = schema.pointer(&format!(
            "/properties/{}/type",
            name.replace('~', "~0").replace('/', "~1")
        ));
        let Value::String(text) = value else {
            return value.clone();
        };
        let is = |kind: &str| match wanted {
            Some(Value::String(wanted)) => wanted == kind,
            Some(Value::Array(several)) => several.iter().any(|one| one == kind),
            _ => false,
        };
        let bare = text
            .trim()
            .trim_start_matches(['£', '$', '€'])
            .replace(',', "");
        if is("integer")
            && let Ok(number) = bare.parse::<i64>()
        {
            return json!(number);
        }
        if is("number")
            && let Ok(number) = bare.parse::<f64>()
        {
            return json!(number);
        }
        if is("boolean")
            && let Ok(truth) = text.trim().to_lowercase().parse::<bool>()
        {
            return json!(truth);
        }
        value.clone()
    };
    let fitted: Map<String, Value> = fields
        .iter()
        .map(|(name, value)| (name.clone(), typed(name, value)))
        .collect();
    Value::Object(fitted)
}
