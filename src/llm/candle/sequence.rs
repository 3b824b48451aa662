//! One answer that is being written.

use tokio::sync::mpsc::UnboundedSender;

use super::cache::KvCache;
use super::constrain::Constraint;
use super::draft::Drafter;
use super::sample::{Sampler, argmax};
use super::vocabulary::{Utf8Buffer, Vocabulary};
use crate::compute::Priority;
use crate::error::{Error, Result};
use crate::llm::{Delta, Finish, Usage};

/// What a sequence needs to know of its request.
#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) priority: Priority,
    /// The whole prompt.
    pub(super) prompt: Vec<u32>,
    /// What was fed; `None` until it is this sequence's turn.
    pub(super) state: Option<State>,
    pub(super) max_tokens: usize,
    pub(super) usage: Usage,
    constraint: Option<Constraint>,
    sampler: Option<Sampler>,
    drafter: Drafter,
    text: Utf8Buffer,
    answer: UnboundedSender<Result<Delta>>,
}

/// Where a sequence stands.
#[derive(Debug)]
pub(super) struct State {
    /// What was fed.
    pub(super) tokens: Vec<u32>,
    pub(super) cache: KvCache,
    /// What is to be fed: the rest of the prompt, or what comes next.
    pub(super) pending: Vec<u32>,
    /// Of these, the last ones that are guesses.
    pub(super) guesses: usize,
}

impl State {
    /// Forgets the last `count` tokens that were fed.
    fn take_back(&mut self, count: usize) {
        let len = self.tokens.len() - count;
        self.tokens.truncate(len);
        self.cache.truncate(len);
    }
}

impl Sequence {
    pub(super) fn new(
        prompt: Vec<u32>,
        dropped_lines: usize,
        request: &crate::llm::Request,
        constraint: Option<Constraint>,
        answer: UnboundedSender<Result<Delta>>,
    ) -> Self {
        Self {
            priority: request.priority,
            usage: Usage {
                prompt_tokens: prompt.len(),
                dropped_lines,
                ..Usage::default()
            },
            prompt,
            state: None,
            max_tokens: request.max_tokens,
            constraint,
            sampler: Sampler::new(request.temperature, request.seed),
            drafter: Drafter::default(),
            text: Utf8Buffer::default(),
            answer,
        }
    }

    /// Whether nobody waits for the answer any more.
    pub(super) fn is_dropped(&self) -> bool {
        self.answer.is_closed()
    }

    /// Whether its prompt is still being fed.
    pub(super) fn is_prefill(&self) -> bool {
        let fed = self.state.as_ref().map_or(0, |state| state.tokens.len());
        fed < self.prompt.len()
    }

    /// Positions it may still need.
    pub(super) fn needs(&self) -> usize {
        let fed = self.state.as_ref().map_or(0, |state| state.tokens.len());
        (self.prompt.len() + self.max_tokens).saturating_sub(fed)
    }

    /// Ends it with an error.
    pub(super) fn fail(&self, error: Error) {
        // Nobody left to tell is fine.
        let _ = self.answer.send(Err(error));
    }

    /// Takes the logits behind the last certain token and behind each guess, `(1 + guesses, words)`,
    /// and decides what to feed next. True when the answer is over.
    pub(super) fn advance(
        &mut self,
        vocabulary: &Vocabulary,
        logits: &mut [f32],
        words: usize,
        guesses: &[u32],
    ) -> Result<bool> {
        let mut rows = logits.chunks_exact_mut(words);
        // Guesses that proved right.
        let mut right = 0;
        loop {
            let Some(row) = rows.next() else {
                return Ok(false);
            };
            let Some(next) = self.next_tokens(vocabulary, row)? else {
                return Ok(self.finish(Finish::Stop, guesses.len() - right));
            };
            let room = self.max_tokens.saturating_sub(self.usage.completion_tokens);
            if next.len() > room {
                return Ok(self.finish(Finish::Length, guesses.len() - right));
            }
            self.usage.completion_tokens += next.len();
            let bytes: Vec<u8> = next
                .iter()
                .flat_map(|&token| vocabulary.bytes(token).to_vec())
                .collect();
            let piece = self.text.push(&bytes);
            if !piece.is_empty() {
                // A reader that left is noticed before the next step.
                let _ = self.answer.send(Ok(Delta::Text(piece)));
            }
            if self
                .constraint
                .as_ref()
                .is_some_and(Constraint::is_complete)
            {
                return Ok(self.finish(Finish::Stop, guesses.len() - right));
            }
            if let [token] = next.as_slice()
                && guesses.get(right) == Some(token)
            {
                right += 1;
                continue;
            }
            self.drafter.learn(guesses.len(), right);
            if let Some(state) = &mut self.state {
                state.take_back(guesses.len() - right);
                state.pending = next;
            }
            return Ok(false);
        }
    }

    /// Puts guesses behind the next token, where that is known.
    pub(super) fn guess(&mut self) {
        if self.is_prefill() {
            return;
        }
        let room = self
            .max_tokens
            .saturating_sub(self.usage.completion_tokens + 1);
        let Some(state) = &mut self.state else { return };
        let [next] = state.pending.as_slice() else {
            return;
        };
        state.tokens.push(*next);
        let guesses = self.drafter.guess(&state.tokens, room);
        state.tokens.pop();
        state.guesses = guesses.len();
        state.pending.extend(guesses);
    }

    /// Ends the answer; the last `wrong` tokens that were fed are no part of it.
    fn finish(&mut self, finish: Finish, wrong: usize) -> bool {
        if let Some(state) = &mut self.state {
            state.take_back(wrong);
        }
        let rest = self.text.flush();
        if !rest.is_empty() {
            let _ = self.answer.send(Ok(Delta::Text(rest)));
        }
        let usage = self.usage;
        let _ = self.answer.send(Ok(Delta::Done { finish, usage }));
        true
    }

    /// What comes next: all tokens that a constraint forces, else the one that is sampled; `None` at the
    /// end of the answer.
    fn next_tokens(
        &mut self,
        vocabulary: &Vocabulary,
        logits: &mut [f32],
    ) -> Result<Option<Vec<u32>>> {
        if let Some(constraint) = &mut self.constraint {
            let forced = constraint.forced()?;
            if !forced.is_empty() {
                let forced: Vec<u32> = forced
                    .into_iter()
                    .filter(|&token| !vocabulary.is_end(token))
                    .collect();
                return Ok((!forced.is_empty()).then_some(forced));
            }
            if constraint.is_complete() {
                return Ok(None);
            }
            constraint.apply(logits)?;
        }
        let token = match &mut self.sampler {
            None => argmax(logits),
            Some(sampler) => sampler.sample(logits),
        };
        if vocabulary.is_end(token) {
            return Ok(None);
        }
        if let Some(constraint) = &mut self.constraint {
            constraint.take(token)?;
        }
        Ok(Some(vec![token]))
    }
}
