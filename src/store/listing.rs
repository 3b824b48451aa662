//! Which streams a tenant has: by page, newest or oldest first.

use jiff::Timestamp;

use super::{ConversationStore, StreamKey, Version};
use crate::conversation::{ConversationId, TenantId};
use crate::error::Result;

/// What the ids of the library's own streams begin with (what was learned, customers, strategies). Hosts must not give
/// a conversation such an id.
pub const INTERNAL: &str = "~";

/// Streams in one page at most, whatever is asked for.
const MOST: usize = 1000;

/// Which of a tenant's streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Streams {
    /// The conversations: all whose id does not begin with [`INTERNAL`].
    #[default]
    Conversations,
    /// Those whose id begins like this.
    Prefix(String),
    /// All of them.
    All,
}

impl Streams {
    /// Whether the stream is one of them.
    pub fn include(&self, id: &ConversationId) -> bool {
        match self {
            Self::Conversations => !id.as_str().starts_with(INTERNAL),
            Self::Prefix(prefix) => id.as_str().starts_with(prefix.as_str()),
            Self::All => true,
        }
    }
}

/// The smallest text that is greater than every text with this prefix, by code points; `None` where there is none.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn behind_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            other => char::from_u32(u32::from(other) + 1),
        };
        if let Some(next) = next {
            end.push(next);
            return Some(end);
        }
    }
    None
}

/// Which page of a tenant's streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Which streams.
    pub streams: Streams,
    /// Whether the newest come first.
    pub newest_first: bool,
    /// Go on behind this position: [`ListPage::next`] of the page before.
    pub after: Option<u64>,
    /// Streams in the page at most: between 1 and 1000, other values are moved there.
    pub limit: usize,
}

impl Default for ListQuery {
    /// The hundred oldest conversations.
    fn default() -> Self {
        Self {
            streams: Streams::default(),
            newest_first: false,
            after: None,
            limit: 100,
        }
    }
}

impl ListQuery {
    /// The first page of these streams, oldest first.
    pub fn of(streams: Streams) -> Self {
        Self {
            streams,
            ..Self::default()
        }
    }

    /// Newest first.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// With so many streams a page at most.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The page behind a position.
    #[must_use]
    pub fn after(mut self, position: Option<u64>) -> Self {
        self.after = position;
        self
    }

    pub(super) fn size(&self) -> usize {
        self.limit.clamp(1, MOST)
    }

    /// Whether a stream at this position is on this page or a later one.
    pub(super) fn reaches(&self, position: u64) -> bool {
        match self.after {
            None => true,
            Some(after) if self.newest_first => position < after,
            Some(after) => position > after,
        }
    }
}

/// One stream of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Which.
    pub id: ConversationId,
    /// How many records it has.
    pub version: Version,
    /// Its place in the order of the first append; never given to another stream.
    pub position: u64,
    /// When the latest of what it tells happened, to the millisecond.
    pub last_at: Timestamp,
}

/// Some streams of a tenant, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// The streams.
    pub streams: Vec<StreamInfo>,
    /// Where the next page goes on; `None` behind the last stream.
    pub next: Option<u64>,
}

impl ListPage {
    /// A page of what was found: one more than the page holds says that there is a next one.
    pub(super) fn cut(mut found: Vec<StreamInfo>, size: usize) -> Self {
        let more = found.len() > size;
        found.truncate(size);
        let next = found.last().filter(|_| more).map(|last| last.position);
        Self {
            streams: found,
            next,
        }
    }
}

/// The latest time among records, to the millisecond; the earliest there is where there are none.
pub(super) fn latest(at: impl Iterator<Item = Timestamp>) -> Timestamp {
    at.max().map_or(Timestamp::MIN, |at| {
        Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
    })
}

/// A page for a store that can only list and load: the position is the place in the list.
pub(super) async fn page_by_loading<S: ConversationStore + ?Sized>(
    store: &S,
    tenant: &TenantId,
    query: &ListQuery,
) -> Result<ListPage> {
    let all = store.list(tenant).await?;
    let mut numbered: Vec<(u64, ConversationId)> = (1..)
        .zip(all)
        .filter(|(position, id)| query.reaches(*position) && query.streams.include(id))
        .collect();
    if query.newest_first {
        numbered.reverse();
    }
    let mut found = Vec::new();
    for (position, id) in numbered.into_iter().take(query.size() + 1) {
        let key = StreamKey {
            tenant: tenant.clone(),
            conversation: id,
        };
        let records = store.load(&key, 0).await?;
        found.push(StreamInfo {
            id: key.conversation,
            version: records.len() as Version,
            position,
            last_at: latest(records.iter().map(|record| record.at)),
        });
    }
    Ok(ListPage::cut(found, query.size()))
}

#[cfg(all(test, any(feature = "sqlite", feature = "postgres")))]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_a_prefix_is_behind_all_it_begins() {
        for prefix in ["~", "~contact/7/", "a\u{10ffff}", "\u{d7ff}", "zoë"] {
            let end = behind_prefix(prefix).unwrap();
            assert!(format!("{prefix}\u{10ffff}\u{10ffff}").as_str() < end.as_str());
            assert!(prefix < end.as_str() && !end.starts_with(prefix), "{end:?}");
        }
        assert_eq!(behind_prefix(""), None);
        assert_eq!(behind_prefix("\u{10ffff}"), None);
    }
}
