//! The chunks of a streamed answer.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use tokio::time::{Instant, timeout, timeout_at};

use super::events::Events;
use super::wire::Chunk;
use crate::error::Result;
use crate::remote::Server;

/// How long a server that has finished its answer may take to say what it cost.
const AFTERWORD: Duration = Duration::from_secs(2);

/// No event is longer, in bytes.
const LONGEST_EVENT: usize = 1024 * 1024;

/// Reads an answer as it comes. Dropping it closes the connection, by which a server knows that
/// nobody listens any more.
pub(super) struct Chunks {
    server: Arc<Server>,
    response: reqwest::Response,
    events: Events,
    /// Set when the answer is finished: until when the rest is waited for.
    afterword: Option<Instant>,
}

impl Chunks {
    /// Makes sure that the answer is a stream: some servers say no with a status that says yes.
    pub(super) async fn open(server: Arc<Server>, response: reqwest::Response) -> Result<Self> {
        let kind = response.headers().get(CONTENT_TYPE);
        if kind.is_some_and(|kind| !kind.as_bytes().starts_with(b"text/event-stream")) {
            let body = server.body(response).await?;
            return Err(server.unexpected(&body));
        }
        Ok(Self {
            server,
            response,
            events: Events::default(),
            afterword: None,
        })
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Says that the answer is finished: what still comes is its cost.
    pub(super) fn finish(&mut self) {
        let wait = self.server.timeout().min(AFTERWORD);
        self.afterword.get_or_insert_with(|| Instant::now() + wait);
    }

    /// The next chunk; `None` when a finished answer has no more of them.
    ///
    /// Comments that keep the connection alive are no answer: the time runs on.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>> {
        if let Some(until) = self.afterword {
            // What fails after the last word costs only the figures.
            return Ok(match timeout_at(until, self.chunk()).await {
                Ok(Ok(chunk)) => chunk,
                _ => None,
            });
        }
        let patience = self.server.timeout();
        match timeout(patience, self.chunk()).await {
            Ok(Ok(Some(chunk))) => Ok(Some(chunk)),
            Ok(Ok(None)) => Err(self.server.cut(None)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(self.server.silent()),
        }
    }

    async fn chunk(&mut self) -> Result<Option<Chunk>> {
        let Some(event) = self.event().await? else {
            return Ok(None);
        };
        if event == b"[DONE]" {
            return Ok(None);
        }
        match serde_json::from_slice::<Chunk>(&event) {
            Ok(chunk)
                if chunk.error.is_none() && (chunk.choices.is_some() || chunk.usage.is_some()) =>
            {
                Ok(Some(chunk))
            }
            _ => Err(self.server.unexpected(&event)),
        }
    }

    async fn event(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            if let Some(event) = self.events.next() {
                return Ok(Some(event));
            }
            if self.events.waiting() > LONGEST_EVENT {
                return Err(self.server.odd("an event of its answer is far too long"));
            }
            match self.response.chunk().await {
                Ok(Some(piece)) => self.events.push(&piece),
                Ok(None) => return Ok(None),
                Err(error) => return Err(self.server.cut(Some(error))),
            }
        }
    }
}
