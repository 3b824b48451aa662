//! The document behind the tools, with names for what is read and written often.

use std::collections::HashMap;

use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::lenient::{account_number, day};
use super::unusable;
use crate::error::{Error, ErrorKind, Result};
use crate::eval::tasks::paths;

/// What the backend knows.
#[derive(Clone, Debug)]
pub(super) struct World {
    /// The document that customers' expectations are about.
    pub(super) database: Value,
    /// Wrong answers to security questions, by account. They stand outside: no expectation is about them.
    pub(super) wrong_answers: HashMap<String, u32>,
    /// References given out so far.
    references: u32,
}

impl World {
    pub(super) fn new(database: Value) -> Self {
        Self {
            database,
            wrong_answers: HashMap::new(),
            references: 0,
        }
    }

    /// The day on which everything happens.
    pub(super) fn today(&self) -> Date {
        let said = paths::get(&self.database, "today").and_then(Value::as_str);
        let parsed = said.and_then(|said| said.parse().ok());
        parsed.unwrap_or(Date::constant(2026, 1, 1))
    }

    /// `RF00000001` and on.
    pub(super) fn reference(&mut self, letters: &str) -> String {
        self.references += 1;
        format!("{letters}{:08}", 41_270_000 + self.references)
    }

    /// The account that was named.
    pub(super) fn account(&mut self, said: &str) -> Result<Account<'_>> {
        let Some(number) = account_number(said) else {
            return unusable(format!("{said:?} is no account number: LF and six digits"));
        };
        let today = self.today();
        let found = self
            .database
            .get_mut("accounts")
            .and_then(|accounts| accounts.get_mut(&number));
        match found {
            Some(fields) => Ok(Account { fields, today }),
            None => Err(Error::new(
                ErrorKind::NotFound,
                format!("there is no account {number}"),
            )),
        }
    }
}

/// One account.
pub(super) struct Account<'a> {
    pub(super) fields: &'a mut Value,
    pub(super) today: Date,
}

impl Account<'_> {
    pub(super) fn get(&self, path: &str) -> Option<&Value> {
        paths::get(self.fields, path)
    }

    pub(super) fn text(&self, path: &str) -> &str {
        self.get(path).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn number(&self, path: &str) -> f64 {
        self.get(path).and_then(Value::as_f64).unwrap_or_default()
    }

    pub(super) fn is(&self, path: &str) -> bool {
        self.get(path).and_then(Value::as_bool).unwrap_or_default()
    }

    pub(super) fn date(&self, path: &str) -> Option<Date> {
        day(self.text(path), self.today)
    }

    pub(super) fn set(&mut self, path: &str, value: impl Into<Value>) {
        paths::set(self.fields, path, value.into());
    }

    /// The entries of a table, in order of their names.
    pub(super) fn entries(&self, path: &str) -> Vec<(String, Value)> {
        let table = self.get(path).and_then(Value::as_object);
        table
            .into_iter()
            .flatten()
            .map(|(id, entry)| (id.clone(), entry.clone()))
            .collect()
    }

    /// Adds to a table under the next name: `C1`, `C2`, …
    pub(super) fn add(&mut self, path: &str, letter: &str, entry: Value) -> String {
        let id = format!("{letter}{}", self.entries(path).len() + 1);
        self.set(&format!("{path}.{id}"), entry);
        id
    }
}

/// `entry` with its name in it.
pub(super) fn named(id: &str, entry: &Value) -> Value {
    let mut fields: Map<String, Value> = entry.as_object().cloned().unwrap_or_default();
    fields.insert("id".into(), json!(id));
    Value::Object(fields)
}

/// Full calendar months from `from` to `to`.
pub(super) fn full_months(from: Date, to: Date) -> i32 {
    let months = |date: Date| i32::from(date.year()) * 12 + i32::from(date.month());
    let started = months(to) - months(from);
    (started - i32::from(to.day() < from.day())).max(0)
}

/// To the penny.
pub(super) fn pounds(amount: f64) -> f64 {
    (amount * 100.0).round() / 100.0
}

/// How long it is from one day to another; negative when it was before.
pub(super) fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}
