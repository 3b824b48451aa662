//! Words that only give back what was asked: "Yes, there is a fee when the bill is late" tells nothing, and a small model
//! says it whatever the article says.

/// Letters by which forms of a word are taken to be the same ("removed", "remove").
const STEM: usize = 5;
/// Shorter words say nothing by themselves.
const LEAST_LETTERS: usize = 4;

const EMPTY: [&str; 34] = [
    "that", "this", "these", "those", "there", "here", "with", "from", "have", "been", "will",
    "would", "could", "should", "shall", "when", "what", "where", "which", "while", "they", "them",
    "then", "than", "your", "yours", "please", "because", "does", "into", "about", "just", "also",
    "very",
];

/// Whether `said` holds nothing that `heard` does not. English; where it holds no word of weight at all it is no echo.
pub(super) fn echoes(said: &str, heard: &str) -> bool {
    let known = stems(heard);
    let mine = stems(said);
    !mine.is_empty() && mine.iter().all(|stem| known.contains(stem))
}

/// The words of weight, by their beginnings. A number is one however short it is.
fn stems(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let lower = words.map(str::to_lowercase);
    lower
        .filter(|word| {
            let long = word.chars().count() >= LEAST_LETTERS && !EMPTY.contains(&word.as_str());
            long || word.chars().any(|c| c.is_ascii_digit())
        })
        .map(|word| word.chars().take(STEM).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_told_from_an_answer() {
        for (asked, said) in [
            (
                "Is there a fee when the bill isn't paid on time?",
                "Yes, there is a fee when the bill isn't paid on time.",
            ),
            (
                "And can one have it removed?",
                "Yes, one can have it removed.",
            ),
            (
                "Is there a late fee because of the double payment?",
                "Yes, there is a late fee because of the double payment.",
            ),
            (
                "There's a duplicate on my statement.",
                "There's a duplicate on my statement.",
            ),
        ] {
            assert!(echoes(said, asked), "{said}");
        }
        for (asked, said) in [
            ("Is there a late fee?", "Yes, we add a late fee of £7.50."),
            ("How long is the notice?", "The notice period is 30 days."),
            ("Is it free?", "Yes."),
        ] {
            assert!(!echoes(said, asked), "{said}");
        }
    }
}
