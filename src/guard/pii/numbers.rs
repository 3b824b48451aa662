//! What a number is: by its check digits, by the words around it, by its shape.

mod shape;

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use shape::{is_date, is_expiry, is_indian_pan, is_italian_code, is_phone};

use super::code::{self, Item, Run};
use super::cues::{self, Cue, Near};
use super::token::Token;
use super::{Candidate, PiiKind, checks, rank};

/// Items of one number at most, where a card is looked for inside a longer run.
const LONGEST_NUMBER: usize = 20;

static UNIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^\s*(?:%|€|\$|£|dollars?\b|bucks\b|euros?\b|eur\b|usd\b|gbp\b|pounds?\b|quid\b|cents?\b|pence\b|percent\b|years?\b|months?\b|weeks?\b|days?\b|hours?\b|minutes?\b|mins?\b|seconds?\b|times\b|gigs?\b|gigabytes?\b|megs?\b|gb\b|mb\b|mbps\b|miles?\b|km\b|kilo\w*\b|points?\b|people\b|customers\b|items?\b|o'clock|a\.?m\b|p\.?m\b|tage?\b|monate?\b|jahre?\b|ans\b|jours\b|mois\b|años\b|días\b)",
    )
    .ok()
});

static IBAN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b[a-z]{2}\d{2}(?:[ -]?[a-z0-9]{4}){2,7}(?:[ -]?[a-z0-9]{1,3})?\b").ok()
});

/// Written IBANs in any case whose check digits are right.
pub(super) fn find_iban(text: &str) -> Vec<Candidate> {
    let mut found = Vec::new();
    for matched in IBAN.iter().flat_map(|pattern| pattern.find_iter(text)) {
        // What looks like its last groups may be the next words.
        let mut end = matched.end();
        while let Some(code) = text
            .get(matched.start()..end)
            .filter(|code| code.len() >= 15)
        {
            let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
            if checks::iban(&plain.to_ascii_uppercase()) {
                found.push(Candidate {
                    kind: PiiKind::Iban,
                    range: matched.start()..end,
                    rank: rank::CHECKED,
                });
                break;
            }
            match code.rfind([' ', '-']) {
                Some(cut) => end = matched.start() + cut,
                None => break,
            }
        }
    }
    found
}

/// What runs are tried as.
struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
    found: Vec<Candidate>,
}

/// The numbers of a text that are personal.
pub(super) fn find(text: &str, tokens: &[Token<'_>], runs: &[Run]) -> Vec<Candidate> {
    let mut reader = Reader {
        text,
        tokens,
        found: Vec::new(),
    };
    let mut done = 0;
    for run in runs {
        if !run.iter().any(|item| item.is_digits) {
            continue;
        }
        let run = trimmed(run, tokens);
        let range = code::range(run, tokens);
        if code::chars(run).len() < 3 {
            continue;
        }
        let before = cues::before(text, done, range.start);
        let known = reader.found.len();
        reader.classify(run, &before);
        if let Some(last) = reader
            .found
            .get(known..)
            .and_then(|new| new.iter().map(|c| c.range.end).max())
        {
            done = last;
        }
    }
    reader.found
}

/// Without the "a" or "I" of a sentence at its ends.
fn trimmed<'r>(run: &'r [Item], tokens: &[Token<'_>]) -> &'r [Item] {
    let stray = |item: &Item| {
        !item.is_digits
            && tokens.get(item.tokens.start).is_some_and(|t| {
                !t.glued
                    && item.tokens.len() == 1
                    && matches!(t.text, "a" | "i" | "I" | "A" | "o" | "y" | "e")
            })
    };
    let next_is_letter = |items: &[Item]| items.get(1).is_some_and(|item| !item.is_digits);
    let mut run = run;
    while let Some((first, rest)) = run.split_first() {
        if !(stray(first) && !next_is_letter(run) && !rest.is_empty()) {
            break;
        }
        // "a 4 7 2": an article, unless more letters follow.
        run = rest;
    }
    run
}

impl Reader<'_> {
    fn classify(&mut self, items: &[Item], before: &[Near]) {
        if items.is_empty() {
            return;
        }
        let range = code::range(items, self.tokens);
        let chars = code::chars(items);
        if let Some((kind, rank)) = self.kind(items, &chars, before, &range) {
            if let Some(kind) = kind {
                self.take(kind, rank, range, items);
            }
            return;
        }
        if self.card_inside(items, before) {
            return;
        }
        // Not one number: it is cut where its parts stand furthest from each other.
        let strongest = items.iter().skip(1).map(|item| item.gap).max().unwrap_or(0);
        let weakest = items.iter().skip(1).map(|item| item.gap).min().unwrap_or(0);
        let is_mixed = items.iter().any(|item| !item.is_digits);
        if strongest > weakest {
            self.split(items, before, |_, item| item.gap == strongest);
        } else if is_mixed && strongest > 0 {
            self.split(items, before, |previous, item| {
                previous.is_digits != item.is_digits
            });
        }
    }

    fn split(&mut self, items: &[Item], before: &[Near], border: impl Fn(&Item, &Item) -> bool) {
        let mut from = 0;
        for at in 1..=items.len() {
            let is_border = match (items.get(at - 1), items.get(at)) {
                (Some(previous), Some(item)) => border(previous, item),
                _ => true,
            };
            if is_border {
                let part = items.get(from..at).unwrap_or_default();
                if part.iter().any(|item| item.is_digits) {
                    self.classify(part, before);
                }
                from = at;
            }
        }
    }

    /// Cards in a longer row of digits (an expiry date behind it, say).
    fn card_inside(&mut self, items: &[Item], before: &[Near]) -> bool {
        let total: usize = items.iter().map(|item| item.chars.len()).sum();
        if total <= 13 || items.len() < 2 {
            return false;
        }
        for from in 0..items.len() {
            let mut digits = String::new();
            for (offset, item) in items.iter().enumerate().skip(from).take(LONGEST_NUMBER) {
                if !item.is_digits {
                    break;
                }
                digits.push_str(&item.chars);
                if digits.len() > 19 {
                    break;
                }
                if checks::card(&digits) && (from, offset + 1) != (0, items.len()) {
                    let (head, rest) = items.split_at(offset + 1);
                    let (head, card) = head.split_at(from);
                    self.take(
                        PiiKind::Card,
                        rank::CHECKED,
                        code::range(card, self.tokens),
                        card,
                    );
                    self.classify(head, before);
                    // What stands behind a card belongs to it.
                    self.behind_card(rest, before);
                    return true;
                }
            }
        }
        false
    }

    fn behind_card(&mut self, items: &[Item], before: &[Near]) {
        let groups: Vec<usize> = items.iter().map(|item| item.chars.len()).collect();
        match groups[..] {
            [2, 2 | 4] => self.take(
                PiiKind::CardExpiry,
                rank::CUED,
                code::range(items, self.tokens),
                items,
            ),
            [2, 2 | 4, 3] => {
                let (expiry, code) = items.split_at(2);
                self.take(
                    PiiKind::CardExpiry,
                    rank::CUED,
                    code::range(expiry, self.tokens),
                    expiry,
                );
                self.take(
                    PiiKind::CardSecurityCode,
                    rank::CUED,
                    code::range(code, self.tokens),
                    code,
                );
            }
            [3] => self.take(
                PiiKind::CardSecurityCode,
                rank::CUED,
                code::range(items, self.tokens),
                items,
            ),
            _ => self.classify(items, before),
        }
    }

    fn take(&mut self, kind: PiiKind, rank: u8, mut range: Range<usize>, items: &[Item]) {
        // An international prefix, and the bracket of an area code.
        let first = items.first();
        if kind == PiiKind::Phone {
            let before = first
                .and_then(|item| item.tokens.start.checked_sub(1))
                .and_then(|at| self.tokens.get(at));
            let opens = |t: &Token<'_>| {
                t.is_mark("+")
                    || t.is("plus")
                    || (t.is_mark("(")
                        && self
                            .text
                            .get(range.clone())
                            .is_some_and(|inner| inner.contains(')')))
            };
            if let Some(token) = before.filter(|t| opens(t)) {
                range.start = token.range.start;
            }
        }
        self.found.push(Candidate { kind, range, rank });
    }

    /// `None`: it cannot be told as a whole. `Some((None, _))`: it is a number that may stay.
    fn kind(
        &self,
        items: &[Item],
        chars: &str,
        before: &[Near],
        range: &Range<usize>,
    ) -> Option<(Option<PiiKind>, u8)> {
        let found = |kind, rank| Some((Some(kind), rank));
        let keep = Some((None, 0));
        let digits = chars.bytes().filter(u8::is_ascii_digit).count();
        let pure = digits == chars.len();
        let behind = cues::behind(self.text, range.end);
        let cued = |cue: Cue| behind == Some(cue) || before.iter().any(|near| near.cue == cue);
        if checks::iban(chars) {
            return found(PiiKind::Iban, rank::CHECKED);
        }
        let nearest = before.first().map(|near| near.cue);
        let grouped = items.len() == 4 && items.iter().all(|item| item.chars.len() == 4);
        let said_to_be_other = matches!(
            nearest,
            Some(Cue::Keep | Cue::Account | Cue::Phone | Cue::NationalId)
        ) && !grouped;
        if pure && checks::card(chars) && !(said_to_be_other && behind != Some(Cue::Card)) {
            return found(PiiKind::Card, rank::CHECKED);
        }
        if self.is_quantity(range) {
            return if pure { keep } else { None };
        }
        if pure && items.first().is_some_and(|item| item.plus) && (7..=15).contains(&digits) {
            return found(PiiKind::Phone, rank::CHECKED);
        }
        if let Some(cue) = behind
            && let Some(kind) = fits(cue, true, items, chars, digits)
        {
            return kind.map_or(keep, |kind| found(kind, rank::CUED));
        }
        // The nearest cue that the number fits.
        for near in before {
            if let Some(kind) = fits(near.cue, near.linked, items, chars, digits) {
                return kind.map_or(keep, |kind| found(kind, rank::CUED));
            }
        }
        if let Some(kind) = self.shaped(items, chars, pure, &cued) {
            return kind.map_or(keep, |kind| found(kind, rank::SHAPED));
        }
        None
    }

    fn is_quantity(&self, range: &Range<usize>) -> bool {
        let before = self.text.get(..range.start).unwrap_or_default().trim_end();
        let money = before.ends_with(['$', '€', '£', '¥'])
            || before.ends_with("EUR")
            || before.ends_with("USD");
        let after = self.text.get(range.end..).unwrap_or_default();
        money
            || UNIT
                .as_ref()
                .is_some_and(|unit| unit.is_match(head(after, 24)))
    }

    /// By shape alone, where no word says what it is.
    fn shaped(
        &self,
        items: &[Item],
        chars: &str,
        pure: bool,
        cued: &dyn Fn(Cue) -> bool,
    ) -> Option<Option<PiiKind>> {
        let spoken = items.iter().any(|item| item.spoken);
        let lengths: Vec<usize> = items.iter().map(|item| item.chars.len()).collect();
        let dashed = items.iter().skip(1).all(|item| item.mark == Some('-'));
        if !pure {
            let known = checks::national_insurance(chars)
                || (chars.len() == 9 && checks::dni(chars))
                || is_italian_code(chars)
                || (chars.len() == 10 && is_indian_pan(chars));
            return known.then_some(Some(PiiKind::NationalId));
        }
        if !spoken && is_date(items, &lengths) {
            return Some(None);
        }
        let national = match (lengths.as_slice(), chars.len()) {
            ([3, 2, 4], _) => dashed && checks::ssn(chars),
            ([6, 5], _) => checks::latvian(chars),
            ([6, 4] | [8, 4], _) => {
                dashed
                    && (checks::luhn(chars.get(chars.len() - 10..).unwrap_or_default())
                        || checks::begins_with_day(chars))
            }
            ([3, 3, 3, 2], _) => checks::cpf(chars),
            ([2, 3, 3, 3], _) => checks::german_tax_id(chars),
            (_, 15) => checks::insee(chars),
            ([11], _) => {
                checks::baltic(chars)
                    || (checks::pesel(chars) && !chars.starts_with('0'))
                    || (checks::latvian(chars) && !chars.starts_with('0'))
            }
            _ => false,
        };
        if national {
            return Some(Some(PiiKind::NationalId));
        }
        if is_phone(items, chars, &lengths, spoken) {
            return Some(Some(PiiKind::Phone));
        }
        let misheard = spoken
            && (15..=16).contains(&chars.len())
            && chars.starts_with(['3', '4', '5', '6', '2']);
        (misheard && !cued(Cue::Keep)).then_some(Some(PiiKind::Card))
    }
}

/// Whether a number can be what a cue says; `Some(None)` where it then may stay.
fn fits(
    cue: Cue,
    linked: bool,
    items: &[Item],
    chars: &str,
    digits: usize,
) -> Option<Option<PiiKind>> {
    let n = chars.len();
    let letters = n - digits;
    let pure = letters == 0;
    let spoken = items.iter().any(|item| item.spoken);
    let split = items.len() > 1;
    let so = |fits: bool, kind: PiiKind| fits.then_some(Some(kind));
    match cue {
        Cue::Keep => (linked && digits >= 3).then_some(None),
        Cue::SecurityCode => so(pure && (3..=4).contains(&n), PiiKind::CardSecurityCode),
        Cue::Expiry => so(
            pure && linked && is_expiry(items, chars),
            PiiKind::CardExpiry,
        ),
        Cue::Pin => so(pure && (3..=8).contains(&n) && linked, PiiKind::Pin),
        Cue::Iban => so(n >= 12 && digits >= 8, PiiKind::Iban)
            .or(so(linked && letters >= 2 && n >= 6, PiiKind::Iban)),
        Cue::NationalId => so(
            digits >= 6 && (8..=18).contains(&n) && letters <= 8,
            PiiKind::NationalId,
        )
        .or(so(
            linked && digits >= 4 && n <= 18 && (split || n >= 6),
            PiiKind::NationalId,
        )),
        Cue::Passport => so((6..=12).contains(&n) && digits >= 4, PiiKind::Passport),
        Cue::Licence => so(
            (5..=20).contains(&n) && digits >= 4,
            PiiKind::DrivingLicence,
        ),
        Cue::Account => so(
            (5..=20).contains(&n) && digits >= 4 && letters <= 6,
            PiiKind::Account,
        )
        .or(so(linked && n >= 4 && digits >= 3, PiiKind::Account)),
        Cue::MaybeAccount => so(
            linked && (6..=14).contains(&n) && digits >= 5,
            PiiKind::Account,
        ),
        Cue::Phone => so(
            pure && (7..=15).contains(&n) && !is_date(items, &lengths(items)),
            PiiKind::Phone,
        )
        .or(so(pure && linked && n == 6, PiiKind::Phone)),
        Cue::Card => so(pure && (12..=19).contains(&n), PiiKind::Card).or(so(
            pure && linked && n >= 4 && (spoken || n >= 6) && n <= 19,
            PiiKind::Card,
        )),
        Cue::Postcode => so(pure && linked && (4..=9).contains(&n), PiiKind::Address).or(so(
            !pure && (5..=8).contains(&n) && linked,
            PiiKind::Address,
        )),
        Cue::Birth => so(
            linked
                && pure
                && (4..=8).contains(&n)
                && (split || n >= 6)
                && !items.iter().all(|i| i.chars.len() > 4 && n < 6),
            PiiKind::DateOfBirth,
        ),
    }
}

fn lengths(items: &[Item]) -> Vec<usize> {
    items.iter().map(|item| item.chars.len()).collect()
}

/// The first bytes of a text, at a border of characters.
pub(super) fn head(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
