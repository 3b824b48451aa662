//! "We never charge a fee" must not come out as "We will charge you a fee".

use std::sync::LazyLock;

use regex::Regex;

static DENIAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = "no|not|never|none|nothing|nobody|neither|nor|without|cannot|free of charge";
    Regex::new(&format!(r"(?i)\b(?:{words})\b|n['’]t\b")).ok()
});

/// A condition denies nothing: "if we have not received it, we add a fee" adds a fee.
static CONDITION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:if|unless|when|until|once|whether|in case)\b[^,;:.!?]*[,;:]?").ok()
});

/// Whether a sentence denies what its source affirms, or affirms what it denies. Only meaningful where
/// both are about the same thing. English only.
pub fn reverses(said: &str, source: &str) -> bool {
    denies(said) != denies(source)
}

fn denies(sentence: &str) -> bool {
    let (Some(denial), Some(condition)) = (DENIAL.as_ref(), CONDITION.as_ref()) else {
        return false;
    };
    denial.is_match(&condition.replace_all(sentence, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_turned_round_is_noticed_and_a_condition_is_none() {
        let fact = "No. We never charge a late fee because of a duplicate payment.";
        assert!(reverses("We will charge you a late payment fee.", fact));
        assert!(!reverses("You don’t have to pay a late fee.", fact));
        let rule = "If we have not received it 7 days after the due date, we add a late fee.";
        assert!(!reverses("We add a late fee after 7 days.", rule));
        assert!(reverses("We won't add a late fee.", rule));
    }
}
