//! ROUGE (Lin 2004, <https://aclanthology.org/W04-1013/>): how much of the wording of a reference a text has.
//! F1 over lower-case words without punctuation, no stemming; ROUGE-L over the text as one sequence.

use std::collections::HashMap;

/// F1 of unigrams, bigrams and the longest common subsequence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rouge {
    pub(super) one: f64,
    pub(super) two: f64,
    pub(super) longest: f64,
}

impl Rouge {
    pub(super) fn of(text: &str, reference: &str) -> Self {
        let (text, reference) = (words(text), words(reference));
        Self {
            one: overlap(&text, &reference, 1),
            two: overlap(&text, &reference, 2),
            longest: f1(
                common_subsequence(&text, &reference),
                text.len(),
                reference.len(),
            ),
        }
    }

    /// The mean over references; zero without any.
    pub(super) fn mean(text: &str, references: &[String]) -> Self {
        let scores: Vec<Self> = references.iter().map(|r| Self::of(text, r)).collect();
        let count = scores.len().max(1) as f64;
        let mean = |of: fn(&Self) -> f64| scores.iter().map(of).sum::<f64>() / count;
        Self {
            one: mean(|s| s.one),
            two: mean(|s| s.two),
            longest: mean(|s| s.longest),
        }
    }
}

fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn overlap(text: &[String], reference: &[String], length: usize) -> f64 {
    let mut left: HashMap<&[String], usize> = HashMap::new();
    for gram in reference.windows(length) {
        *left.entry(gram).or_default() += 1;
    }
    let mut shared = 0;
    for gram in text.windows(length) {
        if let Some(count) = left.get_mut(gram).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    let grams = |words: &[String]| words.len().saturating_sub(length - 1);
    f1(shared, grams(text), grams(reference))
}

fn common_subsequence(a: &[String], b: &[String]) -> usize {
    let mut row = vec![0_usize; b.len() + 1];
    for word in a {
        let mut diagonal = 0;
        for (at, other) in b.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = match word == other {
                true => diagonal + 1,
                false => above.max(row[at]),
            };
            diagonal = above;
        }
    }
    row.last().copied().unwrap_or(0)
}

fn f1(shared: usize, text: usize, reference: usize) -> f64 {
    if shared == 0 {
        return 0.0;
    }
    2.0 * shared as f64 / (text + reference) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_counted_as_in_the_paper() {
        // The example of the paper: "police killed the gunman".
        let reference = "police killed the gunman";
        let near = Rouge::of("police kill the gunman", reference);
        assert!((near.longest - 0.75).abs() < 1e-9 && (near.one - 0.75).abs() < 1e-9);
        assert!((near.two - 1.0 / 3.0).abs() < 1e-9);
        let turned = Rouge::of("The gunman kill police!", reference);
        assert!((turned.longest - 0.5).abs() < 1e-9);
        assert_eq!(Rouge::of("", reference), Rouge::default());
        assert!((Rouge::of("the the", "the").one - 2.0 / 3.0).abs() < 1e-9);
        let mean = Rouge::mean("a b", &["a b".to_owned(), "c".to_owned()]);
        assert!((mean.one - 0.5).abs() < 1e-9);
    }
}
