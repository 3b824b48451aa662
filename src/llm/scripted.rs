//! A model that says what it was told to say: for tests, demos without weights, and rehearsals.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};

use super::{Capabilities, Delta, Finish, LanguageModel, Output, Prompt, Request, Usage};
use crate::error::{Error, ErrorKind, OrError, Result};

type Responder = dyn Fn(&Request) -> Result<String> + Send + Sync;

/// A [`LanguageModel`] with prepared answers, told word by word; a word is its token. It records every
/// prompt it was asked.
#[derive(Clone)]
pub struct ScriptedModel {
    responder: Arc<Responder>,
    asked: Arc<Mutex<Vec<Prompt>>>,
}

impl fmt::Debug for ScriptedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedModel").finish_non_exhaustive()
    }
}

impl ScriptedModel {
    /// Gives these answers in order, then fails with [`ErrorKind::Unavailable`].
    pub fn new<T: Into<String>>(answers: impl IntoIterator<Item = T>) -> Self {
        let answers: VecDeque<String> = answers.into_iter().map(Into::into).collect();
        let answers = Mutex::new(answers);
        Self::from_fn(move |_| {
            let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers
                .pop_front()
                .ok_or_else(|| Error::new(ErrorKind::Unavailable, "the script is over"))
        })
    }

    /// Answers by a function of the request.
    pub fn from_fn(responder: impl Fn(&Request) -> Result<String> + Send + Sync + 'static) -> Self {
        Self {
            responder: Arc::new(responder),
            asked: Arc::default(),
        }
    }

    /// A model without a script: empty text (for a pattern too), the smallest JSON that fits a schema,
    /// the first of several choices, a call of the first tool. It lets a text conversation run without
    /// any weights; skills treat its answers as nothing to say.
    pub fn silent() -> Self {
        Self::from_fn(|request| {
            Ok(match &request.output {
                Output::Text | Output::Regex(_) => String::new(),
                Output::Json(schema) => smallest(schema, schema).to_string(),
                Output::Choice(choices) => choices.first().cloned().unwrap_or_default(),
                Output::Tool(tools) => tools.first().map_or_else(String::new, |tool| {
                    let arguments = smallest(&tool.parameters, &tool.parameters);
                    json!({ "name": tool.name, "arguments": arguments }).to_string()
                }),
            })
        })
    }

    /// The prompts it was asked so far, oldest first.
    pub fn asked(&self) -> Vec<Prompt> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait]
impl LanguageModel for ScriptedModel {
    fn id(&self) -> &str {
        "scripted"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn generate(&self, request: Request) -> Result<BoxStream<'static, Result<Delta>>> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request.prompt.clone());
        check(&request.output)?;
        let answer = (self.responder)(&request)?;
        // Word by word, so that consumers are tested on pieces.
        let mut words: Vec<&str> = answer.split_inclusive(' ').collect();
        let finish = if words.len() > request.max_tokens {
            Finish::Length
        } else {
            Finish::Stop
        };
        words.truncate(request.max_tokens);
        let usage = Usage {
            prompt_tokens: request.prompt.user_message().split_whitespace().count(),
            completion_tokens: words.len(),
            ..Usage::default()
        };
        let mut deltas: Vec<Result<Delta>> = words
            .into_iter()
            .map(|word| Ok(Delta::Text(word.to_owned())))
            .collect();
        deltas.push(Ok(Delta::Done { finish, usage }));
        Ok(futures::stream::iter(deltas).boxed())
    }
}

/// Refuses what no model can use, as far as that is told without a grammar compiler.
fn check(output: &Output) -> Result<()> {
    let none = |what: &str| {
        Error::new(
            ErrorKind::InvalidInput,
            format!("there are no {what} to take"),
        )
    };
    match output {
        Output::Text => Ok(()),
        Output::Json(schema) => check_schema(schema),
        Output::Choice(choices) if choices.is_empty() => Err(none("choices")),
        Output::Choice(choices) if choices.iter().any(String::is_empty) => Err(Error::new(
            ErrorKind::InvalidInput,
            "a choice is empty; every choice needs words",
        )),
        Output::Choice(_) => Ok(()),
        Output::Regex(pattern) => regex::Regex::new(pattern)
            .map(drop)
            .or_error(ErrorKind::InvalidInput, || "the pattern cannot be used"),
        Output::Tool(tools) if tools.is_empty() => Err(none("tools")),
        Output::Tool(tools) => tools
            .iter()
            .try_for_each(|tool| check_schema(&tool.parameters)),
    }
}

fn check_schema(schema: &Value) -> Result<()> {
    let fits = match schema.get("type") {
        None => schema.is_object() || schema.is_boolean(),
        Some(Value::Array(kinds)) => kinds.iter().all(Value::is_string),
        Some(kind) => kind.is_string(),
    };
    if fits {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidInput,
        "the JSON schema cannot be used; name its type as JSON Schema does",
    ))
}

/// The smallest value that follows the parts of JSON Schema that `schemars` writes.
fn smallest(schema: &Value, root: &Value) -> Value {
    if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
        let target = path
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer));
        return target.map_or(Value::Null, |target| smallest(target, root));
    }
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    let first = |key: &str| {
        schema
            .get(key)
            .and_then(Value::as_array)
            .and_then(|list| list.first())
    };
    if let Some(choice) = first("enum") {
        return choice.clone();
    }
    if let Some(variant) = first("oneOf").or_else(|| first("anyOf")) {
        return smallest(variant, root);
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) if kinds.iter().any(|k| k == "null") => return Value::Null,
        Some(Value::String(kind)) => kind.as_str(),
        _ => "null",
    };
    match kind {
        "object" => {
            let required = schema.get("required").and_then(Value::as_array);
            let mut object = serde_json::Map::new();
            for name in required.into_iter().flatten().filter_map(Value::as_str) {
                let property = schema.get("properties").and_then(|p| p.get(name));
                object.insert(
                    name.to_owned(),
                    property.map_or(Value::Null, |p| smallest(p, root)),
                );
            }
            Value::Object(object)
        }
        "array" => json!([]),
        "string" => json!(""),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(0)),
        "boolean" => json!(false),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::{LanguageModelExt, Structured, Tool};

    #[derive(serde::Deserialize, schemars::JsonSchema, Debug)]
    struct Nested {
        #[allow(dead_code)]
        items: Vec<String>,
        inner: Inner,
    }

    #[derive(serde::Deserialize, schemars::JsonSchema, Debug)]
    struct Inner {
        name: Option<String>,
        count: u32,
    }

    fn request() -> Request {
        Request::new(Prompt::new("s", "where is it"))
    }

    #[tokio::test]
    async fn the_silent_model_fits_any_schema_and_remembers_what_it_was_asked() {
        let model = ScriptedModel::silent();
        let answer = model
            .complete_as::<Nested>(Prompt::new("s", "t"), 10)
            .await
            .unwrap();
        let Structured::Valid(nested) = answer else {
            panic!("rejected: {answer:?}");
        };
        assert_eq!(nested.inner.count, 0);
        assert_eq!(nested.inner.name, None);
        assert_eq!(model.asked().len(), 1);
    }

    #[tokio::test]
    async fn the_silent_model_passes_the_suite() {
        crate::testing::language_model(&ScriptedModel::silent()).await;
    }

    #[tokio::test]
    async fn the_silent_model_takes_the_first_choice_and_calls_the_first_tool() {
        let model = ScriptedModel::silent();
        let choice = request().with_choice(["send an engineer", "refund"]);
        assert_eq!(
            model.complete(choice).await.unwrap().text,
            "send an engineer"
        );
        let parameters = json!({
            "type": "object",
            "properties": { "cents": { "$ref": "#/$defs/cents" } },
            "required": ["cents"],
            "$defs": { "cents": { "type": "integer", "minimum": 5 } },
        });
        let tool = Tool {
            name: "refund".into(),
            description: "Pays back.".into(),
            parameters,
        };
        let call = model
            .complete(request().with_tools(vec![tool]))
            .await
            .unwrap();
        let call: Value = serde_json::from_str(&call.text).unwrap();
        assert_eq!(
            call,
            json!({ "name": "refund", "arguments": { "cents": 5 } })
        );
    }

    #[tokio::test]
    async fn a_script_is_cut_at_the_limit_of_tokens() {
        let model = ScriptedModel::new(["on its way", "on its way"]);
        let whole = model.complete(request().with_max_tokens(3)).await.unwrap();
        assert_eq!(
            (whole.text.as_str(), whole.finish),
            ("on its way", Finish::Stop)
        );
        let cut = model.complete(request().with_max_tokens(2)).await.unwrap();
        assert_eq!((cut.text.as_str(), cut.finish), ("on its ", Finish::Length));
        assert_eq!(
            (cut.usage.prompt_tokens, cut.usage.completion_tokens),
            (3, 2)
        );
    }

    #[tokio::test]
    async fn a_form_that_nothing_can_fit_is_refused() {
        let tool = |parameters| Tool {
            name: "t".into(),
            description: String::new(),
            parameters,
        };
        for unusable in [
            request().with_json(json!({ "type": 5 })),
            request().with_json(json!({ "type": ["string", 5] })),
            request().with_json(json!("a schema")),
            request().with_choice(Vec::<String>::new()),
            request().with_choice(["yes", ""]),
            request().with_regex("("),
            request().with_tools(Vec::new()),
            request().with_tools(vec![tool(json!({ "type": 5 }))]),
        ] {
            let error = ScriptedModel::silent()
                .complete(unusable)
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
        for usable in [
            json!(true),
            json!({}),
            json!({ "type": ["string", "null"] }),
        ] {
            let model = ScriptedModel::silent();
            model.complete(request().with_json(usable)).await.unwrap();
        }
    }
}
