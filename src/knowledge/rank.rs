//! Reciprocal rank fusion, and the ids that decide between equals.

use std::collections::HashMap;
use std::hash::Hash;

use uuid::Uuid;

use crate::conversation::{PassageId, TenantId};

/// Cormack, Clarke and Büttcher 2009, <https://plg.uwaterloo.ca/~gvcormac/cormacksigir09-rrf.pdf>: the constant
/// that keeps a first rank in one list from outweighing everything else.
pub(crate) const RRF_K: f32 = 60.0;

/// The best score that fusing `lists` lists can give.
pub(crate) fn best_score(lists: usize) -> f32 {
    lists as f32 / (RRF_K + 1.0)
}

/// No list is read deeper, whatever limit was asked for: engines set room aside for as many hits.
pub(crate) const DEEPEST: usize = 10_000;

/// How deep each list is read before fusion: deep enough that what is first in one list and middling in the
/// other is not lost.
pub(crate) fn depth(limit: usize) -> usize {
    limit.saturating_mul(4).clamp(100, DEEPEST)
}

/// The id of a passage's point: the same for the same passage, different for every tenant.
pub(crate) fn point_id(tenant: &TenantId, passage: &PassageId) -> Uuid {
    let key = format!("{}\0{}", tenant.as_str(), passage.as_str());
    Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes())
}

/// Fuses rankings (best first) into one: the sum of `1 / (60 + rank)`, ties by key.
pub(crate) fn fuse<K: Eq + Hash + Ord + Clone>(lists: &[Vec<K>]) -> Vec<(K, f32)> {
    let mut scores: HashMap<&K, f32> = HashMap::new();
    for list in lists {
        for (place, key) in list.iter().enumerate() {
            *scores.entry(key).or_default() += 1.0 / (RRF_K + place as f32 + 1.0);
        }
    }
    let mut fused: Vec<(K, f32)> = scores
        .into_iter()
        .map(|(key, score)| (key.clone(), score))
        .collect();
    fused.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    fused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_deeper_than_the_limit_within_bounds() {
        assert_eq!([0, 10, 50, usize::MAX].map(depth), [100, 100, 200, DEEPEST]);
    }

    #[test]
    fn agreement_beats_a_single_first_place() {
        let fused = fuse(&[vec!["a", "b", "c"], vec!["d", "b", "a"]]);
        let order: Vec<&str> = fused.iter().map(|(key, _)| *key).collect();
        assert_eq!(order, ["a", "b", "d", "c"]);
        assert!((fused[0].1 - (1.0 / 61.0 + 1.0 / 63.0)).abs() < 1e-6);
        assert!(fuse::<u8>(&[vec![], vec![]]).is_empty());
        assert!((best_score(2) - fuse(&[vec![1], vec![1]])[0].1).abs() < 1e-6);
    }
}
