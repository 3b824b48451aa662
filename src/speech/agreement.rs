//! Words that stay: what several hypotheses about a growing utterance agree on.
//!
//! Local agreement (Macháček, Dabre and Bojar 2023, *Turning Whisper into Real-Time Transcription System*):
//! words are stable when two hypotheses in a row begin with them. They are never taken back.

use crate::conversation::Word;

/// Words at the end of what is agreed on that are not stable yet: the recogniser has heard little behind them.
const UNSURE: usize = 2;
/// Words whose mean probability is below this are not made stable early.
const LEAST_CONFIDENCE: f32 = 0.5;

/// The hypotheses about one utterance.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    stable: Vec<Word>,
    last: Vec<Word>,
}

impl Agreement {
    /// Takes the next hypothesis about the utterance so far. Returns it as it is to be shown: the stable words,
    /// then the others.
    pub(super) fn hear(&mut self, hypothesis: &[Word]) -> Vec<Word> {
        let now = continued(&self.stable, hypothesis);
        let agreed = now
            .iter()
            .zip(&self.last)
            .take_while(|(a, b)| same(a, b))
            .count();
        let sure = now
            .iter()
            .take_while(|word| word.confidence >= LEAST_CONFIDENCE)
            .count();
        let stable = agreed
            .saturating_sub(UNSURE)
            .min(sure.max(self.stable.len()));
        if let Some(more) = now.get(self.stable.len()..stable) {
            self.stable.extend_from_slice(more);
        }
        self.last.clone_from(&now);
        now
    }

    /// The last hypothesis about the whole utterance, with the stable words in front.
    pub(super) fn finish(&self, hypothesis: &[Word]) -> Vec<Word> {
        continued(&self.stable, hypothesis)
    }

    /// How many words are stable.
    pub(super) fn stable(&self) -> usize {
        self.stable.len()
    }
}

/// What a word too many or too few costs where hypotheses are put side by side.
const MISSING: usize = 2;

/// `stable`, and what follows it in `hypothesis`: where that differs, the place is found by the cheapest edits.
fn continued(stable: &[Word], hypothesis: &[Word]) -> Vec<Word> {
    let letters = |words: &[Word]| -> Vec<String> { words.iter().map(letters).collect() };
    let (known, new) = (letters(stable), letters(hypothesis));
    // Edits between `stable` and each beginning of the hypothesis (Levenshtein).
    let mut row: Vec<usize> = (0..=new.len()).map(|count| count * MISSING).collect();
    for word in &known {
        let mut diagonal = row.first().copied().unwrap_or_default();
        if let Some(first) = row.first_mut() {
            *first += MISSING;
        }
        for at in 1..row.len() {
            let replaced = diagonal + difference(word, &new[at - 1]);
            diagonal = row[at];
            row[at] = replaced.min(row[at] + MISSING).min(row[at - 1] + MISSING);
        }
    }
    let cheapest = |at: &usize| (row[*at], at.abs_diff(stable.len()));
    let behind = (0..row.len()).min_by_key(cheapest).unwrap_or_default();
    let rest = hypothesis.get(behind..).unwrap_or_default();
    // Times of an older hypothesis may end behind where the newer one goes on.
    let end = stable.last().map_or(0, |word| word.end_ms);
    let later = |word: &Word| Word {
        start_ms: word.start_ms.max(end),
        end_ms: word.end_ms.max(end),
        ..word.clone()
    };
    stable
        .iter()
        .cloned()
        .chain(rest.iter().map(later))
        .collect()
}

/// What another word in place of one costs: less where they sound alike ("would", "could"; "I", "I'd"), more than
/// a missing one where they do not.
fn difference(a: &str, b: &str) -> usize {
    if a == b {
        return 0;
    }
    let front = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let back = a
        .chars()
        .rev()
        .zip(b.chars().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let longer = a.chars().count().max(b.chars().count());
    if 2 * front.max(back) >= longer {
        1
    } else {
        MISSING + 1
    }
}

/// Whether two words are the same but for capitals and punctuation.
fn same(a: &Word, b: &Word) -> bool {
    a.text == b.text || letters(a) == letters(b)
}

fn letters(word: &Word) -> String {
    let letters = word.text.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Word> {
        let word = |text: &str| Word {
            text: text.into(),
            start_ms: 0,
            end_ms: 0,
            confidence: if text.ends_with('~') { 0.2 } else { 0.9 },
        };
        text.split_whitespace().map(word).collect()
    }

    fn text(words: &[Word]) -> String {
        let texts: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
        texts.join(" ")
    }

    #[test]
    fn what_two_hypotheses_agree_on_stays() {
        let mut agreement = Agreement::default();
        agreement.hear(&words("I would"));
        assert_eq!(agreement.stable(), 0);
        agreement.hear(&words("I would like to play"));
        assert_eq!(agreement.stable(), 0, "the last two are unsure");
        agreement.hear(&words("I would like to pay my"));
        assert_eq!(agreement.stable(), 2);
        let shown = agreement.hear(&words("I'd like to pay my bill"));
        assert_eq!(text(&shown), "I would like to pay my bill");
        assert_eq!(agreement.stable(), 4);
        assert_eq!(
            text(&agreement.finish(&words("I like to pay bills."))),
            "I would like to pay bills."
        );
        assert_eq!(text(&agreement.finish(&[])), "I would like to");
    }

    #[test]
    fn capitals_and_punctuation_do_not_unsettle_and_doubtful_words_wait() {
        let mut agreement = Agreement::default();
        agreement.hear(&words("Hello. I am here now"));
        let shown = agreement.hear(&words("hello, I am here now today"));
        assert_eq!(text(&shown), "hello, I am here now today");
        assert_eq!(agreement.stable(), 3);
        let mut agreement = Agreement::default();
        agreement.hear(&words("Hello I~ am here now today"));
        agreement.hear(&words("Hello I~ am here now today"));
        assert_eq!(agreement.stable(), 1);
    }

    #[test]
    fn whatever_comes_the_stable_words_stay_in_front() {
        let vocabulary = ["yes", "no", "the", "bill", "router~", "two", "two"];
        let mut state = 3_u64;
        for _ in 0..200 {
            let mut agreement = Agreement::default();
            let mut before = Vec::new();
            for _ in 0..12 {
                let mut next = || {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    (state >> 33) as usize
                };
                let count = next() % 9;
                let line: Vec<&str> = (0..count).map(|_| vocabulary[next() % 7]).collect();
                let shown = agreement.hear(&words(&line.join(" ")));
                let stable = &shown[..agreement.stable()];
                assert!(stable.starts_with(&before), "{before:?} {stable:?}");
                before = stable.to_vec();
            }
            assert!(agreement.finish(&words("no")).starts_with(&before));
        }
    }
}
