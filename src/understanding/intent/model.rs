//! The fitted model: a softmax for which intent it is, and a logistic function for whether it is any.

use serde::{Deserialize, Serialize};

use super::grams::Grams;
use super::memory::Memory;
use super::softmax::{Features, Softmax, softmax};
use crate::understanding::logistic::{Labelled, Logistic};

/// Parts of the examples that are set aside in turn.
const FOLDS: usize = 4;
/// One in so many intents is left out of a fold, to see what an unknown intent looks like.
const LEFT_OUT: usize = 8;
/// Classes whose examples a text is compared with.
const LIKELY: usize = 5;
const PENALTY: f64 = 1.0;
/// What tells whether a text has any of the intents.
const SIGNS: usize = 9;

/// An example ready to be learned from; `class` is `None` for what is none of the intents.
#[derive(Clone, Debug)]
pub(super) struct Known<'a> {
    pub(super) text: &'a str,
    pub(super) vector: &'a [f32],
    pub(super) class: Option<usize>,
}

/// Which intent, whether any: log-odds of any, then the shares of the classes.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) odds: f64,
    pub(super) class: usize,
    pub(super) share: f64,
}

/// All but the decision whether there is any intent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Core {
    grams: Grams,
    softmax: Softmax,
    #[serde(skip)]
    memory: Memory,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Reject {
    pub(super) logistic: Logistic,
    /// Log-odds from which on a text is taken to have an intent.
    pub(super) threshold: f64,
    /// What the logits are divided by, so that their shares are probabilities.
    pub(super) temperature: f64,
}

/// What was seen of a text that the model did not learn from.
struct Trial {
    signs: Vec<f64>,
    scores: Vec<f32>,
    class: Option<usize>,
    told: bool,
}

impl Core {
    pub(super) fn fit(examples: &[Known<'_>], classes: usize, seed: u64) -> Self {
        let known = || examples.iter().filter_map(|one| Some((one, one.class?)));
        let grams = Grams::of(known().map(|(one, _)| one.text));
        let features: Vec<(Features, usize)> = known()
            .map(|(one, class)| (features(&grams, one.text, one.vector).0, class))
            .collect();
        let rows: Vec<(&Features, usize)> = features.iter().map(|(x, class)| (x, *class)).collect();
        let vectors: Vec<(&[f32], usize)> =
            known().map(|(one, class)| (one.vector, class)).collect();
        let mut state = seed;
        Self {
            softmax: Softmax::fit(&rows, (classes, grams.len()), &mut |end| {
                draw(&mut state, end)
            }),
            memory: Memory::new(&vectors, classes),
            grams,
        }
    }

    /// Whether the parts belong together.
    pub(super) fn fits(&self, classes: usize, dimensions: usize) -> bool {
        self.grams.fits() && self.softmax.fits(classes, dimensions, self.grams.len())
    }

    /// The same with other examples to compare with.
    pub(super) fn with_memory(mut self, memory: Memory) -> Self {
        self.memory = memory;
        self
    }

    fn look(&self, text: &str, vector: &[f32]) -> (Vec<f32>, Vec<f64>) {
        let (x, known) = features(&self.grams, text, vector);
        let scores = self.softmax.scores(&x);
        let mut order: Vec<usize> = (0..scores.len()).collect();
        let score = |at: &usize| scores.get(*at).copied().unwrap_or(f32::MIN);
        order.sort_by(|a, b| score(b).total_cmp(&score(a)));
        order.truncate(LIKELY);
        let top = order.first().map_or(0.0, &score);
        let second = order.get(1).map_or(top, &score);
        let rest: f32 = scores.iter().map(|score| (score - top).exp()).sum();
        let near = self.memory.nearness(vector, &order);
        let words = text.split_whitespace().count() as f64;
        let signs = vec![
            f64::from(top),
            f64::from(rest.ln()),
            f64::from(top - second),
            f64::from(near.nearest),
            f64::from(near.near),
            f64::from(near.own),
            f64::from(near.centre),
            f64::from(known),
            words.max(1.0).ln(),
        ];
        (scores, signs)
    }

    pub(super) fn judge(&self, reject: &Reject, text: &str, vector: &[f32]) -> Option<Verdict> {
        let (scores, signs) = self.look(text, vector);
        let scaled: Vec<f32> = scores
            .iter()
            .map(|s| s / reject.temperature as f32)
            .collect();
        let shares = softmax(&scaled);
        let best = shares
            .iter()
            .copied()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1));
        let (class, share) = best?;
        Some(Verdict {
            odds: reject.logistic.odds(&signs),
            class,
            share: f64::from(share),
        })
    }
}

impl Reject {
    /// For examples too few to set any aside: a text must be about as near to one as paraphrases are.
    fn by_nearness() -> Self {
        let mut weights = vec![0.0; SIGNS];
        weights
            .iter_mut()
            .skip(3)
            .take(1)
            .for_each(|weight| *weight = 12.0);
        Self {
            logistic: Logistic {
                weights,
                offset: -6.0,
            },
            threshold: 0.0,
            temperature: 1.0,
        }
    }

    /// Whether it is made for these signs.
    pub(super) fn fits(&self) -> bool {
        let numbers = [self.logistic.offset, self.threshold, self.temperature];
        let mut all = self.logistic.weights.iter().chain(&numbers);
        self.logistic.weights.len() == SIGNS
            && all.all(|number| number.is_finite())
            && self.temperature > 0.0
    }

    /// Learns from examples that were set aside, intents that were left out, and texts known to be none.
    pub(super) fn fit(examples: &[Known<'_>], classes: usize, seed: u64, allowed: f64) -> Self {
        let trials = trials(examples, classes, seed);
        let inside = trials.iter().filter(|one| one.class.is_some()).count() as f64;
        if inside == 0.0 || inside == trials.len() as f64 {
            return Self::by_nearness();
        }
        let told = trials.iter().filter(|one| one.told).count() as f64;
        let left = trials.len() as f64 - inside - told;
        // Texts that were told to be none count as much as the intents left out, and both together as much as the rest.
        let (told_share, left_share) = match (told > 0.0, left > 0.0) {
            (true, true) => (0.5, 0.5),
            (true, false) => (1.0, 0.0),
            _ => (0.0, 1.0),
        };
        let labelled: Vec<Labelled> = trials
            .iter()
            .map(|one| Labelled {
                signs: one.signs.clone(),
                label: one.class.is_some(),
                weight: match (one.class, one.told) {
                    (Some(_), _) => 1.0,
                    (None, true) => told_share * inside / told,
                    (None, false) => left_share * inside / left,
                },
            })
            .collect();
        let logistic = Logistic::fit(&labelled, PENALTY);
        let mut odds: Vec<f64> = trials
            .iter()
            .filter(|one| one.class.is_some())
            .map(|one| logistic.odds(&one.signs))
            .collect();
        odds.sort_by(f64::total_cmp);
        // Of few examples, one or two that are unlike all others must not open the door to everything.
        let at = (inside * allowed).max((inside / 10.0).min(2.0)) as usize;
        let threshold = odds.get(at).copied().unwrap_or(0.0);
        Self {
            logistic,
            threshold,
            temperature: temperature(&trials),
        }
    }
}

fn trials(examples: &[Known<'_>], classes: usize, seed: u64) -> Vec<Trial> {
    let every = LEFT_OUT.min(classes.max(2));
    let folds: Vec<usize> = (0..FOLDS.min(every)).collect();
    let mut place = vec![0_usize; classes + 1];
    let fold_of: Vec<usize> = examples
        .iter()
        .map(|one| {
            let count = place.get_mut(one.class.unwrap_or(classes));
            count.map_or(0, |count| {
                *count += 1;
                *count % folds.len().max(1)
            })
        })
        .collect();
    let one_fold = |fold: usize| -> Vec<Trial> {
        let outside = |class: Option<usize>| class.is_some_and(|class| class % every == fold);
        let learned: Vec<Known<'_>> = examples
            .iter()
            .zip(&fold_of)
            .filter(|(one, at)| **at != fold && !outside(one.class))
            .map(|(one, _)| one.clone())
            .collect();
        let core = Core::fit(&learned, classes, seed.wrapping_add(fold as u64));
        let mut taught = vec![false; classes];
        for class in learned.iter().filter_map(|one| one.class) {
            taught
                .iter_mut()
                .skip(class)
                .take(1)
                .for_each(|taught| *taught = true);
        }
        let is_taught = |class: Option<usize>| {
            class.is_some_and(|class| taught.get(class).copied().unwrap_or(false))
        };
        examples
            .iter()
            .zip(&fold_of)
            .filter(|(_, at)| **at == fold)
            .map(|(one, _)| {
                let (scores, signs) = core.look(one.text, one.vector);
                Trial {
                    signs,
                    scores,
                    class: one.class.filter(|_| is_taught(one.class)),
                    told: one.class.is_none(),
                }
            })
            .collect()
    };
    std::thread::scope(|scope| {
        let one_fold = &one_fold;
        let running: Vec<_> = folds
            .iter()
            .map(|fold| scope.spawn(move || one_fold(*fold)))
            .collect();
        running
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .flatten()
            .collect()
    })
}

/// The temperature under which what was set aside was least surprising (Guo et al. 2017).
fn temperature(trials: &[Trial]) -> f64 {
    let surprise = |temperature: f64| -> f64 {
        let known = trials.iter().filter_map(|one| Some((one, one.class?)));
        known
            .map(|(one, class)| {
                let scaled: Vec<f32> = one.scores.iter().map(|s| s / temperature as f32).collect();
                let share = softmax(&scaled).get(class).copied().unwrap_or(0.0);
                -f64::from(share.max(1e-9)).ln()
            })
            .sum()
    };
    let steps = (-10..=10).map(|step| 2.0_f64.powf(f64::from(step) / 5.0));
    let best = steps
        .map(|t| (t, surprise(t)))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    best.map_or(1.0, |(temperature, _)| temperature)
}

fn features(grams: &Grams, text: &str, vector: &[f32]) -> (Features, f32) {
    let (grams, known) = grams.weigh(text);
    let vector = vector.to_vec();
    (Features { vector, grams }, known)
}

/// SplitMix64 (Steele, Lea and Flood 2014): a number below `end`.
fn draw(state: &mut u64, end: usize) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) % end.max(1) as u64) as usize
}
