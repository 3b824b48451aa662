//! Texts that are about the same: clusters of vectors, named by their most typical words.

use serde::{Deserialize, Serialize};

use crate::conversation::{ConversationId, UtteranceId};
use crate::embedding::similarity;

/// Groups at most before they are joined, so that a collection of unlike texts ends in reasonable time.
const MOST_CLUSTERS: usize = 400;

/// What customers come for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Topic {
    /// Its most typical words, the first most.
    pub name: String,
    /// How many conversations are about it.
    pub conversations: usize,
    /// Share of all, 0 to 1.
    pub share: f32,
    /// Share of them with a complaint, 0 to 1.
    pub complaining: f32,
    /// Share of first contacts that solved it, 0 to 1; `None` where it is not known of any.
    pub first_contact_resolution: Option<f32>,
    /// The most typical opening, redacted.
    pub example: String,
    /// The conversations.
    pub members: Vec<ConversationId>,
}

/// What annoys customers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Irritant {
    /// Its most typical words, the first most.
    pub name: String,
    /// In how many conversations it is said.
    pub conversations: usize,
    /// The most typical sentence, redacted.
    pub example: String,
    /// Where it is said.
    pub evidence: Vec<(ConversationId, UtteranceId)>,
}

/// Groups of vectors of unit norm that are alike, the largest first; within a group the most typical first. The same
/// input gives the same groups.
///
/// Nearly the same texts are put together first (cosine to their middle); those groups are then joined while their
/// members are on average at least `threshold` alike (average linkage).
pub(super) fn clusters(vectors: &[Vec<f32>], threshold: f32) -> Vec<Vec<usize>> {
    let close = threshold + (1.0 - threshold) * 0.4;
    let mut centres: Vec<Vec<f32>> = Vec::new();
    for vector in vectors {
        let near = nearest(vector, &centres).is_some_and(|(_, like)| like >= close);
        if !near && centres.len() < MOST_CLUSTERS && vector.iter().any(|&x| x != 0.0) {
            centres.push(vector.clone());
        }
    }
    // What comes after the last centre that was allowed joins the nearest one, or none.
    let mut groups = joined(vectors, assign(vectors, &centres, close), threshold);
    for group in &mut groups {
        let centre = middle(vectors, group);
        let like = |at: &usize| vectors.get(*at).map_or(0.0, |v| similarity(v, &centre));
        group.sort_by(|a, b| like(b).total_cmp(&like(a)).then(a.cmp(b)));
    }
    groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), group.iter().min().copied()));
    groups
}

/// Joins the two groups that are most alike on average, until none are alike enough.
fn joined(vectors: &[Vec<f32>], mut groups: Vec<Vec<usize>>, threshold: f32) -> Vec<Vec<usize>> {
    // The mean of unit vectors, not brought to unit length: the product of two of them is the mean likeness.
    let mut means: Vec<Vec<f32>> = groups.iter().map(|group| mean(vectors, group)).collect();
    let mut likes: Vec<Vec<f32>> = means
        .iter()
        .map(|a| means.iter().map(|b| similarity(a, b)).collect())
        .collect();
    while let Some((a, b, like)) = most_alike(&likes) {
        if like < threshold {
            break;
        }
        let (gone, _) = (groups.swap_remove(b), means.swap_remove(b));
        likes.swap_remove(b);
        for row in &mut likes {
            row.swap_remove(b);
        }
        if let (Some(group), Some(kept)) = (groups.get_mut(a), means.get_mut(a)) {
            group.extend(gone);
            *kept = mean(vectors, group);
        }
        let row: Vec<f32> = match means.get(a) {
            Some(kept) => means.iter().map(|other| similarity(kept, other)).collect(),
            None => break,
        };
        for (line, like) in likes.iter_mut().zip(&row) {
            if let Some(slot) = line.get_mut(a) {
                *slot = *like;
            }
        }
        if let Some(line) = likes.get_mut(a) {
            *line = row;
        }
    }
    groups
}

/// The pair with the highest figure, the lower place first.
fn most_alike(likes: &[Vec<f32>]) -> Option<(usize, usize, f32)> {
    let pairs = likes.iter().enumerate().flat_map(|(a, row)| {
        let after = row.iter().enumerate().skip(a + 1);
        after.map(move |(b, like)| (a, b, *like))
    });
    pairs.max_by(|x, y| x.2.total_cmp(&y.2).then(y.0.cmp(&x.0)).then(y.1.cmp(&x.1)))
}

fn nearest(vector: &[f32], centres: &[Vec<f32>]) -> Option<(usize, f32)> {
    let likes = centres.iter().enumerate();
    likes
        .map(|(at, centre)| (at, similarity(vector, centre)))
        .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
}

fn assign(vectors: &[Vec<f32>], centres: &[Vec<f32>], threshold: f32) -> Vec<Vec<usize>> {
    let mut groups = vec![Vec::new(); centres.len()];
    for (at, vector) in vectors.iter().enumerate() {
        if let Some((group, like)) = nearest(vector, centres)
            && like >= threshold
            && let Some(group) = groups.get_mut(group)
        {
            group.push(at);
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}

fn mean(vectors: &[Vec<f32>], group: &[usize]) -> Vec<f32> {
    let mut sum: Vec<f32> = Vec::new();
    for vector in group.iter().filter_map(|&at| vectors.get(at)) {
        sum.resize(vector.len().max(sum.len()), 0.0);
        sum.iter_mut().zip(vector).for_each(|(s, x)| *s += x);
    }
    let count = group.len().max(1) as f32;
    sum.iter_mut().for_each(|x| *x /= count);
    sum
}

/// The mean, brought to unit length.
fn middle(vectors: &[Vec<f32>], group: &[usize]) -> Vec<f32> {
    let mut centre = mean(vectors, group);
    let norm = centre.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        centre.iter_mut().for_each(|x| *x /= norm);
    }
    centre
}
