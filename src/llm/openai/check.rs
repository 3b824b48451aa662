//! What can be told about a form of answer before a server is asked.

use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::llm::Tool;

const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// Keywords whose value is a schema.
const ONE: [&str; 9] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "else",
    "if",
    "not",
    "propertyNames",
    "then",
    "unevaluatedProperties",
];

/// Keywords whose value is a list of schemas.
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// Keywords whose value is an object of schemas.
const NAMED: [&str; 5] = [
    "$defs",
    "definitions",
    "dependentSchemas",
    "patternProperties",
    "properties",
];

/// Whether this can be a JSON Schema (<https://json-schema.org/draft/2020-12>) that something follows:
/// schemas are objects, `true` or `false`, and not `false` at the root; types have one of the seven
/// names; choices and enumerations are not empty; names that are required are texts; references into
/// the schema lead somewhere. What else stands in it is left to the server.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] that says where it is wrong.
pub(super) fn schema(schema: &Value) -> Result<()> {
    let checked = match schema {
        Value::Bool(false) => Err("no answer follows `false`".to_owned()),
        schema => node(schema, schema, "#"),
    };
    checked.map_err(|why| invalid(format!("the JSON schema cannot be used: {why}; correct it")))
}

/// Whether one of these can be chosen.
pub(super) fn choices(choices: &[String]) -> Result<()> {
    if choices.is_empty() {
        return Err(invalid("there is nothing to choose from; give a choice"));
    }
    if choices.iter().any(|choice| choice.trim().is_empty()) {
        return Err(invalid("a choice is empty; every choice needs words"));
    }
    Ok(())
}

/// Whether one of these can be called.
pub(super) fn tools(tools: &[Tool]) -> Result<()> {
    if tools.is_empty() {
        return Err(invalid("there is no tool to call; give one"));
    }
    for (index, tool) in tools.iter().enumerate() {
        let name = &tool.name;
        let is_name = (1..=64).contains(&name.len())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if !is_name {
            let why = format!(
                "{name:?} cannot be the name of a tool; use up to 64 letters, digits, `_` and `-`"
            );
            return Err(invalid(why));
        }
        if tools.iter().take(index).any(|other| other.name == *name) {
            return Err(invalid(format!("two tools are named {name}; rename one")));
        }
        if tool.parameters.get("type").and_then(Value::as_str) != Some("object") {
            let why = format!("the arguments of tool {name} must be of type object");
            return Err(invalid(why));
        }
        schema(&tool.parameters).map_err(|error| error.context(format!("tool {name}")))?;
    }
    Ok(())
}

fn invalid(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, why)
}

fn node(schema: &Value, root: &Value, path: &str) -> Result<(), String> {
    let schema = match schema {
        Value::Bool(_) => return Ok(()),
        Value::Object(schema) => schema,
        _ => return Err(format!("{path} is neither an object nor true or false")),
    };
    for (keyword, value) in schema {
        let path = format!("{path}/{keyword}");
        match keyword.as_str() {
            "type" => types(value).ok_or_else(|| format!("{path} names no type"))?,
            "$ref" => reference(value, root).ok_or_else(|| format!("{path} leads nowhere"))?,
            "enum" => {
                list(value, &path)?;
            }
            "required" => {
                let names = value.as_array();
                if !names.is_some_and(|names| names.iter().all(Value::is_string)) {
                    return Err(format!("{path} is no list of names"));
                }
            }
            "items" if value.is_array() => nodes(list(value, &path)?, root, &path)?,
            "items" => node(value, root, &path)?,
            one if ONE.contains(&one) => node(value, root, &path)?,
            many if LIST.contains(&many) => nodes(list(value, &path)?, root, &path)?,
            named if NAMED.contains(&named) => {
                let named: &Map<String, Value> = value
                    .as_object()
                    .ok_or_else(|| format!("{path} is no object"))?;
                for (name, schema) in named {
                    node(schema, root, &format!("{path}/{name}"))?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn nodes(schemas: &[Value], root: &Value, path: &str) -> Result<(), String> {
    schemas
        .iter()
        .enumerate()
        .try_for_each(|(index, schema)| node(schema, root, &format!("{path}/{index}")))
}

fn list<'a>(value: &'a Value, path: &str) -> Result<&'a [Value], String> {
    match value.as_array() {
        Some(list) if !list.is_empty() => Ok(list),
        Some(_) => Err(format!("{path} is empty")),
        None => Err(format!("{path} is no list")),
    }
}

fn types(value: &Value) -> Option<()> {
    let is_type = |name: &Value| name.as_str().is_some_and(|name| TYPES.contains(&name));
    let known = match value {
        Value::Array(names) => !names.is_empty() && names.iter().all(is_type),
        name => is_type(name),
    };
    known.then_some(())
}

/// References to other documents are left to the server.
fn reference(value: &Value, root: &Value) -> Option<()> {
    match value.as_str()?.strip_prefix('#') {
        // An empty pointer is the root; what is not a pointer is the name of an anchor.
        Some(pointer) if pointer.is_empty() || pointer.starts_with('/') => {
            root.pointer(pointer).map(|_| ())
        }
        _ => Some(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_schemars_writes_is_a_schema() {
        #[derive(schemars::JsonSchema)]
        #[allow(dead_code)]
        struct Tree {
            name: Option<String>,
            /// A property named as a keyword is named.
            r#type: std::collections::BTreeMap<String, u32>,
            pair: (String, u32),
            children: Vec<Tree>,
        }
        schema(&Value::from(schemars::schema_for!(Tree))).unwrap();
        schema(&json!(true)).unwrap();
        schema(&json!({})).unwrap();
        schema(&json!({ "required": [], "const": { "type": 5 }, "enum": [{ "type": 5 }] }))
            .unwrap();
        schema(&json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#" } } })).unwrap();
    }

    #[test]
    fn what_cannot_be_a_schema_is_told_with_its_place() {
        let cases = [
            (json!(null), "#"),
            (json!("string"), "#"),
            (json!(false), "false"),
            (json!({ "type": 5 }), "#/type"),
            (json!({ "type": "text" }), "#/type"),
            (json!({ "type": [] }), "#/type"),
            (json!({ "properties": { "a": 1 } }), "#/properties/a"),
            (json!({ "properties": [] }), "#/properties"),
            (json!({ "items": { "enum": [] } }), "#/items/enum"),
            (json!({ "anyOf": [{}, { "type": "x" }] }), "#/anyOf/1/type"),
            (json!({ "anyOf": {} }), "#/anyOf"),
            (json!({ "required": "a" }), "#/required"),
            (json!({ "required": [1] }), "#/required"),
            (json!({ "$ref": "#/$defs/a" }), "#/$ref"),
            (
                json!({ "additionalProperties": 1 }),
                "#/additionalProperties",
            ),
        ];
        for (wrong, place) in cases {
            let error = schema(&wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong}");
            assert!(error.to_string().contains(place), "{wrong}: {error}");
        }
    }

    #[test]
    fn tools_have_names_of_their_own_and_arguments() {
        let tool = |name: &str, parameters: Value| Tool {
            name: name.into(),
            description: String::new(),
            parameters,
        };
        let object = || json!({ "type": "object" });
        let long = "a".repeat(65);
        tools(&[tool("a_B-2", object()), tool("b", object())]).unwrap();
        for wrong in [
            vec![],
            vec![tool("a", object()), tool("a", object())],
            vec![tool("", object())],
            vec![tool("a b", object())],
            vec![tool("größe", object())],
            vec![tool(&long, object())],
            vec![tool("a", json!({}))],
            vec![tool("a", json!(true))],
            vec![tool("a", json!({ "type": "object", "required": 1 }))],
        ] {
            let error = tools(&wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong:?}");
        }
    }

    #[test]
    fn choices_have_words() {
        let list = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        choices(&list(&["a", "a"])).unwrap();
        for wrong in [list(&[]), list(&["a", ""]), list(&[" "])] {
            let error = choices(&wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong:?}");
        }
    }
}
