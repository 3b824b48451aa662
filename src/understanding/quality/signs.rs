//! The words that tell how it goes. English; the weights are points of satisfaction, set beforehand and not fitted.

use crate::conversation::ExperienceSign as Sign;

/// A phrase and what it weighs. Of the phrases of one sign in a text the strongest counts.
type Phrase = (&'static str, f32);

const GRATITUDE: &[Phrase] = &[
    ("thank you so much", 1.3),
    ("thanks so much", 1.3),
    ("thank you very much", 1.3),
    ("thanks a lot", 1.2),
    ("many thanks", 1.2),
    ("thanks a million", 1.3),
    ("really appreciate", 1.3),
    ("appreciate", 1.1),
    ("thank you", 1.0),
    ("thanks", 0.9),
    // Declined politely.
    ("no-thanks", 0.5),
    ("thankful", 1.0),
    ("grateful", 1.2),
    ("thx", 0.9),
];

const PRAISE: &[Phrase] = &[
    ("very helpful", 1.3),
    ("so helpful", 1.3),
    ("been helpful", 1.2),
    ("great help", 1.2),
    ("good job", 1.2),
    ("perfect", 1.0),
    ("perfectly", 0.9),
    ("excellent", 1.0),
    ("awesome", 1.0),
    ("amazing", 1.0),
    ("fantastic", 1.0),
    ("wonderful", 1.0),
    ("brilliant", 1.0),
    ("terrific", 1.0),
    ("superb", 1.0),
    ("impressed", 1.0),
    ("love it", 1.0),
    ("love that", 1.0),
    ("great", 0.8),
    ("lovely", 0.8),
    ("happy with", 0.8),
    ("glad", 0.6),
    ("nice", 0.6),
    ("cool", 0.6),
    ("good", 0.4),
];

const ACCEPTANCE: &[Phrase] = &[
    ("works for me", 0.7),
    ("that works", 0.7),
    ("that will work", 0.7),
    ("sounds good", 0.7),
    ("sounds great", 0.8),
    ("sounds like a plan", 0.7),
    ("looks good", 0.7),
    ("i like that", 0.7),
    ("i like it", 0.7),
    ("i'll take it", 0.6),
    ("that'll do", 0.6),
    ("that will do", 0.6),
    ("that's all", 0.6),
    ("that is all", 0.6),
    ("that's it", 0.5),
    ("that is it", 0.5),
    ("that'll be all", 0.6),
    ("that will be all", 0.6),
    ("that would be all", 0.6),
    ("all set", 0.6),
    ("all i need", 0.6),
    ("all i needed", 0.6),
    ("everything i need", 0.7),
    ("everything i needed", 0.7),
    ("what i wanted", 0.7),
    ("what i needed", 0.7),
    ("it works now", 0.9),
    ("that helps", 0.8),
    ("solved", 0.8),
    ("that's fine", 0.4),
    ("that is fine", 0.4),
    ("yes please", 0.4),
    ("go ahead", 0.4),
    ("that's right", 0.3),
    ("that's correct", 0.3),
    ("that is correct", 0.3),
    ("correct", 0.3),
    ("of course", 0.3),
    ("got it", 0.3),
    ("sure", 0.25),
    ("okay", 0.25),
    ("ok", 0.25),
    ("alright", 0.25),
    ("yes", 0.25),
    ("yeah", 0.25),
    ("yep", 0.25),
];

const REJECTION: &[Phrase] = &[
    ("forget it", -0.8),
    ("don't like", -0.6),
    ("do not like", -0.6),
    ("don't want", -0.4),
    ("do not want", -0.4),
    ("too expensive", -0.5),
    ("too far", -0.5),
    ("too late", -0.5),
    ("too early", -0.5),
    ("too long", -0.5),
    ("won't work", -0.5),
    ("doesn't work for me", -0.5),
    ("never mind", -0.4),
    ("nevermind", -0.4),
    ("not really", -0.4),
    ("something else", -0.35),
    ("someplace else", -0.35),
    ("changed my mind", -0.3),
    ("another", -0.25),
    ("different", -0.25),
    ("any other", -0.25),
    ("any others", -0.25),
    ("other options", -0.3),
    ("what else", -0.25),
    ("instead", -0.25),
    ("don't", -0.2),
    ("do not", -0.2),
    ("not", -0.2),
    ("nope", -0.3),
    ("no", -0.3),
];

const CORRECTION: &[Phrase] = &[
    ("no i said", -1.0),
    ("i told you", -1.0),
    ("i already told", -1.0),
    ("that's not what", -1.0),
    ("that is not what", -1.0),
    ("not what i asked", -1.0),
    ("you misunderstood", -1.0),
    ("i already said", -1.0),
    ("i already gave", -1.0),
    ("as i said", -0.8),
    ("like i said", -0.8),
    ("i said", -0.8),
    ("i asked for", -0.8),
    ("i already", -0.6),
    ("not right", -0.7),
    ("isn't right", -0.7),
    ("incorrect", -0.7),
    ("wrong", -0.7),
    ("i meant", -0.5),
    ("actually", -0.2),
];

const COMPLAINT: &[Phrase] = &[
    ("waste of time", -1.5),
    ("wasting my time", -1.5),
    ("ridiculous", -1.5),
    ("unacceptable", -1.5),
    ("terrible", -1.5),
    ("horrible", -1.5),
    ("awful", -1.5),
    ("useless", -1.5),
    ("worst", -1.5),
    ("do your job", -1.3),
    ("third time", -1.0),
    ("times now", -0.8),
    ("ugh", -0.8),
    ("damn", -0.8),
    ("stupid", -1.3),
    ("frustrating", -1.3),
    ("frustrated", -1.3),
    ("fed up", -1.3),
    ("angry", -1.2),
    ("annoying", -1.2),
    ("annoyed", -1.2),
    ("disappointed", -1.2),
    ("disappointing", -1.2),
    ("unhappy", -1.2),
    ("not happy", -1.2),
    ("not helpful", -1.2),
    ("how many times", -1.2),
    ("complaint", -1.0),
    ("complain", -1.0),
    ("upset", -1.0),
    ("hate", -1.0),
    ("sucks", -1.0),
    ("still waiting", -0.9),
    ("still not", -0.8),
    ("not working", -0.8),
    ("doesn't work", -0.8),
    ("does not work", -0.8),
    ("bad", -0.6),
    ("oh no", -0.6),
    ("unfortunately", -0.5),
    ("too bad", -0.5),
    ("come on", -0.4),
];

const HUMAN: &[Phrase] = &[
    ("real person", -1.0),
    ("a human", -1.0),
    ("human being", -1.0),
    ("representative", -0.9),
    ("supervisor", -1.0),
    ("your manager", -1.0),
    ("the manager", -0.8),
    ("a manager", -1.0),
    ("live agent", -0.9),
    ("talk to someone", -0.9),
    ("speak to someone", -0.9),
    ("speak with someone", -0.9),
    ("talk to somebody", -0.9),
    ("speak to somebody", -0.9),
];

const FAILURE: &[Phrase] = &[
    ("didn't understand", -0.8),
    ("did not understand", -0.8),
    ("don't understand", -0.8),
    ("unable to", -0.6),
    ("wasn't able", -0.6),
    ("was not able", -0.6),
    ("not able to", -0.6),
    ("couldn't", -0.6),
    ("could not", -0.6),
    ("cannot", -0.5),
    ("can't", -0.5),
    ("failed", -0.7),
    ("fails", -0.6),
    ("error", -0.6),
    ("unsuccessful", -0.7),
    ("no matching", -0.6),
    ("didn't find", -0.6),
    ("did not find", -0.6),
    ("no results", -0.6),
    ("not available", -0.6),
    ("isn't available", -0.6),
    ("unavailable", -0.6),
    ("fully booked", -0.6),
    ("there are no", -0.5),
    ("there is no", -0.5),
    ("there aren't any", -0.5),
    ("don't have any", -0.5),
    ("do not have any", -0.5),
    ("unfortunately", -0.5),
    ("i'm sorry", -0.4),
    ("i am sorry", -0.4),
    ("sorry", -0.4),
    ("apologize", -0.4),
    ("apologies", -0.4),
];

const SUCCESS: &[Phrase] = &[
    ("successfully", 0.4),
    ("was successful", 0.4),
    ("is confirmed", 0.4),
    ("has been", 0.3),
    ("have been", 0.3),
    ("have booked", 0.4),
    ("i've booked", 0.4),
    ("booked", 0.3),
    ("reserved", 0.3),
    ("refunded", 0.4),
    ("reference number", 0.4),
    ("all set", 0.4),
    ("was made", 0.3),
    ("is done", 0.3),
    ("completed", 0.3),
    ("you're welcome", 0.2),
    ("enjoy", 0.2),
];

/// Where "no" declines nothing.
const POLITE_NO: &[&str] = &[
    "no problem",
    "no worries",
    "no thank you",
    "no thanks",
    "no that's all",
    "no that is all",
    "no that's it",
    "no that is it",
    "no that'll be all",
    "no that will be all",
    "no that's everything",
    "no i'm good",
    "no that's fine",
    "not bad",
    "no preference",
    "doesn't matter",
    "don't care",
    "don't mind",
    "no need",
    "oh no",
];

/// What means less than the words in it.
const INSTEAD: &[(&str, &str)] = &[
    ("no thank you", "no-thanks"),
    ("no thanks", "no-thanks"),
    ("not too bad", "fine"),
    ("not bad", "fine"),
    ("not terrible", "fine"),
];

/// Words that turn praise into its opposite.
const NEGATIONS: &[&str] = &[
    "not", "isn't", "wasn't", "don't", "doesn't", "didn't", "never",
];

/// The words of a text in lower case, joined by single spaces, one before and one after.
pub(super) fn plain(text: &str) -> String {
    let lower = text.to_lowercase().replace('\u{2019}', "'");
    let words = lower.split(|letter: char| !letter.is_alphanumeric() && letter != '\'');
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    format!(" {} ", words.join(" "))
}

/// What a customer's words tell, each sign once.
pub(super) fn of_customer(plain: &str) -> Vec<(Sign, f32)> {
    let mut found: Vec<(Sign, f32)> = Vec::new();
    let mut look = |sign: Sign, phrases: &[Phrase], text: &str| {
        found.extend(strongest(phrases, text).map(|weight| (sign, weight)));
    };
    let mut polite = plain.to_owned();
    for phrase in POLITE_NO {
        let rest = phrase.split_once(' ').map_or("", |(_, rest)| rest);
        let rest = if rest == "no" { "" } else { rest };
        polite = polite.replace(&format!(" {phrase} "), &format!(" {rest} "));
    }
    let mut mild = plain.to_owned();
    for (phrase, instead) in INSTEAD {
        mild = mild.replace(&format!(" {phrase} "), &format!(" {instead} "));
    }
    look(Sign::Gratitude, GRATITUDE, &mild);
    look(Sign::Acceptance, ACCEPTANCE, plain);
    look(Sign::Rejection, REJECTION, &polite);
    look(Sign::Correction, CORRECTION, plain);
    look(Sign::Complaint, COMPLAINT, &mild);
    look(Sign::AskedForHuman, HUMAN, plain);
    match strongest(PRAISE, plain) {
        Some(weight) if negated(plain, weight) => found.push((Sign::Complaint, -weight)),
        Some(weight) => found.push((Sign::Praise, weight)),
        None => {}
    }
    found
}

/// What an agent's words tell of how the request fares.
pub(super) fn of_agent(plain: &str) -> Vec<(Sign, f32)> {
    let failure = strongest(FAILURE, plain).map(|weight| (Sign::Failure, weight));
    let success = strongest(SUCCESS, plain).map(|weight| (Sign::Success, weight));
    failure.or(success).into_iter().collect()
}

fn strongest(phrases: &[Phrase], plain: &str) -> Option<f32> {
    let there = phrases.iter().filter(|(phrase, _)| holds(plain, phrase));
    there
        .map(|(_, weight)| *weight)
        .max_by(|a, b| a.abs().total_cmp(&b.abs()))
}

fn negated(plain: &str, weight: f32) -> bool {
    let words: Vec<&str> = plain.split_whitespace().collect();
    let strong = PRAISE.iter().filter(|(_, own)| *own == weight);
    strong.into_iter().any(|(phrase, _)| {
        let first = phrase.split(' ').next().unwrap_or_default();
        words.iter().enumerate().any(|(at, word)| {
            let before = words.get(at.saturating_sub(3)..at).unwrap_or_default();
            *word == first && before.iter().any(|word| NEGATIONS.contains(word))
        })
    })
}

fn holds(plain: &str, phrase: &str) -> bool {
    let mut from = 0;
    while let Some(at) = plain.get(from..).and_then(|rest| rest.find(phrase)) {
        let (start, end) = (from + at, from + at + phrase.len());
        let before = plain
            .get(..start)
            .is_some_and(|before| before.ends_with(' '));
        let after = plain.get(end..).is_some_and(|after| after.starts_with(' '));
        if before && after {
            return true;
        }
        from = end;
    }
    false
}
