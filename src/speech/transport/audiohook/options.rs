//! How a session is held, and why it is ended.

use uuid::Uuid;

/// How a session is held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AudioHookOptions {
    /// The `audiohook-session-id` of the HTTP request; messages must bear it. Without it, the first
    /// message decides.
    pub session: Option<Uuid>,
    /// Answer `open` and `close` only when [`AudioHook::accept`](super::AudioHook::accept) and
    /// [`AudioHook::finish`](super::AudioHook::finish) are called: to
    /// look first who it is, and to send the last transcripts before the end.
    pub wait: bool,
    /// Begin with a pause, until [`AudioHook::resume`](super::AudioHook::resume).
    pub start_paused: bool,
    /// BCP 47 tags of the languages that are understood, for clients that ask.
    pub languages: Vec<String>,
    /// `L16` has the high byte first (as RTP has it); Genesys' own implementation has the low one first.
    pub big_endian: bool,
}

impl AudioHookOptions {
    /// Sets the session that messages must belong to.
    #[must_use]
    pub fn with_session(mut self, session: Uuid) -> Self {
        self.session = Some(session);
        self
    }

    /// Answers `open` and `close` only on demand.
    #[must_use]
    pub fn with_wait(mut self) -> Self {
        self.wait = true;
        self
    }

    /// Begins with a pause.
    #[must_use]
    pub fn with_start_paused(mut self) -> Self {
        self.start_paused = true;
        self
    }

    /// Sets the languages that are understood.
    #[must_use]
    pub fn with_languages(mut self, tags: impl IntoIterator<Item = String>) -> Self {
        self.languages = tags.into_iter().collect();
        self
    }

    /// Takes `L16` with the high byte first.
    #[must_use]
    pub fn with_big_endian(mut self) -> Self {
        self.big_endian = true;
        self
    }
}

/// Why the server ends a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The work is done.
    Completed,
    /// The client may not use this server.
    Unauthorized,
    /// The server cannot go on.
    Error,
}

impl DisconnectReason {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Unauthorized => "unauthorized",
            Self::Error => "error",
        }
    }
}
