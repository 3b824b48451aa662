//! Words by which people say goodbye, ask, put something right, and that they want a person. English; silent in other
//! languages, where the model decides.

use std::sync::LazyLock;

use regex::Regex;

/// Patterns are constants of this file; one that does not compile finds nothing, and the tests see it.
pub(super) fn pattern(source: &str) -> Option<Regex> {
    Regex::new(&format!("(?i){source}")).ok()
}

/// A pattern that is compiled when it is first looked for.
pub(super) type Cue = LazyLock<Option<Regex>>;

static PERSON: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:speak|talk|chat)(?:ing)? (?:to|with) (?:a |an |the |your |some |another )?(?:real |actual |live |human |proper )*(?:human|person|someone|somebody|agent|representative|rep|advisor|adviser|operator|manager|supervisor|colleague|staff|people|employee)|\b(?:connect|transfer|put|pass|hand) me (?:through |over )?(?:to|with)\b|\b(?:get|give) me (?:a |an |your |the )?(?:real |actual |live |human )*(?:human|person|someone|somebody|agent|representative|manager|supervisor|advisor|adviser)|\b(?:real|actual|live) (?:human|person|agent)\b|\bhuman (?:please|agent|being)\b|\bwant (?:a |an )(?:human|person|manager|supervisor|real)\b|^\W*(?:agent|human|representative|operator|manager|supervisor)\W*(?:please)?\W*$",
    )
});
static DONE: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:that(?:'|’)?s (?:all|it|everything)|that is (?:all|it|everything)|that was (?:all|it|everything)|that(?:'|’)?ll be all|that will be all|that would be (?:all|everything)|that covers it|that(?:'|’)?s me (?:sorted|done)|nothing (?:else|more|for now)|no more questions|all set|all clear|everything(?:'|’)?s? (?:is )?clear|i(?:'|’)?m sorted|we(?:'|’)?re done|i(?:'|’)?m done|i(?:'|’)?m good|all good|goodbye|good bye|bye|bye-bye|have a (?:nice|good|great|lovely) (?:day|one|evening|weekend|afternoon))\b",
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
        r"\b(?:never ?mind|forget (?:it|about it|that)|leave it|don(?:'|’)?t bother|changed my mind|scrap that|drop it|let(?:'|’)?s leave (?:it|that)|then not|not any ?more|no longer want)\b",
    )
});
/// "I no longer want it", but not "I no longer want to do that".
static NO_LONGER: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:no longer (?:want|need|use)|don(?:'|’)?t (?:want|need|use)|not any ?more)\b(?: (?:it|this|that|the|my|your|them|any)\b|\W*$)",
    )
});
/// More words than this tell something.
const WORDS_OF_A_PAUSE: usize = 10;
static STALLS: Cue = LazyLock::new(|| {
    pattern(
        r"^\W*(?:(?:ok|okay|sure|yes|yeah|um|uh|erm|well|right|oh|hm+|sorry|so|just|please)\W+)*(?:(?:one|a|just a) (?:moment|second|sec|minute|min)|half a (?:second|minute)|hang on|hold on|hold the line|bear with me|wait(?: a \w+)?\W*$|give me (?:a|one) (?:moment|second|sec|minute|min)|let me (?:just )?(?:look|check|find|see|get|fetch|grab|think|go)|i(?:(?:'|’)?ll| will| need to| have to| must|(?:'|’)?m going to)(?: just)?(?: go(?: and)?)? (?:find|look|check|get|fetch|grab)\b)",
    )
});
/// Whoever only wants to know something needs no procedure.
static ONLY_ASKING: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:(?:only|just|merely) (?:asking|looking|curious|wondering|a question|some advice|for information)|(?:a|it(?:'|’)?s|my) (?:general|quick general) question|(?:question|asking|know)? ?in general|generally speaking|(?:only|just) (?:want|wanted|would like|need)(?:ed)? to (?:know|ask|understand|find out)|not about my (?:own )?account|don(?:'|’)?t want to (?:order|buy|change|cancel|book|do) (?:anything|it|yet|now)|not (?:ordering|buying) (?:anything|yet|now))\b",
    )
});
/// "No, I haven't sent it yet" tells something; "no, I don't need anything else" ends it.
static DENIES: Cue = LazyLock::new(|| {
    pattern(
        r"^\W*(?:no|nope|nah)\b.*\b(?:i|it|we|they|he|she|that|nobody)(?:(?:'|’)(?:ve|m|s|re)| (?:have|has|did|do|does|can|is|was|will|am|had|are|were))?(?:(?:n(?:'|’)?t| ?not| never)| (?:haven|hasn|didn|can|isn|wasn|won|doesn)(?:'|’)?t)\b",
    )
});
static MORE: Cue = LazyLock::new(|| pattern(r"\b(?:else|more|need|want|further|other)\b"));

/// What was mentioned and has not been dealt with.
static REFERS_BACK: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:(?:the|my|that) (?:other|second|third|first|next) (?:thing|problem|issue|matter|question|point|one|topic|request|part)|two (?:things|problems|issues|questions|points)|both (?:things|problems|issues)|you (?:forgot|(?:have(?:n(?:'|’)?t| not))? ?forgotten|missed|skipped)|i (?:(?:already|also|just) )?(?:mentioned|told you|said)|as i said|the rest)\b",
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
        r"\b(?:what(?:'|’)?s|what (?:is|are|do|does|happens|if)|how (?:much|long|many|often|soon|far)|how (?:does|do you|do they|do the)\b|when (?:do|does|will|is|are|can)|where (?:do|can|is|are)|why (?:do|does|is|are)|which|do you (?:have|offer|sell|charge|do|provide|accept)|is there|are there|does it|do i (?:have|need|get|pay)|(?:will|would) (?:i|my|it|that|this|there|the)|am i)\b",
    )
});
static OWN_NEED: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:how (?:do|can|could|would) i|(?:can|could|will|would) (?:you|we)|i (?:want|need|would like|was|were|have been|got (?:an?|the|my|two|no|charged|billed)|lost|can(?:'|’)?t|cannot)|i(?:'|’)d like|i(?:'|’)ve (?:been|got|lost)|i(?:'|’)m (?:moving|leaving|switching|having|calling)|please|help me|my (?:internet|broadband|line|phone|sim|bill|account|hub) (?:is|was|has|keeps|won(?:'|’)?t|does)|is there (?:an? |any )?(?:known |current |local )?(?:outage|disruption)|nothing (?:loads|works|opens))\b",
    )
});

/// "Can we move that?": what it is stands in the words before.
static MEANS_THAT: Cue = LazyLock::new(|| {
    pattern(
        r"^\W*(?:(?:and|so|but|then|please|can|could|may|would|is it possible to|want to|like to|need to|i|we|you|let(?:'|’)?s)\W+)*(?:move|change|shift|postpone|push|bring|put|do|have|get)\s+(?:it|that|this)(?:\W*$|\W+(?:to|on|for|from|back|by|please)\b)",
    )
});
/// What was just offered is to be explained: "Sure, what is it?"
static ASKS_WHAT: Cue = LazyLock::new(|| {
    pattern(
        r"^\W*(?:(?:ok|okay|sure|yes|yeah|well|alright|all right|right|hm+|oh|interesting|and|so|go on|go on then)\W+)*(?:what(?:(?:'|’)s| is| are| was| would)?(?: exactly)?(?: (?:it|that|this|the (?:offer|deal|catch)|on offer|they|those|you mean|do you mean|does that mean|can you offer|would that be))?(?: be| again| then| exactly)?|(?:let me|let(?:'|’)?s) (?:hear|see)(?: (?:it|that|the offer|what it is))?|tell me(?: more| about it| what it is)?|i(?:'|’)?m (?:listening|all ears)|such as|like what)\W*$",
    )
});

/// What is only supposed: "And if I miss one?"
static SUPPOSES: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:what if|(?:and|but|or|even) if (?:i|we|he|she|they|my|one|there|something|somebody)\b|in case|suppos(?:e|ing)|say i|assuming|what happens)\b",
    )
});
/// A question that points to what was said before it.
static POINTS: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:it|its|that|this|they|them|these|those|he|him|she|her|one|ones|there|then)(?:(?:'|’)(?:s|ll|d|re))?\b",
    )
});
/// A sentence that tells more of whom the question before it is about.
static TELLS_ON: Cue = LazyLock::new(|| pattern(r"^\W*(?:he|she|it|they|that)(?:(?:'|’)|\b)"));
/// More words than this tell a story, fewer only greet.
const WORDS_OF_CONTEXT: std::ops::RangeInclusive<usize> = 3..=16;
/// A longer question says by itself what it is about.
const WORDS_OF_A_QUESTION: usize = 12;

static CORRECTS: Cue = LazyLock::new(|| {
    pattern(
        r"\b(?:actually|i meant|i mean|sorry|correction|instead|rather|wait|not (?:that|the|on the)|wrong|mistake|(?:has to|should|must) be|after all|change that)\b|^\W*no\b",
    )
});

/// Whether something said before is put right.
pub(super) fn corrects(text: &str) -> bool {
    finds(&CORRECTS, text)
}

/// Whether something is only supposed.
pub(super) fn supposes(sentence: &str) -> bool {
    finds(&SUPPOSES, sentence)
}

/// A question of this text, with the sentence before it where it points back ("The power supply is gone. What is that going
/// to cost?"), and with the one after it that tells more ("Would my sister do? She is sixteen.").
pub(super) fn in_context(text: &str, question: &str) -> String {
    let all: Vec<&str> = sentences(text).collect();
    let Some(at) = all.iter().position(|sentence| *sentence == question) else {
        return question.to_owned();
    };
    let tells = |sentence: &&&str| {
        let words = sentence.split_whitespace().count();
        let identifies = sentence.chars().filter(char::is_ascii_digit).count() > 3;
        let asks = sentence.ends_with('?') || finds(&QUESTION, sentence);
        let is_idle = stalls(sentence) || is_done(sentence) || finds(&OWN_NEED, sentence);
        WORDS_OF_CONTEXT.contains(&words) && !identifies && !asks && !is_idle
    };
    let is_short = question.split_whitespace().count() <= WORDS_OF_A_QUESTION;
    let before = at.checked_sub(1).and_then(|before| all.get(before));
    let before = before.filter(|it| is_short && finds(&POINTS, question) && tells(it));
    let after = all
        .get(at + 1)
        .filter(|it| finds(&TELLS_ON, it) && tells(it));
    let parts: Vec<&str> = before
        .into_iter()
        .chain([&question])
        .chain(after)
        .copied()
        .collect();
    parts.join(" ")
}

pub(super) fn finds(cue: &Cue, text: &str) -> bool {
    cue.as_ref().is_some_and(|regex| regex.is_match(text))
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

/// Whether something is no longer wanted, as people say why they leave.
pub(super) fn tells_of_no_use(text: &str) -> bool {
    finds(&NO_LONGER, text)
}

/// Whether somebody only asks for a moment; figures are what they were looking for.
pub(super) fn stalls(text: &str) -> bool {
    let is_short = text.split_whitespace().count() <= WORDS_OF_A_PAUSE;
    is_short && finds(&STALLS, text) && !text.chars().any(|c| c.is_ascii_digit())
}

/// Whether the customer only wants to know something, and have nothing done.
pub(super) fn only_asks(text: &str) -> bool {
    finds(&ONLY_ASKING, text)
}

/// Whether a no is part of something that is told.
pub(super) fn tells_a_no(text: &str) -> bool {
    finds(&DENIES, text) && !finds(&MORE, text)
}

/// Whether something is meant that was said before.
pub(super) fn refers_back(text: &str) -> bool {
    finds(&REFERS_BACK, text)
}

/// Whether a clause says what is to be done with something that the words before name.
pub(super) fn means_that(clause: &str) -> bool {
    finds(&MEANS_THAT, clause)
}

/// Whether what was just said or offered is to be explained.
pub(super) fn asks_what(text: &str) -> bool {
    finds(&ASKS_WHAT, text)
}

/// The sentences of a text, without empty ones. A point between digits ends none.
pub(super) fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    let mut cuts = vec![0];
    let mut at = 0;
    while let Some(letter) = letters.next() {
        at += letter.len_utf8();
        let within = before.is_ascii_digit() && letters.peek().is_some_and(char::is_ascii_digit);
        if matches!(letter, '!' | '?' | ';' | '\n' | '…') || letter == '.' && !within {
            cuts.push(at);
        }
        before = letter;
    }
    cuts.push(text.len());
    let pieces: Vec<&str> = cuts
        .windows(2)
        .filter_map(|cut| text.get(*cut.first()?..*cut.last()?))
        .collect();
    pieces
        .into_iter()
        .map(str::trim)
        .filter(|piece| piece.chars().any(char::is_alphanumeric))
}

pub(super) fn comes_on_top(text: &str) -> bool {
    finds(&ALSO, text)
}

/// The question in a text, if there is one.
pub(super) fn question(text: &str) -> Option<&str> {
    sentences(text).find(|sentence| {
        sentence.ends_with('?')
            || finds(&QUESTION, sentence) && sentence.split_whitespace().count() > 2
    })
}

/// Whether a question asks for information rather than for help with something of one's own.
pub(super) fn asks_for_information(text: &str) -> bool {
    finds(&INFORMATION, text) && !finds(&OWN_NEED, text)
}

/// Whether a question asks that something is done.
pub(super) fn asks_for_help(question: &str) -> bool {
    finds(&OWN_NEED, question)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(
            question("It costs £42.60. Is that right?"),
            Some("Is that right?")
        );
        for asks in [
            "It's a general question.",
            "I only want to know how it works",
            "just asking in general",
            "Not about my account, no",
        ] {
            assert!(only_asks(asks), "{asks}");
        }
        assert!(!only_asks("I just want it back") && !only_asks("in December"));
        for back in [
            "And the other thing I mentioned?",
            "You forgot my second problem",
            "I told you about two things",
        ] {
            assert!(refers_back(back), "{back}");
        }
        assert!(!refers_back("My phone is gone") && !refers_back("the other day"));
        for told in [
            "No, I haven't sent it yet.",
            "no it isnt working",
            "No, I did not get that email",
            "Nope, that's not my address",
        ] {
            assert!(tells_a_no(told), "{told}");
        }
        for refused in [
            "No, I don't need anything else",
            "No thanks",
            "No, that was it",
            "No.",
        ] {
            assert!(!tells_a_no(refused), "{refused}");
        }
        for asks in [
            "Will my internet keep working until the last day?",
            "Would it cost more?",
            "Will there be a fee?",
        ] {
            assert!(asks_for_information(asks), "{asks}");
        }
        assert!(!asks_for_information(
            "Will you fix my internet, it is down"
        ));
        for back in [
            "Sure, what is it?",
            "What's the offer?",
            "Okay, let me hear it.",
            "Tell me more",
            "Like what?",
        ] {
            assert!(asks_what(back), "{back}");
        }
        assert!(means_that("can we move that?") && means_that("so please change it"));
        assert!(!means_that("I want to get this late fee removed"));
        assert!(!means_that("I am moving house") && !means_that("cancel it"));
        for on in ["What is it going to cost?", "What is the notice period?"] {
            assert!(!asks_what(on), "{on}");
        }
        assert!(!asks_for_information(
            "Is there an outage? Nothing loads here."
        ));
        for supposed in ["And if I miss a month?", "What if it takes two?"] {
            assert!(supposes(supposed), "{supposed}");
        }
        assert!(!supposes("Could we do it in two?") && !supposes("Two, not three"));
        let asked = |text: &str| in_context(text, question(text).unwrap_or_default());
        let lost = "The power supply has gone missing. How much is that going to be?";
        let young = "Would my neighbour do? She's only sixteen.";
        for whole in [lost, young] {
            assert_eq!(asked(whole), whole);
        }
        assert_eq!(
            asked("My number is LF402117. When does it come?"),
            "When does it come?"
        );
        assert_eq!(
            asked("My phone is gone. What is the notice period?"),
            "What is the notice period?"
        );
        assert!(never_mind("Oh, never mind then") && comes_on_top("And I also need a new SIM"));
    }
}
