//! A streamed answer, piece by piece or, where a form was asked for, in one piece.

use async_stream::try_stream;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::call::Call;
use super::form::{Form, Kind};
use super::stream::Chunks;
use super::wire::{Cost, Piece};
use super::words::Words;
use crate::error::{Error, ErrorKind, Result};
use crate::llm::{Delta, Finish, Usage};
use crate::remote::Server;

/// Reads an answer to its end.
pub(super) fn read(mut chunks: Chunks, form: Form) -> BoxStream<'static, Result<Delta>> {
    let deltas = try_stream! {
        let mut answer = Answer::new(form);
        let mut usage = Usage::default();
        while let Some(chunk) = chunks.next().await? {
            if let Some(cost) = &chunk.usage {
                usage = read_usage(cost);
            }
            let choices = chunk.choices.into_iter().flatten();
            for choice in choices.filter(|choice| choice.index == 0) {
                if let Some(piece) = choice.delta {
                    let text = answer.take(piece).ok_or_else(|| no_text(chunks.server()))?;
                    if !text.is_empty() {
                        yield Delta::Text(text);
                    }
                }
                if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
                    answer.end = read_end(&reason).ok_or_else(|| chunks.server().cut(None))?;
                    chunks.finish();
                }
            }
        }
        let (text, finish) = answer.finish(chunks.server())?;
        if !text.is_empty() {
            yield Delta::Text(text);
        }
        yield Delta::Done { finish, usage };
    };
    deltas.boxed()
}

/// Why a server ended an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Stop,
    Length,
    /// A filter withholds the rest.
    Filter,
}

/// `None` where the server gave up.
fn read_end(reason: &str) -> Option<End> {
    match reason {
        "length" | "max_tokens" => Some(End::Length),
        "content_filter" => Some(End::Filter),
        "error" | "abort" => None,
        // `stop`, `tool_calls`, `eos`: each server has its own words for it.
        _ => Some(End::Stop),
    }
}

/// What came so far.
struct Answer {
    form: Form,
    words: Words,
    refusing: Words,
    /// Kept back until the answer is whole.
    text: String,
    call: Option<Call>,
    has_spoken: bool,
    has_refused: bool,
    end: End,
}

impl Answer {
    fn new(form: Form) -> Self {
        Self {
            form,
            words: Words::default(),
            refusing: Words::default(),
            text: String::new(),
            call: None,
            has_spoken: false,
            has_refused: false,
            end: End::Stop,
        }
    }

    /// What can be handed on at once; `None` for bytes that are not UTF-8.
    fn take(&mut self, piece: Piece) -> Option<String> {
        if matches!(self.form.kind, Kind::Call) {
            for piece in piece.tool_calls.into_iter().flatten() {
                Call::take(&mut self.call, piece)?;
            }
        }
        let mut fresh = match piece.content {
            Some(content) => self.words.take(&content.0)?,
            None => String::new(),
        };
        if let Some(refusal) = piece.refusal {
            let refusal = self.refusing.take(&refusal.0)?;
            self.has_refused |= !refusal.is_empty();
            // A refusal is what the model says, too; the reader of a text decides what it is worth.
            fresh.push_str(&refusal);
        }
        self.has_spoken |= !fresh.is_empty();
        if matches!(self.form.kind, Kind::Free) {
            return Some(fresh);
        }
        self.text.push_str(&fresh);
        Some(String::new())
    }

    /// What was kept back, in its form.
    fn finish(self, server: &Server) -> Result<(String, Finish)> {
        if self.end == End::Filter && !self.has_spoken && self.call.is_none() {
            let why = "its content filter withheld the answer; ask something else";
            return Err(server.fail(ErrorKind::Refused, why));
        }
        let finish = match self.end {
            End::Stop => Finish::Stop,
            End::Length | End::Filter => Finish::Length,
        };
        if finish == Finish::Stop && self.words.is_cut() {
            return Err(no_text(server));
        }
        if let Some(call) = &self.call {
            return Ok((call.text(), finish));
        }
        if matches!(self.form.kind, Kind::Free) {
            return Ok((self.text, finish));
        }
        if self.has_refused {
            let why = "the model refused to answer; ask something else";
            return Err(server.fail(ErrorKind::Refused, why));
        }
        match self.form.kind.fit(&self.text) {
            Some(fitting) if fitting.is_whole => Ok((fitting.text, Finish::Stop)),
            Some(fitting) => Ok((fitting.text, finish)),
            None if self.form.is_promised && finish == Finish::Stop => {
                let why = "its answer does not follow the schema that was sent; if the server knows \
                           none, configure it without JSON schemas";
                Err(server.fail(ErrorKind::Malformed, why))
            }
            None => Ok((self.text, finish)),
        }
    }
}

fn no_text(server: &Server) -> Error {
    server.odd("its words are not UTF-8")
}

fn read_usage(cost: &Cost) -> Usage {
    let details = cost.prompt_tokens_details.as_ref();
    Usage {
        prompt_tokens: cost.prompt_tokens.unwrap_or_default(),
        reused_tokens: details.and_then(|d| d.cached_tokens).unwrap_or_default(),
        completion_tokens: cost.completion_tokens.unwrap_or_default(),
        dropped_lines: 0,
    }
}
