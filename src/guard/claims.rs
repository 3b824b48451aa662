//! "I have refunded you" may only be said when a receipt proves it.

use std::sync::LazyLock;

use regex::Regex;

use crate::conversation::{ActionReceipt, ActionStatus};

/// A statement that something was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The words, verbatim.
    pub text: String,
    /// The verb, as it stands there.
    pub verb: String,
}

/// Verbs that change something for the customer. Looking and hearing change nothing; being charged
/// happened to the customer and is no promise.
static COMPLETED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let verbs = "refunded|credited|cancell?ed|booked|scheduled|ordered|sent|shipped|updated|changed|\
                 activated|deactivated|blocked|unblocked|reset|removed|waived|issued|processed|\
                 closed|transferred|upgraded|downgraded|applied|submitted|arranged|added|fixed|resolved|\
                 emailed|e-mailed|texted|renewed|extended|registered|moved|deleted|corrected|replaced|reported|\
                 switched|placed|paused";
    let adverbs = r"(?:(?:now|also|already|just|successfully|gone ahead and)\s+){0,3}";
    let source = format!(
        r"(?i)\b(?:i|we)(?:['’]ve|\s+have)?\s+{adverbs}({verbs})\b|(?:\b(?:has|have)|['’](?:ve|s))\s+{adverbs}been\s+{adverbs}({verbs})\b|\b(?:is|are)\s+now\s+({verbs})\b"
    );
    Regex::new(&source).ok()
});

/// Words before a verb that make it a condition or a denial.
static HYPOTHETICAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = "if|once|when|until|unless|after|before|as soon as|whether|no|not|never|nothing";
    Regex::new(&format!(r"(?i)\b(?:{words})\b[^,;:]*$")).ok()
});

/// The claims in `text` that no successful receipt stands behind. English only.
///
/// A receipt proves a claim when its tool's name holds the stem of the verb (`issue_refund` proves
/// "refunded"). Conditions, denials and what happened to the customer are no claims.
pub fn unproven_claims(text: &str, receipts: &[ActionReceipt]) -> Vec<Claim> {
    let (Some(pattern), Some(hypothetical)) = (COMPLETED.as_ref(), HYPOTHETICAL.as_ref()) else {
        return Vec::new();
    };
    let mut claims = Vec::new();
    for sentence in sentences(text) {
        for found in pattern.captures_iter(sentence) {
            let before = found
                .get(0)
                .and_then(|whole| sentence.get(..whole.start()))
                .unwrap_or_default();
            if hypothetical.is_match(before) {
                continue;
            }
            let verb = found
                .iter()
                .skip(1)
                .flatten()
                .next()
                .map_or("", |m| m.as_str());
            let proven = receipts.iter().any(|receipt| {
                receipt.status == ActionStatus::Succeeded
                    && receipt.tool.to_lowercase().contains(&stem(verb))
            });
            if !proven {
                claims.push(Claim {
                    text: sentence.trim().to_owned(),
                    verb: verb.to_owned(),
                });
            }
        }
    }
    claims
}

/// What is promised to be done, or to come. English only.
static PROMISED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let verbs = "refund|credit|cancel|book|schedule|order|send|ship|update|change|activate|block|reset|remove|waive|issue|process|close|transfer|upgrade|apply|submit|arrange|add|fix|resolve|email|extend|register|give|pay|reduce|call";
    let source = format!(
        r"(?i)\b(?:i|we)(?:['’]ll|\s+(?:will|can|am going to|are going to|promise to))\s+(?:\w+\s+){{0,2}}(?:{verbs})\b|\byou(?:['’]ll|\s+will)\s+(?:\w+\s+){{0,2}}(?:get|receive|be (?:refunded|credited|paid))\b|\bon (?:its|the) way\b|\b(?:is|are) being (?:processed|refunded|sent|cancelled)\b"
    );
    Regex::new(&source).ok()
});

/// The sentences of `text` that promise something. In free chat nothing may be promised.
pub fn unproven_promises(text: &str) -> Vec<Claim> {
    let Some(pattern) = PROMISED.as_ref() else {
        return Vec::new();
    };
    let found = sentences(text).filter_map(|sentence| {
        let verb = pattern.find(sentence)?.as_str().to_owned();
        Some(Claim {
            text: sentence.trim().to_owned(),
            verb,
        })
    });
    found.collect()
}

/// The sentences of a text. A point between two digits is none's end: "I will refund £4.50 by Friday."
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_digit)
    };
    let ends = text.match_indices(['.', '!', '?', '\n']);
    let ends = ends.filter(move |(at, sign)| {
        *sign != "." || !(digit(at.checked_sub(1)) && digit(Some(at + 1)))
    });
    let mut start = 0;
    let ends = ends.map(|(at, sign)| at + sign.len()).chain([text.len()]);
    ends.filter_map(move |end| {
        let sentence = text.get(start..end).filter(|words| !words.is_empty());
        start = end;
        sentence
    })
}

/// Enough of a verb to find it in a tool's name: refunded -> refund, cancelled -> cancel.
fn stem(verb: &str) -> String {
    let verb = verb.to_lowercase();
    if verb == "sent" {
        return "send".to_owned();
    }
    let stem = verb.strip_suffix("ed").unwrap_or(&verb);
    let stem = stem
        .strip_suffix("ll")
        .map_or(stem.to_owned(), |s| format!("{s}l"));
    stem.trim_end_matches('e').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(tool: &str, status: ActionStatus) -> ActionReceipt {
        ActionReceipt {
            id: "r1".into(),
            tool: tool.into(),
            arguments: serde_json::json!({}),
            status,
            result: serde_json::json!({}),
            at: jiff::Timestamp::UNIX_EPOCH,
            source: String::new(),
            approvals: Vec::new(),
        }
    }

    #[test]
    fn a_claim_needs_a_successful_receipt() {
        for claim in [
            "I have refunded the second payment.",
            "Good news: we've just cancelled your contract.",
            "Your credit has been applied.",
            "I refunded you 20 pounds.",
            "Your SIM is now blocked.",
            "I have successfully refunded it.",
            "You've been refunded.",
            "I’ve gone ahead and cancelled it, anything else?",
        ] {
            assert_eq!(unproven_claims(claim, &[]).len(), 1, "{claim}");
        }
        let text = "I have refunded the second payment.";
        assert_eq!(
            unproven_claims(text, &[receipt("issue_refund", ActionStatus::Succeeded)]),
            []
        );
        assert_eq!(
            unproven_claims(text, &[receipt("issue_refund", ActionStatus::Failed)]).len(),
            1
        );
        assert_eq!(
            unproven_claims(text, &[receipt("cancel_contract", ActionStatus::Succeeded)]).len(),
            1
        );
    }

    #[test]
    fn a_promise_is_told_with_its_amount_and_its_date() {
        let text = "Right. I will refund £4.50 by Friday. Anything else?";
        let promises = unproven_promises(text);
        assert_eq!(promises.len(), 1);
        assert_eq!(promises[0].text, "I will refund £4.50 by Friday.");
    }

    #[test]
    fn offers_questions_and_rules_are_no_claims() {
        for harmless in [
            "I can refund the second payment.",
            "Have you been charged twice?",
            "A refund is paid within five working days.",
            "You were charged twice.",
            "I will send you a confirmation.",
            "I am sorry that we charged you twice.",
            "Once the refund has been processed, it takes five days.",
            "No refund has been issued yet.",
        ] {
            assert_eq!(unproven_claims(harmless, &[]), [], "{harmless}");
        }
    }
}
