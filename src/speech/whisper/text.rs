//! From decoded tokens to words people said.

use crate::conversation::Word;
use crate::speech::SpeechSpan;

/// A run of characters without a space, with how sure the decoder was.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spoken {
    pub(super) text: String,
    pub(super) confidence: f32,
}

/// Joins tokens (bytes and probability) into words; a token that starts with a space starts a word,
/// and a character may be spread over several tokens.
pub(super) fn words<'a>(tokens: impl IntoIterator<Item = (&'a [u8], f32)>) -> Vec<Spoken> {
    let mut words: Vec<(Vec<u8>, f32, u32)> = Vec::new();
    for (bytes, probability) in tokens {
        match words.last_mut() {
            Some((text, sum, count)) if !bytes.starts_with(b" ") => {
                text.extend_from_slice(bytes);
                *sum += probability;
                *count += 1;
            }
            _ => words.push((bytes.to_vec(), probability, 1)),
        }
    }
    words
        .into_iter()
        .flat_map(|(bytes, sum, count)| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let confidence = (sum / count as f32).clamp(0.0, 1.0);
            let parts: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            parts
                .into_iter()
                .map(move |text| Spoken { text, confidence })
        })
        .collect()
}

/// Removes notes about sounds, such as `[BLANK_AUDIO]`, `(music)`, `*laughs*` and musical notes,
/// and what has neither letter nor digit. Telephone numbers keep their brackets.
pub(super) fn without_notes(words: Vec<Spoken>) -> Vec<Spoken> {
    let mut kept = Vec::with_capacity(words.len());
    let mut note: Option<(char, Vec<Spoken>)> = None;
    for word in words {
        let (close, mut inside) = match note.take() {
            Some(open) => open,
            None => match closing(&word.text) {
                Some(close) => (close, Vec::new()),
                None => {
                    if word.text.chars().any(char::is_alphanumeric) {
                        kept.push(word);
                    }
                    continue;
                }
            },
        };
        let ends = word
            .text
            .trim_end_matches(['.', ',', '!', '?'])
            .ends_with(close)
            && (!inside.is_empty() || word.text.chars().count() > 1);
        inside.push(word);
        if !ends {
            note = Some((close, inside));
        } else if !inside
            .iter()
            .any(|w| w.text.chars().any(char::is_alphabetic))
        {
            kept.append(&mut inside);
        }
    }
    // A bracket that never closes was no note.
    kept.extend(note.into_iter().flat_map(|(_, inside)| inside));
    if is_sound(&kept) {
        kept.clear();
    }
    kept
}

fn closing(word: &str) -> Option<char> {
    match word.chars().next()? {
        '[' => Some(']'),
        '(' => Some(')'),
        '*' => Some('*'),
        _ => None,
    }
}

/// Whether all that was heard is a name of a sound, which Whisper sometimes writes without brackets: then nobody spoke.
/// The last word may have been cut off.
fn is_sound(words: &[Spoken]) -> bool {
    const SOUNDS: [&str; 7] = [
        "beep", "beeping", "buzz", "buzzing", "click", "ding", "static",
    ];
    let plain = |word: &Spoken| {
        let letters = word.text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect::<String>()
    };
    let Some((last, first)) = words.split_last() else {
        return false;
    };
    let last = plain(last);
    let is_named = |word: &String| SOUNDS.contains(&word.as_str());
    first.iter().map(plain).all(|word| is_named(&word))
        && (is_named(&last)
            || (!first.is_empty() && SOUNDS.iter().any(|sound| sound.starts_with(&last))))
}

/// Whether the decoder got stuck: the same few words again and again, or far more words than can
/// be said in that time.
pub(super) fn is_loop(words: &[Spoken], duration_ms: u64) -> bool {
    words.len() as u64 * 1000 > 7 * duration_ms + 3000 || repeated(words, duration_ms).is_some()
}

/// Cuts a stuck passage down to one occurrence.
pub(super) fn without_loops(mut words: Vec<Spoken>, duration_ms: u64) -> Vec<Spoken> {
    while let Some((start, period, times)) = repeated(&words, duration_ms) {
        words.drain(start + period..start + period * times);
    }
    words
}

/// First place where a group of words repeats too often: (start, words in the group, times).
fn repeated(words: &[Spoken], duration_ms: u64) -> Option<(usize, usize, usize)> {
    let plain: Vec<String> = words
        .iter()
        .map(|w| {
            let letters = w.text.chars().filter(|c| c.is_alphanumeric());
            letters.flat_map(char::to_lowercase).collect()
        })
        .collect();
    // Nobody keeps up more than four and a half words a second and repeats a phrase as well.
    let hurried = words.len() as u64 * 2000 > 9 * duration_ms;
    let longest = (words.len() / 2).min(40);
    (1..=longest).find_map(|period| {
        // People do say "no no no no", and read digits one by one.
        let most = match period {
            1 => 7,
            3.. if hurried => 1,
            _ => 3,
        };
        (0..plain.len()).find_map(|start| {
            let group = plain.get(start..start + period)?;
            let times = plain[start..]
                .chunks_exact(period)
                .take_while(|c| *c == group)
                .count();
            (times > most).then_some((start, period, times))
        })
    })
}

/// How far a sentence's end is moved to a pause.
const SNAP_MS: u64 = 900;

/// Gives words their times: the speech within `spans` is shared out by the length of the words, and
/// sentences end at pauses where one is near. An estimate that is right to about a syllable, and
/// never falls into a pause.
pub(super) fn timed(words: Vec<Spoken>, spans: &[SpeechSpan]) -> Vec<Word> {
    let ends = ends(&words, spans);
    let mut start = 0;
    words
        .into_iter()
        .zip(ends)
        .map(|(word, end)| {
            let timed = Word {
                start_ms: at(start, spans, false),
                end_ms: at(end, spans, true),
                text: word.text,
                confidence: word.confidence,
            };
            start = end;
            timed
        })
        .collect()
}

/// Milliseconds of speech (pauses not counted) after which each word ends.
fn ends(words: &[Spoken], spans: &[SpeechSpan]) -> Vec<u64> {
    let letters = |w: &Spoken| w.text.chars().filter(|c| c.is_alphanumeric()).count() as u64 + 1;
    let speech: u64 = spans.iter().map(SpeechSpan::duration_ms).sum();
    let mut pauses: Vec<u64> = Vec::new();
    for span in spans {
        pauses.push(pauses.last().unwrap_or(&0) + span.duration_ms());
    }
    pauses.pop();

    // Sentence by sentence: what is left of the speech is shared out over what is left of the
    // words, so an end that was moved to a pause corrects everything after it.
    let mut ends = Vec::with_capacity(words.len());
    let mut left: u64 = words.iter().map(letters).sum();
    let mut from = 0;
    for sentence in words.split_inclusive(|w| w.text.ends_with(['.', '?', '!'])) {
        let own: u64 = sentence.iter().map(letters).sum();
        let estimate = from + (speech - from) * own / left.max(1);
        let near = pauses.iter().copied().filter(|&p| p > from);
        let nearest = near.min_by_key(|p| p.abs_diff(estimate));
        let end = match nearest {
            Some(pause) if own < left && pause.abs_diff(estimate) <= SNAP_MS => pause,
            _ => estimate,
        };
        let mut said = 0;
        for word in sentence {
            said += letters(word);
            ends.push(from + (end - from) * said / own.max(1));
        }
        from = end;
        left -= own;
    }
    ends
}

/// The time at which `spoken` milliseconds of speech have passed; at a pause, its start where `end`.
fn at(mut spoken: u64, spans: &[SpeechSpan], end: bool) -> u64 {
    for span in spans {
        let length = span.duration_ms();
        if spoken < length || (end && spoken == length) {
            return span.start_ms + spoken;
        }
        spoken -= length;
    }
    spans.last().map_or(0, |s| s.end_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<Spoken> {
        text.split_whitespace()
            .map(|w| Spoken {
                text: w.into(),
                confidence: 1.0,
            })
            .collect()
    }

    fn line(words: &[Spoken]) -> String {
        let texts: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
        texts.join(" ")
    }

    #[test]
    fn tokens_join_into_words_even_within_a_character() {
        let tokens: [(&[u8], f32); 5] = [
            (b" I", 0.9),
            (b" caf", 0.8),
            (b"\xc3", 0.6),
            (b"\xa9", 0.4),
            (b".", 1.0),
        ];
        let joined = words(tokens);
        assert_eq!(line(&joined), "I café.");
        assert!((joined[1].confidence - 0.7).abs() < 1e-6);
    }

    #[test]
    fn notes_go_and_numbers_in_brackets_stay() {
        for (heard, kept) in [
            ("[BLANK_AUDIO]", ""),
            ("(upbeat music) Hello there.", "Hello there."),
            ("Hello *laughs* there ♪ ♪", "Hello there"),
            ("Call (555) 123 4567.", "Call (555) 123 4567."),
            ("I said (never mind", "I said (never mind"),
            ("( music )", ""),
            ("- - -", ""),
            ("Beep. Beep!", ""),
            ("beep be", ""),
            ("Be", "Be"),
            ("A beep, twice.", "A beep, twice."),
        ] {
            assert_eq!(line(&without_notes(said(heard))), kept, "{heard}");
        }
    }

    #[test]
    fn loops_are_seen_and_cut_and_ordinary_repetition_stays() {
        let stuck = said("so I think that I think that I think that I think that I think that it");
        assert!(is_loop(&stuck, 20_000));
        assert_eq!(line(&without_loops(stuck, 20_000)), "so I think that it");
        let plain = said("no no no no, it is five five five one two");
        assert!(!is_loop(&plain, 5_000));
        assert_eq!(without_loops(plain.clone(), 5_000), plain);
        // Twice the same sentence is a loop only where there was no time to say it twice.
        let twice = said("where is my new order? where is my new order?");
        assert!(!is_loop(&twice, 4_000) && is_loop(&twice, 1_500));
        assert_eq!(line(&without_loops(twice, 1_500)), "where is my new order?");
        assert!(is_loop(
            &said("a b c d e f g h i j k l m n o p q r s t"),
            1_000
        ));
    }

    #[test]
    fn words_are_timed_within_speech_and_never_in_a_pause() {
        let spans = [
            SpeechSpan {
                start_ms: 1000,
                end_ms: 1500,
            },
            SpeechSpan {
                start_ms: 2000,
                end_ms: 2500,
            },
        ];
        let timed = timed(said("good day dear sir"), &spans);
        assert_eq!(timed[0].start_ms, 1000);
        assert_eq!((timed[1].end_ms, timed[2].start_ms), (1500, 2000));
        assert_eq!(timed[3].end_ms, 2500);
    }

    #[test]
    fn a_sentence_ends_at_the_pause_that_is_near() {
        let spans = [
            SpeechSpan {
                start_ms: 0,
                end_ms: 2000,
            },
            SpeechSpan {
                start_ms: 2400,
                end_ms: 4000,
            },
        ];
        // By letters alone the question would end at 1.2 s; the answer is spoken faster.
        let timed = timed(said("Where is it? I have it here with me."), &spans);
        assert_eq!((timed[2].end_ms, timed[3].start_ms), (2000, 2400));
        assert_eq!(timed[timed.len() - 1].end_ms, 4000);
        assert!(timed.windows(2).all(|w| w[0].end_ms <= w[1].start_ms));
    }
}
