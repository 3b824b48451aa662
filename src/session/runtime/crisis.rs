//! Somebody may be in danger: before everything else.

use super::super::event::SessionEvent;
use super::{Doing, Runtime};
use crate::assistant::crisis_card;
use crate::conversation::{Evidence, HandoffReason, UtteranceId};
use crate::dialogue::CRISIS;

impl Runtime {
    /// Looks for signs of a crisis in what the customer said, tells them, and follows the protocol. Whether a virtual
    /// agent said all there is to say.
    pub(super) async fn crisis(&mut self, id: UtteranceId, text: &str, is_virtual: bool) -> bool {
        let Some(sign) = self.assistant.inner.crisis.look(text).await else {
            return false;
        };
        let protocol = self.assistant.inner.crisis.protocol().clone();
        self.stop_selling |= protocol.stop_selling;
        self.journal.crisis(protocol.stop_selling);
        self.state.mood.insert(CRISIS.to_owned());
        self.state.felt.insert(CRISIS.to_owned());
        self.journal.state(&self.state);
        let words = protocol.words(sign.kind, &self.conversation.language);
        let card = crisis_card(&sign, &protocol, &words, id);
        let hand_off = protocol.handoff;
        self.emit(SessionEvent::Crisis {
            kind: sign.kind,
            words: sign.words,
            evidence: vec![Evidence::Utterance(id)],
            protocol,
        })
        .await;
        if !is_virtual {
            if self.stop_selling {
                self.withdraw_action().await;
            }
            self.suggestion_shown(&card);
            self.emit(SessionEvent::Coaching(card)).await;
            return false;
        }
        // What was being thought about does not matter now.
        self.wanted.reply = None;
        (self.running, self.aside) = (None, None);
        self.doing = Doing::Nothing;
        self.speak(words, Vec::new()).await;
        if hand_off {
            self.state.handed_off = Some(HandoffReason::CustomerAtRisk);
            self.journal.state(&self.state);
            // No summary: it would take a moment, and the person who takes over sees the conversation.
            let reason = HandoffReason::CustomerAtRisk;
            let state = self.state.clone();
            let briefing = self
                .assistant
                .briefing(&self.conversation, &state, reason)
                .await;
            self.hand_over(briefing).await;
        }
        true
    }
}
