//! The last hand on a reply: how it is delivered to whom it is for.

use super::Assistant;
use super::carry::Response;
use crate::conversation::{Conversation, Role};
use crate::dialogue::{DialogueState, Piece, PieceKind};

impl Assistant {
    /// Takes up what the customer felt and suffered since the last answer.
    pub(super) fn feel(&self, state: &mut DialogueState, signs: &[String]) {
        self.inner.empathy.feel(&mut state.mood, signs);
        state.felt.extend(signs.iter().cloned());
    }

    /// Brings what is to be said into the form that fits the customer's mood.
    pub(super) fn deliver(&self, conversation: &Conversation, response: &mut Response) {
        let said = conversation.transcript.utterances().iter();
        let earlier: Vec<&str> = said
            .filter(|said| said.role == Role::AutomatedAgent)
            .map(|said| said.text.as_str())
            .collect();
        let spoken = std::mem::take(&mut response.spoken);
        let pieces = spoken.iter().enumerate().map(|(at, said)| Piece {
            text: said.text.clone(),
            kind: said.kind,
            at,
        });
        let state = &mut response.state;
        let delivered = self.inner.empathy.deliver(
            &state.mood,
            &mut state.acknowledged,
            &earlier,
            pieces.collect(),
        );
        // An offer that is not made now may be made later.
        if !delivered.iter().any(|piece| piece.kind == PieceKind::Extra)
            && spoken.iter().any(|said| said.kind == PieceKind::Extra)
            && let Some(offer) = state.offer.take()
        {
            state.offers.remove(&offer);
        }
        let kept = delivered.into_iter().filter_map(|piece| {
            let mut said = spoken.get(piece.at)?.clone();
            said.text = piece.text;
            Some(said)
        });
        response.spoken = kept.collect();
    }
}
