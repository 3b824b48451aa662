//! The words that tell a change: the clause that shows most of it on its own.

use super::EmotionModel;
use super::tracker::level;
use crate::conversation::EmotionKind;
use crate::error::Result;

/// Words that begin a clause.
const CONJUNCTIONS: [&str; 6] = [
    " and ",
    " but ",
    " because ",
    " so ",
    " then ",
    " although ",
];
/// Shorter pieces tell nothing on their own.
const LEAST_WORDS: usize = 2;
/// Clauses that are looked at.
const MOST: usize = 16;

/// The clause of `text` that shows most of `kind`; all of it where it is one clause, nothing for
/// [`EmotionKind::Calming`], which no words tell.
///
/// # Errors
/// As the model.
pub async fn words_of(model: &dyn EmotionModel, text: &str, kind: EmotionKind) -> Result<String> {
    if kind == EmotionKind::Calming {
        return Ok(String::new());
    }
    let clauses = clauses(text);
    if clauses.len() < 2 {
        return Ok(text.trim().to_owned());
    }
    let felt = model.feel(&clauses).await?;
    let levels = felt.iter().map(|felt| level(kind, felt));
    let best = clauses
        .iter()
        .zip(levels)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|best| best.0.clone());
    Ok(best.unwrap_or_default())
}

/// Pieces between punctuation marks and before conjunctions; a piece that is too short belongs to the one before.
fn clauses(text: &str) -> Vec<String> {
    let mut cuts = Vec::new();
    for (at, mark) in text.char_indices() {
        if matches!(mark, '.' | ',' | ';' | ':' | '!' | '?' | '\u{2014}') {
            cuts.push(at + mark.len_utf8());
        }
    }
    for word in CONJUNCTIONS {
        cuts.extend(text.match_indices(word).map(|(at, _)| at));
    }
    cuts.push(text.len());
    cuts.sort_unstable();
    let mut clauses: Vec<String> = Vec::new();
    let (mut start, mut short) = (0, false);
    for cut in cuts {
        let piece = text.get(start..cut).unwrap_or_default();
        start = cut;
        let words = piece.split_whitespace().count();
        match clauses.last_mut() {
            Some(last) if short || words < LEAST_WORDS => last.push_str(piece),
            _ => clauses.push(piece.to_owned()),
        }
        let last = clauses
            .last()
            .map_or(0, |last| last.split_whitespace().count());
        short = last < LEAST_WORDS;
    }
    clauses.truncate(MOST);
    let clauses = clauses.into_iter().map(|clause| clause.trim().to_owned());
    clauses.filter(|clause| !clause.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_are_whole_thoughts() {
        let text = "Hi, I ordered on Monday and it is broken, this is a disgrace!";
        assert_eq!(
            clauses(text),
            [
                "Hi, I ordered on Monday",
                "and it is broken,",
                "this is a disgrace!"
            ]
        );
        assert_eq!(clauses("Thanks"), ["Thanks"]);
        assert_eq!(clauses("No. No. No."), ["No. No. No."]);
        assert!(clauses(" ").is_empty());
        assert!(clauses(&"a b, ".repeat(100)).len() <= MOST);
        assert_eq!(
            clauses("caf\u{e9}\u{2014}\u{e9}t\u{e9} ici"),
            ["caf\u{e9}\u{2014}\u{e9}t\u{e9} ici"]
        );
    }
}
