//! The words by which headings and lead-ins set conditions, deny and exclude. English, German, Latvian.

/// A heading with one of these sets a condition, or says what does not hold.
const CONDITIONS: &[&str] = &[
    "no",
    "not",
    "non",
    "none",
    "nothing",
    "nobody",
    "never",
    "neither",
    "nor",
    "cannot",
    "without",
    "except",
    "exceptions",
    "excluded",
    "excluding",
    "exclusions",
    "unless",
    "only",
    "nicht",
    "nichts",
    "kein",
    "keine",
    "keinen",
    "keinem",
    "keiner",
    "ohne",
    "außer",
    "ausgenommen",
    "ausgeschlossen",
    "ausnahmen",
    "nur",
    "nav",
    "nekad",
    "bez",
    "izņemot",
    "izņēmumi",
    "neattiecas",
    "tikai",
];
/// A heading with one of these also excludes what stands under further headings below.
const EXCLUDING: &[&str] = &[
    "non",
    "except",
    "exceptions",
    "excluded",
    "exclusions",
    "ausgenommen",
    "ausgeschlossen",
    "ausnahmen",
    "izņemot",
    "izņēmumi",
    "neattiecas",
];
/// What denies a word soon after it.
const DENYING: &[&str] = &[
    "not", "no", "never", "cannot", "nicht", "kein", "keine", "keinen", "keiner", "nav", "bez",
];
/// A heading excludes, too, by one of these behind a word that denies it: "What we don't cover", "No refunds". Words of
/// problems ("cannot connect") are left out.
const DENIED: &[&str] = &[
    "cover",
    "covers",
    "covered",
    "include",
    "includes",
    "included",
    "insure",
    "insured",
    "refund",
    "refunds",
    "refunded",
    "refundable",
    "return",
    "returns",
    "returned",
    "returnable",
    "exchange",
    "exchanged",
    "reimburse",
    "reimbursed",
    "compensation",
    "accept",
    "accepted",
    "apply",
    "applies",
    "eligible",
    "allowed",
    "permitted",
    "versichert",
    "erstattet",
    "erstattung",
    "rückgabe",
    "umtausch",
    "abgedeckt",
    "enthalten",
    "gedeckt",
    "segts",
    "atmaksas",
];
/// Words between the one that denies and the one that is denied: "cannot be returned", "do not currently cover".
const BETWEEN: usize = 2;
/// A heading that begins with one of these tells a customer's trouble ("My refund was not accepted").
const TROUBLE: &[&str] = &[
    "i", "my", "why", "ich", "mein", "meine", "warum", "es", "kāpēc",
];
/// A heading that begins with one of these sets a condition, unless it asks.
const WHEN: &[&str] = &["when", "if", "wenn", "falls", "ja", "kad"];
/// The head of a column with one of these tells what is not so in other columns.
const REFUSING: &[&str] = &[
    "refused",
    "rejected",
    "forbidden",
    "prohibited",
    "banned",
    "declined",
    "verboten",
    "abgelehnt",
    "aizliegts",
    "atteikts",
];
/// The head of a first column with one of these says that something is so.
const AFFIRMING: &[&str] = &[
    "can", "may", "yes", "ja", "jā", "darf", "dürfen", "kann", "drīkst",
];
/// Words that point at what comes below them.
const POINTING: &[&str] = &[
    "following",
    "below",
    "these",
    "those",
    "such",
    "here",
    "folgende",
    "folgenden",
    "folgendes",
    "diese",
    "diesen",
    "unten",
    "šie",
    "šīs",
    "šādi",
    "šādos",
    "tālāk",
    "zemāk",
];

/// Whether what stands under a heading holds only when, or does not hold where, it says.
pub(in crate::knowledge) fn sets_condition(heading: &str) -> bool {
    let asks = heading.trim_end().ends_with('?');
    !asks && begins_condition(heading) || denies(heading)
}

/// Whether some words deny something or except from it.
pub(in crate::knowledge) fn denies(text: &str) -> bool {
    words(text)
        .iter()
        .any(|word| CONDITIONS.contains(&word.as_str()) || word.ends_with("n't"))
}

/// Whether the heads of a table's columns turn round what they say of each other, so that what stands in the first one is
/// more than the name of its row: "You can return" beside "You cannot return".
pub(in crate::knowledge) fn turn_round(heads: &[&str]) -> bool {
    let Some((first, others)) = heads.split_first() else {
        return false;
    };
    let turns = |head: &str| {
        let refuses = |word: &String| REFUSING.contains(&word.as_str());
        denies(head) || words(head).iter().any(refuses)
    };
    let own = words(first);
    let affirms =
        |word: &String| AFFIRMING.contains(&word.as_str()) || DENIED.contains(&word.as_str());
    let is_statement = own.iter().any(affirms);
    let shares = |head: &str| words(head).iter().any(|word| own.contains(word));
    let turned = others
        .iter()
        .any(|head| turns(head) && (is_statement || shares(head)));
    turns(first) || turned
}

/// Whether the first word is "when" or its like.
pub(super) fn begins_condition(text: &str) -> bool {
    let first = words(text).into_iter().next().unwrap_or_default();
    WHEN.contains(&first.as_str())
}

/// Whether some words speak of what comes below them ("The following are not refunded.").
pub(super) fn points_down(text: &str) -> bool {
    words(text)
        .iter()
        .any(|word| POINTING.contains(&word.as_str()))
}

/// Whether a heading excludes all that stands below it.
pub(super) fn excludes(heading: &str) -> bool {
    let words = words(heading);
    if words.iter().any(|word| EXCLUDING.contains(&word.as_str())) {
        return true;
    }
    let first = words.first().map(String::as_str).unwrap_or_default();
    if TROUBLE.contains(&first) {
        return false;
    }
    words.iter().enumerate().any(|(at, word)| {
        let mut behind = words.iter().skip(at + 1).take(BETWEEN + 1);
        (DENYING.contains(&word.as_str()) || word.ends_with("n't"))
            && behind.any(|word| DENIED.contains(&word.as_str()))
    })
}

/// The words of a text, small, without punctuation.
fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase().replace('’', "'");
    let words = lower.split(|c: char| !(c.is_alphanumeric() || c == '\''));
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_that_turn_each_other_round_are_told_from_names() {
        for heads in [
            ["You can return", "You cannot return"],
            ["Included", "Excluded"],
            ["Allowed", "Forbidden"],
            ["What we pay", "What we don't pay"],
            ["Not covered", "Why"],
        ] {
            assert!(turn_round(&heads), "{heads:?}");
        }
        for heads in [
            ["Device", "Charge if it is not returned in 21 days"],
            ["Plan", "Not included"],
            ["Contract", "Fee for each month left"],
        ] {
            assert!(!turn_round(&heads), "{heads:?}");
        }
        assert!(!turn_round(&[]));
    }

    #[test]
    fn exclusions_are_told_from_troubles() {
        for heading in [
            "Not covered",
            "What you cannot return",
            "What can't be returned?",
            "No refund",
            "What we don’t cover",
            "We do not currently accept",
            "Exceptions",
            "Keine Erstattung",
            "Was nicht versichert ist",
        ] {
            assert!(excludes(heading), "{heading}");
        }
        for heading in [
            "My router is not connecting",
            "I cannot return my phone",
            "Why was my return not accepted?",
            "If we cannot supply your new home",
            "No connection",
            "Returns and refunds",
            "When we do not charge a late fee",
        ] {
            assert!(!excludes(heading), "{heading}");
        }
    }
}
