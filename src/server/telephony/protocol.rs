//! What the platforms' protocols have in common.

use super::line::Line;
use super::speech_out::Place;
use crate::error::Result;
use crate::session::SessionEvent;
use crate::speech::transport::{Frame, Received};

/// A protocol as the loop drives it: the platform's state machine, and what of a conversation it can be told.
pub(super) trait Protocol: Send {
    /// For logs and metrics.
    const NAME: &'static str;
    /// Whether the platform tells what it has played.
    const TELLS_PLAYED: bool;

    /// Takes a message.
    fn receive(&mut self, message: Incoming<'_>) -> Result<Received>;
    /// The call is taken.
    fn accept(&mut self) -> Result<Vec<Frame>>;
    /// Something happened in the conversation.
    fn tell(&mut self, line: &Line, event: &SessionEvent) -> Result<Vec<Frame>>;
    /// Something is said.
    fn play(&mut self, samples: &[f32]) -> Result<Vec<Frame>>;
    /// A sentence that was said is over.
    fn sentence_end(&mut self, place: Place) -> Result<Vec<Frame>>;
    /// What is being said is cut off.
    fn cut(&mut self) -> Result<Vec<Frame>>;
    /// The platform is asked to end. Nothing where the protocol has no such message.
    fn leave(&mut self, reason: Goodbye, info: &str) -> Result<Vec<Frame>>;
    /// The last message.
    fn finish(&mut self) -> Result<Vec<Frame>>;
    /// The audio time.
    fn position_ms(&self) -> u64;
    /// Whether the last message was handed out.
    fn is_over(&self) -> bool;
}

/// A message of the platform.
#[derive(Clone, Copy, Debug)]
pub(super) enum Incoming<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

/// Why a platform is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goodbye {
    /// The work is done, or goes on elsewhere.
    Completed,
    /// It may not send calls here.
    Unauthorized,
    /// This side cannot go on.
    Failed,
    /// This process stops; another may go on.
    Elsewhere,
}
