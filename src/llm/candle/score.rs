//! How likely each of several answers is, without writing one.

use std::collections::VecDeque;

use super::cache::KvCache;
use super::candle_error;
use super::decoder::{CHUNK, Feed};
use super::worker::Worker;
use crate::compute::Priority;
use crate::error::{Error, ErrorKind, Result};
use crate::llm::{Prefix, Prompt};

/// Priors that are kept.
const PRIORS: usize = 64;

/// How likely choices are before anything was said, of the questions asked last.
#[derive(Debug, Default)]
pub(super) struct Priors {
    known: VecDeque<Known>,
}

/// A question without its conversation, its labels, and how likely they are.
type Known = (Vec<u32>, Vec<Vec<u32>>, Vec<f32>);

impl Priors {
    fn find(&self, prompt: &[u32], labels: &[Vec<u32>]) -> Option<Vec<f32>> {
        let found = self
            .known
            .iter()
            .find(|(p, l, _)| p == prompt && l == labels);
        found.map(|(_, _, prior)| prior.clone())
    }

    fn keep(&mut self, prompt: Vec<u32>, labels: Vec<Vec<u32>>, prior: Vec<f32>) {
        if self.known.len() >= PRIORS {
            self.known.pop_front();
        }
        self.known.push_back((prompt, labels, prior));
    }
}

/// A run of tokens that labels have in common, and what comes after it.
#[derive(Debug, Default)]
struct Branch {
    tokens: Vec<u32>,
    /// Labels that end here.
    ends: Vec<usize>,
    children: Vec<Branch>,
}

impl Branch {
    /// The labels as a tree: what several have in common is fed once.
    fn grow(labels: &[(usize, &[u32])]) -> Vec<Self> {
        let mut branches: Vec<Self> = Vec::new();
        let mut rest = labels.to_vec();
        while let Some((_, first)) = rest.first().copied() {
            let Some(&token) = first.first() else {
                rest.remove(0);
                continue;
            };
            let (same, other): (Vec<_>, Vec<_>) = rest
                .into_iter()
                .partition(|(_, label)| label.first() == Some(&token));
            rest = other;
            let common = same
                .iter()
                .map(|(_, label)| label.iter().zip(first).take_while(|(a, b)| a == b).count());
            let common = common.min().unwrap_or_default();
            let behind: Vec<(usize, &[u32])> = same
                .iter()
                .map(|(index, label)| (*index, label.get(common..).unwrap_or_default()))
                .collect();
            branches.push(Self {
                tokens: first.get(..common).unwrap_or_default().to_vec(),
                ends: behind
                    .iter()
                    .filter(|(_, l)| l.is_empty())
                    .map(|(i, _)| *i)
                    .collect(),
                children: Self::grow(&behind),
            });
        }
        branches
    }
}

impl Worker {
    /// Probability of each choice as the answer, normalised over the choices.
    ///
    /// A choice counts by the mean log-probability of its tokens, so that long ones are not worse for being
    /// long, less the same before anything was said, so that a choice is not better for being a usual word
    /// (Holtzman et al. 2021, "Surface Form Competition").
    pub(super) fn score(&mut self, prompt: &Prompt, choices: &[String]) -> Result<Vec<f32>> {
        let labels = choices
            .iter()
            .map(|choice| self.window.encode(choice))
            .collect::<Result<Vec<_>>>()?;
        if labels.iter().any(Vec::is_empty) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "a choice is empty; every choice needs words",
            ));
        }
        let longest = labels.iter().map(Vec::len).max().unwrap_or_default();
        if longest > CHUNK {
            let why = format!("a choice has {longest} tokens; at most {CHUNK} can be scored");
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
        let fitted = self.window.fit(prompt, longest)?;
        let scores = self.likelihoods(&fitted.tokens, &labels)?;
        let silent = Prefix::new(prompt.prefix().system()).ask(prompt.task());
        let silent = self.window.fit(&silent, longest)?.tokens;
        let scores = match silent == fitted.tokens {
            // Nothing was said: there is nothing that could have changed since.
            true => scores,
            false => {
                let prior = match self.priors.find(&silent, &labels) {
                    Some(prior) => prior,
                    None => {
                        let prior = self.likelihoods(&silent, &labels)?;
                        self.priors.keep(silent, labels, prior.clone());
                        prior
                    }
                };
                scores
                    .iter()
                    .zip(prior)
                    .map(|(score, prior)| score - prior)
                    .collect()
            }
        };
        Ok(log_softmax(&scores).into_iter().map(f32::exp).collect())
    }

    /// The mean log-probability of each label's tokens behind `prompt`.
    fn likelihoods(&mut self, prompt: &[u32], labels: &[Vec<u32>]) -> Result<Vec<f32>> {
        let (trunk, first) = self.prefill(prompt)?;
        let mut sums = vec![0.0; labels.len()];
        let whole: Vec<(usize, &[u32])> = labels
            .iter()
            .enumerate()
            .map(|(i, label)| (i, label.as_slice()))
            .collect();
        // Branches whose beginning is fed, with the logits there and the sum so far.
        let mut level: Vec<(KvCache, Vec<f32>, f32, Vec<Branch>)> =
            vec![(trunk, log_softmax(&first), 0.0, Branch::grow(&whole))];
        while !level.is_empty() {
            let mut branches = Vec::new();
            for (cache, logs, sum, children) in level {
                for branch in children {
                    let sum = sum + branch.tokens.first().map_or(0.0, |&t| at(&logs, t));
                    branches.push((cache.fork(cache.len()), sum, branch));
                }
            }
            level = Vec::new();
            while !branches.is_empty() {
                level.extend(self.feed_branches(&mut branches, &mut sums)?);
            }
        }
        let lengths = labels.iter().map(|label| label.len() as f32);
        Ok(sums
            .iter()
            .zip(lengths)
            .map(|(sum, length)| sum / length)
            .collect())
    }

    /// Feeds as many of `branches` as go at once; returns those that go on.
    #[allow(clippy::type_complexity)]
    fn feed_branches(
        &mut self,
        branches: &mut Vec<(KvCache, f32, Branch)>,
        sums: &mut [f32],
    ) -> Result<Vec<(KvCache, Vec<f32>, f32, Vec<Branch>)>> {
        let mut taken = Vec::new();
        let mut rows = 0;
        while let Some((cache, sum, branch)) = branches.pop() {
            // Logits behind the last token matter only where labels go on.
            let count = branch.tokens.len() - usize::from(branch.children.is_empty());
            if rows + count > CHUNK {
                branches.push((cache, sum, branch));
                break;
            }
            rows += count;
            taken.push((cache, sum, branch, count));
        }
        let mut logits = Vec::new();
        let mut feeds: Vec<Feed<'_>> = taken
            .iter_mut()
            .filter(|(_, _, _, count)| *count > 0)
            .map(|(cache, _, branch, count)| Feed {
                cache,
                tokens: branch.tokens.get(..*count).unwrap_or_default(),
                wanted: *count,
            })
            .collect();
        if !feeds.is_empty() {
            self.decoder
                .forward(&mut feeds, Priority::Interactive, &mut logits)
                .map_err(candle_error)?;
        }
        let mut logs = logits.chunks_exact(self.decoder.words()).map(log_softmax);
        let mut next = Vec::new();
        for (cache, mut sum, branch, count) in taken {
            let mut last = Vec::new();
            for place in 0..count {
                last = logs.next().unwrap_or_default();
                sum += branch
                    .tokens
                    .get(place + 1)
                    .map_or(0.0, |&token| at(&last, token));
            }
            for &label in &branch.ends {
                if let Some(total) = sums.get_mut(label) {
                    *total = sum;
                }
            }
            if !branch.children.is_empty() {
                next.push((cache, last, sum, branch.children));
            }
        }
        Ok(next)
    }
}

fn at(logs: &[f32], token: u32) -> f32 {
    usize::try_from(token)
        .ok()
        .and_then(|i| logs.get(i))
        .copied()
        .unwrap_or(f32::NEG_INFINITY)
}

fn log_softmax(logits: &[f32]) -> Vec<f32> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.iter().map(|x| (x - max).exp()).sum();
    let norm = max + sum.ln();
    logits.iter().map(|x| x - norm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_with_a_common_beginning_share_it() {
        let labels: [&[u32]; 5] = [&[1, 2, 3], &[1, 2, 4, 5], &[1, 2], &[7], &[7]];
        let labels: Vec<(usize, &[u32])> = labels.into_iter().enumerate().collect();
        let tree = Branch::grow(&labels);
        assert_eq!(tree.len(), 2);
        assert_eq!(
            (tree[0].tokens.as_slice(), tree[0].ends.as_slice()),
            (&[1, 2][..], &[2][..])
        );
        let tails: Vec<&[u32]> = tree[0]
            .children
            .iter()
            .map(|b| b.tokens.as_slice())
            .collect();
        assert_eq!(tails, [&[3][..], &[4, 5]]);
        assert_eq!(tree[1].ends, [3, 4]);
        assert!(tree[1].children.is_empty());
    }
}
