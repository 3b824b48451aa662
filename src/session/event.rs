//! What goes into a session and what comes out.

use serde::Serialize;

use crate::conversation::{
    ActionReceipt, Approver, Channel, ChecklistEntry, ChecklistOverride, Citation, CrisisKind,
    CrisisProtocol, CustomerProfile, EffortSign, EmotionEvent, EmotionState, Evidence,
    ExperienceScore, Handoff, HandoffAnswer, HandoffStatus, JourneyEvent, NewUtterance,
    Participant, ParticipantId, Role, Suggestion, Summary, Utterance, UtteranceId,
};
use crate::dialogue::journey::PredictedNeed;
use crate::dialogue::strategy::{StrategyEvent, StrategyInput};
use crate::error::Error;
use crate::knowledge::ArticleFeedback;
use crate::speech::{AudioFrame, AudioTrack};

/// What a host feeds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SessionInput {
    /// Somebody takes part.
    Join(Participant),
    /// Final words of a participant, with their timing.
    Utterance(NewUtterance),
    /// Words of whoever has this role; they join if nobody has it yet.
    Say {
        /// Who.
        role: Role,
        /// The words.
        text: String,
    },
    /// Recorded audio, one track a participant, all beginning at `start_ms` of the conversation.
    /// It is transcribed and its utterances are taken in the order they ended.
    Audio {
        /// Who speaks on which track.
        tracks: Vec<(ParticipantId, AudioTrack)>,
        /// Milliseconds from the start of the conversation.
        start_ms: u64,
    },
    /// A piece of live audio of a participant, of any size and rate, in order of time. Words come while they are
    /// spoken ([`SessionEvent::UtteranceInterim`]) and when an utterance is over.
    Frame {
        /// Who speaks on this track; one that joins with the first frame is [`Role::Unknown`].
        participant: ParticipantId,
        /// The audio.
        frame: AudioFrame,
    },
    /// The role of a participant became known.
    Role {
        /// Who.
        participant: ParticipantId,
        /// The role.
        role: Role,
        /// Between 0 and 1.
        confidence: f32,
    },
    /// The virtual agent was cut short, on a channel that speaks: of its words only so many were heard. The
    /// transcript keeps those, and [`SessionEvent::ReplyInterrupted`] tells what is left.
    Interrupted {
        /// Which words, as told in [`SessionEvent::Reply`].
        utterance: UtteranceId,
        /// How many bytes of their text were spoken, about.
        spoken: usize,
    },
    /// What the human agent did with a suggestion. It is kept, and learned from where that was an article or an action;
    /// an article that was dismissed is not shown again in this conversation.
    ArticleFeedback {
        /// Id of the suggestion.
        suggestion: String,
        /// What they did.
        given: ArticleFeedback,
    },
    /// A person answers a [`SessionEvent::ApprovalRequested`].
    Approve {
        /// Its `source`.
        source: String,
        /// In which capacity they answer.
        by: Approver,
        /// Who, by the host's id.
        who: String,
        /// Their yes or no.
        yes: bool,
    },
    /// A person answers a hand-off that was offered with [`SessionEvent::Handoff`], or gives the conversation back. A human
    /// agent who simply speaks while it is offered has accepted.
    HandoffAnswer {
        /// The `id` of the offer; the last one where it is empty.
        handoff: String,
        /// Who, by the host's id.
        by: String,
        /// What they answer.
        answer: HandoffAnswer,
    },
    /// A person who leads the conversation has done steps of procedures, in a system of the host for instance. The
    /// virtual agent will not do them again.
    StepsDone {
        /// The steps, as `playbook/step`.
        steps: Vec<String>,
    },
    /// A person decided where an item of a checklist stands. It holds for the whole conversation, and is stored.
    Checklist(ChecklistOverride),
    /// A strategy of this conversation is told something: a signal from outside, work that is done, an answer.
    Strategy {
        /// Its id.
        strategy: String,
        /// What happened.
        input: StrategyInput,
    },
    /// The conversation goes on over another medium. All that was said, collected and asked stays.
    Channel(Channel),
    /// Something happened outside the conversation.
    Journey(Vec<JourneyEvent>),
    /// What the host knows of the customer, in place of what it knew before.
    Profile(CustomerProfile),
    /// The human agent wants a note now.
    Summarize,
    /// The conversation is over: the final note and the wrap-up code are made.
    End,
}

/// The skills that can fail on their own while the session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Skill {
    /// Speech to text.
    Speech,
    /// Articles.
    Knowledge,
    /// Coaching cues.
    Coaching,
    /// Next best actions.
    NextBestAction,
    /// Values for forms.
    FormValues,
    /// Written replies to the human agent.
    Reply,
    /// The virtual agent.
    VirtualAgent,
    /// What is felt.
    Emotion,
    /// Notes and codes.
    Summary,
    /// The conversation store.
    Store,
}

/// What came of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OfferOutcome {
    /// It was made.
    Made,
    /// The customer wants it.
    Accepted,
    /// The customer does not want it.
    Declined,
    /// The customer spoke of something else.
    Unanswered,
}

/// What a session finds and does. Serialised, `type` names the variant in snake case.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
#[allow(
    clippy::large_enum_variant,
    reason = "a hub keeps each behind a pointer"
)]
pub enum SessionEvent {
    /// A voice set in on somebody's live audio: whatever is being said to them may stop now. Words follow, or
    /// [`NoSpeech`](Self::NoSpeech).
    SpeechStarted {
        /// Who.
        participant: ParticipantId,
        /// Milliseconds from the start of the conversation.
        start_ms: u64,
    },
    /// What had set in was no speech: a cough, a noise. What was stopped for it may go on.
    NoSpeech {
        /// Whose.
        participant: ParticipantId,
        /// From, in milliseconds from the start of the conversation.
        start_ms: u64,
        /// To.
        end_ms: u64,
    },
    /// The conversation goes on over another medium.
    ChannelChanged {
        /// The one before.
        from: Channel,
        /// The one it is on now.
        to: Channel,
    },
    /// Words that are being spoken.
    UtteranceInterim {
        /// Who.
        participant: ParticipantId,
        /// When they began, in milliseconds from the start of the conversation.
        start_ms: u64,
        /// Words that will stay: the final begins with them.
        stable: String,
        /// Words behind them that may change.
        tentative: String,
    },
    /// No audio of a participant came for this time, or too late, in milliseconds from the start of the conversation.
    AudioGap {
        /// Whose.
        participant: ParticipantId,
        /// From.
        start_ms: u64,
        /// To.
        end_ms: u64,
    },
    /// The machine is too slow for the audio: finals come late, there are no interim words meanwhile.
    SpeechLagging {
        /// By so much.
        behind_ms: u64,
    },
    /// Somebody said something; the words are final.
    UtteranceFinal(Utterance),
    /// Something for the human agent: an article, a next best action, a reply.
    Suggestion(Suggestion),
    /// The first sentence of a reply for the human agent that is still being written. The whole reply follows as a
    /// [`Suggestion`](Self::Suggestion) with the same id and takes its place; where new words overtake it, it is
    /// [`Withdrawn`](Self::Withdrawn) instead.
    ReplyBegun(Suggestion),
    /// A suggestion is overtaken: the customer said more than the reply answers, another action or none is the best now, or
    /// a newer article needs the room. Take it off the screen, unless the human agent works with it.
    Withdrawn {
        /// Its id.
        suggestion: String,
    },
    /// A coaching cue for the human agent.
    Coaching(Suggestion),
    /// What a customer or a human agent feels after an utterance, where there is an emotion model.
    Emotion {
        /// Who.
        participant: ParticipantId,
        /// What they feel now.
        state: EmotionState,
        /// What really changed by this utterance, mostly nothing.
        events: Vec<EmotionEvent>,
    },
    /// The customer has effort with this contact: says the same again, tells of earlier contacts, of waiting, of being
    /// sent around.
    Effort {
        /// Who.
        participant: ParticipantId,
        /// What shows it.
        sign: EffortSign,
    },
    /// An item of a checklist stands elsewhere than before; at the start, every item. What is required and missing
    /// comes as a suggestion too, when it is late, when the end is near, and at the end.
    Checklist(ChecklistEntry),
    /// The virtual agent says something to the customer. Where it is spoken, speak it sentence by sentence, stop on
    /// [`SpeechStarted`](Self::SpeechStarted) and say with [`SessionInput::Interrupted`] how much was heard.
    Reply {
        /// The utterance that it becomes.
        utterance: UtteranceId,
        /// The words.
        text: String,
        /// Where each of their sentences ends, in bytes of the text; the last one is its length.
        sentence_ends: Vec<usize>,
        /// Where the facts in them come from.
        citations: Vec<Citation>,
        /// They only bridge the wait for a slow tool ([`ToolSpec::filler`](crate::dialogue::ToolSpec)); the answer
        /// follows. At most once a turn.
        filler: bool,
    },
    /// The customer heard only this much of what the virtual agent said.
    ReplyInterrupted {
        /// Which utterance.
        utterance: UtteranceId,
        /// What is left of it in the transcript.
        text: String,
    },
    /// The note, as it stands now or, at the end, for good.
    Summary(Summary),
    /// The disposition.
    WrapUp {
        /// Id of the code.
        code: String,
        /// Its label.
        label: String,
        /// Between 0 and 1.
        confidence: f32,
        /// The runners-up with their confidence, best first.
        alternatives: Vec<(String, f32)>,
        /// What stands behind it.
        evidence: Vec<Evidence>,
    },
    /// The customer may be in danger. A virtual agent says so at once and hands over; a human agent gets a card.
    Crisis {
        /// What it may be.
        kind: CrisisKind,
        /// The words that say so.
        words: String,
        /// Where they were said.
        evidence: Vec<Evidence>,
        /// What is done, and whom to turn to.
        protocol: CrisisProtocol,
    },
    /// How the conversation goes for those in it: told when something moved it, and at the end as a whole.
    Experience {
        /// The prediction, with what moved it.
        score: ExperienceScore,
        /// Whether the conversation is over.
        is_final: bool,
    },
    /// A backend action has ended. What its tool calls secret is masked.
    Action(ActionReceipt),
    /// Somebody else than the customer has to say yes before the virtual agent goes on; answer with
    /// [`SessionInput::Approve`].
    ApprovalRequested {
        /// `playbook/step`.
        source: String,
        /// Whose yes.
        by: Approver,
        /// What it is about.
        question: String,
    },
    /// A strategy that resolves a need for good went on.
    Strategy {
        /// Its id.
        strategy: String,
        /// The need.
        need: String,
        /// What happened.
        event: StrategyEvent,
    },
    /// A need was foreseen from what happened outside the conversation, before the customer told it.
    NeedPredicted(PredictedNeed),
    /// A person is to take over: the briefing, offered to a queue. Answer with [`SessionInput::HandoffAnswer`]. It is told
    /// again, with another `id`, for every queue that it is offered to.
    Handoff(Handoff),
    /// A hand-off stands elsewhere than before.
    HandoffChanged {
        /// The `id` of the offer that it is about.
        handoff: String,
        /// Where it stands.
        #[serde(flatten)]
        status: HandoffStatus,
    },
    /// The customer was made an offer, or answered one. Keep a no in the profile, so that it is not made again too soon.
    Offer {
        /// Its id.
        offer: String,
        /// What came of it.
        outcome: OfferOutcome,
        /// The profile attribute that keeps a no; its value is the date.
        attribute: String,
    },
    /// A proposal of a model that was not accepted.
    Rejected {
        /// Whose proposal.
        skill: Skill,
        /// What was proposed.
        proposal: String,
        /// Why it was not accepted.
        reason: String,
    },
    /// A skill failed; the session goes on.
    Failed {
        /// Which.
        skill: Skill,
        /// What happened and what to do.
        message: String,
        /// Whether trying again may help.
        transient: bool,
    },
    /// The session is over; always the last event.
    Ended,
}

impl SessionEvent {
    pub(crate) fn failed(skill: Skill, error: &Error) -> Self {
        Self::Failed {
            skill,
            message: error.to_string(),
            transient: error.is_transient(),
        }
    }
}
