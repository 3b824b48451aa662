//! Choices by the probability of a letter.

use super::wire::{Likely, Position};
use crate::error::{Error, ErrorKind, Result};
use crate::llm::Prompt;

/// One for each choice; the protocol tells no more than 20 tokens.
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRST";

/// A question to be answered by the letter of a choice.
///
/// Models prefer some letters, so the letters go by the choices in alphabetical order: the same choices
/// have the same probabilities in whatever order they are given.
#[derive(Debug)]
pub(super) struct Ballot {
    pub(super) question: String,
    /// Which choice has which letter.
    order: Vec<usize>,
}

impl Ballot {
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for more choices than letters. That there are some, and none without
    /// words, is checked by others.
    pub(super) fn new(prompt: &Prompt, choices: &[String]) -> Result<Self> {
        if choices.len() > LETTERS.len() {
            let why = format!(
                "{} choices cannot be scored at once; give at most {}",
                choices.len(),
                LETTERS.len()
            );
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
        let mut order: Vec<usize> = (0..choices.len()).collect();
        order.sort_by_key(|&index| &choices[index]);
        let mut question = prompt.user_message();
        question.push_str("\n\nChoose one of these:");
        for (letter, &index) in LETTERS.chars().zip(&order) {
            let words: Vec<&str> = choices[index].split_whitespace().collect();
            question.push_str(&format!("\n{letter}. {}", words.join(" ")));
        }
        question.push_str("\n\nAnswer with one letter only.");
        Ok(Self { question, order })
    }

    /// The probability of each choice, from the likeliest tokens where the letter is to stand. `None`
    /// where no letter is among them.
    ///
    /// What is known about a letter that is not among them: it is no likelier than the least likely
    /// that is, and all such letters share what is left of 1. So much is taken for it, so that the
    /// likeliest choice never seems surer than it is.
    pub(super) fn read(&self, position: &Position) -> Option<Vec<f32>> {
        let mut masses: Vec<Option<f64>> = vec![None; self.order.len()];
        let (mut told, mut least) = (0.0, 1.0_f64);
        for Likely { token, logprob } in likeliest(position) {
            let probability = logprob.unwrap_or(f64::NEG_INFINITY).exp().clamp(0.0, 1.0);
            told += probability;
            least = least.min(probability);
            if let Some(mass) = letter(&token).and_then(|letter| masses.get_mut(letter)) {
                *mass = Some(mass.unwrap_or(0.0) + probability);
            }
        }
        let sum: f64 = masses.iter().flatten().sum();
        if sum <= 0.0 {
            return None;
        }
        let untold = masses.iter().filter(|mass| mass.is_none()).count();
        let share = (1.0 - told).max(0.0) / untold.max(1) as f64;
        let bound = least.min(share);
        let total: f64 = masses.iter().map(|mass| mass.unwrap_or(bound)).sum();
        let mut scores = vec![0.0; self.order.len()];
        for (&index, mass) in self.order.iter().zip(&masses) {
            scores[index] = (mass.unwrap_or(bound) / total) as f32;
        }
        Some(scores)
    }
}

/// The likeliest tokens, and the one that was chosen where a server leaves it out.
fn likeliest(position: &Position) -> Vec<Likely> {
    let mut tokens = position.top_logprobs.clone().unwrap_or_default();
    if !tokens.iter().any(|other| other.token == position.token) {
        tokens.push(Likely {
            token: position.token.clone(),
            logprob: position.logprob,
        });
    }
    tokens
}

/// Which letter a token is, with space before it or a sign after it, large or small.
fn letter(token: &str) -> Option<usize> {
    // Some servers tell a space as vocabularies write it.
    let token = token.trim_start_matches(['Ġ', '▁']);
    let mut letters = token.trim_matches(|c: char| !c.is_alphanumeric()).chars();
    let first = letters.next()?.to_ascii_uppercase();
    if letters.next().is_some() {
        return None;
    }
    LETTERS.chars().position(|letter| letter == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(choices: &[&str]) -> Vec<String> {
        choices.iter().map(ToString::to_string).collect()
    }

    fn ballot(list: &[&str]) -> Ballot {
        Ballot::new(&Prompt::new("s", "Which?"), &choices(list)).unwrap()
    }

    fn position(tokens: &[(&str, f64)]) -> Position {
        let likely = |&(token, probability): &(&str, f64)| Likely {
            token: token.to_owned(),
            logprob: Some(f64::ln(probability)),
        };
        Position {
            token: tokens[0].0.to_owned(),
            logprob: Some(tokens[0].1.ln()),
            top_logprobs: Some(tokens.iter().map(likely).collect()),
        }
    }

    fn assert_close(got: Option<Vec<f32>>, wanted: &[f32]) {
        let got = got.unwrap();
        let close = got.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(
            got.len() == wanted.len() && close,
            "{got:?}, not {wanted:?}"
        );
    }

    #[test]
    fn letters_go_by_the_alphabet_and_scores_by_the_callers_order() {
        let ballot = ballot(&["router\nbroken", "billing", "weather"]);
        let wanted = "Which?\n\nChoose one of these:\nA. billing\nB. router broken\nC. weather\n\n\
                      Answer with one letter only.";
        assert_eq!(ballot.question, wanted);
        let tokens = [
            ("B", 0.5),
            (" B", 0.1),
            ("A", 0.2),
            ("c", 0.1),
            ("Well", 0.1),
        ];
        assert_close(ballot.read(&position(&tokens)), &[0.6667, 0.2222, 0.1111]);
    }

    #[test]
    fn a_letter_that_is_not_told_is_as_likely_as_it_can_be() {
        // 0.05 is left, but a token with more than 0.01 would have been told.
        let tokens = [("A", 0.9), ("The", 0.04), ("I", 0.01)];
        let scores = ballot(&["a", "b"]).read(&position(&tokens));
        assert_close(scores, &[0.9 / 0.91, 0.01 / 0.91]);
        let tokens = [("A", 0.98)];
        let scores = ballot(&["a", "b", "c"]).read(&position(&tokens));
        assert_close(scores, &[0.98, 0.01, 0.01]);
    }

    #[test]
    fn without_any_letter_nothing_is_known() {
        let tokens = [("The", 0.9), ("Answer", 0.05), ("Z", 0.01), ("AB", 0.01)];
        assert!(ballot(&["a", "b"]).read(&position(&tokens)).is_none());
        let mut silent = position(&[("A", 0.5)]);
        silent.top_logprobs = None;
        silent.logprob = None;
        assert!(ballot(&["a", "b"]).read(&silent).is_none());
    }

    #[test]
    fn tokens_are_letters_in_many_spellings() {
        for token in ["B", " B", "b", "ĠB", "▁B", "B.", "B)", "(B", "**B", "\nB"] {
            assert_eq!(letter(token), Some(1), "{token:?}");
        }
        for token in ["", " ", "BC", "Be", "Z", "Ä", "1"] {
            assert_eq!(letter(token), None, "{token:?}");
        }
    }

    #[test]
    fn more_choices_than_letters_are_too_many() {
        let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
        let error = Ballot::new(&Prompt::new("s", "t"), &many).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        Ballot::new(&Prompt::new("s", "t"), &many[..20]).unwrap();
    }
}
