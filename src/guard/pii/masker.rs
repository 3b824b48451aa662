//! Placeholders that stay the same all conversation long, and can be put back.

use std::collections::HashMap;

use super::{PiiAction, PiiKind, PiiPolicy, PiiScanner};

/// Replaces personal data by placeholders such as `[EMAIL_1]`, and puts it back.
///
/// Placeholders are numbered by first appearance, so masking a growing transcript from its start
/// gives the same placeholders every time. What belongs to what lives in this value only: when it is dropped, nothing
/// can be put back. A conversation is masked line by line, in order, so that an answer is known by its question.
#[derive(Clone, Debug, Default)]
pub struct Masker {
    policy: PiiPolicy,
    scanner: PiiScanner,
    placeholders: HashMap<String, String>,
    originals: Vec<(String, String)>,
    counts: HashMap<PiiKind, usize>,
}

impl Masker {
    /// Masks by `policy`; the default one is made for language models.
    pub fn new(policy: PiiPolicy) -> Self {
        Self {
            policy,
            ..Self::default()
        }
    }

    /// Masks `text`.
    pub fn mask(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for span in self.scanner.scan(text) {
            let action = self.policy.action(span.kind);
            if action == PiiAction::Keep {
                continue;
            }
            let value = text.get(span.range.clone()).unwrap_or_default();
            out.push_str(text.get(from..span.range.start).unwrap_or_default());
            if action == PiiAction::Mask {
                out.push_str(&self.placeholder(span.kind, value));
            }
            from = span.range.end;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }

    /// Puts the originals back. What was removed stays away.
    pub fn unmask(&self, text: &str) -> String {
        if !text.contains('[') {
            return text.to_owned();
        }
        self.originals
            .iter()
            .fold(text.to_owned(), |text, (placeholder, original)| {
                text.replace(placeholder, original)
            })
    }

    /// Whether nothing was masked.
    pub fn is_empty(&self) -> bool {
        self.originals.is_empty()
    }

    fn placeholder(&mut self, kind: PiiKind, value: &str) -> String {
        if let Some(known) = self.placeholders.get(value) {
            return known.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let placeholder = format!("[{}_{count}]", kind.placeholder());
        self.placeholders
            .insert(value.to_owned(), placeholder.clone());
        self.originals.push((placeholder.clone(), value.to_owned()));
        placeholder
    }
}
