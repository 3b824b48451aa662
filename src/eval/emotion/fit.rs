//! What is fitted on texts that were held out: calibration and thresholds; and the figures they are judged by.

use crate::understanding::emotion::sigmoid;

/// How firmly a calibration stays at `scale` 1, `shift` 0: as so many texts would hold it there.
const PRIOR: f32 = 4.0;
/// A class with so many texts has a threshold halfway between its own and that of all.
const SHRINK: f32 = 40.0;
/// Thresholds are the mean of the best ones without each of so many parts.
const FOLDS: usize = 5;

/// Logits of one output with their labels.
pub(super) type Column = Vec<(f32, bool)>;

/// Scale and shift of the logits that make the labels likeliest (Platt 1999, by Newton's method).
pub(super) fn calibrate(column: &Column) -> (f32, f32) {
    let (mut scale, mut shift) = (1.0_f32, 0.0_f32);
    for _ in 0..30 {
        let mut slope = [PRIOR * (scale - 1.0), PRIOR * shift];
        let mut bend = [PRIOR, 0.0, PRIOR];
        for (logit, label) in column {
            let p = sigmoid(scale * logit + shift);
            let miss = p - f32::from(u8::from(*label));
            let weight = p * (1.0 - p);
            slope = [slope[0] + miss * logit, slope[1] + miss];
            bend = [
                bend[0] + weight * logit * logit,
                bend[1] + weight * logit,
                bend[2] + weight,
            ];
        }
        let determinant = bend[0] * bend[2] - bend[1] * bend[1];
        if determinant <= 1e-6 {
            break;
        }
        let step = [
            (bend[2] * slope[0] - bend[1] * slope[1]) / determinant,
            (bend[0] * slope[1] - bend[1] * slope[0]) / determinant,
        ];
        scale -= step[0].clamp(-0.5, 0.5);
        shift -= step[1].clamp(-0.5, 0.5);
    }
    (scale.max(0.05), shift)
}

/// Twice the harmonic mean of precision and recall, halved: 0 where nothing was right.
pub(super) fn f1(right: usize, told: usize, true_ones: usize) -> f64 {
    match told + true_ones {
        0 => 0.0,
        both => 2.0 * right as f64 / both as f64,
    }
}

/// The threshold of the best F1; `None` without any text that has the label.
fn best_threshold(mut column: Column) -> Option<f32> {
    column.sort_by(|a, b| b.0.total_cmp(&a.0));
    let true_ones = column.iter().filter(|(_, label)| *label).count();
    let mut best = (0.0, None);
    let mut right = 0;
    for (at, (p, label)) in column.iter().enumerate() {
        right += usize::from(*label);
        let score = f1(right, at + 1, true_ones);
        if score > best.0 {
            let next = column.get(at + 1).map_or(0.0, |(p, _)| *p);
            best = (score, Some((p + next) / 2.0));
        }
    }
    best.1
}

/// One threshold a column of probabilities: its own best, drawn towards the best one of all where texts are few.
pub(super) fn thresholds(columns: &[Column]) -> Vec<f32> {
    let all = (2..90).map(|percent| percent as f32 / 100.0);
    let macro_f1 = |threshold: f32| -> f64 {
        let scores = columns.iter().map(|column| f1_at(column, threshold));
        scores.sum()
    };
    let shared = all
        .max_by(|a, b| macro_f1(*a).total_cmp(&macro_f1(*b)))
        .unwrap_or(0.5);
    let own = |column: &Column| {
        let without = (0..FOLDS).filter_map(|fold| {
            let rest = column.iter().enumerate();
            best_threshold(
                rest.filter(|(at, _)| at % FOLDS != fold)
                    .map(|(_, one)| *one)
                    .collect(),
            )
        });
        let found: Vec<f32> = without.collect();
        let count = column.iter().filter(|(_, label)| *label).count() as f32;
        let mean = found.iter().sum::<f32>() / found.len().max(1) as f32;
        match found.is_empty() {
            true => shared,
            false => (count * mean + SHRINK * shared) / (count + SHRINK),
        }
    };
    columns
        .iter()
        .map(|column| own(column).clamp(0.02, 0.95))
        .collect()
}

/// F1 of a column at a threshold.
fn f1_at(column: &Column, threshold: f32) -> f64 {
    let told = column.iter().filter(|(p, _)| *p >= threshold);
    let right = told.clone().filter(|(_, label)| *label).count();
    f1(
        right,
        told.count(),
        column.iter().filter(|(_, label)| *label).count(),
    )
}

/// Area under the precision-recall curve: the mean precision at each text that has the label.
pub(super) fn average_precision(mut column: Column) -> f64 {
    column.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut sum) = (0, 0.0);
    for (at, (_, label)) in column.iter().enumerate() {
        if *label {
            right += 1;
            sum += f64::from(right) / (at + 1) as f64;
        }
    }
    sum / f64::from(right.max(1))
}
