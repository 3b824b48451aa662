//! Which sections a note has: the usual ones, the reason where somebody cancels, and those an organisation adds.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::conversation::{Conversation, Role, SectionKind, Summary};
use crate::knowledge::sentences;

/// Characters of a section.
pub(super) const LONGEST_SECTION: usize = 220;

/// A section of an organisation's own, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomSection {
    /// Machine name, under which the model answers: letters, digits and `_`.
    pub name: String,
    /// What to write, in one sentence.
    pub instruction: String,
    /// How such sections read in other notes; a small model takes their form over.
    #[serde(default)]
    pub examples: Vec<String>,
}

/// Names that the usual sections have.
const USUAL: [&str; 5] = [
    "situation",
    "action",
    "resolution",
    "cancellation",
    "satisfaction",
];

impl CustomSection {
    /// Why it cannot be asked for.
    pub(super) fn fault(&self, is_there: bool) -> Option<&'static str> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if self.name.is_empty() || !self.name.chars().all(is_plain) {
            Some("needs a name of letters, digits and `_`")
        } else if USUAL.contains(&self.name.as_str()) {
            Some("has the name of one of the usual ones")
        } else if is_there {
            Some("is there twice")
        } else if self.instruction.trim().is_empty() {
            Some("needs an instruction")
        } else {
            None
        }
    }
}

/// A section that the model is asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Asked<'a> {
    #[serde(skip)]
    pub(super) kind: SectionKind,
    pub(super) name: &'a str,
    pub(super) instruction: Cow<'a, str>,
    pub(super) examples: &'a [String],
}

impl<'a> Asked<'a> {
    fn usual(kind: SectionKind, name: &'a str, instruction: &'a str) -> Self {
        Self {
            kind,
            name,
            instruction: instruction.into(),
            examples: &[],
        }
    }

    /// Its name in the note, where it is none of the usual ones.
    pub(super) fn own_name(&self) -> Option<String> {
        (self.kind == SectionKind::Custom).then(|| self.name.to_owned())
    }

    /// Whether it is the section of a note with this kind and name.
    pub(super) fn is(&self, kind: SectionKind, name: Option<&str>) -> bool {
        self.kind == kind && (kind != SectionKind::Custom || name == Some(self.name))
    }

    /// Whether it was asked for when the note was written, whatever became of it. Earlier versions only tell by what is
    /// there, and what was withheld.
    pub(super) fn is_known_to(&self, note: &Summary) -> bool {
        if note.asked.iter().any(|name| name == self.name) {
            return true;
        }
        let shown = note.sections.iter();
        let mut shown = shown.map(|section| (section.kind, section.name.as_deref()));
        let mut withheld = note.withheld.iter().map(|w| (w.kind, w.name.as_deref()));
        shown.any(|(kind, name)| self.is(kind, name))
            || withheld.any(|(kind, name)| self.is(kind, name))
    }
}

static CANCELS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:cancel\w*|terminate|end (?:my|the|our) contract|close (?:my|the|our) account|switch(?:ing)? (?:to another|provider|away))\b").ok()
});

/// The sections to ask for. How it ended and how the customer felt is only asked when it is over: before, a small model
/// guesses. Why somebody cancels is asked where a customer spoke of it.
pub(super) fn asked<'a>(
    conversation: &Conversation,
    is_final: bool,
    custom: &'a [CustomSection],
) -> Vec<Asked<'a>> {
    use SectionKind::{Action, CustomerSatisfaction, ReasonForCancellation, Resolution, Situation};
    let mut asked = vec![
        Asked::usual(
            Situation,
            "situation",
            "what the customer asks for or complains about; begin with \"The customer\"",
        ),
        Asked::usual(
            Action,
            "action",
            "the answer of the agent that matters most: what they did, said or asked for; begin with \"The agent\"",
        ),
    ];
    if !is_final {
        return asked;
    }
    asked.push(Asked::usual(
        Resolution,
        "resolution",
        "how it ended for the customer, or what is still open",
    ));
    let mut said = conversation.transcript.utterances().iter();
    let cancels = |text: &str| CANCELS.as_ref().is_some_and(|cue| cue.is_match(text));
    if said.any(|said| said.role == Role::EndUser && cancels(&said.text)) {
        asked.push(Asked::usual(
            ReasonForCancellation,
            "cancellation",
            "why the customer wants to cancel, as they said it; \"unknown\" if they do not want to cancel or did not say why",
        ));
    }
    asked.push(Asked::usual(
        CustomerSatisfaction,
        "satisfaction",
        "how the customer felt at the end, in a few words that they showed it with; \"unknown\" if they did not show it",
    ));
    asked.extend(custom.iter().map(|section| Asked {
        kind: SectionKind::Custom,
        name: &section.name,
        instruction: format!("{}; \"unknown\" if nobody said so", section.instruction).into(),
        examples: &section.examples,
    }));
    asked
}

/// The form of the answer.
pub(super) fn schema(asked: &[Asked<'_>]) -> Value {
    let keys: Vec<&str> = asked.iter().map(|section| section.name).collect();
    let text = json!({ "type": "string", "maxLength": LONGEST_SECTION });
    let properties: serde_json::Map<String, Value> = keys
        .iter()
        .map(|key| ((*key).to_owned(), text.clone()))
        .collect();
    json!({ "type": "object", "properties": properties, "required": keys, "additionalProperties": false })
}

/// Which sections go first where a note may have only so many characters; the last ones are left out first.
const BY_WEIGHT: [SectionKind; 7] = [
    SectionKind::Situation,
    SectionKind::Resolution,
    SectionKind::Action,
    SectionKind::ReasonForCancellation,
    SectionKind::Custom,
    SectionKind::CustomerSatisfaction,
    SectionKind::Entities,
];

/// Leaves sections out, the least important ones first, until the note has at most `most` characters. The most important
/// one stays with as many whole sentences as there is room for: half of one may say the contrary, so it is cut only where
/// not even the first one fits, and then that shows.
pub(super) fn shorten(note: &mut Summary, most: usize) {
    let length = |note: &Summary| -> usize {
        let sections = note.sections.iter();
        sections.map(|s| s.text.chars().count() + 1).sum()
    };
    if length(note) <= most {
        return;
    }
    note.shortened_to = Some(most);
    for kind in BY_WEIGHT.into_iter().rev() {
        if length(note) <= most {
            return;
        }
        if note.sections.iter().any(|section| section.kind != kind) {
            note.sections.retain(|section| section.kind != kind);
        }
    }
    if length(note) > most {
        note.sections.truncate(1);
        for section in &mut note.sections {
            section.text = fitting(&section.text, most.saturating_sub(1));
        }
        note.sections.retain(|section| !section.text.is_empty());
    }
}

/// As much of a text as at most `most` characters hold: whole sentences, else whole words and an ellipsis.
fn fitting(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let up_to = |end: usize| text.get(..end).unwrap_or_default();
    let ends = sentences(text).into_iter().map(|sentence| sentence.end);
    let whole = ends.take_while(|end| up_to(*end).chars().count() <= most);
    if let Some(end) = whole.last() {
        return up_to(end).to_owned();
    }
    let cut: String = text.chars().take(most.saturating_sub(1)).collect();
    let words = cut
        .rfind(char::is_whitespace)
        .map_or(cut.as_str(), |end| cut.get(..end).unwrap_or(&cut));
    match words.trim_end() {
        "" => String::new(),
        words => format!("{words}…"),
    }
}

/// A text that was cut at its limit ends where its last whole sentence or clause does.
pub(super) fn finished(text: &str) -> String {
    if text.ends_with(['.', '!', '?', '…']) || text.chars().count() < LONGEST_SECTION - 8 {
        return text.to_owned();
    }
    let whole = text.rfind(['.', '!', '?']).map(|end| end + 1);
    match whole.or_else(|| text.rfind([',', ';'])) {
        Some(end) => {
            let kept = text.get(..end).unwrap_or(text);
            format!("{}.", kept.trim_end_matches(['.', ' ']))
        }
        None => format!("{text}…"),
    }
}

/// What a model says where nothing was shown, though it is asked for "unknown".
const NOTHING: [&str; 14] = [
    "unknown",
    "not known",
    "not stated",
    "not mentioned",
    "not specified",
    "not applicable",
    "n/a",
    "none",
    "unbekannt",
    "nicht bekannt",
    "nicht genannt",
    "nicht angegeben",
    "keine angabe",
    "keine angaben",
];

/// Whether a text says nothing but that, between whatever signs. "Unknown charges" says something.
pub(super) fn says_nothing(text: &str) -> bool {
    text.split(['.', ',', ';', ':', '!', '?', '(', ')', '"', '\'', '*'])
        .flat_map(|part| part.split(" - "))
        .map(|part| part.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|part| !part.is_empty())
        .all(|part| NOTHING.contains(&part.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Channel, SummarySection};

    #[test]
    fn only_an_answer_that_is_nothing_but_unknown_says_nothing() {
        for nothing in [
            "",
            "Unknown.",
            "\"unknown\"",
            "not stated",
            "unbekannt",
            "Keine Angabe.",
            "Unknown (not stated).",
            "N/A",
            "—",
        ] {
            assert!(says_nothing(nothing), "{nothing}");
        }
        for something in [
            "Unknown charges of £20 were taken.",
            "The customer is unknown to us.",
            "No.",
        ] {
            assert!(!says_nothing(something), "{something}");
        }
    }

    #[test]
    fn a_text_cut_at_its_limit_ends_with_a_whole_clause() {
        let long = format!("The customer asks for {}", "a very new router ".repeat(12));
        let cut: String = format!("{long}, and wants").chars().take(220).collect();
        assert!(finished(&cut).ends_with('…') || finished(&cut).ends_with('.'));
        let clause = format!(
            "{}, and the",
            "The customer waits for the new router ".repeat(5)
        );
        let clause = format!(
            "{clause}{}",
            "n".repeat(220 - clause.chars().count().min(220))
        );
        assert!(
            finished(&clause).ends_with("router."),
            "{}",
            finished(&clause)
        );
        assert_eq!(finished("Short and open"), "Short and open");
    }

    #[test]
    fn why_somebody_cancels_is_asked_where_they_speak_of_it_and_own_sections_are_added() {
        let own = [CustomSection {
            name: "callback".into(),
            instruction: "when to ring back".into(),
            examples: vec!["Ring back on Monday.".into()],
        }];
        let names = |said: &str, is_final| {
            let mut call = Conversation::new("acme", Channel::Voice);
            call.say(Role::EndUser, said);
            asked(&call, is_final, &own)
                .iter()
                .map(|asked| asked.name.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names("My hub is broken.", true),
            [
                "situation",
                "action",
                "resolution",
                "satisfaction",
                "callback"
            ]
        );
        assert!(names("I want to cancel my contract.", true).contains(&"cancellation".into()));
        assert_eq!(names("I want to cancel.", false), ["situation", "action"]);
    }

    #[test]
    fn a_note_is_shortened_by_whole_sections() {
        let section = |kind, text: &str| SummarySection {
            kind,
            name: None,
            text: text.into(),
            evidence: Vec::new(),
        };
        let mut note = Summary {
            sections: vec![
                section(SectionKind::Situation, "The customer paid twice."),
                section(SectionKind::Action, "The agent refunded £20."),
                section(SectionKind::Entities, "£20"),
            ],
            ..Summary::default()
        };
        shorten(&mut note, 52);
        assert_eq!(note.sections.len(), 2);
        shorten(&mut note, 30);
        assert_eq!(note.brief(), "The customer paid twice.");
        assert_eq!(note.shortened_to, Some(30));
    }

    #[test]
    fn of_the_most_important_section_there_is_always_something() {
        let short = |text: &str, most| {
            let section = |kind, text: &str| SummarySection {
                kind,
                name: None,
                text: text.into(),
                evidence: Vec::new(),
            };
            let mut note = Summary {
                sections: vec![
                    section(SectionKind::Action, "The agent refunded £20."),
                    section(SectionKind::Situation, text),
                ],
                ..Summary::default()
            };
            shorten(&mut note, most);
            // Once more changes nothing.
            let before = note.clone();
            shorten(&mut note, most);
            assert_eq!(note, before);
            note.brief()
        };
        let two = "The customer paid twice. They want one payment back.";
        assert_eq!(short(two, 40), "The customer paid twice.");
        assert_eq!(short(two, 20), "The customer paid…");
        assert_eq!(short(two, 6), "The…");
        assert_eq!(short("Zweifachabbuchung", 8), "Zweifa…");
        assert_eq!(short(two, 1), "");
    }
}
