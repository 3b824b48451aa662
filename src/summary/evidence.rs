//! Which lines of the transcript a sentence of the note stands on.

use crate::conversation::{Conversation, Evidence, Role, SectionKind, Utterance};
use crate::embedding::{Embedder, TextKind, similarity};
use crate::error::Result;

/// Lines named for one section; more would prove nothing.
const MOST_LINES: usize = 3;
/// A line this near to the best one's likeness is named beside it.
const NEARLY_AS_CLOSE: f32 = 0.75;

/// The lines closest in meaning to `text`, in the order of the conversation, among those of the people
/// the section is about. A small model that is asked for line numbers counts instead of reading.
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
    let least = ranked
        .first()
        .map_or(0.0, |(best, _)| NEARLY_AS_CLOSE * best);
    ranked.retain(|(alike, _)| *alike >= least);
    ranked.truncate(MOST_LINES);
    ranked.sort_by_key(|(_, said)| said.id);
    Ok(ranked
        .into_iter()
        .map(|(_, said)| Evidence::Utterance(said.id))
        .collect())
}
