//! A handle to the thread that owns a model.

use std::fmt;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc as channel;
use tokio::sync::oneshot;

use super::cache::Layout;
use super::vocabulary::Vocabulary;
use super::worker::Worker;
use super::{CandleMemory, CandleOptions};
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::llm::{Delta, Prompt, Request};

/// Questions about one turn come together, but not in the same microsecond: an idle thread waits so long
/// for the others, so that they go through the model in one pass.
const GATHER: Duration = Duration::from_micros(300);

/// A handle to the thread; the thread ends when the last handle is dropped.
#[derive(Clone)]
pub(super) struct Engine {
    jobs: mpsc::Sender<Job>,
    layout: Layout,
    vocabulary: Vocabulary,
    budget: usize,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// What the thread is asked to do.
pub(super) enum Job {
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
        let layout = worker.layout();
        let vocabulary = worker.window.vocabulary.clone();
        let (jobs, queue) = mpsc::channel();
        std::thread::Builder::new()
            .name("attendant-llm".into())
            .spawn(move || {
                while let Ok(job) = queue.recv() {
                    worker.accept(job);
                    std::thread::sleep(GATHER);
                    loop {
                        while let Ok(job) = queue.try_recv() {
                            worker.accept(job);
                        }
                        if !worker.step() {
                            break;
                        }
                    }
                }
            })
            .or_error(ErrorKind::Internal, || "cannot start the model's thread")?;
        Ok(Self {
            jobs,
            layout,
            vocabulary,
            budget: options.cache_bytes,
        })
    }

    pub(super) fn memory(&self) -> CandleMemory {
        CandleMemory {
            cache_bytes: self.layout.held_bytes(),
            cache_budget: self.budget,
            bytes_per_token: self.layout.bytes_of(1024) / 1024,
        }
    }

    pub(super) fn tokenize(&self, text: &str) -> Result<Vec<u32>> {
        self.vocabulary.encode(&self.vocabulary.disarm(text))
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
