//! Text that comes in bytes.

/// Puts characters together again: a server that writes token by token may cut one in two.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// The beginning of a character.
    rest: Vec<u8>,
}

impl Words {
    /// The characters that are whole now; `None` for bytes that are not UTF-8.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<String> {
        self.rest.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.rest) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return None,
        };
        let rest = self.rest.split_off(whole);
        String::from_utf8(std::mem::replace(&mut self.rest, rest)).ok()
    }

    /// Whether a character was begun and not ended.
    pub(super) fn is_cut(&self) -> bool {
        !self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_whole_however_they_are_cut() {
        let text = "a路由器 – 👍";
        for size in 1..=text.len() {
            let mut words = Words::default();
            let pieces = text.as_bytes().chunks(size);
            let got: String = pieces.map(|bytes| words.take(bytes).unwrap()).collect();
            assert_eq!(got, text, "pieces of {size} bytes");
            assert!(!words.is_cut());
        }
    }

    #[test]
    fn what_is_not_utf_8_is_told() {
        assert_eq!(Words::default().take(b"a\xff"), None);
        let mut words = Words::default();
        assert_eq!(words.take(b"a\xe8").as_deref(), Some("a"));
        assert!(words.is_cut());
        assert_eq!(words.take(b"b"), None);
    }
}
