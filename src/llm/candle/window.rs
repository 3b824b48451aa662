//! Prompts as tokens, and what is left out of one that the window cannot hold.

use super::template::ChatTemplate;
use super::vocabulary::Vocabulary;
use crate::error::{Error, ErrorKind, Result};
use crate::llm::{Prefix, Prompt};

/// When the window is full, the oldest lines go until so much of it is used: then nothing goes for a
/// while, and the state of what is left can be used again.
const REFILL: f32 = 0.6;
/// Task and answer are taken to need a multiple of this many tokens, so that questions of different
/// length cut the transcript at the same line.
const STEP: usize = 512;

/// Renders and tokenises prompts.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) template: ChatTemplate,
    pub(super) vocabulary: Vocabulary,
    /// Tokens of prompt and answer together.
    pub(super) size: usize,
}

/// A prompt that fits.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) tokens: Vec<u32>,
    /// Oldest lines of the transcript that are not in it.
    pub(super) dropped: usize,
}

impl Window {
    /// The tokens of `prompt` with room for `answer` more; the oldest lines go if they must, never the
    /// instructions or the task.
    pub(super) fn fit(&self, prompt: &Prompt, answer: usize) -> Result<Fitted> {
        // Tokenising what cannot fit by far would only take time: a token is seldom 16 bytes long.
        let fixed = prompt.prefix().system().len() + prompt.task().len();
        if fixed / 64 > self.size {
            return Err(self.too_long(&format!("{fixed} bytes of instructions and task"), answer));
        }
        let tokens = self.render(prompt)?;
        if tokens.len() + answer <= self.size {
            return Ok(Fitted { tokens, dropped: 0 });
        }
        let lines = prompt.prefix().lines();
        let lengths = lines.iter().map(|line| Ok(self.encode(line)?.len() + 1));
        let lengths = lengths.collect::<Result<Vec<usize>>>()?;
        let bare = self
            .render(&Prefix::new(prompt.prefix().system()).ask(prompt.task()))?
            .len();
        let fixed = (bare + answer).next_multiple_of(STEP);
        let mut dropped = self.cut(&lengths, self.size.saturating_sub(fixed));
        loop {
            let tokens =
                self.render(&prompt.prefix().without_oldest(dropped).ask(prompt.task()))?;
            if tokens.len() + answer <= self.size {
                return Ok(Fitted { tokens, dropped });
            }
            if dropped >= lines.len() {
                return Err(self.too_long(&format!("{} tokens", tokens.len()), answer));
            }
            dropped += 1;
        }
    }

    /// How many lines go. The transcript is gone through from its beginning, so that lines that come
    /// later do not move the cut before the room is full again.
    fn cut(&self, lengths: &[usize], room: usize) -> usize {
        let refilled = (room as f32 * REFILL) as usize;
        let (mut first, mut held) = (0, 0);
        for (last, length) in lengths.iter().enumerate() {
            held += length;
            if held > room {
                while held > refilled && first <= last {
                    held -= lengths.get(first).copied().unwrap_or_default();
                    first += 1;
                }
            }
        }
        first
    }

    fn too_long(&self, what: &str, answer: usize) -> Error {
        Error::new(
            ErrorKind::TooLong,
            format!(
                "the prompt has {what} and the answer may have {answer}, but the window is {}; \
                 shorten the prompt or load the model with more context_tokens",
                self.size
            ),
        )
    }

    fn render(&self, prompt: &Prompt) -> Result<Vec<u32>> {
        let system = self.vocabulary.disarm(prompt.prefix().system());
        let user = self.vocabulary.disarm(&prompt.user_message());
        let text = self.template.render(&system, &user)?;
        self.vocabulary.encode(&text)
    }

    /// The tokens of text that came from outside.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>> {
        self.vocabulary.encode(&self.vocabulary.disarm(text))
    }
}
