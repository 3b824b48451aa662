//! Logistic regression on many sparse features: whole batches, so that the same data gives the same weights.

use std::collections::BTreeMap;

use super::Call;
use crate::understanding::quality::Weights;

/// Steps of Adam (Kingma and Ba 2015, <https://arxiv.org/abs/1412.6980>); the loss is convex.
const STEPS: usize = 400;
const RATE: f32 = 0.05;
/// On squared weights, in units of one call.
const PENALTY: f32 = 5.0;
/// A feature that fewer calls have is left out.
const FEWEST: usize = 4;

pub(super) fn fit(calls: &[&Call]) -> Weights {
    let names = names(calls);
    let rows: Vec<(Vec<(usize, f32)>, f32)> = calls
        .iter()
        .map(|call| {
            let known = call.features.iter();
            let row = known.filter_map(|(name, value)| {
                let (at, largest) = names.get(name.as_str())?;
                Some((*at, value / largest))
            });
            (row.collect(), f32::from(u8::from(call.escalated)))
        })
        .collect();
    let fitted = descend(&rows, names.len());
    let weights = names.iter().filter_map(|(name, (at, largest))| {
        let weight = fitted.get(*at)? / largest;
        (weight.abs() > 1e-4).then(|| ((*name).to_owned(), weight))
    });
    let escalated = calls.iter().filter(|call| call.escalated).count();
    Weights {
        weights: weights.collect(),
        offset: fitted.last().copied().unwrap_or(0.0),
        // Both classes are to be found equally well, though one is rarer.
        threshold: escalated as f32 / calls.len().max(1) as f32,
    }
}

/// The place and the largest value of each feature.
fn names<'a>(calls: &[&'a Call]) -> BTreeMap<&'a str, (usize, f32)> {
    let mut found: BTreeMap<&str, (usize, f32)> = BTreeMap::new();
    for (name, value) in calls.iter().flat_map(|call| &call.features) {
        let (count, largest) = found.entry(name).or_default();
        *count += 1;
        *largest = largest.max(*value);
    }
    found.retain(|_, (count, _)| *count >= FEWEST);
    found
        .values_mut()
        .enumerate()
        .for_each(|(at, (place, _))| *place = at);
    found
}

/// One weight a feature, then the offset.
fn descend(rows: &[(Vec<(usize, f32)>, f32)], width: usize) -> Vec<f32> {
    let mut weights = vec![0.0_f32; width + 1];
    let (mut first, mut second) = (weights.clone(), weights.clone());
    let count = rows.len().max(1) as f32;
    for step in 1..=STEPS {
        let mut slope: Vec<f32> = weights
            .iter()
            .map(|weight| PENALTY * weight / count)
            .collect();
        let offset = weights.last().copied().unwrap_or(0.0);
        if let Some(last) = slope.last_mut() {
            *last = 0.0;
        }
        for (row, label) in rows {
            let own = row
                .iter()
                .filter_map(|(at, value)| Some(weights.get(*at)? * value));
            let odds = own.sum::<f32>() + offset;
            let error = (1.0 / (1.0 + (-odds).exp()) - label) / count;
            for (at, value) in row.iter().chain([&(width, 1.0)]) {
                if let Some(slope) = slope.get_mut(*at) {
                    *slope += error * value;
                }
            }
        }
        let rate = RATE * (1.0 - step as f32 / (STEPS + 1) as f32);
        let bias1 = 1.0 - 0.9_f32.powi(step as i32);
        let bias2 = 1.0 - 0.99_f32.powi(step as i32);
        let moments = first.iter_mut().zip(&mut second);
        for ((weight, slope), (first, second)) in weights.iter_mut().zip(slope).zip(moments) {
            *first = 0.9 * *first + 0.1 * slope;
            *second = 0.99 * *second + 0.01 * slope * slope;
            *weight -= rate * (*first / bias1) / ((*second / bias2).sqrt() + 1e-8);
        }
    }
    weights
}
