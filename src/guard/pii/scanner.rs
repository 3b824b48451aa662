//! Personal data over turns: an answer is known by its question, and a number may come in pieces.

use std::sync::LazyLock;

use regex::Regex;

use super::cues::{self, Cue};
use super::token::{self, Class, Token};
use super::{PiiKind, PiiSpan, code, find_pii};

/// Finds personal data in a conversation, utterance by utterance, in order.
///
/// After "can I have the long card number?" the digits of the next turns are that number's, also in pieces and with
/// "mhm" in between. The same utterances give the same spans, whatever follows them.
#[derive(Clone, Debug, Default)]
pub struct PiiScanner {
    expected: Option<Expected>,
}

/// What was asked for, or begun.
#[derive(Clone, Copy, Debug)]
struct Expected {
    what: What,
    /// Utterances that may still pass without a part of it.
    patience: u8,
    /// Digits that came.
    digits: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Kind(PiiKind),
    Postcode,
}

/// Utterances without a digit before nobody waits for more.
const PATIENCE: u8 = 4;
/// Longer lines are prose: no question is answered there.
const LONGEST_LINE: usize = 600;

static REQUEST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\?\s*$|\b(?:can|could|may|might|would) (?:i|you|we|u)\b|\bwhat(?:'s| is| was)\b|\b(?:give|tell|read|provide|confirm|share|need|require|ask|enter|spell|repeat|take|get)\b|\bgo ahead\b|\bplease\b").ok()
});

static HEADER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(?:\[\d+\]\s*)?\p{L}[\p{L} ]{1,24}:\s+|^\[\d+\]\s*").ok());

/// Kinds that are asked for in words that no number's cue covers.
static OTHERS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:(e-?mail)|(address|where (?:do you|are you) live|where should we send)|(pass ?word|memorable word|maiden name|security question)|(name|who am i (?:speaking|talking)))\b").ok()
});

impl PiiScanner {
    /// The personal data in the next utterance (or in a text of several lines, each taken for one).
    pub fn scan(&mut self, text: &str) -> Vec<PiiSpan> {
        let mut spans = find_pii(text);
        let mut from = 0;
        for line in text.split_inclusive('\n') {
            let header = HEADER
                .as_ref()
                .and_then(|h| h.find(line))
                .map_or(0, |m| m.end());
            let body = line.get(header..).unwrap_or_default();
            if body.len() <= LONGEST_LINE && !body.trim().is_empty() {
                self.answer(body, from + header, &mut spans);
            }
            from += line.len();
        }
        spans.sort_by_key(|span| span.range.start);
        spans
    }

    /// Adds to `spans` what a line is the answer to, and remembers what it asks for.
    fn answer(&mut self, line: &str, offset: usize, spans: &mut Vec<PiiSpan>) {
        let asked = asked(line);
        let own: Vec<&PiiSpan> = spans
            .iter()
            .filter(|s| s.range.start >= offset && s.range.end <= offset + line.len())
            .collect();
        let begun = own
            .iter()
            .rev()
            .find(|s| complete(s.kind).is_some())
            .map(|s| {
                let said = line
                    .get(s.range.start - offset..s.range.end - offset)
                    .unwrap_or_default();
                (s.kind, digits(said))
            });
        let Some(mut expected) = self.expected.take() else {
            self.expected = next(asked, begun);
            return;
        };
        // Another question takes over; so does another number.
        let other = asked.is_some_and(|a| a.is_none_or(|what| what != expected.what));
        let is_question = line.trim_end().ends_with('?');
        if (other || is_question) && own.is_empty() {
            self.expected = next(asked, begun);
            return;
        }
        if begun.is_some_and(|(kind, _)| What::Kind(kind) != expected.what) {
            self.expected = next(asked, begun);
            return;
        }
        let new = answers(line, offset, expected, spans);
        let came: usize = new
            .iter()
            .map(|s| {
                digits(
                    line.get(s.range.start - offset..s.range.end - offset)
                        .unwrap_or_default(),
                )
            })
            .sum();
        let came = came + begun.map_or(0, |(_, n)| n);
        let found = !new.is_empty() || begun.is_some();
        spans.extend(new);
        expected.digits += came;
        expected.patience = if found {
            PATIENCE
        } else {
            expected.patience.saturating_sub(1)
        };
        let done = match expected.what {
            What::Kind(kind) => match complete(kind) {
                Some(length) => expected.digits >= length,
                None => found,
            },
            What::Postcode => found,
        };
        self.expected = (!done && expected.patience > 0).then_some(expected);
    }
}

fn next(asked: Option<Option<What>>, begun: Option<(PiiKind, usize)>) -> Option<Expected> {
    if let Some((kind, digits)) = begun {
        let missing = complete(kind).is_some_and(|length| digits < length);
        return missing.then_some(Expected {
            what: What::Kind(kind),
            patience: PATIENCE,
            digits,
        });
    }
    asked.flatten().map(|what| Expected {
        what,
        patience: PATIENCE,
        digits: 0,
    })
}

/// Digits of a number that is all there.
fn complete(kind: PiiKind) -> Option<usize> {
    Some(match kind {
        PiiKind::Card => 15,
        PiiKind::Phone => 10,
        PiiKind::NationalId => 9,
        PiiKind::Account | PiiKind::Passport | PiiKind::DrivingLicence => 8,
        PiiKind::Iban => 16,
        PiiKind::CardSecurityCode => 3,
        PiiKind::CardExpiry | PiiKind::Pin => 4,
        _ => return None,
    })
}

/// What a line asks for or announces; `Some(None)` for a number that may stay.
fn asked(line: &str) -> Option<Option<What>> {
    let requests = REQUEST.as_ref().is_some_and(|r| r.is_match(line));
    let announces = line.trim_end().ends_with(':')
        || line.trim_end().ends_with("is")
        || line.to_lowercase().contains("number is");
    if !requests && !announces {
        return None;
    }
    let what = match cues::mentioned(line) {
        Some(Cue::Keep) => return Some(None),
        Some(Cue::Card) => What::Kind(PiiKind::Card),
        Some(Cue::SecurityCode) => What::Kind(PiiKind::CardSecurityCode),
        Some(Cue::Expiry) => What::Kind(PiiKind::CardExpiry),
        Some(Cue::Pin) => What::Kind(PiiKind::Pin),
        Some(Cue::Iban) => What::Kind(PiiKind::Iban),
        Some(Cue::NationalId) => What::Kind(PiiKind::NationalId),
        Some(Cue::Passport) => What::Kind(PiiKind::Passport),
        Some(Cue::Licence) => What::Kind(PiiKind::DrivingLicence),
        Some(Cue::Account) => What::Kind(PiiKind::Account),
        Some(Cue::Phone) if line.to_lowercase().contains("number") => What::Kind(PiiKind::Phone),
        Some(Cue::Postcode) => What::Postcode,
        Some(Cue::Birth) => What::Kind(PiiKind::DateOfBirth),
        _ => {
            let found = OTHERS.as_ref()?.captures(line)?;
            let kinds = [
                PiiKind::Email,
                PiiKind::Address,
                PiiKind::Password,
                PiiKind::Name,
            ];
            let kind = kinds
                .into_iter()
                .enumerate()
                .find(|(at, _)| found.get(at + 1).is_some())?
                .1;
            What::Kind(kind)
        }
    };
    Some(Some(what))
}

/// The parts of what is expected in a line.
fn answers(line: &str, offset: usize, expected: Expected, known: &[PiiSpan]) -> Vec<PiiSpan> {
    let free = |start: usize, end: usize| {
        known
            .iter()
            .all(|s| s.range.end <= offset + start || offset + end <= s.range.start)
    };
    let mut found: Vec<PiiSpan> = led(line, expected.what)
        .into_iter()
        .filter(|span| free(span.range.start, span.range.end))
        .collect();
    if let What::Kind(kind) = expected.what
        && complete(kind).is_some()
    {
        let tokens = token::tokens(line);
        for run in code::runs(&tokens) {
            let run: &[code::Item] = &run;
            let pure = run.iter().all(|item| item.is_digits);
            let has_digits = run.iter().any(|item| item.is_digits);
            let range = code::range(run, &tokens);
            let taken = found
                .iter()
                .any(|s| s.range.start < range.end && range.start < s.range.end);
            let bare = is_bare(&tokens, run);
            let long = code::chars(run).len() >= 3 || bare || expected.digits > 0;
            let allowed = pure
                || matches!(
                    kind,
                    PiiKind::Iban
                        | PiiKind::NationalId
                        | PiiKind::Passport
                        | PiiKind::DrivingLicence
                        | PiiKind::Account
                );
            if !taken
                && has_digits
                && long
                && allowed
                && free(range.start, range.end)
                && (bare || code::chars(run).len() >= 2)
            {
                found.push(PiiSpan { kind, range });
            }
        }
    }
    found
        .into_iter()
        .map(|span| PiiSpan {
            kind: span.kind,
            range: offset + span.range.start..offset + span.range.end,
        })
        .collect()
}

/// Whether a line holds nothing but the run, and words without meaning.
fn is_bare(tokens: &[Token<'_>], run: &[code::Item]) -> bool {
    let inside = |at: usize| run.iter().any(|item| item.tokens.contains(&at));
    let others = tokens
        .iter()
        .enumerate()
        .filter(|(at, t)| t.class == Class::Word && !inside(*at))
        .count();
    others <= 3
}

/// What a line holds when it is read behind the words that ask for it.
fn led(line: &str, what: What) -> Vec<PiiSpan> {
    let lead = match what {
        What::Postcode => "my postcode is ",
        What::Kind(kind) => match kind {
            PiiKind::Name if line.split_whitespace().count() > 6 => return Vec::new(),
            PiiKind::Name => "my name is ",
            PiiKind::Email => "my email is ",
            PiiKind::Phone => "my phone number is ",
            PiiKind::Card => "my card number is ",
            PiiKind::CardSecurityCode => "my security code is ",
            PiiKind::CardExpiry => "my expiry date is ",
            PiiKind::Iban => "my iban is ",
            PiiKind::NationalId => "my social security number is ",
            PiiKind::Address => "my address is ",
            PiiKind::DateOfBirth => "my date of birth is ",
            PiiKind::Account => "my account number is ",
            PiiKind::Passport => "my passport number is ",
            PiiKind::DrivingLicence => "my driving licence number is ",
            PiiKind::Pin => "my pin is ",
            PiiKind::Password if line.split_whitespace().count() > 2 => return Vec::new(),
            PiiKind::Password => "my password is ",
            PiiKind::IpAddress => return Vec::new(),
        },
    };
    let wanted = match what {
        What::Postcode => PiiKind::Address,
        What::Kind(kind) => kind,
    };
    find_pii(&format!("{lead}{line}"))
        .into_iter()
        .filter(|span| span.kind == wanted && span.range.start >= lead.len())
        .map(|span| PiiSpan {
            kind: span.kind,
            range: span.range.start - lead.len()..span.range.end - lead.len(),
        })
        .collect()
}

fn digits(text: &str) -> usize {
    let tokens = token::tokens(text);
    code::runs(&tokens)
        .iter()
        .flatten()
        .filter(|item| item.is_digits)
        .map(|item| item.chars.len())
        .sum()
}
