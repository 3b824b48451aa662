//! Somebody may be in danger: what the human agent is told.

use super::Assistant;
use crate::conversation::{
    CoachingCue, Conversation, CrisisProtocol, Evidence, Role, Suggestion, SuggestionKind,
    UtteranceId,
};
use crate::embedding::TextKind;
use crate::guard::CrisisSign;

impl Assistant {
    /// The card for the newest sign of a crisis in what the customer said.
    pub(super) async fn crisis_in(&self, conversation: &Conversation) -> Option<Suggestion> {
        let crisis = &self.inner.crisis;
        let said = conversation.transcript.utterances().iter().rev();
        let is_customer = |role: Role| matches!(role, Role::EndUser | Role::Unknown);
        let said: Vec<_> = said.filter(|said| is_customer(said.role)).collect();
        if self.inner.has_meaning && !said.is_empty() {
            // Asked for once; the guard finds them at hand. Where that fails, the patterns still decide.
            let texts: Vec<String> = said.iter().map(|said| said.text.clone()).collect();
            if let Err(error) = self.inner.embedder.embed(&texts, TextKind::Query).await {
                tracing::debug!(%error, "crisis examples could not be compared ahead");
            }
        }
        for said in said {
            if let Some(sign) = crisis.look(&said.text).await {
                let protocol = crisis.protocol();
                let words = protocol.words(sign.kind, &conversation.language);
                return Some(crisis_card(&sign, protocol, &words, said.id));
            }
        }
        None
    }
}

/// A sign of a crisis as a card for the human agent, with the words they can say.
pub(crate) fn crisis_card(
    sign: &CrisisSign,
    protocol: &CrisisProtocol,
    words: &str,
    id: UtteranceId,
) -> Suggestion {
    let cue = CoachingCue {
        rule: "crisis".into(),
        display_name: "The customer may be in danger".into(),
        message: format!(
            "{} The customer said: \"{}\". You can say: \"{words}\"",
            protocol.guidance, sign.words
        ),
        system_action: None,
        words: sign.words.clone(),
    };
    Suggestion::new(
        SuggestionKind::Coaching(cue),
        1.0,
        vec![Evidence::Utterance(id)],
    )
}
