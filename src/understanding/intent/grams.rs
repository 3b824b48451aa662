//! The words and pieces of words of a text, as hashed and weighted features.

use serde::{Deserialize, Serialize};

/// Buckets that n-grams are hashed into: collisions cost little, and models stay small.
const BUCKETS: u64 = 8192;
/// How much n-grams weigh beside a vector of length 1.
const WEIGHT: f32 = 0.2;

/// Which n-grams the examples have, and how much each tells (inverse document frequency).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Grams {
    /// Buckets in rising order.
    buckets: Vec<u32>,
    weights: Vec<f32>,
    /// The weight of what no example has.
    unseen: f32,
}

impl Grams {
    /// Counts the n-grams of texts.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut counts = vec![0_u32; BUCKETS as usize];
        let mut texts_seen = 0;
        for text in texts {
            texts_seen += 1;
            for (bucket, _) in counted(text) {
                if let Some(count) = counts.get_mut(bucket as usize) {
                    *count += 1;
                }
            }
        }
        let rarity = |count: u32| ((1.0 + texts_seen as f32) / (1.0 + count as f32)).ln() + 0.1;
        let seen = (0_u32..).zip(counts).filter(|(_, count)| *count > 0);
        let (buckets, weights) = seen.map(|(at, count)| (at, rarity(count))).unzip();
        Self {
            buckets,
            weights,
            unseen: rarity(0),
        }
    }

    /// Whether there is a weight for every bucket.
    pub(super) fn fits(&self) -> bool {
        let rising = self.buckets.is_sorted_by(|a, b| a < b);
        let mut all = self.weights.iter().chain([&self.unseen]);
        rising && self.buckets.len() == self.weights.len() && all.all(|weight| weight.is_finite())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Index and weight of each known n-gram of `text`, and which share of the text's weight is known.
    pub(super) fn weigh(&self, text: &str) -> (Vec<(u32, f32)>, f32) {
        let mut grams = Vec::new();
        let (mut known, mut all) = (0.0, 0.0);
        for (bucket, count) in counted(text) {
            let count = (count as f32).sqrt();
            let place = self.buckets.binary_search(&bucket).ok();
            let weight = place.and_then(|at| self.weights.get(at).copied());
            let value = count * weight.unwrap_or(self.unseen);
            all += value * value;
            if let Some(at) = place {
                known += value * value;
                grams.push((at as u32, value));
            }
        }
        if all > 0.0 {
            let scale = WEIGHT / f32::sqrt(all);
            grams.iter_mut().for_each(|(_, value)| *value *= scale);
        }
        (grams, if all > 0.0 { known / all } else { 0.0 })
    }
}

/// Words, pairs of words and pieces of three to five letters: each bucket once with how often it occurs.
fn counted(text: &str) -> Vec<(u32, u32)> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let mut buckets: Vec<u32> = Vec::new();
    for word in &words {
        buckets.push(bucket('w', word.chars()));
        let padded: Vec<char> = ['<'].into_iter().chain(word.chars()).chain(['>']).collect();
        for length in 3..=5 {
            let pieces = padded.windows(length);
            buckets.extend(pieces.map(|piece| bucket('c', piece.iter().copied())));
        }
    }
    let pairs = words.iter().zip(words.iter().skip(1));
    buckets.extend(pairs.map(|(a, b)| bucket('b', a.chars().chain([' ']).chain(b.chars()))));
    buckets.sort_unstable();
    let groups = buckets.chunk_by(|a, b| a == b);
    groups
        .filter_map(|group| Some((*group.first()?, group.len() as u32)))
        .collect()
}

/// FNV-1a: the same on every machine.
fn bucket(kind: char, letters: impl Iterator<Item = char>) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for letter in [kind].into_iter().chain(letters) {
        hash = (hash ^ u64::from(u32::from(letter))).wrapping_mul(0x0100_0000_01b3);
    }
    // The lower bits of this hash alone depend on little of the text.
    ((hash ^ (hash >> 32)) % BUCKETS) as u32
}
