//! Rank statistics.

/// Spearman's rank correlation; equal values share their mean rank. 0 where one side never changes.
pub(super) fn spearman(pairs: &[(f64, f64)]) -> f64 {
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (x, y) = (ranks(&x), ranks(&y));
    let middle = (pairs.len() as f64 + 1.0) / 2.0;
    let (mut both, mut xs, mut ys) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(&y) {
        both += (x - middle) * (y - middle);
        xs += (x - middle).powi(2);
        ys += (y - middle).powi(2);
    }
    if xs * ys > 0.0 {
        both / (xs * ys).sqrt()
    } else {
        0.0
    }
}

/// Area under the ROC curve: how often a positive has a higher score than a negative; equal ones count half. 0.5 where
/// one kind is missing.
pub(super) fn auc(scored: &[(f64, bool)]) -> f64 {
    let scores: Vec<f64> = scored.iter().map(|(score, _)| *score).collect();
    let positives = scored.iter().filter(|(_, label)| *label).count() as f64;
    let negatives = scored.len() as f64 - positives;
    if positives * negatives == 0.0 {
        return 0.5;
    }
    let ranked = ranks(&scores).into_iter().zip(scored);
    let sum: f64 = ranked
        .filter(|(_, (_, label))| *label)
        .map(|(rank, _)| rank)
        .sum();
    (sum - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

/// Mean of the F1 of both classes.
pub(super) fn macro_f1(told: impl Iterator<Item = (bool, bool)>) -> f64 {
    let mut counts = [[0.0_f64; 2]; 2];
    for (said, label) in told {
        if let Some(count) = counts
            .get_mut(usize::from(said))
            .and_then(|row| row.get_mut(usize::from(label)))
        {
            *count += 1.0;
        }
    }
    let [[right_no, missed], [false_yes, right_yes]] = counts;
    let f1 = |right: f64| 2.0 * right / (2.0 * right + missed + false_yes).max(1.0);
    (f1(right_no) + f1(right_yes)) / 2.0
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let value = |at: &usize| values.get(*at).copied().unwrap_or(f64::NAN);
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| value(a).total_cmp(&value(b)));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for equal in order.chunk_by(|a, b| value(a) == value(b)) {
        let rank = before as f64 + (equal.len() as f64 + 1.0) / 2.0;
        for at in equal {
            if let Some(slot) = ranks.get_mut(*at) {
                *slot = rank;
            }
        }
        before += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_compared_not_values() {
        assert!((spearman(&[(1.0, 10.0), (2.0, 20.0), (9.0, 21.0)]) - 1.0).abs() < 1e-9);
        assert!((spearman(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]) + 1.0).abs() < 1e-9);
        // Ranks 1.5, 1.5, 3 against 1, 2, 3.
        let tied = spearman(&[(1.0, 1.0), (1.0, 2.0), (2.0, 3.0)]);
        assert!((tied - 0.75_f64.sqrt()).abs() < 1e-9, "{tied}");
        assert_eq!(spearman(&[(1.0, 1.0), (1.0, 2.0)]), 0.0);
        assert_eq!(spearman(&[]), 0.0);
    }

    #[test]
    fn area_and_f1_of_small_tables() {
        let scored = [(0.9, true), (0.5, false), (0.5, true), (0.1, false)];
        assert!((auc(&scored) - 0.875).abs() < 1e-9);
        assert_eq!(auc(&scored[..1]), 0.5);
        let told = [(true, true), (true, false), (false, false), (false, false)];
        let expected = (2.0 / 3.0 + 4.0 / 5.0) / 2.0;
        assert!((macro_f1(told.into_iter()) - expected).abs() < 1e-9);
    }
}
