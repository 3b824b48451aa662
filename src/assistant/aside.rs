//! What is told before a turn is over: words while a tool is still running, the beginning of a reply.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::conversation::{Channel, Suggestion};
use crate::dialogue::ToolSpec;
use crate::guard::unproven_claims;

/// Silence on a line is felt after about so long.
const SPOKEN_WAIT: Duration = Duration::from_millis(800);
/// Where people read, nobody minds a little more.
const WRITTEN_WAIT: Duration = Duration::from_millis(1500);

/// Something that is told before a turn is over.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one at a time is alive")]
pub(crate) enum Meanwhile {
    /// The virtual agent bridges a wait with these words.
    Filler(String),
    /// The first sentence of a reply that is still being written.
    Begun(Suggestion),
}

/// Takes what is told before a turn is over, once a turn. By default nobody listens.
#[derive(Debug, Default)]
pub(crate) struct Aside(Option<mpsc::Sender<Meanwhile>>);

impl Aside {
    /// Tells whoever reads the other end; there is room for the one thing that is told.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Meanwhile>) {
        let (to, said) = mpsc::channel(1);
        (Self(Some(to)), said)
    }

    /// Waits for a tool, and says its [`ToolSpec::filler`] where that takes long. Words that claim something was done
    /// are not said: nothing is done yet.
    pub(super) async fn meanwhile<T>(
        &mut self,
        spec: Option<&ToolSpec>,
        channel: Channel,
        work: impl Future<Output = T>,
    ) -> T {
        let words = spec
            .and_then(|spec| spec.filler.clone())
            .filter(|words| !words.trim().is_empty() && unproven_claims(words, &[]).is_empty());
        let Some(words) = words.filter(|_| self.0.is_some()) else {
            return work.await;
        };
        let wait = match channel {
            Channel::Voice | Channel::Video => SPOKEN_WAIT,
            _ => WRITTEN_WAIT,
        };
        tokio::pin!(work);
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(wait) => {}
        }
        self.tell(Meanwhile::Filler(words));
        work.await
    }

    /// Tells it, if nothing was told yet.
    pub(crate) fn tell(&mut self, what: Meanwhile) {
        if let Some(to) = self.0.take() {
            // The session may be over; then nobody waits for it.
            let _ = to.try_send(what);
        }
    }
}
