//! The states of token sequences that were fed before: what the next request begins with is not fed again.

use super::cache::KvCache;

/// Sequences that share half of themselves are questions about the same conversation. So many are kept:
/// their common part is held once, what is their own is rarely asked for again.
const SIBLINGS: usize = 4;

/// A state that was fed.
#[derive(Debug)]
struct Entry {
    tokens: Vec<u32>,
    cache: KvCache,
    used: u64,
}

/// States, the least recently used of which go first when memory is short.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    entries: Vec<Entry>,
    clock: u64,
}

impl Prefixes {
    /// How many tokens at the beginning of `prompt` are known, and their state.
    pub(super) fn longest(&mut self, prompt: &[u32]) -> (usize, Option<&KvCache>) {
        self.clock += 1;
        let lengths = self.entries.iter_mut();
        let best = lengths
            .map(|entry| (shared(&entry.tokens, prompt), entry))
            .max_by_key(|(length, entry)| (*length, entry.used));
        match best {
            Some((length, entry)) if length > 0 => {
                entry.used = self.clock;
                (length, Some(&entry.cache))
            }
            _ => (0, None),
        }
    }

    /// Keeps the state of `tokens`.
    pub(super) fn insert(&mut self, tokens: Vec<u32>, cache: KvCache) {
        self.clock += 1;
        self.entries
            .retain(|entry| !tokens.starts_with(&entry.tokens));
        let is_sibling = |entry: &Entry| {
            2 * shared(&entry.tokens, &tokens) >= entry.tokens.len().min(tokens.len())
        };
        let mut siblings: Vec<u64> = self
            .entries
            .iter()
            .filter(|entry| is_sibling(entry))
            .map(|entry| entry.used)
            .collect();
        siblings.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(&oldest) = siblings.get(SIBLINGS - 1) {
            self.entries
                .retain(|entry| !is_sibling(entry) || entry.used > oldest);
        }
        self.entries.push(Entry {
            tokens,
            cache,
            used: self.clock,
        });
    }

    /// Drops the least recently used state; false if there is none.
    pub(super) fn evict(&mut self) -> bool {
        let oldest = (0..self.entries.len()).min_by_key(|&i| self.entries.get(i).map(|e| e.used));
        oldest
            .map(|index| self.entries.swap_remove(index))
            .is_some()
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}

/// Length of the longest common prefix.
pub(super) fn shared(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

#[cfg(test)]
mod tests {
    use attendant_kernels::attention::Heads;

    use super::super::cache::Layout;
    use super::*;

    const HEADS: Heads = Heads {
        queries: 1,
        keys: 1,
        dim: 2,
    };

    fn lengths(prefixes: &mut Prefixes, prompts: &[&[u32]]) -> Vec<usize> {
        let of = |prompt: &&[u32]| prefixes.longest(prompt).0;
        prompts.iter().map(of).collect()
    }

    #[test]
    fn the_longest_known_beginning_is_found_and_old_ones_go() {
        let layout = Layout::new(1, HEADS);
        let mut prefixes = Prefixes::default();
        let mut keep = |tokens: &[u32]| prefixes.insert(tokens.to_vec(), KvCache::new(&layout));
        keep(&[1, 2, 3]);
        keep(&[7, 8]);
        keep(&[1, 2, 3, 4, 5]);
        assert_eq!(
            prefixes.entries.len(),
            2,
            "a beginning of another is not kept"
        );
        let found = lengths(&mut prefixes, &[&[1, 2, 3, 9], &[7, 8, 9], &[6], &[]]);
        assert_eq!(found, [3, 2, 0, 0]);
        assert!(prefixes.evict());
        assert_eq!(lengths(&mut prefixes, &[&[1, 2, 3], &[7, 8]]), [0, 2]);
        assert!(prefixes.evict());
        assert!(!prefixes.evict());
    }

    #[test]
    fn many_questions_about_one_conversation_do_not_push_out_another() {
        let layout = Layout::new(1, HEADS);
        let mut prefixes = Prefixes::default();
        prefixes.insert(vec![9; 8], KvCache::new(&layout));
        for question in 0..20 {
            let tokens = [1, 1, 1, 1, 1, 1, 100 + question, 1];
            prefixes.insert(tokens.to_vec(), KvCache::new(&layout));
        }
        assert_eq!(prefixes.entries.len(), 1 + SIBLINGS);
        let found = lengths(&mut prefixes, &[&[9; 8], &[1, 1, 1, 1, 1, 1, 119, 1]]);
        assert_eq!(found, [8, 8]);
    }
}
