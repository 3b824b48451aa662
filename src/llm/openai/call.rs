//! Tool calls as they come: in pieces.

use serde_json::Value;

use super::wire::CallPiece;
use super::words::Words;

/// The first call of an answer. Models may call several tools at once; the port knows one call.
#[derive(Debug)]
pub(super) struct Call {
    index: u32,
    id: Option<String>,
    name: String,
    words: Words,
    arguments: String,
}

impl Call {
    /// Adds a piece to the call that came first. `None` for bytes that are not UTF-8.
    pub(super) fn take(first: &mut Option<Self>, piece: CallPiece) -> Option<()> {
        let index = piece.index.unwrap_or_default();
        let id = piece.id.filter(|id| !id.is_empty());
        let call = first.get_or_insert_with(|| Self {
            index,
            id: id.clone(),
            name: String::new(),
            words: Words::default(),
            arguments: String::new(),
        });
        let is_other_id = match (&call.id, &id) {
            (Some(mine), Some(other)) => mine != other,
            _ => false,
        };
        if index != call.index || is_other_id {
            tracing::debug!(index, "ignored a piece of another tool call");
            return Some(());
        }
        let Some(function) = piece.function else {
            return Some(());
        };
        // Some servers say the name with every piece.
        if let Some(name) = function.name
            && call.name.is_empty()
        {
            call.name = name;
        }
        if let Some(arguments) = function.arguments {
            call.arguments.push_str(&call.words.take(&arguments.0)?);
        }
        Some(())
    }

    /// The call as the port tells it. Arguments that were cut are told as they came.
    pub(super) fn text(&self) -> String {
        text(&self.name, &self.arguments)
    }
}

/// A call as the port tells it, from its name and the JSON of its arguments.
pub(super) fn text(name: &str, arguments: &str) -> String {
    let arguments = match arguments.trim() {
        "" => "{}",
        arguments => arguments,
    };
    format!(
        "{{\"name\": {}, \"arguments\": {arguments}}}",
        Value::from(name)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assembled(pieces: &[&str]) -> String {
        let mut call = None;
        for piece in pieces {
            Call::take(&mut call, serde_json::from_str(piece).unwrap()).unwrap();
        }
        call.unwrap().text()
    }

    #[test]
    fn the_first_of_several_calls_is_put_together() {
        let pieces = [
            r#"{"index": 0, "id": "a", "function": {"name": "refund", "arguments": ""}}"#,
            r#"{"index": 0, "function": {"arguments": "{\"am"}}"#,
            r#"{"index": 1, "id": "b", "function": {"name": "other", "arguments": "{}"}}"#,
            r#"{"index": 0, "id": "", "function": {"name": null, "arguments": "ount\": 5}"}}"#,
        ];
        let wanted = r#"{"name": "refund", "arguments": {"amount": 5}}"#;
        assert_eq!(assembled(&pieces), wanted);
    }

    #[test]
    fn servers_without_indices_and_with_repeated_names_are_understood() {
        let pieces = [
            r#"{"id": "a", "function": {"name": "refund", "arguments": "{\"to\""}}"#,
            r#"{"id": "a", "function": {"name": "refund", "arguments": ": \"me\"}"}}"#,
            r#"{"id": "b", "function": {"name": "refund", "arguments": "{}"}}"#,
        ];
        let wanted = r#"{"name": "refund", "arguments": {"to": "me"}}"#;
        assert_eq!(assembled(&pieces), wanted);
    }

    #[test]
    fn a_call_without_arguments_has_none() {
        let piece = r#"{"index": 0, "id": "a", "function": {"name": "stop \"it\""}}"#;
        let wanted = r#"{"name": "stop \"it\"", "arguments": {}}"#;
        assert_eq!(assembled(&[piece]), wanted);
    }
}
