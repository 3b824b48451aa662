//! The parts of a server's answers that are read. Everything else is skipped, so that an unknown
//! value in a field nobody needs is no failure.

use std::fmt;

use serde::de::{Error, IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer};

/// An event of a streamed answer.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) usage: Option<Cost>,
    pub(super) error: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    pub(super) index: u32,
    pub(super) delta: Option<Piece>,
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Piece {
    pub(super) content: Option<Text>,
    pub(super) refusal: Option<Text>,
    pub(super) tool_calls: Option<Vec<CallPiece>>,
}

/// A piece of a tool call; the index says of which.
#[derive(Debug, Deserialize)]
pub(super) struct CallPiece {
    pub(super) index: Option<u32>,
    pub(super) id: Option<String>,
    pub(super) function: Option<FunctionPiece>,
}

#[derive(Debug, Deserialize)]
pub(super) struct FunctionPiece {
    pub(super) name: Option<String>,
    pub(super) arguments: Option<Text>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Cost {
    pub(super) prompt_tokens: Option<usize>,
    pub(super) completion_tokens: Option<usize>,
    pub(super) prompt_tokens_details: Option<PromptCost>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PromptCost {
    pub(super) cached_tokens: Option<usize>,
}

/// An answer that is not streamed.
#[derive(Debug, Deserialize)]
pub(super) struct Whole {
    pub(super) choices: Option<Vec<WholeChoice>>,
    pub(super) error: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WholeChoice {
    pub(super) finish_reason: Option<String>,
    pub(super) logprobs: Option<Logprobs>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Logprobs {
    pub(super) content: Option<Vec<Position>>,
}

/// The token that was chosen at one place of the answer, and the likeliest ones there.
#[derive(Debug, Deserialize)]
pub(super) struct Position {
    pub(super) token: String,
    pub(super) logprob: Option<f64>,
    pub(super) top_logprobs: Option<Vec<Likely>>,
}

/// A token and the natural logarithm of its probability.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Likely {
    pub(super) token: String,
    pub(super) logprob: Option<f64>,
}

/// The bytes of a string. A server that writes token by token may cut a character in two, so the
/// bytes of one string need not be UTF-8.
#[derive(Debug)]
pub(super) struct Text(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text, E> {
        Ok(Text(bytes.to_vec()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.as_bytes().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_character_is_read_and_unknown_values_are_skipped() {
        let event =
            b"{\"choices\": [{\"delta\": {\"content\": \"a\\n\xe8\xb7\", \"x\": \"\xe8\"}, \
                      \"finish_reason\": null}], \"service_tier\": \"new\", \"created\": 1.5}";
        let chunk: Chunk = serde_json::from_slice(event).unwrap();
        let choice = &chunk.choices.unwrap()[0];
        let content = choice.delta.as_ref().unwrap().content.as_ref().unwrap();
        assert_eq!(content.0, b"a\n\xe8\xb7");
        assert_eq!((choice.index, &choice.finish_reason), (0, &None));
        assert!(chunk.usage.is_none() && chunk.error.is_none());
    }

    #[test]
    fn other_shapes_are_refused() {
        for event in [
            r#"{"choices": [{"delta": {"content": 5}}]}"#,
            r#"{"choices": 1}"#,
            r#""hello""#,
            r#"[]"#,
        ] {
            assert!(serde_json::from_str::<Chunk>(event).is_err(), "{event}");
        }
    }
}
