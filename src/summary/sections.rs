//! Which sections a note has: the usual ones, the reason where somebody cancels, and those an organisation adds.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::conversation::{Conversation, Role, SectionKind, Summary};

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

    /// Whether a note has it, or had it and left it out.
    pub(super) fn is_in(&self, note: &Summary) -> bool {
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

/// Leaves sections out, the least important ones first, until the note has at most `most` characters. Sentences stay
/// whole: half of one may say the contrary.
pub(super) fn shorten(note: &mut Summary, most: usize) {
    let length = |note: &Summary| -> usize {
        let sections = note.sections.iter();
        sections.map(|s| s.text.chars().count() + 1).sum()
    };
    for kind in BY_WEIGHT.into_iter().rev() {
        if length(note) <= most {
            return;
        }
        note.sections.retain(|section| section.kind != kind);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Channel, SummarySection};

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
    }
}
