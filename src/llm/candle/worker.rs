//! What the model's thread does: it takes requests, lets each begin where the longest known prefix ends, and
//! feeds all of them together, so that every weight is read once for all.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tokio::sync::{mpsc, oneshot};

use super::cache::{KvCache, Layout};
use super::constrain::Constrainer;
use super::decoder::{CHUNK, Decoder, Feed};
use super::engine::Job;
use super::prefixes::{Prefixes, shared};
use super::score::Priors;
use super::sequence::{Sequence, State};
use super::window::Window;
use super::{CandleOptions, candle_error, load};
use crate::compute::Priority;
use crate::error::{Error, ErrorKind, Result};
use crate::llm::{Delta, Prompt, Request};

/// Rows of prompts at once while answers are being written: more would hold these up for long.
const SMALL_CHUNK: usize = 96;
/// Tokens that a prompt must have in common with one that is being fed for it to wait for that.
const WORTH_WAITING: usize = 16;

/// A question, its choices, and who waits for their scores.
type Scoring = (Prompt, Vec<String>, oneshot::Sender<Result<Vec<f32>>>);

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) decoder: Decoder,
    pub(super) window: Window,
    pub(super) priors: Priors,
    constrainer: Constrainer,
    prefixes: Prefixes,
    /// Requests that nobody looked at yet, by urgency.
    waiting: VecDeque<(Request, mpsc::UnboundedSender<Result<Delta>>)>,
    scores: VecDeque<Scoring>,
    active: Vec<Sequence>,
    logits: Vec<f32>,
    options: CandleOptions,
}

impl Worker {
    pub(super) fn load(path: &Path, options: CandleOptions) -> Result<Self> {
        let load::Loaded {
            decoder,
            window,
            constrainer,
        } = load::load(path, options)?;
        Ok(Self {
            decoder,
            window,
            priors: Priors::default(),
            constrainer,
            prefixes: Prefixes::default(),
            waiting: VecDeque::new(),
            scores: VecDeque::new(),
            active: Vec::new(),
            logits: Vec::new(),
            options,
        })
    }

    pub(super) fn layout(&self) -> Layout {
        self.decoder.layout().clone()
    }

    /// Puts a job in line.
    pub(super) fn accept(&mut self, job: Job) {
        match job {
            Job::Generate { request, answer } => {
                let urgency = request.priority;
                let place = self.waiting.iter().position(|(r, _)| r.priority < urgency);
                let place = place.unwrap_or(self.waiting.len());
                self.waiting.insert(place, (request, answer));
            }
            Job::Score {
                prompt,
                choices,
                answer,
            } => self.scores.push_back((prompt, choices, answer)),
        }
    }

    /// Takes all answers one step further; false when there is nothing to do.
    pub(super) fn step(&mut self) -> bool {
        // A defect below must not take the thread, and with it every conversation, down.
        let done = catch_unwind(AssertUnwindSafe(|| self.try_step()));
        let defect = || {
            let what = "the model failed unexpectedly; the request was dropped";
            Error::new(ErrorKind::Internal, what)
        };
        match done.unwrap_or_else(|_| Err(defect())) {
            Ok(more) => more,
            Err(error) => {
                // Nothing that was computed is trusted after that.
                self.prefixes.clear();
                for sequence in self.active.drain(..) {
                    sequence.fail(Error::new(error.kind(), error.to_string()));
                }
                true
            }
        }
    }

    fn try_step(&mut self) -> Result<bool> {
        if let Some((prompt, choices, answer)) = self.scores.pop_front() {
            if !answer.is_closed() {
                let _ = answer.send(self.score(&prompt, &choices));
            }
            return Ok(true);
        }
        let dropped = self.active.extract_if(.., |sequence| sequence.is_dropped());
        for state in dropped.filter_map(|sequence| sequence.state) {
            self.prefixes.insert(state.tokens, state.cache);
        }
        self.admit();
        self.start();
        if self.active.is_empty() {
            return Ok(!self.waiting.is_empty());
        }
        let writing = self.active.iter().filter(|s| !s.is_prefill()).count();
        if self.options.prompt_lookup
            && let [alone] = self.active.as_mut_slice()
        {
            alone.guess();
        }
        self.feed(if writing > 0 { SMALL_CHUNK } else { CHUNK })?;
        Ok(true)
    }

    /// Takes requests out of the line as long as there is room in the batch.
    fn admit(&mut self) {
        while self.active.len() < self.options.max_batch.max(1) {
            let Some((request, answer)) = self.waiting.pop_front() else {
                return;
            };
            if answer.is_closed() {
                continue;
            }
            let prepared = self
                .window
                .fit(&request.prompt, request.max_tokens)
                .and_then(|fitted| Ok((fitted, self.constrainer.output(&request.output)?)));
            match prepared {
                Ok((fitted, constraint)) => {
                    if fitted.dropped > 0 {
                        tracing::warn!(
                            lines = fitted.dropped,
                            "the window is full: the oldest lines were left out"
                        );
                    }
                    self.active.push(Sequence::new(
                        fitted.tokens,
                        fitted.dropped,
                        &request,
                        constraint,
                        answer,
                    ));
                }
                Err(error) => {
                    // Nobody left to tell is fine.
                    let _ = answer.send(Err(error));
                }
            }
        }
    }

    /// Lets sequences begin whose prefix is not just being fed by another.
    fn start(&mut self) {
        for index in 0..self.active.len() {
            let (before, rest) = self.active.split_at_mut(index);
            let Some((sequence, behind)) = rest.split_first_mut() else {
                return;
            };
            if sequence.state.is_some() {
                continue;
            }
            let others = || {
                before
                    .iter()
                    .chain(behind.iter())
                    .filter(|s| s.state.is_some())
            };
            let (known, cache) = self.prefixes.longest(&sequence.prompt);
            let mut best = (known, cache.map(|cache| cache.fork(known)));
            let mut coming = 0;
            for state in others().filter_map(|other| other.state.as_ref()) {
                let common = shared(&state.tokens, &sequence.prompt);
                if common > best.0 {
                    best = (common, Some(state.cache.fork(common)));
                }
            }
            for other in others().filter(|other| other.is_prefill()) {
                coming = coming.max(shared(&other.prompt, &sequence.prompt));
            }
            if coming > best.0 + WORTH_WAITING {
                continue;
            }
            // The last token is always fed: its logits are not kept.
            let reused = best.0.min(sequence.prompt.len().saturating_sub(1));
            let layout = self.decoder.layout();
            let needed = layout.bytes_of(sequence.prompt.len() - reused + sequence.max_tokens);
            let promised: usize = others().map(|other| layout.bytes_of(other.needs())).sum();
            while layout.held_bytes() + promised + needed > self.options.cache_bytes
                && self.prefixes.evict()
            {}
            let over = layout.held_bytes() + promised + needed > self.options.cache_bytes;
            if over && others().next().is_some() {
                // Others give memory back when they are done; who is alone may have what it needs.
                continue;
            }
            let mut cache = best.1.unwrap_or_else(|| KvCache::new(layout));
            cache.truncate(reused);
            sequence.usage.reused_tokens = reused;
            sequence.state = Some(State {
                tokens: sequence.prompt.get(..reused).unwrap_or_default().to_vec(),
                pending: sequence.prompt.get(reused..).unwrap_or_default().to_vec(),
                guesses: 0,
                cache,
            });
        }
    }

    /// Feeds what comes next of every sequence, prompts up to `chunk` rows together, and lets each go on.
    fn feed(&mut self, chunk: usize) -> Result<()> {
        let mut room = chunk.min(CHUNK);
        let mut feeds = Vec::new();
        let mut fed = Vec::new();
        let mut priority = Priority::Background;
        // Answers first: they need few rows and somebody reads along.
        let (answers, prompts): (Vec<_>, Vec<_>) = self
            .active
            .iter_mut()
            .enumerate()
            .partition(|(_, sequence)| !sequence.is_prefill());
        for (index, sequence) in answers.into_iter().chain(prompts) {
            let prompt = sequence.prompt.len();
            let Some(state) = &mut sequence.state else {
                continue;
            };
            let count = state.pending.len().min(room);
            if count == 0 {
                continue;
            }
            room -= count;
            priority = priority.max(sequence.priority);
            let rest = state.pending.split_off(count);
            let tokens = std::mem::replace(&mut state.pending, rest);
            let whole = state.pending.is_empty();
            let guesses = if whole { state.guesses } else { 0 };
            let wanted = match whole && state.tokens.len() + count >= prompt {
                true => 1 + guesses,
                false => 0,
            };
            fed.push((index, tokens, guesses, wanted));
            feeds.push(&mut state.cache);
        }
        let mut batch: Vec<Feed<'_>> = feeds
            .into_iter()
            .zip(&fed)
            .map(|(cache, (_, tokens, _, wanted))| Feed {
                cache,
                tokens,
                wanted: *wanted,
            })
            .collect();
        self.decoder
            .forward(&mut batch, priority, &mut self.logits)
            .map_err(candle_error)?;
        drop(batch);
        let words = self.decoder.words();
        let mut rows = self.logits.as_mut_slice();
        let mut over = Vec::new();
        for (index, tokens, guesses, wanted) in fed {
            let (own, others) = rows.split_at_mut(wanted * words);
            rows = others;
            let Some(sequence) = self.active.get_mut(index) else {
                continue;
            };
            if let Some(state) = &mut sequence.state {
                state.tokens.extend_from_slice(&tokens);
                if state.pending.is_empty() {
                    state.guesses = 0;
                }
            }
            if wanted == 0 {
                continue;
            }
            let guessed = tokens.get(tokens.len() - guesses..).unwrap_or_default();
            match sequence.advance(&self.window.vocabulary, own, words, guessed) {
                Ok(false) => {}
                Ok(true) => over.push(index),
                Err(error) => {
                    sequence.fail(error);
                    over.push(index);
                }
            }
        }
        over.sort_unstable();
        for index in over.into_iter().rev() {
            if let Some(state) = self.active.swap_remove(index).state {
                self.prefixes.insert(state.tokens, state.cache);
            }
        }
        Ok(())
    }

    /// The state behind `prompt` and the logits there, for what is asked without writing an answer.
    pub(super) fn prefill(&mut self, prompt: &[u32]) -> Result<(KvCache, Vec<f32>)> {
        let (known, cache) = self.prefixes.longest(prompt);
        let reused = known.min(prompt.len().saturating_sub(1));
        let mut cache = match cache {
            Some(cache) => cache.fork(reused),
            None => KvCache::new(self.decoder.layout()),
        };
        let mut logits = Vec::new();
        for tokens in prompt.get(reused..).unwrap_or_default().chunks(CHUNK) {
            let is_last = cache.len() + tokens.len() == prompt.len();
            let feed = Feed {
                cache: &mut cache,
                tokens,
                wanted: usize::from(is_last),
            };
            self.decoder
                .forward(&mut [feed], Priority::Interactive, &mut logits)
                .map_err(candle_error)?;
        }
        let keep = cache.fork(prompt.len());
        self.prefixes.insert(prompt.to_vec(), keep);
        while self.decoder.layout().held_bytes() > self.options.cache_bytes && self.prefixes.evict()
        {
        }
        Ok((cache, logits))
    }
}
