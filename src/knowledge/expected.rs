//! What kind of answer a question asks for: a sum, a time, a number. English and German; silent in other languages.

use std::sync::LazyLock;

use regex::Regex;

type Cue = LazyLock<Option<Regex>>;

/// Patterns are constants of this file; one that does not compile finds nothing, and the tests see it.
fn pattern(source: &str) -> Option<Regex> {
    Regex::new(&format!("(?i){source}")).ok()
}

static ASKS_SUM: Cue = LazyLock::new(|| {
    pattern(
        r"\bhow (?:much|expensive)\b|\bwhat(?:(?:'|’)s| is| are| does| do| would| will)\b[^.?!]*\b(?:cost|costs|price|prices|fee|fees|charge|charges|compensation|refund)\b|\bwhat (?:do|would|will|must) (?:i|we) (?:pay|get back)\b|\b(?:wie viel|wieviel|was kostet|wie teuer)\b",
    )
});
/// "How much notice" asks for a time, "how much data" for a number.
static ASKS_OTHER_MEASURE: Cue = LazyLock::new(|| {
    pattern(r"\bhow much (?:notice|time|longer|later|earlier|data|storage|speed|faster)\b")
});
static ASKS_TIME: Cue = LazyLock::new(|| {
    pattern(
        r"\bhow (?:long|soon|quick|quickly|fast|late|early|much (?:notice|time|longer))\b|\bhow many (?:\w+ )?(?:days|weeks|months|hours|minutes|years)\b|\b(?:when|till when|until when|by when|what time|what date|which day|what day)\b|\b(?:wie lange|wie schnell|wann|bis wann|seit wann)\b",
    )
});
static ASKS_NUMBER: Cue =
    LazyLock::new(|| pattern(r"\bhow (?:many|often|much data)\b|\b(?:wie viele|wie oft)\b"));

static SUM: Cue = LazyLock::new(|| {
    pattern(
        r"[£$€]\s?\d|\d\s?(?:[£$€]|pounds?|pence|dollars?|euros?|eur|gbp|%|per ?cent|prozent)|\b(?:free|no (?:fee|charge|cost|compensation)|kostenlos|gebührenfrei)\b|\bnothing\b",
    )
});
static TIME: Cue = LazyLock::new(|| {
    pattern(
        r"(?:\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|a|ein|eine|zwei|drei))[\s-]+(?:full |more |further |working |business |calendar )*(?:seconds?|minutes?|hours?|days?|weeks?|fortnight|months?|years?|minuten?|stunden?|tagen?|werktagen?|wochen?|monaten?|jahren?)\b|\d{1,2}(?::\d{2})?\s?(?:am|pm|uhr)\b|\b(?:at once|immediately|straight away|same day|next day|today|tomorrow|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|sofort|heute|morgen|end of|on the day|bill date|due date)\b",
    )
});
static NUMBER: Cue = LazyLock::new(|| {
    pattern(
        r"\d|\b(?:one|once|two|twice|three|four|five|six|seven|eight|nine|ten|no|none|ein|zwei|drei|keine)\b",
    )
});

fn finds(cue: &Cue, text: &str) -> bool {
    cue.as_ref().is_some_and(|regex| regex.is_match(text))
}

/// What a question asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// A sum of money, or that there is none.
    Sum,
    /// A time or how long something takes.
    Time,
    /// A number.
    Number,
}

impl Expected {
    /// What `question` asks for, where its words tell.
    pub(super) fn of(question: &str) -> Option<Self> {
        if finds(&ASKS_TIME, question) {
            return Some(Self::Time);
        }
        if finds(&ASKS_SUM, question) && !finds(&ASKS_OTHER_MEASURE, question) {
            return Some(Self::Sum);
        }
        finds(&ASKS_NUMBER, question).then_some(Self::Number)
    }

    /// Whether a sentence has such a thing in it.
    pub(super) fn is_in(self, sentence: &str) -> bool {
        match self {
            Self::Sum => finds(&SUM, sentence),
            Self::Time => finds(&TIME, sentence),
            Self::Number => finds(&NUMBER, sentence),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_answer_is_told_by_the_question() {
        for (question, kind) in [
            ("How much is the late fee?", Some(Expected::Sum)),
            ("What does it cost to leave early?", Some(Expected::Sum)),
            ("What's the price?", Some(Expected::Sum)),
            ("Was kostet der Umzug?", Some(Expected::Sum)),
            ("How much notice do I have to give?", Some(Expected::Time)),
            ("When will I have my money back?", Some(Expected::Time)),
            ("How many working days does it take?", Some(Expected::Time)),
            ("Wie lange dauert das?", Some(Expected::Time)),
            ("How many instalments are possible?", Some(Expected::Number)),
            ("How much data is in the plan?", Some(Expected::Number)),
            ("Can I keep the cables?", None),
            ("Do I have to claim it?", None),
        ] {
            assert_eq!(Expected::of(question), kind, "{question}");
        }
    }

    #[test]
    fn sentences_that_have_it_are_known() {
        for (kind, sentence, has) in [
            (Expected::Sum, "We add a late fee of £7.50.", true),
            (Expected::Sum, "Returning is free.", true),
            (Expected::Sum, "It takes 5 working days.", false),
            (Expected::Time, "It takes 5 working days.", true),
            (
                Expected::Time,
                "Engineers come between 8 am and 6 pm.",
                true,
            ),
            (Expected::Time, "The fee is £5.", false),
            (Expected::Number, "You may pay in up to six parts.", true),
            (Expected::Number, "You may pay in parts.", false),
        ] {
            assert_eq!(kind.is_in(sentence), has, "{sentence}");
        }
    }
}
