//! Words that tell who is at work and who calls: ordinary English of contact centres, taken from
//! no particular recording.

use std::sync::LazyLock;

use regex::Regex;

/// Pattern and weight (natural log odds); matched in lower case, counted once a text.
type Cue = (&'static str, f32);

const AGENT: &[Cue] = &[
    (
        r"thank(s| you) for (calling|contacting|holding|waiting|reaching out|your patience|choosing|being)",
        3.0,
    ),
    (
        r"\b(how|what) (can|may|could) (i|we) (help|assist|do for|get for)",
        3.0,
    ),
    (r"\bhow can i be of\b", 2.0),
    (
        r"\b(can|may|could) i (please )?(have|get|take|ask|confirm|verify|grab) (for )?(your|the (name|number|order|account))",
        2.5,
    ),
    (
        r"\bwhat('s| is| was) (your|the) (full )?(name|account|order number|address|post ?code|zip|phone|email|date of birth)",
        2.0,
    ),
    (
        r"\b(can|could|would) you (please )?(confirm|verify|spell|give me|provide|tell me) (your|the)\b",
        1.5,
    ),
    (
        r"\blet me (just )?(check|look|see|pull|find|verify|transfer|take a look|put you|get that|bring)",
        1.8,
    ),
    (
        r"\bi('ll| will| can) (just )?(check|transfer|go ahead|send you|process|issue|look into|book|arrange|put you|connect|offer|help you|see (that|your|you)|reset|set (that|it|this) up)",
        1.5,
    ),
    (
        r"\bi('m| am) (just )?(checking|looking (at|into) your|pulling up|going to (send|transfer|put|check|process|issue))",
        1.8,
    ),
    (
        r"\banything else\b.*\b(help|do|assist|today|for you)\b|\bis there anything else\b",
        3.0,
    ),
    (
        r"\b(bear with me|one moment( please)?|please hold|hold the line|just a moment)\b",
        1.5,
    ),
    (
        r"\bapologi[sz]e|\bsorry (to hear|for (the|any) (inconvenience|trouble|delay|wait|confusion))",
        2.0,
    ),
    (
        r"\bi (completely |totally |do )?understand (your|how|that|why)",
        0.8,
    ),
    (
        r"\b(for|due to) (your )?(security|verification|quality|training)",
        2.0,
    ),
    (
        r"\b(our|the) (system|records|policy|warehouse|technician|engineer|specialist|department|website)\b",
        0.8,
    ),
    (
        r"\bwe('re| are| have| do| can| offer| carry| close| open| will|'ll)\b",
        0.7,
    ),
    (
        r"\bwould you (like|prefer)\b|\bdo you (want|need) me to\b",
        1.3,
    ),
    (
        r"\byour (account|order|booking|reservation|appointment|subscription|payment|refund|card|plan|contract|request) (is|has|was|will|number|shows|can)",
        1.3,
    ),
    (
        r"\byou('re| are) (very |most |quite )?welcome\b|\bmy pleasure\b",
        1.5,
    ),
    (
        r"\bhave a (great|good|nice|wonderful|lovely|pleasant) (rest|day|evening|afternoon|weekend|one)",
        0.8,
    ),
    (
        r"\b(certainly|absolutely|of course|my name is \w+ (and|how)|speaking with)\b",
        0.7,
    ),
    (r"\bthis is \w+( from| with| at| in|,? how| speaking)", 1.5),
    (r"\b(sir|ma'?am|madam)\b", 0.6),
    (
        r"\bi('ve| have) (gone ahead|updated|processed|sent|issued|cancelled|canceled|booked|noted|found your)",
        1.5,
    ),
    (
        r"\bwhat i can do\b|\bi can see\b|\bi see (that )?(here|you|your)\b",
        1.6,
    ),
];

const CUSTOMER: &[Cue] = &[
    (
        r"\bi('d| would) like to (know|cancel|return|order|buy|change|speak|talk|make|report|complain|book|ask|find|get|pay|return|see|check if)",
        1.8,
    ),
    (r"\bi('d| would) like (a|an|some|my|the)\b", 1.3),
    (
        r"\bi (just )?(want|wanted|need|needed) (to|a|an|the|my|some|help)\b",
        1.2,
    ),
    (
        r"\bi('m| am| was) (calling|phoning|ringing|looking for|trying to|having|interested|wondering|thinking)",
        1.6,
    ),
    (
        r"\bi (have|had|got|'ve got) (a|an|some|another) (problem|question|issue|complaint|query|concern)",
        2.0,
    ),
    (
        r"\bmy (order|account|bill|card|package|parcel|internet|phone|router|booking|flight|subscription|payment|refund|password|delivery|invoice|computer|line|connection|contract|statement|son|daughter|wife|husband|name is|number is|address is|email is)\b",
        1.0,
    ),
    (
        r"\bi (bought|ordered|paid|received|lost|forgot|called|tried|can't|cannot|couldn't|never got|haven't|didn't get|don't understand)\b",
        1.3,
    ),
    (
        r"\b(it|that|this|which) (doesn't|does not|isn't|won't|didn't|hasn't|stopped|keeps|broke)",
        0.8,
    ),
    (
        r"\bdo you (guys )?(have|sell|offer|carry|stock|know if|do)\b|\bare you (open|closed)\b",
        1.5,
    ),
    (
        r"\b(can|could) (you|i) (help me|tell me (if|how|when|where|what)|check if|speak|talk|return|get a refund|pay|send me)",
        1.2,
    ),
    (
        r"\bhow (do|should|would) i\b|\bhow can i (track|get|cancel|pay|return|change|find|reset|contact|check|make|apply|use|speak)",
        1.5,
    ),
    (
        r"\bwhat (happens )?if (my|i|the|it|there)\b|\bdo i (have|need) to\b|\bcan i (get|return|pay|speak|ask|still|change|cancel)\b",
        1.0,
    ),
    (
        r"\bhow (much|long|many|late|soon) (is|are|does|do|would|will|did|can)",
        1.2,
    ),
    (
        r"\bwhat (time|hours|days|are your|is your (price|policy))|\bwhere (is|are) (my|you)",
        1.2,
    ),
    (
        r"\bthank(s| you) (so much |very much )?for (your|the|all your) help|\byou('ve| have) been (very |so |really )?helpful",
        2.0,
    ),
    (
        r"\bwhen (will|can|do) (i|my|it)\b|\bwhy (was|is|did|am) (i|my|the)",
        1.3,
    ),
    (
        r"\bi('ve| have) been (waiting|trying|charged|on hold|a customer|without|told)",
        1.8,
    ),
    (
        r"\b(this is )?(ridiculous|unacceptable|so frustrating|not good enough)\b",
        1.2,
    ),
    (
        r"\b(that's|that is|it's|sounds) (great|good|fine|perfect|all( i need)?)[.!, ]*(thank|thanks)",
        0.8,
    ),
    (r"\b(my name('s| is)|it's under|the name is|name's)\b", 0.7),
    (
        r"\bi (think|guess|suppose) (i|i'll)\b|\bi('ll| will) (take|come|stop by|pick|call back|try that|wait)",
        0.8,
    ),
    (
        r"\bno,? (that's|that is|that'll be) (all|it|everything)\b",
        2.0,
    ),
];

static COMPILED: LazyLock<Vec<(Regex, f32)>> = LazyLock::new(|| {
    let agent = AGENT.iter().map(|&(pattern, weight)| (pattern, weight));
    let customer = CUSTOMER.iter().map(|&(pattern, weight)| (pattern, -weight));
    agent
        .chain(customer)
        .filter_map(|(pattern, weight)| Regex::new(pattern).ok().map(|r| (r, weight)))
        .collect()
});

/// Log odds that the human agent says this, from its words alone; 0 where nothing tells.
pub(super) fn agent_log_odds(text: &str) -> f32 {
    let plain = text.to_lowercase().replace('\u{2019}', "'");
    COMPILED
        .iter()
        .filter(|(pattern, _)| pattern.is_match(&plain))
        .map(|&(_, weight)| weight)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(COMPILED.len(), AGENT.len() + CUSTOMER.len());
    }

    #[test]
    fn stock_phrases_point_the_right_way() {
        for agent in [
            "Thank you for calling Northwind, my name is Anna, how can I help you today?",
            "Let me check that for you. May I have your order number?",
            "I\u{2019}m sorry to hear that. Is there anything else I can do for you?",
        ] {
            assert!(agent_log_odds(agent) > 2.0, "{agent}");
        }
        for customer in [
            "Hi, I'm calling because I have a problem with my bill.",
            "I'd like to return a kettle that I bought last week, it stopped working.",
            "No, that's all. Thanks for your help.",
        ] {
            assert!(agent_log_odds(customer) < -1.5, "{customer}");
        }
        assert_eq!(agent_log_odds("Okay."), 0.0);
    }
}
