//! Exact values that were said, found by patterns: a model may round them, code may not.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::conversation::{Conversation, Evidence, Fact, FactKind};

/// What the patterns are made of: English and German.
mod words {
    /// Digits with what groups them: 1,200.50, 1.200,50, 12 500, 1'200.
    pub(super) const FIGURE: &str =
        r"(?:\d{1,3}(?:[,.'’ ]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?)";
    const NUMBER: &str = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|\
                          sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|\
                          hundred|thousand";
    const GERMAN: &str = "(?:eine?|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|sechzehn|siebzehn|\
                          zwanzig|drei(?:ß|ss)ig|vierzig|fünfzig|sechzig|siebzig|achtzig|neunzig|hundert|tausend|und)+";
    pub(super) const MONTH: &str = "January|February|March|April|May|June|July|August|September|October|November|\
                                    December|Januar|Februar|März|Mai|Juni|Juli|Oktober|Dezember";
    pub(super) const DAY: &str = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|Montag|Dienstag|Mittwoch|\
                                  Donnerstag|Freitag|Samstag|Sonntag";
    pub(super) const SPAN: &str = "hours?|days?|weeks?|months?|Stunden?|Tagen?|Wochen?|Monaten?";
    const ORDINAL: &str = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|\
                           thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|\
                           twenty[- ](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|thirtieth|\
                           thirty[- ]first";

    /// A number in words: "eighteen", "a hundred and twenty", "einhundertzwanzig".
    pub(super) fn number() -> String {
        format!(
            r"(?:(?:an?\s(?:hundred|thousand)|(?:{NUMBER}))(?:(?:[ -]|\sand\s)(?:{NUMBER}))*|{GERMAN})"
        )
    }

    /// A day of a month: "3", "3rd", "3.", "the third".
    pub(super) fn day() -> String {
        format!(r"(?:\d{{1,2}}(?:st|nd|rd|th|\.)?|(?:{ORDINAL}))")
    }
}

static PATTERNS: LazyLock<Vec<(FactKind, Regex)>> = LazyLock::new(|| {
    let sources = [
        (
            FactKind::Email,
            r"\b[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}\b".to_owned(),
        ),
        (FactKind::Amount, amount()),
        (FactKind::Date, date()),
        // As people write or dictate them where they begin with a plus or a zero.
        (
            FactKind::Phone,
            r"(?:\+\d{1,3}|\b0)(?:[ -/().]{0,2}\d){8,13}\b".to_owned(),
        ),
        // Letters and digits in one word or in groups, or dictated one by one.
        (
            FactKind::Reference,
            r"(?-i)\b[A-Z]{1,4}[- ]?\d{2,12}(?:(?:, ?|[- ])\d{2,6})*\b|\b[A-Z][a-z]{1,3}(?:-\d{2,6}){2,}\b|\b[A-Z](?:[-,. ]{1,2}[A-Z0-9]){4,15}\b|\b\d(?:[-, ]{1,2}\d){3,15}\b|\b\d{5,12}\b".to_owned(),
        ),
    ];
    // A pattern that does not compile would be a defect; the test below holds all of them.
    sources
        .into_iter()
        .filter_map(|(kind, source)| {
            let pattern = Regex::new(&format!("(?i){source}")).ok()?;
            Some((kind, pattern))
        })
        .collect()
});

fn amount() -> String {
    let (figure, number) = (words::FIGURE, words::number());
    let money = "dollars?|euros?|pounds?|quid|pence|cents?|Franken|Pfund|Rappen|EUR|GBP|USD|CHF";
    // "twelve pounds fifty", "12 pounds and 50 pence"
    let small = format!(
        r"(?:\s(?:and\s|und\s)?(?:\d{{1,2}}|{number})\s(?:cents?|pence|Rappen)\b|\s(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?\b)"
    );
    format!(
        r"(?:[$€£]\s?|\b(?:EUR|GBP|USD|CHF)\s){figure}|{figure}\s?[€£]|\b(?:{figure}|{number})[\s-]?(?:{money})\b{small}?"
    )
}

fn date() -> String {
    let (day, number) = (words::day(), words::number());
    let (days, months, spans) = (words::DAY, words::MONTH, words::SPAN);
    let of_month = format!(
        r"\b(?:(?:{days}),?\s)?(?:the\s|den\s|der\s|am\s)?{day}\s(?:of\s)?(?:{months})\b(?:,?\s\d{{4}})?|\b(?:{months})\s(?:the\s)?{day}\b(?:,?\s\d{{4}})?"
    );
    let figures =
        r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b|\b\d{1,2}\.\s?\d{1,2}\.\s?\d{4}\b";
    let clock =
        r"\b\d{1,2}(?:[:.]\d{2})?\s?(?:am|pm|a\.m\.|p\.m\.|o['’]clock|Uhr)|\b[012]?\d:[0-5]\d\b";
    let weekday = format!(r"\b(?:next\s|last\s|this\s|on\s)?(?:{days})\b");
    let span =
        format!(r"\b(?:\d{{1,3}}|{number})\s(?:to\s\w+\s)?(?:working\s|business\s)?(?:{spans})\b");
    format!("{of_month}|{figures}|{clock}|{weekday}|{span}")
}

/// Whether a match is a part of a longer number, and so says something that nobody said.
fn is_cut(text: &str, range: &Range<usize>) -> bool {
    let digit = |found: Option<char>| found.is_some_and(|c| c.is_ascii_digit());
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    let said = text.get(range.clone()).unwrap_or_default();
    let joins = ['.', ',', '\'', '’'];
    let cut_before = digit(said.chars().next())
        && (digit(before.chars().next_back())
            || (before.ends_with(joins) && digit(before.chars().rev().nth(1))));
    let cut_after = digit(said.chars().next_back())
        && (digit(after.chars().next())
            || (after.starts_with(joins) && digit(after.chars().nth(1))));
    cut_before || cut_after
}

/// The exact values in a conversation, each once, in the order they were first said, with every
/// utterance that says them. English and German.
pub fn find_facts(conversation: &Conversation) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    for utterance in conversation.transcript.utterances() {
        let mut taken: Vec<Range<usize>> = Vec::new();
        let mut found: Vec<(usize, FactKind, String)> = Vec::new();
        for (kind, pattern) in PATTERNS.iter() {
            for hit in pattern.find_iter(&utterance.text) {
                let range = hit.range();
                let overlaps = taken
                    .iter()
                    .any(|t| t.start < range.end && range.start < t.end);
                if overlaps || is_cut(&utterance.text, &range) {
                    continue;
                }
                taken.push(range.clone());
                found.push((range.start, *kind, hit.as_str().trim().to_owned()));
            }
        }
        found.sort_by_key(|(at, ..)| *at);
        for (_, kind, value) in found {
            let evidence = Evidence::Utterance(utterance.id);
            match facts
                .iter_mut()
                .find(|f| f.kind == kind && f.value.eq_ignore_ascii_case(&value))
            {
                Some(known) => known.evidence.push(evidence),
                None => facts.push(Fact {
                    kind,
                    value,
                    evidence: vec![evidence],
                }),
            }
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Channel, Role, UtteranceId};

    fn facts(text: &str) -> Vec<(FactKind, String)> {
        let mut call = Conversation::new("acme", Channel::Chat);
        call.say(Role::EndUser, text);
        find_facts(&call)
            .into_iter()
            .map(|f| (f.kind, f.value))
            .collect()
    }

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(PATTERNS.len(), 5);
    }

    #[test]
    fn amounts_dates_and_references_are_copied_to_the_letter() {
        assert_eq!(
            facts("On March 3rd I paid $45.50 twice, account LF402117, mail a@b.example."),
            [
                (FactKind::Date, "March 3rd".into()),
                (FactKind::Amount, "$45.50".into()),
                (FactKind::Reference, "LF402117".into()),
                (FactKind::Email, "a@b.example".into()),
            ]
        );
        assert_eq!(
            facts("It takes five working days."),
            [(FactKind::Date, "five working days".into())]
        );
        assert_eq!(
            facts("That is 38 pounds."),
            [(FactKind::Amount, "38 pounds".into())]
        );
        assert_eq!(
            facts("It is LF-902-412."),
            [(FactKind::Reference, "LF-902-412".into())]
        );
        assert_eq!(
            facts("Yes, Lf-902-412."),
            [(FactKind::Reference, "Lf-902-412".into())]
        );
        assert_eq!(
            facts("Yes, LF902, 412."),
            [(FactKind::Reference, "LF902, 412".into())]
        );
        assert_eq!(
            facts("We give you five pounds on the third of November."),
            [
                (FactKind::Amount, "five pounds".into()),
                (FactKind::Date, "the third of November".into())
            ]
        );
        assert_eq!(
            facts("L-F-4-0-2-1-1-7, please."),
            [(FactKind::Reference, "L-F-4-0-2-1-1-7".into())]
        );
        assert_eq!(facts("I have two routers and one phone."), []);
    }

    #[test]
    fn an_amount_is_the_whole_amount_or_none() {
        let amounts = [
            ("I paid 1,200 pounds for it.", "1,200 pounds"),
            (
                "It was one hundred and twenty pounds.",
                "one hundred and twenty pounds",
            ),
            ("It was a hundred pounds.", "a hundred pounds"),
            ("The eighteen pounds are wrong.", "eighteen pounds"),
            ("Twelve pounds fifty, please.", "Twelve pounds fifty"),
            ("12 pounds and 50 pence.", "12 pounds and 50 pence"),
            ("Das waren €1.234,56.", "€1.234,56"),
            ("Es waren 12.500 Euro.", "12.500 Euro"),
            ("Es sind 20 € zu viel.", "20 €"),
            ("Ich habe zwanzig Euro bezahlt.", "zwanzig Euro"),
            ("Es waren einhundertzwanzig Euro.", "einhundertzwanzig Euro"),
            ("Forty-two quid!", "Forty-two quid"),
            ("It came to GBP 14.50.", "GBP 14.50"),
            ("That is $1,000,000.00.", "$1,000,000.00"),
        ];
        for (text, amount) in amounts {
            assert_eq!(
                facts(text),
                [(FactKind::Amount, amount.to_owned())],
                "{text}"
            );
        }
        // Neither the amount nor anything in it is a value of its own.
        assert_eq!(facts("It is 1.2345,6 now."), []);
    }

    #[test]
    fn telephone_numbers_times_and_written_dates_are_found() {
        let found = [
            ("Call me on 07700 900123.", FactKind::Phone, "07700 900123"),
            (
                "It's +49 30 901820-17.",
                FactKind::Phone,
                "+49 30 901820-17",
            ),
            ("Call (0)", FactKind::Phone, ""),
            ("On 12/03/2026, please.", FactKind::Date, "12/03/2026"),
            ("Am 3. März.", FactKind::Date, "Am 3. März"),
            ("It came at 3 pm.", FactKind::Date, "3 pm"),
            ("Around 15:30.", FactKind::Date, "15:30"),
            ("In drei Tagen.", FactKind::Date, "drei Tagen"),
        ];
        for (text, kind, value) in found {
            let expected = match value {
                "" => Vec::new(),
                value => vec![(kind, value.to_owned())],
            };
            assert_eq!(facts(text), expected, "{text}");
        }
        assert_eq!(
            facts("The 0-4-0-2-1-7 one."),
            [(FactKind::Reference, "0-4-0-2-1-7".into())]
        );
    }

    #[test]
    fn a_value_said_twice_is_one_fact_with_two_proofs() {
        let mut call = Conversation::new("acme", Channel::Chat);
        call.say(Role::EndUser, "I was charged $20.");
        call.say(Role::HumanAgent, "The $20 comes back.");
        let facts = find_facts(&call);
        assert_eq!(facts.len(), 1);
        let proofs = [1, 2].map(|n| Evidence::Utterance(UtteranceId(n)));
        assert_eq!(facts[0].evidence, proofs);
    }
}
