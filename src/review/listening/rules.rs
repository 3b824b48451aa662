//! The rules: how English agents begin a reflection, a question, an affirmation.

use super::ListeningCode;
use super::cues::{
    AFFIRMING, ASKING_MORE, AUXILIARIES, COMPLEX_STEMS, DETAILS, INSTRUCTIONS, OPEN_WORDS, POLITE,
    QUESTION_WORDS, SIMPLE_STEMS,
};
use super::lexicon::{FEELINGS, MEANINGS, STOPWORDS};
use crate::review::judge::plain;

/// Share of the words of a reflection that the customer used, from which on it only repeats.
const REPEATS: f32 = 0.6;
/// Share of its words that a sentence without a stem must have from the customer to be taken for a reflection.
const TAKES_UP: f32 = 0.5;
/// Shorter sentences ("Okay.", "I see.") reflect nothing.
const LEAST_WORDS: usize = 3;

/// What a sentence of an agent does, after `before` was said by the customer.
pub(super) fn code(sentence: &str, before: &str) -> Option<ListeningCode> {
    let text = plain(sentence);
    let text = without_fillers(&text);
    if text.split_whitespace().count() < LEAST_WORDS {
        return short_question(sentence, text);
    }
    if AFFIRMING.iter().any(|cue| text.contains(cue)) {
        return Some(ListeningCode::Affirmation);
    }
    // "It sounds like you are worried?" asks for nothing but whether it was understood.
    if starts(text, COMPLEX_STEMS) {
        return Some(reflection(text, before, true));
    }
    if let Some(question) = question(sentence, text) {
        return Some(question);
    }
    if starts(text, SIMPLE_STEMS) {
        return Some(reflection(text, before, false));
    }
    statement(text, before)
}

/// Whether likeness may tell what the rules could not.
pub(super) fn may_be_coded(sentence: &str) -> bool {
    let text = plain(sentence);
    let text = without_fillers(&text);
    text.split_whitespace().count() > LEAST_WORDS && !instructs(text)
}

fn short_question(sentence: &str, text: &str) -> Option<ListeningCode> {
    if !sentence.trim_end().ends_with('?') || text.trim().is_empty() {
        return None;
    }
    let open = ["why", "how so", "how come", "what else", "what happened"];
    Some(if open.contains(&text.trim()) {
        ListeningCode::OpenQuestion
    } else {
        ListeningCode::ClosedQuestion
    })
}

/// "Okay, so ..." begins with "so".
fn without_fillers(text: &str) -> &str {
    let mut text = text;
    let fillers = [
        " okay ",
        " ok ",
        " well ",
        " right ",
        " alright ",
        " all right ",
        " yes ",
        " yeah ",
        " oh ",
        " ah ",
        " um ",
        " uh ",
        " and ",
        " but ",
        " now ",
        " i see ",
        " hmm ",
        " mm ",
        " sure ",
        " great ",
        " thank you ",
        " thanks ",
        " sorry ",
        " please ",
    ];
    while let Some(filler) = fillers.iter().find(|f| text.starts_with(**f)) {
        // "Thank you for ..." and "well done" are no fillers.
        let Some(rest) = text.get(filler.len() - 1..) else {
            break;
        };
        if rest.starts_with(" for ") || rest.starts_with(" done ") {
            break;
        }
        text = rest;
    }
    text
}

fn starts(text: &str, stems: &[&str]) -> bool {
    stems.iter().any(|stem| text.starts_with(stem))
}

fn question(sentence: &str, text: &str) -> Option<ListeningCode> {
    use ListeningCode::{ClosedQuestion, OpenQuestion};
    if starts(text, ASKING_MORE) {
        return Some(if asks_detail(text) {
            ClosedQuestion
        } else {
            OpenQuestion
        });
    }
    let marked = sentence.trim_end().ends_with('?');
    // "Can you tell me what happened" asks what "what happened" asks.
    let core = POLITE.iter().find_map(|p| text.strip_prefix(p));
    if let Some(core) = core {
        let core = format!(" {core}");
        let more = [
            " more ",
            " about how ",
            " what happened ",
            " how ",
            " in your own words ",
            " why ",
            " what you ",
            " what is going on ",
            " what's going on ",
        ];
        let open = more.iter().any(|word| core.contains(word)) && !asks_detail(&core);
        return Some(if open { OpenQuestion } else { ClosedQuestion });
    }
    let (first, second) = first_two(text);
    if OPEN_WORDS.contains(&first) && inverted(first, second, marked) {
        return Some(if asks_detail(text) {
            ClosedQuestion
        } else {
            OpenQuestion
        });
    }
    if QUESTION_WORDS.contains(&first) && (marked || AUXILIARIES.contains(&second)) {
        return Some(ClosedQuestion);
    }
    let subject = [
        "you", "your", "i", "we", "it", "this", "that", "there", "the", "they", "anybody", "anyone",
    ];
    if AUXILIARIES.contains(&first) && subject.contains(&second) {
        return Some(ClosedQuestion);
    }
    // A question further on: "For the account, what is your name?"
    if marked {
        let inner = OPEN_WORDS
            .iter()
            .any(|word| text.contains(&format!(" {word} ")));
        return Some(
            if inner && !asks_detail(text) && !text.starts_with(" so ") {
                OpenQuestion
            } else {
                ClosedQuestion
            },
        );
    }
    None
}

/// "What you can do is …" is no question, "what happened then" is one.
fn inverted(first: &str, second: &str, marked: bool) -> bool {
    marked
        || AUXILIARIES.contains(&second)
        || (first == "what"
            && [
                "happened", "brings", "brought", "made", "makes", "else", "kind", "sort",
            ]
            .contains(&second))
        || (first == "how" && ["come"].contains(&second))
}

fn first_two(text: &str) -> (&str, &str) {
    let mut words = text.split_whitespace().map(|word| {
        // "what's" -> "what" and an auxiliary.
        word.strip_suffix("'s").unwrap_or(word)
    });
    let first = words.next().unwrap_or_default();
    let second = if text.trim_start().starts_with(&format!("{first}'s ")) {
        "is"
    } else {
        words.next().unwrap_or_default()
    };
    (first, second)
}

/// Asks for a name, a number, a date: something that is looked up, not told.
fn asks_detail(text: &str) -> bool {
    DETAILS.iter().any(|detail| text.contains(detail))
}

fn instructs(text: &str) -> bool {
    starts(text, INSTRUCTIONS)
}

/// A statement that says "you" and is no instruction may be a reflection without a stem.
fn statement(text: &str, before: &str) -> Option<ListeningCode> {
    let about = [
        " you are ",
        " you're ",
        " you were ",
        " you feel ",
        " you felt ",
        " you want ",
        " you wanted ",
        " you have been ",
        " you've been ",
        " you had ",
        " you'd ",
        " you have ",
        " you've ",
        " you just ",
        " you don't ",
        " you didn't ",
        " you thought ",
        " you expected ",
        " you paid ",
        " you got ",
        " you never ",
        " you still ",
        " you need ",
        " you would ",
        " your ",
        " part of you ",
        " it feels ",
        " it's been ",
        " it has been ",
        " this has ",
        " nothing ",
        " nobody ",
        " a ",
        " one minute ",
        " you ",
        " no ",
    ];
    if !starts(text, &about) || instructs(text) {
        return None;
    }
    let shared = overlap(text, before);
    let feels = has_any(text, FEELINGS);
    if feels && text.contains(" you") && !has_any(&plain(before), FEELINGS) {
        return Some(ListeningCode::ComplexReflection);
    }
    if shared >= REPEATS || (shared >= TAKES_UP && !feels) {
        return Some(ListeningCode::SimpleReflection);
    }
    (feels && text.contains(" you")).then_some(ListeningCode::SimpleReflection)
}

fn reflection(text: &str, before: &str, complex_stem: bool) -> ListeningCode {
    let said = plain(before);
    let own_feeling = FEELINGS
        .iter()
        .any(|feeling| text.contains(feeling) && !said.contains(feeling));
    let meaning = MEANINGS.iter().any(|m| text.contains(m));
    let repeats = overlap(text, before) >= REPEATS;
    if own_feeling || (meaning && !repeats) || (complex_stem && !repeats && before.is_empty()) {
        ListeningCode::ComplexReflection
    } else {
        ListeningCode::SimpleReflection
    }
}

fn has_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// Share of the telling words of a sentence that the customer has just used, endings left out.
fn overlap(text: &str, before: &str) -> f32 {
    let said = plain(before);
    let said: Vec<&str> = said.split_whitespace().map(stem).collect();
    let words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| !STOPWORDS.contains(word))
        .map(stem)
        .collect();
    if words.is_empty() {
        return 0.0;
    }
    let shared = words.iter().filter(|word| said.contains(word)).count();
    shared as f32 / words.len() as f32
}

/// "charged" and "charges" begin alike; enough to see the same word twice.
fn stem(word: &str) -> &str {
    let cut = ["ing", "ed", "es", "s", "e"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending))
        .filter(|rest| rest.chars().count() >= 3);
    cut.unwrap_or(word)
}
