//! The subset of JSON Schema that strict structured outputs accept
//! (<https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>).

use serde_json::{Map, Value, json};

/// Values of `format` a strict schema may name; `schemars` also writes `uint32` and the like.
const FORMATS: [&str; 9] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
];

/// Keywords of schemas that strict mode refuses.
const REFUSED: [&str; 11] = [
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "prefixItems",
    "unevaluatedProperties",
    "propertyNames",
];

/// The same schema as strict mode wants it: objects are closed and all their properties required.
/// `None` if it holds something strict mode cannot express (maps, tuples, any value).
///
/// An answer that follows the result follows the original, too.
pub(super) fn strict(schema: &Value) -> Option<Value> {
    let mut tightened = schema.clone();
    let root = tightened.as_object()?;
    // The root must be an object, not a choice.
    if root.get("type")? != "object" || root.contains_key("anyOf") || root.contains_key("oneOf") {
        return None;
    }
    tighten(&mut tightened)?;
    Some(tightened)
}

fn tighten(schema: &mut Value) -> Option<()> {
    let schema = schema.as_object_mut()?;
    if let Some(target) = schema.remove("$ref") {
        // Nothing may stand beside a reference.
        *schema = Map::from_iter([("$ref".to_owned(), target)]);
        return Some(());
    }
    if REFUSED.iter().any(|keyword| schema.contains_key(*keyword)) {
        return None;
    }
    for annotation in ["$schema", "title", "default", "examples"] {
        schema.remove(annotation);
    }
    if let Some(format) = schema.get("format").and_then(Value::as_str)
        && !FORMATS.contains(&format)
    {
        schema.remove("format");
    }
    if let Some(choices) = schema.remove("oneOf")
        && schema.insert("anyOf".to_owned(), choices).is_some()
    {
        return None;
    }
    let described = ["type", "anyOf", "enum", "const"]
        .iter()
        .any(|keyword| schema.contains_key(*keyword));
    if !described {
        return None;
    }
    for choice in schema
        .get_mut("anyOf")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        tighten(choice)?;
    }
    for (_, definition) in schema
        .get_mut("$defs")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        tighten(definition)?;
    }
    if has_type(schema, "array") {
        tighten(schema.get_mut("items")?)?;
    }
    if has_type(schema, "object") {
        if !matches!(
            schema.get("additionalProperties"),
            None | Some(Value::Bool(false))
        ) {
            return None;
        }
        let properties = schema.get_mut("properties")?.as_object_mut()?;
        for (_, property) in properties.iter_mut() {
            tighten(property)?;
        }
        let names: Vec<&String> = properties.keys().collect();
        let names = json!(names);
        schema.insert("required".to_owned(), names);
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    Some(())
}

fn has_type(schema: &Map<String, Value>, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(|t| t == name),
        Some(one) => one == name,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// An answer.
    #[derive(schemars::JsonSchema)]
    #[allow(dead_code)]
    struct Answer {
        /// How many.
        count: u32,
        /// A property whose name is a keyword.
        format: Option<String>,
        #[serde(default)]
        kind: Kind,
        parts: Vec<Part>,
    }

    #[derive(schemars::JsonSchema, serde::Serialize, Default)]
    #[allow(dead_code)]
    enum Kind {
        /// The first.
        #[default]
        One,
        /// The second.
        Two,
    }

    #[derive(schemars::JsonSchema)]
    #[allow(dead_code)]
    struct Part {
        text: String,
    }

    fn schema_of<T: schemars::JsonSchema>() -> Value {
        Value::from(schemars::schema_for!(T))
    }

    #[test]
    fn what_schemars_writes_is_made_strict() {
        let strict = strict(&schema_of::<Answer>()).unwrap();
        assert_eq!(
            strict["required"],
            json!(["count", "format", "kind", "parts"])
        );
        assert_eq!(strict["additionalProperties"], json!(false));
        assert_eq!(strict["properties"]["count"].get("format"), None);
        assert_eq!(
            strict["properties"]["format"]["type"],
            json!(["string", "null"])
        );
        assert_eq!(
            strict["properties"]["kind"],
            json!({"$ref": "#/$defs/Kind"})
        );
        assert_eq!(strict["$defs"]["Kind"].get("oneOf"), None);
        assert_eq!(strict["$defs"]["Kind"]["anyOf"][1]["const"], json!("Two"));
        assert_eq!(
            strict["$defs"]["Part"]["additionalProperties"],
            json!(false)
        );
        assert_eq!(strict.get("$schema"), None);
    }

    #[test]
    fn what_strict_mode_cannot_say_is_not_called_strict() {
        #[derive(schemars::JsonSchema)]
        #[allow(dead_code)]
        struct Slots {
            slots: BTreeMap<String, String>,
        }
        #[derive(schemars::JsonSchema)]
        #[allow(dead_code)]
        struct Anything {
            value: Value,
        }
        #[derive(schemars::JsonSchema)]
        #[allow(dead_code)]
        struct Pair {
            pair: (String, u32),
        }
        assert_eq!(strict(&schema_of::<Slots>()), None);
        assert_eq!(strict(&schema_of::<Anything>()), None);
        assert_eq!(strict(&schema_of::<Pair>()), None);
        assert_eq!(strict(&schema_of::<Vec<String>>()), None);
        assert_eq!(strict(&json!({"type": "object"})), None);
        assert_eq!(strict(&json!(true)), None);
    }
}
