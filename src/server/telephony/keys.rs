//! Keys of the telephone as words.

use std::time::Duration;

use tokio::time::Instant;

/// Whoever does not press another key for so long has finished.
const FINISHED: Duration = Duration::from_secs(2);
/// Longer numbers are no numbers.
const MOST: usize = 64;

/// Keys that were pressed and are not said yet.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pressed: String,
    /// The audio time of the first.
    stream_ms: u64,
    due: Option<Instant>,
    number: u64,
}

impl Keys {
    /// Takes a key. Whether the number is complete: `#` ends it, as callers are used to.
    pub(super) fn press(&mut self, key: char, stream_ms: u64) -> bool {
        if self.pressed.is_empty() {
            self.stream_ms = stream_ms;
        }
        if key == '#' && !self.pressed.is_empty() {
            return true;
        }
        self.pressed.push(key);
        self.due = Some(Instant::now() + FINISHED);
        self.pressed.len() >= MOST
    }

    /// When what was pressed is complete.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn is_any(&self) -> bool {
        !self.pressed.is_empty()
    }

    /// What was pressed, its number, and when.
    pub(super) fn take(&mut self) -> (u64, String, u64) {
        self.due = None;
        self.number += 1;
        (
            self.number,
            std::mem::take(&mut self.pressed),
            self.stream_ms,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn keys_are_one_number_until_a_pause_or_the_hash_key() {
        let mut keys = Keys::default();
        assert_eq!(keys.due(), None);
        assert!(!keys.press('4', 1_000));
        assert!(!keys.press('*', 1_200));
        assert_eq!(keys.due(), Some(Instant::now() + FINISHED));
        assert!(keys.press('#', 1_400));
        assert_eq!(keys.take(), (1, "4*".to_owned(), 1_000));
        assert!(!keys.is_any());
        assert_eq!(keys.due(), None);
        assert!(!keys.press('#', 2_000));
        assert_eq!(keys.take(), (2, "#".to_owned(), 2_000));
        let full = (0..MOST).map(|_| keys.press('1', 0)).filter(|full| *full);
        assert_eq!(full.count(), 1);
    }
}
