//! What clients may feed a conversation, the same over REST and over a WebSocket.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::extract::{check_length, check_name, check_names, check_text};
use super::problem::Problem;
use super::routes::conversations::remember;
use super::state::ServerState;
use crate::conversation::{
    Approver, Channel, ChecklistOverride, HandoffAnswer, HandoffReturn, NewUtterance, Participant,
    ParticipantId, Role, UtteranceId,
};
use crate::knowledge::ArticleFeedback;
use crate::session::{Accepted, SessionInput};
use crate::store::StreamKey;

/// Something for a conversation; `type` names it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ClientInput {
    /// Somebody said or wrote something.
    Say(Say),
    /// Somebody takes part.
    Join(Join),
    /// The conversation goes on over another medium.
    Channel(ToChannel),
    /// The virtual agent was cut short.
    Interrupted(Interrupted),
    /// An answer to an approval that was asked for.
    Approve(Approve),
    /// An answer to a hand-off that was offered, or its return.
    Handoff(AnswerHandoff),
    /// Steps that the person who leads has done, as `playbook/step`.
    StepsDone(StepsDone),
    /// What the human agent did with a suggestion; after the end too.
    Feedback(Feedback),
    /// Where an item of a checklist stands.
    Checklist(ChecklistOverride),
    /// A note is wanted now.
    Summarize,
    /// The conversation is over.
    End,
}

/// Words of somebody.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Say {
    /// The same id twice counts once; a fresh one where it is left out.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "uuid"))]
    pub(super) id: Option<Uuid>,
    /// Who, by their role; the customer where neither this nor `participant` is given.
    #[serde(default)]
    pub(super) role: Option<Role>,
    /// Who, by the participant's id.
    #[serde(default)]
    pub(super) participant: Option<String>,
    /// The words.
    #[schemars(length(min = 1))]
    pub(super) text: String,
    /// When they began, in milliseconds from the start of the conversation.
    #[serde(default)]
    pub(super) start_ms: Option<u64>,
    /// When they ended.
    #[serde(default)]
    pub(super) end_ms: Option<u64>,
}

/// Somebody who takes part.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Join {
    /// Their id in the conversation; the role's name where it is left out. Over a WebSocket it is `participant`, since
    /// `id` is the input's there.
    #[serde(default, alias = "participant")]
    pub(super) id: Option<String>,
    /// Their role.
    pub(super) role: Role,
    /// A name for screens.
    #[serde(default)]
    pub(super) name: Option<String>,
}

/// Another medium.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ToChannel {
    /// The medium.
    pub(super) channel: Channel,
}

/// How much was heard of what the virtual agent said.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Interrupted {
    /// Which words, as told in the event `reply`.
    pub(super) utterance: UtteranceId,
    /// Bytes of their text that were spoken.
    pub(super) spoken: usize,
}

/// Somebody's yes or no.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Approve {
    /// `source` of the event `approval_requested`.
    pub(super) source: String,
    /// In which capacity they answer.
    pub(super) by: Approver,
    /// Who, by the host's id.
    pub(super) who: String,
    /// Their yes or no.
    pub(super) yes: bool,
}

/// What a person says to a hand-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum HandoffAnswerKind {
    /// They take over.
    Accept,
    /// They do not.
    Decline,
    /// They had taken over, and give it back to the virtual agent.
    Return,
}

/// A person's answer to a hand-off.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerHandoff {
    /// What they say.
    pub(super) answer: HandoffAnswerKind,
    /// Who, by the host's id.
    pub(super) who: String,
    /// `id` of the event `handoff`; the last one without it.
    #[serde(default)]
    pub(super) handoff: String,
    /// Why they decline; or what happened, where they give it back.
    #[serde(default)]
    pub(super) note: String,
    /// Steps that were done, as `playbook/step`, where they give it back.
    #[serde(default)]
    pub(super) done: Vec<String>,
    /// What is still open, in plain words.
    #[serde(default)]
    pub(super) open: Vec<String>,
    /// Values that the person learned, by slot.
    #[serde(default)]
    pub(super) slots: BTreeMap<String, String>,
    /// Whether nothing is left to do of what the customer came for.
    #[serde(default)]
    pub(super) resolved: bool,
}

/// Steps that a person has done.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StepsDone {
    /// As `playbook/step`.
    pub(super) steps: Vec<String>,
}

impl AnswerHandoff {
    fn check(&self, state: &ServerState) -> Result<(), Problem> {
        check_name("who", &self.who)?;
        check_name("handoff", &self.handoff)?;
        check_names("done", &self.done)?;
        check_length("open", self.open.len())?;
        check_length("slots", self.slots.len())?;
        let told = self.open.iter().chain(self.slots.values());
        for text in told
            .chain([&self.note])
            .filter(|text| !text.trim().is_empty())
        {
            check_text("note, open and slots", text, state)?;
        }
        self.slots
            .keys()
            .try_for_each(|name| check_name("slots", name))
    }

    fn into_input(self) -> SessionInput {
        let answer = match self.answer {
            HandoffAnswerKind::Accept => HandoffAnswer::Accept,
            HandoffAnswerKind::Decline => HandoffAnswer::Decline { reason: self.note },
            HandoffAnswerKind::Return => HandoffAnswer::Return(HandoffReturn {
                note: self.note,
                done: self.done,
                open: self.open,
                slots: self.slots,
                resolved: self.resolved,
            }),
        };
        SessionInput::HandoffAnswer {
            handoff: self.handoff,
            by: self.who,
            answer,
        }
    }
}

/// What somebody did with a suggestion.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Feedback {
    /// Id of the suggestion.
    pub(super) suggestion: String,
    /// What they did.
    pub(super) given: ArticleFeedback,
}

impl Join {
    pub(super) fn check(&self) -> Result<(), Problem> {
        check_name("id", self.id.as_deref().unwrap_or_default())?;
        check_name("name", self.name.as_deref().unwrap_or_default())
    }

    pub(super) fn into_participant(self) -> Participant {
        let id = self.id.unwrap_or_else(|| self.role.as_str().to_owned());
        let mut participant = Participant::new(id, self.role);
        participant.display_name = self.name;
        participant
    }
}

/// Longest time into a conversation, in milliseconds: messages may go back and forth for months.
const LONGEST_TIME: u64 = 366 * 24 * 60 * 60 * 1000;

impl ClientInput {
    /// Refuses names and lists that nobody means, so that one request cannot fill the memory of a conversation.
    fn check(&self, state: &ServerState) -> Result<(), Problem> {
        match self {
            Self::Say(said) => {
                check_name(
                    "participant",
                    said.participant.as_deref().unwrap_or_default(),
                )?;
                let last = said.start_ms.max(said.end_ms).unwrap_or_default();
                if last > LONGEST_TIME {
                    return Err(Problem::invalid(format!(
                        "start_ms and end_ms count from the start of the conversation; at most {LONGEST_TIME} is taken"
                    )));
                }
                Ok(())
            }
            Self::Join(join) => join.check(),
            Self::Approve(answer) => {
                check_name("source", &answer.source)?;
                check_name("who", &answer.who)
            }
            Self::Handoff(answer) => answer.check(state),
            Self::StepsDone(done) => check_names("steps", &done.steps),
            Self::Feedback(feedback) => check_name("suggestion", &feedback.suggestion),
            Self::Channel(_)
            | Self::Interrupted(_)
            | Self::Checklist(_)
            | Self::Summarize
            | Self::End => Ok(()),
        }
    }
}

/// Hands an input to the hub; when this answers, it is stored.
pub(super) async fn submit(
    state: &ServerState,
    key: &StreamKey,
    id: Uuid,
    input: ClientInput,
) -> Result<Accepted, Problem> {
    input.check(state)?;
    let input = match input {
        ClientInput::Say(said) => return say(state, key, id, said).await,
        ClientInput::Join(join) => SessionInput::Join(join.into_participant()),
        ClientInput::Channel(to) => SessionInput::Channel(to.channel),
        ClientInput::Interrupted(cut) => SessionInput::Interrupted {
            utterance: cut.utterance,
            spoken: cut.spoken,
        },
        ClientInput::Approve(answer) => SessionInput::Approve {
            source: answer.source,
            by: answer.by,
            who: answer.who,
            yes: answer.yes,
        },
        ClientInput::Handoff(answer) => answer.into_input(),
        ClientInput::StepsDone(done) => SessionInput::StepsDone { steps: done.steps },
        ClientInput::Feedback(feedback) => SessionInput::ArticleFeedback {
            suggestion: feedback.suggestion,
            given: feedback.given,
        },
        ClientInput::Checklist(decided) => SessionInput::Checklist(decided),
        ClientInput::Summarize => SessionInput::Summarize,
        ClientInput::End => SessionInput::End,
    };
    let ends = matches!(input, SessionInput::End);
    let accepted = state.hub.submit(key, id, input).await?;
    if ends {
        tokio::spawn(remember(state.clone(), key.clone()));
    }
    Ok(accepted)
}

async fn say(
    state: &ServerState,
    key: &StreamKey,
    id: Uuid,
    said: Say,
) -> Result<Accepted, Problem> {
    check_text("text", &said.text, state)?;
    let id = said.id.unwrap_or(id);
    let start = said.start_ms.unwrap_or_default();
    let end = said.end_ms.unwrap_or(start);
    if end < start {
        return Err(Problem::invalid("end_ms is before start_ms"));
    }
    let timed = said.start_ms.is_some() || said.end_ms.is_some();
    let role = said.role.unwrap_or(Role::EndUser);
    let participant: ParticipantId = match said.participant {
        Some(participant) => participant.into(),
        None if !timed => {
            let input = SessionInput::Say {
                role,
                text: said.text,
            };
            return Ok(state.hub.submit(key, id, input).await?);
        }
        None => {
            let view = state.hub.view(key).await?;
            let known = view
                .conversation
                .participants
                .iter()
                .find(|p| p.role == role);
            match known {
                Some(known) => known.id.clone(),
                None => {
                    let joining = Participant::new(role.as_str(), role);
                    let participant = joining.id.clone();
                    // Bound to the utterance's id, so that a repeated request joins nobody twice.
                    let join = Uuid::new_v5(&id, b"join");
                    let input = SessionInput::Join(joining);
                    state.hub.submit(key, join, input).await?;
                    participant
                }
            }
        }
    };
    let utterance = NewUtterance::new(participant, said.text).with_span(start, end);
    let input = SessionInput::Utterance(utterance);
    Ok(state.hub.submit(key, id, input).await?)
}
