//! Yes and no in the many ways people say them. English; silent in other languages, where the model decides.

use super::cues::{Cue, finds, pattern, sentences};

/// A question that is answered in the same breath is short.
const WORDS_ASKED_BACK: usize = 6;
/// What people say before they come to the point.
const LEAD: &str = r"^\W*(?:(?:oh|ah|um|uh|well|erm|hmm?|so|then|now|sorry|aw|ey up|go on then|pal|mate|love|duck|lad|lass|ok|okay|alright|all right|right|good|fine|great|nice|lovely|cool|perfect|brilliant|actually|honestly|in that case|(?:that|it)(?:'|’)?s (?:good|great|nice|fair|lovely|perfect|brilliant|fine|ok|okay)|thanks|thank you)\W+)*";

static YES: Cue = Cue::new(|| {
    pattern(&format!(
        r"{LEAD}(?:yes|yeah|yep|yup|yah|ya|aye|sure|ok|okay|of course|please do|do so|go ahead|go on|go for it|by all means|carry on|(?:please )?proceed|correct|that(?:'|’)?s (?:right|correct|fine|ok|okay|what i want|perfect)|right|exactly|absolutely|definitely|certainly|fine|sounds (?:good|great|fine|perfect|like a plan)|(?:that|it)(?:(?:'|’)?d| would) be (?:good|great|lovely|perfect|nice|wonderful|fine|brilliant|helpful)|do it|do that|let(?:'|’)?s (?:do|go|book|have|get)|i agree|agreed|perfect|great|alright|all right|that works|works for me|suits me|i confirm|confirmed|let(?:'|’)?s have it|crack on|feel free|be my guest|i(?:(?:'|’)?m| am) up for (?:it|that)|book it(?: in)?|(?:that|it)(?:(?:'|’)?d| would) (?:help|do(?: me)?|be (?:grand|smashing|ace|champion|brill|super|ideal))|i(?:(?:'|’)?d| would) (?:like|love|appreciate) (?:that|it)|i accept|i(?:(?:'|’)?ll| will)? (?:take|have) (?:it|that|the offer)|it(?:'|’)?s a deal|deal|why not|count me in|i(?:'|’)?m (?:happy|fine|ok|okay|good) with (?:that|it)|good idea|makes sense|y)\b"
    ))
});
static ONLY_PLEASE: Cue = Cue::new(|| {
    pattern(&format!(
        r"{LEAD}(?:please|(?:if )?you (?:would|could|can|may|like|please|want)|if you don(?:'|’)?t mind)(?: please)?\W*$"
    ))
});
/// "You're all right, love" declines politely.
static ALL_RIGHT: Cue = Cue::new(|| {
    pattern(&format!(
        r"{LEAD}(?:(?:you(?:'|’)?re|yer|i(?:'|’)?m|i am) (?:alright|all right))(?:\W+\w+)?\W*$"
    ))
});
/// "Okay." before something else is no answer yet.
static FILLER: Cue = Cue::new(|| {
    pattern(r"^\W*(?:ok|okay|right|alright|all right|fine|good|great|well|perfect)\W*$")
});
/// "Then it's six, yes."
static YES_AT_LAST: Cue = Cue::new(|| pattern(r"[,.;]\s*(?:yes|yeah|yep)(?:,? please)?\W*$"));
static NO: Cue = Cue::new(|| {
    pattern(&format!(
        r"{LEAD}(?:no|nope|nah|nay|naw|nae|no way|not (?:a chance|likely|on your nelly|if i can help it)|hold off|leave it|i(?:(?:'|’)?d| would) rather you didn(?:'|’)?t|not (?:really|now|yet|today|at all|for me|necessary|needed|that i know|at the moment)|(?:absolutely|certainly|definitely|luckily|fortunately|thankfully|probably|unfortunately|sadly|of course|rather|better|i(?:'|’)?d (?:rather|prefer)|i would (?:rather|prefer)) not|don(?:'|’)?t|do not|never|i refuse|i won(?:'|’)?t|i will not|i don(?:'|’)?t (?:want|think|need)|i do not (?:want|think|need)|(?:there(?:'|’)?s )?no need|stop|n)\b"
    ))
});
static EXPLICIT: Cue = Cue::new(|| {
    pattern(&format!(
        r"{LEAD}(?:yes|yeah|yep|yup|no|nope|please do|go ahead|sure|do it|do that)\b"
    ))
});
static NO_PROBLEM: Cue = Cue::new(|| {
    pattern(&format!(
        r"{LEAD}(?:(?:no|not a) (?:problem|worries|bother)|don(?:'|’)?t worry)\b"
    ))
});
static FIRM_NO: Cue = Cue::new(|| {
    pattern(
        r"\b(?:but|i said) no\b|\bno,? thank(?:s| you)\b|\bthank(?:s| you),? (?:but )?no\b|\bnot interested\b|\bi(?:'|’)?ll pass\b|\bno offers?\b|\bmy mind(?:'|’)?s? (?:is )?made up\b|\bmade up my mind\b|\b(?:doesn(?:'|’)?t|does not|won(?:'|’)?t|will not) change (?:anything|my mind|a thing|that)\b|\bnot (?:tempted|worth it)\b|\btoo late for that\b",
    )
});
/// "That's kind of you, but …" declines, where nothing is asked.
static THANKS_BUT: Cue = Cue::new(|| {
    pattern(
        r"\b(?:kind|nice|sweet|generous|tempting|appreciate(?: it| that| the offer)?|thanks|thank you|ta|cheers|good (?:offer|of (?:you|yer|ya|ye))|fair offer)\b[^.?!]*\bbut\b",
    )
});
static HEDGED: Cue = Cue::new(|| {
    pattern(
        r"\?|\b(?:but|however|only if|unless|first|wait|hold on|before (?:you|that|i)|(?:let me|let(?:'|’)?s) (?:hear|see|think)|tell me more|all ears|listening)\b|\btell me\W*$",
    )
});
static PUT_OFF: Cue = Cue::new(|| {
    pattern(
        r"\b(?:(?:have|need|want|got|like|got ?ta) to (?:think|ask|check|talk|speak|sleep on)|think (?:about|over)|think (?:it|that|this) over|not sure|unsure|maybe|perhaps|depends|ask my|check with|talk to my|sleep on it|not yet|later)\b",
    )
});
static NOBODY: Cue =
    Cue::new(|| pattern(r"^\W*(?:nobody|no one|none of|not anybody|not anyone)\b"));
static ANYBODY: Cue = Cue::new(|| pattern(r"\b(?:anybody|anyone|somebody|someone)\b"));
/// An action that is wished for, or that is not.
static WISH: Cue = Cue::new(|| {
    pattern(&format!(
        r"{LEAD}(?:(?:yes|yeah|no|nope|please|just|still|let(?:'|’)?s|i(?:(?:'|’)?d| would)(?: still)? (?:like to|love to|prefer to|rather)|i(?:(?:'|’)?ll| will)|i(?: still)? want to|i(?:'|’)?m|you (?:can|may))\W+)*(?P<not>(?:don(?:'|’)?t|do not|not)\W+)?(?P<verb>[a-z]+)"
    ))
});
/// All is to stay as it is.
static AS_BEFORE: Cue = Cue::new(|| {
    pattern(
        r"\b(?:(?:keep|keeping|stay with|staying with|stick with|sticking with|stick to|have) (?:my|our|the) (?:old|current|present|existing) |(?:leave|keep|stays?|staying|leaving|keeping)(?: (?:it|that|this|things|everything|all))? (?:(?:just )?(?:as|like|how|the way) (?:it|they|things|that|this)(?:(?:'|’)(?:s|re)| is| was| are| were)|(?:as|like) (?:is|before|now)|the same|unchanged))",
    )
});
static KEEPS: Cue = Cue::new(|| pattern(r"\b(?:keep|stay|leave|remain|same)"));
/// The actions that a question is about.
static ACTION: Cue = Cue::new(|| {
    pattern(
        r"\b(?:shall i|should i|may i|can i|like to|like me to|want to|want me to|ahead and)\s+([a-z]+)",
    )
});
/// What follows is the other possibility.
static OTHERWISE: Cue = Cue::new(|| pattern(r"\b(?:instead of|rather than)\b"));

/// Verbs by which people end something, and their opposites.
const ENDING: [&str; 7] = [
    "cancel",
    "leave",
    "end",
    "terminate",
    "quit",
    "close",
    "stop",
];
const GOING_ON: [&str; 4] = ["stay", "keep", "remain", "continue"];
/// A clear yes or no, nothing hedged or asked back.
pub(super) fn clear_answer(text: &str) -> Option<bool> {
    if finds(&FIRM_NO, text) {
        return Some(false);
    }
    if finds(&HEDGED, text) {
        if !text.contains('?') && finds(&THANKS_BUT, text) {
            return Some(false);
        }
        // "Eight pounds off? Yes please.": what was asked back is answered by oneself.
        let (asked, answered) = text.rsplit_once('?')?;
        let short = asked.split_whitespace().count() <= WORDS_ASKED_BACK;
        return if short && !finds(&HEDGED, answered) {
            clear_answer(answered)
        } else {
            None
        };
    }
    // "Oh, that's good. Yes, I'll take it.": any sentence may hold it, as long as no other one denies it.
    let is_more = |sentence: &&str| !finds(&FILLER, sentence);
    one_of(sentences(text).filter(is_more).filter_map(of_sentence))
        .or_else(|| one_of(sentences(text).filter_map(of_sentence)))
}

/// What all of them say.
fn one_of(mut said: impl Iterator<Item = bool>) -> Option<bool> {
    let first = said.next()?;
    said.all(|next| next == first).then_some(first)
}

fn of_sentence(sentence: &str) -> Option<bool> {
    if finds(&NO_PROBLEM, sentence) {
        return Some(true);
    }
    if finds(&NO, sentence) || finds(&ALL_RIGHT, sentence) {
        // "Absolutely not" begins like a yes.
        return Some(false);
    }
    [&YES, &YES_AT_LAST, &ONLY_PLEASE]
        .iter()
        .any(|cue| finds(cue, sentence))
        .then_some(true)
}

/// What is said to a question for a yes: in so many words, or by naming the action ("Shall I book it?" — "Book it.").
pub(super) fn answer_to(question: &str, text: &str) -> Option<bool> {
    let named = names_action(question, text);
    // "Okay, so it stays like before" is no yes to a change.
    if finds(&AS_BEFORE, text) && !text.contains('?') && !finds(&KEEPS, question) {
        return Some(named.unwrap_or(false));
    }
    match clear_answer(text) {
        // "No, I'll stay" to "Would you like to stay?": who says both means the action.
        Some(clear) => Some(named.unwrap_or(clear)),
        None => named,
    }
}

/// Whether a yes would stand under a condition, or is put off ("I need to think about it").
pub(super) fn is_hedged(text: &str) -> bool {
    finds(&HEDGED, text) || finds(&PUT_OFF, text)
}

/// Whether the answer names what was asked for, or the other possibility.
pub(super) fn names_action(question: &str, text: &str) -> Option<bool> {
    if text.contains('?') || finds(&HEDGED, text) {
        return None;
    }
    let asked = question
        .split_inclusive(['.', '!', '?'])
        .rfind(|sentence| sentence.trim_end().ends_with('?'))?
        .to_lowercase();
    let (wanted, other) = actions(&asked);
    let wish = WISH.as_ref()?;
    let clauses = sentences(text).flat_map(|sentence| sentence.split(','));
    one_of(clauses.filter_map(|clause| {
        let lower = clause.to_lowercase();
        let found = wish.captures(&lower)?;
        let verb = found.name("verb")?.as_str();
        let is_wanted = wanted.iter().any(|action| is_alike(action, verb));
        let is_other = other.iter().any(|action| is_alike(action, verb))
            || wanted.iter().any(|action| is_opposite(action, verb));
        let is_denied = found.name("not").is_some();
        (is_wanted || is_other).then_some(is_wanted != is_denied)
    }))
}

/// What a question is about, and what it names instead of it.
fn actions(asked: &str) -> (Vec<&str>, Vec<&str>) {
    let otherwise = OTHERWISE.as_ref().and_then(|cue| cue.find(asked));
    let (wanted, other) = match otherwise {
        Some(found) => (
            asked.get(..found.start()).unwrap_or_default(),
            asked.get(found.end()..).unwrap_or_default(),
        ),
        None => (asked, ""),
    };
    let wanted = ACTION.as_ref().map_or_else(Vec::new, |cue| {
        let found = cue.captures_iter(wanted).filter_map(|found| found.get(1));
        found.map(|word| word.as_str()).collect()
    });
    let other = other
        .split(|c: char| !c.is_alphabetic())
        .find(|word| !word.is_empty());
    (wanted, other.into_iter().collect())
}

fn is_alike(word: &str, verb: &str) -> bool {
    let both = |class: &[&str]| is_of(class, word) && is_of(class, verb);
    same_word(word, verb) || both(&ENDING) || both(&GOING_ON)
}

fn is_opposite(word: &str, verb: &str) -> bool {
    is_of(&ENDING, word) && is_of(&GOING_ON, verb) || is_of(&GOING_ON, word) && is_of(&ENDING, verb)
}

fn is_of(class: &[&str], word: &str) -> bool {
    class.iter().any(|one| same_word(one, word))
}

/// "cancel" and "cancelling", "book" and "booking", "change" and "changing".
fn same_word(one: &str, other: &str) -> bool {
    const ENDINGS: [&str; 9] = ["", "e", "s", "es", "d", "ed", "ing", "led", "ling"];
    let (short, long) = match one.len() <= other.len() {
        true => (one, other),
        false => (other, one),
    };
    let stem = short.strip_suffix('e').unwrap_or(short);
    let rest = long.strip_prefix(stem);
    short.len() > 2 && rest.is_some_and(|rest| ENDINGS.contains(&rest))
}

/// A yes or no that cannot mean anything else, in a sentence of its own before a question ("Yes. When does it come?").
pub(super) fn explicit_answer(text: &str) -> Option<bool> {
    let is_question = |sentence: &&str| sentence.ends_with('?');
    if !text.contains('?') || sentences(text).any(|s| !is_question(&s) && finds(&HEDGED, s)) {
        return None;
    }
    let first = sentences(text).next().filter(|s| !is_question(s))?;
    match finds(&EXPLICIT, first) {
        true => of_sentence(first),
        false => None,
    }
}

/// Whether a no stands at the beginning, whatever follows.
pub(super) fn begins_with_no(text: &str) -> bool {
    finds(&NO, text) && !finds(&NO_PROBLEM, text)
}

/// "Nobody here has one" to a question whether anybody has.
pub(super) fn is_nobody(question: &str, text: &str) -> bool {
    finds(&ANYBODY, question) && finds(&NOBODY, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_answer_is_neither_hedged_nor_asked_back() {
        for yes in [
            "Yes please.",
            "yeah go for it",
            "Okay, do that.",
            "No problem",
            "That's right",
            "Sure!",
            "Well, yes.",
            "Oh, that's good. Yes, I'll take that and stay.",
            "Ten euros less? Go on then.",
            "Please.",
            "Yes, go ahead and tell me the reference.",
            "Do so, please.",
            "Good, then let's do it.",
            "Nice. I accept.",
            "Three is enough, yes.",
            "That would be lovely",
            "Don't worry, go ahead",
        ] {
            assert_eq!(clear_answer(yes), Some(true), "{yes}");
        }
        for no in [
            "No thanks",
            "nope",
            "I'd rather not.",
            "Don't do that",
            "Absolutely not",
            "Actually, no.",
            "Right, no.",
            "Luckily not.",
            "That's kind of you, but my mind is made up.",
            "I appreciate it, but I would like to go on as planned.",
            "Thanks, but it doesn't change anything.",
            "Okay. No, leave it.",
        ] {
            assert_eq!(clear_answer(no), Some(false), "{no}");
        }
        for unclear in [
            "Yes, but how much is it?",
            "yes only if it is free",
            "LF402117",
            "Yesterday",
            "Nobody told me",
            "Okay wait",
            "That's nice, but what does it cost?",
            "Please tell me more",
            "Okay, let me hear it.",
            "Pleased to meet you",
        ] {
            assert_eq!(clear_answer(unclear), None, "{unclear}");
        }
    }

    #[test]
    fn naming_the_action_is_an_answer() {
        let change = "Fibre 300 costs £33. Shall I change your plan to Fibre 300?";
        for (question, text, answer) in [
            (change, "Okay, so it stays like before.", Some(false)),
            (
                change,
                "New 18 months, no, sorry. I keep my old plan.",
                Some(false),
            ),
            (change, "Just leave it as it is, please", Some(false)),
            (change, "Does it stay as it is?", None),
            (change, "Yes, do it", Some(true)),
            (
                "Shall I keep your plan the same?",
                "Yes, keep it as it is",
                Some(true),
            ),
        ] {
            assert_eq!(answer_to(question, text), answer, "{question} {text}");
        }
        let offer =
            "There is something for you. Would you like to stay with that instead of cancelling?";
        let cancel = "Shall I go ahead and cancel your contract? There is no fee.";
        let book = "Shall I book your visit on Monday?";
        for (question, text, answer) in [
            (offer, "I'll stay then", Some(true)),
            (offer, "I'd still like to leave", Some(false)),
            (offer, "Just cancel it", Some(false)),
            (cancel, "Cancel it, please.", Some(true)),
            (cancel, "I want to leave", Some(true)),
            (cancel, "I'd rather keep it", Some(false)),
            (cancel, "No, I'm staying", Some(false)),
            (book, "Good, then book it.", Some(true)),
            (book, "Don't book it", Some(false)),
            (offer, "No, don't cancel, I want to stay", Some(true)),
            (offer, "I'm staying. I take the offer.", Some(true)),
            (book, "Monday is my birthday", None),
            (book, "Book it for Tuesday instead?", None),
        ] {
            assert_eq!(answer_to(question, text), answer, "{question} {text}");
        }
    }

    #[test]
    fn an_answer_before_a_question_counts_where_it_is_explicit() {
        for (text, answer) in [
            ("Yes please. When does it come?", Some(true)),
            ("No. What else is there?", Some(false)),
            ("Okay. What does it cost?", None),
            ("Yes, but what does it cost?", None),
            ("Is it free? Yes", None),
            ("Yes please.", None),
        ] {
            assert_eq!(explicit_answer(text), answer, "{text}");
        }
    }

    #[test]
    fn nobody_answers_a_question_for_anybody() {
        assert!(is_nobody("Does anybody need it?", "Nobody here does"));
        assert!(!is_nobody("Is it red?", "Nobody told me"));
        assert!(!is_nobody("Does anybody need it?", "My mother does"));
    }
}
