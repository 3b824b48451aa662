//! The examples' vectors, class by class: how near a text is to what is known.

use attendant_kernels::ops::add_product;

/// Vectors of one class, one row a dimension.
#[derive(Clone, Debug, Default, PartialEq)]
struct Class {
    rows: Vec<f32>,
    count: usize,
    centre: Vec<f32>,
}

/// The vectors of every class.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Memory {
    classes: Vec<Class>,
}

/// How near a text is to the examples of the classes that it may belong to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nearness {
    /// The nearest example of any of these classes.
    pub(super) nearest: f32,
    /// The mean of the five nearest.
    pub(super) near: f32,
    /// The mean of the three nearest of the likeliest class.
    pub(super) own: f32,
    /// The middle of the likeliest class.
    pub(super) centre: f32,
}

impl Memory {
    pub(super) fn new(examples: &[(&[f32], usize)], classes: usize) -> Self {
        let mut grouped: Vec<Vec<&[f32]>> = vec![Vec::new(); classes];
        for (vector, class) in examples {
            if let Some(group) = grouped.get_mut(*class) {
                group.push(vector);
            }
        }
        Self {
            classes: grouped.iter().map(|group| Class::new(group)).collect(),
        }
    }

    /// Compares with the examples of `likely`, the likeliest class first.
    pub(super) fn nearness(&self, vector: &[f32], likely: &[usize]) -> Nearness {
        let mut all: Vec<f32> = Vec::new();
        let mut found = Nearness::default();
        for (place, class) in likely
            .iter()
            .filter_map(|at| self.classes.get(*at))
            .enumerate()
        {
            let mut likeness = class.likeness(vector);
            likeness.sort_by(|a, b| b.total_cmp(a));
            if place == 0 {
                found.own = mean(&likeness, 3);
                found.centre = class.centre.iter().zip(vector).map(|(a, b)| a * b).sum();
            }
            likeness.truncate(5);
            all.append(&mut likeness);
        }
        all.sort_by(|a, b| b.total_cmp(a));
        found.nearest = mean(&all, 1);
        found.near = mean(&all, 5);
        found
    }
}

impl Class {
    fn new(vectors: &[&[f32]]) -> Self {
        let width = vectors.first().map_or(0, |vector| vector.len());
        let count = vectors.len();
        let mut rows = vec![0.0; width * count];
        let mut centre = vec![0.0; width];
        for (at, vector) in vectors.iter().enumerate() {
            for (dimension, value) in vector.iter().enumerate().take(width) {
                if let Some(slot) = rows.get_mut(dimension * count + at) {
                    *slot = *value;
                }
                if let Some(sum) = centre.get_mut(dimension) {
                    *sum += value;
                }
            }
        }
        let norm = centre.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
        centre.iter_mut().for_each(|x| *x /= norm);
        Self {
            rows,
            count,
            centre,
        }
    }

    fn likeness(&self, vector: &[f32]) -> Vec<f32> {
        let mut likeness = vec![0.0; self.count];
        if self.rows.len() == self.count * vector.len() {
            add_product(&mut likeness, &self.rows, vector);
        }
        likeness
    }
}

fn mean(falling: &[f32], count: usize) -> f32 {
    let taken = falling.iter().take(count);
    let sum: f32 = taken.sum();
    sum / falling.len().clamp(1, count) as f32
}
