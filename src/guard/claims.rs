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

/// Verbs that change something for the customer. Looking and hearing change nothing.
static COMPLETED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let verbs = "refunded|credited|cancell?ed|booked|scheduled|ordered|sent|shipped|updated|changed|\
                 activated|deactivated|blocked|unblocked|reset|removed|waived|issued|processed|opened|\
                 closed|transferred|upgraded|downgraded|applied|submitted|arranged|added|fixed|resolved|\
                 emailed|e-mailed|texted|charged|paid|renewed|extended|registered";
    let source = format!(
        r"(?i)\b(?:(?:i|we)(?:'ve| have| just| have just|'ve just| already| have already)? (?:now |also |already |just )?({verbs})\b|(?:has|have) (?:now |already |just )?been ({verbs})\b|(?:is|are) now ({verbs})\b)"
    );
    Regex::new(&source).ok()
});

/// The claims in `text` that no successful receipt stands behind.
///
/// A receipt proves a claim when its tool's name holds the stem of the verb (`issue_refund` proves
/// "refunded"). Questions, negations and what the customer did are no claims.
pub fn unproven_claims(text: &str, receipts: &[ActionReceipt]) -> Vec<Claim> {
    let Some(pattern) = COMPLETED.as_ref() else {
        return Vec::new();
    };
    let mut claims = Vec::new();
    for sentence in text.split_inclusive(['.', '!', '?', '\n']) {
        if sentence.trim_end().ends_with('?') {
            continue;
        }
        for found in pattern.captures_iter(sentence) {
            let verb = found.iter().skip(1).flatten().next().map_or("", |m| m.as_str());
            let proven = receipts.iter().any(|receipt| {
                receipt.status == ActionStatus::Succeeded && receipt.tool.to_lowercase().contains(&stem(verb))
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

/// Enough of a verb to find it in a tool's name: refunded -> refund, cancelled -> cancel.
fn stem(verb: &str) -> String {
    let verb = verb.to_lowercase();
    let stem = verb.strip_suffix("ed").unwrap_or(&verb);
    let stem = stem.strip_suffix("ll").map_or(stem.to_owned(), |s| format!("{s}l"));
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
        ] {
            assert_eq!(unproven_claims(claim, &[]).len(), 1, "{claim}");
        }
        let text = "I have refunded the second payment.";
        assert_eq!(unproven_claims(text, &[receipt("issue_refund", ActionStatus::Succeeded)]), []);
        assert_eq!(unproven_claims(text, &[receipt("issue_refund", ActionStatus::Failed)]).len(), 1);
        assert_eq!(unproven_claims(text, &[receipt("cancel_contract", ActionStatus::Succeeded)]).len(), 1);
    }

    #[test]
    fn offers_questions_and_rules_are_no_claims() {
        for harmless in [
            "I can refund the second payment.",
            "Have you been charged twice?",
            "A refund is paid within five working days.",
            "You were charged twice.",
            "I will send you a confirmation.",
        ] {
            assert_eq!(unproven_claims(harmless, &[]), [], "{harmless}");
        }
    }
}
