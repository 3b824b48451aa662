//! Pure data: the nouns that every room of the crate shares. No async, no I/O.

mod action;
mod annotation;
mod assist;
mod checklist;
mod crisis;
mod document;
mod emotion;
mod experience;
mod handoff;
mod ids;
pub(crate) mod number_words;
mod profile;
mod signals;
mod summary;
mod transcript;
pub mod vcon;

pub use action::{
    ActionReceipt, ActionStatus, ApprovalGrant, Approver, Handoff, HandoffReason, NextBestAction,
};
pub use annotation::{Annotation, AnnotationKind};
pub use assist::{Citation, CoachingCue, Evidence, FormValue, Suggestion, SuggestionKind, Trigger};
pub use checklist::{ChecklistEntry, ChecklistOverride, ChecklistStatus};
pub use crisis::{CrisisKind, CrisisProtocol, CrisisResource};
pub use emotion::{
    BasicEmotion, Effort, EffortKind, EffortSign, Emotion, EmotionDistribution, EmotionEvent,
    EmotionKind, EmotionState, SentimentGroup,
};
pub use experience::{ExperienceReason, ExperienceScore, ExperienceSign};
pub use handoff::{
    EmotionBriefing, HandoffAnswer, HandoffReturn, HandoffStatus, OpenApproval, Promise,
    TriedOutcome, TriedStep,
};
pub use ids::{
    ArticleId, ConversationId, CustomerId, ParticipantId, PassageId, TenantId, UtteranceId,
};
pub use profile::{CustomerProfile, JourneyEvent};
pub use signals::{
    ConversationSignals, Overlap, OverlapKind, ParticipantSignals, SilenceKind, SilenceSpan,
    VoiceSignals,
};
pub use summary::{
    Fact, FactKind, SectionKind, Summary, SummarySection, Withheld, WrapUp, WrapUpCode,
};
pub use transcript::{Channel, NewUtterance, Participant, Role, Transcript, Turn, Utterance, Word};

use serde::{Deserialize, Serialize};

/// The interaction with its metadata: who takes part, over which channel, and what was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Conversation {
    /// Stable identity, the same across channels and restarts.
    pub id: ConversationId,
    /// Whose data this is. Every look-up in the knowledge base is bound to it.
    pub tenant: TenantId,
    /// The medium the conversation is on now.
    pub channel: Channel,
    /// BCP 47 language tag of the conversation, e.g. `en`.
    pub language: String,
    /// When it started.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: jiff::Timestamp,
    /// Everybody who takes part.
    pub participants: Vec<Participant>,
    /// What was said, in the order it became final.
    pub transcript: Transcript,
    /// What the host knows of the customer.
    pub profile: Option<CustomerProfile>,
    /// What happened outside the conversation.
    pub journey: Vec<JourneyEvent>,
}

impl Conversation {
    /// An empty conversation of `tenant` over `channel`, in English, starting now.
    pub fn new(tenant: impl Into<TenantId>, channel: Channel) -> Self {
        Self {
            id: ConversationId::generate(),
            tenant: tenant.into(),
            channel,
            language: "en".into(),
            started_at: jiff::Timestamp::now(),
            participants: Vec::new(),
            transcript: Transcript::default(),
            profile: None,
            journey: Vec::new(),
        }
    }

    /// Replaces the generated id, e.g. by the one the contact-centre platform uses.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<ConversationId>) -> Self {
        self.id = id.into();
        self
    }

    /// Sets the language (BCP 47).
    #[must_use]
    pub fn with_language(mut self, language: impl Into<String>) -> Self {
        self.language = language.into();
        self
    }

    /// Adds what the host knows of the customer.
    #[must_use]
    pub fn with_profile(mut self, profile: CustomerProfile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Adds a participant and returns its id; a participant with that id is replaced.
    pub fn join(&mut self, participant: Participant) -> ParticipantId {
        let id = participant.id.clone();
        self.participants.retain(|p| p.id != id);
        self.participants.push(participant);
        id
    }

    /// The role of a participant, [`Role::Unknown`] where nobody told.
    pub fn role_of(&self, participant: &ParticipantId) -> Role {
        self.participants
            .iter()
            .find(|p| &p.id == participant)
            .map_or(Role::Unknown, |p| p.role)
    }

    /// Appends what a participant of `role` said; the participant joins if it is new.
    ///
    /// For text channels and tests. Audio adapters build [`NewUtterance`] themselves.
    pub fn say(&mut self, role: Role, text: impl Into<String>) -> UtteranceId {
        let participant = match self.participants.iter().find(|p| p.role == role) {
            Some(known) => known.id.clone(),
            None => self.join(Participant::new(role.as_str(), role)),
        };
        self.append(NewUtterance::new(participant, text))
    }

    /// Appends an utterance at the end of the transcript and returns its id.
    ///
    /// Utterances are ordered by when they became final and are never inserted earlier.
    pub fn append(&mut self, utterance: NewUtterance) -> UtteranceId {
        let role = self.role_of(&utterance.participant);
        self.transcript.push(utterance, role, self.channel)
    }

    /// The conversation as it was after so many utterances.
    pub(crate) fn up_to(&self, count: usize) -> Self {
        Self {
            transcript: self.transcript.up_to(count),
            participants: self.participants.clone(),
            journey: self.journey.clone(),
            profile: self.profile.clone(),
            id: self.id.clone(),
            tenant: self.tenant.clone(),
            language: self.language.clone(),
            ..*self
        }
    }

    /// Appends an utterance of the same conversation, which keeps its id.
    pub(crate) fn hear_again(&mut self, said: Utterance) {
        self.transcript.hear_again(said);
    }

    /// Somebody was cut short: only the first `spoken` bytes of an utterance were heard. What is left of it, with a
    /// dash at its end; `None` where there is no such utterance, or all of it was heard.
    pub fn interrupt(&mut self, utterance: UtteranceId, spoken: usize) -> Option<&Utterance> {
        self.transcript.interrupt(utterance, spoken)
    }

    /// Sets the role of a participant, with effect on what it already said.
    pub fn assign_role(&mut self, participant: &ParticipantId, role: Role, confidence: f32) {
        for known in self
            .participants
            .iter_mut()
            .filter(|p| &p.id == participant)
        {
            known.role = role;
            known.role_confidence = confidence;
        }
        self.transcript.assign_role(participant, role);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utterances_group_into_turns_and_round_trip_through_json() {
        let mut call = Conversation::new("acme", Channel::Chat);
        call.say(Role::EndUser, "Hello.");
        call.say(Role::EndUser, "My router is broken.");
        call.say(Role::HumanAgent, "I am sorry to hear that.");
        let turns = call.transcript.turns();
        assert_eq!(turns.len(), 2);
        assert_eq!(turns[0].text(), "Hello. My router is broken.");
        assert_eq!(turns[1].role, Role::HumanAgent);
        let json = serde_json::to_string(&call).unwrap();
        assert_eq!(serde_json::from_str::<Conversation>(&json).unwrap(), call);
    }

    #[test]
    fn who_only_listens_takes_no_turn() {
        let mut call = Conversation::new("acme", Channel::Voice);
        let say = |call: &mut Conversation, role: Role, text: &str, back_channel: bool| {
            let participant = match call.participants.iter().find(|p| p.role == role) {
                Some(known) => known.id.clone(),
                None => call.join(Participant::new(role.as_str(), role)),
            };
            let mut said = NewUtterance::new(participant, text);
            said.back_channel = back_channel;
            call.append(said);
        };
        // It is final before the utterance that it was said to.
        say(&mut call, Role::EndUser, "Mhm.", true);
        say(&mut call, Role::HumanAgent, "I will refund it.", false);
        say(&mut call, Role::EndUser, "Okay.", true);
        say(&mut call, Role::HumanAgent, "It takes five days.", false);
        say(&mut call, Role::EndUser, "Thank you.", false);
        let turns = call.transcript.turns();
        let texts: Vec<(Role, String)> =
            turns.iter().map(|turn| (turn.role, turn.text())).collect();
        assert_eq!(
            texts,
            [
                (
                    Role::HumanAgent,
                    "I will refund it. It takes five days.".to_owned()
                ),
                (Role::EndUser, "Thank you.".to_owned()),
            ]
        );
        assert_eq!(
            turns
                .iter()
                .map(|turn| turn.utterances.len())
                .sum::<usize>(),
            5
        );
        say(&mut call, Role::EndUser, "Mhm.", true);
        assert_eq!(
            call.transcript.last_of(Role::EndUser).unwrap().text,
            "Thank you."
        );
    }

    #[test]
    fn who_is_cut_short_was_heard_up_to_there() {
        let mut call = Conversation::new("acme", Channel::Voice);
        let id = call.say(Role::AutomatedAgent, "Yes. It is caf\u{e9} and more.");
        assert_eq!(call.interrupt(id, 500), None);
        assert_eq!(call.interrupt(UtteranceId(9), 1), None);
        // In the middle of a character.
        assert_eq!(
            call.interrupt(id, 15).unwrap().text,
            "Yes. It is caf\u{2014}"
        );
        let id = call.say(Role::AutomatedAgent, "Hello.");
        assert_eq!(call.interrupt(id, 0).unwrap().text, "\u{2014}");
    }

    #[test]
    fn a_role_told_late_reaches_what_was_said_before() {
        let mut call = Conversation::new("acme", Channel::Voice);
        let who = call.join(Participant::new("track-0", Role::Unknown));
        call.append(NewUtterance::new(who.clone(), "How may I help?"));
        call.assign_role(&who, Role::HumanAgent, 0.9);
        assert_eq!(call.transcript.utterances()[0].role, Role::HumanAgent);
    }
}
