//! How likely each of several answers is, without writing one.

use super::candle_error;
use super::decoder::CHUNK;
use super::engine::{Worker, lost_slot};
use crate::error::{Error, ErrorKind, Result};
use crate::llm::Prompt;

/// A choice whose beginning alone is e^-8 times as likely as another choice is not read to its end.
const NEGLIGIBLE: f32 = 8.0;

impl Worker {
    /// Probability of each choice as the beginning of the answer, normalised over the choices.
    pub(super) fn score(&mut self, prompt: &Prompt, choices: &[String]) -> Result<Vec<f32>> {
        let labels = choices
            .iter()
            .map(|choice| self.vocabulary.encode(&self.vocabulary.disarm(choice)))
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
        let prompt = self.encode(prompt, longest)?;
        let slot = self.slot_for(&prompt)?;
        let (first, _) = self.feed_prompt(slot, &prompt)?;
        let first = log_softmax(&first);
        let start = |label: &[u32]| label.first().map_or(0.0, |&token| at(&first, token));
        // The likeliest beginnings first, so that the best choice is known early.
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by(|&a, &b| start(&labels[b]).total_cmp(&start(&labels[a])));
        let mut sums = vec![0.0; labels.len()];
        let mut best = f32::NEG_INFINITY;
        for index in order {
            let label = &labels[index];
            let mut sum = start(label);
            if sum < best - NEGLIGIBLE {
                // Its other tokens can only make it less likely.
                sums[index] = sum;
                continue;
            }
            // The logits behind the last token are of no interest.
            if let Some((_, rest)) = label.split_last().filter(|(_, rest)| !rest.is_empty()) {
                let Some(slot) = self.slots.get_mut(slot) else {
                    return Err(lost_slot());
                };
                let rows = self
                    .decoder
                    .feed_all(&mut slot.cache, rest)
                    .map_err(candle_error)?;
                slot.cache.truncate(prompt.len());
                for (row, &token) in rows.iter().zip(label.iter().skip(1)) {
                    sum += at(&log_softmax(row), token);
                }
            }
            best = best.max(sum);
            sums[index] = sum;
        }
        Ok(log_softmax(&sums).into_iter().map(f32::exp).collect())
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
