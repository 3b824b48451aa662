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

/// Whether a sentence denies what all its sources affirm, or affirms what they all deny. The sources
/// must be about the same thing as the sentence. One that holds only under a condition counts where no
/// other does. English only.
pub fn reverses(said: &str, sources: &[&str]) -> bool {
    let conditional = |source: &&&str| CONDITION.as_ref().is_some_and(|c| c.is_match(source));
    let plain: Vec<&&str> = sources.iter().filter(|s| !conditional(s)).collect();
    let judges = if plain.is_empty() {
        sources.iter().collect()
    } else {
        plain
    };
    !judges.is_empty() && judges.iter().all(|source| denies(source) != denies(said))
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
        let rule = "If we have not received it 7 days after the due date, we add a late fee.";
        assert!(reverses("We will charge you a late payment fee.", &[fact]));
        assert!(!reverses("You don’t have to pay a late fee.", &[fact]));
        assert!(!reverses("We add a late fee after 7 days.", &[rule]));
        assert!(reverses("We won't add a late fee.", &[rule]));
        // The rule without a condition decides.
        assert!(!reverses("We won't charge a late fee.", &[rule, fact]));
        assert!(reverses("We will charge a late fee.", &[rule, fact]));
        assert!(!reverses("We will charge a late fee.", &[]));
    }
}
