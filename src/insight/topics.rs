//! Texts that are about the same: clusters of vectors, named by their most typical words.

use serde::{Deserialize, Serialize};

use crate::conversation::{ConversationId, UtteranceId};
use crate::embedding::similarity;

/// Times everything is put to its nearest centre again.
const ROUNDS: usize = 6;
/// Clusters at most, so that a collection of unlike texts ends in reasonable time.
const MOST_CLUSTERS: usize = 400;

/// What customers come for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// Groups of vectors of unit norm that are alike (cosine at least `threshold` to the group's middle), the largest first;
/// within a group the most typical first. The same input gives the same groups.
pub(super) fn clusters(vectors: &[Vec<f32>], threshold: f32) -> Vec<Vec<usize>> {
    let mut centres: Vec<Vec<f32>> = Vec::new();
    for vector in vectors {
        let near = nearest(vector, &centres).is_some_and(|(_, like)| like >= threshold);
        if !near && centres.len() < MOST_CLUSTERS && vector.iter().any(|&x| x != 0.0) {
            centres.push(vector.clone());
        }
    }
    let mut groups = assign(vectors, &centres, threshold);
    for _ in 0..ROUNDS {
        centres = merged(
            groups.iter().map(|g| middle(vectors, g)).collect(),
            threshold,
        );
        let next = assign(vectors, &centres, threshold);
        if next == groups {
            break;
        }
        groups = next;
    }
    for group in &mut groups {
        let centre = middle(vectors, group);
        let like = |at: &usize| vectors.get(*at).map_or(0.0, |v| similarity(v, &centre));
        group.sort_by(|a, b| like(b).total_cmp(&like(a)).then(a.cmp(b)));
    }
    groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), group.iter().min().copied()));
    groups
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

fn middle(vectors: &[Vec<f32>], group: &[usize]) -> Vec<f32> {
    let mut sum: Vec<f32> = Vec::new();
    for vector in group.iter().filter_map(|&at| vectors.get(at)) {
        sum.resize(vector.len().max(sum.len()), 0.0);
        sum.iter_mut().zip(vector).for_each(|(s, x)| *s += x);
    }
    let norm = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        sum.iter_mut().for_each(|x| *x /= norm);
    }
    sum
}

/// Centres that became nearly one are one: only where they are clearly nearer than members need to be.
fn merged(centres: Vec<Vec<f32>>, threshold: f32) -> Vec<Vec<f32>> {
    let limit = threshold + (1.0 - threshold) * 0.5;
    let mut kept: Vec<Vec<f32>> = Vec::new();
    for centre in centres {
        if nearest(&centre, &kept).is_none_or(|(_, like)| like < limit) {
            kept.push(centre);
        }
    }
    kept
}
