//! The thread that owns a model: takes requests in turn, reuses the state of seen prefixes.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc;

use candle_core::quantized::gguf_file::Content;
use candle_transformers::generation::LogitsProcessor;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc as channel;
use tokio::sync::oneshot;

use super::cache::KvCache;
use super::constrain::{Constrainer, Constraint};
use super::decoder::{Decoder, text};
use super::template::ChatTemplate;
use super::vocabulary::{Utf8Buffer, Vocabulary};
use super::{CandleOptions, candle_error};
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::llm::{Delta, Finish, Output, Prompt, Request, Usage};

/// Every GGUF file begins with this.
const MAGIC: &[u8; 4] = b"GGUF";
/// Lines of the transcript that go at once when the window is full.
const WINDOW_BLOCK: usize = 32;
/// Rows from which candle uses its kernels for matrices.
const WARM_UP_ROWS: usize = 32;
/// Sampling above temperature 0 is reproducible.
const SEED: u64 = 42;

/// A handle to the thread; the thread ends when the last handle is dropped.
#[derive(Clone)]
pub(super) struct Engine {
    jobs: mpsc::Sender<Job>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

enum Job {
    Generate {
        request: Request,
        answer: channel::UnboundedSender<Result<Delta>>,
    },
    Score {
        prompt: Prompt,
        choices: Vec<String>,
        answer: oneshot::Sender<Result<Vec<f32>>>,
    },
}

impl Engine {
    pub(super) fn load(path: &Path, options: CandleOptions) -> Result<Self> {
        let mut worker = Worker::load(path, options).map_err(|e| e.context(path.display()))?;
        let (jobs, queue) = mpsc::channel();
        std::thread::Builder::new()
            .name("attendant-llm".into())
            .spawn(move || {
                while let Ok(job) = queue.recv() {
                    worker.run(job);
                }
            })
            .or_error(ErrorKind::Internal, || "cannot start the model's thread")?;
        Ok(Self { jobs })
    }

    pub(super) fn generate(&self, request: Request) -> Result<BoxStream<'static, Result<Delta>>> {
        // Bounded by the request's max_tokens; the thread must never wait for a slow reader.
        let (answer, deltas) = channel::unbounded_channel();
        self.send(Job::Generate { request, answer })?;
        let stream = futures::stream::unfold(deltas, |mut deltas| async move {
            deltas.recv().await.map(|delta| (delta, deltas))
        });
        Ok(stream.boxed())
    }

    pub(super) async fn score(&self, prompt: Prompt, choices: Vec<String>) -> Result<Vec<f32>> {
        let (answer, scores) = oneshot::channel();
        self.send(Job::Score {
            prompt,
            choices,
            answer,
        })?;
        scores
            .await
            .or_error(ErrorKind::Internal, || "the model's thread stopped")?
    }

    fn send(&self, job: Job) -> Result<()> {
        self.jobs.send(job).map_err(|_| {
            Error::new(
                ErrorKind::Internal,
                "the model's thread stopped; load the model again",
            )
        })
    }
}

/// The state of one token sequence.
#[derive(Debug)]
pub(super) struct Slot {
    tokens: Vec<u32>,
    pub(super) cache: KvCache,
    used: u64,
}

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) decoder: Decoder,
    pub(super) vocabulary: Vocabulary,
    template: ChatTemplate,
    constrainer: Constrainer,
    pub(super) slots: Vec<Slot>,
    max_slots: usize,
    clock: u64,
}

impl Worker {
    fn load(path: &Path, options: CandleOptions) -> Result<Self> {
        use std::io::{Read, Seek};
        let file = std::fs::File::open(path)
            .or_error(ErrorKind::NotFound, || "cannot open the model file")?;
        let size = file.metadata().map(|m| m.len()).unwrap_or_default();
        let mut file = std::io::BufReader::with_capacity(1 << 20, file);
        let mut magic = [0; 4];
        let is_gguf = file.read_exact(&mut magic).is_ok() && &magic == MAGIC;
        if !is_gguf {
            return Err(Error::new(
                ErrorKind::Model,
                "this is no GGUF file; give the path of a model in GGUF format",
            ));
        }
        file.rewind()
            .or_error(ErrorKind::Model, || "cannot read the model file")?;
        let damaged = || "the GGUF file is damaged or of an unknown kind; fetch it again (attendant models verify)";
        let content = Content::read(&mut file).or_error(ErrorKind::Model, damaged)?;
        let missing = content.tensor_infos.values().any(|info| {
            let elements = info.shape.elem_count();
            let bytes =
                (elements / info.ggml_dtype.block_size()).checked_mul(info.ggml_dtype.type_size());
            let end = bytes.and_then(|b| {
                content
                    .tensor_data_offset
                    .checked_add(info.offset)?
                    .checked_add(b as u64)
            });
            end.is_none_or(|end| end > size)
        });
        if missing {
            return Err(Error::new(
                ErrorKind::Model,
                "the GGUF file ends before its last tensor; fetch it again (attendant models fetch --force)",
            ));
        }
        let vocabulary = Vocabulary::read(&content)?;
        let mut decoder = Decoder::read(&content, &mut file, options.context_tokens)
            .or_error(ErrorKind::Model, damaged)?;
        // candle rearranges weights when they are first used, once for one row and once for many:
        // better now than while somebody waits for an answer.
        let mut scratch = decoder.cache();
        for rows in [WARM_UP_ROWS, 1] {
            decoder
                .feed(&mut scratch, &vec![0; rows])
                .or_error(ErrorKind::Model, damaged)?;
        }
        Ok(Self {
            decoder,
            template: ChatTemplate::new(
                text(&content, "tokenizer.chat_template").ok(),
                &vocabulary.bos(&content),
            )?,
            constrainer: Constrainer::new(&vocabulary)?,
            vocabulary,
            slots: Vec::new(),
            max_slots: options.cached_conversations.max(1),
            clock: 0,
        })
    }

    fn run(&mut self, job: Job) {
        // A defect below must not take the thread, and with it every conversation, down.
        let defect = || {
            Error::new(
                ErrorKind::Internal,
                "the model failed unexpectedly; the request was dropped",
            )
        };
        match job {
            Job::Generate { request, answer } => {
                let done = catch_unwind(AssertUnwindSafe(|| self.generate(&request, &answer)));
                if let Err(error) = done.unwrap_or_else(|_| Err(defect())) {
                    self.forget_after(&error);
                    // Nobody left to tell is fine.
                    let _ = answer.send(Err(error));
                }
            }
            Job::Score { answer, .. } if answer.is_closed() => {}
            Job::Score {
                prompt,
                choices,
                answer,
            } => {
                let done = catch_unwind(AssertUnwindSafe(|| self.score(&prompt, &choices)));
                let scores = done.unwrap_or_else(|_| Err(defect()));
                if let Err(error) = &scores {
                    self.forget_after(error);
                }
                let _ = answer.send(scores);
            }
        }
    }

    /// A request that was refused touched no state; after any other failure nothing is trusted.
    fn forget_after(&mut self, error: &Error) {
        if error.kind() != ErrorKind::InvalidInput {
            self.slots.clear();
        }
    }

    fn generate(
        &mut self,
        request: &Request,
        answer: &channel::UnboundedSender<Result<Delta>>,
    ) -> Result<()> {
        let prompt = self.encode(&request.prompt, request.max_tokens)?;
        let mut constraint = match &request.output {
            Output::Text => None,
            Output::Json(schema) => Some(self.constrainer.json(schema)?),
        };
        if answer.is_closed() {
            return Ok(());
        }
        let slot = self.slot_for(&prompt)?;
        let (mut logits, reused) = self.feed_prompt(slot, &prompt)?;
        let mut usage = Usage {
            prompt_tokens: prompt.len(),
            reused_tokens: reused,
            completion_tokens: 0,
        };
        let mut sampler = (request.temperature > 0.0)
            .then(|| LogitsProcessor::new(SEED, Some(f64::from(request.temperature)), Some(0.95)));
        let mut text = Utf8Buffer::default();
        let finish = loop {
            let room = request.max_tokens.saturating_sub(usage.completion_tokens);
            let next = self.next_tokens(&mut logits, constraint.as_mut(), sampler.as_mut())?;
            let Some(next) = next else { break Finish::Stop };
            if next.len() > room {
                break Finish::Length;
            }
            usage.completion_tokens += next.len();
            let bytes: Vec<u8> = next
                .iter()
                .flat_map(|&t| self.vocabulary.bytes(t).to_vec())
                .collect();
            let piece = text.push(&bytes);
            if !piece.is_empty() && answer.send(Ok(Delta::Text(piece))).is_err() {
                return Ok(());
            }
            if constraint.as_ref().is_some_and(Constraint::is_complete) {
                break Finish::Stop;
            }
            logits = self.feed(slot, &next)?;
        };
        let _ = answer.send(Ok(Delta::Done { finish, usage }));
        Ok(())
    }

    /// What comes next: all tokens that a schema forces, else the one that is sampled; `None` at
    /// the end of the answer.
    fn next_tokens(
        &self,
        logits: &mut [f32],
        mut constraint: Option<&mut Constraint>,
        sampler: Option<&mut LogitsProcessor>,
    ) -> Result<Option<Vec<u32>>> {
        if let Some(constraint) = constraint.as_deref_mut() {
            let forced = constraint.forced()?;
            if !forced.is_empty() {
                let forced: Vec<u32> = forced
                    .into_iter()
                    .filter(|&t| !self.vocabulary.is_end(t))
                    .collect();
                return Ok((!forced.is_empty()).then_some(forced));
            }
            if constraint.is_complete() {
                return Ok(None);
            }
            constraint.apply(logits)?;
        }
        let token = match sampler {
            None => argmax(logits),
            Some(sampler) => {
                let tensor = candle_core::Tensor::new(&*logits, &candle_core::Device::Cpu)
                    .map_err(candle_error)?;
                sampler.sample(&tensor).map_err(candle_error)?
            }
        };
        if self.vocabulary.is_end(token) {
            return Ok(None);
        }
        if let Some(constraint) = constraint {
            constraint.take(token)?;
        }
        Ok(Some(vec![token]))
    }

    pub(super) fn encode(&self, prompt: &Prompt, answer: usize) -> Result<Vec<u32>> {
        let window = self.decoder.context();
        let mut tokens = self.render(prompt)?;
        let lines = prompt.prefix().lines().len();
        let mut dropped = 0;
        while tokens.len() + answer > window && dropped < lines {
            // Whole blocks go, so that the cut stays where it is for many turns and the cache holds.
            dropped += WINDOW_BLOCK;
            tokens = self.render(&prompt.prefix().without_oldest(dropped).ask(prompt.task()))?;
        }
        if tokens.len() + answer > window {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "the prompt has {} tokens and the answer may have {answer}, but the window is {window}; \
                     shorten the transcript or load the model with more context_tokens",
                    tokens.len()
                ),
            ));
        }
        Ok(tokens)
    }

    fn render(&self, prompt: &Prompt) -> Result<Vec<u32>> {
        let system = self.vocabulary.disarm(prompt.prefix().system());
        let user = self.vocabulary.disarm(&prompt.user_message());
        self.vocabulary
            .encode(&self.template.render(&system, &user)?)
    }

    /// The slot to answer from: the one that shares the longest prefix. Where cutting it back
    /// would throw away much of another conversation, its prefix is copied to a slot of its own.
    pub(super) fn slot_for(&mut self, prompt: &[u32]) -> Result<usize> {
        self.clock += 1;
        let best = (0..self.slots.len())
            .filter_map(|i| {
                self.slots
                    .get(i)
                    .map(|slot| (shared(&slot.tokens, prompt), i))
            })
            .max();
        let index = match best {
            Some((common, index)) if self.keeps(index, common) => index,
            _ => {
                let cache =
                    match best.and_then(|(common, i)| self.slots.get(i).map(|s| (common, s))) {
                        Some((common, slot)) if common > 0 => slot.cache.fork(common),
                        _ => self.decoder.cache(),
                    };
                let tokens = prompt.get(..cache.len()).unwrap_or_default().to_vec();
                if self.slots.len() >= self.max_slots
                    && let Some(oldest) =
                        (0..self.slots.len()).min_by_key(|&i| self.slots.get(i).map(|s| s.used))
                {
                    self.slots.swap_remove(oldest);
                }
                self.slots.push(Slot {
                    tokens,
                    cache,
                    used: 0,
                });
                self.slots.len() - 1
            }
        };
        if let Some(slot) = self.slots.get_mut(index) {
            slot.used = self.clock;
        }
        Ok(index)
    }

    /// Whether a slot may be cut back to `common` tokens: most of it is shared, so what goes is
    /// the task and the answer of the request before.
    fn keeps(&self, index: usize, common: usize) -> bool {
        self.slots
            .get(index)
            .is_some_and(|slot| common * 2 >= slot.tokens.len())
    }

    /// Feeds what the slot does not hold yet; returns the logits behind the prompt and how many
    /// tokens were reused.
    pub(super) fn feed_prompt(&mut self, slot: usize, prompt: &[u32]) -> Result<(Vec<f32>, usize)> {
        let Some(held) = self.slots.get_mut(slot) else {
            return Err(lost_slot());
        };
        // The last token is always fed: its logits are not kept.
        let reused = shared(&held.tokens, prompt).min(prompt.len().saturating_sub(1));
        held.tokens.truncate(reused);
        held.cache.truncate(reused);
        let fresh = prompt.get(reused..).unwrap_or_default();
        Ok((self.feed(slot, fresh)?, reused))
    }

    fn feed(&mut self, slot: usize, tokens: &[u32]) -> Result<Vec<f32>> {
        let Some(slot) = self.slots.get_mut(slot) else {
            return Err(lost_slot());
        };
        let logits = self
            .decoder
            .feed(&mut slot.cache, tokens)
            .map_err(candle_error)?;
        slot.tokens.extend_from_slice(tokens);
        Ok(logits)
    }
}

pub(super) fn lost_slot() -> Error {
    Error::new(
        ErrorKind::Internal,
        "a cache slot vanished while it was in use",
    )
}

/// Length of the longest common prefix.
fn shared(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

fn argmax(logits: &[f32]) -> u32 {
    let best = logits.iter().zip(0_u32..).max_by(|a, b| a.0.total_cmp(b.0));
    best.map_or(0, |(_, token)| token)
}
