//! Conditions and arguments over facts, where a fact that is not known makes neither true nor false.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Map, Value};

/// What is known, by name: the customer, results of steps, answers, payloads of signals.
pub type Facts = Map<String, Value>;

/// What an expression says in the light of the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    /// It rests on facts that are not known: their paths.
    Unknown(BTreeSet<String>),
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment
});

impl Truth {
    pub(super) fn is_yes(&self) -> bool {
        *self == Self::Yes
    }

    pub(super) fn is_no(&self) -> bool {
        *self == Self::No
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            unknown @ Self::Unknown(_) => unknown,
        }
    }
}

/// Whether `condition` holds; one that is left out does. The logic is Kleene's: what one side decides needs no other.
pub(super) fn holds(condition: Option<&str>, facts: &Facts) -> Truth {
    condition.map_or(Truth::Yes, |text| judge(text.trim(), facts))
}

fn judge(text: &str, facts: &Facts) -> Truth {
    if pieces(text, " if ").len() == 1 {
        let either = pieces(text, " or ");
        if either.len() > 1 {
            return combine(&either, facts, &Truth::Yes);
        }
        let both = pieces(text, " and ");
        if both.len() > 1 {
            return combine(&both, facts, &Truth::No);
        }
        if let Some(rest) = text.strip_prefix("not ") {
            return judge(rest.trim(), facts).not();
        }
        if let Some(inner) = enclosed(text) {
            return judge(inner.trim(), facts);
        }
    }
    let missing = missing(text, facts);
    if !missing.is_empty() {
        return Truth::Unknown(missing);
    }
    match ENVIRONMENT
        .compile_expression(text)
        .and_then(|compiled| compiled.eval(minijinja::Value::from(Serde(facts))))
    {
        Ok(value) if value.is_true() => Truth::Yes,
        Ok(_) => Truth::No,
        Err(error) => {
            // Checked when the file was read; what is left is a wrong type, which is as good as not known.
            tracing::warn!(text, %error, "a condition cannot be evaluated");
            Truth::Unknown([text.to_owned()].into())
        }
    }
}

/// `decisive` if one piece says so, its contrary if all say the contrary.
fn combine(texts: &[&str], facts: &Facts, decisive: &Truth) -> Truth {
    let mut unknown = BTreeSet::new();
    for text in texts {
        match judge(text.trim(), facts) {
            truth if truth == *decisive => return truth,
            Truth::Unknown(more) => unknown.extend(more),
            Truth::Yes | Truth::No => {}
        }
    }
    match unknown.is_empty() {
        true => decisive.clone().not(),
        false => Truth::Unknown(unknown),
    }
}

/// The facts that an expression needs and that are not there. One that asks whether something is defined needs none.
fn missing(text: &str, facts: &Facts) -> BTreeSet<String> {
    let asks = ["is defined", "is undefined", "is not defined", "default("];
    if asks.iter().any(|words| text.contains(words)) {
        return BTreeSet::new();
    }
    let Ok(compiled) = ENVIRONMENT.compile_expression(text) else {
        return [text.to_owned()].into();
    };
    let paths = compiled.undeclared_variables(true);
    paths
        .into_iter()
        .filter(|path| !is_known(path, facts))
        .collect()
}

/// Whether there is something at a dotted path.
pub(super) fn is_known(path: &str, facts: &Facts) -> bool {
    let mut names = path.split('.');
    let Some(mut at) = names.next().and_then(|first| facts.get(first)) else {
        return false;
    };
    for name in names {
        match at.get(name) {
            Some(next) => at = next,
            None => return false,
        }
    }
    true
}

/// `template` with the expressions in its texts replaced: a text that is one expression keeps the type of its value.
///
/// # Errors
/// The facts that are missing.
pub(in crate::dialogue) fn fill(
    template: &Value,
    facts: &Facts,
) -> Result<Value, BTreeSet<String>> {
    match template {
        Value::String(text) => fill_text(text, facts),
        Value::Array(items) => items.iter().map(|item| fill(item, facts)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| Ok((name.clone(), fill(value, facts)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        other => Ok(other.clone()),
    }
}

fn fill_text(text: &str, facts: &Facts) -> Result<Value, BTreeSet<String>> {
    let wrong = |error: minijinja::Error| {
        tracing::warn!(text, %error, "an argument cannot be evaluated");
        BTreeSet::from([text.to_owned()])
    };
    let expressions = expressions(text);
    for expression in &expressions {
        let missing = missing(expression, facts);
        if !missing.is_empty() {
            return Err(missing);
        }
    }
    let facts = minijinja::Value::from(Serde(facts));
    let whole = text.trim();
    if let [only] = expressions[..]
        && whole.starts_with("{{")
        && whole.ends_with("}}")
    {
        let value = ENVIRONMENT
            .compile_expression(only)
            .and_then(|compiled| compiled.eval(facts))
            .map_err(wrong)?;
        return serde_json::to_value(&value).map_err(|_| BTreeSet::from([only.to_owned()]));
    }
    ENVIRONMENT
        .render_str(text, facts)
        .map(Value::String)
        .map_err(wrong)
}

/// What stands between double braces.
fn expressions(text: &str) -> Vec<&str> {
    text.split("{{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}"))
        .map(|(expression, _)| expression.trim())
        .collect()
}

/// What is wrong with a condition, if anything.
pub(super) fn fault(condition: &str) -> Option<String> {
    let compiled = ENVIRONMENT.compile_expression(condition);
    compiled.err().map(|error| error.to_string())
}

/// What is wrong with the texts of a template, if anything.
pub(in crate::dialogue) fn template_fault(template: &Value) -> Option<String> {
    match template {
        Value::String(text) => expressions(text).into_iter().find_map(fault),
        Value::Array(items) => items.iter().find_map(template_fault),
        Value::Object(fields) => fields.values().find_map(template_fault),
        _ => None,
    }
}

/// `text` cut at a word that stands outside quotes and brackets.
fn pieces<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let (mut depth, mut quote, mut from) = (0_i32, None, 0);
    let mut found = Vec::new();
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, _) if depth == 0 && at >= from && text[at..].starts_with(word) => {
                found.push(&text[from..at]);
                from = at + word.len();
            }
            (None, _) => {}
        }
    }
    found.push(&text[from..]);
    found
}

/// What one pair of brackets encloses, where it encloses everything.
fn enclosed(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    let mut depth = 0_i32;
    for letter in inner.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return None;
        }
    }
    Some(inner)
}
