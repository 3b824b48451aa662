//! Makes written turns look as if a recogniser had heard them: no case, no punctuation, numbers as words, words dropped,
//! split, joined and misheard, names most of all.

use std::collections::HashSet;

use crate::conversation::number_words::{TENS, UNITS};

/// How much is misheard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise {
    /// Share of the words of names.
    pub(super) names: f32,
    /// Share of other words.
    pub(super) words: f32,
}

/// Random numbers (SplitMix64, Steele, Lea and Flood 2014): the same for the same seed on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// At least 0, below 1.
    pub(crate) fn share(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn of<T: Copy + Default>(&mut self, items: &[T]) -> T {
        items
            .get(self.below(items.len()))
            .copied()
            .unwrap_or_default()
    }
}

/// Letters that stand for sounds that are confused.
const ALIKE: &[&str] = &[
    "bp", "dt", "gkcq", "fv", "sz", "mn", "lr", "wu", "iy", "aeo", "iu", "ou",
];

impl Noise {
    /// What a recogniser might have made of `text`; `names` are the words of names.
    pub(super) fn hear(self, text: &str, names: &HashSet<String>, chance: &mut Chance) -> String {
        let mut heard: Vec<String> = Vec::new();
        for word in spoken(text) {
            let named = names.contains(&word);
            let misheard = chance.share() < if named { self.names } else { self.words };
            match misheard {
                true if !named && word.len() < 4 => continue,
                true => heard.push(mishear(&word, chance)),
                false => heard.push(word),
            }
            if chance.share() < self.words / 3.0 {
                heard.push(chance.of(&["uh", "um", "the", "a"]).to_owned());
            }
        }
        if heard.len() > 3 && chance.share() < self.words * 2.0 {
            let at = chance.below(heard.len() - 1);
            let next = heard.remove(at + 1);
            if let Some(word) = heard.get_mut(at) {
                word.push_str(&next);
            }
        }
        heard.join(" ")
    }
}

/// The words of a text in lower case; numbers up to 99 as they are said, others digit by digit.
pub(super) fn spoken(text: &str) -> Vec<String> {
    let kept: String = text
        .to_lowercase()
        .replace('&', " and ")
        .chars()
        .filter(|letter| !matches!(letter, '\'' | '\u{2019}'))
        .map(|letter| {
            if letter.is_alphanumeric() {
                letter
            } else {
                ' '
            }
        })
        .collect();
    kept.split_whitespace()
        .flat_map(|word| match word.parse::<usize>() {
            Ok(number) if number < 100 => number_words(number),
            _ if word.chars().any(|letter| letter.is_ascii_digit()) => apart(word),
            _ => vec![word.to_owned()],
        })
        .collect()
}

fn number_words(number: usize) -> Vec<String> {
    if let Some(word) = UNITS.get(number) {
        return vec![(*word).to_owned()];
    }
    let tens = TENS
        .get((number / 10).saturating_sub(2))
        .copied()
        .unwrap_or_default();
    let mut words = vec![tens.to_owned()];
    if !number.is_multiple_of(10) {
        words.extend(UNITS.get(number % 10).map(|word| (*word).to_owned()));
    }
    words
}

/// Letters together, digits as words of their own.
fn apart(word: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut letters = String::new();
    for letter in word.chars() {
        match letter.to_digit(10) {
            Some(digit) => {
                if !letters.is_empty() {
                    words.push(std::mem::take(&mut letters));
                }
                words.extend(UNITS.get(digit as usize).map(|word| (*word).to_owned()));
            }
            None => letters.push(letter),
        }
    }
    if !letters.is_empty() {
        words.push(letters);
    }
    words
}

fn mishear(word: &str, chance: &mut Chance) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let times = if letters.len() > 5 {
        1 + chance.below(2)
    } else {
        1
    };
    for _ in 0..times {
        let at = chance.below(letters.len());
        let Some(letter) = letters.get(at).copied() else {
            continue;
        };
        match chance.share() {
            kind if kind < 0.55 => {
                let alike: Vec<&str> = ALIKE
                    .iter()
                    .copied()
                    .filter(|group| group.contains(letter))
                    .collect();
                let group: Vec<char> = chance.of(&alike).chars().collect();
                if !group.is_empty() {
                    letters.splice(at..=at, [chance.of(&group)]);
                }
            }
            kind if kind < 0.7 && letters.len() > 3 => drop(letters.remove(at)),
            kind if kind < 0.8 => letters.insert(at, letter),
            _ if letters.len() > 4 => letters.insert(2 + chance.below(letters.len() - 3), ' '),
            _ => {}
        }
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_and_the_same_seed_hears_the_same() {
        let said = spoken("Is it 25 GBP, at 7:05? Ref: A9, B&B's");
        assert_eq!(
            said.join(" "),
            "is it twenty five gbp at seven five ref a nine b and bs"
        );
        let names = HashSet::from(["lensfield".to_owned()]);
        let noise = Noise {
            names: 1.0,
            words: 0.0,
        };
        let hear = |seed| noise.hear("The Lensfield Hotel", &names, &mut Chance::new(seed));
        assert_eq!(hear(1), hear(1));
        let heard: HashSet<String> = (0..20).map(hear).collect();
        assert!(heard.len() > 5, "{heard:?}");
        assert!(
            heard
                .iter()
                .all(|text| text.starts_with("the ") && text.ends_with(" hotel"))
        );
    }
}
