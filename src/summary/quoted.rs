//! What a note quotes where the model's own words are not borne out.

use super::evidence::evidence;
use super::sections::LONGEST_SECTION;
use crate::conversation::{Conversation, Evidence, Role, SectionKind, Utterance};
use crate::embedding::{Embedder, TextKind, similarity};
use crate::error::Result;
use crate::knowledge::sentences;

/// Words that a quotation has at least; less says nothing without what was asked before.
const FEWEST_WORDS: usize = 3;
/// What stands before a quotation in an English note; in others the marks alone.
const CUSTOMER: &str = "The customer said: ";
const AGENT: &str = "The agent said: ";

/// The sentence of the conversation that comes closest to `rejected`, quoted, with its line; `None` where all of them
/// are too long or too short.
///
/// # Errors
/// As the embedder.
pub(super) async fn quoted(
    embedder: &dyn Embedder,
    conversation: &Conversation,
    section: SectionKind,
    rejected: &str,
    language: &str,
) -> Result<Option<(String, Vec<Evidence>)>> {
    let lines = evidence(embedder, conversation, section, rejected).await?;
    let said = conversation.transcript.utterances().iter();
    let candidates: Vec<(&Utterance, &str)> = said
        .filter(|said| lines.contains(&Evidence::Utterance(said.id)))
        .flat_map(|said| quotable(&said.text).map(move |sentence| (said, sentence)))
        .collect();
    let mut texts = vec![rejected.to_owned()];
    texts.extend(
        candidates
            .iter()
            .map(|(_, sentence)| (*sentence).to_owned()),
    );
    let vectors = embedder.embed(&texts, TextKind::Document).await?;
    let Some((wanted, found)) = vectors.split_first() else {
        return Ok(None);
    };
    let closest = found
        .iter()
        .map(|vector| similarity(wanted, vector))
        .zip(candidates)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    Ok(closest.map(|(_, (said, sentence))| {
        let text = format!("{}\"{sentence}\"", introduction(said.role, language));
        (text, vec![Evidence::Utterance(said.id)])
    }))
}

/// Whether `statement` is nothing but a whole sentence that was said, quoted, by whom it says.
pub(super) fn is_quotation(statement: &str, conversation: &Conversation) -> bool {
    let by = |introduction| statement.strip_prefix(introduction);
    let (customer, quoted) = match (by(CUSTOMER), by(AGENT)) {
        (Some(quoted), _) => (Some(true), quoted),
        (None, Some(quoted)) => (Some(false), quoted),
        (None, None) => (None, statement),
    };
    let bare = quoted.strip_prefix('"');
    let Some(words) = bare.and_then(|bare| bare.strip_suffix('"')) else {
        return false;
    };
    let mut said = conversation.transcript.utterances().iter();
    said.any(|said| {
        customer.is_none_or(|customer| customer == (said.role == Role::EndUser))
            && quotable(&said.text).any(|sentence| sentence == words)
    })
}

/// The sentences of an utterance that can be quoted whole.
fn quotable(text: &str) -> impl Iterator<Item = &str> {
    let longest = LONGEST_SECTION - CUSTOMER.len();
    sentences(text)
        .into_iter()
        .filter_map(|range| text.get(range))
        .filter(move |sentence| {
            !sentence.contains('"')
                && sentence.chars().count() <= longest
                && sentence.split_whitespace().count() >= FEWEST_WORDS
        })
}

fn introduction(role: Role, language: &str) -> &'static str {
    let language = language.to_lowercase();
    if !(language.starts_with("en-") || language == "en" || language == "english") {
        return "";
    }
    match role {
        Role::EndUser => CUSTOMER,
        Role::Unknown => "",
        _ => AGENT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Channel, UtteranceId};
    use crate::embedding::HashingEmbedder;

    fn call() -> Conversation {
        let mut call = Conversation::new("acme", Channel::Chat);
        call.say(Role::EndUser, "Hi. My hub restarts every evening. Help!");
        call.say(Role::HumanAgent, "We will send you a new hub today.");
        call
    }

    #[tokio::test]
    async fn the_closest_sentence_is_quoted_with_its_line() {
        let embedder = HashingEmbedder::default();
        let rejected = "The customer's hub restarts every morning.";
        let quote = async |language: &str| {
            let (kind, call) = (SectionKind::Situation, call());
            let found = quoted(&embedder, &call, kind, rejected, language).await;
            found.unwrap().unwrap()
        };
        let (text, lines) = quote("en").await;
        assert_eq!(
            text,
            "The customer said: \"My hub restarts every evening.\""
        );
        assert_eq!(lines, [Evidence::Utterance(UtteranceId(1))]);
        assert_eq!(quote("de").await.0, "\"My hub restarts every evening.\"");
    }

    #[test]
    fn a_quotation_is_held_against_what_was_said_and_by_whom() {
        let is = |text: &str| is_quotation(text, &call());
        assert!(is("The customer said: \"My hub restarts every evening.\""));
        assert!(!is("The agent said: \"My hub restarts every evening.\""));
        assert!(is("\"We will send you a new hub today.\""));
        assert!(!is("\"We will send you two hubs.\""));
        // A part of a sentence may say the contrary of the whole.
        assert!(!is("\"send you a new hub\""));
        assert!(!is("The customer's hub restarts."));
    }
}
