//! Statements that are false of a conversation.

use crate::conversation::{Conversation, Summary};

use super::statements;

/// What did not happen where none of the words beside it was said.
const INVENTED: [(&str, &str); 6] = [
    ("The agent refunded the full amount.", "refund"),
    ("The agent sent a replacement free of charge.", "replace"),
    ("The agent gave the customer a voucher.", "voucher"),
    ("The agent booked an engineer for the next day.", "engineer"),
    ("The customer cancelled the contract.", "cancel"),
    ("The customer has moved to a new address.", "address"),
];

/// False statements: those of the conversation before, one with another number, one that was invented.
pub(super) fn plant(
    conversation: &Conversation,
    note: &Summary,
    foreign: &[String],
    number: usize,
) -> Vec<String> {
    let mut planted: Vec<String> = foreign.iter().take(2).cloned().collect();
    let altered = statements(note).find_map(|section| with_another_number(&section.text));
    planted.extend(altered);
    let said = conversation.transcript.utterances();
    let is_said = |word: &str| said.iter().any(|u| u.text.to_lowercase().contains(word));
    let order = INVENTED.iter().cycle().skip(number).take(INVENTED.len());
    let invented = order
        .filter(|(_, word)| !is_said(word))
        .map(|(text, _)| *text)
        .next();
    planted.extend(invented.map(str::to_owned));
    planted
}

/// The first number of a text, changed; `None` where there is none.
fn with_another_number(text: &str) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let rest = text.get(start..)?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let number: u64 = rest.get(..end)?.parse().ok()?;
    let (before, after) = (text.get(..start)?, rest.get(end..)?);
    Some(format!("{before}{}{after}", number.checked_add(3)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Channel, Role, SectionKind, SummarySection};

    #[test]
    fn what_is_planted_is_false() {
        let mut call = Conversation::new("acme", Channel::Chat);
        call.say(Role::EndUser, "Where is my refund of 20 pounds?");
        let note = Summary {
            sections: vec![SummarySection {
                name: None,
                kind: SectionKind::Situation,
                text: "The customer waits for a refund of 20 pounds.".into(),
                evidence: Vec::new(),
            }],
            ..Summary::default()
        };
        let planted = plant(&call, &note, &["The agent asked for a picture.".into()], 0);
        assert_eq!(
            planted,
            [
                "The agent asked for a picture.",
                "The customer waits for a refund of 23 pounds.",
                "The agent sent a replacement free of charge."
            ]
        );
    }
}
