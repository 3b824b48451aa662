//! Values of slots in the customer's words, found by code and kept apart from what only looks like them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use regex::Regex;

use super::days::{coming_day, day_of_month, in_unit_of, next_time, spoken_span, today};
use super::denial::{Denial, denial, stands_alone};
use super::{assent, cues};
use crate::conversation::number_words::is_article;
use crate::conversation::{Annotation, AnnotationKind};
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

    /// Whether this value is stated, and not only supposed ("and if I miss a month?") or said by an article.
    pub(super) fn states(&self, slot: &Slot, found: &FoundValue) -> bool {
        let words = found.span.clone().and_then(|span| self.text.get(span));
        let first = words.and_then(|words| words.split_whitespace().next());
        if slot.kind == SlotKind::Number && first.is_some_and(is_article) {
            return false;
        }
        let stated: Vec<&str> = cues::sentences(self.text)
            .filter(|sentence| !cues::supposes(sentence))
            .collect();
        let stated = Words {
            text: &stated.join(" "),
            language: self.language,
        };
        let value = stated.value(slot, true);
        value.is_some_and(|stated| stated.value == found.value)
    }

    /// The last identifier that fits the slot's pattern, as it is written or read out.
    fn identifier(&self, slot: &Slot, asked: bool) -> Option<FoundValue> {
        // A bare number could be anything, unless it was asked for.
        let bare = || Regex::new(slot.pattern.as_deref()?.trim_matches(['^', '$'])).ok();
        let pattern = identifier(slot).or_else(|| if asked { bare() } else { None })?;
        let value = last_identifier(self.text, &pattern)?;
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
            let nobody = assent::is_nobody(&slot.ask, self.text).then_some(false);
            let yes = assent::clear_answer(self.text).or(nobody)?;
            Some(FoundValue {
                value: yes.to_string(),
                span: None,
            })
        })
    }

    /// One of the allowed values, by its own words or others for it. Two at once are none.
    fn choice(&self, slot: &Slot, asked: bool) -> Option<FoundValue> {
        let mut named: Vec<(&String, Range<usize>, Denial)> = Vec::new();
        for value in &slot.values {
            // A value's machine name is a word of everyday talk too ("other", "none").
            let own = asked.then_some(value).into_iter();
            let ways = slot.synonyms.get(value).into_iter().flatten();
            let found = own
                .chain(ways)
                .flat_map(|way| find_all(self.text, &way.replace('_', " ")))
                .filter(|span| stands_alone(self.text, span))
                .map(|span| (denial(self.text, &span), span));
            // What is meant comes before what is denied, and longer ways to say it before shorter ones.
            let best = found.min_by_key(|(denial, span)| (*denial, std::cmp::Reverse(span.len())));
            named.extend(best.map(|(denial, span)| (value, span, denial)));
        }
        // A longer way to say something holds a shorter one ("not working").
        let spans: Vec<Range<usize>> = named.iter().map(|(_, span, _)| span.clone()).collect();
        let within = |span: &Range<usize>| {
            spans.iter().any(|other| {
                other.len() > span.len() && span.start < other.end && other.start < span.end
            })
        };
        named.retain(|(_, span, _)| !within(span));
        // "not amber, red": what is denied is not meant.
        let mut kept = named.clone();
        kept.retain(|(_, _, denial)| *denial == Denial::None);
        if kept.is_empty() {
            kept.clone_from(&named);
            kept.retain(|(_, _, denial)| *denial == Denial::Weak);
        }
        if kept.len() > 1 && cues::corrects(self.text) {
            // "The Hub, I mean the Booster": the last one counts.
            let last = kept.iter().map(|(_, span, _)| span.start).max();
            kept.retain(|(_, span, _)| Some(span.start) == last);
        }
        match (&kept[..], &named[..], &slot.values[..]) {
            ([(value, span, _)], _, _) => Some(FoundValue {
                value: (*value).clone(),
                span: Some(span.clone()),
            }),
            // Of two, whoever does not want the one wants the other.
            ([], [(denied, span, _)], [one, other]) if asked && slot.kind != SlotKind::YesNo => {
                let meant = if *denied == one { other } else { one };
                Some(FoundValue {
                    value: meant.clone(),
                    span: Some(span.clone()),
                })
            }
            _ => None,
        }
    }

    fn annotated(&self, slot: &Slot, asked: bool) -> Option<FoundValue> {
        let kind = slot.kind.annotation()?;
        if slot.kind == SlotKind::Postcode
            && let Some(written) = self.postcode()
        {
            return Some(written);
        }
        let mut found = self.annotations(slot, asked);
        // "The tenth, not the ninth": what is denied is not meant, where something else is.
        let denied = |one: &Annotation| denial(self.text, &(one.start..one.end)) == Denial::Strong;
        let is_else = found.iter().any(|one| one.kind == kind && !denied(one));
        found.retain(|one| !(is_else && one.kind == kind && denied(one)));
        let fits = |wanted: AnnotationKind| found.iter().rfind(move |one| one.kind == wanted);
        // Who was asked for a sum says "forty two", and who was asked for a number "six months" or "it is number 4711".
        let loose = match slot.kind {
            SlotKind::Money => fits(AnnotationKind::Number),
            SlotKind::Number => {
                fits(AnnotationKind::Duration).or_else(|| fits(AnnotationKind::Identifier))
            }
            _ => None,
        };
        // "14 days" is a number of days, and "two weeks" are as many.
        let duration = loose
            .filter(|one| asked && one.kind == AnnotationKind::Duration)
            .filter(|one| fits(kind).is_none_or(|number| number.start <= one.end));
        let Some(one) = duration.or(fits(kind)).or(loose.filter(|_| asked)) else {
            if asked && slot.kind == SlotKind::Number {
                let (value, span) = spoken_span(self.text, slot)?;
                let value = slot.accept(&value).ok()?;
                let span = Some(span);
                return Some(FoundValue { value, span });
            }
            let ahead =
                || coming_day(self.text, today()).or_else(|| day_of_month(self.text, today()));
            let date = (slot.upcoming && asked).then(ahead)??;
            return Some(FoundValue {
                value: date.to_string(),
                span: None,
            });
        };
        let value = match one.kind {
            AnnotationKind::Duration => in_unit_of(slot, &one.value)?,
            AnnotationKind::Date if slot.upcoming && one.value.starts_with("---") => {
                day_of_month(self.text, today())?.to_string()
            }
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

    /// What the rules find. Who was asked for a date of birth gives one: "the twelfth of March, eighty-four" has its year then.
    fn annotations(&self, slot: &Slot, asked: bool) -> Vec<Annotation> {
        const BORN: &str = "born ";
        let names = [&slot.name, &slot.description];
        let is_birth = slot.kind == SlotKind::Date
            && !slot.upcoming
            && names
                .iter()
                .any(|words| words.to_lowercase().contains("birth"));
        if !(asked && is_birth) {
            return annotate(self.text, Some(self.language));
        }
        let found = annotate(&format!("{BORN}{}", self.text), Some(self.language));
        let moved = found.into_iter().filter_map(|mut one| {
            one.start = one.start.checked_sub(BORN.len())?;
            one.end = one.end.checked_sub(BORN.len())?;
            Some(one)
        });
        moved.collect()
    }

    /// A postcode as it is written: words around it may lead the rules astray.
    fn postcode(&self) -> Option<FoundValue> {
        let pattern = Regex::new(r"(?i)\b([A-Z]{1,2}\d[A-Z\d]?)\s*(\d[A-Z]{2})\b").ok()?;
        let all: Vec<_> = pattern.captures_iter(self.text).collect();
        let is_meant = |found: &&regex::Captures<'_>| {
            found
                .get(0)
                .is_some_and(|whole| denial(self.text, &whole.range()) != Denial::Strong)
        };
        // "BA1 6NW. No, BA1 5NW": the last one counts.
        let found = all.iter().rfind(is_meant).or(all.last())?;
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
        let mut pieces: Vec<&str> = Vec::new();
        let mut at = 0;
        let mut taken = taken.to_vec();
        taken.sort_by_key(|span| span.start);
        for span in taken {
            pieces.push(self.text.get(at..span.start.max(at)).unwrap_or_default());
            at = at.max(span.end);
        }
        pieces.push(self.text.get(at..).unwrap_or_default());
        // Around a value stand small words ("The … of June, and 25 Birch Avenue"): what has figures, or most words, is meant.
        let weight = |piece: &&str| {
            let figures = piece.chars().any(|c| c.is_ascii_digit());
            (figures, piece.split_whitespace().count())
        };
        let kept = pieces.iter().copied().max_by_key(weight);
        let kept = kept.unwrap_or_default().to_owned();
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
        let bare = LEAD_OUT
            .as_ref()
            .map_or(bare.into(), |end| end.replace(bare, ""));
        let bare = bare.trim_end_matches(',').trim();
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
        r"(?i)^\W*(?:sure|yes|yeah|ok|okay|of course|well|um|uh|erm|so|no problem|certainly|no|sorry|actually|i meant|i mean|it(?:'|’)?s|it is|it(?:'|’)?d be|that(?:'|’)?s|my bday|that would be|that(?:'|’)?ll be|for the time being|for now|currently|at the moment|still(?: at)?|we(?:'|’)?re(?: at)?|we are at|we live (?:at|in)|i(?:'|’)?m still (?:at|in)|this is|they are|i(?:'|’)?m at|i am at|i live at|i live in|living at|my (?:date of birth|dob|birthday|address|first line|name|postcode|street|reason)(?: of (?:my |the )?address)?(?: is|:)?|(?:the )?(?:address|first line(?: of (?:my |the )?address)?|date of birth|dob|reason)(?: is|:)?|born(?: on)?|i was born(?: on)?|because|and|at|is|on)\b[\s,:.-]*",
    )
    .ok()
});

/// What leads to another value behind an answer.
static LEAD_OUT: std::sync::LazyLock<Option<Regex>> = std::sync::LazyLock::new(|| {
    Regex::new(
        r"(?i)(?:[\s,;.]*\b(?:and|i was born|born|my (?:date of birth|dob|birthday|bday)|date of birth|dob|is|that(?:'|’)?s|it(?:'|’)?s|on|the))+[\s,:;.-]*$",
    )
    .ok()
});

/// Whether words stand in a text as whole words, in any case.
fn holds_words(text: &str, words: &str) -> bool {
    find_words(text, words).is_some()
}

fn find_words(text: &str, words: &str) -> Option<Range<usize>> {
    find_all(text, words).into_iter().next()
}

/// Where words stand as whole words, in any case, a last one of some length in the plural too.
fn find_all(text: &str, words: &str) -> Vec<Range<usize>> {
    if words.trim().is_empty() {
        return Vec::new();
    }
    let parts: Vec<String> = words.split_whitespace().map(regex::escape).collect();
    let letters = words
        .chars()
        .rev()
        .take_while(|letter| letter.is_alphabetic());
    let plural = if letters.count() > 3 { "s?" } else { "" };
    let pattern = Regex::new(&format!(r"(?i)\b{}{plural}\b", parts.join(r"\s+")));
    let Ok(pattern) = pattern else {
        return Vec::new();
    };
    let spans = pattern.find_iter(text).map(|found| found.range());
    spans.filter(|span| !is_verb(text, span)).collect()
}

/// "am" in "I am" is no time of day.
fn is_verb(text: &str, span: &Range<usize>) -> bool {
    let is_am = text
        .get(span.clone())
        .is_some_and(|word| word.eq_ignore_ascii_case("am"));
    let before = text.get(..span.start).unwrap_or_default();
    let last = before.split_whitespace().next_back();
    is_am && last.is_some_and(|word| word.eq_ignore_ascii_case("i"))
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

/// Dates in figures, which hold digits but no identifiers.
static DATES: std::sync::LazyLock<Option<Regex>> = std::sync::LazyLock::new(|| {
    Regex::new(r"\b(?:\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)\d{2}|(?:19|20)\d{2}-\d{1,2}-\d{1,2})\b")
        .ok()
});
/// Spans of time and counts, which follow an identifier closely ("482913, 2 minutes old").
static AMOUNTS: std::sync::LazyLock<Option<Regex>> = std::sync::LazyLock::new(|| {
    let units = "seconds?|secs?|minutes?|mins?|hours?|days?|weeks?|months?|years?|times|people|percent|pounds?|pence|euros?";
    let words = "one|two|three|four|five|six|seven|eight|nine|ten";
    Regex::new(&format!(
        r"(?i)\b(?:\d{{1,3}}(?:[.,]\d+)?|{words})\s+(?:{units})\b"
    ))
    .ok()
});
/// Small words that look like the letters of an identifier ("my number is 0151 …").
const SMALL_WORDS: [&str; 22] = [
    "AM", "AN", "AS", "AT", "BE", "BY", "DO", "GO", "HE", "IF", "IN", "IS", "IT", "ME", "MY", "NO",
    "OF", "ON", "OR", "SO", "TO", "WE",
];
/// What stands in place of a date or an amount.
const DATE: &str = " \u{1} ";

/// The last identifier that a text holds, as it is written or read out. It begins with a word, takes no part of a date, none of
/// an amount behind it, and has no more digits than it should.
pub(in crate::dialogue) fn last_identifier(text: &str, pattern: &Regex) -> Option<String> {
    let text = match DATES.as_ref() {
        Some(dates) => dates.replace_all(text, DATE),
        None => Cow::Borrowed(text),
    };
    let without = AMOUNTS.as_ref().map(|it| it.replace_all(&text, DATE));
    // An amount may be what is asked for.
    let of = |text: &str| last_fitting(text, pattern);
    without.and_then(|text| of(&text)).or_else(|| of(&text))
}

fn last_fitting(text: &str, pattern: &Regex) -> Option<String> {
    let (spoken, words) = spoken_characters(text);
    let at = |start: usize| {
        let found = pattern
            .find_at(&spoken, start)
            .filter(|found| found.start() == start)?;
        let next = spoken.get(found.end()..)?.chars().next();
        let goes_on = next.is_some_and(|c| c.is_ascii_digit());
        let is_whole = !goes_on || words.contains(&found.end());
        is_whole.then(|| found.as_str().to_owned())
    };
    let mut last: Option<String> = None;
    let mut end = 0;
    for (place, start) in words.iter().enumerate() {
        let next = words.get(place + 1).copied().unwrap_or(spoken.len());
        let word = spoken.get(*start..next).unwrap_or_default();
        // What is read out digit by digit begins once.
        if *start >= end
            && !SMALL_WORDS.contains(&word)
            && let Some(found) = at(*start)
        {
            end = start + found.len();
            last = Some(found);
        }
    }
    last
}

/// "L F, four zero 2-1" -> "LF4021": what is left when an id is read out, and where its words begin.
fn spoken_characters(text: &str) -> (String, Vec<usize>) {
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
    let is_part = |c: char| c.is_alphanumeric() || c == '\u{1}';
    let words = text
        .split(|c: char| !is_part(c))
        .filter(|word| !word.is_empty());
    let mut times = 1;
    let mut spoken = String::new();
    let mut starts = Vec::new();
    for word in words {
        let upper = word.to_uppercase();
        // "double two" is two of them.
        match upper.as_str() {
            "DOUBLE" => times = 2,
            "TRIPLE" => times = 3,
            _ => {
                let one = spelled.get(upper.as_str()).copied().unwrap_or(&upper);
                starts.push(spoken.len());
                (0..times).for_each(|_| spoken.push_str(one));
                times = 1;
            }
        }
    }
    (spoken, starts)
}

#[cfg(test)]
mod tests;
