//! Regular expressions for servers. JSON Schema means those of ECMAScript
//! (<https://json-schema.org/understanding-json-schema/reference/regular_expressions>), servers
//! implement parts of them, and a caller writes those of crate `regex`.

use regex::Regex;

use crate::error::{ErrorKind, OrError, Result};

/// What has a meaning in a regular expression when it is not escaped.
const OPERATORS: &str = "\\^$.[](){}|*+?";

/// What JSON escapes in a string, as members of a class: quote, backslash, control characters.
const ESCAPED: &str = r#""\\\x00-\x1F"#;

/// Matches what matches `pattern` from its first to its last character.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a pattern that is none.
pub(super) fn compile(pattern: &str) -> Result<Regex> {
    let wrong = || format!("the regular expression {pattern:?} cannot be used; correct it");
    // Alone first: put between brackets, `a)|(b` would be one.
    Regex::new(pattern).or_error(ErrorKind::InvalidInput, wrong)?;
    Regex::new(&format!(r"\A(?:{pattern})\z")).or_error(ErrorKind::InvalidInput, wrong)
}

/// The same pattern for the `pattern` of a JSON Schema, anchored at both ends.
///
/// Written without what servers do not know: llama.cpp accepts any text for a pattern with `\d`. It also
/// writes a quote without an escape, so that the answer is no JSON; what stands for many characters (`.`,
/// `\S`, `[^,]`) therefore stands for fewer here, and so for none that the caller's pattern refuses. Where
/// there is no other way to say it, a pattern stays as it is; the answer is checked here, too.
pub(super) fn portable(pattern: &str) -> String {
    let plain = translate(pattern).filter(|plain| Regex::new(plain).is_ok());
    format!("^({})$", plain.as_deref().unwrap_or(pattern))
}

/// `None` where a class holds more than characters, ranges and escapes.
fn translate(pattern: &str) -> Option<String> {
    let mut plain = String::with_capacity(pattern.len());
    let mut rest = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' => plain.push_str(&escape(rest.next()?, in_class)),
            '[' if in_class => return None,
            '&' | '~' | '-' if in_class && rest.peek() == Some(&c) => return None,
            '[' => {
                in_class = true;
                plain.push('[');
                if let Some(not) = rest.next_if_eq(&'^') {
                    plain.push(not);
                    plain.push_str(ESCAPED);
                }
                // In this place they are members of the class.
                if let Some(member) = rest.next_if(|c| matches!(c, ']' | '-')) {
                    plain.push('\\');
                    plain.push(member);
                }
            }
            ']' if in_class => {
                in_class = false;
                plain.push(']');
            }
            '.' if !in_class => plain.push_str(&format!("[^{ESCAPED}]")),
            // The whole text is matched anyway.
            '^' if !in_class && plain.is_empty() => {}
            '$' if !in_class && rest.peek().is_none() => {}
            '(' if !in_class => {
                plain.push('(');
                skip_name(&mut rest);
            }
            c => plain.push(c),
        }
    }
    Some(plain)
}

/// What `\` and this letter mean, in or outside of `[…]`.
fn escape(c: char, in_class: bool) -> String {
    let members = match c {
        'd' | 'D' => "0-9",
        'w' | 'W' => "A-Za-z0-9_",
        's' | 'S' => " ",
        _ => "",
    };
    match c {
        'd' | 'w' | 's' if in_class => members.to_owned(),
        'd' | 'w' | 's' => format!("[{members}]"),
        'D' | 'W' | 'S' if !in_class => format!("[^{ESCAPED}{members}]"),
        // The ends of the text.
        'A' | 'z' if !in_class => String::new(),
        '^' if in_class => "\\x5E".to_owned(),
        '\\' | '[' | ']' | '-' if in_class => format!("\\{c}"),
        // The ends of a word.
        '<' | '>' => format!("\\{c}"),
        c if c.is_ascii_punctuation() && (in_class || !OPERATORS.contains(c)) => c.to_string(),
        ' ' => " ".to_owned(),
        c => format!("\\{c}"),
    }
}

/// Leaves out the name of a group.
fn skip_name(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let ahead: String = rest.clone().take(3).collect();
    if ahead == "?P<" || ahead.starts_with("?<") {
        while rest.next().is_some_and(|c| c != '>') {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_text_is_matched() {
        let either = compile("a|ab").unwrap();
        assert!(either.is_match("ab") && either.is_match("a"));
        assert!(!either.is_match("abc") && !either.is_match("a\n"));
        for wrong in ["(", "a)|(b", "*", "(?=a)", "(?x) a # b"] {
            let error = compile(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong}: {error}");
        }
    }

    #[test]
    fn patterns_are_written_in_what_servers_know() {
        let cases = [
            ("cat|dog", "^(cat|dog)$"),
            (r"^AB-\d{4}$", "^(AB-[0-9]{4})$"),
            (r"\A[\d.,]+ \w\z", "^([0-9.,]+ [A-Za-z0-9_])$"),
            (r"(?P<day>\d+)\/(?<m>[A-Z])", "^(([0-9]+)/([A-Z]))$"),
            (r"(?:a|b)\.\-\@", r"^((?:a|b)\.-@)$"),
            (r"[\^\-\]\.a]", r"^([\x5E\-\].a])$"),
            (r"[]a][-b]", r"^([\]a][\-b])$"),
            (r"\s\S+\$", r#"^([ ][^"\\\x00-\x1F ]+\$)$"#),
            (
                r"[^,.]\D.",
                r#"^([^"\\\x00-\x1F,.][^"\\\x00-\x1F0-9][^"\\\x00-\x1F])$"#,
            ),
            (r"a\$$", r"^(a\$)$"),
            ("Ärger 路", "^(Ärger 路)$"),
            // No other way to say it.
            (r"[[:alpha:]]\d", r"^([[:alpha:]]\d)$"),
            (r"[a-z&&[^b]]", r"^([a-z&&[^b]])$"),
            (r"(?i)\p{L}", r"^((?i)\p{L})$"),
        ];
        for (pattern, wanted) in cases {
            assert_eq!(portable(pattern), wanted, "{pattern}");
        }
    }

    #[test]
    fn a_translation_matches_the_same_plain_texts() {
        let patterns = [r"^\d{2}\w?$", r"[\d\-]+", r"(?P<x>a|\.)\s\S", "^a|b$"];
        let texts = ["12", "12a", "1-2", "a b", ". x", "a", "b", "ab", "12\n", ""];
        for pattern in patterns {
            let ours = compile(pattern).unwrap();
            let theirs = Regex::new(&portable(pattern)).unwrap();
            for text in texts {
                assert_eq!(
                    ours.is_match(text),
                    theirs.is_match(text),
                    "{pattern} {text:?}"
                );
            }
        }
    }
}
