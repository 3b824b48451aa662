//! The loop of a session: one task owns the conversation, one thing is written at a time.

mod answers;
mod approvals;
mod cards;
mod coaching;
mod crisis;
mod feelings;
mod handing_over;
mod listen;
mod work;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use futures::FutureExt;
use tokio::sync::{mpsc, oneshot};

use super::ears::Ears;
use super::event::{SessionEvent, SessionInput, Skill};
use super::persist::{Journal, Restored};
use crate::assist::{CardDesk, ReplyContext, asks_something};
use crate::assistant::{Assistant, Response, action_card, instruction, worth_showing};
use crate::conversation::{
    ArticleId, Conversation, NewUtterance, Participant, Role, Suggestion, Summary, UtteranceId,
};
use crate::dialogue::{DialogueState, Effect};
use crate::error::{Error, Result};
use crate::llm::Structured;
use crate::speech::annotate;

/// A note is brought up to date after this many new utterances, when nothing else is to be done.
const NOTE_EVERY: usize = 8;
/// Actions that are looked at for one reply.
const ACTIONS: usize = 3;

/// What reaches the loop.
#[derive(Debug)]
pub(super) enum Message {
    Input(SessionInput),
    Settle(oneshot::Sender<()>),
    Snapshot(oneshot::Sender<Conversation>),
}

/// Something that takes a model some time to write.
enum Work {
    Reply(ReplyContext),
    /// With what the customer felt and suffered since the last answer.
    Respond(Vec<String>),
    /// What was decided already.
    Carry(Vec<Effect>),
    Note {
        is_final: bool,
    },
    Coach(Box<coaching::OpenQuestions>),
}

/// What came of it.
#[allow(clippy::large_enum_variant, reason = "one at a time is alive")]
enum Done {
    Reply {
        written: Result<Option<Structured<Suggestion>>>,
        /// What is said where nothing fit was written.
        instead: Option<Suggestion>,
    },
    Respond(Result<Box<Response>>),
    Note {
        note: Result<Summary>,
        is_final: bool,
    },
    Coach {
        open: Box<coaching::OpenQuestions>,
        answers: Result<HashMap<String, f32>>,
    },
}

/// The kind of work that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Nothing,
    /// Worthless as soon as the customer says more.
    Reply,
    /// Decides things; it is finished and then followed by the next.
    Respond,
    /// Can be written again later.
    Note,
    /// Short, and asked of words that do not come again.
    Coach,
}

type Running = Pin<Box<dyn Future<Output = Done> + Send>>;

/// Inputs taken one after the other before what was written meanwhile is delivered.
const INPUTS_IN_A_ROW: usize = 32;

/// The loop's state.
pub(super) struct Runtime {
    assistant: Assistant,
    conversation: Conversation,
    events: mpsc::Sender<SessionEvent>,
    journal: Journal,
    state: DialogueState,
    summary: Option<Summary>,
    coaching: coaching::Desk,
    feelings: feelings::Feelings,
    ears: Ears,
    /// Why the last frame was refused.
    last_refusal: Option<String>,
    /// The articles on the screen, and the suggestions they were.
    cards: CardDesk,
    card_articles: HashMap<String, ArticleId>,
    last_action: Option<String>,
    handing_over: handing_over::Desk,
    /// There was a sign of a crisis: no next best action is shown any more.
    stop_selling: bool,
    running: Option<Running>,
    /// What runs, which decides whether new words of the customer overtake it.
    doing: Doing,
    next_reply: Option<Work>,
    note_wanted: Option<bool>,
    settling: Vec<oneshot::Sender<()>>,
}

impl Runtime {
    pub(super) fn new(
        assistant: Assistant,
        conversation: Conversation,
        events: mpsc::Sender<SessionEvent>,
    ) -> Self {
        let mut runtime = Self::with(assistant, conversation, events, 0);
        runtime.journal.started(&runtime.conversation);
        runtime
    }

    pub(super) fn restored(
        assistant: Assistant,
        restored: Restored,
        events: mpsc::Sender<SessionEvent>,
    ) -> Self {
        let mut runtime = Self::with(assistant, restored.conversation, events, restored.version);
        runtime.state = restored.state;
        runtime.summary = restored.summary;
        runtime.coaching.overrides = restored.checklist;
        runtime.handing_over.restore(restored.briefing);
        runtime
    }

    fn with(
        assistant: Assistant,
        conversation: Conversation,
        events: mpsc::Sender<SessionEvent>,
        version: u64,
    ) -> Self {
        Self {
            journal: Journal::new(assistant.inner.store.clone(), &conversation, version),
            assistant,
            conversation,
            events,
            state: DialogueState::default(),
            summary: None,
            coaching: coaching::Desk::default(),
            feelings: feelings::Feelings::default(),
            ears: Ears::default(),
            last_refusal: None,
            cards: CardDesk::default(),
            card_articles: HashMap::new(),
            last_action: None,
            handing_over: handing_over::Desk::default(),
            stop_selling: false,
            running: None,
            doing: Doing::Nothing,
            next_reply: None,
            note_wanted: None,
            settling: Vec::new(),
        }
    }

    pub(super) async fn run(mut self, mut inputs: mpsc::Receiver<Message>) {
        self.save().await;
        if let Err(error) = self.assistant.recall(&self.conversation.tenant).await {
            let error = Error::context(error, "what was learned before cannot be read");
            self.emit(SessionEvent::failed(Skill::Store, &error)).await;
        }
        self.coach_start().await;
        self.take_up().await;
        let mut in_a_row = 0;
        loop {
            // Inputs come first, since new words make a reply to the old ones worthless; but not for ever.
            if in_a_row >= INPUTS_IN_A_ROW {
                in_a_row = 0;
                let ready = self
                    .running
                    .as_mut()
                    .and_then(|running| running.now_or_never());
                if let Some(done) = ready {
                    self.running = None;
                    self.doing = Doing::Nothing;
                    self.deliver(done).await;
                }
            }
            self.start_next();
            if self.running.is_none() {
                // Whoever waits may have gone; that is theirs to decide.
                self.settling.drain(..).for_each(|waiting| {
                    let _ = waiting.send(());
                });
            }
            let done = async {
                match &mut self.running {
                    Some(running) => running.await,
                    None => std::future::pending().await,
                }
            };
            let due = self.due();
            tokio::select! {
                biased;
                message = inputs.recv() => {
                    in_a_row += 1;
                    match message {
                    Some(Message::Input(SessionInput::End)) => return self.finish().await,
                    Some(Message::Input(input)) => self.take(input).await,
                    Some(Message::Settle(waiting)) => self.settling.push(waiting),
                    Some(Message::Snapshot(answer)) => drop(answer.send(self.conversation.clone())),
                    None => break,
                    }
                }
                () = due => self.time_out().await,
                heard = self.ears.next() => {
                    self.listen(heard).await;
                    self.save().await;
                }
                done = done => {
                    in_a_row = 0;
                    self.running = None;
                    self.doing = Doing::Nothing;
                    self.deliver(done).await;
                }
            }
        }
        // Nobody feeds it any more; what was said is still kept.
        for heard in self.ears.finish().await {
            self.listen(heard).await;
        }
        self.save().await;
    }

    /// The conversation is over: what is still being written is overtaken by the final note.
    async fn finish(&mut self) {
        for heard in self.ears.finish().await {
            self.listen(heard).await;
        }
        let running = self.running.take();
        if let (Doing::Respond | Doing::Coach, Some(running)) = (self.doing, running) {
            let done = running.await;
            self.deliver(done).await;
        }
        self.next_reply = None;
        self.coach_end().await;
        let note = self.work(Work::Note { is_final: true }).await;
        self.deliver(note).await;
        self.tell_experience().await;
        self.journal.ended();
        self.save().await;
        self.emit(SessionEvent::Ended).await;
        self.settling.drain(..).for_each(|waiting| {
            let _ = waiting.send(());
        });
    }

    async fn take(&mut self, input: SessionInput) {
        match input {
            SessionInput::Join(participant) => self.join(participant),
            SessionInput::Utterance(utterance) => self.hear_from(utterance).await,
            SessionInput::Say { role, text } => {
                let known = self
                    .conversation
                    .participants
                    .iter()
                    .find(|p| p.role == role)
                    .map(|p| p.id.clone());
                let who = known.unwrap_or_else(|| {
                    let participant = Participant::new(role.as_str(), role);
                    let id = participant.id.clone();
                    self.join(participant);
                    id
                });
                let now = jiff::Timestamp::now().as_millisecond()
                    - self.conversation.started_at.as_millisecond();
                let now = u64::try_from(now).unwrap_or_default();
                self.hear(NewUtterance::new(who, text).with_span(now, now))
                    .await;
            }
            SessionInput::Audio { tracks, start_ms } => self.transcribe(tracks, start_ms).await,
            SessionInput::Role {
                participant,
                role,
                confidence,
            } => {
                self.conversation
                    .assign_role(&participant, role, confidence);
                self.journal.role(&participant, role, confidence);
            }
            SessionInput::Frame { participant, frame } => self.push(participant, frame).await,
            SessionInput::Interrupted { utterance, spoken } => {
                self.interrupted(utterance, spoken).await;
            }
            SessionInput::ArticleFeedback { suggestion, given } => {
                self.article_feedback(&suggestion, given).await;
            }
            SessionInput::Approve {
                source,
                by,
                who,
                yes,
            } => Box::pin(self.approve(&source, by, who, yes)).await,
            SessionInput::HandoffAnswer {
                handoff,
                by,
                answer,
            } => Box::pin(self.answer_handoff(&handoff, by, answer)).await,
            SessionInput::StepsDone { steps } => self.steps_done(&steps).await,
            SessionInput::Checklist(decided) => self.decide(decided).await,
            SessionInput::Summarize => self.note_wanted = Some(false),
            SessionInput::End => {}
        }
        self.save().await;
    }

    fn join(&mut self, participant: Participant) {
        self.journal.joined(&participant);
        self.conversation.join(participant);
    }

    /// Takes final words: keeps them, tells them, and sets off what they call for.
    async fn hear(&mut self, mut utterance: NewUtterance) {
        if utterance.text.trim().is_empty() {
            return;
        }
        if utterance.annotations.is_empty() {
            let language = utterance
                .language
                .as_deref()
                .unwrap_or(&self.conversation.language);
            utterance.annotations = annotate(&utterance.text, Some(language));
        }
        let id = self.conversation.append(utterance);
        let Some(said) = self.conversation.transcript.get(id).cloned() else {
            return;
        };
        self.journal.utterance(&said);
        // Kept before anybody is told.
        self.save().await;
        let role = said.role;
        // Whoever only shows that they listen asks for nothing.
        let calls_for_something = role != Role::AutomatedAgent && !said.back_channel;
        let text = said.text.clone();
        self.emit(SessionEvent::UtteranceFinal(said)).await;
        let virtual_agent = self.has_virtual_agent();
        // Danger comes before everything else.
        let may_be_customer = matches!(role, Role::EndUser | Role::Unknown);
        let is_dealt_with = may_be_customer && self.crisis(id, &text, virtual_agent).await;
        if calls_for_something && !is_dealt_with {
            self.react(id, role, virtual_agent).await;
            self.follow(role).await;
        }
        self.feel(id).await;
    }

    /// Whether a virtual agent answers the customer.
    fn has_virtual_agent(&self) -> bool {
        let mut participants = self.conversation.participants.iter();
        participants.any(|p| p.role == Role::AutomatedAgent) && self.state.handed_off.is_none()
    }

    /// Sets off what an utterance calls for.
    async fn react(&mut self, id: UtteranceId, role: Role, virtual_agent: bool) {
        if virtual_agent {
            if role == Role::EndUser {
                self.overtake();
                if !self.answered(id).await {
                    self.next_reply = Some(Work::Respond(Vec::new()));
                }
            }
            return;
        }
        let (context, scripted) = self.look(id, role).await;
        if role == Role::EndUser {
            self.overtake();
            // The procedure's own words are there at once; a question wants an answer from the articles.
            let answerable = self.assistant.inner.writes && context.is_answerable();
            match scripted {
                Some(reply) if !(answerable && asks_something(&self.conversation)) => {
                    self.emit(SessionEvent::Suggestion(reply)).await;
                }
                _ if answerable => self.next_reply = Some(Work::Reply(context)),
                _ => {}
            }
        }
        let covered = self.summary.as_ref().map_or(0, |summary| summary.covers);
        if self.assistant.inner.writes && self.conversation.transcript.len() >= covered + NOTE_EVERY
        {
            self.note_wanted = self.note_wanted.or(Some(false));
        }
    }

    /// The fast path: nothing here writes text.
    async fn look(&mut self, id: UtteranceId, role: Role) -> (ReplyContext, Option<Suggestion>) {
        let mut context = ReplyContext::default();
        let mut scripted = None;
        self.coach(id).await;
        if role != Role::HumanAgent {
            match self.assistant.inner.finder.find(&self.conversation).await {
                Ok(passages) => {
                    self.show_articles(&passages, id).await;
                    context.passages = passages;
                }
                Err(error) => {
                    self.emit(SessionEvent::failed(Skill::Knowledge, &error))
                        .await
                }
            }
        }
        match self
            .assistant
            .next_best_actions(&self.conversation, ACTIONS)
            .await
        {
            Ok(actions) => {
                let actions = if self.stop_selling {
                    Vec::new()
                } else {
                    actions
                };
                context.next_step = actions.first().map(instruction);
                scripted =
                    worth_showing(&actions).and_then(|best| self.assistant.scripted_reply(best));
                if let Some(best) =
                    worth_showing(&actions).filter(|a| self.last_action.as_ref() != Some(&a.action))
                {
                    self.last_action = Some(best.action.clone());
                    let card = action_card(best.clone());
                    self.emit(SessionEvent::Suggestion(card)).await;
                }
            }
            Err(error) => {
                self.emit(SessionEvent::failed(Skill::NextBestAction, &error))
                    .await
            }
        }
        tracing::debug!(
            utterance = id.0,
            passages = context.passages.len(),
            "fast path done"
        );
        (context, scripted)
    }

    async fn save(&mut self) {
        if let Err(error) = self.journal.flush().await {
            let error = Error::context(
                error,
                "the conversation could not be stored and waits for the next attempt",
            );
            self.emit(SessionEvent::failed(Skill::Store, &error)).await;
        }
    }

    /// Borrows nothing, since what runs beside the loop cannot be shared between threads.
    fn emit(&self, event: SessionEvent) -> impl Future<Output = ()> + Send + use<> {
        let events = self.events.clone();
        async move {
            // A host that dropped its stream wants no events; the session goes on and is stored.
            let _ = events.send(event).await;
        }
    }
}
