//! What is known in a conversation, as conditions and words of playbooks see it.
//!
//! Conditions are expressions and words are templates of minijinja, over `slots` (what the customer gave, in the types of
//! the slots), `results` (what tools returned, by tool), `answers` (yes or no to approvals, by step) and `profile`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::{Environment, UndefinedBehavior, Value as Jinja};
use serde::Serialize;
use serde_json::Value;

use crate::error::{ErrorKind, OrError, Result};

/// Conditions: what is not known is false, at any depth.
static LENIENT: LazyLock<Environment<'static>> =
    LazyLock::new(|| environment(UndefinedBehavior::Chainable));
/// Words: what is not known must not come out as a gap in a sentence.
static STRICT: LazyLock<Environment<'static>> =
    LazyLock::new(|| environment(UndefinedBehavior::SemiStrict));

/// What is known.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Facts {
    pub(super) slots: BTreeMap<String, Value>,
    pub(super) results: BTreeMap<String, Value>,
    pub(super) answers: BTreeMap<String, bool>,
    pub(super) profile: BTreeMap<String, String>,
    /// What the tool of the step just returned.
    pub(super) result: Value,
    /// ISO 8601 date.
    pub(super) today: String,
}

fn environment(undefined: UndefinedBehavior) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(undefined);
    environment.add_filter("money", money);
    environment.add_filter("day", day);
    environment
}

/// `42.5 | money("£")` -> `£42.50`; whole sums without pence.
fn money(sum: Jinja, symbol: Option<String>) -> String {
    let symbol = symbol.unwrap_or_default();
    let number = f64::try_from(sum.clone()).ok();
    let number = number.or_else(|| {
        sum.as_str()?
            .trim_start_matches(['£', '$', '€'])
            .parse()
            .ok()
    });
    match number {
        Some(number) if number.fract() == 0.0 => format!("{symbol}{number:.0}"),
        Some(number) => format!("{symbol}{number:.2}"),
        None => sum.to_string(),
    }
}

/// `"2026-03-03" | day` -> `3 March 2026`.
fn day(date: String) -> String {
    let parsed: std::result::Result<jiff::civil::Date, _> = date.get(..10).unwrap_or(&date).parse();
    parsed.map_or(date, |parsed| parsed.strftime("%-d %B %Y").to_string())
}

/// Whether `source` is an expression.
///
/// # Errors
/// [`ErrorKind::Config`] with what is wrong.
pub(super) fn check_expression(source: &str) -> Result<()> {
    let compiled = LENIENT.compile_expression(source);
    compiled
        .map(drop)
        .or_error(ErrorKind::Config, || format!("{source:?} is no condition"))
}

/// Whether `source` is a template.
///
/// # Errors
/// [`ErrorKind::Config`] with what is wrong.
pub(super) fn check_template(source: &str) -> Result<()> {
    let compiled = STRICT.template_from_str(source);
    compiled
        .map(drop)
        .or_error(ErrorKind::Config, || format!("{source:?} is no template"))
}

impl Facts {
    /// Whether a condition holds. What cannot be computed does not hold.
    pub(super) fn hold(&self, condition: &str) -> bool {
        self.value(condition).is_some_and(|value| value.is_true())
    }

    /// The value of an expression, as JSON; null where it is not known.
    pub(super) fn json(&self, expression: &str) -> Value {
        let value = self.value(expression).unwrap_or_default();
        serde_json::to_value(value).unwrap_or_default()
    }

    /// Words with the facts in them; an error names what is missing.
    pub(super) fn render(&self, template: &str) -> std::result::Result<String, String> {
        if !template.contains("{{") && !template.contains("{%") {
            return Ok(template.to_owned());
        }
        STRICT
            .render_str(template, Jinja::from(minijinja::value::Serde(self)))
            .map_err(|why| why.to_string())
    }

    fn value(&self, expression: &str) -> Option<Jinja> {
        let compiled = LENIENT.compile_expression(expression).ok()?;
        compiled
            .eval(Jinja::from(minijinja::value::Serde(self)))
            .inspect_err(|error| tracing::debug!(expression, %error, "not computed"))
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_and_words_see_what_is_known() {
        let mut facts = Facts::default();
        facts.slots.insert("amount".into(), json!(42.5));
        facts.results.insert(
            "contract".into(),
            json!({ "fee": 120, "ends": "2026-12-24T00:00:00Z" }),
        );
        assert!(facts.hold("slots.amount > 42 and results.contract.fee"));
        assert!(!facts.hold("results.nothing.at.all"), "unknown is false");
        assert!(facts.hold("not results.nothing.at.all"));
        assert!(!facts.hold("1 +"), "nonsense does not hold");
        let said = facts.render("The fee is {{ results.contract.fee | money('£') }} until {{ results.contract.ends | day }}.");
        assert_eq!(said.unwrap(), "The fee is £120 until 24 December 2026.");
        assert_eq!(
            facts.render("{{ slots.amount | money('£') }}").unwrap(),
            "£42.50"
        );
        assert!(
            facts
                .render("You get {{ results.refund.amount }}.")
                .is_err(),
            "no gaps in sentences"
        );
        assert_eq!(facts.json("results.contract.fee"), json!(120));
        assert_eq!(facts.json("slots.nothing"), Value::Null);
    }

    #[test]
    fn mistakes_are_found_when_a_playbook_is_read() {
        assert!(check_expression("slots.a == 'b'").is_ok());
        assert_eq!(
            check_expression("slots.a ==").unwrap_err().kind(),
            ErrorKind::Config
        );
        assert_eq!(
            check_template("{{ a").unwrap_err().kind(),
            ErrorKind::Config
        );
    }
}
