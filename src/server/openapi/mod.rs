//! The OpenAPI 3.1 document: a table of routes, and schemas that the types themselves give.

mod routes;

use std::collections::BTreeMap;

use axum::Json;
use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::extract::ID_PATTERN;
use super::problem::{PROBLEM_JSON, Problem};
use crate::conversation::{Channel, Conversation, Role};

/// A conversation in a body: whole, as this server tells it, or only its turns.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub(in crate::server) enum AnyConversation {
    /// Whole.
    Whole(Box<Conversation>),
    /// Only its turns.
    Short(ShortConversation),
}

/// The turns of a conversation.
#[derive(Debug, Deserialize, JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
pub(in crate::server) struct ShortConversation {
    id: Option<String>,
    channel: Option<Channel>,
    language: Option<String>,
    turns: Vec<ShortTurn>,
}

/// Words of one role.
#[derive(Debug, Deserialize, JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
pub(in crate::server) struct ShortTurn {
    role: Role,
    text: String,
    #[serde(default)]
    start_ms: u64,
    #[serde(default)]
    end_ms: u64,
}

/// `GET /openapi.json`
pub(super) async fn serve() -> Json<Value> {
    Json(document())
}

/// The document.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut builder = Builder {
        schemas: settings.into_generator(),
        paths: BTreeMap::new(),
    };
    routes::describe(&mut builder);
    let problem = builder.schema::<Problem>();
    let Builder { mut schemas, paths } = builder;
    let components = json!({
        "schemas": schemas.take_definitions(true),
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key, or a JSON Web Token of a configured issuer."
            },
            "api_key": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
            "access_token": {
                "type": "apiKey",
                "in": "query",
                "name": "access_token",
                "description": "For clients that can set no headers."
            }
        },
        "responses": {
            "Problem": {
                "description": "What went wrong (RFC 9457).",
                "content": { PROBLEM_JSON: { "schema": problem } }
            }
        }
    });
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "attendant",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Virtual agents and agent assist for contact centres. Whose data a request sees comes from its key or token alone. Inputs are answered once they are stored; the same id counts once.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" }
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }, { "api_key": [] }, { "access_token": [] }],
        "tags": [
            { "name": "conversations", "description": "Live and stored conversations." },
            { "name": "inputs", "description": "What a conversation is fed." },
            { "name": "customers", "description": "Who customers are, and how they are forgotten." },
            { "name": "plain", "description": "Calls that keep nothing." },
            { "name": "knowledge", "description": "Articles." },
            { "name": "openai", "description": "The virtual agent in the form of OpenAI's API." },
            { "name": "operation", "description": "Health and figures." }
        ],
        "paths": paths,
        "components": components
    });
    set_apart(&mut document);
    document
}

/// A reference that stands beside properties goes into an `allOf` with them. Both mean the same in JSON Schema, but
/// generators of clients read only the reference, and lose what tells the events apart.
fn set_apart(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("properties")
                && let Some(reference) = fields.remove("$ref")
            {
                let mut beside = Map::new();
                for key in ["type", "properties", "required"] {
                    beside.extend(fields.remove_entry(key));
                }
                fields.insert(
                    "allOf".into(),
                    json!([{ "$ref": reference }, Value::Object(beside)]),
                );
            }
            fields.values_mut().for_each(set_apart);
        }
        Value::Array(items) => items.iter_mut().for_each(set_apart),
        _ => {}
    }
}

/// Collects paths and schemas.
struct Builder {
    schemas: SchemaGenerator,
    paths: BTreeMap<String, Map<String, Value>>,
}

/// A body or an answer.
struct Content {
    media_type: &'static str,
    schema: Value,
}

/// What the table says of a route.
struct Route {
    method: &'static str,
    path: &'static str,
    tag: &'static str,
    id: &'static str,
    summary: &'static str,
    body: Option<Value>,
    /// Whether the body may be left out.
    answers: Vec<(u16, &'static str, Option<Content>)>,
    /// Statuses of problems beside those of every route.
    problems: &'static [u16],
    parameters: Vec<Value>,
    /// Whether a key or token is needed.
    guarded: bool,
    /// The schema of errors where it is no problem.
    errors: Option<Value>,
}

impl Builder {
    fn schema<T: JsonSchema>(&mut self) -> Value {
        self.schemas.subschema_for::<T>().to_value()
    }

    fn json<T: JsonSchema>(&mut self) -> Option<Content> {
        Some(Content {
            media_type: "application/json",
            schema: self.schema::<T>(),
        })
    }

    fn add(&mut self, route: Route) {
        let mut responses = Map::new();
        for (status, description, content) in route.answers {
            let mut response = json!({ "description": description });
            if let (Some(content), Some(object)) = (content, response.as_object_mut()) {
                let content = json!({ content.media_type: { "schema": content.schema } });
                object.insert("content".to_owned(), content);
            }
            responses.insert(status.to_string(), response);
        }
        let mut problems: Vec<u16> = route.problems.to_vec();
        if route.guarded {
            problems.extend([400, 401, 403, 429, 500, 503]);
        }
        if route.body.is_some() {
            problems.extend([408, 413, 415]);
        }
        problems.sort_unstable();
        problems.dedup();
        for status in problems {
            let response = match &route.errors {
                None => json!({ "$ref": "#/components/responses/Problem" }),
                Some(schema) => json!({
                    "description": "What went wrong.",
                    "content": { "application/json": { "schema": schema } }
                }),
            };
            responses.entry(status.to_string()).or_insert(response);
        }
        let mut parameters = route.parameters;
        if route.path.contains("{id}") {
            parameters.insert(
                0,
                json!({
                    "name": "id",
                    "in": "path",
                    "required": true,
                    "description": "The conversation.",
                    "schema": { "type": "string", "pattern": ID_PATTERN }
                }),
            );
        }
        let mut operation = json!({
            "operationId": route.id,
            "summary": route.summary,
            "tags": [route.tag],
            "responses": responses,
        });
        if let Some(object) = operation.as_object_mut() {
            if !parameters.is_empty() {
                object.insert("parameters".to_owned(), json!(parameters));
            }
            if let Some(schema) = route.body {
                let body = json!({
                    "required": true,
                    "content": { "application/json": { "schema": schema } }
                });
                object.insert("requestBody".to_owned(), body);
            }
            if !route.guarded {
                object.insert("security".to_owned(), json!([]));
            }
        }
        let path = self.paths.entry(route.path.to_owned()).or_default();
        path.insert(route.method.to_owned(), operation);
    }
}
