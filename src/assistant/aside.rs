//! What the virtual agent says while a tool is still running.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::conversation::Channel;
use crate::dialogue::ToolSpec;
use crate::guard::unproven_claims;

/// Silence on a line is felt after about so long.
const SPOKEN_WAIT: Duration = Duration::from_millis(800);
/// Where people read, nobody minds a little more.
const WRITTEN_WAIT: Duration = Duration::from_millis(1500);

/// Takes the words that are said before a turn is over, once a turn. By default nobody listens.
#[derive(Debug, Default)]
pub(crate) struct Aside(Option<mpsc::Sender<String>>);

impl Aside {
    /// Says them to whoever reads the other end; there is room for the one thing that is said.
    pub(crate) fn new() -> (Self, mpsc::Receiver<String>) {
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
        if let Some(to) = self.0.take() {
            // The session may be over; then nobody waits for words.
            let _ = to.try_send(words);
        }
        work.await
    }
}
