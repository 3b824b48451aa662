//! Which lines of the transcript a sentence of the note stands on.

use crate::conversation::{Conversation, Evidence, Role, SectionKind, Utterance};
use crate::embedding::{Embedder, TextKind, similarity};
use crate::error::Result;

/// Lines named for one section; more would prove nothing.
const MOST_LINES: usize = 3;
/// A line this near to the best one's likeness is named beside it.
const NEARLY_AS_CLOSE: f32 = 0.75;

/// The lines closest in meaning to `text`, in the order of the conversation, among those of the people
/// the section is about; at least the closest one, however far it is. A small model that is asked for line numbers counts
/// instead of reading.
///
/// # Errors
/// As the embedder.
pub(super) async fn evidence(
    embedder: &dyn Embedder,
    conversation: &Conversation,
    section: SectionKind,
    text: &str,
) -> Result<Vec<Evidence>> {
    let spoken: Vec<&Utterance> = conversation.transcript.utterances().iter().collect();
    let about = |said: &&&Utterance| match section {
        SectionKind::Situation | SectionKind::CustomerSatisfaction => {
            matches!(said.role, Role::EndUser | Role::Unknown)
        }
        SectionKind::Action => said.role != Role::EndUser,
        _ => true,
    };
    let mut lines: Vec<&Utterance> = spoken.iter().filter(about).copied().collect();
    if lines.is_empty() {
        lines = spoken;
    }
    // One request, so that a remote embedder is asked once.
    let mut texts = vec![text.to_owned()];
    texts.extend(lines.iter().map(|said| said.text.clone()));
    let vectors = embedder.embed(&texts, TextKind::Document).await?;
    let Some((note, said)) = vectors.split_first() else {
        return Ok(Vec::new());
    };
    let mut ranked: Vec<(f32, &Utterance)> = said
        .iter()
        .map(|vector| similarity(note, vector))
        .zip(lines)
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    // Beside one that has nothing in common with it no other proves anything.
    let least = ranked.first().map_or(0.0, |(best, _)| *best) * NEARLY_AS_CLOSE;
    let beside = ranked.iter().skip(1);
    let beside = beside.take_while(|(alike, _)| *alike > 0.0 && *alike >= least);
    let close = 1 + beside.count();
    ranked.truncate(close.min(MOST_LINES));
    ranked.sort_by_key(|(_, said)| said.id);
    Ok(ranked
        .into_iter()
        .map(|(_, said)| Evidence::Utterance(said.id))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Channel, UtteranceId};

    /// Vectors of two numbers, by the first letter.
    #[derive(Debug)]
    struct Letters;

    #[async_trait::async_trait]
    impl Embedder for Letters {
        fn id(&self) -> &str {
            "letters"
        }

        fn dimensions(&self) -> usize {
            2
        }

        async fn embed(&self, texts: &[String], _: TextKind) -> Result<Vec<Vec<f32>>> {
            let vector = |text: &String| match text.chars().next() {
                Some('a') => vec![1.0, 0.0],
                Some('b') => vec![0.8, 0.6],
                Some('x') => vec![-0.6, 0.8],
                _ => vec![-1.0, 0.0],
            };
            Ok(texts.iter().map(vector).collect())
        }
    }

    async fn lines(said: &[&str]) -> Vec<Evidence> {
        let mut call = Conversation::new("acme", Channel::Chat);
        for text in said {
            call.say(Role::EndUser, *text);
        }
        evidence(&Letters, &call, SectionKind::Situation, "a note")
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn the_closest_line_is_named_however_far_it_is() {
        let line = |number| Evidence::Utterance(UtteranceId(number));
        assert_eq!(lines(&["z", "x", "z"]).await, [line(2)]);
        assert_eq!(lines(&["z", "b", "a"]).await, [line(2), line(3)]);
    }
}
