//! Which subjects a text names, also when a recogniser misheard or a writer misspelt the name.
//!
//! A name and a stretch of words are compared by their character trigrams, once as they are written and once in a
//! rough phonetic spelling, and by their whole words. A gram counts by its rarity among the names, so that "house" or
//! "restaurant" in a hundred names says little. Spaces are left out, since recognisers split and join words.

use std::collections::HashMap;
use std::ops::Range;

use parking_lot::Mutex;

/// Words of a text that may be one name, at most.
const LONGEST: usize = 7;
/// Share of a name's weight that a stretch of words must have for the two to be compared.
const MIN_SHARED: f32 = 0.2;
/// Mentions below this score are noise.
const MIN_SCORE: f32 = 0.3;
/// Mentions of one text that are kept.
const KEPT: usize = 8;
/// What grams of no name weigh, as a share of the rarest gram's weight.
const UNKNOWN: f32 = 0.5;
/// Texts remembered with what they name.
const REMEMBERED: usize = 4096;
/// A name inside a longer name that fits as well is hardly meant.
const INSIDE: f32 = 0.5;

/// A name found in a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mention {
    /// Index of the subject.
    pub(super) subject: usize,
    /// 1 is the name as it is written; below about 0.5 it is a guess.
    pub(super) score: f32,
    /// Where it stands, in [`words`].
    pub(super) words: Range<usize>,
}

/// The names of all subjects, ready to be looked for.
#[derive(Debug, Default)]
pub(super) struct NameIndex {
    /// Subject of each name.
    subjects: Vec<usize>,
    /// Sum of the weights of a name's grams.
    mass: Vec<f32>,
    grams: HashMap<u64, Gram>,
    unknown: f32,
    longest: usize,
    /// Texts that were looked at: a turn is looked at again with every turn that follows.
    seen: Mutex<HashMap<String, Vec<Mention>>>,
}

#[derive(Debug, Default)]
struct Gram {
    weight: f32,
    names: Vec<usize>,
}

impl NameIndex {
    /// `names` holds for each name the index of its subject; a subject may have several.
    pub(super) fn new<'a>(names: impl IntoIterator<Item = (usize, &'a str)>) -> Self {
        let mut index = Self::default();
        let mut sets = Vec::new();
        for (subject, name) in names {
            let mut said = words(name);
            if said.len() > 1 && ARTICLES.contains(&said[0].as_str()) {
                said.remove(0);
            }
            if said.is_empty() {
                continue;
            }
            index.longest = index.longest.max(said.len() + 1).min(LONGEST);
            let grams = grams(&said);
            for gram in &grams {
                let known = index.grams.entry(*gram).or_default();
                known.names.push(index.subjects.len());
            }
            index.subjects.push(subject);
            sets.push(grams);
        }
        let count = index.subjects.len() as f32 + 1.0;
        for gram in index.grams.values_mut() {
            gram.weight = (count / gram.names.len() as f32).ln();
        }
        index.unknown = UNKNOWN * count.ln();
        let weight = |gram: &u64| index.grams.get(gram).map_or(0.0, |gram| gram.weight);
        index.mass = sets
            .iter()
            .map(|grams| grams.iter().map(weight).sum())
            .collect();
        index
    }

    /// The subjects that `text` names, best first, each once.
    pub(super) fn mentions(&self, text: &str) -> Vec<Mention> {
        if let Some(known) = self.seen.lock().get(text) {
            return known.clone();
        }
        let found = self.look(text);
        let mut seen = self.seen.lock();
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        seen.insert(text.to_owned(), found.clone());
        found
    }

    fn look(&self, text: &str) -> Vec<Mention> {
        let said = words(text);
        let mut best: HashMap<usize, Mention> = HashMap::new();
        let mut shared = vec![0.0_f32; self.subjects.len()];
        for start in 0..said.len() {
            for end in start + 1..=said.len().min(start + self.longest) {
                let stretch = &said[start..end];
                if [stretch.first(), stretch.last()]
                    .into_iter()
                    .flatten()
                    .any(|word| FUNCTION_WORDS.contains(&word.as_str()))
                {
                    continue;
                }
                self.compare(stretch, start..end, &mut shared, &mut best);
            }
        }
        let mut found: Vec<Mention> = best.into_values().collect();
        let all = found.clone();
        for mention in &mut found {
            let inside = all.iter().any(|other| {
                other.words.len() > mention.words.len()
                    && other.words.start <= mention.words.start
                    && mention.words.end <= other.words.end
                    && other.subject != mention.subject
                    && other.score >= mention.score - 0.05
            });
            if inside {
                mention.score *= INSIDE;
            }
        }
        found.retain(|mention| mention.score >= MIN_SCORE);
        found.sort_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then_with(|| a.subject.cmp(&b.subject))
        });
        found.truncate(KEPT);
        found
    }

    /// Compares one stretch of words with every name that shares a gram with it. `shared` is scratch, all zero.
    fn compare(
        &self,
        stretch: &[String],
        place: Range<usize>,
        shared: &mut [f32],
        best: &mut HashMap<usize, Mention>,
    ) {
        let mut mass = 0.0;
        let mut touched = Vec::new();
        for gram in grams(stretch) {
            let Some(known) = self.grams.get(&gram) else {
                mass += self.unknown;
                continue;
            };
            mass += known.weight;
            for name in &known.names {
                if shared[*name] == 0.0 {
                    touched.push(*name);
                }
                // A gram of every name weighs nothing, but has been seen.
                shared[*name] += known.weight.max(f32::MIN_POSITIVE);
            }
        }
        for name in touched {
            let common = std::mem::take(&mut shared[name]);
            let covered = common / self.mass[name].max(1e-6);
            if covered < MIN_SHARED {
                continue;
            }
            let score = (covered * common / mass.max(1e-6)).sqrt().min(1.0);
            let subject = self.subjects[name];
            let mention = Mention {
                subject,
                score,
                words: place.clone(),
            };
            let known = best.entry(subject).or_insert_with(|| mention.clone());
            if score > known.score {
                *known = mention;
            }
        }
    }
}

/// The words of a text in lower case, without apostrophes; digits are spelt, as recognisers often do.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for letter in text.chars() {
        match letter {
            '\'' | '\u{2019}' => {}
            '0'..='9' => {
                flush(&mut word, &mut words);
                let digit = letter as usize - '0' as usize;
                words.push(DIGITS[digit].to_owned());
            }
            '&' => {
                flush(&mut word, &mut words);
                words.push("and".into());
            }
            _ if letter.is_alphanumeric() => word.extend(letter.to_lowercase()),
            _ => flush(&mut word, &mut words),
        }
    }
    flush(&mut word, &mut words);
    words
}

fn flush(word: &mut String, words: &mut Vec<String>) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

const DIGITS: [&str; 10] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
];
const ARTICLES: &[&str] = &["the", "a", "an", "der", "die", "das", "le", "la"];
/// No name begins or ends with one of these where it is said.
const FUNCTION_WORDS: &[&str] = &[
    "the", "a", "an", "of", "to", "in", "for", "is", "it", "i", "do", "you", "me", "my", "we",
    "they", "have", "has", "can", "could", "would", "what", "and", "or", "at", "on", "with",
    "that", "this", "are", "any", "there", "be", "am", "im", "please", "does", "did", "was",
    "will", "your", "their", "if",
];

/// The grams of a name or a stretch of words, each once.
fn grams(words: &[String]) -> Vec<u64> {
    let mut grams = Vec::new();
    trigrams(0, words.iter().flat_map(|word| word.chars()), &mut grams);
    let mut said: Vec<char> = Vec::new();
    // Joining words may put two equal sounds side by side.
    for sound in words.iter().flat_map(|word| phonetic(word)) {
        if said.last() != Some(&sound) {
            said.push(sound);
        }
    }
    trigrams(1, said.into_iter(), &mut grams);
    grams.extend(words.iter().map(|word| hash(2, word.chars())));
    grams.sort_unstable();
    grams.dedup();
    grams
}

fn trigrams(kind: u64, letters: impl Iterator<Item = char>, grams: &mut Vec<u64>) {
    let letters: Vec<char> = std::iter::once('^').chain(letters).chain(['$']).collect();
    grams.extend(
        letters
            .windows(3)
            .map(|three| hash(kind, three.iter().copied())),
    );
}

/// FNV-1a, <https://www.rfc-editor.org/rfc/rfc9923>: many short hashes, nobody chooses them to collide.
fn hash(kind: u64, letters: impl Iterator<Item = char>) -> u64 {
    letters.fold(0xcbf2_9ce4_8422_2325 ^ kind, |hash, letter| {
        (hash ^ u64::from(u32::from(letter))).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A rough spelling of how a word sounds: letters that are confused become one, vowels become `a`.
fn phonetic(word: &str) -> Vec<char> {
    let mut word = word.to_owned();
    for (written, sounds) in SPELLINGS {
        if word.contains(written) {
            word = word.replace(written, sounds);
        }
    }
    let letters: Vec<char> = word.chars().collect();
    let mut sounds: Vec<char> = Vec::new();
    for (at, letter) in letters.iter().enumerate() {
        let sound = match letter {
            'c' if matches!(letters.get(at + 1), Some('e' | 'i' | 'y')) => 's',
            'c' | 'q' | 'g' => 'k',
            'z' => 's',
            'v' => 'f',
            'd' => 't',
            'b' => 'p',
            'j' => 's',
            'h' => continue,
            'e' | 'i' | 'o' | 'u' | 'y' | 'w' => 'a',
            other => *other,
        };
        if sounds.last() != Some(&sound) {
            sounds.push(sound);
        }
    }
    sounds
}

const SPELLINGS: &[(&str, &str)] = &[
    ("ph", "f"),
    ("gh", "g"),
    ("ck", "k"),
    ("sch", "sk"),
    ("ch", "j"),
    ("sh", "s"),
    ("th", "t"),
    ("wh", "w"),
    ("kn", "n"),
    ("wr", "r"),
    ("qu", "kw"),
    ("x", "ks"),
    ("tz", "s"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str], text: &str) -> Vec<(usize, f32)> {
        let index = NameIndex::new(names.iter().copied().enumerate());
        let mentions = index.mentions(text);
        mentions.into_iter().map(|m| (m.subject, m.score)).collect()
    }

    const NAMES: &[&str] = &[
        "PIZZA EXPRESS",
        "PIZZA EXPRESS FEN DITTON",
        "ACORN GUEST HOUSE",
        "ALEXANDER BED AND BREAKFAST",
        "Cityroomz",
        "The Gandhi",
        "BRIDGE GUEST HOUSE",
        "Restaurant 17",
    ];

    #[test]
    fn exact_names_score_one_and_longer_ones_win() {
        let best = found(NAMES, "A table at the Pizza Express Fen Ditton, please.");
        assert_eq!(best[0].0, 1);
        assert!(best[0].1 > 0.999, "{best:?}");
        let best = found(NAMES, "a table at pizza express");
        assert_eq!(best[0].0, 0);
        assert_eq!(
            found(NAMES, "do you mean restaurant one seven?")[0],
            (7, 1.0)
        );
    }

    #[test]
    fn rare_words_name_and_common_ones_do_not() {
        let best = found(NAMES, "is the acorn nice");
        assert_eq!(best[0].0, 2);
        assert_eq!(best.len(), 1, "{best:?}");
        let rare = best[0].1;
        assert!(rare > 0.5, "{best:?}");
        let common = found(NAMES, "i want a house");
        assert!(
            common.iter().all(|(_, score)| *score < rare - 0.1),
            "{common:?}"
        );
        assert!(found(NAMES, "thank you, bye").is_empty());
    }

    #[test]
    fn misheard_names_are_found() {
        for (text, subject) in [
            ("i booked city rooms for you", 4),
            ("the ghandy has a table", 5),
            ("allexander bet and breakfast", 3),
            ("is a corn guesthouse free", 2),
        ] {
            let best = found(NAMES, text);
            assert_eq!(
                best.first().map(|best| best.0),
                Some(subject),
                "{text}: {best:?}"
            );
        }
    }

    #[test]
    fn what_sounds_alike_is_spelt_alike() {
        let spelt = |word| phonetic(word).into_iter().collect::<String>();
        assert_eq!(spelt("phish"), spelt("fish"));
        assert_eq!(spelt("center"), spelt("senter"));
        assert_eq!(spelt("zephyr"), spelt("sefir"));
        assert_ne!(spelt("acorn"), spelt("lensfield"));
    }
}
