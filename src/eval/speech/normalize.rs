//! Spelling that is no error: case, punctuation, contractions, and numbers in words or digits.

use crate::conversation::number_words;

/// The words of a text in one spelling, for comparison.
///
/// Lower case; what stands in brackets, punctuation and symbols go; contractions are written out; every
/// number, in words or digits, becomes its digits one by one, so that `162`, `one hundred sixty-two` and
/// `one six two` are the same. After the idea of the English normaliser of Whisper's paper (appendix C).
pub fn normalize(text: &str) -> Vec<String> {
    let plain = without_brackets(text)
        .to_lowercase()
        .replace(['\u{2019}', '\u{2018}', '`'], "'")
        .replace('%', " percent ")
        .replace('&', " and ")
        .replace('$', " dollars ")
        .replace('#', " pound ")
        .replace('*', " star ");
    let mut tokens: Vec<String> = Vec::new();
    for token in split(&plain) {
        tokens.extend(written_out(&token));
    }
    digits(&tokens)
}

fn without_brackets(text: &str) -> String {
    let mut depth = 0_usize;
    let mut kept = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(character),
            _ => {}
        }
    }
    kept
}

/// Words of letters, digits and inner apostrophes; `1,000` is one number.
fn split(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut words = vec![String::new()];
    for (index, &character) in characters.iter().enumerate() {
        let is_digit = |i: Option<usize>| {
            i.and_then(|i| characters.get(i))
                .is_some_and(char::is_ascii_digit)
        };
        let joins = character == ',' && is_digit(index.checked_sub(1)) && is_digit(Some(index + 1));
        if character.is_alphanumeric() || character == '\'' {
            if let Some(word) = words.last_mut() {
                word.push(character);
            }
        } else if !joins {
            words.push(String::new());
        }
    }
    words
        .iter()
        .map(|word| word.trim_matches('\'').to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

fn written_out(word: &str) -> Vec<String> {
    let fixed = match word {
        "ok" => "okay",
        "can't" | "cannot" => "can not",
        "won't" => "will not",
        "let's" => "let us",
        "mr" => "mister",
        "email" => "e mail",
        _ => "",
    };
    if !fixed.is_empty() {
        return fixed.split(' ').map(str::to_owned).collect();
    }
    for (ending, long) in [
        ("n't", "not"),
        ("'re", "are"),
        ("'ll", "will"),
        ("'ve", "have"),
        ("'m", "am"),
        ("'d", "would"),
        ("that's", "that is"),
        ("it's", "it is"),
        ("what's", "what is"),
        ("there's", "there is"),
        ("here's", "here is"),
    ] {
        if word == ending {
            return long.split(' ').map(str::to_owned).collect();
        }
        if let Some(stem) = word.strip_suffix(ending).filter(|s| !s.is_empty()) {
            return vec![stem.to_owned(), long.to_owned()];
        }
    }
    vec![word.replace('\'', "")]
}

/// Replaces numbers by their digits.
fn digits(words: &[String]) -> Vec<String> {
    let mut out = Vec::with_capacity(words.len());
    let mut index = 0;
    while index < words.len() {
        let (number, used) = number(&words[index..]);
        if used > 0 {
            out.extend(number.chars().map(String::from));
            index += used;
        } else {
            out.push(words[index].clone());
            index += 1;
        }
    }
    out
}

/// The number at the start of `words` and how many words it takes; none where there is no number.
///
/// A grammar of its own beside [`number_words::cardinal`]: word error rates are only comparable while
/// it stays as it is, and it reads "two thousand and five" as two numbers.
fn number(words: &[String]) -> (String, usize) {
    if words[0].bytes().all(|b| b.is_ascii_digit()) {
        return (words[0].clone(), 1);
    }
    let (mut total, mut group, mut used) = (0_u64, 0_u64, 0);
    // What may follow: after `twenty` a unit, after `five` only `hundred` or `thousand`.
    let mut room = u64::MAX;
    for (index, word) in words.iter().enumerate() {
        if let Some(value) = below_hundred(word) {
            let fits = room == u64::MAX || (value > 0 && value < room);
            if !fits {
                break;
            }
            group += value;
            room = if value >= 20 { 10 } else { 0 };
        } else if word == "hundred" && (1..100).contains(&group) {
            group *= 100;
            room = 100;
        } else if word == "thousand" && group > 0 && total == 0 {
            total = group * 1000;
            group = 0;
            room = 1000;
        } else if word == "and" && room == 100 {
            let continues = words
                .get(index + 1)
                .and_then(|w| below_hundred(w))
                .is_some_and(|v| v > 0);
            if !continues {
                break;
            }
            continue;
        } else {
            break;
        }
        used = index + 1;
    }
    ((total + group).to_string(), used)
}

/// `zero` to `nineteen`, and the tens.
fn below_hundred(word: &str) -> Option<u64> {
    number_words::unit(word).or_else(|| number_words::tens(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> String {
        normalize(text).join(" ")
    }

    #[test]
    fn spellings_of_the_same_speech_are_the_same() {
        for (a, b) in [
            ("Press 1, please!", "press one please"),
            ("one hundred sixty-two", "162"),
            ("one hundred and sixty two", "1 6 2"),
            ("five five five", "555"),
            ("twenty five dollars", "25 dollars"),
            ("two thousand twenty six", "2,026"),
            ("I can't; you\u{2019}re OK", "i can not you are okay"),
            ("IAX (note: does not say \"2\")", "iax"),
            ("press *, then #", "press star then pound"),
            ("that's it", "that is it"),
        ] {
            assert_eq!(line(a), line(b), "{a} / {b}");
        }
    }

    #[test]
    fn different_speech_stays_different() {
        for (a, b) in [
            ("twenty five", "205"),
            ("one and two", "one two"),
            ("press one", "press two"),
            ("hundred", "100 0"),
        ] {
            assert_ne!(line(a), line(b), "{a} / {b}");
        }
        assert_eq!(line("one, two and three"), "1 2 and 3");
        assert!(normalize("... (music)").is_empty());
    }
}
