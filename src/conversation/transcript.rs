//! Who said what, when.

use serde::{Deserialize, Serialize};

use super::annotation::Annotation;
use super::ids::{ParticipantId, UtteranceId};

/// Who speaks. The names follow the participant roles of Dialogflow / Agent Assist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The customer.
    EndUser,
    /// A person who works for the organisation.
    HumanAgent,
    /// The virtual agent.
    AutomatedAgent,
    /// Not known (yet): a mono recording before the role is inferred.
    Unknown,
}

impl Role {
    /// The wire name, snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EndUser => "end_user",
            Self::HumanAgent => "human_agent",
            Self::AutomatedAgent => "automated_agent",
            Self::Unknown => "unknown",
        }
    }

    /// The word used in prompts and on screens: `Customer`, `Agent` or `Speaker`.
    pub fn label(self) -> &'static str {
        match self {
            Self::EndUser => "Customer",
            Self::HumanAgent | Self::AutomatedAgent => "Agent",
            Self::Unknown => "Speaker",
        }
    }
}

/// The medium of a conversation. An audio track is an `AudioTrack`, never a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Channel {
    /// Telephone or another live audio line.
    Voice,
    /// Chat in an app or on a page.
    Chat,
    /// Asynchronous messaging.
    Messaging,
    /// E-mail.
    Email,
    /// Video with audio.
    Video,
}

/// Somebody who takes part in a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Participant {
    /// Identity within the conversation.
    pub id: ParticipantId,
    /// Who speaks.
    pub role: Role,
    /// Between 0 and 1: how sure the role is. 1 where the host said so.
    pub role_confidence: f32,
    /// A name for screens.
    pub display_name: Option<String>,
}

impl Participant {
    /// A participant whose role is known for certain (or certainly not known).
    pub fn new(id: impl Into<ParticipantId>, role: Role) -> Self {
        Self {
            id: id.into(),
            role,
            role_confidence: if role == Role::Unknown { 0.0 } else { 1.0 },
            display_name: None,
        }
    }
}

/// One recognised word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Word {
    /// The word as recognised.
    pub text: String,
    /// Milliseconds from the start of the conversation.
    pub start_ms: u64,
    /// Milliseconds from the start of the conversation.
    pub end_ms: u64,
    /// Between 0 and 1.
    pub confidence: f32,
}

/// A speech act or a message, not yet part of a transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NewUtterance {
    /// Who said it.
    pub participant: ParticipantId,
    /// The words.
    pub text: String,
    /// Milliseconds from the start of the conversation.
    pub start_ms: u64,
    /// Milliseconds from the start of the conversation.
    pub end_ms: u64,
    /// BCP 47 tag, where it was recognised.
    pub language: Option<String>,
    /// Between 0 and 1, where recognition gave one.
    pub confidence: Option<f32>,
    /// Word timings, where recognition gave them.
    pub words: Vec<Word>,
    /// What its numbers, names and addresses are, in the form to key in.
    pub annotations: Vec<Annotation>,
    /// The speaker only showed that they listen while another spoke ("mhm"): no turn.
    pub back_channel: bool,
}

impl NewUtterance {
    /// What `participant` said, without timing.
    pub fn new(participant: impl Into<ParticipantId>, text: impl Into<String>) -> Self {
        Self {
            participant: participant.into(),
            text: text.into(),
            start_ms: 0,
            end_ms: 0,
            language: None,
            confidence: None,
            words: Vec::new(),
            annotations: Vec::new(),
            back_channel: false,
        }
    }

    /// Sets when it was said, in milliseconds from the start of the conversation.
    #[must_use]
    pub fn with_span(mut self, start_ms: u64, end_ms: u64) -> Self {
        self.start_ms = start_ms;
        self.end_ms = end_ms;
        self
    }
}

/// A speech act or a message in a transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Utterance {
    /// Position in the transcript.
    pub id: UtteranceId,
    /// Who said it.
    pub participant: ParticipantId,
    /// Their role.
    pub role: Role,
    /// The medium it came over.
    pub channel: Channel,
    /// The words.
    pub text: String,
    /// Milliseconds from the start of the conversation.
    pub start_ms: u64,
    /// Milliseconds from the start of the conversation.
    pub end_ms: u64,
    /// BCP 47 tag, where it was recognised.
    pub language: Option<String>,
    /// Between 0 and 1, where recognition gave one.
    pub confidence: Option<f32>,
    /// Word timings, where recognition gave them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Word>,
    /// What its numbers, names and addresses are, in the form to key in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Annotation>,
    /// The speaker only showed that they listen while another spoke ("mhm"): no turn.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub back_channel: bool,
}

/// Consecutive utterances of one participant, borrowed from a [`Transcript`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn<'a> {
    /// Whose turn it is.
    pub role: Role,
    /// Its utterances, at least one; among them what others said only to show that they listen.
    pub utterances: &'a [Utterance],
}

impl Turn<'_> {
    /// The turn's words, utterances joined by a space; without what others said only to show that they listen.
    pub fn text(&self) -> String {
        let is_turn = self.utterances.iter().any(|u| !u.back_channel);
        let said = self
            .utterances
            .iter()
            .filter(|u| !(is_turn && u.back_channel));
        let parts: Vec<&str> = said.map(|u| u.text.as_str()).collect();
        parts.join(" ")
    }
}

/// All utterances of a conversation, append-only, in the order they became final.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Transcript {
    utterances: Vec<Utterance>,
}

impl Transcript {
    /// The utterances in order.
    pub fn utterances(&self) -> &[Utterance] {
        &self.utterances
    }

    /// The utterances grouped into turns. Whoever only shows that they listen takes no turn: it stands within the
    /// other's, before or after the words it was said to.
    pub fn turns(&self) -> Vec<Turn<'_>> {
        let mut turns = Vec::new();
        let mut start = 0;
        // Whose turn it is, once somebody has taken it.
        let mut holder: Option<&Utterance> = None;
        for (at, said) in self.utterances.iter().enumerate() {
            let is_next =
                !said.back_channel && holder.is_some_and(|h| h.participant != said.participant);
            if let (true, Some(first), Some(utterances)) =
                (is_next, holder, self.utterances.get(start..at))
            {
                turns.push(Turn {
                    role: first.role,
                    utterances,
                });
                start = at;
                holder = None;
            }
            if !said.back_channel && holder.is_none() {
                holder = Some(said);
            }
        }
        let rest = self.utterances.get(start..).unwrap_or_default();
        if let Some(first) = holder.or(rest.first()) {
            turns.push(Turn {
                role: first.role,
                utterances: rest,
            });
        }
        turns
    }

    /// The utterance with this id.
    pub fn get(&self, id: UtteranceId) -> Option<&Utterance> {
        let index = usize::try_from(id.0).ok()?.checked_sub(1)?;
        self.utterances.get(index)
    }

    /// The last thing somebody of `role` said, not only to show that they listen.
    pub fn last_of(&self, role: Role) -> Option<&Utterance> {
        self.utterances
            .iter()
            .rev()
            .find(|u| u.role == role && !u.back_channel)
    }

    /// How many utterances there are.
    pub fn len(&self) -> usize {
        self.utterances.len()
    }

    /// Whether nothing was said yet.
    pub fn is_empty(&self) -> bool {
        self.utterances.is_empty()
    }

    /// The first utterances.
    pub(super) fn up_to(&self, count: usize) -> Self {
        Self {
            utterances: self.utterances.iter().take(count).cloned().collect(),
        }
    }

    /// The number stays as it was told: a transcript from outside may count otherwise.
    pub(super) fn hear_again(&mut self, said: Utterance) {
        self.utterances.push(said);
    }

    pub(super) fn push(&mut self, new: NewUtterance, role: Role, channel: Channel) -> UtteranceId {
        let id = self.next_id();
        self.utterances.push(Utterance {
            id,
            participant: new.participant,
            role,
            channel,
            text: new.text,
            start_ms: new.start_ms,
            end_ms: new.end_ms,
            language: new.language,
            confidence: new.confidence,
            words: new.words,
            annotations: new.annotations,
            back_channel: new.back_channel,
        });
        id
    }

    /// The id that the next utterance gets.
    pub fn next_id(&self) -> UtteranceId {
        UtteranceId(u32::try_from(self.utterances.len()).map_or(u32::MAX, |n| n + 1))
    }

    /// Only the first `spoken` bytes of an utterance (or a little less, at a character's border) were heard: the
    /// rest was cut off, which a dash tells. `None` where there is no such utterance, or nothing was cut off.
    pub(super) fn interrupt(&mut self, id: UtteranceId, spoken: usize) -> Option<&Utterance> {
        let index = usize::try_from(id.0).ok()?.checked_sub(1)?;
        let said = self.utterances.get_mut(index)?;
        if spoken >= said.text.len() {
            return None;
        }
        let spoken = said.text.floor_char_boundary(spoken);
        let heard = said.text.get(..spoken).map_or(0, |s| s.trim_end().len());
        said.text.truncate(heard);
        said.text.push('\u{2014}');
        said.annotations.retain(|note| note.end <= heard);
        Some(said)
    }

    pub(super) fn assign_role(&mut self, participant: &ParticipantId, role: Role) {
        for said in self
            .utterances
            .iter_mut()
            .filter(|u| &u.participant == participant)
        {
            said.role = role;
        }
    }
}
