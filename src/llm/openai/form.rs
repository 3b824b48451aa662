//! The form an answer was asked in, and how it is brought into it.

use regex::Regex;
use serde_json::Value;

use super::call;

/// The key of the object in which a server that constrains answers writes a choice, a text or a call;
/// the root of a strict schema must be an object.
pub(super) const KEY: &str = "answer";

/// What was asked for, and how the server was told.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) kind: Kind,
    /// The server was given a schema; what does not follow it is a broken promise.
    pub(super) is_promised: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Handed on as it comes: text, and JSON that the caller reads.
    Free,
    /// One of these.
    Choice(Vec<String>),
    /// A text that matches.
    Pattern(Regex),
    /// A tool call.
    Call,
}

/// An answer in its form.
#[derive(Debug, PartialEq)]
pub(super) struct Fitting {
    pub(super) text: String,
    /// It was read out of a whole object, so that nothing can be missing.
    pub(super) is_whole: bool,
}

impl Kind {
    /// What of `raw` is the answer. `None` where nothing is.
    pub(super) fn fit(&self, raw: &str) -> Option<Fitting> {
        let wrapped = unwrap(raw);
        match self {
            Self::Free => None,
            Self::Choice(choices) => {
                let chosen = wrapped.as_ref().and_then(Value::as_str);
                if let Some(choice) = choices
                    .iter()
                    .find(|choice| chosen == Some(choice.as_str()))
                {
                    return Some(whole(choice));
                }
                let exact = choices.iter().find(|choice| choice.as_str() == raw);
                let alike = || choices.iter().find(|choice| bare(choice) == bare(raw));
                exact.or_else(alike).map(|choice| Fitting {
                    text: choice.clone(),
                    is_whole: false,
                })
            }
            Self::Pattern(regex) => {
                let text = wrapped.as_ref().and_then(Value::as_str);
                if let Some(text) = text.filter(|text| regex.is_match(text)) {
                    return Some(whole(text));
                }
                let bare = raw.trim().trim_matches(is_quote);
                [raw, raw.trim(), bare]
                    .into_iter()
                    .find(|text| regex.is_match(text))
                    .map(|text| Fitting {
                        text: text.to_owned(),
                        is_whole: false,
                    })
            }
            Self::Call => {
                let call = wrapped?;
                let name = call.get("name")?.as_str()?;
                Some(whole(&call::text(
                    name,
                    &call.get("arguments")?.to_string(),
                )))
            }
        }
    }
}

fn whole(text: &str) -> Fitting {
    Fitting {
        text: text.to_owned(),
        is_whole: true,
    }
}

/// What stands in `{"answer": …}`.
fn unwrap(raw: &str) -> Option<Value> {
    let mut object: Value = serde_json::from_str(raw.trim()).ok()?;
    object.get_mut(KEY).map(Value::take)
}

/// A choice without what models put around it.
fn bare(text: &str) -> String {
    text.trim()
        .trim_matches(|c| is_quote(c) || c == '.')
        .trim()
        .to_lowercase()
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loose(text: &str) -> Option<Fitting> {
        let fitting = whole(text);
        Some(Fitting {
            is_whole: false,
            ..fitting
        })
    }

    #[test]
    fn a_choice_is_found_in_what_models_write_around_it() {
        let choices = ["no", "no thanks", "No", "a \"b\"."].map(String::from);
        let kind = Kind::Choice(choices.to_vec());
        assert_eq!(
            kind.fit(r#" {"answer": "no thanks"} "#),
            Some(whole("no thanks"))
        );
        assert_eq!(
            kind.fit(r#"{"answer": "a \"b\"."}"#),
            Some(whole("a \"b\"."))
        );
        assert_eq!(kind.fit("No"), loose("No"));
        assert_eq!(kind.fit("**no thanks.**\n"), loose("no thanks"));
        assert_eq!(kind.fit("NO THANKS"), loose("no thanks"));
        for other in [
            "no than",
            "no, thanks",
            "",
            r#"{"answer": "maybe"}"#,
            r#"{"answer": "no"#,
        ] {
            assert_eq!(kind.fit(other), None, "{other}");
        }
    }

    #[test]
    fn a_pattern_is_checked() {
        let kind = Kind::Pattern(Regex::new(r#"\A(?:[0-9]+|".*")\z"#).unwrap());
        assert_eq!(kind.fit(r#"{"answer": "12"}"#), Some(whole("12")));
        assert_eq!(kind.fit(r#"{"answer": "\"a\""}"#), Some(whole("\"a\"")));
        assert_eq!(kind.fit("12"), loose("12"));
        assert_eq!(kind.fit(" `12`\n"), loose("12"));
        for other in ["12a", "", r#"{"answer": "x"}"#, r#"{"answer": 12}"#] {
            assert_eq!(kind.fit(other), None, "{other}");
        }
    }

    #[test]
    fn a_call_is_told_with_its_name_first() {
        let raw = r#"{"answer": {"arguments": {"to": "me"}, "name": "refund"}}"#;
        let wanted = r#"{"name": "refund", "arguments": {"to":"me"}}"#;
        assert_eq!(Kind::Call.fit(raw), Some(whole(wanted)));
        for other in [
            "I refund.",
            r#"{"answer": {"name": 1}}"#,
            r#"{"name": "refund"}"#,
        ] {
            assert_eq!(Kind::Call.fit(other), None, "{other}");
        }
    }
}
