//! Guesses at the next tokens by prompt lookup (Saxena 2023): an answer that begins to repeat something
//! often goes on with it. Guesses are fed along with the next token and kept as far as they prove right,
//! so they never change an answer.

/// Tokens that must be the same before what followed them is guessed.
const SAME: usize = 3;
/// Guesses at once. With the token before them they are as many rows as the kernels read weights for in
/// one go.
const GUESSES: usize = 3;
/// Useless guesses in a row before a pause.
const PATIENCE: u32 = 2;
/// Tokens without guesses after that.
const PAUSE: u32 = 12;

/// Guesses for one answer, and whether they were worth it.
#[derive(Debug, Default)]
pub(super) struct Drafter {
    useless: u32,
    pause: u32,
}

impl Drafter {
    /// What may follow `tokens`, at most `room` tokens.
    pub(super) fn guess(&mut self, tokens: &[u32], room: usize) -> Vec<u32> {
        if self.pause > 0 {
            self.pause -= 1;
            return Vec::new();
        }
        let Some(start) = tokens.len().checked_sub(SAME) else {
            return Vec::new();
        };
        let (before, last) = tokens.split_at(start);
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
        self.useless = if right == 0 { self.useless + 1 } else { 0 };
        if self.useless >= PATIENCE {
            self.useless = 0;
            self.pause = PAUSE;
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
        drafter.learn(3, 0);
        drafter.learn(3, 1);
        drafter.learn(3, 0);
        assert!(!drafter.guess(&tokens, 10).is_empty());
        drafter.learn(3, 0);
        for _ in 0..PAUSE {
            assert!(drafter.guess(&tokens, 10).is_empty());
        }
        assert!(!drafter.guess(&tokens, 10).is_empty());
    }
}
