//! Trains the networks of an action head: a softmax over the candidates of each decision, AdamW.

use super::products::{back, outer, times};
use super::scale::Scale;
use crate::dialogue::flow::{
    DECIDED, DECIDED_WORTH, HeadShape, HeadWeights, Moment, PAIR, softmax,
};
use crate::eval::grounding::Chance;

/// How networks are trained; chosen by leaving domains out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    pub(super) hidden: usize,
    pub(super) second: usize,
    pub(super) epochs: usize,
    /// Decay of weights a step, times the rate.
    pub(super) decay: f32,
    /// Share of the first layer that is left out at random.
    pub(super) dropped: f32,
}

const BATCH: usize = 128;
const RATE: f32 = 3e-3;
/// Steps until the rate is reached.
const WARM: f32 = 50.0;
const LEAST_RATE: f32 = 0.02;
const BETAS: (f32, f32) = (0.9, 0.99);
/// Share of the signs that are left out at random.
const DROPPED_SIGNS: f32 = 0.1;
/// Share of the vector's numbers that are left out at random.
const DROPPED_NUMBERS: f32 = 0.2;

/// A decision to learn from.
#[derive(Debug)]
pub(super) struct Lesson<'a> {
    pub(super) moment: &'a Moment,
    /// The flow's kinds of actions, one row a candidate, and where its actions stand among the known ones.
    pub(super) actions: &'a Actions,
    /// The candidate that was taken.
    pub(super) taken: usize,
}

/// The candidates of a flow as the network sees them.
#[derive(Debug)]
pub(super) struct Actions {
    pub(super) kinds: Vec<f32>,
    /// Where each stands among the known actions; none where the flow is not to be known.
    pub(super) known: Option<Vec<usize>>,
    /// Candidates that are never to be chosen.
    pub(super) barred: Vec<bool>,
}

/// The weights, their order fixed.
const PARTS: usize = 11;
const DECAYED: [bool; PARTS] = [
    true, true, true, true, false, true, false, true, true, true, true,
];
type Weights = [Vec<f32>; PARTS];
const CONTEXT: usize = 0;
const VECTOR: usize = 1;
const KIND: usize = 2;
const PAIRS: usize = 3;
const OFFSET: usize = 4;
const SECOND: usize = 5;
const SECOND_OFFSET: usize = 6;
const LAST: usize = 7;
const SKIP: usize = 8;
const KNOWN: usize = 9;
const KNOWN_SCORE: usize = 10;

/// Trains one network; the same seed gives the same weights.
pub(super) fn train(
    lessons: &[Lesson<'_>],
    shape: HeadShape,
    known: usize,
    schedule: Schedule,
    seed: u64,
) -> HeadWeights {
    let mut chance = Chance::new(seed ^ 0x5eed);
    let context = lessons.iter().map(|one| one.moment.context.as_slice());
    let pairs = lessons
        .iter()
        .flat_map(|one| one.moment.pairs.chunks_exact(PAIR));
    let kinds = lessons
        .iter()
        .flat_map(|one| one.actions.kinds.chunks_exact(shape.kind.max(1)));
    let scales = [
        Scale::of(context, shape.context, 0.05),
        Scale::of(pairs, PAIR, 0.05),
        Scale::of(kinds, shape.kind, 0.1),
    ];
    let mut trainer = Trainer {
        weights: drawn(&shape, known, &mut chance),
        gradient: sized(&shape, known).map(|size| vec![0.0; size]),
        first: sized(&shape, known).map(|size| vec![0.0; size]),
        second: sized(&shape, known).map(|size| vec![0.0; size]),
        shape,
        schedule,
        scales,
    };
    let mut order: Vec<usize> = (0..lessons.len()).collect();
    let batches = lessons.len() / BATCH.min(lessons.len().max(1));
    let steps = (batches * schedule.epochs).max(1);
    let mut step = 0;
    for _ in 0..schedule.epochs {
        for at in (1..order.len()).rev() {
            order.swap(at, chance.below(at + 1));
        }
        for batch in order.chunks(BATCH).take(batches) {
            let batch: Vec<&Lesson<'_>> = batch.iter().filter_map(|at| lessons.get(*at)).collect();
            trainer.learn(&batch, &mut chance);
            step += 1;
            let done = step as f32 / steps as f32;
            trainer.move_weights(
                step,
                (step as f32 / WARM).min(1.0) * (1.0 - done).max(LEAST_RATE),
            );
        }
    }
    trainer.finish()
}

fn sized(shape: &HeadShape, known: usize) -> [usize; PARTS] {
    let hidden = shape.hidden;
    [
        shape.context * hidden,
        shape.vector * hidden,
        shape.kind * hidden,
        PAIR * hidden,
        hidden,
        hidden * shape.second,
        shape.second,
        shape.second,
        PAIR,
        known * hidden,
        known,
    ]
}

fn drawn(shape: &HeadShape, known: usize, chance: &mut Chance) -> Weights {
    let mut weights = sized(shape, known).map(|size| vec![0.0; size]);
    let mut fill = |part: usize, spread: f32| {
        for weight in &mut weights[part] {
            // Twelve uniform numbers: normal enough.
            let sum: f32 = (0..12).map(|_| chance.share()).sum();
            *weight = (sum - 6.0) * spread;
        }
    };
    let by = |inputs: usize| 1.0 / (inputs.max(1) as f32).sqrt();
    fill(CONTEXT, by(shape.context));
    fill(VECTOR, 0.5 * by(shape.vector));
    fill(KIND, by(shape.kind));
    fill(PAIRS, by(PAIR));
    fill(SECOND, 1.4 * by(shape.hidden));
    fill(LAST, by(shape.second));
    weights
}

struct Trainer {
    weights: Weights,
    gradient: Weights,
    first: Weights,
    second: Weights,
    shape: HeadShape,
    schedule: Schedule,
    scales: [Scale; 3],
}

/// What a batch looks like, row by row.
struct Batch {
    contexts: Vec<f32>,
    vectors: Vec<f32>,
    pairs: Vec<f32>,
    /// For every row the lesson it belongs to and its row of kinds.
    of: Vec<(usize, usize)>,
    kinds: Vec<f32>,
    known: Vec<Option<usize>>,
}

impl Trainer {
    fn batch(&self, lessons: &[&Lesson<'_>], chance: &mut Chance) -> Batch {
        let mut batch = Batch {
            contexts: Vec::new(),
            vectors: Vec::new(),
            pairs: Vec::new(),
            of: Vec::new(),
            kinds: Vec::new(),
            known: Vec::new(),
        };
        let mut flows: Vec<(*const Actions, usize)> = Vec::new();
        for (at, lesson) in lessons.iter().enumerate() {
            self.scales[0].apply(&lesson.moment.context, &mut batch.contexts);
            batch.vectors.extend(&lesson.moment.customer);
            let missing = self
                .shape
                .vector
                .saturating_sub(lesson.moment.customer.len());
            batch.vectors.extend(std::iter::repeat_n(0.0, missing));
            for pair in lesson.moment.pairs.chunks_exact(PAIR) {
                self.scales[1].apply(pair, &mut batch.pairs);
            }
            let flow: *const Actions = lesson.actions;
            let start = match flows.iter().find(|known| std::ptr::eq(known.0, flow)) {
                Some((_, start)) => *start,
                None => {
                    let start = batch.kinds.len() / self.shape.kind.max(1);
                    for kind in lesson.actions.kinds.chunks_exact(self.shape.kind.max(1)) {
                        self.scales[2].apply(kind, &mut batch.kinds);
                    }
                    flows.push((flow, start));
                    start
                }
            };
            for (row, _) in lesson.actions.barred.iter().enumerate() {
                batch.of.push((at, start + row));
                let known = lesson.actions.known.as_ref();
                batch
                    .known
                    .push(known.and_then(|known| known.get(row)).copied());
            }
        }
        drop_out(&mut batch.contexts, DROPPED_SIGNS, chance);
        drop_out(&mut batch.vectors, DROPPED_NUMBERS, chance);
        drop_out(&mut batch.pairs, DROPPED_SIGNS, chance);
        batch
    }

    /// Leaves the gradient of a batch behind.
    fn learn(&mut self, lessons: &[&Lesson<'_>], chance: &mut Chance) {
        let batch = self.batch(lessons, chance);
        let (hidden, second) = (self.shape.hidden, self.shape.second);
        let rows = batch.of.len();
        let w = &self.weights;
        let context = times(&batch.contexts, self.shape.context, &w[CONTEXT], hidden);
        let vector = times(&batch.vectors, self.shape.vector, &w[VECTOR], hidden);
        let kinds = times(&batch.kinds, self.shape.kind, &w[KIND], hidden);
        let mut first = times(&batch.pairs, PAIR, &w[PAIRS], hidden);
        let kept = 1.0 / (1.0 - self.schedule.dropped);
        let mut open = vec![0.0_f32; rows * hidden];
        for (at, row) in first.chunks_exact_mut(hidden).enumerate() {
            let (lesson, kind) = batch.of[at];
            let known = match batch.known[at] {
                Some(known) => &w[KNOWN][known * hidden..][..hidden],
                None => &[],
            };
            let sides = context[lesson * hidden..][..hidden]
                .iter()
                .zip(&vector[lesson * hidden..][..hidden])
                .zip(&kinds[kind * hidden..][..hidden])
                .zip(&w[OFFSET]);
            for (h, (((a, b), c), d)) in row.iter_mut().zip(sides) {
                *h += a + b + c + d;
            }
            row.iter_mut().zip(known).for_each(|(h, own)| *h += own);
            for (h, open) in row.iter_mut().zip(&mut open[at * hidden..][..hidden]) {
                *open = f32::from(u8::from(*h > 0.0)) * kept;
            }
            drop_some(
                &mut open[at * hidden..][..hidden],
                self.schedule.dropped,
                chance,
            );
            for (h, open) in row.iter_mut().zip(&open[at * hidden..][..hidden]) {
                *h *= open;
            }
        }
        let mut above = times(&first, hidden, &w[SECOND], second);
        let mut scores = vec![0.0; rows];
        for (at, row) in above.chunks_exact_mut(second).enumerate() {
            let mut score = match batch.known[at] {
                Some(known) => w[KNOWN_SCORE][known],
                None => 0.0,
            };
            for ((x, offset), last) in row.iter_mut().zip(&w[SECOND_OFFSET]).zip(&w[LAST]) {
                *x = (*x + offset).max(0.0);
                score += *x * last;
            }
            let pair = &batch.pairs[at * PAIR..][..PAIR];
            scores[at] = score + pair.iter().zip(&w[SKIP]).map(|(x, w)| x * w).sum::<f32>();
        }
        let slopes = slopes(lessons, &scores);
        self.backward(&batch, &slopes, &first, &open, &above, lessons.len());
    }

    fn backward(
        &mut self,
        batch: &Batch,
        slopes: &[f32],
        first: &[f32],
        open: &[f32],
        above: &[f32],
        lessons: usize,
    ) {
        let (hidden, second) = (self.shape.hidden, self.shape.second);
        let w = &self.weights;
        let g = &mut self.gradient;
        let mut to_above = vec![0.0; above.len()];
        g.iter_mut().for_each(|part| part.fill(0.0));
        for (at, slope) in slopes.iter().enumerate() {
            let row = &above[at * second..][..second];
            let out = &mut to_above[at * second..][..second];
            for (((x, out), last), sum) in row.iter().zip(out).zip(&w[LAST]).zip(&mut g[LAST]) {
                *sum += x * slope;
                *out = if *x > 0.0 { slope * last } else { 0.0 };
            }
            for (sum, x) in g[SKIP].iter_mut().zip(&batch.pairs[at * PAIR..][..PAIR]) {
                *sum += x * slope;
            }
            if let Some(known) = batch.known[at] {
                g[KNOWN_SCORE][known] += slope;
            }
        }
        for row in to_above.chunks_exact(second) {
            g[SECOND_OFFSET]
                .iter_mut()
                .zip(row)
                .for_each(|(sum, x)| *sum += x);
        }
        g[SECOND] = outer(first, hidden, &to_above, second);
        let mut below = back(&to_above, second, &w[SECOND], hidden);
        below.iter_mut().zip(open).for_each(|(x, open)| *x *= open);
        g[PAIRS] = outer(&batch.pairs, PAIR, &below, hidden);
        let mut to_lesson = vec![0.0; lessons * hidden];
        let mut to_kind = vec![0.0; batch.kinds.len() / self.shape.kind.max(1) * hidden];
        for (at, row) in below.chunks_exact(hidden).enumerate() {
            let (lesson, kind) = batch.of[at];
            add(&mut to_lesson[lesson * hidden..][..hidden], row);
            add(&mut to_kind[kind * hidden..][..hidden], row);
            if let Some(known) = batch.known[at] {
                add(&mut g[KNOWN][known * hidden..][..hidden], row);
            }
        }
        for row in to_lesson.chunks_exact(hidden) {
            add(&mut g[OFFSET], row);
        }
        g[CONTEXT] = outer(&batch.contexts, self.shape.context, &to_lesson, hidden);
        g[VECTOR] = outer(&batch.vectors, self.shape.vector, &to_lesson, hidden);
        g[KIND] = outer(&batch.kinds, self.shape.kind, &to_kind, hidden);
    }

    /// AdamW (Loshchilov and Hutter 2019).
    fn move_weights(&mut self, step: usize, pace: f32) {
        let rate = RATE * pace;
        let (a, b) = BETAS;
        let step = i32::try_from(step).unwrap_or(i32::MAX);
        let (one, two) = (1.0 - a.powi(step), 1.0 - b.powi(step));
        for (part, decayed) in DECAYED.iter().enumerate() {
            let keep = if *decayed {
                1.0 - rate * self.schedule.decay
            } else {
                1.0
            };
            let moments = self.first[part].iter_mut().zip(&mut self.second[part]);
            let sides = moments.zip(&self.gradient[part]);
            for (weight, ((m, v), g)) in self.weights[part].iter_mut().zip(sides) {
                *m += (1.0 - a) * (g - *m);
                *v += (1.0 - b) * (g * g - *v);
                *weight = *weight * keep - rate * (*m / one) / ((*v / two).sqrt() + 1e-8);
            }
        }
    }

    /// The weights for signs as they are.
    fn finish(mut self) -> HeadWeights {
        let [of_context, of_pair, of_kind] = &self.scales;
        let mut offset = std::mem::take(&mut self.weights[OFFSET]);
        of_context.undo(&mut self.weights[CONTEXT], &mut offset);
        of_pair.undo(&mut self.weights[PAIRS], &mut offset);
        of_kind.undo(&mut self.weights[KIND], &mut offset);
        // What the mean adds to a score is the same for every candidate.
        of_pair.undo(&mut self.weights[SKIP], &mut [0.0]);
        let hidden = self.shape.hidden;
        let known = self.weights[KNOWN]
            .chunks_exact(hidden)
            .zip(&self.weights[KNOWN_SCORE]);
        let known = known
            .map(|(row, score)| [row, &[*score]].concat())
            .collect();
        let [
            context,
            vector,
            kind,
            pair,
            _,
            second,
            second_offset,
            last,
            skip,
            _,
            _,
        ] = self.weights;
        HeadWeights {
            context,
            vector,
            kind,
            pair,
            offset,
            second,
            second_offset,
            last,
            skip,
            known,
        }
    }
}

/// How each score should have moved: the share it got less the one it should have got.
fn slopes(lessons: &[&Lesson<'_>], scores: &[f32]) -> Vec<f32> {
    let mut slopes = Vec::with_capacity(scores.len());
    let mut rest = scores;
    for lesson in lessons {
        let (own, after) = rest.split_at(lesson.actions.barred.len());
        rest = after;
        let rows = lesson
            .moment
            .pairs
            .chunks_exact(PAIR)
            .zip(&lesson.actions.barred);
        let own: Vec<f32> = own
            .iter()
            .zip(rows)
            .map(|(score, (pair, barred))| {
                let barred = if *barred { -30.0 } else { 0.0 };
                score + DECIDED_WORTH * pair[DECIDED] + barred
            })
            .collect();
        let mut shares = softmax(&own);
        shares[lesson.taken] -= 1.0;
        slopes.extend(shares.into_iter().map(|share| share / lessons.len() as f32));
    }
    slopes
}

fn add(sum: &mut [f32], row: &[f32]) {
    sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
}

fn drop_out(values: &mut [f32], share: f32, chance: &mut Chance) {
    let kept = 1.0 / (1.0 - share);
    values.iter_mut().for_each(|x| *x *= kept);
    drop_some(values, share, chance);
}

/// Sets a share of the values to 0.
fn drop_some(values: &mut [f32], share: f32, chance: &mut Chance) {
    let bound = (share * 256.0) as u8;
    for eight in values.chunks_mut(8) {
        let drawn = (chance.below(usize::MAX) as u64).to_le_bytes();
        for (x, byte) in eight.iter_mut().zip(drawn) {
            if byte < bound {
                *x = 0.0;
            }
        }
    }
}
