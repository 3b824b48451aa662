//! Figures: weighted F1 and accuracy.

use std::collections::{BTreeMap, BTreeSet};

/// A decision that was scored.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) label: String,
    pub(super) said: String,
    pub(super) happy: bool,
}

/// F1 of every label that occurs, weighted by how often it does.
pub(super) fn weighted_f1<'a>(told: impl Iterator<Item = &'a Told>) -> f64 {
    let mut counts: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    let mut occur: BTreeSet<&str> = BTreeSet::new();
    let mut all = 0_usize;
    for one in told {
        occur.insert(&one.label);
        all += 1;
        let right = usize::from(one.label == one.said);
        let label = counts.entry(&one.label).or_default();
        label.0 += 1;
        label.2 += right;
        counts.entry(&one.said).or_default().1 += 1;
    }
    let f1 = |label: &&str| {
        let (labelled, said, right) = counts.get(label).copied().unwrap_or_default();
        labelled as f64 * 2.0 * right as f64 / ((labelled + said) as f64).max(1.0)
    };
    occur.iter().map(f1).sum::<f64>() / all.max(1) as f64
}

/// Share of the decisions that are right.
pub(super) fn accuracy(told: &[Told]) -> f64 {
    let right = told.iter().filter(|one| one.label == one.said).count();
    right as f64 / told.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_weighs_as_often_as_it_occurs() {
        let told = |label: &str, said: &str| Told {
            label: label.into(),
            said: said.into(),
            happy: true,
        };
        let all = [
            told("ask", "ask"),
            told("ask", "bye"),
            told("ask", "ask"),
            told("bye", "bye"),
        ];
        // ask: precision 1, recall 2/3, F1 .8; bye: precision 1/2, recall 1, F1 2/3.
        let expected = (3.0 * 0.8 + 2.0 / 3.0) / 4.0;
        assert!((weighted_f1(all.iter()) - expected).abs() < 1e-9);
        assert!((accuracy(&all) - 0.75).abs() < 1e-9);
        assert_eq!(weighted_f1([].iter()), 0.0);
    }
}
