//! Finds what a Rust file imports from its own crate, without a compiler.

/// The top-level modules a file imports, with the line. `depth` is how many modules the file is
/// below the root, so that `super::super::x` is followed to the root.
pub(crate) fn imports(source: &str, depth: usize) -> Vec<(String, usize)> {
    let tokens = without_tests(&tokens(source));
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let mut found = Vec::new();
    // For every open brace: whether it is that of an inline module.
    let mut braces: Vec<bool> = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let mut next = i + 1;
        let here = || depth + braces.iter().filter(|is_module| **is_module).count();
        match text(i) {
            "{" => braces.push(i >= 2 && text(i - 2) == "mod"),
            "}" => drop(braces.pop()),
            "crate" if text(i + 1) == "::" => heads(&tokens, i + 2, &mut found),
            "super" if i == 0 || text(i - 1) != "::" => {
                let mut supers = 1;
                while text(next) == "::" && text(next + 1) == "super" {
                    (supers, next) = (supers + 1, next + 2);
                }
                if text(next) == "::" && supers >= here() {
                    heads(&tokens, next + 1, &mut found);
                }
            }
            _ => {}
        }
        i = next;
    }
    found
}

/// A token that matters for paths, with its line.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    text: String,
    line: usize,
}

/// Identifiers and punctuation; comments, strings and characters are left out.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found: Vec<Token> = Vec::new();
    let (mut i, mut line) = (0, 1);
    while i < chars.len() {
        let start = i;
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 || i >= chars.len() {
                        break;
                    }
                }
            }
            '"' => i = end_of_string(&chars, i),
            '\'' => {
                // A lifetime has no closing quote after its first character.
                if at(i + 1) == '\\' {
                    i += 3;
                    while i < chars.len() && at(i) != '\'' {
                        i += 1;
                    }
                    i += 1;
                } else if at(i + 2) == '\'' {
                    i += 3;
                } else {
                    i += 1;
                }
            }
            c if is_word(c) => {
                while is_word(at(i)) {
                    i += 1;
                }
                let word: String = chars[start..i].iter().collect();
                let raw = matches!(word.as_str(), "r" | "br" | "cr");
                let hashes = (i..).take_while(|&j| at(j) == '#').count();
                if raw && at(i + hashes) == '"' {
                    i = end_of_raw_string(&chars, i + hashes + 1, hashes);
                } else if raw && hashes == 1 {
                    i += 1; // A raw identifier: `r#type`.
                } else {
                    found.push(Token { text: word, line });
                }
            }
            ':' if at(i + 1) == ':' => {
                i += 2;
                found.push(Token {
                    text: "::".into(),
                    line,
                });
            }
            c => {
                i += 1;
                if !c.is_whitespace() {
                    found.push(Token {
                        text: c.into(),
                        line,
                    });
                }
            }
        }
        line += chars[start..i.min(chars.len())]
            .iter()
            .filter(|c| **c == '\n')
            .count();
    }
    found
}

fn end_of_string(chars: &[char], open: usize) -> usize {
    let mut i = open + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

fn end_of_raw_string(chars: &[char], mut i: usize, hashes: usize) -> usize {
    while i < chars.len() {
        let closing = chars[i + 1..].iter().take_while(|c| **c == '#').count();
        if chars[i] == '"' && closing >= hashes {
            return i + 1 + hashes;
        }
        i += 1;
    }
    i
}

fn texts(tokens: &[Token]) -> impl Iterator<Item = &str> {
    tokens.iter().map(|token| token.text.as_str())
}

/// Takes out every item under `#[cfg(test)]`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const MARKS: [&[&str]; 2] = [
        &["#", "[", "cfg", "(", "test", ")", "]"],
        &["#", "[", "cfg", "(", "all", "(", "test"],
    ];
    let mut kept = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let marked = MARKS.iter().any(|mark| {
            tokens.len() - i >= mark.len()
                && texts(&tokens[i..i + mark.len()]).eq(mark.iter().copied())
        });
        if !marked {
            kept.push(tokens[i].clone());
            i += 1;
            continue;
        }
        i = end_of_item(tokens, end_of_group(tokens, i + 1));
    }
    kept
}

/// One past the bracket that closes the one at `open`.
fn end_of_group(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (i, text) in texts(tokens).enumerate().skip(open) {
        match text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i + 1;
        }
    }
    tokens.len()
}

/// One past the `;`, or the body, that ends the item at `i`.
fn end_of_item(tokens: &[Token], mut i: usize) -> usize {
    let is_use = texts(&tokens[i..]).take(6).any(|text| text == "use");
    while i < tokens.len() {
        match tokens[i].text.as_str() {
            ";" => return i + 1,
            "{" if !is_use => return end_of_group(tokens, i),
            "(" | "[" | "{" => i = end_of_group(tokens, i),
            _ => i += 1,
        }
    }
    i
}

/// The first segments of the paths that begin at `i`: one, or one for each member of a group.
fn heads(tokens: &[Token], i: usize, found: &mut Vec<(String, usize)>) {
    let Some(first) = tokens.get(i) else { return };
    if first.text != "{" {
        // `crate::{self}` imports nothing below the root.
        if first.text != "self" {
            found.push((first.text.clone(), first.line));
        }
        return;
    }
    let end = end_of_group(tokens, i);
    let mut member = i + 1;
    while member + 1 < end {
        heads(tokens, member, found);
        while member < end && tokens[member].text != "," {
            member = match tokens[member].text.as_str() {
                "{" => end_of_group(tokens, member),
                _ => member + 1,
            };
        }
        member += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imported(source: &str, depth: usize) -> Vec<String> {
        imports(source, depth)
            .into_iter()
            .map(|(to, _)| to)
            .collect()
    }

    #[test]
    fn groups_are_looked_into() {
        let source = "use crate::{a::{B, c::D}, e, f::{self, G}, h as i,\n    j::*};";
        assert_eq!(imported(source, 1), ["a", "e", "f", "h", "j"]);
        assert_eq!(imported("use super::{x::Y, z};", 1), ["x", "z"]);
        assert_eq!(imported("pub(in crate::a) use crate::b;", 1), ["a", "b"]);
    }

    #[test]
    fn comments_strings_and_tests_are_not_code() {
        let source = r####"
            // use crate::a::A;
            /// [`B`](crate::b::B)
            /* crate::c /* crate::d */ crate::e */
            const X: &str = "crate::f \" crate::g";
            const Y: &str = r#"crate::h " crate::i"#;
            const Z: (char, char, u8) = ('"', '\'', b'"');
            fn life<'a>(x: &'a str) -> &'a str { x }
            #[cfg(test)]
            mod tests { use crate::j; fn f() { if true { crate::k(); } } }
            #[cfg(test)]
            use crate::{l, m};
            #[cfg(all(test, feature = "x"))]
            fn helper() { crate::n() }
            #[cfg(not(test))]
            use crate::o;
            use crate::r#type::T;
        "####;
        assert_eq!(imported(source, 1), ["o", "type"]);
    }

    #[test]
    fn super_is_followed_to_the_root_through_inline_modules() {
        assert_eq!(imported("use super::a;", 1), ["a"]);
        assert_eq!(imported("use super::a;", 2), Vec::<String>::new());
        assert_eq!(imported("use super::super::{a, b::C};", 2), ["a", "b"]);
        let inline = "mod m { use super::super::a; } use super::b;";
        assert_eq!(imported(inline, 2), Vec::<String>::new());
        assert_eq!(imported(inline, 1), ["a", "b"]);
    }
}
