//! Somebody may be in danger: what the human agent is told.

use super::Assistant;
use crate::conversation::{
    CoachingCue, Conversation, CrisisProtocol, Evidence, Role, Suggestion, SuggestionKind,
    UtteranceId,
};
use crate::guard::CrisisSign;

impl Assistant {
    /// The card for the newest sign of a crisis in what the customer said.
    pub(super) async fn crisis_in(&self, conversation: &Conversation) -> Option<Suggestion> {
        let crisis = &self.inner.crisis;
        for said in conversation.transcript.utterances().iter().rev() {
            if matches!(said.role, Role::EndUser | Role::Unknown)
                && let Some(sign) = crisis.look(&said.text).await
            {
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
