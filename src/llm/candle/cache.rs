//! The state of one token sequence: keys and values of every layer, in pages that sequences share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use attendant_kernels::attention::{self, Heads, PAGE};
use candle_core::{Result, bail};

/// What all caches of a model have in common.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    layers: usize,
    heads: Heads,
    /// Bytes of all pages that are alive.
    held: Arc<AtomicUsize>,
}

impl Layout {
    pub(super) fn new(layers: usize, heads: Heads) -> Self {
        Self {
            layers,
            heads,
            held: Arc::default(),
        }
    }

    /// Bytes that all caches hold together; what they share counts once.
    pub(super) fn held_bytes(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Bytes that so many positions take, in whole pages.
    pub(super) fn bytes_of(&self, positions: usize) -> usize {
        positions.div_ceil(PAGE) * self.page_len() * size_of::<u16>()
    }

    fn page_len(&self) -> usize {
        self.layers * self.heads.page_len()
    }
}

/// [`PAGE`] positions of all layers, in half precision.
#[derive(Debug)]
struct Page {
    data: Vec<u16>,
    held: Arc<AtomicUsize>,
}

impl Page {
    fn new(data: Vec<u16>, layout: &Layout) -> Self {
        let held = Arc::clone(&layout.held);
        held.fetch_add(data.len() * size_of::<u16>(), Ordering::Relaxed);
        Self { data, held }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let bytes = self.data.len() * size_of::<u16>();
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A key-value cache that can be cut back and forked; both cost next to nothing. A fork shares pages
/// until one side writes to them.
#[derive(Debug)]
pub(super) struct KvCache {
    layout: Layout,
    pages: Vec<Arc<Page>>,
    len: usize,
}

impl KvCache {
    pub(super) fn new(layout: &Layout) -> Self {
        Self {
            layout: layout.clone(),
            pages: Vec::new(),
            len: 0,
        }
    }

    /// How many positions are filled.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Forgets everything from position `len` on.
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        self.pages.truncate(self.len.div_ceil(PAGE));
    }

    /// The first `len` positions, to go on differently from there.
    pub(super) fn fork(&self, len: usize) -> Self {
        let len = len.min(self.len);
        let pages = self.pages.iter().take(len.div_ceil(PAGE));
        Self {
            layout: self.layout.clone(),
            pages: pages.cloned().collect(),
            len,
        }
    }

    /// Makes room for `count` positions behind what is filled. What is shared there is copied.
    pub(super) fn reserve(&mut self, count: usize) {
        let layout = &self.layout;
        // Pages before this one are full and never written again.
        let first = self.len / PAGE;
        for page in self.pages.iter_mut().skip(first) {
            if Arc::get_mut(page).is_none() {
                *page = Arc::new(Page::new(page.data.clone(), layout));
            }
        }
        let pages = (self.len + count).div_ceil(PAGE);
        while self.pages.len() < pages {
            let data = vec![0; layout.page_len()];
            self.pages.push(Arc::new(Page::new(data, layout)));
        }
    }

    /// Writes keys and values of a layer, each `(tokens, width)`, behind what is filled. There must be
    /// room ([`Self::reserve`]); the caller calls [`Self::advance`] after the last layer.
    pub(super) fn write(&mut self, layer: usize, keys: &[f32], values: &[f32]) -> Result<()> {
        let heads = self.layout.heads;
        let (width, part) = (heads.keys * heads.dim, heads.page_len());
        let rows = keys.chunks_exact(width).zip(values.chunks_exact(width));
        for (position, (key, value)) in (self.len..).zip(rows) {
            let page = self.pages.get_mut(position / PAGE).and_then(Arc::get_mut);
            let page = page.and_then(|page| page.data.get_mut(layer * part..(layer + 1) * part));
            let Some(page) = page else {
                bail!("there is no room for position {position} in layer {layer}");
            };
            attention::write(heads, page, position % PAGE, key, value);
        }
        Ok(())
    }

    /// The pages of a layer.
    pub(super) fn layer(&self, layer: usize) -> Vec<&[u16]> {
        let part = self.layout.heads.page_len();
        self.pages
            .iter()
            .filter_map(|page| page.data.get(layer * part..(layer + 1) * part))
            .collect()
    }

    /// Counts `tokens` written by every layer as filled.
    pub(super) fn advance(&mut self, tokens: usize) {
        self.len += tokens;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: Heads = Heads {
        queries: 2,
        keys: 1,
        dim: 4,
    };

    fn feed(cache: &mut KvCache, numbers: &[f32]) {
        cache.reserve(numbers.len());
        let rows: Vec<f32> = numbers.iter().flat_map(|n| [*n; 4]).collect();
        for layer in 0..2 {
            cache.write(layer, &rows, &rows).unwrap();
        }
        cache.advance(numbers.len());
    }

    /// The pages' content, and nothing of what is behind the end.
    fn content(cache: &KvCache) -> Vec<u16> {
        let pages = cache.layer(1);
        let of = |position: usize| pages[position / PAGE][4 * PAGE + position % PAGE * 4];
        (0..cache.len()).map(of).collect()
    }

    #[test]
    fn forks_share_what_they_have_in_common_and_nothing_else() {
        let layout = Layout::new(2, HEADS);
        let mut trunk = KvCache::new(&layout);
        let numbers: Vec<f32> = (0..PAGE + 3).map(|n| n as f32).collect();
        feed(&mut trunk, &numbers);
        let before = content(&trunk);
        assert_eq!(layout.held_bytes(), layout.bytes_of(PAGE + 3));
        let mut fork = trunk.fork(PAGE + 1);
        assert_eq!(
            layout.held_bytes(),
            layout.bytes_of(PAGE + 3),
            "a fork holds nothing"
        );
        feed(&mut fork, &[7.0, 8.0]);
        feed(&mut trunk, &[9.0]);
        assert_eq!(content(&trunk)[..before.len()], before[..]);
        assert_eq!(content(&fork)[..PAGE + 1], before[..PAGE + 1]);
        assert_ne!(content(&fork)[PAGE + 1], content(&trunk)[PAGE + 1]);
        assert_eq!(layout.held_bytes(), layout.bytes_of(3 * PAGE));
        trunk.truncate(PAGE);
        assert_eq!(layout.held_bytes(), layout.bytes_of(2 * PAGE));
        drop(trunk);
        drop(fork);
        assert_eq!(layout.held_bytes(), 0);
    }

    #[test]
    fn without_room_nothing_is_written() {
        let mut cache = KvCache::new(&Layout::new(1, HEADS));
        assert!(cache.write(0, &[0.0; 4], &[0.0; 4]).is_err());
        cache.reserve(1);
        assert!(cache.write(1, &[0.0; 4], &[0.0; 4]).is_err());
        cache.write(0, &[0.0; 4], &[0.0; 4]).unwrap();
    }
}
