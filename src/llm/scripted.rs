//! A model that says what it was told to say: for tests, demos without weights, and rehearsals.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::{Capabilities, Delta, Finish, LanguageModel, Output, Prompt, Request, Usage};
use crate::error::{Error, ErrorKind, Result};

type Responder = dyn Fn(&Request) -> Result<String> + Send + Sync;

/// A [`LanguageModel`] with prepared answers. It records every prompt it was asked.
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

    /// A model without a script: empty text, and the smallest JSON that fits a schema. It lets a
    /// text conversation run without any weights; skills treat its answers as nothing to say.
    pub fn silent() -> Self {
        Self::from_fn(|request| {
            Ok(match &request.output {
                Output::Text => String::new(),
                Output::Json(schema) => smallest(schema, schema).to_string(),
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
        let answer = (self.responder)(&request)?;
        // Word by word, so that consumers are tested on pieces.
        let mut deltas: Vec<Result<Delta>> = answer
            .split_inclusive(' ')
            .map(|piece| Ok(Delta::Text(piece.to_owned())))
            .collect();
        let usage = Usage {
            prompt_tokens: request.prompt.user_message().split_whitespace().count(),
            reused_tokens: 0,
            completion_tokens: deltas.len(),
        };
        deltas.push(Ok(Delta::Done {
            finish: Finish::Stop,
            usage,
        }));
        Ok(futures::stream::iter(deltas).boxed())
    }
}

/// The smallest value that follows the parts of JSON Schema that `schemars` writes.
fn smallest(schema: &serde_json::Value, root: &serde_json::Value) -> serde_json::Value {
    use serde_json::{Map, Value, json};
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
            let mut object = Map::new();
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
    use crate::llm::{LanguageModelExt, Structured};

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
}
