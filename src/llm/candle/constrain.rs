//! Answers that follow a schema, a list or an expression by construction (llguidance).

use std::fmt;
use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{SimpleVob, TokEnv, TokRxInfo, TokTrie, TokenId, TokenizerEnv};
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value, json};

use super::vocabulary::Vocabulary;
use crate::error::{Error, ErrorKind, Result};
use crate::llm::{Output, Tool};

/// Makes [`Constraint`]s; built once a model.
pub(super) struct Constrainer {
    factory: ParserFactory,
}

impl fmt::Debug for Constrainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Constrainer").finish_non_exhaustive()
    }
}

/// Which tokens may come next in one answer.
pub(super) struct Constraint {
    matcher: Matcher,
}

impl Constrainer {
    pub(super) fn new(vocabulary: &Vocabulary) -> Result<Self> {
        let words: Vec<Vec<u8>> = vocabulary
            .iter()
            .map(|(bytes, control)| match control {
                Some(written) => {
                    let mut marked = vec![TokTrie::SPECIAL_TOKEN_MARKER];
                    marked.extend_from_slice(written.as_bytes());
                    marked
                }
                None => bytes.to_vec(),
            })
            .collect();
        let unusable = |why: &dyn fmt::Display| {
            Error::new(
                ErrorKind::Model,
                format!("the model's vocabulary cannot be constrained: {why}"),
            )
        };
        let size = u32::try_from(words.len()).map_err(|why| unusable(&why))?;
        let end = vocabulary.ends().first().copied().unwrap_or_default();
        let trie =
            TokTrie::from(&TokRxInfo::new(size, end), &words).with_eos_tokens(vocabulary.ends());
        let environment: TokEnv = Arc::new(Environment {
            trie,
            vocabulary: vocabulary.clone(),
        });
        let mut factory = ParserFactory::new_simple(&environment).map_err(|why| unusable(&why))?;
        factory.quiet();
        Ok(Self { factory })
    }

    /// The constraint that a form of answer asks for; `None` for free text.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a schema, expression or list that cannot be used.
    pub(super) fn output(&self, output: &Output) -> Result<Option<Constraint>> {
        let grammar = match output {
            Output::Text => return Ok(None),
            Output::Json(schema) => json_grammar(schema.clone()),
            Output::Tool(tools) if tools.is_empty() => {
                return Err(unusable("there are no tools to call"));
            }
            Output::Tool(tools) => json_grammar(Tool::call_schema(tools)),
            Output::Choice(choices) if choices.iter().any(String::is_empty) => {
                return Err(unusable("a choice is empty; every choice needs words"));
            }
            Output::Choice(choices) if choices.is_empty() => {
                return Err(unusable("there are no choices"));
            }
            Output::Choice(choices) => {
                let choices: Vec<String> = choices.iter().map(|c| regex::escape(c)).collect();
                TopLevelGrammar::from_regex(&choices.join("|"))
            }
            Output::Regex(regex) => TopLevelGrammar::from_regex(regex),
        };
        let matcher = Matcher::new(self.factory.create_parser(grammar));
        match matcher.get_error() {
            Some(why) => Err(unusable(&format!(
                "the form of the answer cannot be used: {why}"
            ))),
            None => Ok(Some(Constraint { matcher })),
        }
    }
}

/// The blanks between the parts are fixed (those models were trained on), so that all parts but the
/// values are forced.
fn json_grammar(mut schema: Value) -> TopLevelGrammar {
    if let Some(object) = schema.as_object_mut() {
        object.insert(
            "x-guidance".into(),
            json!({ "whitespace_flexible": false, "item_separator": ", ", "key_separator": ": " }),
        );
    }
    TopLevelGrammar::from_json_schema(schema)
}

fn unusable(why: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, why)
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Constraint").finish_non_exhaustive()
    }
}

impl Constraint {
    /// Tokens that can only come next; they are already counted as taken.
    ///
    /// A matcher that failed looks like one that is done, so it is asked.
    pub(super) fn forced(&mut self) -> Result<Vec<u32>> {
        let tokens = self.matcher.consume_ff_tokens();
        match self.matcher.get_error() {
            Some(why) => Err(internal(why)),
            None => Ok(tokens),
        }
    }

    /// Forbids every token that cannot come next.
    pub(super) fn apply(&mut self, logits: &mut [f32]) -> Result<()> {
        let mask: SimpleVob = self.matcher.compute_mask_or_eos().map_err(internal)?;
        for (logit, token) in logits.iter_mut().zip(0..) {
            if usize::try_from(token).map_or(true, |t| t >= mask.len()) || !mask.is_allowed(token) {
                *logit = f32::NEG_INFINITY;
            }
        }
        Ok(())
    }

    /// Takes a token.
    pub(super) fn take(&mut self, token: u32) -> Result<()> {
        self.matcher.consume_token(token).map_err(internal)
    }

    /// Whether the answer is complete.
    pub(super) fn is_complete(&self) -> bool {
        self.matcher.is_stopped()
    }
}

fn internal(why: impl fmt::Display) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!("constrained decoding failed: {why}"),
    )
}

struct Environment {
    trie: TokTrie,
    vocabulary: Vocabulary,
}

impl TokenizerEnv for Environment {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        self.trie.tokenize_with_greedy_fallback(bytes, |text| {
            self.vocabulary
                .encode(text)
                .unwrap_or_else(|_| self.trie.greedy_tokenize(text.as_bytes()))
        })
    }
}
