//! Values of slots in the customer's words, found by code and kept apart from what only looks like them.

use std::collections::BTreeMap;
use std::ops::Range;

use regex::Regex;

use super::days::{coming_day, next_time, today};
use crate::conversation::AnnotationKind;
use crate::dialogue::playbook::{Slot, SlotKind};
use crate::speech::annotate;

/// What a value may be found by.
pub(super) struct Words<'a> {
    pub(super) text: &'a str,
    pub(super) language: &'a str,
}

/// A value and where it stands; nowhere where it was put together from several words.
pub(super) struct FoundValue {
    pub(super) value: String,
    pub(super) span: Option<Range<usize>>,
}

impl Words<'_> {
    /// The value of a slot that is certain by its form: an identifier, a value's own words, a sum, an address.
    ///
    /// `asked`: whether it was just asked for, so that less will do.
    pub(super) fn value(&self, slot: &Slot, asked: bool) -> Option<FoundValue> {
        if slot.asked_only && !asked {
            return None;
        }
        if !slot.values.is_empty() {
            return self.choice(slot, asked);
        }
        if slot.kind == SlotKind::YesNo {
            return if asked { self.truth(slot) } else { None };
        }
        if let Some(found) = self.identifier(slot, asked) {
            return Some(found);
        }
        let cued = asked || slot.cues.iter().any(|cue| holds_words(self.text, cue));
        let free = matches!(
            slot.kind,
            SlotKind::Money | SlotKind::Email | SlotKind::Phone | SlotKind::Postcode
        ) && slot.cues.is_empty();
        if !(cued || free) {
            return None;
        }
        self.annotated(slot, asked)
    }

    /// The last identifier that fits the slot's pattern, as it is written or read out.
    fn identifier(&self, slot: &Slot, asked: bool) -> Option<FoundValue> {
        // A bare number could be anything, unless it was asked for.
        let bare = || Regex::new(slot.pattern.as_deref()?.trim_matches(['^', '$'])).ok();
        let pattern = identifier(slot).or_else(|| if asked { bare() } else { None })?;
        let spoken = spoken_characters(self.text);
        let found = pattern.find_iter(&spoken).last()?;
        let value = found.as_str().to_owned();
        let span = written(self.text, &value);
        Some(FoundValue { value, span })
    }

    /// Yes or no: what the words say of the matter comes before a yes at their beginning ("okay, still red").
    fn truth(&self, slot: &Slot) -> Option<FoundValue> {
        let as_choice = Slot {
            values: vec!["true".into(), "false".into()],
            ..slot.clone()
        };
        let said = self.choice(&as_choice, false);
        said.or_else(|| {
            let yes = super::cues::clear_answer(self.text)?;
            Some(FoundValue {
                value: yes.to_string(),
                span: None,
            })
        })
    }

    /// One of the allowed values, by its own words or others for it. Two at once are none.
    fn choice(&self, slot: &Slot, asked: bool) -> Option<FoundValue> {
        let mut named: Vec<(&String, Range<usize>)> = Vec::new();
        for value in &slot.values {
            // A value's machine name is a word of everyday talk too ("other", "none").
            let own = asked.then_some(value).into_iter();
            let ways = slot.synonyms.get(value).into_iter().flatten();
            let found = own
                .chain(ways)
                .filter_map(|way| find_words(self.text, &way.replace('_', " ")))
                .max_by_key(|span| span.len());
            named.extend(found.map(|span| (value, span)));
        }
        // "not amber, red": what is denied is not meant, and a longer way to say it holds a shorter one.
        named.retain(|(_, span)| !is_denied(self.text, span));
        if named.len() > 1 && super::cues::corrects(self.text) {
            // "The Hub, I mean the Booster": the last one counts.
            let last = named
                .iter()
                .map(|(_, span)| span.start)
                .max()
                .unwrap_or_default();
            named.retain(|(_, span)| span.start == last);
        }
        let longest = named
            .iter()
            .map(|(_, span)| span.clone())
            .max_by_key(Range::len)?;
        named.retain(|(_, span)| {
            span.len() == longest.len() || span.start >= longest.end || span.end <= longest.start
        });
        match &named[..] {
            [(value, span)] => Some(FoundValue {
                value: (*value).clone(),
                span: Some(span.clone()),
            }),
            _ => None,
        }
    }

    fn annotated(&self, slot: &Slot, asked: bool) -> Option<FoundValue> {
        let kind = slot.kind.annotation()?;
        let found = annotate(self.text, Some(self.language));
        let fits = |wanted: AnnotationKind| found.iter().rfind(move |one| one.kind == wanted);
        // Who was asked for a sum says "forty two", and who was asked for a number "six months".
        let loose = match slot.kind {
            SlotKind::Money => fits(AnnotationKind::Number),
            SlotKind::Number => fits(AnnotationKind::Duration),
            _ => None,
        };
        let Some(one) = fits(kind).or(loose.filter(|_| asked)) else {
            if slot.kind == SlotKind::Postcode {
                return self.postcode();
            }
            let date = (slot.upcoming && asked).then(|| coming_day(self.text, today()))??;
            return Some(FoundValue {
                value: date.to_string(),
                span: None,
            });
        };
        let value = match one.kind {
            AnnotationKind::Duration => one.value.chars().filter(char::is_ascii_digit).collect(),
            AnnotationKind::Date if slot.upcoming => next_time(&one.value, today())?,
            // A day without its year is nobody's date of birth.
            AnnotationKind::Date if one.value.len() < 10 || one.value.starts_with('-') => {
                return None;
            }
            _ => one.value.clone(),
        };
        let value = slot
            .accept(&value)
            .or_else(|_| slot.accept(one.words(self.text)))
            .ok()?;
        Some(FoundValue {
            value,
            span: Some(one.start..one.end),
        })
    }

    /// A postcode as it is written, where the words around it led the rules astray.
    fn postcode(&self) -> Option<FoundValue> {
        let pattern = Regex::new(r"(?i)\b([A-Z]{1,2}\d[A-Z\d]?)\s*(\d[A-Z]{2})\b").ok()?;
        let found = pattern.captures(self.text)?;
        let part = |at: usize| {
            found
                .get(at)
                .map_or("", |part| part.as_str())
                .to_uppercase()
        };
        let span = found.get(0).map(|whole| whole.range());
        Some(FoundValue {
            value: format!("{} {}", part(1), part(2)),
            span,
        })
    }

    /// The words that are left when what was understood is taken out, as the answer to a question for words.
    pub(super) fn left_over(&self, taken: &[Range<usize>]) -> Option<String> {
        let mut kept = String::new();
        let mut at = 0;
        let mut taken = taken.to_vec();
        taken.sort_by_key(|span| span.start);
        for span in taken {
            kept.push_str(self.text.get(at..span.start.max(at)).unwrap_or_default());
            kept.push(' ');
            at = at.max(span.end);
        }
        kept.push_str(self.text.get(at..).unwrap_or_default());
        let bare = LEAD_IN.as_ref().map_or_else(
            || kept.clone(),
            |lead| {
                let mut bare = kept.trim().to_owned();
                // "Sure, it's": two of them may stand one behind the other.
                for _ in 0..4 {
                    let shorter = lead.replace(&bare, "").trim().to_owned();
                    if shorter.len() == bare.len() {
                        break;
                    }
                    bare = shorter;
                }
                bare
            },
        );
        let bare = bare.trim_matches(|c: char| {
            c.is_whitespace() || matches!(c, ',' | '.' | ';' | ':' | '-' | '!')
        });
        let bare = bare
            .trim_end_matches(" and")
            .trim_end_matches(" is")
            .trim_end_matches(',')
            .trim();
        (!bare.is_empty()).then(|| bare.to_owned())
    }
}

/// Where an identifier stands, with whatever blanks and hyphens; nowhere where it was read out.
fn written(text: &str, value: &str) -> Option<Range<usize>> {
    let letters: Vec<String> = value
        .chars()
        .map(|c| regex::escape(&c.to_string()))
        .collect();
    let pattern = Regex::new(&format!(r"(?i){}", letters.join(r"[\s-]*"))).ok()?;
    pattern.find_iter(text).last().map(|found| found.range())
}

/// What people put before an answer.
static LEAD_IN: std::sync::LazyLock<Option<Regex>> = std::sync::LazyLock::new(|| {
    Regex::new(
        r"(?i)^\W*(?:sure|yes|yeah|ok|okay|of course|well|um|uh|erm|so|no problem|certainly|no|sorry|actually|i meant|i mean|it(?:'|’)?s|it is|that(?:'|’)?s|that would be|this is|they are|i(?:'|’)?m at|i am at|i live at|i live in|living at|my (?:date of birth|dob|birthday|address|first line|name|postcode|street|reason)(?: of (?:my |the )?address)?(?: is|:)?|(?:the )?(?:address|first line(?: of (?:my |the )?address)?|date of birth|dob|reason)(?: is|:)?|born(?: on)?|i was born(?: on)?|because|and|at|is|on)\b[\s,:.-]*",
    )
    .ok()
});

/// Whether words stand in a text as whole words, in any case.
fn holds_words(text: &str, words: &str) -> bool {
    find_words(text, words).is_some()
}

fn find_words(text: &str, words: &str) -> Option<Range<usize>> {
    if words.trim().is_empty() {
        return None;
    }
    let parts: Vec<String> = words.split_whitespace().map(regex::escape).collect();
    let pattern = Regex::new(&format!(r"(?i)\b{}\b", parts.join(r"\s+"))).ok()?;
    pattern.find(text).map(|found| found.range())
}

/// "not", "isn't", "rather than" right before a word, or "isn't enough", "is too much" right behind it.
fn is_denied(text: &str, span: &Range<usize>) -> bool {
    let after = text.get(span.end..).unwrap_or_default().to_lowercase();
    let mut next = after.split_whitespace().take(2);
    if next.any(|word| matches!(word, "isn't" | "isnt" | "not" | "too" | "won't" | "doesn't")) {
        return true;
    }
    let before = text.get(..span.start).unwrap_or_default().to_lowercase();
    let is_article = |word: &&str| matches!(*word, "a" | "an" | "the" | "my");
    let last = before
        .split_whitespace()
        .rev()
        .find(|word| !is_article(word));
    last.is_some_and(|word| {
        matches!(
            word,
            "not" | "isn't" | "isnt" | "wasn't" | "than" | "don't" | "dont" | "never" | "no"
        )
    })
}

/// The pattern of a slot whose values can be told from other words: one with a fixed letter, like
/// `LF\d{6}`. Any number could be an amount.
pub(in crate::dialogue) fn identifier(slot: &Slot) -> Option<Regex> {
    let core = slot
        .pattern
        .as_deref()?
        .trim_start_matches('^')
        .trim_end_matches('$');
    let classes = ["\\d", "\\w", "\\s", "\\b"];
    let literal = classes
        .iter()
        .fold(core.to_owned(), |text, class| text.replace(class, ""));
    if !literal.chars().any(char::is_alphabetic) {
        return None;
    }
    Regex::new(core).ok()
}

/// "L F, four zero 2-1" -> "LF4021": what is left when an id is read out.
pub(in crate::dialogue) fn spoken_characters(text: &str) -> String {
    const DIGITS: [(&str, &str); 11] = [
        ("ZERO", "0"),
        ("OH", "0"),
        ("ONE", "1"),
        ("TWO", "2"),
        ("THREE", "3"),
        ("FOUR", "4"),
        ("FIVE", "5"),
        ("SIX", "6"),
        ("SEVEN", "7"),
        ("EIGHT", "8"),
        ("NINE", "9"),
    ];
    let spelled: BTreeMap<&str, &str> = DIGITS.into_iter().collect();
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut times = 1;
    let mut spoken = String::new();
    for word in words {
        let upper = word.to_uppercase();
        // "double two" is two of them.
        match upper.as_str() {
            "DOUBLE" => times = 2,
            "TRIPLE" => times = 3,
            _ => {
                let one = spelled.get(upper.as_str()).copied().unwrap_or(&upper);
                (0..times).for_each(|_| spoken.push_str(one));
                times = 1;
            }
        }
    }
    spoken
}

#[cfg(test)]
mod tests;
