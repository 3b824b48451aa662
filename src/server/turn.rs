//! One input and everything it sets off, as a stream.

use async_stream::try_stream;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::session::{HubEvent, SessionHub, SessionInput};
use crate::store::StreamKey;

/// Feeds `input` and yields what comes of it until all of it is done: replies and notes included. What other inputs
/// set off meanwhile is in between.
pub(super) fn turn(
    hub: SessionHub,
    key: StreamKey,
    id: Uuid,
    input: SessionInput,
) -> BoxStream<'static, Result<HubEvent>> {
    try_stream! {
        let mut seen = hub.view(&key).await?.last_event;
        let mut events = hub.events(&key, Some(seen)).await?;
        hub.submit(&key, id, input).await?;
        let settled = async {
            hub.settle(&key).await?;
            Ok::<u64, Error>(hub.view(&key).await?.last_event)
        }
        .fuse();
        futures::pin_mut!(settled);
        let mut last: Option<u64> = None;
        while last.is_none_or(|last| seen < last) {
            // The macro's expansion reaches no code within another macro.
            let next = tokio::select! {
                event = events.next() => Next::Event(event),
                done = &mut settled, if last.is_none() => Next::Settled(done),
            };
            match next {
                Next::Settled(done) => last = Some(done?),
                Next::Event(event) => {
                    let event = event.ok_or_else(over)?;
                    seen = match &event {
                        HubEvent::Event(event) => event.id,
                        HubEvent::Resync(view) => view.last_event,
                    };
                    yield event;
                }
            }
        }
    }
    .boxed()
}

/// What happens next.
#[allow(clippy::large_enum_variant, reason = "one at a time is alive")]
enum Next {
    Event(Option<HubEvent>),
    Settled(Result<u64>),
}

fn over() -> Error {
    Error::new(
        ErrorKind::Cancelled,
        "the conversation ended, or the server stops; look at its state",
    )
}
