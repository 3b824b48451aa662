//! By what a customer is known, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, OrError, Result};

/// Characters of a key's value at most; longer ones are no keys.
const LONGEST: usize = 500;

/// How keys are written, when they are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyForm {
    /// Digits, with a plus before the country.
    Phone,
    /// Lower case.
    Email,
    /// Lower case, blanks made one.
    #[default]
    Text,
    /// As it is, without blanks at its ends.
    Exact,
}

/// What a kind of key is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRule {
    /// Between 0 and 1: how likely whoever gives it is the customer it was given for before.
    pub confidence: f32,
    /// Whether nobody has two of them.
    #[serde(default)]
    pub unique: bool,
    /// How it is written when it is compared.
    #[serde(default)]
    pub form: KeyForm,
}

/// By what customers are known; the default is `knowledge/identity.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityRules {
    /// Between 0 and 1: two customers whose keys are given together are one where each is known at least this surely.
    pub merge_at: f32,
    /// Between 0 and 1: how much of a key's confidence speaks against somebody when it belongs to another one too.
    pub doubt: f32,
    /// What a leading 0 of a telephone number stands for, e.g. `+44`; nothing where it is empty.
    #[serde(default)]
    pub country: String,
    /// The kinds of keys.
    pub kinds: BTreeMap<String, KeyRule>,
    /// The rule for all other kinds.
    pub other: KeyRule,
}

/// A key as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) kind: String,
    pub(super) value: String,
    pub(super) confidence: f32,
    pub(super) unique: bool,
}

impl IdentityRules {
    /// Reads rules from TOML.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if they cannot be read or a number is not between 0 and 1.
    pub fn from_toml(text: &str) -> Result<Self> {
        let rules: Self = toml::from_str(text)
            .or_error(ErrorKind::Config, || "the rules of identity cannot be read")?;
        let of_kinds = rules.kinds.values().chain([&rules.other]);
        let numbers = [rules.merge_at, rules.doubt]
            .into_iter()
            .chain(of_kinds.map(|rule| rule.confidence));
        for number in numbers {
            if !(0.0..=1.0).contains(&number) {
                let why =
                    format!("a rule of identity says {number}; give a number between 0 and 1");
                return Err(Error::new(ErrorKind::Config, why));
            }
        }
        Ok(rules)
    }

    /// The rules in `knowledge/identity.toml`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if that file is broken in this build.
    pub fn standard() -> Result<Self> {
        Self::from_toml(include_str!("../../../knowledge/identity.toml"))
    }

    /// The keys as they are compared, the surest first; those without a value are left out.
    pub(super) fn keys(&self, given: &BTreeMap<String, String>) -> Result<Vec<Key>> {
        let mut keys = Vec::new();
        for (kind, value) in given {
            let rule = self.kinds.get(kind).unwrap_or(&self.other);
            let value = self.normal(rule.form, value);
            if value.chars().count() > LONGEST {
                let why = format!("the key {kind} is longer than {LONGEST} characters");
                return Err(Error::new(ErrorKind::InvalidInput, why));
            }
            if !value.is_empty() {
                keys.push(Key {
                    kind: kind.clone(),
                    value,
                    confidence: rule.confidence,
                    unique: rule.unique,
                });
            }
        }
        if keys.is_empty() {
            let why = "no key has a value; give at least one, e.g. phone or customer_id";
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
        keys.sort_by(|a, b| {
            let by_confidence = b.confidence.total_cmp(&a.confidence);
            by_confidence.then_with(|| a.kind.cmp(&b.kind))
        });
        Ok(keys)
    }

    pub(super) fn is_unique(&self, kind: &str) -> bool {
        self.kinds.get(kind).unwrap_or(&self.other).unique
    }

    fn normal(&self, form: KeyForm, value: &str) -> String {
        let value = value.trim();
        match form {
            KeyForm::Exact => value.to_owned(),
            KeyForm::Email => value
                .strip_prefix("mailto:")
                .unwrap_or(value)
                .to_lowercase(),
            KeyForm::Text => {
                let words: Vec<&str> = value.split_whitespace().collect();
                words.join(" ").to_lowercase()
            }
            KeyForm::Phone => self.phone(value),
        }
    }

    /// `0044 (0)20 7946-0000` and `020 7946 0000` are one number in Britain.
    fn phone(&self, value: &str) -> String {
        let value = value.strip_prefix("tel:").unwrap_or(value);
        // Parameters of a tel URL.
        let value = value.split(';').next().unwrap_or(value);
        let digits: String = value
            .replace("(0)", "")
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        if digits.is_empty() {
            return digits;
        }
        if value.trim_start().starts_with('+') {
            return format!("+{digits}");
        }
        if let Some(rest) = digits.strip_prefix("00") {
            return format!("+{rest}");
        }
        match digits.strip_prefix('0') {
            Some(rest) if !self.country.is_empty() => format!("{}{rest}", self.country),
            _ => digits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(kind: &str, value: &str) -> Option<String> {
        let rules = IdentityRules::standard().unwrap();
        let keys = rules.keys(&[(kind.to_owned(), value.to_owned())].into());
        keys.ok().map(|keys| keys[0].value.clone())
    }

    #[test]
    fn one_key_has_one_form() {
        for written in [
            "+44 20 7946 0000",
            "0044 (0)20 7946-0000",
            "020 7946 0000",
            "tel:+44-20-7946-0000;ext=7",
        ] {
            assert_eq!(
                normal("phone", written).unwrap(),
                "+442079460000",
                "{written}"
            );
        }
        assert_eq!(
            normal("email", " Zoë@Example.COM ").unwrap(),
            "zoë@example.com"
        );
        assert_eq!(normal("account", "AB  12").unwrap(), "ab 12");
        assert_eq!(normal("customer_id", " aB ").unwrap(), "aB");
        assert_eq!(normal("loyalty", "X").unwrap(), "x");
        assert_eq!(normal("phone", "withheld"), None);
        assert_eq!(normal("email", ""), None);
        assert_eq!(normal("email", &"x".repeat(501)), None);
    }

    #[test]
    fn bad_rules_are_told() {
        let text = include_str!("../../../knowledge/identity.toml");
        let bad = text.replace("0.99", "99.0");
        let error = IdentityRules::from_toml(&bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(IdentityRules::from_toml(&format!("x = 1\n{text}")).is_err());
    }
}
