//! Words by which people say yes, no, goodbye, and that they want a person. English; silent in other languages, where
//! the model decides.

use std::sync::LazyLock;

use regex::Regex;

/// Patterns are constants of this file; one that does not compile finds nothing, and the tests see it.
fn pattern(source: &str) -> Option<Regex> {
    Regex::new(&format!("(?i){source}")).ok()
}

/// A question that is answered in the same breath is short.
const WORDS_ASKED_BACK: usize = 6;

type Cue = LazyLock<Option<Regex>>;

static YES: Cue = LazyLock::new(|| {
    pattern(
        r"^\W*(?:(?:oh|ah|um|well|erm)\W+)?(?:yes|yeah|yep|yup|ya|sure|ok|okay|of course|please do|go ahead|correct|that(?:'|’)?s (?:right|correct|fine|ok|okay)|right|exactly|absolutely|definitely|certainly|fine|sounds good|do it|do that|i agree|agreed|perfect|great|alright|all right|that works|works for me|i confirm|confirmed|i(?:'|’)?d like that|i would like that|y)\b",
    )
});
static NO: Cue = LazyLock::new(|| {
    pattern(
        r"^\W*(?:(?:oh|ah|um|well|erm|hmm|actually)\W+)?(?:no|nope|nah|not really|not now|not yet|don(?:'|’)?t|do not|never|i(?:'|’)?d rather not|i would rather not|rather not|i refuse|i don(?:'|’)?t (?:want|think)|absolutely not|certainly not|stop|n)\b",
    )
});
static NO_PROBLEM: Cue =
    LazyLock::new(|| pattern(r"^\W*(?:no|not a) (?:problem|worries|bother)\b"));
static FIRM_NO: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:but|i said) no\b|\bno,? thank(?:s| you)\b|\bnot interested\b|\bi(?:'|’)?ll pass\b|\bno offers?\b|\bi still want to (?:leave|cancel|go)\b",
    )
});
static HEDGED: Cue = LazyLock::new(|| {
    pattern(r"\?|\b(?:but|however|only if|unless|first|wait|hold on|before (?:you|that|i))\b")
});
static PERSON: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:speak|talk|chat)(?:ing)? (?:to|with) (?:a |an |the |your |some |another )?(?:real |actual |live |human |proper )*(?:human|person|someone|somebody|agent|representative|rep|advisor|adviser|operator|manager|supervisor|colleague|staff|people|employee)|\b(?:connect|transfer|put|pass|hand) me (?:through |over )?(?:to|with)\b|\b(?:get|give) me (?:a |an |your |the )?(?:real |actual |live |human )*(?:human|person|someone|somebody|agent|representative|manager|supervisor|advisor|adviser)|\b(?:real|actual|live) (?:human|person|agent)\b|\bhuman (?:please|agent|being)\b|\bwant (?:a |an )(?:human|person|manager|supervisor|real)\b|^\W*(?:agent|human|representative|operator|manager|supervisor)\W*(?:please)?\W*$",
    )
});
static DONE: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:that(?:'|’)?s (?:all|it|everything)|that is (?:all|it|everything)|that was (?:all|it|everything)|that(?:'|’)?ll be all|that will be all|nothing else|nothing more|all set|we(?:'|’)?re done|i(?:'|’)?m done|i(?:'|’)?m good|all good|goodbye|good bye|bye|bye-bye|have a (?:nice|good|great|lovely) (?:day|one|evening|weekend|afternoon))\b",
    )
});
static THANKS: Cue = LazyLock::new(|| {
    pattern(
        r"^\W*(?:(?:ok|okay|right|good|fine|that(?:'|’)?s (?:great|good|fine)|great|perfect|brilliant|lovely|alright|cool|wonderful|excellent|super)\W+)*(?:many thanks|thanks|thank you|thx|ta|cheers|much appreciated)\b(?:\W+(?:so much|very much|a lot|for (?:your|the) help|you(?:'|’)?ve been \w+ ?\w*|bye|goodbye))*\W*$",
    )
});
static GREETING: Cue = LazyLock::new(|| {
    pattern(
        r"^\W*(?:hi|hello|hey|good (?:morning|afternoon|evening)|hiya|morning|afternoon|evening)(?:\W+(?:there|everyone|all|again))?\W*$",
    )
});
static NEVER_MIND: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:never ?mind|forget (?:it|about it|that)|leave it|don(?:'|’)?t bother|changed my mind|scrap that|drop it|let(?:'|’)?s leave (?:it|that)|then not|(?:only|just) asking|(?:just|only) a question|in general|just want to know|not any ?more|no longer want)\b",
    )
});
static ALSO: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:also|as well|too|another thing|one more thing|while (?:i|you|we)(?:'|’)?(?:m|re| am| are)? (?:at|on|here)|and then|in addition|besides|after that|second(?:ly)?)\b",
    )
});
static QUESTION: Cue = LazyLock::new(|| {
    pattern(
        r"^\W*(?:(?:and|but|so|ok|okay|just|quick question|before (?:that|we \w+ \w*)|also|oh|by the way|sorry|wait)\W+)*(?:what|what(?:'|’)s|how (?:much|long|many|often|soon|do|does|can|will|is|are)|when|where|why|which|who|whose|is|are|do|does|did|will|would|can|could|should|am|have|has|may)\b",
    )
});
static INFORMATION: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:what(?:'|’)?s|what (?:is|are|do|does|happens|if)|how (?:much|long|many|often|soon|far)|how (?:does|do you|do they|do the)\b|when (?:do|does|will|is|are|can)|where (?:do|can|is|are)|why (?:do|does|is|are)|which|do you (?:have|offer|sell|charge|do|provide|accept)|is there|are there|does it|do i (?:have|need|get|pay)|will i|would i|am i)\b",
    )
});
static OWN_NEED: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:how (?:do|can|could|would) i|(?:can|could|will|would) (?:you|we)|i (?:want|need|would like|was|were|have been|got|lost|can(?:'|’)?t|cannot)|i(?:'|’)d like|i(?:'|’)ve (?:been|got|lost)|i(?:'|’)m (?:moving|leaving|switching|having|calling)|please|help me|my (?:internet|broadband|line|phone|sim|bill|account|hub) (?:is|was|has|keeps|won(?:'|’)?t|does))\b",
    )
});

static CORRECTS: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:actually|i meant|i mean|sorry|correction|instead|rather|wait|not that|wrong|mistake)\b|^\W*no\b",
    )
});

/// Whether something said before is put right.
pub(super) fn corrects(text: &str) -> bool {
    finds(&CORRECTS, text)
}

fn finds(cue: &Cue, text: &str) -> bool {
    cue.as_ref().is_some_and(|regex| regex.is_match(text))
}

/// A clear yes or no, nothing hedged or asked back.
pub(super) fn clear_answer(text: &str) -> Option<bool> {
    if finds(&FIRM_NO, text) {
        return Some(false);
    }
    if finds(&HEDGED, text) {
        // "Eight pounds off? Yes please.": what was asked back is answered by oneself.
        let (asked, answered) = text.rsplit_once('?')?;
        let short = asked.split_whitespace().count() <= WORDS_ASKED_BACK;
        return if short && !finds(&HEDGED, answered) {
            clear_answer(answered)
        } else {
            None
        };
    }
    if finds(&NO_PROBLEM, text) {
        return Some(true);
    }
    match (finds(&YES, text), finds(&NO, text)) {
        (true, false) => Some(true),
        // "Absolutely not" begins like a yes.
        (_, true) => Some(false),
        (false, false) => None,
    }
}

/// Whether a no stands at the beginning, whatever follows.
pub(super) fn begins_with_no(text: &str) -> bool {
    finds(&NO, text) && !finds(&NO_PROBLEM, text)
}

pub(super) fn wants_person(text: &str) -> bool {
    finds(&PERSON, text)
}

pub(super) fn is_done(text: &str) -> bool {
    finds(&DONE, text)
}

pub(super) fn is_thanks(text: &str) -> bool {
    finds(&THANKS, text)
}

pub(super) fn is_greeting(text: &str) -> bool {
    finds(&GREETING, text)
}

pub(super) fn never_mind(text: &str) -> bool {
    finds(&NEVER_MIND, text)
}

pub(super) fn comes_on_top(text: &str) -> bool {
    finds(&ALSO, text)
}

/// The question in a text, if there is one.
pub(super) fn question(text: &str) -> Option<&str> {
    let mut sentences = text.split_inclusive(['.', '!', '?']).map(str::trim);
    sentences.find(|sentence| {
        sentence.ends_with('?')
            || finds(&QUESTION, sentence) && sentence.split_whitespace().count() > 2
    })
}

/// Whether a question asks for information rather than for help with something of one's own.
pub(super) fn asks_for_information(text: &str) -> bool {
    finds(&INFORMATION, text) && !finds(&OWN_NEED, text)
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
        ] {
            assert_eq!(clear_answer(unclear), None, "{unclear}");
        }
    }

    #[test]
    fn a_person_is_asked_for_in_many_ways_and_talked_of_in_others() {
        for asked in [
            "I want to speak to a real person",
            "get me a manager",
            "Can you put me through to someone?",
            "agent please",
            "Human please!",
            "Let me talk to your supervisor",
        ] {
            assert!(wants_person(asked), "{asked}");
        }
        for told in [
            "I spoke to an agent yesterday",
            "The person who came was nice",
            "My manager pays the bill",
        ] {
            assert!(!wants_person(told), "{told}");
        }
    }

    #[test]
    fn endings_thanks_and_questions_are_told_apart() {
        for done in [
            "That's all, thanks.",
            "No, nothing else",
            "Bye!",
            "have a nice day",
        ] {
            assert!(is_done(done), "{done}");
        }
        assert!(
            !is_done("Is that everything I owe?")
                || question("Is that everything I owe?").is_some()
        );
        assert!(
            is_thanks("Great, thank you so much!") && !is_thanks("Thanks, and my bill is wrong")
        );
        assert!(is_greeting("Hello there!") && !is_greeting("Hello, my internet is down"));
        assert!(
            asks_for_information("What is the notice period?")
                && !asks_for_information("I want to know what my bill is")
        );
        assert_eq!(
            question("It is red. How long will it take?"),
            Some("How long will it take?")
        );
        assert_eq!(question("It is red."), None);
        assert!(never_mind("Oh, never mind then") && comes_on_top("And I also need a new SIM"));
    }
}
