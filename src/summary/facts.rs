//! Exact values that were said, found by patterns: a model may round them, code may not.

use std::sync::LazyLock;

use regex::Regex;

use crate::conversation::{Conversation, Evidence, Fact, FactKind};

static PATTERNS: LazyLock<Vec<(FactKind, Regex)>> = LazyLock::new(|| {
    let months =
        "January|February|March|April|May|June|July|August|September|October|November|December";
    let days = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday";
    let numbers = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fourteen|fifteen|twenty|thirty|\
                   forty|fifty|sixty|seventy|eighty|ninety|hundred";
    let ordinals = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|\
                    thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|\
                    twenty-(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|thirtieth|thirty-first";
    let money = "dollars?|euros?|pounds?|pence|cents?";
    let terms = "hours?|days?|weeks?|months?";
    let day = format!(r"(?:\d{{1,2}}(?:st|nd|rd|th)?|(?:{ordinals}))");
    let sources = [
        (FactKind::Email, r"(?i)\b[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}\b".to_owned()),
        (
            FactKind::Amount,
            format!(
                r"(?i)[$€£]\s?\d+(?:,\d{{3}})*(?:\.\d{{1,2}})?|\b(?:\d+(?:[.,]\d{{1,2}})?|(?:{numbers})(?:[ -](?:{numbers}))?)\s?(?:{money})\b(?:\s(?:and\s)?\d{{1,2}}\s?(?:cents?|pence)\b)?"
            ),
        ),
        (
            FactKind::Date,
            format!(
                r"(?i)\b(?:(?:{days}),?\s)?(?:the\s)?{day}\s(?:of\s)?(?:{months})\b(?:,?\s\d{{4}})?|\b(?:{months})\s(?:the\s)?{day}\b(?:,?\s\d{{4}})?|\b(?:next\s|last\s|this\s|on\s)?(?:{days})\b|\b\d{{4}}-\d{{2}}-\d{{2}}\b|\b(?:\d{{1,3}}|(?:{numbers}))\s(?:to\s\w+\s)?(?:working\s|business\s)?(?:{terms})\b"
            ),
        ),
        // Letters and digits in one word or in groups, or dictated one by one.
        (
            FactKind::Reference,
            r"\b[A-Z]{1,4}[- ]?\d{2,12}(?:(?:, ?|[- ])\d{2,6})*\b|\b[A-Z][a-z]{1,3}(?:-\d{2,6}){2,}\b|\b[A-Z](?:[-,. ]{1,2}[A-Z0-9]){4,15}\b|\b\d(?:[-, ]{1,2}\d){3,15}\b|\b\d{5,12}\b".to_owned(),
        ),
    ];
    // A pattern that does not compile would be a defect; the test below holds all of them.
    sources
        .into_iter()
        .filter_map(|(kind, source)| Regex::new(&source).ok().map(|r| (kind, r)))
        .collect()
});

/// The exact values in a conversation, each once, in the order they were first said, with every
/// utterance that says them.
pub fn find_facts(conversation: &Conversation) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    for utterance in conversation.transcript.utterances() {
        let mut taken: Vec<std::ops::Range<usize>> = Vec::new();
        let mut found: Vec<(usize, FactKind, String)> = Vec::new();
        for (kind, pattern) in PATTERNS.iter() {
            for hit in pattern.find_iter(&utterance.text) {
                let range = hit.range();
                if taken
                    .iter()
                    .any(|t| t.start < range.end && range.start < t.end)
                {
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
        assert_eq!(PATTERNS.len(), 4);
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
