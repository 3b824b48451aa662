//! Redaction that nobody can take back.

use serde_json::Value;

use super::{PiiAction, PiiPolicy, PiiScanner};

/// Takes personal data out of what is logged, traced, exported or kept: `[EMAIL]` stands where an address stood, and
/// nothing remembers which. It reads a conversation line by line, in order, so that an answer is known by its question.
#[derive(Clone, Debug)]
pub struct Redactor {
    policy: PiiPolicy,
    scanner: PiiScanner,
}

impl Default for Redactor {
    fn default() -> Self {
        Self::new(PiiPolicy::everything())
    }
}

impl Redactor {
    /// Redacts by `policy`; the default one keeps nothing.
    pub fn new(policy: PiiPolicy) -> Self {
        Self {
            policy,
            scanner: PiiScanner::default(),
        }
    }

    /// The text without personal data.
    pub fn redact(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for span in self.scanner.scan(text) {
            let action = self.policy.action(span.kind);
            if action == PiiAction::Keep {
                continue;
            }
            out.push_str(text.get(from..span.range.start).unwrap_or_default());
            if action == PiiAction::Mask {
                out.push('[');
                out.push_str(span.kind.placeholder());
                out.push(']');
            }
            from = span.range.end;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }

    /// Redacts every string of a JSON value in place: a stored record, the fields of a trace. Keys stay.
    pub fn redact_value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.redact(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_value(item)),
            Value::Object(fields) => fields
                .values_mut()
                .for_each(|field| self.redact_value(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
