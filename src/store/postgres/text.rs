//! Texts as PostgreSQL can hold them: it has no NUL.

use std::borrow::Cow;

/// Writes `\0` for NUL and `\\` for a backslash; other texts stay as they are. What begins alike still does.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    if text.contains(['\\', '\0']) {
        text.replace('\\', "\\\\").replace('\0', "\\0").into()
    } else {
        text.into()
    }
}

/// Takes [`escape`] back.
pub(super) fn unescape(text: String) -> String {
    if !text.contains('\\') {
        return text;
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        plain.push(match letter {
            '\\' => match rest.next() {
                Some('0') => '\0',
                _ => '\\',
            },
            other => other,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_back() {
        for text in ["", "plain", "\0", "\\", "\\0", "\0\\0\\\\", "a\0b", "👋\\"] {
            let escaped = escape(text);
            assert!(!escaped.contains('\0'));
            assert_eq!(unescape(escaped.into_owned()), text);
        }
    }
}
