//! Places in a JSON document by dotted path, and what differs between two documents.

use serde_json::{Map, Value};

/// The value at `path`; the empty path is the document.
pub(super) fn get<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    segments(path).try_fold(document, |at, name| at.get(name))
}

/// Puts `value` at `path`, with the objects on the way there.
pub(super) fn set(document: &mut Value, path: &str, value: Value) {
    let mut at = document;
    for name in segments(path) {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Value::Object(fields) = at else { return };
        at = fields.entry(name).or_insert(Value::Null);
    }
    *at = value;
}

/// Every value that is no object, with its path; an empty object is one of them.
pub(super) fn leaves(document: &Value) -> Vec<(String, &Value)> {
    fn walk<'a>(at: &'a Value, path: &str, found: &mut Vec<(String, &'a Value)>) {
        match at {
            Value::Object(fields) if !fields.is_empty() => {
                for (name, value) in fields {
                    let below = match path {
                        "" => name.clone(),
                        path => format!("{path}.{name}"),
                    };
                    walk(value, &below, found);
                }
            }
            value => found.push((path.to_owned(), value)),
        }
    }
    let mut found = Vec::new();
    walk(document, "", &mut found);
    found
}

/// The paths at which the documents differ; an empty object is the same as none.
pub(super) fn changed(before: &Value, after: &Value) -> Vec<String> {
    let is_empty = |value: Option<&Value>| match value {
        None => true,
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(_) => false,
    };
    let mut paths: Vec<String> = leaves(before)
        .into_iter()
        .chain(leaves(after))
        .map(|(path, _)| path)
        .filter(|path| match (get(before, path), get(after, path)) {
            // What lies below an object is told by its own leaves.
            (Some(Value::Object(_)) | None, Some(Value::Object(inner))) if !inner.is_empty() => {
                false
            }
            (Some(Value::Object(inner)), _) if !inner.is_empty() => false,
            (one, other) if is_empty(one) && is_empty(other) => false,
            (Some(one), Some(other)) => !same(one, other),
            _ => true,
        })
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// Equal, where 5 is 5.0.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-9,
        _ => one == other,
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_found_made_and_compared() {
        let before = json!({ "a": { "b": { "c": 1 } }, "d": "x", "e": {} });
        let mut after = before.clone();
        assert_eq!(changed(&before, &after), Vec::<String>::new());
        set(&mut after, "a.b.c", json!(1.0));
        assert_eq!(changed(&before, &after), Vec::<String>::new());
        set(&mut after, "a.b.c", json!(2));
        set(&mut after, "e.f.g", json!("new"));
        set(&mut after, "d", json!(null));
        assert_eq!(changed(&before, &after), ["a.b.c", "d", "e.f.g"]);
        assert_eq!(get(&after, "e.f.g"), Some(&json!("new")));
        assert_eq!(get(&after, "e.h"), None);
        let mut removed = before.clone();
        removed["a"].as_object_mut().unwrap().remove("b");
        assert_eq!(changed(&before, &removed), ["a.b.c"]);
    }
}
