//! Guesses at the next tokens by prompt lookup (Saxena 2023): an answer that begins to repeat something
//! often goes on with it. Guesses are fed along with the next token and kept as far as they prove right,
//! so they never change an answer.

/// Tokens that must be the same before what followed them is guessed.
const SAME: usize = 3;
/// Guesses at once. With the token before them they are as many rows as the kernels read weights for in
/// one go.
const GUESSES: usize = 3;
/// Tokens without guesses after a useless one; twice as many after the next, and so on up to the limit.
const PAUSE: u32 = 8;
const LONGEST_PAUSE: u32 = 128;

/// Guesses for one answer, and whether they were worth it.
#[derive(Debug)]
pub(super) struct Drafter {
    /// Tokens to go without guesses.
    pause: u32,
    /// The next pause.
    next_pause: u32,
}

impl Default for Drafter {
    fn default() -> Self {
        Self {
            pause: 0,
            next_pause: PAUSE,
        }
    }
}

impl Drafter {
    /// What may follow `tokens`, at most `room` tokens.
    pub(super) fn guess(&mut self, tokens: &[u32], room: usize) -> Vec<u32> {
        if self.pause > 0 {
            self.pause -= 1;
            return Vec::new();
        }
        // An earlier place may overlap with the last words: a loop repeats itself.
        let Some((last, before)) = tokens.len().checked_sub(SAME).and_then(|start| {
            let end = tokens.len() - 1;
            Some((tokens.get(start..)?, tokens.get(..end)?))
        }) else {
            return Vec::new();
        };
        let Some(at) = before.windows(SAME).rposition(|window| window == last) else {
            return Vec::new();
        };
        let follows = tokens.get(at + SAME..).unwrap_or_default();
        let follows = follows.iter().take(GUESSES.min(room));
        follows.copied().collect()
    }

    /// How many of the guesses were right.
    pub(super) fn learn(&mut self, guesses: usize, right: usize) {
        if guesses == 0 {
            return;
        }
        if right == 0 {
            self.pause = self.next_pause;
            self.next_pause = (self.next_pause * 2).min(LONGEST_PAUSE);
        } else {
            self.next_pause = PAUSE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_followed_last_time_is_guessed_until_it_proves_useless() {
        let tokens = [9, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3];
        let mut drafter = Drafter::default();
        assert_eq!(drafter.guess(&tokens, 10), [4, 5, 6]);
        assert_eq!(drafter.guess(&tokens, 1), [4]);
        assert!(drafter.guess(&tokens[..8], 10).is_empty());
        assert!(drafter.guess(&[1, 2], 10).is_empty());
        assert_eq!(drafter.guess(&[5, 5, 5, 5], 10), [5], "a loop goes on");
        drafter.learn(3, 1);
        assert!(!drafter.guess(&tokens, 10).is_empty());
        for pause in [PAUSE, 2 * PAUSE] {
            drafter.learn(3, 0);
            for _ in 0..pause {
                assert!(drafter.guess(&tokens, 10).is_empty());
            }
            assert!(!drafter.guess(&tokens, 10).is_empty());
        }
        drafter.learn(3, 2);
        drafter.learn(3, 0);
        assert_eq!(drafter.pause, PAUSE, "a success is not forgotten");
    }
}
